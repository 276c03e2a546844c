//! `prosopon evaluate detection`: boxes against labelled faces.

use std::path::PathBuf;

use clap::ValueEnum;
use prosopon::annotate::{Annotation, annotate};
use prosopon::evaluate::detection::truth::{LabelledPicture, TruthError, TruthFormat, parse};
use prosopon::evaluate::detection::{
    DetectionReport, IOU, Judged, Verdict, Verdicts, judge, precision_recall,
};
use prosopon::evaluate::report::{
    add_detection, add_photographs, add_precision_recall, percent, rate,
};
use prosopon::plot::Cell;
use prosopon::{BoundingBox, Detection, DetectorOptions, Image};
use serde::Serialize;

use super::common::{Document, Heading, ReportArgs, finish};
use super::texts;
use crate::analysis::{StageTimes, detect_all};
use crate::args::{DetectArgs, InferenceArgs, ModelArgs, OutputArgs};
use crate::failure::{Exit, Failure};
use crate::pictures::{Input, no_pictures, pass_over};
use crate::session::{self, Load};

/// Detection: boxes against labelled faces
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon evaluate detection --truth faces.xml --images photos/
  prosopon evaluate detection --truth wider_face_val_bbx_gt.txt --images WIDER_val/images --json
  prosopon evaluate detection --truth faces.csv --images photos/ --gate 'recall>0.95'

Lists are dlib's XML, the text of WIDER FACE, or a table `path,left,top,right,bottom`. A detection \
is right if it overlaps a labelled face by at least --iou (intersection over union). Average \
precision looks at detections down to a confidence of 0.02, for which each picture is searched a \
second time.")]
pub(super) struct Args {
    /// List of labelled faces
    #[arg(long, value_name = "FILE")]
    truth: PathBuf,
    /// Folder that the paths in the list are in
    #[arg(long, value_name = "DIR")]
    images: PathBuf,
    /// How the list is written
    #[arg(long, value_enum, default_value_t = FormatArg::Auto)]
    truth_format: FormatArg,
    /// Least overlap of a right detection
    #[arg(long, value_name = "IOU", default_value_t = IOU, value_parser = crate::args::share)]
    iou: f32,
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

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    Auto,
    Dlib,
    Wider,
    Csv,
}

impl FormatArg {
    fn format(self, text: &str) -> TruthFormat {
        match self {
            Self::Auto => TruthFormat::of(text),
            Self::Dlib => TruthFormat::Dlib,
            Self::Wider => TruthFormat::Wider,
            Self::Csv => TruthFormat::Csv,
        }
    }
}

/// Down to which confidence detections are ranked for average precision: the one that evaluations on
/// WIDER FACE usually take.
const LEAST_CONFIDENCE: f32 = 0.02;
/// Pictures with errors that are shown.
const N_SHOWN: usize = 12;

/// For the file beside the report.
#[derive(Serialize)]
struct Details {
    precision_recall: Option<Vec<(f64, f64)>>,
    /// Pictures with a missed face or a false one.
    errors: Vec<PictureErrors>,
}

