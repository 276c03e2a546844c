//! The native API on fake networks: what goes in, what comes out.
//!
//! | File | Endpoints |
//! |---|---|
//! | `detect.rs` | `/v1/detect`, `/v1/embed`, `/v1/annotate`: pictures in all their forms |
//! | `identify.rs` | `/v1/identify`, `/v1/verify` |
//! | `decide.rs` | the same: by which rates and on which calibration |
//! | `enrol.rs`, `subjects.rs` | galleries |
//! | `everywhere.rs` | all of them: description, errors, keys |
//! | `albums.rs`, `cameras.rs`, `classic.rs`, `classifiers.rs`, `trainings.rs` | those of their names |

mod albums;
mod cameras;
mod classic;
mod classifiers;
mod decide;
mod detect;
mod enrol;
mod everywhere;
mod identify;
mod subjects;
mod trainings;

use prosopon::Image;
use prosopon::testing::draw_face;
use serde_json::Value;

use crate::testing::TestServer;

/// A picture with faces of these colours, each smaller than the one before.
fn picture(faces: &[[u8; 3]]) -> Vec<u8> {
    let mut image = Image::filled(400, 200, [255; 3]);
    for (i, skin) in (0..).zip(faces) {
        draw_face(&mut image, (10 + i * 110, 20, 100 - i * 20, 120), *skin);
    }
    image.encode_png().expect("a picture")
}

fn server() -> TestServer {
    TestServer::new("")
}

async fn enrol(server: &TestServer, name: &str, faces: &[[u8; 3]]) -> Value {
    let uri = format!("/v1/galleries/default/enrol?subject={name}");
    server.post_picture(&uri, picture(faces)).await.json()
}
