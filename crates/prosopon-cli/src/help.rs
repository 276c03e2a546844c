//! `prosopon help`: the commands, sorted by what people come for.

use clap::{Command, CommandFactory};

use crate::args::Args;

/// What the commands are for, and which they are; each is in one group.
const GROUPS: [(&str, &[&str]); 8] = [
    ("First", &["quickstart", "doctor", "models"]),
    ("Who is it", &["enrol", "identify", "verify", "people"]),
    (
        "Faces on pictures",
        &["detect", "embed", "matrix", "signature", "consistency"],
    ),
    ("Photographs without names", &["cluster", "album", "dedupe"]),
    ("How good is it", &["evaluate", "calibrate", "explore"]),
    (
        "Classifiers of your own",
        &[
            "fetch",
            "prepare",
            "train",
            "predict",
            "classifiers",
            "recogniser",
        ],
    ),
    (
        "Pictures before and after",
        &["diff", "before-after", "split", "gradients"],
    ),
    (
        "Cameras and the server",
        &["watch", "events", "serve", "keys", "audit"],
    ),
];

/// Longest line, in characters: narrow terminals show it whole.
const WIDTH: usize = 80;

/// Where descriptions begin.
const INDENT: usize = 16;

/// The parser, with an overview of its own.
pub(crate) fn parser() -> Command {
    let parser = Args::command();
    let overview = overview(&parser);
    let template = "{about}\n\n{usage-heading} {usage}\n\n".to_owned()
        + &overview
        + "Options:\n{options}\n\n`prosopon COMMAND --help` has examples.";
    parser.help_template(template)
}

fn overview(parser: &Command) -> String {
    let mut text = String::new();
    for (what, names) in GROUPS {
        text += &format!("{what}:\n");
        for name in names {
            let about = parser.find_subcommand(name).and_then(Command::get_about);
            text += &entry(name, &about.map(ToString::to_string).unwrap_or_default());
        }
        text += "\n";
    }
    text
}

/// A command and what it does, on as many lines as need be.
fn entry(name: &str, about: &str) -> String {
    let mut text = format!("  {name:<width$}", width = INDENT - 2);
    let mut column = INDENT;
    for word in about.split(' ') {
        let length = word.chars().count();
        if column > INDENT && column + 1 + length > WIDTH {
            text += &format!("\n{:INDENT$}", "");
            column = INDENT;
        } else if column > INDENT {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += length;
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_command_is_in_one_group() {
        let parser = Args::command();
        let all: BTreeSet<&str> = parser.get_subcommands().map(Command::get_name).collect();
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect();
        grouped.sort_unstable();
        assert_eq!(grouped, all.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn long_descriptions_go_on_below_themselves() {
        let lines = "  verify        one two three four five six seven eight nine ten eleven twelve\n                \
                     thirteen\n";
        let about = "one two three four five six seven eight nine ten eleven twelve thirteen";
        assert_eq!(entry("verify", about), lines);
        assert!(
            overview(&Args::command())
                .lines()
                .all(|line| line.chars().count() <= WIDTH)
        );
    }
}
