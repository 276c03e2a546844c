//! `prosopon evaluate folder`: every picture against every other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use prosopon::evaluate::all_pairs::{
    AllPairs, AllPairsError, MAX_IMPOSTORS, Pairing, Sample, all_pairs,
};
use prosopon::evaluate::gate::{Measured, Metric};
use prosopon::evaluate::groups::{GroupList, GroupRates, group_rates};
use prosopon::evaluate::identification::{
    self, FPIRS, IdentificationReport, Points, Search, leave_one_out, search,
};
use prosopon::evaluate::report::{
    ErrorPair, add_groups, add_identification, add_verification, add_worst, grouped,
};
use prosopon::evaluate::scores::Scores;
use prosopon::evaluate::verification::{Curves, FMRS, VerificationReport};
use serde::Serialize;

use super::common::{Document, Heading, Operating, ReportArgs, ThresholdsArgs, finish};
use super::identification::{RanksArgs, TemplateArg};
use super::pairs::{Groups, N_WORST, read_groups};
use super::samples::{Identities, Samples};
use super::texts;
use crate::args::{EngineArgs, OutputArgs};
use crate::failure::{Exit, Failure};
use crate::session::{self, Load};

/// All against all: a folder with a folder of pictures for each person
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon evaluate folder people/
  prosopon evaluate folder people/ --report people.html --thresholds 0.338,0.429
  prosopon evaluate folder people/ --enrol 3 --template best
  prosopon evaluate folder people/ --gate 'fnmr@fmr=1e-3<0.02' --gate 'rank1>0.95'

In each picture the face nearest to the centre counts, larger ones before smaller; the folder says
who it is. One to one, every two pictures are compared. One to many, each picture is searched for
among all others, once with its own person (mated) and once without (non-mated); with --enrol N, the
first N pictures of everybody who has more are the gallery, their further ones and all other people
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
    thresholds: ThresholdsArgs,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
struct Figures {
    people: usize,
    /// Pictures without a face.
    undetected: usize,
    /// Impostor comparisons that were made; if they are more than `impostor`, that many of them
    /// were drawn at random for the rates.
    impostor_made: u64,
    #[serde(flatten)]
    verification: VerificationReport,
    identification: IdentificationReport,
    template: identification::Template,
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
    curves: Option<Curves>,
    identification_curves: Option<Curves>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut known = VerificationReport::metrics();
    known.extend(IdentificationReport::metrics(&args.ranks.ranks));
    known.push(Metric::new("undetected"));
    let gates = args.report.check(&known)?;
    let groups = args.groups.as_deref().map(read_groups).transpose()?;
    let session = session::open_engine(&args.engine, Load::Batch)?;
    let mut people = Identities::default();
    let samples = Samples::of_folder(
        &args.folder,
        (&session.engine, &args.engine),
        &mut people,
        |person, _| person.to_owned(),
        args.report.is_wanted(),
    )?;

    let AllPairs {
        scores,
        n_impostor,
        worst_genuine,
        worst_impostor,
    } = all_pairs(&samples.samples, MAX_IMPOSTORS, N_WORST).map_err(failure)?;
    let operating = args
        .thresholds
        .operating(&session.model, session.calibration.as_ref());
    let thresholds = args.thresholds.all(operating, &gates);
    let mut fmrs = FMRS.to_vec();
    fmrs.extend(gates.points("fnmr", "fmr").chain(gates.points("tar", "far")));
    let verification = VerificationReport::new(&scores, &fmrs, &thresholds);

    let searches = search_folder(args, &samples.samples)?;
    let mut fpirs = FPIRS.to_vec();
    fpirs.extend(gates.points("fnir", "fpir"));
    let identification = IdentificationReport::new(
        searches.gallery,
        &searches.mated,
        &searches.non_mated,
        Points {
            ranks: &args.ranks.ranks,
            fpirs: &fpirs,
            thresholds: &thresholds,
        },
    );
    let groups = groups.map(|groups| {
        let threshold = operating.map_or_else(|| scores.threshold_at_fmr(1e-3), |o| o.threshold);
        Groups {
            threshold,
            rates: rates_of_groups(&groups, &people, &scores, threshold),
        }
    });
    let mut measured: Vec<Measured> = verification.measured();
    measured.extend(identification.measured());
    measured.push(("undetected".to_owned(), samples.undetected() as f64));

