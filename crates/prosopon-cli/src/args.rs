//! Everything that can be typed.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use prosopon::classic::MultiScale;
use prosopon::detect::HaarDetector;
use prosopon::image::DecodeLimits;
use prosopon::inference::{BackendChoice, InferenceOptions, Precision};
use prosopon::{AttributeKind, DetectorOptions, EngineOptions, InputSize};

use crate::commands;
use crate::output::Format;

/// Find faces, compare them, say who they are.
#[derive(Debug, Parser)]
#[command(
    name = "prosopon",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Quickstart(commands::quickstart::Args),
    Detect(commands::detect::Args),
    Embed(commands::embed::Args),
    Verify(commands::verify::Args),
    Enrol(commands::enrol::Args),
    Identify(commands::identify::Args),
    People(commands::people::Args),
    Evaluate(commands::evaluate::Args),
    Calibrate(commands::calibrate::Args),
    Fetch(commands::fetch::Args),
    Prepare(commands::prepare::Args),
    Matrix(commands::matrix::Args),
    Signature(commands::signature::Args),
    Consistency(commands::consistency::Args),
    Explore(commands::explore::Args),
    Dedupe(commands::dedupe::Args),
    Split(commands::split::Args),
    BeforeAfter(commands::before_after::Args),
    Diff(commands::diff::Args),
    Gradients(commands::gradients::Args),
    Cluster(commands::cluster::Args),
    Album(commands::album::Args),
    Recogniser(commands::recogniser::Args),
    Train(Box<commands::train::Args>),
    Predict(commands::predict::Args),
    Classifiers(commands::classifiers::Args),
    Watch(Box<commands::watch::Args>),
    Events(Box<commands::events::Args>),
    Serve(commands::serve::Args),
    Keys(commands::keys::Args),
    Audit(commands::audit::Args),
    Models(commands::models::Args),
    Doctor(commands::doctor::Args),
}

impl Command {
    /// How results and errors are printed.
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Quickstart(args) => args.output.format(),
            Self::Detect(args) => args.output.format(),
            Self::Embed(args) => args.output.format(),
            Self::Verify(args) => args.output.format(),
            Self::Enrol(args) => args.output.format(),
            Self::Identify(args) => args.output.format(),
            Self::People(args) => args.output.format(),
            Self::Evaluate(args) => args.format(),
            Self::Calibrate(args) => args.output.format(),
            Self::Fetch(args) => args.output.format(),
            Self::Prepare(args) => args.output.format(),
            Self::Matrix(args) => args.output.format(),
            Self::Signature(args) => args.output.format(),
            Self::Consistency(args) => args.output.format(),
            Self::Explore(args) => args.output.format(),
            Self::Dedupe(args) => args.output.format(),
            Self::Split(args) => args.output.format(),
            Self::BeforeAfter(args) => args.output.format(),
            Self::Diff(args) => args.output.format(),
            Self::Gradients(args) => args.output.format(),
            Self::Cluster(args) => args.output.format(),
            Self::Album(args) => args.output.format(),
            Self::Recogniser(args) => args.output.format(),
            Self::Train(args) => args.output.format(),
            Self::Predict(args) => args.output.format(),
            Self::Classifiers(args) => args.output.format(),
            Self::Watch(args) => args.output.format(),
            Self::Events(args) => args.format(),
            Self::Serve(args) => args.output.format(),
            Self::Keys(args) => args.output.format(),
            Self::Audit(args) => args.output.format(),
            Self::Models(args) => args.output.format(),
            Self::Doctor(args) => args.output.format(),
        }
    }
}

/// How results are printed.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,
    /// Print one JSON object a line, each as soon as it is done
    #[arg(long, global = true, conflicts_with = "json")]
    jsonl: bool,
}

impl OutputArgs {
    pub(crate) fn format(&self) -> Format {
        match (self.json, self.jsonl) {
            (true, _) => Format::Json,
            (_, true) => Format::JsonLines,
            _ => Format::Text,
        }
    }
}

