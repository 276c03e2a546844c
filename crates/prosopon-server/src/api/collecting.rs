//! What an evaluation and a training have in common: pictures that are sent in several requests, entries of the audit log.

use crate::LoadedModels;
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::error::ApiResult;
use crate::input::{Form, Upload};
use crate::state::App;

/// The pictures of a request, at least one.
pub(super) async fn uploads(app: &App, form: &Form) -> ApiResult<Vec<Upload>> {
    let uploads = form.pictures(app, "image").await?;
    if uploads.is_empty() {
        // The error of a form without a picture.
        form.picture(app, "image").await?;
    }
    Ok(uploads)
}

/// Works on picture `index` of a request: the first takes a place in the queue or is refused; the others were accepted with it.
pub(super) async fn in_turn<T: Send + 'static>(
    app: &App,
    index: usize,
    work: impl FnOnce(&LoadedModels) -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    if index == 0 {
        app.compute.run(work).await
    } else {
        app.compute.run_later(work).await
    }
}

/// Writes to the audit log what `caller` did.
pub(super) async fn record(
    app: &App,
    caller: &Caller,
    action: &'static str,
    outcome: String,
) -> ApiResult<()> {
    let actor = Actor::from(caller);
    app.store(move |state| {
        let audit = &state.audit;
        audit.record(&actor, action, About::default(), outcome);
        Ok(())
    })
    .await
}
