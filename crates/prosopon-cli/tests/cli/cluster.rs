//! `prosopon cluster` and `prosopon album`, on photographs of four people and a stranger.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::testenv::{PEOPLE, TestEnv, list, number, pictures_of, text};

/// Two pictures each of four people in one folder, so that nothing but the faces tells who is who.
fn env() -> Option<TestEnv> {
    let env = TestEnv::with_people()?;
    fs::create_dir(env.path("photos")).expect("a folder");
    for name in PEOPLE {
        for i in 1..=2 {
            let to = format!("photos/{name}-{i}.jpg");
            fs::copy(env.path(&format!("people/{name}/{i}.jpg")), env.path(&to)).expect("a copy");
        }
    }
    Some(env)
}

fn cluster(env: &TestEnv, status: i32, more: &[&str]) -> Value {
    env.json(
        status,
        &[&["cluster", "photos"], env.decision(), more].concat(),
    )
}

fn album(env: &TestEnv, status: i32, args: &[&str]) -> Value {
    env.json(status, &[&["album", "--album", "photos"], args].concat())
}

/// The names of the pictures in each group, without their numbers.
fn people(document: &Value) -> Vec<Vec<String>> {
    let of_group = |group: &Value| {
        let faces = list(group, "/faces").iter();
        let mut names: Vec<String> = faces.map(|face| person(text(face, "/path"))).collect();
        names.sort();
        names
    };
    let mut groups: Vec<Vec<String>> = list(document, "/groups").iter().map(of_group).collect();
    groups.sort();
    groups
}

/// `/tmp/x/photos/Anna-1.jpg` is of `Anna`.
fn person(path: &str) -> String {
    let name = Path::new(path)
        .file_stem()
        .expect("a name")
        .to_string_lossy();
    name.rsplit_once('-')
        .map_or(name.to_string(), |(name, _)| name.to_owned())
}

fn twice(names: &[&str]) -> Vec<Vec<String>> {
    let mut groups: Vec<_> = names
        .iter()
        .map(|name| vec![(*name).to_owned(); 2])
        .collect();
    groups.sort();
    groups
}

/// The number of the group that `name` is in.
fn group_of(document: &Value, name: &str) -> String {
    let is_theirs = |group: &&Value| person(text(group, "/faces/0/path")) == name;
    let group = list(document, "/groups").iter().find(is_theirs);
    number(group.expect(name), "/id").to_string()
}

#[test]
fn faces_are_grouped_sorted_and_listed() {
    let Some(env) = env() else { return };
    env.write(
        "photos/broken.jpg",
        b"\xff\xd8\xff\xe0 not much of a picture",
    );
    let blank = prosopon::Image::filled(64, 64, [128; 3]);
    blank.save(&env.path("photos/blank.png")).expect("a file");
    let options = [
        "--sort-into",
        "sorted",
        "--sheets",
        "sheets",
        "--csv",
        "groups.csv",
    ];
    let document = cluster(&env, 3, &options);
    assert_eq!(people(&document), twice(&PEOPLE));
    assert_eq!(list(&document, "/failed").len(), 1);
    assert!(text(&document, "/failed/0/path").ends_with("broken.jpg"));
    assert!(text(&document, "/pictures_without_faces/0").ends_with("blank.png"));
    assert_eq!(number(&document, "/new_pictures"), 9.0);
    assert_eq!(number(&document, "/sorted/made"), 8.0);

    for group in list(&document, "/groups") {
        let label = text(group, "/label");
        assert_eq!(
            pictures_of(&env.path("sorted").join(label)).len(),
            2,
            "{label}"
        );
        let sheet = env.read_picture(&format!("sheets/{label}.jpg"));
        assert!(sheet.width() >= 300 && sheet.height() > 150);
    }
    let table = fs::read_to_string(env.path("groups.csv")).expect("a table");
    assert_eq!(table.lines().count(), 9);
    assert!(table.starts_with("path,group,name,face,"));

    // A second run reads nothing anew but what was broken, and changes nothing.
    let again = cluster(&env, 3, &["--sort-into", "sorted"]);
    assert_eq!(number(&again, "/new_pictures"), 0.0);
    assert_eq!(number(&again, "/sorted/kept"), 8.0);
    assert_eq!(number(&again, "/sorted/made"), 0.0);
    assert_eq!(again["groups"], document["groups"]);

    // A copy is no further picture, and nobody's further face.
    let name = PEOPLE[0];
    let (from, to) = (
        format!("photos/{name}-1.jpg"),
        format!("photos/{name}-3.jpg"),
    );
    fs::copy(env.path(&from), env.path(&to)).expect("a copy");
    let copied = cluster(&env, 3, &[]);
    assert_eq!(
        (number(&copied, "/new_pictures"), number(&copied, "/copies")),
        (0.0, 1.0)
    );
    assert_eq!(copied["faces"], document["faces"]);
    let said = env.run(&[&["cluster", "photos"], env.decision()].concat());
    let said = said.expect(3).stdout;
    assert!(
        said.contains("8 faces in 9 pictures: 4 people (0 new"),
        "{said}"
    );
    assert!(said.contains("1 file is a copy of others"), "{said}");
    assert!(
        said.lines()
            .all(|line| !line.starts_with("person-") || line.contains("     2  ")),
        "{said}"
    );
    let listed = env.run(&["album", "list", "--album", "photos"]).text();
    assert!(listed.contains("  person-001  2 faces"), "{listed}");
}

