//! `prosopon embed`, `verify`, `enrol` and `identify`.

use std::fs::File;

use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;
use serde_json::Value;

use crate::testenv::{PEOPLE, TestEnv, list, number, pictures_of, text};

fn is_unit(values: impl IntoIterator<Item = f64>) -> bool {
    let squares: f64 = values.into_iter().map(|v| v * v).sum();
    (squares - 1.0).abs() < 1e-4
}

#[test]
fn embeddings_go_into_arrays() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.side_by_side("people/Azra_Akin/1.jpg", "stranger.jpg", "both.png");
    let said = env
        .run(&["embed", "stranger.jpg", "both.png", "--out", "faces.npz"])
        .text();
    assert!(said.contains("3 faces in 2 pictures"), "{said}");
    let mut npz = NpzReader::new(File::open(env.path("faces.npz")).expect("a file")).expect("npz");
    let mut names = npz.names().expect("names");
    names.sort();
    assert_eq!(
        names,
        [
            "box",
            "confidence",
            "embedding",
            "landmarks",
            "paths",
            "picture"
        ]
    );
    let embedding: Array2<f32> = npz.by_name("embedding").expect("an array");
    let boxes: Array2<f32> = npz.by_name("box").expect("an array");
    let landmarks: Array2<f32> = npz.by_name("landmarks").expect("an array");
    let confidence: Array1<f32> = npz.by_name("confidence").expect("an array");
    let picture: Array1<u64> = npz.by_name("picture").expect("an array");
    let paths: Array1<u8> = npz.by_name("paths").expect("an array");
    assert_eq!(embedding.dim(), (3, 512));
    assert_eq!(boxes.dim(), (3, 4));
    assert_eq!(landmarks.dim(), (3, 10));
    assert_eq!(confidence.len(), 3);
    assert_eq!(picture.to_vec(), [0, 1, 1]);
    assert_eq!(paths.to_vec(), b"stranger.jpg\nboth.png");
    for row in embedding.rows() {
        assert!(is_unit(row.iter().map(|v| f64::from(*v))));
    }
}

#[test]
fn arrays_without_faces_keep_their_columns() {
    let Some(env) = TestEnv::new() else { return };
    env.write(
        "grey.pgm",
        [b"P5 64 64 255\n".as_slice(), &[90; 64 * 64]].concat(),
    );
    env.run(&["embed", "grey.pgm", "--out", "none.npz"]).text();
    let mut npz = NpzReader::new(File::open(env.path("none.npz")).expect("a file")).expect("npz");
    let boxes: Array2<f32> = npz.by_name("box").expect("an array");
    assert_eq!(boxes.dim(), (0, 4));
    let landmarks: Array2<f32> = npz.by_name("landmarks").expect("an array");
    assert_eq!(landmarks.dim(), (0, 10));
}

#[test]
fn embeddings_go_into_lines() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.run(&[
        "embed",
        "stranger.jpg",
        "people/Azra_Akin",
        "--out",
        "faces.jsonl",
    ])
    .text();
    let file = std::fs::read_to_string(env.path("faces.jsonl")).expect("a file");
    let lines: Vec<Value> = file
        .lines()
        .map(|l| serde_json::from_str(l).expect(l))
        .collect();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        assert!(text(line, "/model").starts_with("fr-feature@"));
        let embedding = list(line, "/faces/0/embedding");
        assert_eq!(embedding.len(), 512);
        assert!(is_unit(embedding.iter().filter_map(Value::as_f64)));
    }
    // Without a file they go to standard output.
    let document = env.json(0, &["embed", "stranger.jpg"]);
    assert_eq!(list(&document, "/pictures/0/faces/0/embedding").len(), 512);
}

#[test]
fn verification_answers_by_exit_status() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let (a, b) = (
        "people/Anna_Kournikova/1.jpg",
        "people/Anna_Kournikova/2.jpg",
    );
    let verify = |status, paths: &[&str]| {
        let args = [&["verify"], paths, env.decision()].concat();
        env.json(status, &args)
    };

    let same = verify(0, &[a, b]);
    assert_eq!(same["match"], true);
    assert!(number(&same, "/similarity") >= number(&same, "/threshold"));
    assert_eq!(text(&same, "/probe/path"), a);
    assert!(number(&same, "/reference/face/confidence") > 0.5);
    let said = env
        .run(&[&["verify", a, b], env.decision()].concat())
        .text();
    assert!(said.starts_with("same person: similarity 0."), "{said}");

    let other = verify(1, &[a, "stranger.jpg"]);
    assert_eq!(other["match"], false);
    assert!(number(&other, "/similarity") < number(&other, "/threshold"));

    if env.decision().is_empty() {
        assert_eq!(number(&same, "/fmr"), 1e-3);
        assert_eq!(same["fmr_supported"], true);
        assert!(said.contains("1 in 1000"), "{said}");
        let strict = env.json(0, &["verify", a, a, "--fmr", "1e-5"]);
        assert!(number(&strict, "/threshold") > number(&same, "/threshold"));
        assert!(number(&strict, "/similarity") > 0.999);
    }
    let raw = env.json(1, &["verify", a, b, "--threshold", "0.99"]);
    assert!((number(&raw, "/threshold") - 0.99).abs() < 1e-6);

    env.run(&["verify", a]).expect(2);
    env.run(&["verify", a, b, "--fmr", "2"]).expect(2);
    env.side_by_side(a, "stranger.jpg", "both.png");
    env.write(
        "grey.pgm",
        [b"P5 64 64 255\n".as_slice(), &[90; 64 * 64]].concat(),
    );
    for (picture, status, code) in [
        ("missing.jpg", 3, "unreadable_file"),
        ("people", 2, "several_pictures"),
        ("both.png", 3, "multiple_faces"),
        ("grey.pgm", 3, "face_not_found"),
    ] {
        let refused = verify(status, &[a, picture]);
        assert_eq!(text(&refused, "/error/code"), code);
    }
}

