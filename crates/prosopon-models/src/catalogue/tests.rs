use super::*;

const TEXT: &str = include_str!("../catalogue.toml");

#[test]
fn the_built_in_catalogue_is_valid() {
    let catalogue = Catalogue::built_in().unwrap();
    let scrfd = catalogue.file("scrfd").unwrap();
    assert_eq!(scrfd.detector.as_ref().unwrap().width, 640);
    assert!(!scrfd.commercial);
    assert_eq!(scrfd.licences.len(), 2);
    let embedder = catalogue.file("fr-feature").unwrap();
    assert_eq!(embedder.embedder.as_ref().unwrap().crop_size, 112);
    assert_eq!(catalogue.pack_of("fr-age").unwrap().id, "attributes");
    assert_eq!(catalogue.runtimes.len(), 4);
    for runtime in &catalogue.runtimes {
        assert!(
            runtime.libraries.iter().any(|l| l.name == "LICENSE"),
            "{}",
            runtime.id
        );
    }
}

#[test]
fn a_calibration_can_follow_an_embedder() {
    let calibration = r#"
[file.calibration]
source = "LFW, all impostor pairs"
comparisons = 242257
points = [{ fmr = 1e-2, similarity = 0.24 }, { fmr = 1e-3, similarity = 0.329 }]
"#;
    let mark = "[[file]]\nid = \"fr-detect\"";
    let text = TEXT.replace(mark, &format!("{calibration}\n{mark}"));
    let catalogue = Catalogue::parse(&text).unwrap();
    let found = catalogue
        .file("fr-feature")
        .unwrap()
        .calibration
        .clone()
        .unwrap();
    assert_eq!(found.comparisons, 242_257);
    assert_eq!(found.points[1].similarity, 0.329);
}

#[test]
fn mistakes_are_refused() {
    let cases = [
        (
            "install = \"models/scrfd/scrfd.onnx\"",
            "install = \"../scrfd.onnx\"",
            "leads out",
        ),
        (
            "install = \"models/scrfd/scrfd.onnx\"",
            "install = \"/scrfd.onnx\"",
            "leads out",
        ),
        (
            "detector = \"scrfd\"",
            "detector = \"solvay\"",
            "no default model `solvay`",
        ),
        (
            "archive = \"scrfd-sdist\"",
            "archive = \"none\"",
            "no archive `none`",
        ),
        (
            "id = \"fr-detect\"",
            "id = \"fr-feature\"",
            "no file `fr-detect`",
        ),
        ("role = \"embedder\"", "role = \"pose\"", "no default model"),
        ("commercial = false", "comercial = false", "unknown field"),
        ("sha256 = \"9c16", "sha256 = \"9c1", "SHA-256 of 64"),
    ];
    for (from, to, expected) in cases {
        assert!(TEXT.contains(from), "{from}");
        let error = Catalogue::parse(&TEXT.replace(from, to))
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{to}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}
