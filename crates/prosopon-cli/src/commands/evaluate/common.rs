//! What all evaluations share: gates, the report and the file beside it, thresholds to look at.

use std::path::{Path, PathBuf};

use prosopon::evaluate::gate::{Gate, Judgement, Measured, Metric};
use prosopon::evaluate::report::{Preamble, begin};
use prosopon::report::Page;
use serde::Serialize;

use crate::args::{EngineArgs, OutputArgs, rate, similarity};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{About, eprint, print_value, write_file, write_json};
use crate::results::require_folder;
use crate::session::EngineSession;

/// A report, and bounds to keep.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Evaluation")]
pub(super) struct ReportArgs {
    /// Write a page with tables, curves and the worst errors, and all figures beside it as .json
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// A bound to keep, such as `fnmr@fmr=1e-3<0.02`; the exit status is 1 if it is not kept
    #[arg(long = "gate", value_name = "GATE")]
    gates: Vec<String>,
}

/// Thresholds at which rates are reported.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Evaluation")]
pub(super) struct ThresholdsArgs {
    /// Report the rates at the model's own threshold for this false match rate
    #[arg(long, value_name = "RATE", default_value_t = 1e-3, value_parser = rate)]
    fmr: f64,
    /// Report the rates at these similarities too, such as 0.338,0.429
    #[arg(long, value_name = "SIM,…", value_delimiter = ',', value_parser = similarity, allow_negative_numbers = true)]
    thresholds: Vec<f32>,
}

/// What evaluations of embeddings share.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct EmbeddingArgs {
    #[command(flatten)]
    pub(super) thresholds: ThresholdsArgs,
    #[command(flatten)]
    pub(super) report: ReportArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) engine: EngineArgs,
}

/// The threshold that the model's calibration gives.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Operating {
    /// Least similarity of a match.
    pub(super) threshold: f32,
    /// The false match rate that it was announced for.
    pub(super) fmr: f64,
}

impl EmbeddingArgs {
    /// The model's own threshold; none for a model that nobody has calibrated.
    pub(super) fn operating(&self, session: &EngineSession) -> Option<Operating> {
        let fmr = self.thresholds.fmr;
        session.calibration.as_ref().map(|active| Operating {
            threshold: active
                .calibration
                .threshold(session.model.clone(), fmr)
                .similarity,
            fmr,
        })
    }
}

impl ThresholdsArgs {
    /// All thresholds at which rates are reported: the model's own, those that were asked for, and
    /// those that `gates` are about.
    pub(super) fn all(&self, operating: Option<Operating>, gates: &Gates) -> Vec<f32> {
        let mut thresholds = self.thresholds.clone();
        thresholds.extend(operating.map(|o| o.threshold));
        for metric in ["fmr", "fnmr", "fpir", "fnir"] {
            thresholds.extend(gates.points(metric, "threshold").map(|t| t as f32));
        }
        thresholds
    }
}

/// The bounds that were asked for.
pub(super) struct Gates(Vec<Gate>);

impl Gates {
    /// The points, called `at`, at which gates ask for `metric`.
    pub(super) fn points(&self, metric: &str, at: &str) -> impl Iterator<Item = f64> {
        let points = self.0.iter().filter_map(|gate| gate.point_of(metric, at));
        points.collect::<Vec<_>>().into_iter()
    }

    pub(super) fn judge(&self, measured: &[Measured]) -> Vec<Judgement> {
        self.0.iter().map(|gate| gate.judge(measured)).collect()
    }
}

impl ReportArgs {
    /// Reads the gates and looks whether the report can be written, before hours are spent.
    pub(super) fn check(&self, known: &[Metric]) -> Result<Gates, Failure> {
        if let Some(path) = &self.report {
            check_report(path)?;
        }
        let gate = |text: &String| {
            Gate::parse(text, known).map_err(|error| {
                Failure::new(Exit::Usage, "invalid_gate", error)
                    .with_hint("for example `--gate 'eer<0.01'`; names are those of the JSON")
            })
        };
        Ok(Gates(
            self.gates.iter().map(gate).collect::<Result<_, _>>()?,
        ))
    }