#[test]
fn between_two_rates_the_answer_is_uncertain() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    if !env.decision().is_empty() {
        return;
    }
    let (a, b) = ("people/Azra_Akin/1.jpg", "people/Azra_Akin/2.jpg");
    // One person's pictures reach any usual rate, but are not equal.
    let rule = ["--threshold", "0.99", "--uncertain-fmr", "1e-3"];
    let verify = |other: &'static str, more: &[&'static str]| -> Vec<&str> {
        [&["verify", a, other], more].concat()
    };
    let uncertain = env.json(6, &verify(b, &rule));
    assert_eq!(uncertain["outcome"], "uncertain");
    assert_eq!(uncertain["match"], false);
    assert_eq!(number(&uncertain, "/uncertain_fmr"), 1e-3);
    assert!(number(&uncertain, "/uncertain_threshold") < number(&uncertain, "/similarity"));
    assert_eq!(text(&uncertain, "/calibration"), "catalogue");
    let said = env.run(&verify(b, &rule)).expect(6).stdout;
    assert!(said.starts_with("uncertain, perhaps"), "{said}");
    assert!(said.contains("; uncertain from 0.3"), "{said}");
    assert_eq!(env.json(0, &verify(a, &rule))["outcome"], "same");
    assert_eq!(
        env.json(1, &verify("stranger.jpg", &rule))["outcome"],
        "different"
    );

    let wrong = ["--fmr", "1e-3", "--uncertain-fmr", "1e-4"];
    let refused = env.json(2, &verify(b, &wrong));
    assert_eq!(text(&refused, "/error/code"), "invalid_rates");

    env.run(&["enrol", "--subject", "azra", a]).expect(0);
    let identify = [&["identify", b, "stranger.jpg"], &rule[..]].concat();
    let document = env.json(0, &identify);
    let counts = ["/known", "/uncertain", "/unknown"].map(|n| number(&document, n));
    assert_eq!(counts, [0.0, 1.0, 1.0]);
    let face = &document["pictures"][0]["faces"][0];
    assert_eq!(face["outcome"], "uncertain");
    assert!(face["subject"].is_null());
    assert_eq!(face["perhaps"], "azra");
    let other = &document["pictures"][1]["faces"][0];
    assert_eq!(other["outcome"], "unknown");
    assert!(other["perhaps"].is_null());
    let args = [&identify[..], &["--candidates", "0", "--draw", "drawn"]].concat();
    let said = env.run(&args).text();
    assert!(
        said.contains("perhaps azra at") && said.contains("1 uncertain"),
        "{said}"
    );
    assert_eq!(pictures_of(&env.path("drawn")).len(), 2);
}

