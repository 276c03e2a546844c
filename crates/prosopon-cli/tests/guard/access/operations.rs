//! Every operation that the server has, and what it needs.

use Need::{Admin, Cameras, Enrol, Identify, Public};
use Reach::{Named, Own, Server};

/// What an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Need {
    Public,
    Identify,
    Enrol,
    Cameras,
    Admin,
}

impl Need {
    /// Whether a key of this scope may do what needs `other`.
    pub(super) fn includes(self, other: Self) -> bool {
        self == other || self == Admin || (self, other) == (Enrol, Identify)
    }
}

/// What it has to do with a gallery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing, or only with the key's own.
    Own,
    /// It names one: `default` here.
    Named,
    /// It is about the server as a whole.
    Server,
}

/// A body whose picture is none.
pub(super) const NO_PICTURE: &str = r#"{"image": "AAAA"}"#;

/// Method, path with parameters filled in, what it needs, what it reaches, body. Whoever adds an
/// endpoint adds a row, and so says who may use it.
#[rustfmt::skip]
pub(super) const OPERATIONS: &[(&str, &str, &str, Need, Reach, &str)] = &[
    ("GET", "/health/live", "/health/live", Public, Own, ""),
    ("GET", "/health/ready", "/health/ready", Public, Own, ""),
    ("GET", "/v1/session", "/v1/session", Public, Own, ""),
    ("POST", "/v1/session", "/v1/session", Public, Own, r#"{"key": 1}"#),
    ("DELETE", "/v1/session", "/v1/session", Public, Own, ""),
    ("POST", "/v1/detect", "/v1/detect", Identify, Own, NO_PICTURE),
    ("POST", "/v1/embed", "/v1/embed", Identify, Own, NO_PICTURE),
    ("POST", "/v1/verify", "/v1/verify", Identify, Own, r#"{"probe": "AAAA", "reference": "AAAA"}"#),
    ("POST", "/v1/identify", "/v1/identify?gallery=default", Identify, Named, NO_PICTURE),
    ("POST", "/v1/annotate", "/v1/annotate?gallery=default", Identify, Named, NO_PICTURE),
    ("GET", "/v1/classic", "/v1/classic", Identify, Own, ""),
    ("POST", "/v1/classic/view", "/v1/classic/view?view=gray", Identify, Own, NO_PICTURE),
    ("POST", "/v1/classic/faces", "/v1/classic/faces", Identify, Own, NO_PICTURE),
    ("GET", "/v1/classifiers", "/v1/classifiers", Identify, Server, ""),
    ("GET", "/v1/classifiers/{name}", "/v1/classifiers/none", Identify, Server, ""),
    ("POST", "/v1/classifiers/{name}/predict", "/v1/classifiers/none/predict", Identify, Server, NO_PICTURE),
    ("DELETE", "/v1/classifiers/{name}", "/v1/classifiers/none", Admin, Server, ""),
    ("POST", "/v1/classifiers/{name}/promote", "/v1/classifiers/none/promote", Admin, Server, "{}"),
    ("POST", "/v1/classifiers/{name}/rollback", "/v1/classifiers/none/rollback", Admin, Server, ""),
    ("GET", "/v1/classifiers/{name}/versions/{version}/report", "/v1/classifiers/none/versions/1/report", Admin, Server, ""),
    ("GET", "/v1/galleries", "/v1/galleries", Identify, Own, ""),
    ("GET", "/v1/galleries/{gallery}", "/v1/galleries/default", Identify, Named, ""),
    ("GET", "/v1/models", "/v1/models", Identify, Own, ""),
    ("GET", "/v1/system", "/v1/system", Identify, Own, ""),
    ("GET", "/metrics", "/metrics", Identify, Server, ""),
    ("POST", "/v1/live", "/v1/live", Identify, Own, "{}"),
    ("DELETE", "/v1/live/{id}", "/v1/live/none", Identify, Own, ""),
    ("POST", "/v1/live/{id}/frames", "/v1/live/none/frames", Identify, Own, NO_PICTURE),
    ("POST", "/v1/live/{id}/challenge", "/v1/live/none/challenge", Identify, Own, ""),
    ("GET", "/v1/cameras", "/v1/cameras", Cameras, Server, ""),
    ("POST", "/v1/cameras", "/v1/cameras", Admin, Server, r#"{"name": "a/b", "address": "push:"}"#),
    ("GET", "/v1/cameras/{id}", "/v1/cameras/999", Cameras, Server, ""),
    ("PATCH", "/v1/cameras/{id}", "/v1/cameras/999", Admin, Server, "{}"),
    ("DELETE", "/v1/cameras/{id}", "/v1/cameras/999", Admin, Server, ""),
    ("POST", "/v1/cameras/{id}/start", "/v1/cameras/999/start", Admin, Server, ""),
    ("POST", "/v1/cameras/{id}/stop", "/v1/cameras/999/stop", Admin, Server, ""),
    ("GET", "/v1/cameras/{id}/preview", "/v1/cameras/999/preview", Cameras, Server, ""),
    ("GET", "/v1/cameras/{id}/frame.jpg", "/v1/cameras/999/frame.jpg", Cameras, Server, ""),
    ("GET", "/v1/cameras/{id}/frames", "/v1/cameras/999/frames", Cameras, Server, ""),
    ("POST", "/v1/cameras/{id}/frames", "/v1/cameras/999/frames", Cameras, Server, "{}"),
    ("GET", "/v1/events", "/v1/events", Cameras, Server, ""),
    ("DELETE", "/v1/events", "/v1/events?before=2000-01-01T00:00:00Z", Admin, Server, ""),
    ("GET", "/v1/events/stream", "/v1/events/stream?kind=none", Cameras, Server, ""),
    ("GET", "/v1/events/{id}/crop", "/v1/events/none/crop", Cameras, Server, ""),
    ("GET", "/v1/galleries/{gallery}/subjects", "/v1/galleries/default/subjects", Enrol, Named, ""),
    ("POST", "/v1/galleries/{gallery}/subjects", "/v1/galleries/default/subjects", Enrol, Named, r#"{"name": "matrix"}"#),
    ("GET", "/v1/galleries/{gallery}/subjects/{id}", "/v1/galleries/default/subjects/999", Enrol, Named, ""),
    ("PATCH", "/v1/galleries/{gallery}/subjects/{id}", "/v1/galleries/default/subjects/999", Enrol, Named, r#"{"name": "other"}"#),
    ("DELETE", "/v1/galleries/{gallery}/subjects/{id}", "/v1/galleries/default/subjects/999", Enrol, Named, ""),
    ("POST", "/v1/galleries/{gallery}/subjects/{id}/merge", "/v1/galleries/default/subjects/999/merge", Enrol, Named, r#"{"into": 998}"#),
    ("GET", "/v1/galleries/{gallery}/subjects/{id}/faces", "/v1/galleries/default/subjects/999/faces", Enrol, Named, ""),
    ("POST", "/v1/galleries/{gallery}/subjects/{id}/faces", "/v1/galleries/default/subjects/999/faces", Enrol, Named, NO_PICTURE),
    ("POST", "/v1/galleries/{gallery}/enrol", "/v1/galleries/default/enrol?subject=matrix", Enrol, Named, NO_PICTURE),
    ("GET", "/v1/galleries/{gallery}/faces/{id}", "/v1/galleries/default/faces/999", Enrol, Named, ""),
    ("DELETE", "/v1/galleries/{gallery}/faces/{id}", "/v1/galleries/default/faces/999", Enrol, Named, ""),
    ("GET", "/v1/galleries/{gallery}/faces/{id}/crop", "/v1/galleries/default/faces/999/crop", Enrol, Named, ""),
    ("GET", "/v1/albums", "/v1/albums", Enrol, Server, ""),
    ("POST", "/v1/albums", "/v1/albums", Enrol, Server, r#"{"name": "no name"}"#),
    ("GET", "/v1/albums/{album}", "/v1/albums/none", Enrol, Server, ""),
    ("DELETE", "/v1/albums/{album}", "/v1/albums/none", Enrol, Server, ""),
    ("POST", "/v1/albums/{album}/pictures", "/v1/albums/none/pictures", Enrol, Server, NO_PICTURE),
    ("POST", "/v1/albums/{album}/group", "/v1/albums/none/group", Enrol, Server, "{}"),
    ("GET", "/v1/albums/{album}/groups", "/v1/albums/none/groups", Enrol, Server, ""),
    ("GET", "/v1/albums/{album}/groups/{id}", "/v1/albums/none/groups/1", Enrol, Server, ""),
    ("POST", "/v1/albums/{album}/groups/{id}/enrol", "/v1/albums/none/groups/1/enrol", Enrol, Server, "{}"),
    ("GET", "/v1/albums/{album}/faces/{id}/crop", "/v1/albums/none/faces/1/crop", Enrol, Server, ""),
    ("GET", "/v1/albums/{album}/decisions", "/v1/albums/none/decisions", Enrol, Server, ""),
    ("POST", "/v1/albums/{album}/decisions", "/v1/albums/none/decisions", Enrol, Server, r#"{"kind": "apart", "a": 1, "b": 2}"#),
    ("POST", "/v1/albums/{album}/undo", "/v1/albums/none/undo", Enrol, Server, ""),
    ("POST", "/v1/albums/{album}/redo", "/v1/albums/none/redo", Enrol, Server, ""),
    ("POST", "/v1/galleries", "/v1/galleries", Admin, Named, r#"{"name": "default"}"#),
    ("DELETE", "/v1/galleries/{gallery}", "/v1/galleries/default", Admin, Named, ""),
    ("GET", "/v1/keys", "/v1/keys", Admin, Server, ""),
    ("POST", "/v1/keys", "/v1/keys", Admin, Server, r#"{"name": "matrix", "scopes": ["identify"]}"#),
    ("DELETE", "/v1/keys/{id}", "/v1/keys/999", Admin, Server, ""),
    ("GET", "/v1/audit", "/v1/audit", Admin, Server, ""),
    ("GET", "/v1/trainings", "/v1/trainings", Admin, Server, ""),
    ("POST", "/v1/trainings", "/v1/trainings", Admin, Server, r#"{"name": "no name"}"#),
    ("GET", "/v1/trainings/{id}", "/v1/trainings/999", Admin, Server, ""),
    ("DELETE", "/v1/trainings/{id}", "/v1/trainings/999", Admin, Server, ""),
    ("POST", "/v1/trainings/{id}/pictures", "/v1/trainings/999/pictures", Admin, Server, NO_PICTURE),
    ("POST", "/v1/trainings/{id}/start", "/v1/trainings/999/start", Admin, Server, ""),
    ("GET", "/v1/evaluations", "/v1/evaluations", Admin, Server, ""),
    ("POST", "/v1/evaluations", "/v1/evaluations", Admin, Server, r#"{"folder": "matrix"}"#),
    ("GET", "/v1/evaluations/{id}", "/v1/evaluations/999", Admin, Server, ""),
    ("DELETE", "/v1/evaluations/{id}", "/v1/evaluations/999", Admin, Server, ""),
    ("POST", "/v1/evaluations/{id}/pictures", "/v1/evaluations/999/pictures", Admin, Server, NO_PICTURE),
    ("POST", "/v1/evaluations/{id}/finish", "/v1/evaluations/999/finish", Admin, Server, ""),
    ("GET", "/v1/evaluations/{id}/report", "/v1/evaluations/999/report", Admin, Server, ""),
];

/// Operations of compatible APIs, which have no description: method, path, what it needs. They say
/// in words of their own what is wrong with a key.
#[rustfmt::skip]
pub(super) const COMPATIBLE: &[(&str, &str, Need)] = &[
    ("GET", "/api/v1/recognition/subjects", Enrol),
    ("POST", "/api/v1/recognition/subjects", Enrol),
    ("PUT", "/api/v1/recognition/subjects/nobody", Enrol),
    ("DELETE", "/api/v1/recognition/subjects/nobody", Enrol),
    ("GET", "/api/v1/recognition/faces", Enrol),
    ("POST", "/api/v1/recognition/faces?subject=a", Enrol),
    ("POST", "/api/v1/recognition/faces/delete", Enrol),
    ("DELETE", "/api/v1/recognition/faces/00000000-0000-4000-8000-000000000001", Enrol),
    ("GET", "/api/v1/recognition/faces/00000000-0000-4000-8000-000000000001/img", Enrol),
    ("POST", "/api/v1/recognition/recognize", Identify),
    ("POST", "/api/v1/recognition/faces/00000000-0000-4000-8000-000000000001/verify", Identify),
    ("POST", "/api/v1/recognition/embeddings/recognize", Identify),
    ("POST", "/api/v1/detection/detect", Identify),
    ("POST", "/api/v1/verification/verify", Identify),
    ("POST", "/api/v1/verification/embeddings/verify", Identify),
    ("POST", "/v1/vision/face", Identify),
    ("POST", "/v1/vision/face/recognize", Identify),
    ("POST", "/v1/vision/face/match", Identify),
    ("POST", "/v1/vision/face/register", Enrol),
    ("POST", "/v1/vision/face/list", Enrol),
    ("POST", "/v1/vision/face/delete", Enrol),
    ("POST", "/classify_image", Identify),
    ("POST", "/upload", Identify),
];
