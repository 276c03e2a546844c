//! Pictures that are none, that are too large, that are not there.

use super::{Case, check_error, check_message};
use crate::testenv::{TestEnv, list, number, text};

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
