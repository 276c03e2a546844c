//! `prosopon recogniser`: LBPH, Eigenfaces, Fisherfaces on a few of the ORL faces.

use std::fs;

use crate::common::shared;
use crate::testenv::{TestEnv, list, number, text};

/// The first pictures of these people of the ORL faces as `orl/NAME/1.pgm` …
fn orl(env: &TestEnv, people: &[&str], pictures: u32) -> Option<()> {
    let source = shared("data/orl")?;
    for person in people {
        for i in 1..=pictures {
            let picture = fs::read(source.join(format!("{person}/{i}.pgm"))).expect("a picture");
            env.write(&format!("orl/{person}/{i}.pgm"), picture);
        }
    }
    Some(())
}

#[test]
fn faces_are_learnt_recognised_and_shown() {
    let env = TestEnv::without_models();
    if orl(&env, &["s2", "s3", "s4", "s5"], 5).is_none() {
        return;
    }
    for method in ["lbph", "eigen", "fisher"] {
        let file = format!("{method}.rec");
        let args = [
            "recogniser",
            "train",
            "orl",
            "--method",
            method,
            "--out",
            &file,
        ];
        let options = ["--hold-out", "2", "--size", "46x56"];
        let document = env.json(0, &[&args[..], &options].concat());
        assert_eq!(list(&document, "/people").len(), 4);
        assert_eq!(number(&document, "/pictures"), 12.0);
        assert_eq!(number(&document, "/hold_out/pictures"), 8.0);
        assert!(
            number(&document, "/hold_out/accuracy") >= 0.75,
            "{document}"
        );
        let components = match method {
            "lbph" => None,
            "eigen" => Some(11),
            _ => Some(3),
        };
        assert_eq!(document["components"].as_u64(), components, "{method}");

        let found = env.json(
            0,
            &["recogniser", "predict", &file, "orl/s3/1.pgm", "--top", "9"],
        );
        let picture = &list(&found, "/pictures")[0];
        assert_eq!(text(picture, "/name"), "s3");
        assert!(number(picture, "/distance") < 1e-6);
        assert_eq!(list(picture, "/candidates").len(), 4);
        let args = [
            "recogniser",
            "predict",
            &file,
            "orl/s3/5.pgm",
            "--max-distance",
            "0.001",
        ];
        let found = env.json(0, &args);
        assert!(found["pictures"][0]["name"].is_null(), "{found}");

        let out = format!("shown-{method}");
        let args = ["recogniser", "show", &file, "orl/s2/4.pgm", "--out", &out];
        let document = env.json(0, &args);
        for path in list(&document, "/written") {
            let path = path.as_str().expect("a path");
            assert!(env.read_picture(path).width() >= 44, "{path}");
        }
        // Mean face, directions and their sheet; the face, what is kept of it (its patterns), and their sheet.
        let n = list(&document, "/written").len();
        let expected = match method {
            "lbph" => 3,
            "eigen" => 13 + 4,
            _ => 5 + 3,
        };
        assert_eq!(n, expected, "{document}");
    }

    // Another person joins; the file is replaced.
    let source = shared("data/orl").expect("the ORL faces");
    let new = fs::read(source.join("s7/1.pgm")).expect("a picture");
    env.write("more/s7/1.pgm", new);
    let document = env.json(0, &["recogniser", "update", "lbph.rec", "more"]);
    assert_eq!(list(&document, "/people").len(), 5);
    let found = env
        .run(&["recogniser", "predict", "lbph.rec", "more"])
        .text();
    assert!(found.starts_with("more/s7/1.pgm: s7, 0.0 away"), "{found}");
}

#[test]
fn mistakes_with_recognisers_are_explained() {
    let env = TestEnv::without_models();
    if orl(&env, &["s2", "s3"], 2).is_none() {
        return;
    }
    let train = ["recogniser", "train", "orl", "--out", "r.rec", "--method"];
    let error = |status: i32, args: &[&str]| {
        let document = env.json(status, args);
        text(&document, "/error/code").to_owned()
    };
    let one_each = [&train[..], &["fisher", "--hold-out", "1"]].concat();
    assert_eq!(error(3, &one_each), "too_few_pictures");
    let tiny = [&train[..], &["lbph", "--size", "8"]].concat();
    assert_eq!(error(2, &tiny), "invalid_size");
    assert!(!env.path("r.rec").exists());

    env.json(0, &[&train[..], &["eigen"]].concat());
    assert_eq!(
        error(2, &["recogniser", "update", "r.rec", "orl"]),
        "no_update"
    );
    assert_eq!(
        error(4, &["recogniser", "predict", "none.rec", "orl"]),
        "unreadable_recogniser"
    );
    let mut bytes = fs::read(env.path("r.rec")).expect("a file");
    bytes[200] ^= 1;
    env.write("r.rec", &bytes);
    assert_eq!(
        error(4, &["recogniser", "predict", "r.rec", "orl"]),
        "unusable_recogniser"
    );
    env.json(0, &[&train[..], &["lbph"]].concat());
    let show = ["recogniser", "show", "r.rec", "--out", "shown"];
    assert_eq!(error(2, &show), "nothing_to_show");

    // A picture that cannot be read is said and left out.
    env.write("orl/s2/broken.pgm", b"P5 9");
    let document = env.json(3, &[&train[..], &["lbph"]].concat());
    assert_eq!(list(&document, "/failed").len(), 1);
    assert_eq!(number(&document, "/pictures"), 4.0);
}
