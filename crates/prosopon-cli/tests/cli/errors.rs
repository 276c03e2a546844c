//! What goes wrong is named: one line, a hint, a stable code, an exit status; the rest goes on.

use prosopon::{Embedding, ModelId};
use prosopon_gallery::{Gallery, GalleryOptions, NewFace};
use serde_json::Value;

use crate::models::env_with_own_copy;
use crate::testenv::{TestEnv, list, number, text};

/// A run that fails as a whole.
struct Case {
    what: &'static str,
    args: &'static [&'static str],
    status: i32,
    code: &'static str,
    /// Part of the hint.
    hint: &'static str,
}

/// Runs `case` with and without `--json`.
fn check(env: &TestEnv, case: &Case) {
    let Case { what, args, .. } = case;
    let text_outcome = env.run(args);
    assert_eq!(
        text_outcome.status, case.status,
        "{what}: {}",
        text_outcome.stderr
    );
    check_message(what, &text_outcome.stderr);
    let json = env.run(&[args, &["--json"] as &[&str]].concat());
    assert_eq!(json.status, case.status, "{what}: {}", json.stderr);
    let document = json.json();
    check_error(what, &document["error"], case.code, case.hint);
}

/// One line that says what, then at most hints.
fn check_message(what: &str, stderr: &str) {
    let errors: Vec<&str> = stderr
        .lines()
        .filter(|l| l.starts_with("error: "))
        .collect();
    assert_eq!(errors.len(), 1, "{what}: {stderr}");
    let first = stderr
        .lines()
        .find(|l| !l.starts_with("installing ") && !l.starts_with("note: "));
    assert_eq!(first, Some(errors[0]), "{what}: {stderr}");
}

fn check_error(what: &str, error: &Value, code: &str, hint: &str) {
    assert_eq!(error["code"], code, "{what}: {error:#}");
    let message = text(error, "/message");
    assert!(
        !message.is_empty() && !message.contains('\n'),
        "{what}: {message}"
    );
    assert!(text(error, "/hint").contains(hint), "{what}: {error:#}");
}

/// A PNG of one pixel that claims to be of `width × height`.
fn png_that_claims(env: &TestEnv, width: u32, height: u32) -> Vec<u8> {
    let path = env.path("one-pixel.png");
    prosopon::Image::filled(1, 1, [9; 3])
        .save(&path)
        .expect("a file");
    let mut bytes = std::fs::read(&path).expect("a file");
    std::fs::remove_file(&path).expect("removed");
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// The checksum of PNG's chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// Every bad picture is named in one batch, and the good one is analysed.
#[test]
fn bad_pictures_are_named_and_the_rest_goes_on() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let whole = std::fs::read(env.path("stranger.jpg")).expect("a file");
    env.write("batch/01-truncated.jpg", &whole[..whole.len() / 2]);
    env.write("batch/02-empty.jpg", b"");
    env.write("batch/03-text.jpg", b"dear diary, today I was no picture");
    env.write("batch/04-right.png", &whole);
    env.write("batch/05-bomb.png", png_that_claims(&env, 60_000, 60_000));
    env.write(
        "batch/06-huge.png",
        png_that_claims(&env, 2_000_000_000, 2_000_000_000),
    );
    env.write("batch/07-new.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic");
    env.write("batch/08-fine.jpg", &whole);
    std::fs::create_dir(env.path("batch/09-empty-folder")).expect("a folder");

    let paths = [
        "batch",
        "missing.jpg",
        "batch/09-empty-folder",
        "nothing-*.jpg",
    ];
    let document = env.json(3, &[&["detect"], &paths[..]].concat());
    let expected = [
        ("01-truncated.jpg", Some("truncated_picture")),
        ("02-empty.jpg", Some("empty_file")),
        ("03-text.jpg", Some("not_a_picture")),
        // A wrong ending does not matter.
        ("04-right.png", None),
        ("05-bomb.png", Some("too_many_pixels")),
        ("06-huge.png", Some("too_many_pixels")),
        ("07-new.heic", Some("unsupported_format")),
        ("08-fine.jpg", None),
        ("missing.jpg", Some("unreadable_file")),
        ("09-empty-folder", Some("no_pictures")),
        ("nothing-*.jpg", Some("no_pictures")),
    ];
    let pictures = list(&document, "/pictures");
    assert_eq!(pictures.len(), expected.len(), "{document:#}");
    for (picture, (file, code)) in pictures.iter().zip(expected) {
        assert!(text(picture, "/path").ends_with(file), "{picture:#}");
        match code {
            Some(code) => {
                check_error(file, &picture["error"], code, "");
                assert!(
                    text(picture, "/error/message").ends_with(file),
                    "{picture:#}"
                );
            }
            None => assert_eq!(list(picture, "/faces").len(), 1, "{picture:#}"),
        }
    }
    assert_eq!(number(&document, "/failed"), 9.0);

    // The other commands go on as well.
    let paths = ["batch/02-empty.jpg", "batch/08-fine.jpg", "missing.jpg"];
    let lines = env.json_lines(3, &[&["embed"], &paths[..]].concat());
    assert_eq!(lines.len(), 3);
    assert_eq!(list(&lines[1], "/faces/0/embedding").len(), 512);
    let enrolled = env.json(3, &[&["enrol", "--subject", "A"], &paths[..]].concat());
    assert_eq!(
        (number(&enrolled, "/added"), number(&enrolled, "/skipped")),
        (1.0, 2.0)
    );
    let identified = env.json(
        3,
        &[&["identify", "--threshold", "0.33"], &paths[..]].concat(),
    );
    assert_eq!(
        (
            number(&identified, "/known"),
            number(&identified, "/failed")
        ),
        (1.0, 2.0)
    );
}

