//! `prosopon evaluate clusters`: found groups against the true ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prosopon::evaluate::clusters::ClusterReport;
use prosopon::evaluate::grouping::{Grouping, GroupingError, Membership, membership};
use prosopon::evaluate::report::add_clusters;
use serde::Serialize;

use super::common::{Document, Heading, ReportArgs, finish};
use super::samples::below;
use super::texts;
use crate::args::OutputArgs;
use crate::faces::identity_of;
use crate::failure::{Exit, Failure};
use crate::output::About;
use crate::pictures::{in_folder, no_pictures};

/// Groups of pictures against the true ones
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon evaluate clusters --truth people/ --found groups.csv
  prosopon evaluate clusters --truth truth.csv --found groups.json --gate 'bcubed_f>0.97'

Tables are lines `path,group`; the JSON is what `prosopon cluster --json` prints. With a folder as \
truth, the folder that a picture lies in says who it is. Names of groups do not matter. Pictures that \
were not put into any group count as groups of their own; of those with faces in several groups the \
largest face counts, or none if its size is not known.")]
pub(super) struct Args {
    /// True groups: a table, or a folder with a folder of pictures for each person
    #[arg(long, value_name = "FILE|DIR")]
    truth: PathBuf,
    /// Groups that were found: a table, or JSON
    #[arg(long, value_name = "FILE")]
    found: PathBuf,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Serialize)]
struct Figures {
    #[serde(flatten)]
    report: ClusterReport,
    /// Pictures with a true group that were not found in any: each counts as a group.
    not_found: usize,
    /// Pictures whose faces are in several groups, of which the one of the largest face counts.
    by_largest_face: usize,
    /// Pictures in several groups of which nothing says which face is meant: left out.
    in_several_groups: usize,
    /// Pictures that were found and have no true group.
    without_truth: usize,
}

/// Nothing but what is printed.
#[derive(Serialize)]
struct Details {}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let gates = args.report.check(&ClusterReport::metrics())?;
    let truth = read_truth(&args.truth)?;
    let found = read(&args.found)?;
    let figures = compare(&args.truth, &truth, &found)?;
    let document = Document {
        pictures: figures.report.items,
        unusable_pictures: Vec::new(),
        gates: gates.judge(&figures.report.measured()),
        // No network had a part in it.
        about: About {
            model: None,
            detector: String::new(),
            backend: String::new(),
        },
        figures,
    };
    let figures = &document.figures;
    let lead = format!(
        "B-cubed F {:.4}: precision {:.4}, recall {:.4}.",
        figures.report.b_cubed.f, figures.report.b_cubed.precision, figures.report.b_cubed.recall
    );
    let heading = Heading {
        title: "Agreement of groups",
        lead: &lead,
        data: vec![
            ("true groups", args.truth.display().to_string()),
            ("found groups", args.found.display().to_string()),
            ("not found in any group", figures.not_found.to_string()),
            (
                "in several groups, judged by the largest face",
                figures.by_largest_face.to_string(),
            ),
            (
                "in several groups, left out",
                figures.in_several_groups.to_string(),
            ),
            ("without a true group", figures.without_truth.to_string()),
        ],
    };
    finish(
        (&args.report, &args.output),
        &document,
        &heading,
        &Details {},
        |page| add_clusters(page, &figures.report),
        || describe(figures),
    )
}

fn read_truth(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    if !path.is_dir() {
        let groups = read(path)?;
        return Ok(groups
            .into_iter()
            .filter_map(|(path, groups)| Some((path, groups.into_keys().next()?)))
            .collect());
    }
    let pictures: BTreeMap<String, String> = in_folder(path)
        .iter()
        .filter_map(|input| input.path())
        .map(|picture| (below(path, picture), identity_of(picture)))
        .collect();
    if pictures.is_empty() {
        return Err(no_pictures(path));
    }
    Ok(pictures)
}

