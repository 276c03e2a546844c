//! Names, places and options that do not exist or do not go together.

use super::{Case, check};
use crate::testenv::TestEnv;

#[test]
fn wrong_names_are_named() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    for case in [
        Case {
            what: "an unknown detector",
            args: &["detect", "stranger.jpg", "--detector", "scrdf"],
            status: 4,
            code: "unknown_model",
            hint: "prosopon models list",
        },
        Case {
            what: "an embedder as detector",
            args: &["detect", "stranger.jpg", "--detector", "fr-feature"],
            status: 4,
            code: "wrong_role",
            hint: "prosopon models list",
        },
        Case {
            what: "a detector without landmarks",
            args: &[
                "detect",
                "stranger.jpg",
                "--detector",
                "fr-detect",
                "--crops",
                "crops",
                "--aligned",
            ],
            status: 2,
            code: "no_landmarks",
            hint: "--detector scrfd",
        },
        Case {
            what: "a search of cascades by a network",
            args: &["detect", "stranger.jpg", "--scale-factor", "1.3"],
            status: 2,
            code: "no_cascade",
            hint: "--detector haar",
        },
        Case {
            what: "a cascade that is not there",
            args: &["detect", "stranger.jpg", "--detector", "haar:elephant"],
            status: 4,
            code: "unknown_model",
            hint: "prosopon models list",
        },
        Case {
            what: "an engine that is not there",
            args: &[
                "detect",
                "stranger.jpg",
                "--backend",
                "openvino",
                "--openvino-dir",
                "nowhere",
            ],
            status: 4,
            code: "backend_unavailable",
            hint: "prosopon doctor",
        },
        Case {
            what: "arithmetic that the engine has not",
            args: &[
                "detect",
                "stranger.jpg",
                "--backend",
                "rten",
                "--precision",
                "bf16",
            ],
            status: 4,
            code: "backend_unavailable",
            hint: "prosopon doctor",
        },
    ] {
        check(&env, &case);
    }
}

#[test]
fn wrong_places_and_options_are_named() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    for case in [
        Case {
            what: "an unknown pack",
            args: &["models", "pull", "everything", "--offline"],
            status: 4,
            code: "unknown_pack",
            hint: "prosopon models list",
        },
        Case {
            what: "a folder that cannot be made",
            args: &["detect", "stranger.jpg", "--draw", "stranger.jpg/marked"],
            status: 5,
            code: "unwritable_file",
            hint: "",
        },
        Case {
            what: "a file that cannot be made",
            args: &["embed", "stranger.jpg", "--out", "no/such/folder/faces.npz"],
            status: 5,
            code: "unwritable_file",
            hint: "",
        },
        Case {
            what: "an unknown kind of file",
            args: &["embed", "stranger.jpg", "--out", "faces.csv"],
            status: 2,
            code: "unknown_extension",
            hint: ".npz",
        },
        Case {
            what: "an unknown engine",
            args: &["detect", "stranger.jpg", "--backend", "onnx"],
            status: 2,
            code: "usage",
            hint: "--help",
        },
        Case {
            what: "an unknown option",
            args: &["verify", "a", "b", "--treshold", "0.3"],
            status: 2,
            code: "usage",
            hint: "--help",
        },
    ] {
        check(&env, &case);
    }
}