#[test]
fn limits_are_options() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.read_picture("stranger.jpg")
        .resized(1200, 1200, prosopon::image::ResizeFilter::Area)
        .expect("a size")
        .save(&env.path("large.bmp"))
        .expect("a file");
    let code = |options: &[&str]| {
        let document = env.json(3, &[&["detect", "large.bmp"], options].concat());
        text(&document, "/pictures/0/error/code").to_owned()
    };
    assert_eq!(code(&["--max-megapixels", "1"]), "too_many_pixels");
    assert_eq!(code(&["--max-file-mib", "4"]), "file_too_large");
    env.json(
        0,
        &[
            "detect",
            "large.bmp",
            "--max-megapixels",
            "2",
            "--max-file-mib",
            "5",
        ],
    );
}

#[test]
fn places_without_pictures_are_named() {
    let Some(env) = TestEnv::new() else { return };
    std::fs::create_dir(env.path("none")).expect("a folder");
    env.write("docs/readme.txt", "no picture");
    for (what, args) in [
        ("an empty folder", &["detect", "none"] as &[&str]),
        ("a folder of other files", &["embed", "docs"]),
        ("a pattern", &["detect", "*.jpg"]),
        ("nobody to enrol", &["enrol", "none"]),
        (
            "no pictures of pairs",
            &[
                "evaluate",
                "pairs",
                "--pairs",
                "pairs.txt",
                "--images",
                "none",
            ],
        ),
    ] {
        env.write("pairs.txt", "1 1\nA 1 2\nA 1 B 1\n".replace(' ', "\t"));
        let case = Case {
            what,
            args: &[],
            status: 3,
            code: "no_pictures",
            hint: "",
        };
        let text_outcome = env.run(args).expect(3);
        check_message(what, &text_outcome.stderr);
        check_error(what, &env.json(3, args)["error"], case.code, case.hint);
    }
}

#[test]
fn what_is_missing_is_named_while_offline() {
    let env = TestEnv::without_models();
    env.write("a.jpg", b"not looked at");
    for args in [
        &["detect", "a.jpg", "--offline"] as &'static [&'static str],
        &["verify", "a.jpg", "a.jpg", "--offline"],
        &["enrol", "--subject", "A", "a.jpg", "--offline"],
        &["models", "pull", "--offline"],
        &["quickstart", "--offline"],
    ] {
        check(
            &env,
            &Case {
                what: "no models",
                args,
                status: 4,
                code: "offline",
                hint: "prosopon models add FILE",
            },
        );
    }
}

#[test]
fn wrong_names_are_named() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    for case in [
        Case {
            what: "an unknown detector",
            args: &["detect", "stranger.jpg", "--detector", "scrdf"],
            status: 4,
            code: "unknown_model",
            hint: "prosopon models list",
        },
        Case {
            what: "an embedder as detector",
            args: &["detect", "stranger.jpg", "--detector", "fr-feature"],
            status: 4,
            code: "wrong_role",
            hint: "prosopon models list",
        },
        Case {
            what: "a detector without landmarks",
            args: &[
                "detect",
                "stranger.jpg",
                "--detector",
                "fr-detect",
                "--crops",
                "crops",
                "--aligned",
            ],
            status: 2,
            code: "no_landmarks",
            hint: "--detector scrfd",
        },
        Case {
            what: "a search of cascades by a network",
            args: &["detect", "stranger.jpg", "--scale-factor", "1.3"],
            status: 2,
            code: "no_cascade",
            hint: "--detector haar",
        },
        Case {
            what: "a cascade that is not there",
            args: &["detect", "stranger.jpg", "--detector", "haar:elephant"],
            status: 4,
            code: "unknown_model",
            hint: "prosopon models list",
        },
        Case {
            what: "an engine that is not there",
            args: &[
                "detect",
                "stranger.jpg",
                "--backend",
                "openvino",
                "--openvino-dir",
                "nowhere",
            ],
            status: 4,
            code: "backend_unavailable",
            hint: "prosopon doctor",
        },
        Case {
            what: "arithmetic that the engine has not",
            args: &[
                "detect",
                "stranger.jpg",
                "--backend",
                "rten",
                "--precision",
                "bf16",
            ],
            status: 4,
            code: "backend_unavailable",
            hint: "prosopon doctor",
        },
    ] {
        check(&env, &case);
    }
}

