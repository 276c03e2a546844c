//! A server in this process, without a socket and without networks: its models find the faces that
//! `prosopon::testing` draws.
//!
//! An input is a request as text: method, path and content type in the first line, the body after it.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use prosopon::{EngineOptions, FaceEngine, Image, testing};
use prosopon_server::{Attributes, LoadedModels, ModelCard, Settings, ToolMissing, fuzzing};
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::place;

/// Nothing is fetched, no camera is opened, nobody is held up.
const SETTINGS: &str = "allow_url_input = false\nmax_cameras = 0\nrequests_per_minute = 0\nmax_file_mib = 1\nmax_body_mib = 2\n\
    max_megapixels = 1\ncompreface_static_images = true\n";

/// Answers that take longer are a finding.
const MAX_TIME: Duration = Duration::from_secs(5);

/// Kinds of answers that go on without end.
const ENDLESS: [&str; 2] = ["text/event-stream", "multipart/x-mixed-replace"];

struct Server {
    runtime: Runtime,
    router: Router,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let table = SETTINGS.parse().expect("settings");
    let loaded = Settings::load(None, |_| None, table).expect("settings");
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let router = {
        let _inside = runtime.enter();
        fuzzing::router(loaded.settings, &place().join("home"), models()).expect("a server")
    };
    Server { runtime, router }
});

fn models() -> LoadedModels {
    let card = |id: &str| ModelCard {
        id: id.to_owned(),
        task: "fuzzing".to_owned(),
        permitted_use: "fuzzing".to_owned(),
        licences: Vec::new(),
    };
    let missing = || ToolMissing {
        message: "it is not installed".to_owned(),
        hint: None,
    };
    let engine = FaceEngine::new(
        Box::new(testing::detector()),
        Box::new(testing::embedder()),
        EngineOptions::default(),
    );
    let model = engine.embedder().model().clone();
    LoadedModels {
        engine: Arc::new(engine),
        detector: card("fake-detector"),
        embedder: card(model.as_str()),
        model,
        calibration: None,
        backend: "fake".to_owned(),
        threads: 1,
        cascades: prosopon_server::Cascades::default(),
        open_detector: Box::new(move |_, _| Err(missing())),
        attributes: Attributes::new(Box::new(move |_| Err(missing()))),
    }
}

/// A picture with a face that the server's models find, as PNG.
pub fn face() -> Vec<u8> {
    let mut picture = Image::filled(40, 30, [255; 3]);
    testing::draw_face(&mut picture, (5, 5, 16, 20), [200, 40, 40]);
    picture.encode_png().expect("a picture")
}

/// A request as the targets take it.
pub fn request(method: &str, path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    [format!("{method} {path} {content_type}\n").as_bytes(), body].concat()
}

/// The parts of a form, with the boundary `X`: name, file name, content.
pub fn form(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, file_name, content) in parts {
        let file = match *file_name {
            "" => String::new(),
            name => format!("; filename=\"{name}\""),
        };
        body.extend(
            format!("--X\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n")
                .as_bytes(),
        );
        body.extend(*content);
        body.extend(b"\r\n");
    }
    body.extend(b"--X--\r\n");
    body
}

/// The content type of [`form`].
pub const FORM: &str = "multipart/form-data; boundary=X";

/// Answers a request below one of `roots`. A panic, an internal error and an answer that takes too long are findings.
///
/// # Panics
/// On a finding.
pub fn answer(input: &[u8], roots: &[&str]) {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let Ok(line) = str::from_utf8(&input[..end]) else {
        return;
    };
    let mut words = line.splitn(3, ' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return;
    };
    if !roots.iter().any(|root| path.starts_with(root)) {
        return;
    }
    let body = &input[end + 1..];
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, words.next().unwrap_or(""))
        .header(header::CONTENT_LENGTH, body.len())
        .extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))))
        .body(Body::from(body.to_vec()));
    let Ok(request) = request else { return };
    let server = &*SERVER;
    server.runtime.block_on(async {
        let answered = tokio::time::timeout(MAX_TIME, server.router.clone().oneshot(request)).await;
        let response = answered.expect("an answer in time").expect("an answer");
        // Words of a body prove nothing: answers repeat what was asked.
        let fault = fuzzing::fault(&response);
        assert!(fault.is_none(), "an internal error: {fault:?}");
        let kind = response.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or("");
        if ENDLESS.iter().any(|endless| kind.starts_with(endless)) {
            return;
        }
        to_bytes(response.into_body(), 64 << 20)
            .await
            .expect("a body");
    });
}