    let named = |pairing: &Pairing| NamedPair {
        similarity: pairing.similarity,
        pictures: [pairing.first, pairing.second].map(|i| samples.names[i].clone()),
    };
    let document = Document {
        pictures: samples.n_pictures(),
        unusable_pictures: samples.failed.clone(),
        gates: gates.judge(&measured),
        about: session.about,
        figures: Figures {
            people: people.len(),
            undetected: samples.undetected(),
            impostor_made: n_impostor,
            verification,
            identification,
            template: args.template.into(),
            operating,
            groups,
            worst_genuine: worst_genuine.iter().map(named).collect(),
            worst_impostor: worst_impostor.iter().map(named).collect(),
        },
    };
    let figures = &document.figures;
    let wanted = args.report.is_wanted();
    let details = Details {
        curves: wanted.then(|| Curves::new(&scores)),
        identification_curves: identification::scores(&searches.mated, &searches.non_mated)
            .filter(|_| wanted)
            .map(|scores| Curves::new(&scores)),
    };
    let lead = texts::lead(&figures.verification);
    let mut data = vec![
        ("pictures in", args.folder.display().to_string()),
        ("people", grouped(figures.people as u64)),
        ("pictures without a face", figures.undetected.to_string()),
    ];
    if n_impostor > figures.verification.impostor {
        let sampled = format!("{} impostor comparisons, drawn at random", grouped(n_impostor));
        data.push(("rates rest on a sample of", sampled));
    }
    let heading = Heading {
        title: "Accuracy, all pictures against all",
        lead: &lead,
        data,
    };
    finish(
        (&args.report, &args.output),
        &document,
        &heading,
        &details,
        |page| {
            if let Some(curves) = &details.curves {
                add_verification(page, &figures.verification, curves);
            }
            if let Some(groups) = &figures.groups {
                add_groups(page, &groups.rates, groups.threshold);
            }
            let curves = details.identification_curves.as_ref();
            add_identification(page, &figures.identification, curves, &args.how());
            let shown = |pairings: &[Pairing]| -> Vec<ErrorPair> {
                pairings.iter().map(|pairing| samples.shown(pairing)).collect()
            };
            let genuine = shown(&worst_genuine);
            add_worst(page, texts::LEAST_SIMILAR, texts::LEAST_SIMILAR_REMARK, &genuine);
            let impostor = shown(&worst_impostor);
            add_worst(page, texts::MOST_SIMILAR, texts::MOST_SIMILAR_REMARK, &impostor);
        },
        || describe(args, figures),
    )
}

impl Args {
    /// How gallery and probes were made.
    fn how(&self) -> String {
        let template = self.template.words();
        match self.enrol {
            Some(n) => format!(
                "The first {n} pictures of everybody who has more were enrolled; probes are their \
                 further pictures (mated) and all pictures of others (non-mated). People are \
                 compared by {template}."
            ),
            None => format!(
                "Each picture was searched for among all others: with its own person's other \
                 pictures (mated), and without them (non-mated). People are compared by {template}."
            ),
        }
    }
}

/// Searches, and the number of people in the gallery.
struct Searches {
    gallery: usize,
    mated: Vec<Search>,
    non_mated: Vec<Search>,
}

fn search_folder(args: &Args, samples: &[Sample]) -> Result<Searches, Failure> {
    let template = args.template.into();
    let mut n_samples: BTreeMap<u32, u32> = BTreeMap::new();
    for sample in samples {
        *n_samples.entry(sample.identity).or_default() += 1;
    }
    let Some(n) = args.enrol else {
        let (mated, non_mated) = leave_one_out(samples, template)?;
        return Ok(Searches {
            gallery: n_samples.len(),
            mated,
            non_mated,
        });
    };
    let mut taken: BTreeMap<u32, u32> = BTreeMap::new();
    let (gallery, probes): (Vec<Sample>, Vec<Sample>) =
        samples.iter().cloned().partition(|sample| {
            let taken = taken.entry(sample.identity).or_default();
            let is_enrolled = n_samples[&sample.identity] > n && *taken < n;
            *taken += u32::from(is_enrolled);
            is_enrolled
        });
    let (mated, non_mated) = search(&gallery, &probes, template)?;
    Ok(Searches {
        gallery: n_samples.values().filter(|count| **count > n).count(),
        mated,
        non_mated,
    })
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

fn describe(args: &Args, figures: &Figures) -> String {
    let mut text = format!(
        "one to one: all pictures of {} people\n{}",
        grouped(figures.people as u64),
        texts::verification(&figures.verification, figures.operating)
    );
    if figures.impostor_made > figures.verification.impostor {
        text += &format!(", drawn from {}", grouped(figures.impostor_made));
    }
    if let Some(groups) = &figures.groups {
        text += &texts::groups(groups);
    }
    let how = match args.enrol {
        Some(n) => format!("{n} pictures enrolled of everybody who has more"),
        None => "each picture among all others".to_owned(),
    };
    text + &format!(
        "\none to many: {how}, by {}\n{}",
        args.template.words(),
        texts::identification(&figures.identification, figures.operating)
    )
}
