//! `prosopon evaluate folder`: every picture against every other.

use std::path::PathBuf;

use prosopon::evaluate::all_pairs::{AllPairsError, Pairing};
use prosopon::evaluate::folder::{FolderCurves, FolderEvaluation, FolderOptions, FolderReport};
use prosopon::evaluate::groups::{GroupList, GroupRates, group_rates};
use prosopon::evaluate::report::{ErrorPair, add_folder, add_groups, grouped, lead};
use prosopon::evaluate::scores::Scores;
use serde::Serialize;

use super::common::{Document, EmbeddingArgs, Gates, Heading, Operating, finish};
use super::identification::{RanksArgs, TemplateArg};
use super::pairs::{Groups, N_WORST, read_groups};
use super::samples::{Identities, Samples};
use super::texts;
use crate::failure::{Exit, Failure};
use crate::progress;
use crate::session::{self, Load};

/// All against all: a folder with a folder of pictures for each person
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon evaluate folder people/
  prosopon evaluate folder people/ --report people.html --thresholds 0.338,0.429
  prosopon evaluate folder people/ --enrol 3 --template best
  prosopon evaluate folder people/ --gate 'fnmr@fmr=1e-3<0.02' --gate 'rank1>0.95'

In each picture the face nearest to the centre counts, larger ones before smaller; the folder says \
who it is. One to one, every two pictures are compared. One to many, each picture is searched for \
among all others, once with its own person (mated) and once without (non-mated); with --enrol N, the \
first N pictures of everybody who has more are the gallery, their further ones and all other people \
the probes.")]
pub(super) struct Args {
    /// Folder with a folder of pictures for each person
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Enrol so many pictures of each person instead of leaving one out
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    enrol: Option<u32>,
    /// What a person is searched by: the mean of all their faces, or the closest of them
    #[arg(long, value_enum, default_value_t = TemplateArg::Mean)]
    template: TemplateArg,
    /// Table `IDENTITY,GROUP`: rates within each group at one threshold
    #[arg(long, value_name = "FILE.csv")]
    groups: Option<PathBuf>,
    #[command(flatten)]
    ranks: RanksArgs,
    #[command(flatten)]
    pub(super) common: EmbeddingArgs,
}

#[derive(Serialize)]
struct Figures {
    #[serde(flatten)]
    report: FolderReport,
    /// The threshold that the model's calibration gives; null without one.
    operating: Option<Operating>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Groups>,
    worst_genuine: Vec<NamedPair>,
    worst_impostor: Vec<NamedPair>,
}

/// Two pictures and how similar they are.
#[derive(Serialize)]
struct NamedPair {
    similarity: f32,
    pictures: [String; 2],
}

/// For the file beside the report.
#[derive(Serialize)]
struct Details {
    #[serde(flatten)]
    curves: Option<FolderCurves>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let gates = args
        .common
        .report
        .check(&FolderReport::metrics(&args.ranks.ranks))?;
    let groups = args.groups.as_deref().map(read_groups).transpose()?;
    let session = session::open_engine(&args.common.engine, Load::Batch)?;
    let mut people = Identities::default();
    let samples = Samples::of_folder(
        &args.folder,
        (&session.engine, &args.common.engine),
        &mut people,
        |person, _| person.to_owned(),
        args.common.report.is_wanted(),
    )?;
    let operating = args.common.operating(&session);
    let options = args.options(operating, &gates);
    let spinner = progress::spinner("comparing all pictures with all");
    let evaluation = FolderEvaluation::new(&samples.faces, &options).map_err(failure)?;
    let groups = groups.map(|groups| {
        let scores = &evaluation.scores;
        let threshold = operating.map_or_else(|| scores.threshold_at_fmr(1e-3), |o| o.threshold);
        Groups {
            threshold,
            rates: rates_of_groups(&groups, &people, scores, threshold),
        }
    });