#[test]
fn wrong_places_and_options_are_named() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    for case in [
        Case {
            what: "an unknown pack",
            args: &["models", "pull", "everything", "--offline"],
            status: 4,
            code: "unknown_pack",
            hint: "prosopon models list",
        },
        Case {
            what: "a folder that cannot be made",
            args: &["detect", "stranger.jpg", "--draw", "stranger.jpg/marked"],
            status: 5,
            code: "unwritable_file",
            hint: "",
        },
        Case {
            what: "a file that cannot be made",
            args: &["embed", "stranger.jpg", "--out", "no/such/folder/faces.npz"],
            status: 5,
            code: "unwritable_file",
            hint: "",
        },
        Case {
            what: "an unknown kind of file",
            args: &["embed", "stranger.jpg", "--out", "faces.csv"],
            status: 2,
            code: "unknown_extension",
            hint: ".npz",
        },
        Case {
            what: "an unknown engine",
            args: &["detect", "stranger.jpg", "--backend", "onnx"],
            status: 2,
            code: "usage",
            hint: "--help",
        },
        Case {
            what: "an unknown option",
            args: &["verify", "a", "b", "--treshold", "0.3"],
            status: 2,
            code: "usage",
            hint: "--help",
        },
    ] {
        check(&env, &case);
    }
}

#[test]
fn a_broken_network_is_named() {
    let Some(env) = env_with_own_copy() else {
        return;
    };
    env.write(
        "grey.pgm",
        [b"P5 64 64 255\n".as_slice(), &[90; 64 * 64]].concat(),
    );
    let path = env.path("home/models/scrfd/scrfd.onnx");
    let mut bytes = std::fs::read(&path).expect("a file");
    bytes.fill(0x55);
    std::fs::write(&path, &bytes).expect("written");
    for backend in ["auto", "rten"] {
        let document = env.json(4, &["detect", "grey.pgm", "--backend", backend]);
        let hint = "prosopon models pull --check";
        check_error("no network", &document["error"], "model_changed", hint);
        assert!(text(&document, "/error/message").ends_with("scrfd.onnx"));
    }
    // Cut short, it counts as not installed.
    std::fs::write(&path, &bytes[..1000]).expect("written");
    let document = env.json(4, &["detect", "grey.pgm", "--offline"]);
    check_error(
        "cut short",
        &document["error"],
        "offline",
        "prosopon models add",
    );
}

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

#[cfg(unix)]
#[test]
fn what_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let forbid = |relative: &str| {
        let nothing = std::fs::Permissions::from_mode(0o000);
        std::fs::set_permissions(env.path(relative), nothing).expect("set");
    };
    forbid("people/Azra_Akin/1.jpg");
    if std::fs::read(env.path("people/Azra_Akin/1.jpg")).is_ok() {
        eprintln!("left out: root may read everything");
        return;
    }
    let document = env.json(3, &["detect", "people"]);
    assert_eq!(
        (number(&document, "/faces"), number(&document, "/failed")),
        (7.0, 1.0)
    );
    env.json(
        0,
        &[
            "enrol",
            "--subject",
            "A",
            "stranger.jpg",
            "--gallery",
            "g.db",
        ],
    );
    forbid("g.db");
    let refused = env.json(5, &["people", "list", "--gallery", "g.db"]);
    check_error(
        "a gallery",
        &refused["error"],
        "gallery_permission_denied",
        "who owns",
    );
}

/// `prosopon … | head -1`: whoever listens may leave.
#[test]
fn a_closed_pipe_is_no_error() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.json(0, &["enrol", "people"]);
    for args in [
        &["detect", "people", "--jsonl"] as &[&str],
        &["detect", "people"],
        &["enrol", "people", "--jsonl"],
        &["identify", "people", "--json", "--threshold", "0.33"],
        &["people", "list"],
        &["people", "export"],
        &["models", "list"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = env
            .command(args)
            .stdout(writer)
            .output()
            .expect("it starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {stderr}");
        assert_eq!(stderr, "", "{args:?}");
    }
}
