//! Attributes, quality and what is measured of them: `detect --attributes`, `enrol --min-quality`, `evaluate liveness`
//! and `evaluate quality`.

use crate::testenv::{TestEnv, list, number, text};

#[test]
fn detect_says_what_was_asked_for_and_no_more() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let plain = env.json(0, &["detect", "stranger.jpg"]);
    let face = &list(&plain, "/pictures/0/faces")[0];
    assert!(face["attributes"].is_null());
    let score = number(face, "/quality/score");
    assert!((0.0..=1.0).contains(&score));
    for part in [
        "size",
        "sharpness",
        "pose",
        "brightness",
        "inside",
        "confidence",
    ] {
        assert!((0.0..=1.0).contains(&number(face, &format!("/quality/parts/{part}"))));
    }

    let asked = [
        "detect",
        "stranger.jpg",
        "--attributes",
        "pose,eyes,landmarks",
    ];
    let answer = env.json(0, &asked);
    let attributes = &answer["pictures"][0]["faces"][0]["attributes"];
    assert!(number(attributes, "/pose/yaw").abs() < 60.0);
    assert!((0.0..=1.0).contains(&number(attributes, "/eyes/left_open")));
    assert_eq!(list(attributes, "/landmarks").len(), 68);
    let names: Vec<_> = attributes.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["eyes", "landmarks", "pose"]);
    assert!(answer["pictures"][0]["faces"][0]["quality"]["parts"]["eyes"].is_number());
    let said = env.run(&asked).text();
    assert!(
        said.contains("yaw") && said.contains("68 landmarks"),
        "{said}"
    );

    let unknown = env
        .run(&["detect", "stranger.jpg", "--attributes", "mood"])
        .fails(2);
    assert!(
        unknown.contains("expected one of landmarks, pose"),
        "{unknown}"
    );
}

#[test]
fn enrol_refuses_what_is_not_good_enough_and_keeps_the_measures() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let enrol = [
        "enrol",
        "--subject",
        "x",
        "stranger.jpg",
        "--gallery",
        "q.db",
    ];
    let refused = env.json(3, &[&enrol[..], &["--min-quality", "1"]].concat());
    assert_eq!(text(&refused, "/pictures/0/error/code"), "low_quality");
    let message = text(&refused, "/pictures/0/error/message");
    assert!(
        message.contains("expected a quality of at least 1, found"),
        "{message}"
    );
    let taken = env.json(0, &[&enrol[..], &["--min-quality", "0.01"]].concat());
    assert_eq!(number(&taken, "/added"), 1.0);
}

#[test]
fn liveness_has_a_rate_for_each_attack() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    std::fs::create_dir_all(env.path("real")).expect("a folder");
    std::fs::create_dir_all(env.path("fake/print")).expect("a folder");
    let picture = std::fs::read(env.path("stranger.jpg")).expect("a picture");
    for name in ["real/a.jpg", "fake/print/b.jpg", "fake/c.jpg"] {
        env.write(name, &picture);
    }
    let arguments = [
        "evaluate",
        "liveness",
        "real",
        "fake",
        "--report",
        "liveness.html",
    ];
    let answer = env.json(0, &arguments);
    let names: Vec<&str> = list(&answer, "/attacks")
        .iter()
        .map(|attack| text(attack, "/attack"))
        .collect();
    assert_eq!(names, ["fake", "print"]);
    // One and the same picture: what is refused as living does not pass as a copy.
    let (bpcer, apcer) = (
        number(&answer, "/bpcer/rate"),
        number(&answer, "/worst_apcer"),
    );
    assert_eq!(bpcer + apcer, 1.0);
    assert_eq!(
        (number(&answer, "/acer"), number(&answer, "/auc")),
        (0.5, 0.5)
    );
    let page = std::fs::read_to_string(env.path("liveness.html")).expect("a page");
    assert!(page.contains("APCER") && page.contains("print"));
    let failed = env.run(&["evaluate", "liveness", "real", "fake", "--gate", "acer<0.1"]);
    failed.fails(1);
}

#[test]
fn quality_is_judged_by_pairs_that_are_left() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    let answer = env.json(0, &["evaluate", "quality", "people"]);
    let curve = list(&answer, "/curve");
    assert_eq!(curve.len(), 5);
    assert_eq!(number(&curve[0], "/rejected"), 0.0);
    let trials: Vec<f64> = curve
        .iter()
        .map(|point| number(point, "/fnmr/trials"))
        .collect();
    assert!(
        trials[0] > 0.0 && trials.windows(2).all(|w| w[0] >= w[1]),
        "{trials:?}"
    );
}
