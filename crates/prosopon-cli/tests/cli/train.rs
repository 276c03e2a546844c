//! `prosopon train` and `predict`: from a folder to answers, and what is said of folders that teach nothing.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use prosopon::Image;

use crate::common::shared;
use crate::testenv::{TestEnv, list, number, text};

/// The first pictures of these people of the ORL faces as `orl/NAME/1.pgm` …
fn orl(env: &TestEnv, people: u32, pictures: u32) -> Option<()> {
    let source = shared("data/orl")?;
    // The sample begins with the second.
    for person in 2..2 + people {
        for i in 1..=pictures {
            let picture = fs::read(source.join(format!("s{person}/{i}.pgm"))).expect("a picture");
            env.write(&format!("orl/s{person}/{i}.pgm"), picture);
        }
    }
    Some(())
}

/// Pictures of two kinds that are easily told apart: stripes that lie and stripes that stand.
fn stripes(env: &TestEnv, folder: &str, (width, height): (u32, u32), kind: usize, n: usize) {
    let mut random = fastrand::Rng::with_seed(7 + kind as u64);
    for i in 0..n {
        let period = random.u32(4..9);
        let pixels = (0..width * height).flat_map(|place| {
            let at = if kind == 0 {
                place % width
            } else {
                place / width
            };
            let level = if (at / (period / 2)).is_multiple_of(2) {
                40
            } else {
                200
            };
            [level + random.u8(..50); 3]
        });
        let image = Image::from_rgb(width, height, pixels.collect()).expect("a picture");
        env.write(
            &format!("{folder}/{i}.png"),
            image.encode_png().expect("a picture"),
        );
    }
}

const AS_IS: [&str; 4] = ["--faces", "as-is", "--feature", "hog"];

#[test]
fn faces_are_learnt_measured_kept_and_recognised() {
    let env = TestEnv::without_models();
    if orl(&env, 5, 10).is_none() {
        return;
    }
    let trained = env.json(0, &[&["train", "orl"], &AS_IS[..]].concat());
    assert_eq!(
        (text(&trained, "/name"), number(&trained, "/version")),
        ("orl", 1.0)
    );
    assert_eq!(list(&trained, "/card/classes").len(), 5);
    let report = &trained["report"];
    assert!(number(report, "/evaluations/0/accuracy") > 0.8, "{report}");
    assert_eq!(list(report, "/evaluations/1/fold_accuracies").len(), 5);
    assert_eq!(number(&trained, "/card/n_training"), 37.0);
    assert_eq!(number(&trained, "/card/n_held_out"), 13.0);
    for file in [
        "class_dictionary.json",
        "report.json",
        "confusion.csv",
        "confusion.svg",
    ] {
        assert!(
            env.path("home/classifiers/orl/1").join(file).is_file(),
            "{file}"
        );
    }
    let page = fs::read_to_string(env.path("home/classifiers/orl/1/report.html")).expect("a page");
    assert!(
        page.contains("data:image/jpeg;base64,")
            || page.contains("no mistakes")
            || page.contains("s1")
    );
    let dictionary = fs::read_to_string(env.path("home/classifiers/orl/1/class_dictionary.json"));
    assert!(dictionary.expect("a file").contains("\"s3\": 1"));

    let answers = env.json(0, &["predict", "orl", "orl/s3/1.pgm", "orl/s5"]);
    assert_eq!(number(&answers, "/version"), 1.0);
    assert_eq!(list(&answers, "/pictures").len(), 11);
    let face = &answers["pictures"][0]["faces"][0];
    assert_eq!(text(face, "/class"), "s3");
    let sum: f64 = list(face, "/probabilities")
        .iter()
        .filter_map(serde_json::Value::as_f64)
        .sum();
    assert!((sum - 1.0).abs() < 1e-6);
    assert!(face["bounding_box"].is_null());
    let said = env
        .run(&["predict", "orl@1", "orl/s3/1.pgm", "--reject=1"])
        .text();
    assert!(said.starts_with("orl/s3/1.pgm: unknown ("), "{said}");

    // Somebody whom it never saw is taken for one of its people, and marked where that is hardly sure.
    let stranger =
        fs::read(shared("data/orl").expect("faces").join("s9/1.pgm")).expect("a picture");
    for i in 0..3 {
        env.write(&format!("others/{i}.pgm"), &stranger);
    }
    env.write("others/broken.jpg", b"\xff\xd8\xff\xe0 and no more");
    let answers = env.json(3, &["predict", "orl", "orl/s3", "others"]);
    let unsure_below = number(&answers, "/unsure_below");
    assert!(unsure_below >= 0.5, "{unsure_below}");
    for picture in list(&answers, "/pictures") {
        let face = &picture["faces"][0];
        assert_eq!(
            face["unsure"],
            number(face, "/probability") < unsure_below,
            "{face:#}"
        );
    }
    let failed = list(&answers, "/failed");
    assert_eq!(failed.len(), 1);
    assert_eq!(
        text(&failed[0], "/message").matches("broken.jpg").count(),
        1
    );
    let outcome = env.run(&["predict", "orl", "others/0.pgm"]).expect(0);
    let is_marked = outcome.stdout.contains(" %, unsure)");
    assert_eq!(
        is_marked,
        outcome.stderr.contains("note: 1 answer is less sure"),
        "{}",
        outcome.stdout
    );
    println!("a stranger: {}", outcome.stdout);

    // Again, with the same seed and other learners: a candidate.
    let grid = [
        &[
            "train",
            "orl",
            "--grid",
            "--candidate",
            "knn:n_neighbors=1",
            "--candidate",
            "pca:5+svc",
        ],
        &AS_IS[..],
    ];
    let trained = env.json(0, &grid.concat());
    assert_eq!(number(&trained, "/version"), 2.0);
    assert_eq!(list(&trained, "/report/grid").len(), 2);
    let answers = env.json(0, &["predict", "orl@candidate", "orl/s3/1.pgm"]);
    assert_eq!(number(&answers, "/version"), 2.0);
}

