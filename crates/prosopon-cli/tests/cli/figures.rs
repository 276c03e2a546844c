//! `prosopon matrix`, `signature` and `consistency`: figures of many faces.

use std::fs;

use crate::testenv::{PEOPLE, TestEnv, list, number, text};

#[test]
fn a_matrix_has_one_person_together_and_is_written_in_every_form() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let files = ["m.csv", "m.npz", "m.json", "m.svg", "m.png"];
    let outs: Vec<&str> = files.iter().flat_map(|file| ["--out", file]).collect();
    let args = [&["matrix", "people"], &outs[..]].concat();
    let document = env.json(0, &args);
    let faces = list(&document, "/faces");
    assert_eq!(faces.len(), 8);
    let threshold = number(&document, "/threshold");
    for i in 0..8 {
        assert_eq!(number(&document, &format!("/similarity/{i}/{i}")), 1.0);
        for j in 0..8 {
            let value = number(&document, &format!("/similarity/{i}/{j}"));
            let person = |i: usize| text(&faces[i], "/path").split('/').nth(1);
            assert_eq!(
                value >= threshold,
                person(i) == person(j),
                "{i} {j} {value}"
            );
        }
    }
    // Both faces of a person are neighbours.
    for pair in faces.chunks(2) {
        let person = |face| text(face, "/label").split('/').next();
        assert_eq!(person(&pair[0]), person(&pair[1]));
    }
    let csv = fs::read_to_string(env.path("m.csv")).expect("a file");
    assert_eq!(csv.lines().count(), 9);
    assert!(
        csv.lines().all(|line| line.split(',').count() == 9),
        "{csv}"
    );
    let svg = fs::read_to_string(env.path("m.svg")).expect("a file");
    assert_eq!(svg.matches("<image").count(), 16);
    for name in PEOPLE {
        assert!(svg.contains(name), "{name}");
    }
    assert!(env.read_picture("m.png").width() > 1000);
    assert!(fs::metadata(env.path("m.npz")).expect("a file").len() > 8 * 8 * 4);
    let stored = fs::read_to_string(env.path("m.json")).expect("a file");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&stored).expect("JSON"),
        document
    );

    let said = env.run(&["matrix", "people", "--order", "input"]).text();
    assert!(said.contains("8 faces, 28 pairs, 4 at or above"), "{said}");
}

#[test]
fn signatures_and_consistency_are_drawn_and_a_stranger_is_named() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let name = PEOPLE[0];
    let person = format!("people/{name}");
    let signature = env.json(0, &["signature", &person]);
    assert_eq!(list(&signature, "/faces").len(), 2);
    assert_eq!(list(&signature, "/faces/0/embedding").len(), 512);
    assert!(env.read_picture("signature.png").width() > 1000);

    let refused = env.json(3, &["consistency", &person]);
    assert_eq!(text(&refused, "/error/code"), "too_few_faces");
    // Copies agree perfectly, and nobody else does.
    for i in 3..6 {
        fs::copy(
            env.path(&format!("{person}/{}.jpg", i % 2 + 1)),
            env.path(&format!("{person}/{i}.jpg")),
        )
        .expect("a copy");
    }
    let agreed = env.json(0, &["consistency", &person, "--out", "c.svg"]);
    assert_eq!(list(&agreed, "/outliers").len(), 0);
    let with_stranger = ["consistency", &person, "stranger.jpg", "--out", "c.svg"];
    let document = env.json(1, &with_stranger);
    assert_eq!(list(&document, "/outliers").len(), 1);
    assert!(text(&document, "/outliers/0").ends_with("stranger"));
    assert!(number(&document, "/robust_threshold") > number(&document, "/threshold"));
    let said = env.run(&with_stranger).expect(1).stdout;
    assert!(
        said.contains("1 face does not belong") && said.contains("stranger.jpg"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_drawn_is_said_before_the_work() {
    let env = TestEnv::without_models();
    for command in ["matrix", "signature", "consistency"] {
        let refused = env.json(2, &[command, "x.jpg", "--out", "x.docx"]);
        assert_eq!(
            text(&refused, "/error/code"),
            "unknown_extension",
            "{command}"
        );
    }
}