#[test]
fn decisions_outlive_new_pictures_and_can_be_taken_back() {
    let Some(env) = env() else { return };
    let [vega, kournikova, ..] = PEOPLE;
    let document = cluster(&env, 0, &["--sort-into", "sorted", "--link", "hard"]);
    let (first, second) = (group_of(&document, vega), group_of(&document, kournikova));
    album(&env, 0, &["name", &first, "Amelia"]);
    album(&env, 0, &["merge", "Amelia", &second]);
    let refused = album(&env, 5, &["name", "3", "Amelia"]);
    assert!(["name_taken", "unknown_group"].contains(&text(&refused, "/error/code")));

    fs::copy(
        env.path("stranger.jpg"),
        env.path("photos/Abel_Pacheco-1.jpg"),
    )
    .expect("a copy");
    env.write("sorted/Amelia/mine.txt", "my own notes");
    let options = ["--again", "--sort-into", "sorted", "--link", "hard"];
    let document = cluster(&env, 0, &options);
    assert_eq!(number(&document, "/new_pictures"), 1.0);
    assert_eq!(text(&document, "/groups/0/name"), "Amelia");
    assert_eq!(list(&document, "/groups/0/faces").len(), 4);
    assert_eq!(list(&document, "/groups").len(), 4);
    assert_eq!(pictures_of(&env.path("sorted/Amelia")).len(), 5);
    assert!(!env.path(&format!("sorted/person-{second:0>3}")).exists());

    album(&env, 0, &["undo"]);
    let document = cluster(
        &env,
        0,
        &["--again", "--sort-into", "sorted", "--link", "hard"],
    );
    assert_eq!(list(&document, "/groups").len(), 5);
    assert_eq!(group_of(&document, kournikova), second);
    assert_eq!(
        pictures_of(&env.path("sorted/Amelia")).len(),
        3,
        "two, and the notes"
    );
    album(&env, 0, &["redo"]);
    album(&env, 0, &["undo"]);
    album(&env, 0, &["undo"]);
    assert_eq!(
        text(&album(&env, 5, &["undo"]), "/error/code"),
        "nothing_to_undo"
    );
    let history = album(&env, 0, &["history"]);
    let is_undone = |decision: &Value| decision["is_undone"].as_bool().expect("a flag");
    assert!(list(&history, "/decisions").iter().all(is_undone));
}

#[test]
fn faces_are_split_moved_and_enrolled() {
    let Some(env) = env() else { return };
    let [vega, _, akin, _] = PEOPLE;
    let document = cluster(&env, 0, &[]);
    let group = group_of(&document, vega);
    let shown = album(&env, 0, &["show", &group]);
    let face = number(&shown, "/faces/0/id").to_string();
    let split = album(&env, 0, &["split", &face]);
    let new = number(&split, "/new_group").to_string();
    let other = group_of(&document, akin);
    album(&env, 0, &["apart", &new, &other]);
    assert_eq!(list(&cluster(&env, 0, &["--again"]), "/groups").len(), 5);
    album(&env, 0, &["move", &face, "--to", &group]);
    assert_eq!(list(&cluster(&env, 0, &["--again"]), "/groups").len(), 4);

    let unnamed = album(&env, 2, &["enrol", &group, "--gallery", "g.db"]);
    assert_eq!(text(&unnamed, "/error/code"), "subject_missing");
    album(&env, 0, &["name", &group, "Amelia"]);
    let enrolled = album(&env, 0, &["enrol", "Amelia", "--gallery", "g.db"]);
    assert_eq!(number(&enrolled, "/enrolled/0/added"), 2.0);
    let people = env.json(0, &["people", "list", "--gallery", "g.db"]);
    assert_eq!(text(&people, "/subjects/0/name"), "Amelia");
}

#[test]
fn albums_that_are_not_there_or_something_else_are_told() {
    let env = TestEnv::without_models();
    let error = |args: &[&str], status| {
        let document = env.json(status, args);
        text(&document, "/error/code").to_owned()
    };
    assert_eq!(error(&["album", "list"], 5), "album_missing");
    assert_eq!(
        error(&["album", "list", "--album", "none.db"], 5),
        "album_missing"
    );
    env.write(
        "notes.txt",
        "these are only notes, and longer than a header",
    );
    assert_eq!(
        error(&["album", "list", "--album", "notes.txt"], 5),
        "not_an_album"
    );
    assert_eq!(error(&["cluster", "-"], 2), "usage");
}