    /// Whether a report was asked for, so that its parts are worth making.
    pub(super) fn is_wanted(&self) -> bool {
        self.report.is_some()
    }
}

fn check_report(path: &Path) -> Result<(), Failure> {
    let ending = path.extension().unwrap_or_default();
    if !ending.eq_ignore_ascii_case("html") && !ending.eq_ignore_ascii_case("htm") {
        let message = "expected a report's name to end in .html";
        return Err(Failure::new(Exit::Usage, "unknown_extension", message)
            .at(path.display())
            .with_hint("the figures go beside it, under the same name with .json"));
    }
    require_folder(path)
}

/// What an evaluation prints.
#[derive(Serialize)]
pub(super) struct Document<T> {
    #[serde(flatten)]
    pub(super) figures: T,
    pub(super) pictures: usize,
    pub(super) unusable_pictures: Vec<String>,
    pub(super) gates: Vec<Judgement>,
    #[serde(flatten)]
    pub(super) about: About,
}

/// What the file beside the report says in addition.
#[derive(Serialize)]
struct Filed<'a, T, D> {
    #[serde(flatten)]
    document: &'a Document<T>,
    #[serde(flatten)]
    details: &'a D,
    command: String,
    version: &'static str,
}

/// The page of an evaluation in the making: what stands above the figures.
pub(super) struct Heading<'a> {
    pub(super) title: &'a str,
    pub(super) lead: &'a str,
    /// What the data are: names and values.
    pub(super) data: Vec<(&'a str, String)>,
}

/// Prints `document`, writes the report if one was asked for, and says with which status the program
/// ends. `fill` adds the page's parts; `details` are curves and lists for the file beside it.
pub(super) fn finish<T: Serialize, D: Serialize>(
    (args, output): (&ReportArgs, &OutputArgs),
    document: &Document<T>,
    heading: &Heading<'_>,
    details: &D,
    fill: impl FnOnce(&mut Page),
    describe: impl FnOnce() -> String,
) -> Result<Exit, Failure> {
    print_value(output.format(), document, || {
        let mut text = describe();
        text += &about(&document.about);
        for gate in &document.gates {
            text += &format!("\n{gate}");
        }
        text
    })?;
    if let Some(path) = &args.report {
        let command = crate::args::command_line();
        let mut facts = heading.data.clone();
        facts.push(("pictures", document.pictures.to_string()));
        if !document.unusable_pictures.is_empty() {
            facts.push(("unusable pictures", document.unusable_pictures.join(", ")));
        }
        let About {
            model,
            detector,
            backend,
        } = &document.about;
        facts.extend(model.iter().map(|model| ("embedder", model.clone())));
        if !detector.is_empty() {
            facts.push(("detector", detector.clone()));
            facts.push(("engine", backend.clone()));
        }
        facts.push(("program", format!("prosopon {}", env!("CARGO_PKG_VERSION"))));
        facts.push(("command", command.clone()));
        let mut page = begin(&Preamble {
            title: heading.title,
            lead: heading.lead,
            facts: &facts,
            gates: &document.gates,
        });
        fill(&mut page);
        write_file(path, page.to_html().as_bytes())?;
        let filed = Filed {
            document,
            details,
            command,
            version: env!("CARGO_PKG_VERSION"),
        };
        let json = path.with_extension("json");
        write_json(&json, &filed)?;
        eprint(&format!("wrote {} and {}", path.display(), json.display()));
    }
    Ok(if document.gates.iter().any(|gate| !gate.pass) {
        Exit::No
    } else {
        exit_of(document.unusable_pictures.len())
    })
}

/// `with SCRFD…, fr-feature…, openvino …` on a line of its own; nothing where no network ran.
fn about(about: &About) -> String {
    if about.detector.is_empty() {
        return String::new();
    }
    let embedder = about.model.as_ref().map(|model| format!(", {model}"));
    format!(
        "\nwith {}{}, {}",
        about.detector,
        embedder.unwrap_or_default(),
        about.backend
    )
}
