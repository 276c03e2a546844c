//! `prosopon evaluate`: figures, reports, gates.

use std::fs;

use serde_json::Value;

use crate::common::shared;
use crate::testenv::{Outcome, PEOPLE, TestEnv, list, number, text};

/// The list of all genuine pairs of [`TestEnv::with_people`], and of as many impostors; the pictures
/// lie in `images`, named as the data set names them.
fn write_pairs(env: &TestEnv) {
    let (mut genuine, mut impostor) = (String::new(), String::new());
    for (i, name) in PEOPLE.iter().enumerate() {
        for number in 1..=2 {
            let picture = fs::read(env.path(&format!("people/{name}/{number}.jpg")));
            let copy = format!("images/{name}/{name}_{number:04}.jpg");
            env.write(&copy, picture.expect("a picture"));
        }
        let other = PEOPLE[(i + 1) % PEOPLE.len()];
        genuine += &format!("{name}\t1\t2\n");
        impostor += &format!("{name}\t1\t{other}\t2\n");
    }
    env.write("pairs.txt", format!("1\t4\n{genuine}{impostor}"));
}

const PAIRS: [&str; 6] = [
    "evaluate",
    "pairs",
    "--pairs",
    "pairs.txt",
    "--images",
    "images",
];

fn json_file(env: &TestEnv, name: &str) -> Value {
    let bytes = fs::read(env.path(name)).expect("a file");
    serde_json::from_slice(&bytes).expect("JSON")
}

#[test]
fn pairs_give_a_report_and_keep_their_gates() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    write_pairs(&env);
    let groups = "identity,group\nAmelia_Vega,one\nAnna_Kournikova,one\nAzra_Akin,two\n";
    env.write("groups.csv", groups);
    let options = [
        "--groups",
        "groups.csv",
        "--report",
        "report.html",
        "--thresholds",
        "0.3",
        "--gate",
        "eer<0.5",
        "--gate",
        "fnmr@threshold=0.3<=0.25",
        "--gate",
        "tar@far=0.25>=0.5",
    ];
    let document = env.json(0, &[&PAIRS[..], &options].concat());
    assert_eq!(number(&document, "/eer"), 0.0, "{document:#}");
    assert_eq!(number(&document, "/genuine"), 4.0);
    assert_eq!(number(&document, "/fnmr_at_fmr/0/fnmr/trials"), 4.0);
    assert_eq!(number(&document, "/tar_at_far/0.25"), 1.0);
    let gates = list(&document, "/gates");
    assert!(gates.iter().all(|gate| gate["pass"] == true), "{gates:?}");
    let groups = list(&document, "/groups/rates");
    assert_eq!(text(&groups[0], "/group"), "one");
    // Of the impostor pairs, those of the first two are within a group.
    assert_eq!(number(&groups[0], "/fmr/trials"), 1.0);
    assert_eq!(number(&groups[1], "/fnmr/trials"), 1.0);
    assert_eq!(groups[1]["fmr"], Value::Null);

    let page = fs::read_to_string(env.path("report.html")).expect("a report");
    for expected in [
        "<svg",
        "DET",
        "fr-feature@",
        "prosopon evaluate pairs",
        "eer&lt;0.5",
        "Amelia_Vega_0001.jpg",
        "data:image/jpeg;base64,",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(!page.contains("NaN") && !page.contains("<script"));
    let filed = json_file(&env, "report.json");
    assert_eq!(filed["eer"], document["eer"]);
    assert!(!list(&filed, "/curves/operating_points").is_empty());
    assert!(text(&filed, "/command").starts_with("prosopon evaluate pairs --pairs pairs.txt"));
}

