use super::*;

const DETECTOR: &str = r#"
role = "detector"
name = "scrfd-10g"
family = "scrfd"
width = 640
height = 480
channel_order = "rgb"
mean = [127, 127.5, 128]
scale = 0.0078125
"#;

fn parse(text: &str) -> Result<OwnModel> {
    OwnModel::parse(text, Path::new("my.toml"))
}

#[test]
fn the_example_is_valid() {
    let model = parse(EXAMPLE).unwrap();
    assert_eq!(model.name, "my-arcface");
    assert_eq!(model.role(), Role::Embedder);
    let uncommented = EXAMPLE.replace("# reference_points", "reference_points");
    let OwnSpec::Embedder(spec) = parse(&uncommented).unwrap().spec else {
        panic!("expected an embedder");
    };
    assert_eq!(spec.reference_points().len(), 5);
    assert_eq!(spec.normalization.mean, [127.5; 3]);
}

#[test]
fn a_detector_is_read() {
    let OwnSpec::Detector(spec) = parse(DETECTOR).unwrap().spec else {
        panic!("expected a detector");
    };
    assert_eq!((spec.width, spec.height), (640, 480));
    assert_eq!(spec.normalization.mean, [127.0, 127.5, 128.0]);
    assert_eq!(spec.normalization.layout, Layout::Nchw);
}

#[test]
fn a_calibration_is_read_and_checked() {
    let table = "[calibration]\nsource = \"mine\"\ncomparisons = 1000\npoints = [{ fmr = 0.1, similarity = 0.2 }, { fmr = 0.01, similarity = 0.3 }]\n";
    let text = format!("{EXAMPLE}{table}");
    assert_eq!(parse(&text).unwrap().calibration.unwrap().points.len(), 2);
    for (from, to) in [
        ("0.01", "0.2"),
        ("= 1000", "= 0"),
        ("0.3", "0.1"),
        ("0.2 }", "1.2 }"),
    ] {
        let error = parse(&text.replace(from, to)).unwrap_err().to_string();
        assert!(error.starts_with("field `calibration`"), "{to}: {error}");
    }
}

#[test]
fn every_mistake_is_named_with_its_field() {
    struct Case {
        from: &'static str,
        to: &'static str,
        expected: &'static str,
    }
    let case = |from, to, expected| Case { from, to, expected };
    let cases = [
        case(
            "role = \"detector\"\n",
            "",
            "field `role`: expected \"detector\", \"embedder\" or \"cascade\", found nothing",
        ),
        case(
            "\"detector\"",
            "\"tracker\"",
            "line 2: unknown variant `tracker`",
        ),
        case("name = \"scrfd-10g\"\n", "", "field `name`"),
        case("scrfd-10g", "../etc", "field `name`"),
        case("scrfd-10g", "Scrfd 10", "field `name`"),
        case(
            "width = 640\n",
            "",
            "field `width`: expected 32 to 8192 pixels, found nothing",
        ),
        case(
            "640",
            "641",
            "field `width`: expected a multiple of 32, found 641",
        ),
        case(
            "640",
            "16",
            "field `width`: expected 32 to 8192 pixels, found 16",
        ),
        case("640", "-1", "line 5"),
        case("family = \"scrfd\"\n", "", "field `family`"),
        case("channel_order = \"rgb\"\n", "", "field `channel_order`"),
        case("0.0078125", "0", "field `scale`"),
        case("0.0078125", "nan", "field `scale`"),
        case(
            "0.0078125",
            "\"a\"",
            "line 9: expected one number, or three",
        ),
        case(
            "[127, 127.5, 128]",
            "[127, 128]",
            "line 8: expected one number, or three",
        ),
        case("[127, 127.5, 128]", "999", "field `mean`"),
        case("height", "hight", "line 6: unknown field `hight`"),
        case(
            "width = 640",
            "width = 640\ncrop_size = 112",
            "field `crop_size`: expected no such field for a detector",
        ),
        case("width = 640", "width 640", "line 5"),
    ];
    for Case { from, to, expected } in cases {
        let error = parse(&DETECTOR.replacen(from, to, 1)).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with(expected), "{to}: {message}");
        assert!(
            message.ends_with("my.toml") && message.lines().count() == 1,
            "{message}"
        );
        assert!(error.hint().unwrap().contains("role = "));
    }
}

#[test]
fn reference_points_must_be_an_upright_face_in_the_crop() {
    let text = EXAMPLE.replace("# reference_points", "reference_points");
    let outside = parse(&text.replace("38.29", "138.29"))
        .unwrap_err()
        .to_string();
    assert!(
        outside.contains("inside the crop of 112 x 112, found [138.29, 51.7]"),
        "{outside}"
    );
    let swapped = text.replace(
        "[38.29, 51.70], [73.53, 51.50]",
        "[73.53, 51.50], [38.29, 51.70]",
    );
    assert!(
        parse(&swapped)
            .unwrap_err()
            .to_string()
            .contains("another order")
    );
}
