//! `prosopon detect` and `prosopon quickstart`.

use crate::common::link;
use crate::testenv::{TestEnv, list, number, pictures_of, text};

#[test]
fn quickstart_marks_29_faces() {
    let Some(env) = TestEnv::new() else { return };
    let said = env.run(&["quickstart", "--offline"]).text();
    assert!(said.contains("29 faces"), "{said}");
    let marked = env.read_picture("solvay-faces.jpg");
    let answer = env.json(0, &["quickstart", "--offline", "--out", "again.png"]);
    assert_eq!(number(&answer, "/n_faces"), 29.0);
    assert_eq!(list(&answer, "/faces").len(), 29);
    assert_eq!(env.read_picture("again.png").width(), marked.width());
}

#[test]
fn text_json_and_lines_say_the_same() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.write(
        "empty.ppm",
        b"P6 64 64 255\n"
            .iter()
            .copied()
            .chain([90; 64 * 64 * 3])
            .collect::<Vec<u8>>(),
    );
    let paths = ["detect", "stranger.jpg", "empty.ppm"];

    let said = env.run(&paths).text();
    assert!(said.contains("stranger.jpg: 250 × 250, 1 face"), "{said}");
    assert!(
        said.contains("no face in 1 picture:\n  empty.ppm"),
        "{said}"
    );

    let document = env.json(0, &paths);
    let [first, second] = list(&document, "/pictures") else {
        panic!("{document:#}")
    };
    assert_eq!(text(first, "/path"), "stranger.jpg");
    assert_eq!(
        (number(first, "/width"), number(first, "/height")),
        (250.0, 250.0)
    );
    assert!(first["error"].is_null());
    let face = &list(first, "/faces")[0];
    let width = number(face, "/bounding_box/right") - number(face, "/bounding_box/left");
    let height = number(face, "/bounding_box/bottom") - number(face, "/bounding_box/top");
    assert!((40.0..200.0).contains(&width) && height > width, "{face:#}");
    for point in ["left_eye", "right_eye", "nose", "mouth_left", "mouth_right"] {
        assert_eq!(list(face, &format!("/landmarks/{point}")).len(), 2);
    }
    assert!((0.5..=1.0).contains(&number(face, "/confidence")));
    assert!(list(second, "/faces").is_empty());
    assert!(text(&document, "/detector").starts_with("scrfd@"));
    assert!(document["model"].is_null());
    assert!(!text(&document, "/backend").is_empty());
    assert_eq!(number(&document, "/faces"), 1.0);
    assert_eq!(list(&document, "/pictures_without_faces"), ["empty.ppm"]);

    let lines = env.json_lines(0, &paths);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["faces"], first["faces"]);
    assert_eq!(lines[0]["detector"], document["detector"]);
}

#[test]
fn marked_pictures_and_crops_are_written() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.side_by_side("people/Azra_Akin/1.jpg", "stranger.jpg", "both.png");
    env.run(&[
        "detect",
        "both.png",
        "--draw",
        "marked",
        "--crops",
        "deep/crops",
    ])
    .text();
    let (plain, marked) = (
        env.read_picture("both.png"),
        env.read_picture("marked/both.jpg"),
    );
    assert_eq!((marked.width(), marked.height()), (500, 250));
    assert_ne!(marked.pixels(), plain.pixels());
    let crops = pictures_of(&env.path("deep/crops"));
    assert_eq!(crops.len(), 2, "{crops:?}");
    env.run(&["detect", "both.png", "--crops", "aligned", "--aligned"])
        .text();
    for crop in ["aligned/both_1.png", "aligned/both_2.png"] {
        let crop = env.read_picture(crop);
        assert_eq!((crop.width(), crop.height()), (112, 112));
    }
}