#[test]
fn values_are_kept_and_learnt_from_again() {
    let env = TestEnv::without_models();
    if orl(&env, 3, 6).is_none() {
        return;
    }
    let first = [
        &[
            "train",
            "orl",
            "--save-features",
            "values",
            "--out",
            "one",
            "--seed",
            "3",
        ],
        &AS_IS[..],
    ];
    let first = env.json(0, &first.concat());
    assert!(first["version"].is_null());
    let again = env.json(
        0,
        &[
            "train",
            "values",
            "--out",
            "two",
            "--seed",
            "3",
            "--learner",
            "scale+svc",
        ],
    );
    for place in [
        "/report/evaluations/0/confusion",
        "/report/evaluations/1/fold_accuracies",
    ] {
        assert_eq!(first.pointer(place), again.pointer(place), "{place}");
    }
    // It still knows how to see a picture.
    let answers = env.json(0, &["predict", "two", "orl/s2/1.pgm"]);
    assert_eq!(text(&answers["pictures"][0], "/faces/0/class"), "s2");
    // Numbers of others have no pictures.
    let x =
        ndarray::Array2::from_shape_fn((12, 3), |(i, j)| (i % 2 * 4 + j) as f32 + i as f32 / 50.0);
    let y = ndarray::Array1::from_shape_fn(12, |i| i as i64 % 2);
    let mut archive =
        ndarray_npy::NpzWriter::new(fs::File::create(env.path("x.npz")).expect("a file"));
    archive.add_array("X", &x).expect("an array");
    archive.add_array("y", &y).expect("an array");
    archive.finish().expect("an archive");
    let said = env.run(&["train", "x.npz"]).text();
    assert!(said.contains("kept as x@1, with report.html"), "{said}");
    assert!(!said.contains("candidate"), "{said}");
    let said = env.run(&["train", "x.npz"]).text();
    assert!(said.contains("`prosopon classifiers promote x`"), "{said}");
    let said = env.run(&["predict", "x", "orl/s2/1.pgm"]).fails(4);
    assert!(said.contains("numbers that were made elsewhere"), "{said}");
}

/// Runs a training that must fail, and gives what it says.
fn fails(env: &TestEnv, status: i32, args: &[&str]) -> String {
    let said = env.run(&[&["train"], args].concat()).fails(status);
    assert!(said.contains("hint: "), "{said}");
    said
}