#[test]
fn a_folder_is_compared_with_itself_and_a_gate_fails() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let failing = ["--gate", "eer>0.5", "--gate", "rank1>0.5"];
    let args = [&["evaluate", "folder", "people"], &failing[..]].concat();
    let document = env.json(1, &args);
    assert_eq!(number(&document, "/genuine"), 4.0);
    assert_eq!(number(&document, "/impostor"), 24.0);
    assert_eq!(number(&document, "/people"), 4.0);
    assert_eq!(number(&document, "/identification/mated"), 8.0);
    assert_eq!(
        number(&document, "/identification/ranks/0/identified/events"),
        8.0
    );
    assert_eq!(list(&document, "/worst_impostor").len(), 12);
    let passes: Vec<_> = list(&document, "/gates")
        .iter()
        .map(|gate| &gate["pass"])
        .collect();
    assert_eq!(passes, [false, true]);
    let said = env.run(&args).expect(1).stdout;
    assert!(
        said.contains("FAIL  eer>0.5") && said.contains("pass  rank1>0.5"),
        "{said}"
    );

    let enrolled = [
        &["evaluate", "folder", "people", "--enrol", "1"],
        &["--template", "best"][..],
    ];
    let document = env.json(0, &enrolled.concat());
    assert_eq!(number(&document, "/identification/mated"), 4.0);
    assert_eq!(number(&document, "/identification/non_mated"), 0.0);
}

#[test]
fn searches_tell_people_from_strangers() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    for name in PEOPLE {
        for (number, place) in [(1, "gallery"), (2, "probes")] {
            let picture = fs::read(env.path(&format!("people/{name}/{number}.jpg")));
            env.write(
                &format!("{place}/{name}/{number}.jpg"),
                picture.expect("a picture"),
            );
        }
    }
    // Not enrolled after all: a probe of somebody who is unknown.
    fs::remove_dir_all(env.path(&format!("gallery/{}", PEOPLE[3]))).expect("removed");
    let stranger = fs::read(env.path("stranger.jpg")).expect("a picture");
    env.write("strangers/stranger.jpg", stranger);
    env.write("probes/Amelia_Vega/none.png", empty_picture(&env));
    let args = [
        "evaluate",
        "identification",
        "--gallery-dir",
        "gallery",
        "--probes-dir",
        "probes",
        "--non-mated",
        "strangers",
        "--ranks",
        "1,2",
        "--report",
        "searches.html",
        "--gate",
        "undetected<=1",
        "--gate",
        "rank2>=0.75",
    ];
    let document = env.json(0, &args);
    assert_eq!(number(&document, "/gallery_identities"), 3.0);
    assert_eq!(number(&document, "/mated"), 4.0);
    assert_eq!(number(&document, "/undetected_mated"), 1.0);
    assert_eq!(number(&document, "/non_mated"), 2.0);
    // All but the one without a face.
    assert_eq!(number(&document, "/ranks/0/identified/events"), 3.0);
    assert_eq!(number(&document, "/at_threshold/0/fpir/events"), 0.0);
    let page = fs::read_to_string(env.path("searches.html")).expect("a report");
    assert!(
        page.contains("strangers") && page.contains("CMC"),
        "{}",
        page.len()
    );
    assert_eq!(json_file(&env, "searches.json")["mated"], 4);
}

fn empty_picture(env: &TestEnv) -> Vec<u8> {
    let path = env.path("empty.png");
    prosopon::Image::filled(64, 64, [120; 3])
        .save(&path)
        .expect("a file");
    fs::read(path).expect("a file")
}

#[test]
fn boxes_are_judged_by_lists_of_labelled_faces() {
    let (Some(env), Some(photographs)) = (TestEnv::new(), shared("data/detection")) else {
        return;
    };
    let truth = photographs.join("testing_with_face_landmarks.xml");
    let (truth, photographs) = (truth.to_string_lossy(), photographs.to_string_lossy());
    let args = [
        "evaluate",
        "detection",
        "--truth",
        &truth,
        "--images",
        &photographs,
    ];
    let report = [
        "--report",
        "boxes.html",
        "--gate",
        "recall>0.9",
        "--gate",
        "ap>0.9",
    ];
    let document = env.json(0, &[&args[..], &report].concat());
    assert_eq!(number(&document, "/pictures"), 5.0);
    assert!(number(&document, "/faces") >= 20.0, "{document:#}");
    let filed = json_file(&env, "boxes.json");
    assert!(!list(&filed, "/precision_recall").is_empty());
    let page = fs::read_to_string(env.path("boxes.html")).expect("a report");
    assert!(page.contains("Precision against recall"));
}

