//! What an evaluation and a training have in common: turns of pictures, entries of the audit log.

use crate::LoadedModels;
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::error::ApiResult;
use crate::state::App;

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
