//! `prosopon evaluate` and `prosopon calibrate`.

use serde_json::Value;

use crate::common::shared;
use crate::testenv::{TestEnv, list, number, pictures_of, text};

/// Four genuine and four impostor pairs in two folds.
#[test]
fn a_short_list_of_pairs_is_evaluated() {
    let Some(env) = TestEnv::new() else { return };
    let Some(lfw) = shared("data/lfw/images") else {
        return;
    };
    let pairs = "2\t2
Amelia_Vega\t1\t2
Azra_Akin\t1\t2
Amelia_Vega\t1\tAzra_Akin\t1
Amelia_Vega\t2\tAnna_Kournikova\t3
Anna_Kournikova\t1\t3
Azra_Akin\t2\t3
Azra_Akin\t3\tAnna_Kournikova\t1
Amelia_Vega\t3\tAzra_Akin\t2
";
    // The shared data has only some of the pictures; take the numbers that are there.
    let number_of = |name: &str, i: usize| {
        let files = pictures_of(&lfw.join(name));
        let stem = files[(i - 1) % files.len()]
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        stem.rsplit('_')
            .next()
            .expect("a number")
            .parse::<usize>()
            .expect("a number")
            .to_string()
    };
    let mut text_of_pairs = String::new();
    for (i, line) in pairs.lines().enumerate() {
        let fields: Vec<&str> = line.split('\t').collect();
        let fields: Vec<String> = match fields[..] {
            [name, a, b] => vec![
                name.to_owned(),
                number_of(name, a.parse().expect("a number")),
                number_of(name, b.parse().expect("a number")),
            ],
            [a, i, b, j] => vec![
                a.to_owned(),
                number_of(a, i.parse().expect("a number")),
                b.to_owned(),
                number_of(b, j.parse().expect("a number")),
            ],
            _ => vec![line.to_owned()],
        };
        assert!(i == 0 || fields.len() > 2);
        text_of_pairs += &(fields.join("\t") + "\n");
    }
    env.write("pairs.txt", text_of_pairs);
    let images = lfw.to_string_lossy();
    let args = [
        "evaluate",
        "pairs",
        "--pairs",
        "pairs.txt",
        "--images",
        &images,
    ];
    let report = env.json(0, &args);
    assert_eq!(number(&report, "/pairs"), 8.0);
    assert_eq!(number(&report, "/undetected"), 0.0);
    // Four pairs are too few for a threshold that fits the other four, but all are in order.
    assert!(number(&report, "/accuracy") >= 0.5, "{report:#}");
    assert_eq!(number(&report, "/eer"), 0.0);
    assert!(report["tar_at_far"].is_object());
    assert!(list(&report, "/unusable_pictures").is_empty());
    assert!(text(&report, "/model").starts_with("fr-feature@"));
    let said = env.run(&args).text();
    assert!(said.contains("EER       0 %"), "{said}");
}

#[test]
fn lists_that_cannot_be_used_are_named() {
    let env = TestEnv::without_models();
    env.write("pairs.txt", "2 2\nonly one line\n");
    let run = |pairs: &str| env.json(3, &["evaluate", "pairs", "--pairs", pairs, "--images", "."]);
    assert_eq!(text(&run("pairs.txt"), "/error/code"), "invalid_pairs");
    assert_eq!(text(&run("missing.txt"), "/error/code"), "unreadable_file");
}

#[test]
fn a_folder_of_people_gives_thresholds() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    // Each of 8 faces with the 6 of other people are too few for two rates.
    let refused = env.json(3, &["calibrate", "people"]);
    assert!(text(&refused, "/error/hint").contains("more people"));

    let lfw = shared("data/lfw/images").expect("the people come from there");
    for person in pictures_of(&lfw).iter().take(12) {
        let picture = &pictures_of(person)[0];
        let name = person.file_name().expect("a name").to_string_lossy();
        let bytes = std::fs::read(picture).expect("a picture");
        env.write(&format!("people/{name}/1.jpg"), bytes);
    }
    let document = env.json(0, &["calibrate", "people", "--source", "a test"]);
    assert_eq!(number(&document, "/people"), 16.0);
    assert_eq!(number(&document, "/faces"), 20.0);
    assert_eq!(number(&document, "/calibration/comparisons"), 186.0);
    assert_eq!(text(&document, "/calibration/source"), "a test");
    let first = &list(&document, "/calibration/points")[0];
    assert_eq!(number(first, "/fmr"), 0.1);
    assert!(
        (12.0..=18.0).contains(&number(first, "/false_matches")),
        "{first}"
    );
    let (low, high) = (
        number(first, "/fmr_interval/0"),
        number(first, "/fmr_interval/1"),
    );
    assert!(
        0.0 < low && low < 0.1 && 0.1 < high && high < 0.5,
        "{first}"
    );
    let worst = list(&document, "/worst");
    assert_eq!(worst.len(), 5);
    assert_ne!(
        worst[0]["faces"][0]["person"],
        worst[0]["faces"][1]["person"]
    );
    assert!(document["stored"].is_null() && document["check"].is_null());

    let outcome = env.run(&["calibrate", "people", "--check"]).expect(0);
    let said = &outcome.stdout;
    assert!(
        said.contains("[calibration]") && said.contains("fmr = 1e-1"),
        "{said}"
    );
    assert!(
        said.contains("# most similar faces") && said.contains(" hold"),
        "{said}"
    );
    assert!(
        outcome.stderr.contains("nothing was stored"),
        "{}",
        outcome.stderr
    );

    stored_calibrations_decide(&env);
}