#[test]
fn groups_are_judged_by_tables_and_folders() {
    let env = TestEnv::without_models();
    env.write(
        "truth.csv",
        "path,group\na.jpg,Ann\nb.jpg,Ann\nc.jpg,Bob\nd.jpg,Bob\n",
    );
    env.write(
        "found.csv",
        "path,group\na.jpg,1\nb.jpg,1\nc.jpg,1\nx.jpg,2\n",
    );
    let args = [
        "evaluate",
        "clusters",
        "--truth",
        "truth.csv",
        "--found",
        "found.csv",
    ];
    let document = env.json(0, &[&args[..], &["--report", "groups.html"]].concat());
    // a, b and c together, d alone: B-cubed precision (2/3 + 2/3 + 1/3 + 1) / 4.
    assert!((number(&document, "/b_cubed/precision") - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(number(&document, "/b_cubed/recall"), 0.75);
    assert_eq!(number(&document, "/not_found"), 1.0);
    assert_eq!(number(&document, "/without_truth"), 1.0);
    let page = fs::read_to_string(env.path("groups.html")).expect("a report");
    assert!(page.contains("B-cubed"));
    let gated = [&args[..], &["--gate", "bcubed_f>0.9"]].concat();
    assert!(env.run(&gated).expect(1).stdout.contains("FAIL"));

    for path in ["people/Ann/a.jpg", "people/Ann/b.jpg", "people/Bob/c.jpg"] {
        env.write(path, "a picture");
    }
    let found = r#"{"groups":[{"faces":[{"path":"people/Ann/a.jpg"},{"path":"people/Ann/b.jpg"}]},
        {"faces":[{"path":"people/Bob/c.jpg"}]}]}"#;
    env.write("found.json", found);
    let args = [
        "evaluate",
        "clusters",
        "--truth",
        "people",
        "--found",
        "found.json",
    ];
    let document = env.json(0, &args);
    assert_eq!(number(&document, "/b_cubed/f"), 1.0);
    assert_eq!(number(&document, "/pairwise/f"), 1.0);
}

fn pairs(more: &[&'static str]) -> Vec<&'static str> {
    [&PAIRS[..], more].concat()
}

fn detection(truth: &'static str) -> Vec<&'static str> {
    vec!["evaluate", "detection", "--truth", truth, "--images", "."]
}

fn clusters(found: &'static str) -> Vec<&'static str> {
    vec![
        "evaluate",
        "clusters",
        "--truth",
        "groups.csv",
        "--found",
        found,
    ]
}

/// What is wrong is said before any network is opened.
#[test]
fn what_cannot_be_evaluated_is_named() {
    let env = TestEnv::without_models();
    env.write("pairs.txt", "1\t1\nAnn\t1\t2\nAnn\t1\tBob\t1\n");
    env.write("groups.csv", "Ann\n");
    env.write("bad.xml", "<dataset><image/></dataset>");
    env.write(
        "bomb.xml",
        "<!DOCTYPE d [<!ENTITY a 'aaaa'>]><dataset>&a;</dataset>",
    );
    env.write("short.csv", "a.jpg,1,2\n");
    let cases: [(Vec<&str>, i32, &str); 11] = [
        (pairs(&["--gate", "beauty>1"]), 2, "invalid_gate"),
        (pairs(&["--gate", "eer"]), 2, "invalid_gate"),
        (pairs(&["--gate", "fnmr<0.1"]), 2, "invalid_gate"),
        (pairs(&["--report", "report.pdf"]), 2, "unknown_extension"),
        (
            pairs(&["--report", "missing/report.html"]),
            5,
            "unwritable_file",
        ),
        (pairs(&["--groups", "groups.csv"]), 3, "invalid_groups"),
        (detection("bad.xml"), 3, "invalid_truth"),
        (detection("bomb.xml"), 3, "invalid_truth"),
        (detection("short.csv"), 3, "invalid_truth"),
        (detection("missing.xml"), 3, "unreadable_file"),
        (clusters("groups.csv"), 3, "invalid_groups"),
    ];
    for (args, status, code) in cases {
        let document = env.json(status, &args);
        assert_eq!(text(&document, "/error/code"), code, "{args:?}");
    }
    let Outcome { stderr, .. } = env.run(&pairs(&["--gate", "beauty>1"]));
    for known in ["accuracy", "eer", "fnmr@fmr=…", "undetected"] {
        assert!(stderr.contains(known), "{known}: {stderr}");
    }
}