#[test]
fn folders_that_teach_nothing_are_told_so() {
    let env = TestEnv::without_models();
    let as_is = |folder| [&[folder], &AS_IS[..]].concat();
    stripes(&env, "one/lying", (24, 24), 0, 4);
    let said = fails(&env, 3, &as_is("one"));
    assert!(
        said.contains("at least two classes, found only `lying`"),
        "{said}"
    );
    let said = fails(&env, 3, &as_is("one/lying"));
    assert!(said.contains("found pictures beside each other"), "{said}");
    let said = fails(&env, 3, &as_is("nowhere"));
    assert!(said.contains("found nothing"), "{said}");
    fs::create_dir_all(env.path("one/empty")).expect("a folder");
    let said = fails(&env, 3, &as_is("one"));
    assert!(said.contains("found only `lying`"), "{said}");

    // One picture of a class: it cannot stand on both sides.
    stripes(&env, "one/standing", (24, 24), 1, 1);
    let said = fails(&env, 3, &as_is("one"));
    assert!(
        said.contains("at least 2 samples of each class, found 1 of `standing`"),
        "{said}"
    );
    assert!(
        said.contains("the folder of class `empty` holds no picture"),
        "{said}"
    );
    let trained = env.json(
        0,
        &[
            &["train", "one", "--held-out", "0", "--folds", "0"],
            &AS_IS[..],
        ]
        .concat(),
    );
    assert_eq!(list(&trained, "/report/evaluations").len(), 0);

    // Unreadable files are listed and left out; a class of nothing else goes.
    env.write("one/broken/1.png", "no picture");
    env.write("one/standing/2.png", "no picture");
    stripes(&env, "one/standing/more", (24, 24), 1, 5);
    let out = env.run(&[&["train", "one", "--json"], &AS_IS[..]].concat());
    assert_eq!(out.status, 3, "{}", out.stderr);
    assert!(
        out.stderr.contains("one/") || out.stderr.contains("standing/2.png"),
        "{}",
        out.stderr
    );
    assert!(
        out.stderr
            .contains("no picture of class `broken` can be used"),
        "{}",
        out.stderr
    );
    let document: serde_json::Value = serde_json::from_str(&out.stdout).expect("a document");
    assert_eq!(list(&document, "/card/classes").len(), 2);

    // Wishes that no learner has.
    for (args, expected) in [
        (&["--feature", "colours"][..], "found `colours`"),
        (&["--learner", "svm"], "found `svm`"),
        (&["--learner", "svc:c=1"], "expected options C, kernel"),
        (
            &["--cnn", "alexnet"],
            "expected `hobbit`, `fer` or a file of layers",
        ),
        (&["--held-out", "1"], "a number from 0 to 0.9"),
        (&["--folds", "1"], "0 or a number from 2 to 100"),
        (&["--name", "../evil"], "found \"../evil\""),
        (&["--head"], "--out <DIR>"),
        (&["--metric", "--cnn", "embedder"], "--out <DIR>"),
    ] {
        let said = env
            .run(&[&["train", "one", "--faces", "as-is"], args].concat())
            .fails(2);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn a_folder_for_the_report_that_is_missing_is_told_before_the_work() {
    let env = TestEnv::without_models();
    stripes(&env, "two/standing", (24, 24), 0, 4);
    stripes(&env, "two/lying", (24, 24), 1, 4);
    for option in ["--report", "--onnx"] {
        let args = [&["train", "two", option, "nowhere/x"], &AS_IS[..]].concat();
        let said = env.run(&args).fails(5);
        assert!(said.contains("nowhere/x"), "{said}");
        assert!(said.contains("make the folder first"), "{said}");
    }
}

#[test]
fn names_of_other_scripts_and_three_pictures_are_enough() {
    let env = TestEnv::without_models();
    stripes(&env, "दो/横", (24, 24), 0, 2);
    stripes(&env, "दो/κάθετα", (24, 24), 1, 1);
    let trained = env.json(
        0,
        &[
            &["train", "दो", "--held-out", "0", "--learner", "centroid"],
            &AS_IS[..],
        ]
        .concat(),
    );
    assert_eq!(text(&trained, "/name"), "दो");
    let answers = env.json(0, &["predict", "दो", "दो/横/1.png"]);
    assert_eq!(text(&answers["pictures"][0], "/faces/0/class"), "横");
}

#[test]
fn ten_thousand_tiny_files_are_no_burden() {
    let env = TestEnv::without_models();
    let mut random = fastrand::Rng::with_seed(1);
    for i in 0..10_000u32 {
        let kind = (i % 2) as u8;
        let header = b"P5 2 2 255\n".to_vec();
        let levels = (0..4).map(|_| kind * 120 + random.u8(..120));
        let picture: Vec<u8> = header.into_iter().chain(levels).collect();
        env.write(
            &format!("tiny/{}/{i}.pgm", ["dark", "light"][kind as usize]),
            picture,
        );
    }
    let trained = env.json(
        0,
        &[
            "train",
            "tiny",
            "--faces",
            "as-is",
            "--feature",
            "gray",
            "--learner",
            "centroid",
        ],
    );
    assert_eq!(number(&trained, "/report/data/n_pictures"), 10_000.0);
}

#[test]
fn a_picture_without_a_face_is_no_sample() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    stripes(&env, "stripes/lying", (64, 64), 0, 2);
    stripes(&env, "stripes/standing", (64, 64), 1, 2);
    let said = fails(&env, 3, &["stripes"]);
    assert!(
        said.contains("no face that is wanted: lying/0.png"),
        "{said}"
    );
    assert!(said.contains("found none that can be used"), "{said}");
    // Two pictures of each of four people are few, but enough for embeddings.
    let trained = env.json(0, &["train", "people", "--held-out", "0.5", "--folds", "2"]);
    assert_eq!(
        number(&trained, "/report/evaluations/0/accuracy"),
        1.0,
        "{trained}"
    );
    let answers = env.json(0, &["predict", "people", "stranger.jpg"]);
    assert!(answers["pictures"][0]["faces"][0]["bounding_box"].is_object());
}

#[test]
fn a_network_goes_on_after_a_kill() {
    let env = TestEnv::without_models();
    stripes(&env, "bars/lying", (32, 32), 0, 60);
    stripes(&env, "bars/standing", (32, 32), 1, 60);
    let layers = "name = \"small\"\ninput = { width = 32, height = 32, channels = 1 }\n\
        [[layers]]\nkind = \"conv2d\"\nfilters = 8\nactivation = \"relu\"\n[[layers]]\nkind = \"max_pool2d\"\n\
        [[layers]]\nkind = \"flatten\"\n[[layers]]\nkind = \"dense\"\nunits = \"classes\"\nactivation = \"softmax\"\n";
    env.write("small.toml", layers);
    let args = [
        "train",
        "bars",
        "--faces",
        "as-is",
        "--cnn",
        "small.toml",
        "--epochs",
        "40",
        "--patience",
        "40",
        "--json",
    ];
    let mut child = env
        .command(&args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // Until an epoch is kept.
    let start = Instant::now();
    let is_kept = || {
        let folders = fs::read_dir(env.path("home/trainings"))
            .into_iter()
            .flatten()
            .flatten();
        folders
            .into_iter()
            .any(|folder| folder.path().join("network.checkpoint").is_file())
    };
    while !is_kept() && start.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(2));
    }
    let was_kept = is_kept();
    child.kill().expect("it runs");
    let status = child.wait().expect("it ends");
    assert!(was_kept, "no epoch was kept in a minute");
    let resumed = env.run(&args);
    assert_eq!(resumed.status, 0, "{}", resumed.stderr);
    if !status.success() {
        assert!(
            resumed.stderr.contains("going on with the samples"),
            "{}",
            resumed.stderr
        );
    }
    let resumed: serde_json::Value = serde_json::from_str(&resumed.stdout).expect("a document");
    assert!(
        number(&resumed, "/report/evaluations/0/accuracy") > 0.9,
        "{resumed}"
    );
    // The same weights as without the kill.
    let whole = env.json(0, &args[..args.len() - 1]);
    let losses = |document: &serde_json::Value| -> Vec<f64> {
        let epochs = list(document, "/report/history/epochs").iter();
        epochs
            .map(|epoch| number(epoch, "/validation_loss"))
            .collect()
    };
    assert_eq!(losses(&resumed), losses(&whole));
    assert!(
        !env.path("home/trainings")
            .read_dir()
            .expect("a folder")
            .any(|_| true)
    );
}
