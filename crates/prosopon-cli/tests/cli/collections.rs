//! `prosopon dedupe` and `prosopon explore`: what is in folders of pictures.

use std::fs;

use prosopon::Image;
use prosopon::image::{Region, ResizeFilter};

use crate::common::shared;
use crate::testenv::{PEOPLE, TestEnv, list, number, pictures_of, text};

/// Some photographs as `photos/0.jpg` …
fn photographs(env: &TestEnv, n: usize) -> Option<Vec<Image>> {
    let files = pictures_of(&shared("data/hobbit/dataset/elijah_wood")?);
    let photos = files
        .iter()
        .step_by(5)
        .take(n)
        .enumerate()
        .map(|(i, file)| {
            let name = format!("photos/{i}.jpg");
            env.write(&name, fs::read(file).expect("a file"));
            env.read_picture(&name)
        });
    Some(photos.collect())
}

#[test]
fn copies_are_grouped_and_nothing_is_deleted() {
    let env = TestEnv::without_models();
    let Some(photos) = photographs(&env, 6) else {
        return;
    };
    let original = &photos[2];
    let (width, height) = (original.width(), original.height());
    let half = original.resized(width / 2, height / 2, ResizeFilter::Area);
    half.expect("a size")
        .save(&env.path("photos/half.png"))
        .expect("a file");
    let part = Region {
        left: width / 20,
        top: height / 30,
        width: width * 9 / 10,
        height: height * 9 / 10,
    };
    let jpeg = original.cropped(part).and_then(|part| part.encode_jpeg(40));
    env.write("photos/cut.jpg", jpeg.expect("a JPEG"));
    env.write(
        "photos/same.jpg",
        fs::read(env.path("photos/2.jpg")).expect("a file"),
    );
    env.write("photos/broken.jpg", "no picture");

    let args = [
        "dedupe", "photos", "--csv", "c.csv", "--sheet", "s.png", "--hashes",
    ];
    let document = env.json(3, &args);
    assert_eq!(number(&document, "/pictures"), 9.0);
    assert_eq!(number(&document, "/copies"), 3.0);
    assert_eq!(text(&document, "/failed/0"), "photos/broken.jpg");
    assert_eq!(list(&document, "/groups").len(), 1, "{document:#}");
    // A file that is named twice is no copy of itself.
    let twice = env.json(3, &["dedupe", "photos/2.jpg", "./photos"]);
    assert_eq!(number(&twice, "/copies"), 3.0);
    let group = list(&document, "/groups/0/pictures");
    let of = |name: &str| {
        let path = format!("photos/{name}");
        group
            .iter()
            .find(|p| text(p, "/path") == path)
            .unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(text(&group[0], "/likeness"), "best");
    assert_eq!(text(of("2.jpg"), "/likeness"), "best");
    assert_eq!(text(of("same.jpg"), "/likeness"), "exact");
    assert!(number(of("half.png"), "/ssim") > 0.9);
    assert!(number(of("cut.jpg"), "/ssim") > 0.75);
    assert_eq!(list(&document, "/hashes").len(), 9);
    assert_eq!(text(&document, "/hashes/0/phash").len(), 16);
    let csv = fs::read_to_string(env.path("c.csv")).expect("a file");
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert!(env.read_picture("s.png").width() > 500);
    assert_eq!(pictures_of(&env.path("photos")).len(), 10);

    let said = env
        .run(&["dedupe", "photos/2.jpg", "photos/half.png"])
        .text();
    assert!(
        said.contains("1 group with 1 copy") && said.contains("nothing was deleted"),
        "{said}"
    );
    for hash in ["ahash", "phash", "dhash", "whash"] {
        let document = env.json(
            0,
            &[
                "dedupe",
                "photos/2.jpg",
                "photos/half.png",
                "photos/3.jpg",
                "--by",
                hash,
            ],
        );
        assert_eq!(number(&document, "/copies"), 1.0, "{hash}: {document:#}");
        assert_eq!(text(&document, "/groups/0/pictures/1/likeness"), "hash");
    }
}

#[test]
fn wrong_labels_copies_and_second_names_are_found() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let lfw = shared("data/lfw/images").expect("the people come from there");
    // A third picture of each, so that there is a majority.
    for name in PEOPLE {
        if let Some(third) = pictures_of(&lfw.join(name)).get(2) {
            let bytes = fs::read(third).expect("a file");
            env.write(&format!("people/{name}/3.jpg"), bytes);
        }
    }
    let [first, second, third, ..] = PEOPLE;
    // One lies in a wrong folder, and one is there twice.
    let read = |path: String| fs::read(env.path(&path)).expect("a file");
    env.write(
        &format!("people/{second}/wrong.jpg"),
        read(format!("people/{first}/1.jpg")),
    );
    env.write(
        "people/nickname/1.jpg",
        read(format!("people/{third}/2.jpg")),
    );
    let document = env.json(0, &["explore", "people", "--plant", "0.1", "--seeds", "2"]);
    let labels = list(&document, "/labels");
    assert!(
        text(&labels[0], "/path").ends_with("wrong.jpg"),
        "{labels:#?}"
    );
    assert_eq!(text(&labels[0], "/identity"), second);
    assert_eq!(text(&labels[0], "/likely"), first);
    let names = list(&document, "/same_people/0/identities");
    assert!(names.iter().any(|name| name == "nickname"), "{names:?}");
    assert_eq!(list(&document, "/repeated").len(), 2);
    assert_eq!(document["repeated"][0]["across_people"], true);
    assert_eq!(list(&document, "/planted").len(), 2);
    assert_eq!(number(&document, "/planted/0/seed"), 1.0);

    let html = fs::read_to_string(env.path("explore.html")).expect("a page");
    assert!(html.contains("wrong.jpg") && html.contains("Neighbourhoods"));
    assert!(!html.contains("<script") && !html.contains("src=\"http"));
    let stored = fs::read_to_string(env.path("explore.json")).expect("a file");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&stored).expect("JSON"),
        document
    );
    let said = env.run(&["explore", "people"]).text();
    assert!(
        said.contains("looks like") && said.contains("wrote explore.html"),
        "{said}"
    );
}