/// Goes on with the people and pictures of `env`.
fn stored_calibrations_decide(env: &TestEnv) {
    let basis = |document: &Value| text(document, "/calibration").to_owned();
    let pair = [
        "verify",
        "people/Amelia_Vega/1.jpg",
        "people/Amelia_Vega/2.jpg",
    ];
    let verify = |status: i32, more: &[&str]| env.json(status, &[&pair, more].concat());
    assert_eq!(basis(&verify(0, &[])), "catalogue");

    // For the model: every command decides by it.
    let rates = [
        "--fmr",
        "1e-2",
        "--uncertain-fmr",
        "1e-1",
        "--source",
        "sixteen people",
    ];
    let calibrate = |target: &[&'static str]| [&["calibrate", "people"], target, &rates].concat();
    let stored = env.json(0, &calibrate(&["--for", "model"]));
    assert_eq!(text(&stored, "/stored/for"), "model");
    let answer = verify(0, &[]);
    assert_eq!(basis(&answer), "own");
    assert_eq!(text(&answer, "/calibration_source"), "sixteen people");
    assert_eq!(number(&answer, "/fmr"), 0.01);
    assert_eq!(number(&answer, "/uncertain_fmr"), 0.1);
    assert_eq!(number(&verify(0, &["--fmr", "0.05"]), "/fmr"), 0.05);
    assert!(verify(0, &["--uncertain-fmr", "0"])["uncertain_threshold"].is_null());

    // For a gallery: it goes before the model's.
    env.run(&["enrol", "people", "--largest-face"]).expect(0);
    let identify = || env.json(0, &["identify", "stranger.jpg"]);
    assert_eq!(basis(&identify()), "own");
    let mut args = calibrate(&["--for", "gallery"]);
    args[5] = "1e-1";
    args[7] = "0";
    let stored = env.run(&args).expect(0).stdout;
    assert!(stored.contains("stored for the gallery") && !stored.contains("[calibration]"));
    let answer = identify();
    assert_eq!(basis(&answer), "gallery");
    assert_eq!(number(&answer, "/fmr"), 0.1);
    let gallery = env.path("home/gallery.db");
    let gallery = gallery.to_str().expect("a path");
    assert_eq!(basis(&verify(0, &["--gallery", gallery])), "gallery");

    let shown = env.json(0, &["calibrate", "show"]);
    let origins: Vec<&str> = list(&shown, "/calibrations")
        .iter()
        .map(|table| text(table, "/origin"))
        .collect();
    assert_eq!(origins, ["gallery", "own", "catalogue"]);
    let said = env.run(&["calibrate", "show"]).text();
    assert!(said.contains("decides by the gallery's own"), "{said}");

    // It goes along with an export, and away again.
    env.run(&["people", "export", "--out", "all.jsonl"])
        .expect(0);
    let imported = env.json(
        0,
        &["people", "import", "all.jsonl", "--gallery", "copy.db"],
    );
    assert_eq!(imported["calibration_added"], true);
    for (target, left) in [("gallery", "own"), ("model", "catalogue")] {
        let cleared = env.json(0, &["calibrate", "clear", "--for", target]);
        assert_eq!(cleared["cleared"], true);
        assert_eq!(basis(&identify()), left);
        let again = env.json(0, &["calibrate", "clear", "--for", target]);
        assert_eq!(again["cleared"], false);
    }

    // What cannot be is said before the work.
    let order = [
        "calibrate",
        "people",
        "--for",
        "model",
        "--fmr",
        "1e-2",
        "--uncertain-fmr",
        "1e-3",
    ];
    assert_eq!(text(&env.json(2, &order), "/error/code"), "invalid_rates");
}

#[test]
fn a_list_of_pairs_says_who_is_compared() {
    let Some(env) = TestEnv::new() else { return };
    let Some(lfw) = shared("data/lfw/images") else {
        return;
    };
    // The first twelve people with two pictures, six in each fold.
    let mut people = pictures_of(&lfw).into_iter().filter_map(|folder| {
        let files = pictures_of(&folder);
        let number = |i: usize| {
            let stem = files.get(i)?.file_stem()?.to_str()?.to_owned();
            stem.rsplit('_').next()?.parse::<u32>().ok()
        };
        let name = folder.file_name()?.to_str()?.to_owned();
        Some((name, number(0)?, number(1)?))
    });
    let mut pairs = "2\t6\n".to_owned();
    for _ in 0..2 {
        let fold: Vec<_> = people.by_ref().take(6).collect();
        for (name, a, b) in &fold {
            pairs += &format!("{name}\t{a}\t{b}\n");
        }
        for i in 0..6 {
            let (one, other) = (&fold[i], &fold[(i + 1) % 6]);
            pairs += &format!("{}\t{}\t{}\t{}\n", one.0, one.1, other.0, other.1);
        }
    }
    env.write("pairs.txt", pairs);
    let images = lfw.to_string_lossy();
    let args = ["calibrate", "--pairs", "pairs.txt", "--images", &images];
    let document = env.json(0, &[&args[..], &["--check"]].concat());
    assert_eq!(number(&document, "/people"), 12.0);
    // Every two faces of different people, not only the listed pairs.
    assert_eq!(number(&document, "/calibration/comparisons"), 264.0);
    let parts = list(&document, "/check");
    assert_eq!(parts.len(), 2);
    assert_eq!(
        (number(&parts[0], "/part"), number(&parts[0], "/people")),
        (1.0, 6.0)
    );
    let one = env.json(3, &[&args[..], &["--folds", "2"]].concat());
    assert!(
        text(&one, "/error/hint").contains("more people"),
        "60 comparisons give one rate only"
    );
    assert_eq!(
        text(
            &env.json(2, &[&args[..], &["--folds", "3"]].concat()),
            "/error/code"
        ),
        "usage"
    );
}
