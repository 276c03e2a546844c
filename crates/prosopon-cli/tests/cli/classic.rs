//! `prosopon split` and other commands that need no network.

use std::fs;

use prosopon::Image;

use crate::testenv::{PEOPLE, TestEnv, list, number, text};

/// A picture whose red says the column and whose green says the row.
fn numbered(width: u32, height: u32) -> Image {
    let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7]));
    Image::from_rgb(width, height, pixels.collect()).expect("a picture")
}

fn save(env: &TestEnv, path: &str, image: &Image) {
    let place = env.path(path);
    fs::create_dir_all(place.parent().expect("a folder")).expect("a folder");
    image.save(&place).expect("a file");
}

/// Paths of all files below `folder`, without the list of what was made.
fn files(env: &TestEnv, folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![env.path(folder)];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(env.path(folder)).expect("below");
            let name = name.to_string_lossy().replace('\\', "/");
            if path.is_dir() {
                folders.push(path);
            } else if !name.starts_with('.') {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn pictures_are_split_and_a_second_run_only_carries_on() {
    let env = TestEnv::without_models();
    save(&env, "in/a.png", &numbered(9, 4));
    save(&env, "in/sub/b.jpg", &numbered(64, 32));
    save(&env, "in/sub/b.png", &numbered(4, 4));
    env.write("in/broken.jpg", "no picture");
    let document = env.json(3, &["split", "in", "out"]);
    assert_eq!(number(&document, "/written"), 6.0, "{document:#}");
    assert_eq!(text(&document, "/failed/0/path"), "in/broken.jpg");
    assert_eq!(text(&document, "/failed/0/error/code"), "not_a_picture");
    let names = [
        "a-1.png",
        "a-2.png",
        "sub/b-1.jpg",
        "sub/b-2.jpg",
        "sub/b_png-1.png",
        "sub/b_png-2.png",
    ];
    assert_eq!(files(&env, "out"), names);
    // Lossless, and the middle column belongs to the right half.
    let (left, right) = (
        env.read_picture("out/a-1.png"),
        env.read_picture("out/a-2.png"),
    );
    assert_eq!((left.width(), right.width()), (4, 5));
    assert_eq!(right.pixels()[..6], [4, 0, 7, 5, 0, 7]);

    // Nothing is done twice; what was lost is made again.
    fs::remove_file(env.path("out/sub/b-2.jpg")).expect("it was there");
    let document = env.json(3, &["split", "in", "out"]);
    assert_eq!(number(&document, "/kept"), 2.0, "{document:#}");
    assert_eq!(number(&document, "/written"), 2.0);
    assert_eq!(files(&env, "out"), names);

    // Files of others stay, whatever they are called.
    env.write("out/c-2.png", "somebody's");
    save(&env, "in/c.png", &numbered(6, 6));
    let document = env.json(3, &["split", "in", "out"]);
    assert_eq!(text(&document, "/failed/1/error/code"), "file_exists");
    assert_eq!(
        fs::read(env.path("out/c-2.png")).expect("a file"),
        b"somebody's"
    );
    assert!(!env.path("out/c-1.png").exists());

    let error = env.run(&["split", "in", "in/out"]).expect(2).stderr;
    assert!(error.contains("the next run would take"), "{error}");
}

#[test]
fn grids_go_into_folders_by_column_with_equal_parts() {
    let env = TestEnv::without_models();
    save(&env, "in/x/sheet.png", &numbered(7, 5));
    let args = [
        "split",
        "in",
        "out",
        "--columns",
        "2",
        "--rows",
        "2",
        "--by",
        "column",
        "--into-folders",
        "--equal",
    ];
    let document = env.json(0, &args);
    assert_eq!(number(&document, "/pictures/0/columns_left_out"), 1.0);
    assert_eq!(number(&document, "/pictures/0/rows_left_out"), 1.0);
    assert_eq!(list(&document, "/pictures/0/parts").len(), 4);
    let names = [
        "1/x/sheet.png",
        "2/x/sheet.png",
        "3/x/sheet.png",
        "4/x/sheet.png",
    ];
    assert_eq!(files(&env, "out"), names);
    // The second part lies below the first.
    let second = env.read_picture("out/2/x/sheet.png");
    assert_eq!((second.width(), second.height()), (3, 2));
    assert_eq!(second.pixels()[..3], [0, 3, 7]);
    let said = env.run(&["split", "in/x/sheet.png", "one"]).text();
    assert!(
        said.contains("1 picture split into 2 parts, 2 files written"),
        "{said}"
    );
    assert_eq!(files(&env, "one"), ["sheet-1.png", "sheet-2.png"]);
}

/// Waves in every colour, so that no part is flat, with a white square at `patch`.
fn waves(width: u32, height: u32, patch: Option<(u32, u32)>) -> Image {
    let pixels = (0..height).flat_map(|y| {
        (0..width).flat_map(move |x| {
            let inside = |at: u32, start: u32| (start..start + 20).contains(&at);
            if patch.is_some_and(|(left, top)| inside(x, left) && inside(y, top)) {
                return [255; 3];
            }
            let wave = |step: f64| (f64::from(x * 3 + y * y / 9) / step).sin();
            [5.0, 7.0, 11.0].map(|step| (128.0 + 90.0 * wave(step)) as u8)
        })
    });
    Image::from_rgb(width, height, pixels.collect()).expect("a picture")
}

#[test]
fn differences_are_boxed_and_told() {
    let env = TestEnv::without_models();
    save(&env, "a.png", &waves(160, 120, None));
    save(&env, "b.png", &waves(160, 120, Some((90, 40))));
    save(&env, "small.png", &waves(100, 120, None));
    let same = env.json(0, &["diff", "a.png", "a.png"]);
    assert_eq!(number(&same, "/ssim"), 1.0);
    assert_eq!(same["is_same"], true);

    let document = env.json(1, &["diff", "a.png", "b.png", "--out", "d"]);
    let regions = list(&document, "/regions");
    assert_eq!(regions.len(), 1, "{document:#}");
    assert!((number(&regions[0], "/left") - 90.0).abs() <= 3.0);
    assert!((number(&regions[0], "/top") - 40.0).abs() <= 3.0);
    let names = ["a.png", "b.png", "difference.png", "mask.png"];
    assert_eq!(files(&env, "d"), names);
    assert_eq!(list(&document, "/out").len(), 4);
    assert_eq!(env.read_picture("d/mask.png").width(), 160);
    let said = env
        .run(&["diff", "a.png", "b.png", "--color", "--out", "d.html"])
        .expect(1);
    assert!(
        said.stdout.contains("different: structural similarity 0.9"),
        "{}",
        said.stdout
    );
    let html = fs::read_to_string(env.path("d.html")).expect("a page");
    assert_eq!(html.matches("<img").count(), 4);
    env.run(&["diff", "a.png", "b.png", "--min-ssim", "0.5"])
        .expect(0);
    env.run(&["diff", "a.png", "b.png", "--min-area", "5000"])
        .expect(0);

    let refused = env.run(&["diff", "a.png", "small.png"]).expect(3).stderr;
    assert!(
        refused.contains("160 × 120 and 100 × 120") && refused.contains("--fit crop"),
        "{refused}"
    );
    let document = env.json(1, &["diff", "a.png", "small.png", "--fit", "resize"]);
    assert_eq!(
        (text(&document, "/fit"), number(&document, "/width")),
        ("resize", 160.0)
    );
    let document = env.json(1, &["diff", "a.png", "small.png", "--fit", "crop"]);
    assert_eq!(number(&document, "/width"), 100.0);
    assert_eq!(
        text(&env.json(3, &["diff", "a.png", "none.png"]), "/error/code"),
        "unreadable_file"
    );
}

#[test]
fn gradients_are_drawn_for_each_picture_and_on_sheets() {
    let env = TestEnv::without_models();
    save(&env, "in/a.png", &waves(60, 40, None));
    save(&env, "in/b.png", &numbered(50, 50));
    env.write("in/broken.png", "no picture");
    let document = env.json(3, &["gradients", "in", "--out", "g"]);
    assert_eq!(list(&document, "/pictures").len(), 2);
    assert_eq!(text(&document, "/failed/0"), "in/broken.png");
    // Red grows by 1 a column, green by 1 a row, of which 30 % and 59 % reach the grey level; Sobel weighs 8.
    assert!(
        (number(&document, "/pictures/1/mean_x") - 0.299 * 8.0).abs() < 0.2,
        "{document:#}"
    );
    assert!((number(&document, "/pictures/1/mean_y") - 0.587 * 8.0).abs() < 0.3);
    assert!((number(&document, "/pictures/1/axis_degrees") - 63.0).abs() < 4.0);
    let expected = ["gradient_x", "gradient_y", "magnitude", "orientation"];
    assert_eq!(document["views"], serde_json::json!(expected));
    for view in expected {
        assert_eq!(env.read_picture(&format!("g/in_a-{view}.png")).width(), 60);
        assert!(env.read_picture(&format!("g/sheet-{view}.png")).width() > 200);
    }
    let document = env.json(0, &["gradients", "in/a.png", "--out", "v", "--view", "all"]);
    let n = list(&document, "/views").len();
    assert!(n >= 11);
    assert_eq!(files(&env, "v").len(), 2 * n);
    let said = env.run(&["gradients", "in/a.png"]).text();
    assert!(
        said.contains("coherence") && said.contains("`--out DIR` draws them"),
        "{said}"
    );
    let said = env
        .run(&["gradients", "in/a.png", "--view", "nosuch"])
        .expect(2)
        .stderr;
    assert!(said.contains("one of gray, equalised"), "{said}");
}

#[test]
fn before_and_after_are_compared_end_to_end() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let [one, two, ..] = PEOPLE;
    fs::create_dir(env.path("pairs")).expect("a folder");
    let (a, b) = (format!("people/{one}/1.jpg"), format!("people/{one}/2.jpg"));
    env.side_by_side(&a, &b, "pairs/same.jpg");
    env.side_by_side(&a, &format!("people/{two}/1.jpg"), "pairs/two.jpg");
    Image::filled(250, 250, [90; 3])
        .save(&env.path("empty.png"))
        .expect("a file");
    env.side_by_side(&a, "empty.png", "pairs/missing.jpg");

    let args = [&["before-after", "pairs", "--csv", "p.csv"], env.decision()].concat();
    let document = env.json(3, &args);
    let pairs = list(&document, "/pairs");
    assert_eq!(pairs.len(), 2, "{document:#}");
    assert_eq!(
        (text(&pairs[0], "/name"), text(&pairs[0], "/outcome")),
        ("same", "same")
    );
    assert_eq!(
        (text(&pairs[1], "/name"), text(&pairs[1], "/outcome")),
        ("two", "different")
    );
    assert!(number(&pairs[0], "/similarity") > number(&pairs[1], "/similarity") + 0.2);
    assert!(number(&pairs[0], "/ssim") < 1.0 && number(&pairs[0], "/dhash") <= 64.0);
    assert_eq!(text(&document, "/incomplete/0/name"), "missing");
    assert_eq!(number(&document, "/incomplete/0/after_faces"), 0.0);
    let html = fs::read_to_string(env.path("before-after.html")).expect("a page");
    assert_eq!(html.matches("<td><img").count(), 4);
    assert!(html.contains("no face after") && !html.contains("<script"));
    let csv = fs::read_to_string(env.path("p.csv")).expect("a file");
    assert_eq!(csv.lines().count(), 3, "{csv}");

    // What `split` made is compared alike, but for its JPEG.
    fs::remove_file(env.path("pairs/missing.jpg")).expect("it was there");
    env.run(&[
        "split",
        "pairs",
        "halves",
        "--into-folders",
        "--format",
        "png",
    ])
    .expect(0);
    let args = [&["before-after", "halves/1", "halves/2"], env.decision()].concat();
    let split = env.json(0, &args);
    for field in ["/similarity", "/ssim", "/phash"] {
        let found = list(&split, "/pairs")
            .iter()
            .map(|pair| number(pair, field));
        let expected = pairs.iter().map(|pair| number(pair, field));
        assert!(found.eq(expected), "{field}: {split:#}");
    }
    let aligned = env.json(1, &["diff", &a, &b, "--fit", "align"]);
    assert_eq!(number(&aligned, "/width"), 224.0);
    assert!(number(&aligned, "/ssim") > 0.2);
}