/// Which networks, and where they come from.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Models")]
pub(crate) struct ModelArgs {
    /// Detector: `scrfd`, `fr-detect`, `haar`, `haar:NAME`, a cascade file (.xml), or one of your own
    #[arg(long, value_name = "NAME")]
    pub(crate) detector: Option<String>,
    /// Embedder: `fr-feature`, or one of your own
    #[arg(long, value_name = "NAME")]
    pub(crate) embedder: Option<String>,
    #[command(flatten)]
    pub(crate) source: SourceArgs,
}

/// Where models may be fetched from.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Models")]
pub(crate) struct SourceArgs {
    /// Never use the network; fail if a model is missing
    #[arg(long)]
    pub(crate) offline: bool,
    /// Mirror to ask first: an address or a folder, with files named by SHA-256
    #[arg(long, value_name = "URL", env = "PROSOPON_MIRROR")]
    pub(crate) mirror: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum BackendArg {
    Auto,
    Openvino,
    Rten,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PrecisionArg {
    Auto,
    F32,
    Bf16,
}

/// How networks are run.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Inference")]
pub(crate) struct InferenceArgs {
    /// Engine; `auto` takes the fastest that loads
    #[arg(long, value_enum, default_value_t = BackendArg::Auto, env = "PROSOPON_BACKEND")]
    backend: BackendArg,
    /// Arithmetic; `auto` takes bf16 where the processor has it
    #[arg(long, value_enum, default_value_t = PrecisionArg::Auto, env = "PROSOPON_PRECISION")]
    precision: PrecisionArg,
    /// Threads; 0 takes one for each core
    #[arg(long, value_name = "N", default_value_t = 0, env = "PROSOPON_THREADS")]
    threads: usize,
    /// Folder with the OpenVINO libraries to use instead of the installed ones
    #[arg(long, value_name = "DIR", env = "PROSOPON_OPENVINO_DIR")]
    openvino_dir: Option<PathBuf>,
}

impl InferenceArgs {
    /// The options; `streams` runs at the same time, 0 for one a thread.
    pub(crate) fn options(&self, streams: usize) -> InferenceOptions {
        InferenceOptions {
            backend: match self.backend {
                BackendArg::Auto => BackendChoice::Auto,
                BackendArg::Openvino => BackendChoice::OpenVino,
                BackendArg::Rten => BackendChoice::Rten,
            },
            precision: match self.precision {
                PrecisionArg::Auto => Precision::Auto,
                PrecisionArg::F32 => Precision::F32,
                PrecisionArg::Bf16 => Precision::Bf16,
            },
            threads: self.threads,
            streams,
            openvino_dir: self.openvino_dir.clone(),
        }
    }
}

/// Which pictures are taken.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Detection")]
pub(crate) struct PictureArgs {
    /// Largest picture file, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 20)]
    max_file_mib: u64,
    /// Largest picture, in megapixels
    #[arg(long, value_name = "MP", default_value_t = 50)]
    max_megapixels: u64,
}

impl PictureArgs {
    pub(crate) fn limits(&self) -> DecodeLimits {
        let defaults = DecodeLimits::default();
        let pixels = self.max_megapixels.saturating_mul(1_000_000);
        DecodeLimits {
            file_bytes: self.max_file_mib.saturating_mul(1 << 20),
            pixels,
            // The default allows eleven bytes a pixel; more pixels may use more.
            memory_bytes: defaults.memory_bytes.max(pixels.saturating_mul(11)),
        }
    }
}

/// What counts as a face, and which pictures are taken.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Detection")]
pub(crate) struct DetectArgs {
    /// Least confidence of a face, from 0 to 1
    #[arg(long, value_name = "P", default_value_t = 0.5, value_parser = share)]
    confidence: f32,
    /// Boxes that overlap more than this (intersection over union) are one face
    #[arg(long, value_name = "IOU", default_value_t = 0.4, value_parser = share)]
    nms_iou: f32,
    /// Leave out faces narrower than this, in pixels
    #[arg(long, value_name = "PX", default_value_t = 0.0)]
    min_face: f32,
    /// Take only the largest face of each picture
    #[arg(long)]
    pub(crate) largest_face: bool,
    /// Take only faces in which a cascade finds at least so many eyes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=10))]
    pub(crate) require_eyes: Option<u8>,
    /// Of a cascade: from one size to the next [default: 1.1]
    #[arg(long, value_name = "F", value_parser = number(1.005..=10.0))]
    scale_factor: Option<f64>,
    /// Of a cascade: more windows than this must lie on each other [default: 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    min_neighbors: Option<u32>,
    /// Longer side of the detector's input in pixels, or `auto`: as many scales as the picture
    /// needs
    #[arg(long, value_name = "PX|auto", default_value = "auto", value_parser = input_size)]
    input_size: InputSize,
    #[command(flatten)]
    pictures: PictureArgs,
}

impl DetectArgs {
    pub(crate) fn options(&self) -> DetectorOptions {
        DetectorOptions {
            min_confidence: self.confidence,
            nms_iou: self.nms_iou,
            min_face_px: self.min_face,
            largest_only: self.largest_face,
            input: self.input_size,
        }
    }

    /// How a cascade searches, if anything was said about it.
    pub(crate) fn search(&self) -> Option<MultiScale> {
        cascade_search(self.scale_factor, self.min_neighbors)
    }

    pub(crate) fn limits(&self) -> DecodeLimits {
        self.pictures.limits()
    }
}

/// How a cascade searches, if anything was said about it.
pub(crate) fn cascade_search(
    scale_factor: Option<f64>,
    min_neighbors: Option<u32>,
) -> Option<MultiScale> {
    if scale_factor.is_none() && min_neighbors.is_none() {
        return None;
    }
    let usual = HaarDetector::SEARCH;
    Some(MultiScale {
        scale_factor: scale_factor.unwrap_or(usual.scale_factor),
        min_neighbors: min_neighbors.unwrap_or(usual.min_neighbors),
        ..usual
    })
}

/// How faces are turned into vectors.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Embedding")]
pub(crate) struct EmbedArgs {
    /// Embed each face and its mirror image and take the mean: twice the time
    #[arg(long)]
    flip: bool,
    /// A head of your own behind the network, made by `prosopon train DIR --head`
    #[arg(long, value_name = "FILE")]
    pub(crate) head: Option<PathBuf>,
}

/// What else is to be said of each face.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AttributeArgs {
    /// Estimate these of each face: landmarks, pose, eyes, liveness, age, gender, expression
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = attribute)]
    pub(crate) attributes: Vec<AttributeKind>,
}

