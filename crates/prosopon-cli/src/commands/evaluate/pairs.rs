//! `prosopon evaluate pairs`: comparisons from a list.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prosopon::evaluate::gate::{Measured, Metric};
use prosopon::evaluate::groups::{GroupList, GroupRates, group_rates};
use prosopon::evaluate::pairs::{self, Comparison, PairList, PairsReport, PictureName};
use prosopon::evaluate::report::{
    ErrorPair, add_groups, add_verification, add_worst_of_both, lead, percent,
};
use prosopon::evaluate::scores::{Genuine, Impostor};
use prosopon::evaluate::verification::{Curves, VerificationReport};
use prosopon::{Face, similarity};
use serde::Serialize;

use super::common::{Document, EmbeddingArgs, Heading, Operating, finish};
use super::samples::{Identities, below};
use super::texts;
use crate::faces;
use crate::failure::{Exit, Failure};
use crate::pictures::Input;
use crate::session::{self, Load};

/// Verification by the protocol of Labeled Faces in the Wild
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon evaluate pairs --pairs lfw/pairs.txt --images lfw/images
  prosopon evaluate pairs --pairs pairs.txt --images images --precision f32 --json
  prosopon evaluate pairs --pairs pairs.txt --images images --report accuracy.html
  prosopon evaluate pairs --pairs pairs.txt --images images --gate 'accuracy>0.99' --gate 'eer<0.01'

In each picture the face nearest to the centre counts, larger ones before smaller. A picture \
without a face makes its pairs rejections. Each fold is judged with the threshold that is best on \
the others; intervals are of 95 %, by drawing people with replacement.")]
pub(super) struct Args {
    /// List of pairs in the data set's own format
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,
    /// Folder of pictures: `NAME/NAME_0001.jpg`
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// Table `IDENTITY,GROUP` or `PATH,GROUP`: rates within each group at one threshold
    #[arg(long, value_name = "FILE.csv")]
    groups: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: EmbeddingArgs,
}

#[derive(Serialize)]
struct Figures {
    #[serde(flatten)]
    report: PairsReport,
    /// The threshold that the model's calibration gives; null without one.
    operating: Option<Operating>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<Groups>,
}

/// Rates within groups.
#[derive(Serialize)]
pub(super) struct Groups {
    pub(super) threshold: f32,
    pub(super) rates: Vec<GroupRates>,
}

/// For the file beside the report.
#[derive(Serialize)]
struct Details {
    curves: Option<Curves>,
}

/// Errors of each kind that are shown.
pub(super) const N_WORST: usize = 12;

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut known = VerificationReport::metrics();
    known.extend(["accuracy", "undetected"].map(Metric::new));
    let gates = args.common.report.check(&known)?;
    let list = read_list(&args.pairs)?;
    let groups = args.groups.as_deref().map(read_groups).transpose()?;
    let names = list.pictures();
    let inputs: Vec<Input> = names
        .iter()
        .map(|name| Input::File(name.path(&args.images)))
        .collect();
    if !inputs.iter().any(|i| i.path().is_some_and(Path::exists)) {
        return Err(crate::pictures::no_pictures(&args.images));
    }
    let session = session::open_engine(&args.common.engine, Load::Batch)?;
    let read = faces::of_inputs(&inputs, &session.engine, &args.common.engine)?;
    let mut found: BTreeMap<PathBuf, Face> = read
        .pictures
        .into_iter()
        .filter_map(|picture| {
            let face = faces::central_face(picture.size, picture.faces)?;
            Some((picture.path, face))
        })
        .collect();
    let by_name: BTreeMap<&PictureName, Option<Face>> = names
        .iter()
        .map(|name| (*name, found.remove(&name.path(&args.images))))
        .collect();
    let comparisons = compare(&list, &by_name)?;

    let operating = args.common.operating(&session);
    let fmrs: Vec<f64> = gates
        .points("fnmr", "fmr")
        .chain(gates.points("tar", "far"))
        .collect();
    let scores = pairs::scores(&comparisons).map_err(|error| texts::too_few(&error))?;
    let report = PairsReport::new(
        &comparisons,
        &fmrs,
        &args.common.thresholds.all(operating, &gates),
    )
    .map_err(|error| texts::too_few(&error))?;
    let groups = groups.map(|groups| {
        let threshold = operating.map_or_else(|| scores.threshold_at_fmr(1e-3), |o| o.threshold);
        Groups {
            threshold,
            rates: rates_of_groups(&groups, &list, &comparisons, args, threshold),
        }
    });
    let mut measured: Vec<Measured> = report.verification.measured();
    measured.push(("accuracy".to_owned(), report.accuracy));
    measured.push(("undetected".to_owned(), report.undetected as f64));

    let document = Document {
        pictures: inputs.len(),
        unusable_pictures: read.failed,
        gates: gates.judge(&measured),
        about: session.about,
        figures: Figures {
            report,
            operating,
            groups,
        },
    };
    let figures = &document.figures;
    let summary = format!(
        "Accuracy {} ± {} over {} folds; {}",
        percent(figures.report.accuracy),
        percent(figures.report.accuracy_std),
        figures.report.accuracy_per_fold.len(),
        lead(&figures.report.verification)
    );
    let details = Details {
        curves: args.common.report.is_wanted().then(|| Curves::new(&scores)),
    };
    let heading = Heading {
        title: "Accuracy on a list of pairs",
        lead: &summary,
        data: vec![
            ("list of pairs", args.pairs.display().to_string()),
            ("pictures in", args.images.display().to_string()),
        ],
    };
    finish(
        (&args.common.report, &args.common.output),
        &document,
        &heading,
        &details,
        |page| {
            if let Some(curves) = &details.curves {
                add_verification(page, &figures.report.verification, curves);
            }
            if let Some(groups) = &figures.groups {
                add_groups(page, &groups.rates, groups.threshold);
            }
            let (genuine, impostor) = worst(&list, &comparisons, &by_name, &args.images);
            add_worst_of_both(page, &genuine, &impostor);
        },
        || describe(figures),
    )
}

