//! Files that nobody else may read.

use std::os::unix::fs::PermissionsExt as _;

use crate::client::Request;
use crate::served::{Place, Served};

/// Files that hold faces and keys are their owner's.
#[test]
fn databases_are_private() {
    let place = Place::new();
    let Some(place) = place else { return };
    let server = Served::start_in(&place, &[("threads", "1")]);
    Request::new("POST", "/v1/galleries")
        .json(r#"{"name": "other"}"#)
        .send(server.address)
        .expect(201);
    for name in [
        "server.db",
        "gallery.db",
        "galleries/other.db",
        "gallery.db-wal",
        "server.db-wal",
        "events.db",
    ] {
        let path = place.path("home").join(name);
        let mode = std::fs::metadata(&path).expect(name).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}
