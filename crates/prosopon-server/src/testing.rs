//! A server on a fake detector and embedder, for tests that need no networks.

use prosopon::testing::{detector, embedder};
use prosopon::{
    ActiveCalibration, Calibration, CalibrationOrigin, CalibrationPoint, Embedder, EngineOptions,
    FaceEngine,
};

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use crate::models::{Attributes, Cascades, LoadedModels, ModelCard, ToolMissing};
use crate::settings::Settings;
use crate::state::{App, State};

/// Skin of one person: different people have different colours.
pub(crate) const RED: [u8; 3] = [200, 40, 40];

/// Skin of another.
pub(crate) const BLUE: [u8; 3] = [40, 40, 200];

/// Models that find and tell apart the faces that `prosopon::testing` draws.
pub(crate) fn models() -> LoadedModels {
    let card = |id: &str| ModelCard {
        id: id.to_owned(),
        task: "tests".to_owned(),
        permitted_use: "tests".to_owned(),
        licences: Vec::new(),
    };
    let embedder = embedder();
    let model = embedder.model().clone();
    LoadedModels {
        engine: Arc::new(FaceEngine::new(
            Box::new(detector()),
            Box::new(embedder),
            EngineOptions::default(),
        )),
        detector: card("fake-detector"),
        embedder: card(model.as_str()),
        model,
        calibration: Some(ActiveCalibration::shipped(
            CalibrationOrigin::Catalogue,
            Calibration {
                source: "tests".to_owned(),
                comparisons: 1_000_000,
                points: vec![
                    CalibrationPoint::new(1e-1, 0.5),
                    CalibrationPoint::new(1e-4, 0.8),
                ],
            },
        )),
        backend: "fake".to_owned(),
        threads: 1,
        cascades: Cascades::default(),
        open_detector: Box::new(|search, _| {
            Err(ToolMissing {
                message: format!("the detector `{}` is not installed", search.detector),
                hint: Some("install it".to_owned()),
            })
        }),
        attributes: Attributes::new(Box::new(|_| {
            Err(ToolMissing {
                message: "the networks for attributes are not installed".to_owned(),
                hint: Some("install them".to_owned()),
            })
        })),
    }
}

/// A server in this process, without a socket.
pub(crate) struct TestServer {
    pub(crate) app: App,
    router: Router,
    folder: tempfile::TempDir,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    /// The code of an error.
    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    }
}

impl TestServer {
    /// A server with these settings, as they stand in a configuration file.
    pub(crate) fn new(settings: &str) -> Self {
        Self::on(settings, models())
    }

    /// A server with usual settings and these cascades.
    pub(crate) fn with_cascades(cascades: Cascades) -> Self {
        let models = LoadedModels {
            cascades,
            ..models()
        };
        Self::on("", models)
    }

    fn on(settings: &str, models: LoadedModels) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let table = settings.parse().expect("settings");
        let loaded = Settings::load(None, |_| None, table).expect("settings");
        let app = State::open(loaded.settings, folder.path()).expect("a server");
        app.compute.ready(models).expect("threads");
        Self {
            router: crate::app::router(App::clone(&app)),
            app,
            folder,
        }
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Sends a request from loopback.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let mut request = request;
        let peer = SocketAddr::from(([127, 0, 0, 1], 40_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        let (head, body) = response.into_parts();
        Answer {
            status: head.status,
            headers: head.headers,
            body: to_bytes(body, usize::MAX).await.expect("a body"),
        }
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.send(Request::get(uri).body(Body::empty()).expect("a request"))
            .await
    }

    pub(crate) async fn delete(&self, uri: &str) -> Answer {
        self.send(Request::delete(uri).body(Body::empty()).expect("a request"))
            .await
    }

    /// Posts a picture as the body.
    pub(crate) async fn post_picture(&self, uri: &str, picture: Vec<u8>) -> Answer {
        let length = picture.len();
        let request = Request::post(uri)
            .header("content-type", "image/png")
            .header("content-length", length)
            .body(Body::from(picture));
        self.send(request.expect("a request")).await
    }

    /// Sends JSON.
    pub(crate) async fn json(&self, method: &str, uri: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json")
            .header("content-length", body.len())
            .body(Body::from(body));
        self.send(request.expect("a request")).await
    }

    /// Posts a form; each part has a name, a file name and bytes.
    pub(crate) async fn post_form(&self, uri: &str, parts: &[(&str, &str, Vec<u8>)]) -> Answer {
        let mut body = Vec::new();
        for (name, file_name, bytes) in parts {
            let head = format!(
                "--XX\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\r\n"
            );
            body.extend(head.as_bytes());
            body.extend(bytes);
            body.extend(b"\r\n");
        }
        body.extend(b"--XX--\r\n");
        let request = Request::post(uri)
            .header("content-type", "multipart/form-data; boundary=XX")
            .header("content-length", body.len())
            .body(Body::from(body));
        self.send(request.expect("a request")).await
    }
}