/// Reads a list of pairs.
pub(crate) fn read_list(path: &Path) -> Result<PairList, Failure> {
    let text = texts::read(path, "the list of pairs")?;
    PairList::parse(&text)
        .map_err(|error| Failure::new(Exit::BadInput, "invalid_pairs", error).at(path.display()))
}

pub(super) fn read_groups(path: &Path) -> Result<GroupList, Failure> {
    let text = texts::read(path, "the table of groups")?;
    GroupList::parse(&text).map_err(|error| {
        Failure::new(Exit::BadInput, "invalid_groups", error)
            .at(path.display())
            .with_hint("lines are `IDENTITY,GROUP` or `PATH,GROUP`")
    })
}

/// The comparisons of `list`, in its order.
fn compare(
    list: &PairList,
    by_name: &BTreeMap<&PictureName, Option<Face>>,
) -> Result<Vec<Comparison>, Failure> {
    let mut identities = Identities::default();
    list.pairs
        .iter()
        .map(|pair| {
            let similarity = match (&by_name[&pair.probe], &by_name[&pair.reference]) {
                (Some(a), Some(b)) => Some(similarity(&a.embedding, &b.embedding)?.value()),
                _ => None,
            };
            let people = [&pair.probe, &pair.reference];
            Ok(Comparison {
                similarity,
                genuine: pair.genuine,
                fold: pair.fold,
                identities: people.map(|picture| identities.number(&picture.identity)),
            })
        })
        .collect()
}

fn rates_of_groups(
    groups: &GroupList,
    list: &PairList,
    comparisons: &[Comparison],
    args: &Args,
    threshold: f32,
) -> Vec<GroupRates> {
    let mut numbers = Identities::default();
    let mut group_of = |picture: &PictureName| {
        let path = below(&args.images, &picture.path(&args.images));
        let group = groups.group(&picture.identity, &path)?;
        Some(numbers.number(group) as usize)
    };
    let scores = |genuine: bool| {
        let pairs = comparisons.iter().zip(&list.pairs);
        pairs.filter(move |(comparison, _)| comparison.genuine == genuine)
    };
    let (mut genuine, mut impostor) = (Vec::new(), Vec::new());
    for (comparison, pair) in scores(true) {
        let score = Genuine {
            similarity: comparison.similarity.unwrap_or(f32::NEG_INFINITY),
            identity: comparison.identities[0],
        };
        genuine.push((score, [group_of(&pair.probe), group_of(&pair.reference)]));
    }
    for (comparison, pair) in scores(false) {
        let score = Impostor {
            similarity: comparison.similarity.unwrap_or(f32::NEG_INFINITY),
            identities: comparison.identities,
        };
        impostor.push((score, [group_of(&pair.probe), group_of(&pair.reference)]));
    }
    group_rates(&numbers.into_names(), &genuine, &impostor, threshold)
}

/// The least similar genuine and the most similar impostor pairs, as they are shown.
fn worst(
    list: &PairList,
    comparisons: &[Comparison],
    by_name: &BTreeMap<&PictureName, Option<Face>>,
    images: &Path,
) -> (Vec<ErrorPair>, Vec<ErrorPair>) {
    let mut order: Vec<(f32, usize)> = comparisons
        .iter()
        .enumerate()
        .filter_map(|(i, comparison)| Some((comparison.similarity?, i)))
        .collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let shown = |(similarity, i): &(f32, usize)| {
        let pair = &list.pairs[*i];
        let crop = |picture: &PictureName| Some(by_name[picture].as_ref()?.crop.image.clone());
        ErrorPair {
            probe: crop(&pair.probe),
            reference: crop(&pair.reference),
            similarity: *similarity,
            captions: [&pair.probe, &pair.reference].map(|p| below(images, &p.path(images))),
        }
    };
    let is_genuine = |(_, i): &&(f32, usize)| comparisons[*i].genuine;
    (
        order
            .iter()
            .filter(is_genuine)
            .take(N_WORST)
            .map(shown)
            .collect(),
        order
            .iter()
            .rev()
            .filter(|at| !is_genuine(at))
            .take(N_WORST)
            .map(shown)
            .collect(),
    )
}

fn describe(figures: &Figures) -> String {
    let report = &figures.report;
    let mut text = format!(
        "accuracy  {} ± {} over {} folds, {} pairs, {} undetected\n{}",
        percent(report.accuracy),
        percent(report.accuracy_std),
        report.accuracy_per_fold.len(),
        report.pairs,
        report.undetected,
        texts::verification(&report.verification, figures.operating)
    );
    if let Some(groups) = &figures.groups {
        text += &texts::groups(groups);
    }
    text
}
