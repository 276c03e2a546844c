//! The pictures of a folder, one after the other, beside what else the server does.

use std::sync::Arc;

use axum::body::Bytes;
use prosopon::image::read_file;
use tokio::task::{JoinError, JoinSet};

use super::{File, Job, Unusable};
use crate::error::{ApiError, ApiResult};
use crate::input::Upload;
use crate::models::LoadedModels;
use crate::state::{App, State};

/// What came of a picture: what a job keeps of it, or why it is of no use.
type Judged<T> = Result<T, Unusable>;

/// Has `judge` look at each picture and tells `note` what came of it, until nobody wants it any more. Half of the threads are
/// left to others.
///
/// # Errors
/// The first of `judge` and `note`; then no more pictures are looked at.
pub(crate) async fn read_files<J: Job, T: Send + 'static>(
    app: &App,
    job: &Arc<J>,
    files: Vec<File>,
    judge: impl Fn(&State, &LoadedModels, &J, &str, &Upload) -> ApiResult<Judged<T>>
    + Copy
    + Send
    + 'static,
    note: impl Fn(&J, String, Judged<T>) -> ApiResult<()>,
) -> ApiResult<()> {
    let threads = app.compute.models().map_or(1, |models| models.threads);
    let at_once = (threads / 2).max(1);
    let noted = |ended: Result<ApiResult<(String, Judged<T>)>, JoinError>| {
        let (name, judged) = ended.map_err(ApiError::internal)??;
        note(job, name, judged)
    };
    let mut running = JoinSet::new();
    let mut outcome = Ok(());
    for file in files {
        while running.len() >= at_once {
            if let Some(ended) = running.join_next().await {
                outcome = outcome.and(noted(ended));
            }
        }
        if job.is_cancelled() || outcome.is_err() {
            break;
        }
        let (state, job) = (Arc::clone(app), Arc::clone(job));
        running.spawn(async move {
            let app = Arc::clone(&state);
            let work = move |models: &LoadedModels| {
                let File { name, path } = file;
                let judged = match read_file(&path, &app.limits) {
                    Ok(bytes) => {
                        let upload = Upload {
                            bytes: Bytes::from(bytes),
                            file_name: String::new(),
                        };
                        judge(&app, models, &job, &name, &upload)?
                    }
                    Err(error) => Err(Unusable {
                        name: name.clone(),
                        reason: error.code().to_owned(),
                        message: error.to_string(),
                    }),
                };
                Ok((name, judged))
            };
            state.compute.run_later(work).await
        });
    }
    while let Some(ended) = running.join_next().await {
        outcome = outcome.and(noted(ended));
    }
    outcome
}
