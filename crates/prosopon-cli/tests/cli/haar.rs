//! Haar cascades as detectors, and the rule of eyes.

use crate::common::model_file;
use crate::testenv::{TestEnv, list, number, text};

/// A window of 6 × 6 whose middle is bright.
const SPOT: &str = r#"<?xml version="1.0"?>
<opencv_storage>
<cascade type_id="opencv-cascade-classifier"><stageType>BOOST</stageType>
  <featureType>HAAR</featureType><height>6</height><width>6</width>
  <featureParams><maxCatCount>0</maxCatCount></featureParams>
  <stages><_><stageThreshold>0.5</stageThreshold><weakClassifiers><_>
    <internalNodes>0 -1 0 0.2</internalNodes><leafValues>-1. 1.</leafValues></_></weakClassifiers></_></stages>
  <features><_><rects><_>0 0 6 6 -1.</_><_>2 2 2 2 9.</_></rects></_></features></cascade>
</opencv_storage>
"#;

#[test]
fn faces_with_eyes_are_found_and_can_be_compared() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    if model_file("models/haar/haarcascade_eye.xml").is_none() {
        return;
    }
    let detect = ["detect", "people", "--detector", "haar"];
    let faces = env.json(0, &detect);
    assert_eq!(text(&faces, "/backend"), "none");
    assert!(text(&faces, "/detector").starts_with("haar-frontalface_default@"));
    let required = [&detect[..], &["--require-eyes", "2", "--draw", "marked"]].concat();
    let with_eyes = env.json(0, &required);
    assert!(number(&with_eyes, "/faces") >= 4.0, "{with_eyes}");
    assert!(number(&with_eyes, "/faces") <= number(&faces, "/faces"));
    for picture in list(&with_eyes, "/pictures") {
        for face in list(picture, "/faces") {
            let eyes = list(face, "/eyes");
            assert!(eyes.len() >= 2, "{face}");
            for eye in eyes {
                assert!(number(eye, "/left") >= number(face, "/bounding_box/left"));
                assert!(number(eye, "/right") <= number(face, "/bounding_box/right"));
            }
        }
    }
    assert!(
        env.path("marked")
            .read_dir()
            .is_ok_and(|mut dir| dir.next().is_some())
    );

    // Boxes get the landmarks that alignment needs from the default detector.
    for detector in ["haar", "fr-detect"] {
        let verified = env.json(
            0,
            &[
                "verify",
                "stranger.jpg",
                "stranger.jpg",
                "--detector",
                detector,
            ],
        );
        assert!(number(&verified, "/similarity") > 0.999, "{verified}");
    }
}

#[test]
fn a_cascade_of_ones_own_needs_no_models() {
    let env = TestEnv::without_models();
    env.write("Bright Spot.xml", SPOT);
    let mut image = prosopon::Image::filled(60, 40, [2; 3]);
    for y in 16..24 {
        for x in 30..38 {
            let start = (y * 60 + x) * 3;
            image.pixels_mut()[start..start + 3].fill(240);
        }
    }
    env.write("spot.png", image.encode_png().expect("a picture"));
    let by_path = [
        "detect",
        "spot.png",
        "--offline",
        "--detector",
        "Bright Spot.xml",
        "--min-neighbors",
        "1",
    ];
    let found = env.json(0, &by_path);
    assert!(number(&found, "/faces") >= 1.0, "{found}");
    env.run(&["models", "add", "Bright Spot.xml"]).expect(0);
    let by_name = [
        "detect",
        "spot.png",
        "--offline",
        "--detector",
        "bright-spot",
        "--min-neighbors",
        "1",
    ];
    let same = env.json(0, &by_name);
    assert_eq!(list(&found, "/pictures"), list(&same, "/pictures"));

    env.write("broken.xml", SPOT.replace("0 0 6 6 -1.", "0 0 9 6 -1."));
    let error = env.json(
        4,
        &[
            "detect",
            "spot.png",
            "--offline",
            "--detector",
            "broken.xml",
        ],
    );
    assert_eq!(text(&error, "/error/code"), "unusable_model");
    assert!(
        text(&error, "/error/message").contains("(line 8"),
        "{error}"
    );
    let error = env.json(4, &["models", "add", "broken.xml"]);
    assert_eq!(text(&error, "/error/code"), "unusable_model");
    env.run(&["models", "remove", "bright-spot"]).expect(0);
}