/// A marked picture has the name of its original.
#[test]
fn originals_are_not_written_over() {
    let env = TestEnv::without_models();
    let photo = prosopon::Image::filled(60, 40, [200; 3]);
    photo.save(&env.write("photos/a.jpg", "")).expect("a file");
    photo.save(&env.path("photos/b.png")).expect("a file");
    let before = std::fs::read(env.path("photos/a.jpg")).expect("a file");
    for args in [
        &["detect", "photos/a.jpg", "--draw", "photos"][..],
        &["detect", "photos/*.jpg", "--draw", "./photos/"],
        &["detect", "photos", "--crops", "photos/crops"],
        &["identify", "photos/a.jpg", "--draw", "photos"],
        &["gradients", "photos/a.jpg", "--out", "photos"],
        &["diff", "photos/a.jpg", "photos/b.png", "--out", "photos"],
        &["cluster", "photos", "--sort-into", "photos/people"],
        &["cluster", "photos", "--sheets", "photos/sheets"],
    ] {
        let out = env.run(args).expect(2);
        assert!(out.stderr.contains("expected a"), "{}", out.stderr);
        assert!(out.stderr.contains("name a folder beside it"), "{args:?}");
    }
    // From within the folder too.
    let mut command = env.command(&["detect", "a.jpg", "--draw", "."]);
    let out = command.current_dir(env.path("photos")).output();
    assert_eq!(out.expect("it starts").status.code(), Some(2));
    let names: Vec<_> = pictures_of(&env.path("photos"));
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(std::fs::read(&names[0]).expect("a file"), before);
}

/// Two pictures must not overwrite each other's results.
#[test]
fn equal_names_in_two_folders_stay_apart() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.run(&["detect", "people", "--draw", "marked"]).text();
    assert_eq!(pictures_of(&env.path("marked")).len(), 8);
}

#[test]
fn equal_names_with_two_endings_stay_apart() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.read_picture("stranger.jpg")
        .save(&env.path("stranger.png"))
        .expect("a file");
    let args = [
        "detect",
        "stranger.jpg",
        "stranger.png",
        "--draw",
        "marked",
        "--crops",
        "crops",
    ];
    env.run(&args).text();
    assert_eq!(pictures_of(&env.path("marked")).len(), 2);
    assert_eq!(pictures_of(&env.path("crops")).len(), 2);
}

#[test]
fn pictures_come_from_folders_patterns_and_standard_input() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.write("people/notes.txt", "not a picture, and not taken for one");
    let names = |args: &[&str]| -> Vec<String> {
        let lines = env.json_lines(0, args);
        lines.iter().map(|l| text(l, "/path").to_owned()).collect()
    };
    let folder = names(&["detect", "people"]);
    assert_eq!(folder.len(), 8);
    assert!(folder.is_sorted());
    let pattern = names(&["detect", "people/A*/1.jpg"]);
    assert_eq!(pattern.len(), 4);
    let bytes = std::fs::read(env.path("stranger.jpg")).expect("a file");
    let piped = env
        .run_with_input(&["detect", "-", "--json"], &bytes)
        .expect(0)
        .json();
    assert_eq!(text(&piped, "/pictures/0/path"), "-");
    assert_eq!(list(&piped, "/pictures/0/faces").len(), 1);
}

/// A file whose name looks like a pattern is that file.
#[test]
fn a_name_with_brackets_is_a_name() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    std::fs::rename(env.path("stranger.jpg"), env.path("stranger [1].jpg")).expect("renamed");
    let lines = env.json_lines(0, &["detect", "stranger [1].jpg"]);
    assert_eq!(lines.len(), 1);
}

#[test]
fn options_of_detection_are_honoured() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.side_by_side("people/Azra_Akin/1.jpg", "stranger.jpg", "both.png");
    let n_faces = |options: &[&str]| {
        let document = env.json(0, &[&["detect", "both.png"], options].concat());
        number(&document, "/faces")
    };
    assert_eq!(n_faces(&[]), 2.0);
    assert_eq!(n_faces(&["--largest-face"]), 1.0);
    assert_eq!(n_faces(&["--min-face", "400"]), 0.0);
    assert_eq!(n_faces(&["--confidence", "1"]), 0.0);
    assert_eq!(n_faces(&["--backend", "rten", "--threads", "1"]), 2.0);
    assert_eq!(n_faces(&["--detector", "fr-detect"]), 2.0);
}

/// One bad link or folder does not spoil the others.
#[test]
fn a_dangling_link_in_a_folder_is_named_and_the_rest_goes_on() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    link(&env.path("gone.jpg"), &env.path("people/gone.jpg"));
    let document = env.json(3, &["detect", "people"]);
    assert_eq!(list(&document, "/pictures").len(), 9);
    assert_eq!(number(&document, "/faces"), 8.0);
    assert_eq!(number(&document, "/failed"), 1.0);
}
