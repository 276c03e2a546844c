//! What a camera sees, drawn for whoever looks: as a stream of pictures, or one.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;
use tokio::time::timeout;

use super::extract::Path;
use super::keys::unbound;
use crate::access::Caller;
use crate::audit::{About, Actor};
use crate::error::{ApiError, ApiResult};
use crate::state::App;
use crate::stream::{Outlet, endless};

/// How long somebody waits for one picture.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// After this long without a frame the last one that was sent is sent again, so that browser and proxies keep the
/// connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Between two pictures of a stream.
const BOUNDARY: &str = "prosopon-frame";

type Frames = watch::Receiver<Option<Bytes>>;

/// The frames of a camera from now on.
async fn frames(app: &App, caller: &Caller, id: i64) -> ApiResult<Frames> {
    unbound(caller)?;
    let actor = Actor::from(caller);
    let who = match caller.key {
        Some(key) => format!("key {key}"),
        None => caller.address.to_string(),
    };
    app.store(move |state| {
        let frames = state.cameras.watched(id)?.preview.subscribe()?;
        if state.cameras.is_new_look(&who, id) {
            let outcome = format!("camera {id}");
            state
                .audit
                .record(&actor, "camera.look", About::default(), outcome);
        }
        Ok(frames)
    })
    .await
}

/// Look through a camera
///
/// JPEG pictures with boxes and names, one in place of the other (`multipart/x-mixed-replace`, as an `<img>` shows it), at
/// most ten a second. It goes on for as long as somebody takes it and the camera runs.
#[utoipa::path(get, path = "/v1/cameras/{id}/preview", tag = "Cameras", params(("id" = i64, Path)),
    responses((status = 200, description = "Pictures without end.", body = Vec<u8>, content_type = "multipart/x-mixed-replace")))]
pub(crate) async fn preview(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<Response> {
    let frames = frames(&app, &caller, id).await?;
    let (outlet, body) = endless(&app, &caller);
    tokio::spawn(show(outlet, frames, HEARTBEAT));
    let content_type = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
}

/// Writes each frame that comes, and after `heartbeat` without one the last that was written.
async fn show(mut outlet: Outlet, mut frames: Frames, heartbeat: Duration) {
    // What was drawn for others before is not for this viewer: it may be hours old.
    let mut last: Option<Bytes> = None;
    loop {
        match outlet.wait_for(timeout(heartbeat, frames.changed())).await {
            // Nobody looks any more, or the camera was stopped.
            None | Some(Ok(Err(_))) => return,
            Some(Ok(Ok(()))) => last.clone_from(&frames.borrow_and_update()),
            Some(Err(_)) => {}
        }
        if let Some(jpeg) = &last
            && !outlet.write(part(jpeg)).await
        {
            return;
        }
    }
}

fn part(jpeg: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\ncontent-type: image/jpeg\r\ncontent-length: {}\r\n\r\n",
        jpeg.len()
    );
    [head.as_bytes(), jpeg, b"\r\n"].concat()
}

/// Take a picture through a camera
///
/// The next frame, with boxes and names, as a JPEG.
#[utoipa::path(get, path = "/v1/cameras/{id}/frame.jpg", tag = "Cameras", params(("id" = i64, Path)),
    responses((status = 200, description = "The picture.", body = Vec<u8>, content_type = "image/jpeg")))]
pub(crate) async fn frame(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<i64>,
) -> ApiResult<Response> {
    let mut frames = frames(&app, &caller, id).await?;
    let none = || {
        ApiError::new("no_frame", "no frame has come from the camera")
            .with_hint(format!("`GET /v1/cameras/{id}` tells how it is doing"))
            .retry_after(5)
    };
    let came = timeout(MAX_WAIT, frames.changed()).await;
    came.map_err(|_| none())?.map_err(|_| none())?;
    let jpeg = frames.borrow().clone().ok_or_else(none)?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response())
}

#[cfg(test)]
mod tests {
    use prosopon::Image;

    use super::*;
    use crate::body::next_chunk;
    use crate::cameras::preview::Preview;
    use crate::testing::TestServer;

    #[tokio::test]
    async fn what_was_drawn_for_earlier_viewers_is_not_shown() {
        let server = TestServer::new("");
        let caller = server.app.access.without_key([127, 0, 0, 1].into());
        let preview = Preview::default();
        let earlier = preview.subscribe().unwrap();
        preview.show(&Image::filled(8, 8, [0; 3])).unwrap();
        let old = earlier.borrow().clone().unwrap();
        drop(earlier);
        let (outlet, mut body) = endless(&server.app, &caller.unwrap());
        let frames = preview.subscribe().unwrap();
        let shown = tokio::spawn(show(outlet, frames, Duration::from_millis(5)));
        // Some heartbeats.
        tokio::time::sleep(Duration::from_millis(50)).await;
        preview.show(&Image::filled(8, 8, [255; 3])).unwrap();
        let first = next_chunk(&mut body).await.unwrap().unwrap();
        assert_ne!(first, part(&old));
        // Its own picture it gets again.
        assert_eq!(next_chunk(&mut body).await.unwrap().unwrap(), first);
        drop(preview);
        while next_chunk(&mut body).await.is_some() {}
        shown.await.unwrap();
    }
}