/// All that an engine needs.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EngineArgs {
    #[command(flatten)]
    pub(crate) models: ModelArgs,
    #[command(flatten)]
    pub(crate) inference: InferenceArgs,
    #[command(flatten)]
    pub(crate) detect: DetectArgs,
    #[command(flatten)]
    pub(crate) embed: EmbedArgs,
}

impl EngineArgs {
    pub(crate) fn options(&self) -> EngineOptions {
        EngineOptions {
            detector: self.detect.options(),
            flip: self.embed.flip,
        }
    }
}

/// How close is close enough.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Decision")]
pub(crate) struct ThresholdArgs {
    /// False match rate: the share of comparisons between different people that may be accepted
    /// [default: what was stored with the calibration, else 1e-3]
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) fmr: Option<f64>,
    /// Least similarity, from -1 to 1, instead of a rate
    #[arg(long, value_name = "SIM", conflicts_with = "fmr", value_parser = similarity, allow_negative_numbers = true)]
    pub(crate) threshold: Option<f32>,
}

/// How close is close enough, and how far is far enough.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Decision")]
pub(crate) struct DecisionArgs {
    #[command(flatten)]
    pub(crate) threshold: ThresholdArgs,
    /// A looser false match rate: what reaches it, but not the other, is uncertain; 0 for two answers
    /// only [default: what was stored with the calibration, else 0]
    #[arg(long, value_name = "RATE", value_parser = rate_or_none)]
    pub(crate) uncertain_fmr: Option<f64>,
}

/// Which gallery.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Gallery")]
pub(crate) struct GalleryArgs {
    /// Gallery file; `gallery.db` in the data directory by default
    #[arg(long, value_name = "FILE", env = "PROSOPON_GALLERY", global = true)]
    pub(crate) gallery: Option<PathBuf>,
}

