//! `prosopon split` and other commands that need no network.

use std::fs;

use prosopon::Image;

use crate::testenv::{TestEnv, list, number, text};

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
    assert!(error.contains("split again by the next run"), "{error}");
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
