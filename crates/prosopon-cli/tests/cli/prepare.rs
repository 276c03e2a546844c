//! `prosopon prepare`: faces of a folder per person.

use std::fs;

use serde_json::Value;

use crate::testenv::{PEOPLE, TestEnv, list, number, text};

fn env() -> Option<TestEnv> {
    let env = TestEnv::with_people()?;
    env.write("people/notes/broken.jpg", b"no picture");
    let plain = prosopon::Image::filled(60, 40, [200, 200, 200]);
    plain
        .save(&env.path("people/notes/wall.png"))
        .expect("a file");
    Some(env)
}

fn class<'a>(document: &'a Value, name: &str) -> &'a Value {
    let mut classes = list(document, "/classes").iter();
    classes.find(|class| class["name"] == name).expect(name)
}

#[test]
fn faces_lie_in_the_same_folders_and_the_rest_is_told() {
    let Some(env) = env() else {
        return;
    };
    let document = env.json(3, &["prepare", "people", "faces", "--size", "64", "--gray"]);
    for name in PEOPLE {
        assert_eq!(number(class(&document, name), "/kept"), 2.0, "{name}");
        for i in 1..=2 {
            let face = env.read_picture(&format!("faces/{name}/{i}.png"));
            assert_eq!((face.width(), face.height()), (64, 64));
            let pixels = face.pixels().as_chunks::<3>().0;
            assert!(pixels.iter().all(|[r, g, b]| r == g && g == b), "{name}");
        }
    }
    let notes = class(&document, "notes");
    assert_eq!(
        (number(notes, "/unreadable"), number(notes, "/no_face")),
        (1.0, 1.0)
    );
    let left_out: Vec<(&str, &str)> = list(&document, "/left_out")
        .iter()
        .map(|picture| (text(picture, "/picture"), text(picture, "/reason")))
        .collect();
    let expected = [
        ("notes/broken.jpg", "unreadable"),
        ("notes/wall.png", "no_face"),
    ];
    assert_eq!(left_out, expected);
}

#[test]
fn a_second_run_makes_only_what_is_missing_and_leaves_others_files_alone() {
    let Some(env) = env() else {
        return;
    };
    fs::remove_file(env.path("people/notes/broken.jpg")).expect("a file");
    let [first, second, ..] = PEOPLE;
    let mine = env.write(&format!("faces/{first}/1.png"), b"mine");
    let document = env.json(3, &["prepare", "people", "faces"]);
    assert_eq!(number(class(&document, first), "/file_exists"), 1.0);
    assert_eq!(fs::read(&mine).expect("a file"), b"mine");

    fs::remove_file(env.path(&format!("faces/{second}/2.png"))).expect("a file");
    fs::remove_file(&mine).expect("a file");
    let n_pictures = PEOPLE.len() * 2 + 1;
    let document = env.json(0, &["prepare", "people", "faces"]);
    assert_eq!(number(&document, "/done_before"), (n_pictures - 2) as f64);
    for name in PEOPLE {
        assert_eq!(number(class(&document, name), "/kept"), 2.0, "{name}");
    }
    assert!(env.path(&format!("faces/{second}/2.png")).exists());

    // A picture was in the wrong folder: its face must not stay there.
    let [from, to] = [first, second].map(|name| env.path(&format!("people/{name}")));
    fs::rename(from.join("2.jpg"), to.join("3.jpg")).expect("a file");
    let document = env.json(0, &["prepare", "people", "faces"]);
    assert_eq!(number(&document, "/taken_away"), 1.0);
    assert!(!env.path(&format!("faces/{first}/2.png")).exists());
    assert!(env.path(&format!("faces/{second}/3.png")).exists());
    fs::rename(to.join("3.jpg"), from.join("2.jpg")).expect("a file");

    // Made in another way: the old faces are replaced.
    let other = [
        "prepare",
        "people",
        "faces",
        "--crop",
        "aligned",
        "--all-faces",
    ];
    let document = env.json(0, &other);
    assert_eq!(number(&document, "/done_before"), 0.0);
    assert!(!env.path(&format!("faces/{second}/2.png")).exists());
    let face = env.read_picture(&format!("faces/{second}/2-1.png"));
    assert_eq!((face.width(), face.height()), (112, 112));
}

#[test]
fn two_eyes_can_be_required() {
    let Some(env) = env() else {
        return;
    };
    fs::remove_file(env.path("people/notes/broken.jpg")).expect("a file");
    // The lower half of a face has no eyes.
    let [first, ..] = PEOPLE;
    let picture = env.read_picture(&format!("people/{first}/1.jpg"));
    let mut covered = picture.clone();
    let rows = covered.pixels_mut().chunks_exact_mut(250 * 3);
    for row in rows.skip(90).take(38) {
        row.fill(120);
    }
    covered
        .save(&env.path(&format!("people/{first}/blindfold.png")))
        .expect("a file");
    let all = env.json(0, &["prepare", "people", "faces"]);
    let with_eyes = env.json(0, &["prepare", "people", "eyes", "--require-eyes", "2"]);
    let kept = |document: &Value| number(class(document, first), "/kept");
    assert!(kept(&all) >= kept(&with_eyes), "{all} {with_eyes}");
    let reasons = list(&with_eyes, "/left_out").iter();
    let few: Vec<&str> = reasons
        .filter(|picture| picture["reason"] == "too_few_eyes")
        .map(|picture| text(picture, "/picture"))
        .collect();
    assert!(
        few.contains(&format!("{first}/blindfold.png").as_str()),
        "{with_eyes}"
    );
}

#[test]
fn folders_inside_each_other_are_refused() {
    let Some(env) = env() else {
        return;
    };
    let outcome = env.run(&["prepare", "people", "people/faces"]).expect(2);
    assert!(
        outcome.stderr.contains("expected a folder outside"),
        "{}",
        outcome.stderr
    );
    assert!(!env.path("people/faces").exists());
    let outcome = env.run(&[
        "prepare", "people", "faces", "--crop", "aligned", "--margin", "0.1",
    ]);
    assert!(outcome.expect(2).stderr.contains("--margin is for"));
}