/// What went wrong on a picture.
#[derive(Serialize)]
struct PictureErrors {
    path: String,
    missed: Vec<BoundingBox>,
    false_positives: Vec<Detection>,
    #[serde(skip)]
    input: Input,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let gates = args.report.check(&DetectionReport::metrics())?;
    let labelled = read_truth(args)?;
    let inputs = inputs(args, &labelled)?;
    let load = Load::of(inputs.len());
    let session =
        session::open_detector_for(&args.models, &args.inference, &args.detect, load)?.filtering();
    let options = args.detect.options();
    let ranked_options = DetectorOptions {
        min_confidence: LEAST_CONFIDENCE.min(options.min_confidence),
        ..options
    };
    let (mut decided, mut ranked, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    let mut unusable = Vec::new();
    let mut truths = labelled.into_iter();
    detect_all(
        &inputs,
        (&*session.detector, &options),
        &args.detect.limits(),
        args.inference.options(0).thread_count(),
        &StageTimes::default(),
        |picture, _| session.detector.detect(&picture.image, &ranked_options),
        |input, analysed| {
            let Some(LabelledPicture { path, faces }) = truths.next() else {
                return Ok(());
            };
            let judged = |found| Judged {
                truth: faces.clone(),
                found,
            };
            match analysed {
                Ok((all, found)) => {
                    ranked.push(judged(all?));
                    let picture = judged(found);
                    let verdicts = judge(&picture, args.iou, options.min_confidence);
                    shown.extend(errors(path, input.clone(), &picture, &verdicts));
                    decided.push(picture);
                }
                Err(failure) => pass_over(input, failure, &mut unusable)?,
            }
            Ok(())
        },
    )?;

    let report = DetectionReport::new(&decided, &ranked, args.iou, options.min_confidence);
    let document = Document {
        pictures: inputs.len(),
        unusable_pictures: unusable,
        gates: gates.judge(&report.measured()),
        about: session.about,
        figures: report,
    };
    let report = &document.figures;
    let details = Details {
        precision_recall: args
            .report
            .is_wanted()
            .then(|| precision_recall(&ranked, args.iou)),
        errors: shown,
    };
    let lead = lead(report);
    let heading = Heading {
        title: "Accuracy of detection",
        lead: &lead,
        data: vec![
            ("list of labelled faces", args.truth.display().to_string()),
            ("pictures in", args.images.display().to_string()),
        ],
    };
    finish(
        (&args.report, &args.output),
        &document,
        &heading,
        &details,
        |page| {
            add_detection(page, report);
            if let Some(points) = details.precision_recall.as_ref().filter(|p| !p.is_empty()) {
                add_precision_recall(page, points, report);
            }
            add_photographs(
                page,
                "Missed faces and false ones",
                "Missed faces are blue, false ones orange, with their confidence. A false face may be a \
                 real one that nobody labelled.",
                &pictures_of_errors(args, &details.errors),
            );
        },
        || describe(report),
    )
}

/// What came of it, in a sentence.
fn lead(report: &DetectionReport) -> String {
    format!(
        "{} of {} labelled faces are found; {} false faces on {} pictures; average precision {:.4}.",
        percent(report.recall.rate),
        report.faces,
        report.false_positives,
        report.pictures,
        report.ap
    )
}

/// The pictures of the list; an error if none of them is there.
fn inputs(args: &Args, labelled: &[LabelledPicture]) -> Result<Vec<Input>, Failure> {
    let inputs: Vec<Input> = labelled
        .iter()
        .map(|picture| Input::File(args.images.join(&picture.path)))
        .collect();
    if !inputs
        .iter()
        .any(|input| input.path().is_some_and(std::path::Path::exists))
    {
        return Err(no_pictures(&args.images)
            .with_hint("paths in the list are looked for below the folder of --images"));
    }
    Ok(inputs)
}

fn read_truth(args: &Args) -> Result<Vec<LabelledPicture>, Failure> {
    let text = texts::read(&args.truth, "the list of labelled faces")?;
    parse(&text, args.truth_format.format(&text)).map_err(|error: TruthError| {
        Failure::new(Exit::BadInput, "invalid_truth", error)
            .at(args.truth.display())
            .with_hint("`--truth-format` says how it is written: dlib, wider or csv")
    })
}

/// What went wrong on a picture, if anything did.
fn errors(
    path: String,
    input: Input,
    picture: &Judged,
    verdicts: &Verdicts,
) -> Option<PictureErrors> {
    let is_wrong = |verdict: &Verdict| *verdict == Verdict::Wrong;
    let truths = picture.truth.iter().zip(&verdicts.truth);
    let missed: Vec<BoundingBox> = truths
        .filter(|(_, verdict)| is_wrong(verdict))
        .map(|(truth, _)| truth.bounding_box)
        .collect();
    let found = picture.found.iter().zip(&verdicts.found);
    let false_positives: Vec<Detection> = found
        .filter(|(_, verdict)| is_wrong(verdict))
        .map(|(found, _)| *found)
        .collect();
    (!missed.is_empty() || !false_positives.is_empty()).then_some(PictureErrors {
        path,
        missed,
        false_positives,
        input,
    })
}

/// Parts of pictures around missed faces and false ones; those of most errors first.
fn pictures_of_errors(args: &Args, errors: &[PictureErrors]) -> Vec<Cell> {
    let limits = args.detect.limits();
    let mut order: Vec<&PictureErrors> = errors.iter().collect();
    order.sort_by_key(|e| std::cmp::Reverse(e.missed.len() + e.false_positives.len()));
    order
        .into_iter()
        .take(N_SHOWN)
        .filter_map(|errors| {
            let image = Image::decode(&errors.input.read(&limits).ok()?, &limits).ok()?;
            let marked = annotate(&image, &annotations(errors));
            let caption = format!(
                "{}: {} missed, {} false",
                errors.path,
                errors.missed.len(),
                errors.false_positives.len()
            );
            Some(Cell::new(shrunk(&marked), caption))
        })
        .collect()
}

fn annotations(errors: &PictureErrors) -> Vec<Annotation> {
    let annotation = |bounding_box, color, label| Annotation {
        bounding_box,
        landmarks: None,
        label,
        color,
    };
    let missed = errors
        .missed
        .iter()
        .map(|bounding_box| annotation(*bounding_box, [0, 114, 178], None));
    let false_positives = errors.false_positives.iter().map(|found| {
        let label = format!("{:.2}", found.confidence);
        annotation(found.bounding_box, [213, 94, 0], Some(label))
    });
    missed.chain(false_positives).collect()
}

/// Small enough for a page, large enough to be looked at closely.
fn shrunk(image: &Image) -> Image {
    const LONGER_SIDE: f32 = 640.0;
    let factor = LONGER_SIDE / image.width().max(image.height()) as f32;
    if factor >= 1.0 {
        return image.clone();
    }
    let side = |length: u32| ((length as f32 * factor) as u32).max(1);
    image
        .resized(
            side(image.width()),
            side(image.height()),
            prosopon::image::ResizeFilter::Area,
        )
        .unwrap_or_else(|_| image.clone())
}

fn describe(report: &DetectionReport) -> String {
    format!(
        "recall    {}\nprecision {}\nfalse     {} on {} pictures, {:.3} a picture\nAP        {:.4} at overlap {}",
        rate(&report.recall),
        rate(&report.precision),
        report.false_positives,
        report.pictures,
        report.false_positives_per_picture,
        report.ap,
        report.iou
    )
}
