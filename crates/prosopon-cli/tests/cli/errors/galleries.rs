//! Galleries that are missing, of another kind or of another model.

use prosopon::{Embedding, ModelId};
use prosopon_gallery::{Gallery, GalleryOptions, NewFace};

use super::{Case, check};
use crate::testenv::TestEnv;

const GALLERIES: &[Case] = &[
    Case {
        what: "none",
        args: &["identify", "stranger.jpg", "--gallery", "none.db"],
        status: 5,
        code: "gallery_missing",
        hint: "enrol",
    },
    Case {
        what: "of a later version",
        args: &["identify", "stranger.jpg", "--gallery", "newer.db"],
        status: 5,
        code: "gallery_newer",
        hint: "update prosopon",
    },
    Case {
        what: "a text file",
        args: &["people", "list", "--gallery", "text.db"],
        status: 5,
        code: "not_a_gallery",
        hint: "check the path",
    },
    Case {
        what: "a text file to enrol in",
        args: &[
            "enrol",
            "--subject",
            "A",
            "stranger.jpg",
            "--gallery",
            "text.db",
        ],
        status: 5,
        code: "not_a_gallery",
        hint: "check the path",
    },
    Case {
        what: "of another program",
        args: &["people", "list", "--gallery", "foreign.db"],
        status: 5,
        code: "not_a_gallery",
        hint: "check the path",
    },
    Case {
        what: "a folder",
        args: &["people", "list", "--gallery", "people"],
        status: 5,
        code: "not_a_gallery",
        hint: "check the path",
    },
    Case {
        what: "of another model, to look in",
        args: &[
            "identify",
            "stranger.jpg",
            "--gallery",
            "other.db",
            "--threshold",
            "0.33",
        ],
        status: 5,
        code: "model_mismatch",
        hint: "gallery's model",
    },
    Case {
        what: "of another model, to add to",
        args: &[
            "enrol",
            "--subject",
            "B",
            "stranger.jpg",
            "--gallery",
            "other.db",
        ],
        status: 5,
        code: "model_mismatch",
        hint: "gallery's model",
    },
    Case {
        what: "in a folder that is not there",
        args: &[
            "enrol",
            "--subject",
            "B",
            "stranger.jpg",
            "--gallery",
            "no/such/g.db",
        ],
        status: 5,
        code: "gallery_folder_missing",
        hint: "create the folder",
    },
];

#[test]
fn galleries_that_cannot_be_used_are_named() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.json(
        0,
        &[
            "enrol",
            "--subject",
            "A",
            "stranger.jpg",
            "--gallery",
            "newer.db",
        ],
    );
    let connection = rusqlite::Connection::open(env.path("newer.db")).expect("a database");
    connection
        .pragma_update(None, "user_version", 999)
        .expect("set");
    drop(connection);
    env.write("text.db", "this is a letter, not a gallery");
    let foreign = rusqlite::Connection::open(env.path("foreign.db")).expect("a database");
    foreign
        .execute_batch("CREATE TABLE songs (title TEXT)")
        .expect("a table");
    drop(foreign);
    let other = Gallery::open(env.path("other.db"), GalleryOptions::default()).expect("a gallery");
    let values = Embedding::from_values(ModelId::new("other@00000000"), vec![1.0; 512]);
    other
        .enrol("A", NewFace::new(values.expect("a direction")))
        .expect("enrolled");
    drop(other);
    let before = std::fs::read(env.path("text.db")).expect("a file");

    for case in GALLERIES {
        check(&env, case);
    }
    assert_eq!(std::fs::read(env.path("text.db")).expect("a file"), before);
}