    let named = |pairing: &Pairing| NamedPair {
        similarity: pairing.similarity,
        pictures: [pairing.first, pairing.second].map(|i| samples.names[i].clone()),
    };
    let document = Document {
        pictures: samples.n_pictures(),
        unusable_pictures: samples.failed.clone(),
        gates: gates.judge(&evaluation.report.measured()),
        about: session.about,
        figures: Figures {
            report: evaluation.report.clone(),
            operating,
            groups,
            worst_genuine: evaluation.worst_genuine.iter().map(named).collect(),
            worst_impostor: evaluation.worst_impostor.iter().map(named).collect(),
        },
    };
    let figures = &document.figures;
    let details = Details {
        curves: args.common.report.is_wanted().then(|| evaluation.curves()),
    };
    spinner.finish_and_clear();
    let summary = lead(&figures.report.verification);
    let heading = Heading {
        title: "Accuracy, all pictures against all",
        lead: &summary,
        data: args.data(&figures.report),
    };
    finish(
        (&args.common.report, &args.common.output),
        &document,
        &heading,
        &details,
        |page| {
            let shown = |pairings: &[Pairing]| -> Vec<ErrorPair> {
                pairings
                    .iter()
                    .map(|pairing| samples.shown(pairing))
                    .collect()
            };
            if let Some(groups) = &figures.groups {
                add_groups(page, &groups.rates, groups.threshold);
            }
            if let Some(curves) = &details.curves {
                let genuine = shown(&evaluation.worst_genuine);
                let impostor = shown(&evaluation.worst_impostor);
                add_folder(
                    page,
                    &figures.report,
                    curves,
                    &options,
                    (&genuine, &impostor),
                );
            }
        },
        || describe(&options, figures),
    )
}

impl Args {
    fn options(&self, operating: Option<Operating>, gates: &Gates) -> FolderOptions {
        let tars = gates.points("tar", "far");
        FolderOptions {
            enrol: self.enrol,
            template: self.template.into(),
            ranks: self.ranks.ranks.clone(),
            fmrs: gates.points("fnmr", "fmr").chain(tars).collect(),
            fpirs: gates.points("fnir", "fpir").collect(),
            thresholds: self.common.thresholds.all(operating, gates),
            n_worst: N_WORST,
        }
    }

    /// What the data are.
    fn data(&self, report: &FolderReport) -> Vec<(&'static str, String)> {
        let mut data = vec![
            ("pictures in", self.folder.display().to_string()),
            ("people", grouped(report.people as u64)),
            ("pictures without a face", report.undetected.to_string()),
        ];
        if report.impostor_made > report.verification.impostor {
            let made = grouped(report.impostor_made);
            data.push((
                "impostor comparisons",
                format!("{made}, of which a random sample counts"),
            ));
        }
        data
    }
}

fn rates_of_groups(
    groups: &GroupList,
    people: &Identities,
    scores: &Scores,
    threshold: f32,
) -> Vec<GroupRates> {
    let mut numbers = Identities::default();
    let group_of: Vec<Option<usize>> = (0..people.len() as u32)
        .map(|person| {
            let group = groups.group(people.name(person), "")?;
            Some(numbers.number(group) as usize)
        })
        .collect();
    let group = |identity: u32| group_of[identity as usize];
    let genuine: Vec<_> = scores
        .genuine()
        .iter()
        .map(|score| (*score, [group(score.identity); 2]))
        .collect();
    let impostor: Vec<_> = scores
        .impostor()
        .iter()
        .map(|score| (*score, score.identities.map(group)))
        .collect();
    group_rates(&numbers.into_names(), &genuine, &impostor, threshold)
}

fn failure(error: AllPairsError) -> Failure {
    match error {
        AllPairsError::Compare(error) => error.into(),
        AllPairsError::Scores(error) => texts::too_few(&error),
        error => Failure::new(Exit::BadInput, "not_comparable", error),
    }
}

fn describe(options: &FolderOptions, figures: &Figures) -> String {
    let report = &figures.report;
    let mut text = format!(
        "one to one: all pictures of {} people\n{}",
        grouped(report.people as u64),
        texts::verification(&report.verification, figures.operating)
    );
    if report.impostor_made > report.verification.impostor {
        text += &format!(", drawn from {}", grouped(report.impostor_made));
    }
    if let Some(groups) = &figures.groups {
        text += &texts::groups(groups);
    }
    let how = match options.enrol {
        Some(n) => format!("{n} pictures enrolled of everybody who has more"),
        None => "each picture among all others".to_owned(),
    };
    text + &format!(
        "\none to many: {how}, by {}\n{}",
        options.template.in_words(),
        texts::identification(&report.identification, figures.operating)
    )
}
