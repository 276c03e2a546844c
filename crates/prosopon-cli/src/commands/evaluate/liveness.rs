//! `prosopon evaluate liveness`: living faces against pictures of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prosopon::evaluate::liveness::{LivenessReport, LivenessScores, error_curve};
use prosopon::evaluate::report::{add_liveness, rate};
use prosopon::{AttributeKind, AttributeNetworks, Detection, Image};
use serde::Serialize;

use super::common::{Document, Heading, ReportArgs, finish};
use crate::analysis::{StageTimes, detect_all};
use crate::args::{DetectArgs, InferenceArgs, ModelArgs, OutputArgs, share};
use crate::failure::{Exit, Failure};
use crate::pictures::{self, Input, pass_over};
use crate::session::{self, Load};

/// Liveness: living faces against printed and replayed ones
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon evaluate liveness real/ fake/
  prosopon evaluate liveness real/ fake/ --report liveness.html     fake/print/, fake/screen/, …
  prosopon evaluate liveness real/ fake/ --threshold 0.8 --gate 'apcer<0.05'

Each folder in FAKE is one kind of attack; pictures beside them are one more. APCER is the share of an \
attack's pictures that pass for living, BPCER the share of living faces that are refused, ACER the mean \
of BPCER and the worst APCER (ISO/IEC 30107-3). The largest face of each picture counts. Single \
pictures are judged, by the passive network alone.")]
pub(super) struct Args {
    /// Folder with pictures of living people
    real: PathBuf,
    /// Folder with pictures of prints, screens, masks: a folder for each kind
    fake: PathBuf,
    /// Least score of a face that passes for living
    #[arg(long, value_name = "SCORE", default_value_t = 0.5, value_parser = share)]
    threshold: f32,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    detect: DetectArgs,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    inference: InferenceArgs,
}

/// For the file beside the report.
#[derive(Serialize)]
struct Details {
    /// APCER of the worst attack and BPCER over all thresholds.
    curve: Vec<(f64, f64)>,
    pictures_with_scores: Vec<Scored>,
}

/// What a picture was given.
#[derive(Serialize)]
struct Scored {
    path: String,
    /// The kind of attack; null for a living person.
    attack: Option<String>,
    /// Null if no face was found.
    score: Option<f32>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let gates = args.report.check(&LivenessReport::metrics())?;
    let inputs = |folder: &PathBuf| pictures::collect(std::slice::from_ref(folder));
    let mut all: Vec<(Input, Option<String>)> = inputs(&args.real)?
        .into_iter()
        .map(|input| (input, None))
        .collect();
    all.extend(inputs(&args.fake)?.into_iter().map(|input| {
        let attack = attack_of(&args.fake, &input);
        (input, Some(attack))
    }));
    let (inputs, attacks): (Vec<Input>, Vec<Option<String>>) = all.into_iter().unzip();
    let load = Load::of(inputs.len());
    let session =
        session::open_detector_for(&args.models, &args.inference, &args.detect, load)?.filtering();
    let kinds = [AttributeKind::Liveness];
    let networks = session::open_attributes(&kinds, &args.models.source, &args.inference, load)?
        .unwrap_or_default();
    let (mut scored, mut unusable) = (Vec::new(), Vec::new());
    let mut attacks = attacks.into_iter();
    detect_all(
        &inputs,
        (&*session.detector, &args.detect.options()),
        &args.detect.limits(),
        args.inference.options(0).thread_count(),
        &StageTimes::default(),
        |picture, detections| score_of(&networks, &picture.image, detections),
        |input, analysed| {
            let attack = attacks.next().flatten();
            match analysed {
                Ok((score, _)) => scored.push(Scored {
                    path: input.to_string(),
                    attack,
                    score: score?,
                }),
                Err(failure) => pass_over(input, failure, &mut unusable)?,
            }
            Ok(())
        },
    )?;
    let (real, attacks) = by_kind(&scored);
    let report = LivenessReport::new(&real, &attacks, args.threshold);
    let document = Document {
        pictures: inputs.len(),
        unusable_pictures: unusable,
        gates: gates.judge(&report.measured()),
        about: session.about,
        figures: report,
    };
    let report = &document.figures;
    let details = Details {
        curve: error_curve(&real, &attacks),
        pictures_with_scores: scored,
    };
    let lead = format!(
        "Of living faces {} are refused; of copies of the worst attack {} pass.",
        rate(&report.bpcer),
        worst(report)
    );
    let heading = Heading {
        title: "Accuracy of liveness",
        lead: &lead,
        data: vec![
            ("living people", args.real.display().to_string()),
            ("copies", args.fake.display().to_string()),
        ],
    };
    finish(
        (&args.report, &args.output),
        &document,
        &heading,
        &details,
        |page| add_liveness(page, report, &details.curve),
        || describe(report),
    )
}

/// The score of the largest face; none without one.
fn score_of(
    networks: &AttributeNetworks,
    image: &Image,
    detections: &[Detection],
) -> Result<Option<f32>, Failure> {
    let area = |detection: &&Detection| detection.bounding_box.area();
    let largest = detections.iter().max_by(|a, b| area(a).total_cmp(&area(b)));
    let Some(face) = largest else {
        return Ok(None);
    };
    let found = networks.estimate(image, std::slice::from_ref(face))?;
    Ok(found.first().and_then(|attributes| attributes.liveness))
}

/// The folder below `fake` that a picture lies in, which names the attack.
fn attack_of(fake: &Path, input: &Input) -> String {
    let below = input.path().and_then(|path| path.strip_prefix(fake).ok());
    let mut parts = below.into_iter().flat_map(Path::iter);
    let name = match (parts.next(), parts.next()) {
        (Some(folder), Some(_)) => folder,
        _ => fake.file_name().unwrap_or_default(),
    };
    name.to_string_lossy().into_owned()
}

fn by_kind(scored: &[Scored]) -> (LivenessScores, Vec<LivenessScores>) {
    let mut kinds: BTreeMap<Option<&str>, Vec<Option<f32>>> = BTreeMap::new();
    for picture in scored {
        let kind = kinds.entry(picture.attack.as_deref()).or_default();
        kind.push(picture.score);
    }
    let scores = |name: &str, scores: Vec<Option<f32>>| LivenessScores {
        name: name.to_owned(),
        scores,
    };
    let real = scores("real", kinds.remove(&None).unwrap_or_default());
    let attacks = kinds
        .into_iter()
        .map(|(name, found)| scores(name.unwrap_or_default(), found));
    (real, attacks.collect())
}

fn worst(report: &LivenessReport) -> String {
    let rates = report.attacks.iter().map(|attack| &attack.apcer);
    rates
        .filter(|apcer| apcer.trials > 0)
        .max_by(|a, b| a.rate.total_cmp(&b.rate))
        .map_or("none".to_owned(), rate)
}

fn describe(report: &LivenessReport) -> String {
    let mut text = format!(
        "living faces refused (BPCER) at {}: {}",
        report.threshold,
        rate(&report.bpcer)
    );
    for attack in &report.attacks {
        text += &format!(
            "\ncopies that pass (APCER), {}: {}",
            attack.attack,
            rate(&attack.apcer)
        );
    }
    let value = |value: Option<f64>| value.map_or("no trials".to_owned(), |v| format!("{v:.4}"));
    text += &format!("\nACER {}, AUC {}", value(report.acer), value(report.auc));
    let without: usize = report
        .attacks
        .iter()
        .map(|attack| attack.without_face)
        .sum();
    if without + report.without_face > 0 {
        text += &format!(
            "\nno face in {} pictures of living people and {without} of copies",
            report.without_face
        );
    }
    text
}