/// The groups of each picture.
fn read(path: &Path) -> Result<BTreeMap<String, BTreeMap<String, f32>>, Failure> {
    let text = texts::read(path, "the groups")?;
    let grouping = Grouping::parse(&text).map_err(|error: GroupingError| {
        Failure::new(Exit::BadInput, "invalid_groups", error)
            .at(path.display())
            .with_hint("a table of lines `path,group`, or what `prosopon cluster --json` prints")
    })?;
    Ok(grouping.groups_of)
}

fn compare(
    place: &Path,
    truth: &BTreeMap<String, String>,
    found: &BTreeMap<String, BTreeMap<String, f32>>,
) -> Result<Figures, Failure> {
    let mut without_truth = 0;
    let mut groups_of: BTreeMap<&str, BTreeMap<String, f32>> = BTreeMap::new();
    for (path, groups) in found {
        match true_name(place, path, truth) {
            Some(name) => {
                let known = groups_of.entry(name).or_default();
                for (group, area) in groups {
                    let largest = known.entry(group.clone()).or_default();
                    *largest = largest.max(*area);
                }
            }
            None => without_truth += 1,
        }
    }
    if groups_of.is_empty() {
        let message = "expected pictures that both lists name, found none";
        return Err(Failure::new(Exit::BadInput, "not_comparable", message)
            .at(place.display())
            .with_hint("paths must be the same in both, or lie below the folder"));
    }
    let mut true_numbers = super::samples::Identities::default();
    let mut found_numbers = super::samples::Identities::default();
    let (mut of_truth, mut of_found) = (Vec::new(), Vec::new());
    let (mut not_found, mut by_largest_face, mut in_several_groups) = (0, 0, 0);
    for (name, true_group) in truth {
        let found_group = match groups_of.get(name.as_str()).and_then(membership) {
            Some(Membership::Only(group)) => format!("group {group}"),
            Some(Membership::OfLargest(group)) => {
                by_largest_face += 1;
                format!("group {group}")
            }
            Some(Membership::Several) => {
                in_several_groups += 1;
                continue;
            }
            None => {
                not_found += 1;
                format!("alone {name}")
            }
        };
        of_truth.push(true_numbers.number(true_group) as usize);
        of_found.push(found_numbers.number(&found_group) as usize);
    }
    Ok(Figures {
        report: ClusterReport::new(&of_truth, &of_found),
        not_found,
        by_largest_face,
        in_several_groups,
        without_truth,
    })
}

/// How the truth calls the picture at `path`: the same, or by its path below the folder `place`.
fn true_name<'a>(place: &Path, path: &str, truth: &'a BTreeMap<String, String>) -> Option<&'a str> {
    let named = |name: &str| truth.get_key_value(name).map(|(name, _)| name.as_str());
    named(path)
        .or_else(|| named(&below(place, Path::new(path))))
        .or_else(|| {
            let whole = Path::new(path).canonicalize().ok()?;
            named(&below(&place.canonicalize().ok()?, &whole))
        })
}

fn describe(figures: &Figures) -> String {
    let report = &figures.report;
    let row = |name: &str, agreement: &prosopon::evaluate::clusters::Agreement| {
        format!(
            "{name} F {:.4}  precision {:.4}  recall {:.4}",
            agreement.f, agreement.precision, agreement.recall
        )
    };
    let mut text = format!(
        "{}\n{}\nNMI       {:.4}\n{} pictures of {} true groups, found in {} groups",
        row("B-cubed  ", &report.b_cubed),
        row("pairs    ", &report.pairwise),
        report.nmi,
        report.items,
        report.true_clusters,
        report.found_clusters
    );
    for (n, what) in [
        (figures.not_found, "not found in any group"),
        (
            figures.by_largest_face,
            "in several groups, judged by the largest face",
        ),
        (figures.in_several_groups, "in several groups, left out"),
        (figures.without_truth, "without a true group, left out"),
    ] {
        if n > 0 {
            text += &format!("\n{n} {what}");
        }
    }
    text
}
