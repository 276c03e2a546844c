//! `prosopon people`. Galleries come from the library, so that no models are needed.

use prosopon::{Embedding, ModelId};
use prosopon_gallery::synthetic::Rng;
use prosopon_gallery::{Crop, Gallery, GalleryOptions, NewFace};

use crate::testenv::{TestEnv, list, number, pictures_of, text};

/// Anna and Ben with two faces each, Cem with one.
fn env() -> TestEnv {
    let env = TestEnv::without_models();
    let gallery = Gallery::open(env.path("g.db"), GalleryOptions::default()).expect("a gallery");
    for (seed, name) in (1..).zip(["Anna", "Ben", "Anna", "Ben", "Cem"]) {
        let values = Rng::new(seed).unit_vector(64);
        let embedding = Embedding::from_values(ModelId::new("m@00000000"), values).expect("unit");
        let mut face = NewFace::new(embedding);
        face.crop = Some(Crop {
            media_type: "image/jpeg".to_owned(),
            bytes: vec![1, 2, 3],
        });
        gallery.enrol(name, face).expect("enrolled");
    }
    env
}

fn people(env: &TestEnv, status: i32, args: &[&str]) -> serde_json::Value {
    env.json(
        status,
        &[&["people"], args, &["--gallery", "g.db"]].concat(),
    )
}

fn names(env: &TestEnv) -> Vec<(String, f64)> {
    let document = people(env, 0, &["list"]);
    let of = |s: &serde_json::Value| (text(s, "/name").to_owned(), number(s, "/n_faces"));
    list(&document, "/subjects").iter().map(of).collect()
}

fn expected(pairs: &[(&str, f64)]) -> Vec<(String, f64)> {
    pairs
        .iter()
        .map(|(name, n)| ((*name).to_owned(), *n))
        .collect()
}

#[test]
fn people_are_listed_and_searched() {
    let env = env();
    assert_eq!(
        names(&env),
        expected(&[("Anna", 2.0), ("Ben", 2.0), ("Cem", 1.0)])
    );
    let found = people(&env, 0, &["list", "--search", "N"]);
    assert_eq!(list(&found, "/subjects").len(), 2);
    let said = env.run(&["people", "list", "--gallery", "g.db"]).text();
    assert_eq!(said, "Anna  2 faces\nBen  2 faces\nCem  1 face\n");
}

#[test]
fn a_person_is_shown_with_crops() {
    let env = env();
    let shown = people(&env, 0, &["show", "Ben", "--crops", "ben"]);
    assert_eq!(list(&shown, "/faces").len(), 2);
    assert_eq!(pictures_of(&env.path("ben")).len(), 2);
}

#[test]
fn people_are_renamed_merged_and_deleted() {
    let env = env();
    people(&env, 0, &["rename", "Cem", "Dora"]);
    people(&env, 0, &["merge", "Dora", "Anna"]);
    assert_eq!(names(&env), expected(&[("Anna", 3.0), ("Ben", 2.0)]));
    assert_eq!(
        text(&people(&env, 5, &["rename", "Ben", "Anna"]), "/error/code"),
        "name_taken"
    );
    assert_eq!(
        text(&people(&env, 5, &["merge", "Ben", "Ben"]), "/error/code"),
        "merge_with_itself"
    );
    let deleted = people(&env, 0, &["delete", "Ben"]);
    assert_eq!(
        (number(&deleted, "/subjects"), number(&deleted, "/faces")),
        (1.0, 2.0)
    );
    assert_eq!(names(&env), expected(&[("Anna", 3.0)]));
}

#[test]
fn facts_are_set_and_removed() {
    let env = env();
    let set = people(
        &env,
        0,
        &["set", "Ben", "door=true", "lamp=blue", "floor=3"],
    );
    assert_eq!(
        set["metadata"],
        serde_json::json!({"door": true, "floor": 3, "lamp": "blue"})
    );
    people(&env, 0, &["set", "Ben", "lamp="]);
    let shown = people(&env, 0, &["show", "Ben"]);
    assert_eq!(
        shown["metadata"],
        serde_json::json!({"door": true, "floor": 3})
    );
    let refused = people(&env, 2, &["set", "Ben", "door"]);
    assert_eq!(text(&refused, "/error/code"), "usage");
}

#[test]
fn nobody_is_deleted_if_one_name_is_unknown() {
    let env = env();
    let refused = people(&env, 5, &["delete", "Anna", "Nobody"]);
    assert_eq!(text(&refused, "/error/code"), "unknown_subject");
    assert_eq!(names(&env).len(), 3);
}

#[test]
fn a_name_given_twice_is_deleted_once() {
    let env = env();
    let deleted = people(&env, 0, &["delete", "Anna", "Anna"]);
    assert_eq!(
        (number(&deleted, "/subjects"), number(&deleted, "/faces")),
        (1.0, 2.0)
    );
}

#[test]
fn an_unknown_name_gets_the_closest_one() {
    let env = env();
    for command in [
        vec!["show", "Ana"],
        vec!["rename", "Ana", "X"],
        vec!["delete", "Ana"],
    ] {
        let refused = people(&env, 5, &command);
        assert_eq!(text(&refused, "/error/code"), "unknown_subject");
        assert!(
            text(&refused, "/error/hint").contains("Anna"),
            "{refused:#}"
        );
    }
}

#[test]
fn what_is_exported_can_be_imported() {
    let env = env();
    let wrote = people(&env, 0, &["export", "--out", "backup.jsonl"]);
    assert_eq!(
        (number(&wrote, "/subjects"), number(&wrote, "/faces")),
        (3.0, 5.0)
    );
    let import = |gallery: &str| {
        env.json(
            0,
            &["people", "import", "backup.jsonl", "--gallery", gallery],
        )
    };
    assert_eq!(number(&import("new.db"), "/faces_added"), 5.0);
    assert_eq!(number(&import("new.db"), "/faces_skipped"), 5.0);
    // The same over pipes.
    let exported = env.run(&["people", "export", "--gallery", "new.db"]).text();
    let args = ["people", "import", "-", "--gallery", "piped.db"];
    env.run_with_input(&args, exported.as_bytes()).expect(0);
    let file = std::fs::read_to_string(env.path("backup.jsonl")).expect("a file");
    assert_eq!(exported.lines().count(), file.lines().count());
    // Half an export is refused as a whole.
    let half: Vec<&str> = file.lines().take(3).collect();
    env.write("half.jsonl", half.join("\n"));
    let refused = env.json(
        5,
        &["people", "import", "half.jsonl", "--gallery", "half.db"],
    );
    assert_eq!(text(&refused, "/error/code"), "invalid_import");
    let left = env.json(0, &["people", "list", "--gallery", "half.db"]);
    assert!(list(&left, "/subjects").is_empty());
}