#[test]
fn a_tree_is_enrolled_and_its_people_are_known_again() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    // The second picture of each person is asked about later.
    std::fs::create_dir(env.path("probes")).expect("a folder");
    for name in PEOPLE {
        let from = env.path(&format!("people/{name}/2.jpg"));
        std::fs::rename(from, env.path(&format!("probes/{name}.jpg"))).expect("moved");
    }
    // A file in the tree is a person too; so is nobody.
    std::fs::rename(
        env.path("people/Azra_Akin/1.jpg"),
        env.path("people/Azra_Akin.jpg"),
    )
    .expect("moved");
    std::fs::remove_dir(env.path("people/Azra_Akin")).expect("removed");
    env.side_by_side(
        "probes/Azra_Akin.jpg",
        "stranger.jpg",
        "people/Amelia_Vega/both.png",
    );
    env.write(
        "people/Amelia_Vega/grey.pgm",
        [b"P5 64 64 255\n".as_slice(), &[90; 64 * 64]].concat(),
    );
    env.write(
        "people/Amelia_Vega/broken.jpg",
        b"\xff\xd8\xff\xe0 and no more",
    );

    let document = env.json(3, &["enrol", "people"]);
    assert_eq!(number(&document, "/added"), 4.0);
    assert_eq!(number(&document, "/skipped"), 3.0);
    assert_eq!(number(&document, "/subjects"), 4.0);
    let code = |file: &str| {
        let pictures = list(&document, "/pictures").iter();
        let picture = pictures.clone().find(|p| text(p, "/path").ends_with(file));
        let picture = picture.expect(file);
        assert_eq!(text(picture, "/outcome"), "skipped");
        assert!(
            text(picture, "/error/message").ends_with(file),
            "{picture:#}"
        );
        text(picture, "/error/code").to_owned()
    };
    assert_eq!(code("both.png"), "multiple_faces");
    assert_eq!(code("grey.pgm"), "face_not_found");
    assert!(["truncated_picture", "corrupt_picture"].contains(&code("broken.jpg").as_str()));

    // A second time nothing is added.
    let again = env.json(3, &["enrol", "people"]);
    assert_eq!(
        (number(&again, "/added"), number(&again, "/duplicates")),
        (0.0, 4.0)
    );

    let decision = env.decision();
    let lines = env.json_lines(
        0,
        &[&["identify", "probes", "stranger.jpg"], decision].concat(),
    );
    assert_eq!(lines.len(), 5);
    for line in &lines[..4] {
        let face = &list(line, "/faces")[0];
        let path = text(line, "/path");
        assert_eq!(path, format!("probes/{}.jpg", text(face, "/subject")));
        let candidates = list(face, "/candidates");
        assert_eq!(candidates.len(), 3);
        assert_eq!(candidates[0]["subject"], face["subject"]);
        assert_eq!(candidates[0]["similarity"], face["similarity"]);
        assert!(number(&candidates[0], "/similarity") >= number(&candidates[1], "/similarity"));
        assert!(number(face, "/similarity") >= number(face, "/threshold"));
        if decision.is_empty() {
            assert_eq!(number(face, "/fmr"), 1e-3);
        }
    }
    let unknown = &lines[4]["faces"][0];
    assert!(unknown["subject"].is_null(), "{unknown:#}");
    assert!(number(unknown, "/similarity") < number(unknown, "/threshold"));

    let args = [
        "identify",
        "probes",
        "stranger.jpg",
        "--draw",
        "named",
        "--candidates",
        "1",
    ];
    let said = env.run(&[&args, decision].concat()).text();
    assert!(said.contains("Azra_Akin at "), "{said}");
    assert!(said.contains("5 faces: 4 known, 1 unknown"), "{said}");
    let named = env.read_picture("named/stranger.jpg");
    assert_ne!(named.pixels(), env.read_picture("stranger.jpg").pixels());

    let mean = [&["identify", "probes", "--template", "mean"], decision].concat();
    let mean = env.json(0, &mean);
    assert_eq!(number(&mean, "/known"), 4.0);
    if decision.is_empty() {
        assert!(number(&mean, "/fpir_estimate") > 1e-3);
    }
    assert_eq!(number(&mean, "/gallery_faces"), 4.0);
}

#[test]
fn one_person_is_enrolled_by_name() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let enrol = |status, args: &[&str]| {
        let command = ["enrol", "--subject", "Anna K.", "--gallery", "own.db"];
        env.json(status, &[&command, args].concat())
    };
    let first = enrol(0, &["people/Anna_Kournikova/1.jpg"]);
    assert_eq!(number(&first, "/added"), 1.0);
    assert_eq!(text(&first, "/gallery"), "own.db");
    let more = enrol(0, &["people/Anna_Kournikova"]);
    assert_eq!(
        (number(&more, "/added"), number(&more, "/duplicates")),
        (1.0, 1.0)
    );

    env.side_by_side("people/Azra_Akin/1.jpg", "stranger.jpg", "both.png");
    assert_eq!(number(&enrol(3, &["both.png"]), "/skipped"), 1.0);
    let largest = enrol(0, &["both.png", "--largest-face", "--no-crops"]);
    assert_eq!(
        (number(&largest, "/added"), number(&largest, "/faces")),
        (1.0, 3.0)
    );
    // The gallery in the data directory was left alone.
    assert!(!env.path("home/gallery.db").exists());
    let file = env.json(2, &["enrol", "stranger.jpg"]);
    assert_eq!(text(&file, "/error/code"), "subject_missing");
}

/// A folder whose name cannot be a person's does not stop the others.
#[test]
fn a_name_that_cannot_be_is_skipped_and_the_rest_goes_on() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    std::fs::rename(env.path("people/Azra_Akin"), env.path("people/Azra\nAkin")).expect("renamed");
    let document = env.json(3, &["enrol", "people"]);
    assert_eq!(
        (number(&document, "/added"), number(&document, "/skipped")),
        (6.0, 2.0)
    );
    let skipped = list(&document, "/pictures")
        .iter()
        .find(|p| p["outcome"] == "skipped");
    assert_eq!(text(skipped.expect("one"), "/error/code"), "invalid_name");
}