/// The command line as it was typed, each argument in quotes if a shell would need them.
pub(crate) fn command_line() -> String {
    let arguments = std::env::args_os().skip(1);
    let arguments = arguments.map(|argument| quoted(&argument.to_string_lossy()));
    std::iter::once("prosopon".to_owned())
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// An argument as a shell needs it: in quotes where it has to be.
pub(crate) fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./,:=@%+".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', "'\\''"))
    }
}

/// A number of this range.
fn in_range(text: &str, range: &RangeInclusive<f64>) -> Result<f64, String> {
    let number = text.parse().ok().filter(|value| range.contains(value));
    number.ok_or_else(|| {
        format!(
            "expected a number from {} to {}",
            range.start(),
            range.end()
        )
    })
}

/// Reads numbers of this range.
pub(crate) fn number(range: RangeInclusive<f64>) -> impl Fn(&str) -> Result<f64, String> + Clone {
    move |text| in_range(text, &range)
}

pub(crate) fn share(text: &str) -> Result<f32, String> {
    in_range(text, &(0.0..=1.0)).map(|value| value as f32)
}

fn attribute(text: &str) -> Result<AttributeKind, String> {
    AttributeKind::from_name(text).ok_or_else(|| {
        let names = AttributeKind::ALL.map(AttributeKind::name);
        format!("expected one of {}", names.join(", "))
    })
}

pub(crate) fn similarity(text: &str) -> Result<f32, String> {
    in_range(text, &(-1.0..=1.0)).map(|value| value as f32)
}

/// A rate above 0, as a number, a percentage or a fraction: `1e-3`, `0.1%`, `1/1000`.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let rate = if let Some(percentage) = text.strip_suffix('%') {
        number(percentage).map(|value| value / 100.0)
    } else if let Some((share, of)) = text.split_once('/') {
        number(share).zip(number(of)).map(|(share, of)| share / of)
    } else {
        number(text)
    };
    rate.filter(|rate| (1e-12..=1.0).contains(rate))
        .ok_or_else(|| "expected a rate from 1e-12 to 1, such as 1e-3, 0.1% or 1/1000".to_owned())
}

/// Longest side of a size that is typed, in pixels.
const MAX_SIDE: u32 = 4096;

/// Width and height, `WxH`, or one number for both.
pub(crate) fn sides(text: &str) -> Result<(u32, u32), String> {
    let side = |text: &str| {
        let side = text.parse().ok();
        side.filter(|side| (1..=MAX_SIDE).contains(side))
    };
    let sides = match text.split_once(['x', '×']) {
        Some((width, height)) => side(width).zip(side(height)),
        None => side(text).map(|side| (side, side)),
    };
    sides.ok_or_else(|| format!("expected a number from 1 to {MAX_SIDE}, or two as in 64x96"))
}

/// A rate, or 0 for none.
pub(crate) fn rate_or_none(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(0.0) => Ok(0.0),
        _ => rate(text).map_err(|error| error + ", or 0"),
    }
}

fn input_size(text: &str) -> Result<InputSize, String> {
    if text == "auto" {
        return Ok(InputSize::Auto);
    }
    text.parse()
        .ok()
        .filter(|side| (32..=4096).contains(side))
        .map(InputSize::Fixed)
        .ok_or_else(|| "expected `auto` or a number from 32 to 4096".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_percentages_or_fractions() {
        for text in ["0.001", "1e-3", "0.1%", "0.1 %", "1/1000", "1 / 1000"] {
            assert_eq!(rate(text), Ok(1e-3), "{text}");
        }
        for wrong in [
            "", "0", "%", "1/0", "0/1", "2", "-1e-3", "200%", "nan", "1/2/3",
        ] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_a_side_or_two() {
        assert_eq!(sides("64"), Ok((64, 64)));
        assert_eq!(sides("64x96"), Ok((64, 96)));
        for wrong in ["", "0", "5000", "64x", "x64", "64x0", "-3", "1x2x3"] {
            assert!(sides(wrong).is_err(), "{wrong}");
        }
    }
}
