//! `prosopon evaluate` and `prosopon calibrate`.

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
    assert!(said.contains("EER       0.00 %"), "{said}");
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
    let said = env.run(&["calibrate", "people"]).text();
    assert!(
        said.contains("[calibration]") && said.contains("fmr = 1e-1"),
        "{said}"
    );
}
