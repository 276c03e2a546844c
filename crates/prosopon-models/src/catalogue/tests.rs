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
fn the_default_embedder_is_calibrated_down_to_one_in_a_million() {
    let catalogue = Catalogue::built_in().unwrap();
    let embedder = catalogue.file(&catalogue.defaults.embedder).unwrap();
    let calibration = embedder.calibration.as_ref().unwrap();
    calibration.check().unwrap();
    let rates: Vec<f64> = calibration.points.iter().map(|p| p.fmr).collect();
    assert_eq!(rates, [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]);
    assert!(calibration.comparisons > 1_000_000);
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
