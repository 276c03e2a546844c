//! What was probably meant: places, folders and words that are almost right.

use super::{Case, check};
use crate::testenv::{TestEnv, list, number, text};

#[test]
fn what_is_almost_right_gets_a_hint() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    for case in [
        Case {
            what: "a folder whose name is almost right",
            args: &["detect", "peopel"],
            status: 3,
            code: "unreadable_file",
            hint: "did you mean `people`?",
        },
        Case {
            what: "a picture below a folder",
            args: &["detect", "people/Azra_Akin/11.jpg"],
            status: 3,
            code: "unreadable_file",
            hint: "did you mean `people/Azra_Akin/1.jpg`?",
        },
        Case {
            what: "nothing like it",
            args: &["detect", "elsewhere"],
            status: 3,
            code: "unreadable_file",
            hint: "check the path",
        },
        Case {
            what: "one person instead of all",
            args: &["enrol", "people/Azra_Akin"],
            status: 2,
            code: "subject_missing",
            hint: "`--subject Azra_Akin`",
        },
        Case {
            what: "a name without its option",
            args: &["enrol", "Anna", "stranger.jpg"],
            status: 3,
            code: "unreadable_file",
            hint: "`--subject Anna`",
        },
        Case {
            what: "nobody enrolled yet",
            args: &["identify", "stranger.jpg"],
            status: 5,
            code: "gallery_missing",
            hint: "`prosopon enrol DIR`",
        },
        Case {
            what: "a folder to evaluate",
            args: &["evaluate", "people"],
            status: 2,
            code: "usage",
            hint: "`prosopon evaluate folder people`",
        },
        Case {
            what: "help for a word that is almost a command",
            args: &["help", "verfy"],
            status: 2,
            code: "usage",
            hint: "`prosopon help verify`",
        },
        Case {
            what: "a picture without a classifier",
            args: &["predict", "stranger.jpg"],
            status: 2,
            code: "usage",
            hint: "`prosopon predict NAME stranger.jpg`",
        },
        Case {
            what: "a folder to verify",
            args: &["verify", "stranger.jpg", "people"],
            status: 2,
            code: "several_pictures",
            hint: "`identify`",
        },
        Case {
            what: "one person to explore",
            args: &["explore", "people/Azra_Akin"],
            status: 3,
            code: "one_class",
            hint: "the folder above it",
        },
        Case {
            what: "one person to calibrate by",
            args: &["calibrate", "people/Azra_Akin"],
            status: 3,
            code: "not_comparable",
            hint: "a folder that holds a folder",
        },
        Case {
            what: "a report in a folder that is not there",
            args: &["explore", "people", "--report", "none/people.html"],
            status: 5,
            code: "unwritable_file",
            hint: "make the folder first",
        },
    ] {
        check(&env, &case);
    }
}

#[test]
fn pictures_beside_each_other_are_people_only_if_it_is_said() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    env.json(0, &["enrol", "people"]);
    for name in ["Anna", "Ben"] {
        let from = env.path(&format!(
            "people/Azra_Akin/{}.jpg",
            1 + usize::from(name == "Ben")
        ));
        std::fs::create_dir_all(env.path("badges")).expect("a folder");
        std::fs::copy(from, env.path(&format!("badges/{name}.jpg"))).expect("a copy");
    }
    env.json(2, &["enrol", "badges"]);
    let document = env.json(0, &["enrol", "--by-file-name", "badges"]);
    assert_eq!(
        (number(&document, "/added"), number(&document, "/subjects")),
        (2.0, 6.0)
    );
    // These faces are somebody's already, which is said and not forbidden.
    for (picture, name) in list(&document, "/pictures").iter().zip(["Anna", "Ben"]) {
        assert_eq!(text(picture, "/subject"), name);
        assert_eq!(text(picture, "/also_enrolled_as/0"), "Azra_Akin");
    }
    // Beside folders of people a picture is a person's, which is said.
    std::fs::rename(env.path("badges/Anna.jpg"), env.path("people/Carla.jpg")).expect("moved");
    let mixed = env.run(&["enrol", "people"]).expect(0);
    let note = "note: 1 picture beside the folders of people was taken for a person, named after its file: Carla";
    assert!(mixed.stderr.contains(note), "{}", mixed.stderr);
    env.json(0, &["people", "delete", "Carla"]);
    let both = ["enrol", "--by-file-name", "--subject", "A", "badges"];
    env.run(&both).expect(2);

    let deleted = env.json(0, &["people", "delete", "--all"]);
    assert_eq!(
        (number(&deleted, "/subjects"), number(&deleted, "/faces")),
        (6.0, 10.0)
    );
    let left = env.run(&["people", "list"]).expect(0);
    assert_eq!(
        (left.stdout.as_str(), left.stderr.trim()),
        ("", "nobody is enrolled")
    );
    env.run(&["people", "delete"]).expect(2);
    env.run(&["people", "delete", "--all", "Anna"]).expect(2);
}

#[test]
fn rates_at_which_nobody_is_known_are_warned_of() {
    let Some(env) = TestEnv::with_people() else {
        return;
    };
    if !env.decision().is_empty() {
        return;
    }
    let picture = "stranger.jpg";
    let outcome = env.run(&["verify", picture, picture, "--fmr", "1e-12"]);
    assert!(
        outcome
            .stderr
            .starts_with("warning: nobody can be recognised"),
        "{}",
        outcome.stderr
    );
    let outcome = env
        .run(&["verify", picture, picture, "--fmr", "0.1%"])
        .expect(0);
    assert_eq!(outcome.stderr, "");
    assert!(outcome.stdout.contains("1 in 1000"), "{}", outcome.stdout);
}
