//! `prosopon doctor`: what this machine has, and whether it works.

mod agreement;
mod files;

use std::time::Instant;

use prosopon::inference::{BackendChoice, BackendInfo, InferenceOptions, Runtime};
use prosopon::{DetectorOptions, Image, InputSize};
use prosopon_models::{FileState, Store};
use serde::Serialize;

use self::agreement::Agreement;
use self::files::{DataFile, check_all};
use crate::args::{InferenceArgs, OutputArgs};
use crate::failure::{Exit, Failure};
use crate::networks;
use crate::output::print_value;
use crate::session::Load;

/// Show versions, processor, engines, models, and a quick self-test
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon doctor
  prosopon doctor --backend rten --json

Exit status: 0 if all is well, 4 if faces cannot be found or engines disagree about them, 5 if a database is damaged.")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    inference: InferenceArgs,
}

#[derive(Serialize)]
struct Checkup {
    version: &'static str,
    os: &'static str,
    arch: &'static str,
    cores: usize,
    cpu_features: Vec<&'static str>,
    data_directory: String,
    models: Vec<ModelState>,
    backends: Vec<BackendState>,
    used: Option<BackendInfo>,
    files: Vec<DataFile>,
    self_test: SelfTest,
}

#[derive(Serialize)]
struct ModelState {
    name: String,
    installed: bool,
}

#[derive(Serialize)]
struct BackendState {
    name: &'static str,
    info: Option<BackendInfo>,
    problem: Option<String>,
}

#[derive(Default, Serialize)]
struct SelfTest {
    /// Median of the detector's runs on a picture of 640 × 640, in milliseconds.
    detect_millis: Option<f64>,
    runs: usize,
    /// How the engine compares with the one that is compiled in; none if it is that one.
    agreement: Option<Agreement>,
    /// What kept the detector from running, or what is wrong with its answers.
    problem: Option<String>,
    /// What to do about it.
    hint: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let store = Store::open()?;
    let backend = |name, choice| {
        let options = InferenceOptions {
            backend: choice,
            openvino_dir: args
                .inference
                .options(1)
                .openvino_dir
                .or_else(|| store.runtime_dir()),
            ..InferenceOptions::default()
        };
        match Runtime::open(&options) {
            Ok(runtime) => BackendState {
                name,
                info: Some(runtime.info().clone()),
                problem: None,
            },
            Err(error) => BackendState {
                name,
                info: None,
                problem: Some(error.to_string()),
            },
        }
    };
    let backends = vec![
        backend("openvino", BackendChoice::OpenVino),
        backend("rten", BackendChoice::Rten),
    ];
    let runtime = networks::open_runtime(&store, args.inference.options(Load::Single.streams()));
    let models = store
        .status()?
        .into_iter()
        .filter(|s| store.catalogue().file(&s.id).is_some())
        .map(|s| ModelState {
            name: s.id,
            installed: s.state == FileState::Present,
        })
        .collect();
    let checkup = Checkup {
        version: env!("CARGO_PKG_VERSION"),
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        cpu_features: cpu_features(),
        data_directory: store.home().display().to_string(),
        models,
        backends,
        files: check_all(store.home()),
        used: runtime.as_ref().ok().map(|r| r.info().clone()),
        self_test: runtime
            .and_then(|runtime| self_test(&store, &runtime))
            .unwrap_or_else(|failure| SelfTest {
                problem: Some(failure.message),
                hint: failure.hint,
                ..SelfTest::default()
            }),
    };
    let is_damaged = checkup.files.iter().any(|file| file.problem.is_some());
    let exit = match &checkup.self_test.problem {
        Some(_) => Exit::Setup,
        None if is_damaged => Exit::Storage,
        None => Exit::Success,
    };
    print_value(args.output.format(), &checkup, || describe(&checkup))?;
    Ok(exit)
}

/// Runs the default detector on an empty picture for about half a second, then both engines on a photograph.
fn self_test(store: &Store, runtime: &Runtime) -> Result<SelfTest, Failure> {
    let model = store.resolve_detector(None)?;
    let detector = networks::load_detector(runtime, &model, None)?;
    let image = Image::filled(640, 640, [128; 3]);
    let options = DetectorOptions {
        input: InputSize::Fixed(640),
        ..DetectorOptions::default()
    };
    // The first run compiles.
    detector.detect(&image, &options)?;
    let begin = Instant::now();
    let mut millis = Vec::new();
    while millis.is_empty() || begin.elapsed().as_millis() < 500 {
        let start = Instant::now();
        detector.detect(&image, &options)?;
        millis.push(start.elapsed().as_secs_f64() * 1e3);
    }
    millis.sort_by(f64::total_cmp);
    let agreement = agreement::compare(store, runtime, &options)?;
    let problem = agreement.as_ref().and_then(|found| found.problem(runtime));
    Ok(SelfTest {
        detect_millis: Some(millis[millis.len() / 2]),
        runs: millis.len(),
        agreement,
        hint: problem.as_ref().map(|_| {
            "do not trust its answers here: `--backend rten`, or PROSOPON_BACKEND=rten".to_owned()
        }),
        problem,
    })
}

/// Instruction sets that matter to inference and search.
fn cpu_features() -> Vec<&'static str> {
    let mut features = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        macro_rules! detect {
            ($($name:tt),*) => {
                $(if std::arch::is_x86_feature_detected!($name) { features.push($name); })*
            };
        }
        detect!(
            "sse4.2",
            "avx2",
            "fma",
            "avx512f",
            "avx512vnni",
            "avx512bf16"
        );
    }
    #[cfg(target_arch = "aarch64")]
    {
        macro_rules! detect {
            ($($name:tt),*) => {
                $(if std::arch::is_aarch64_feature_detected!($name) { features.push($name); })*
            };
        }
        detect!("neon", "dotprod", "bf16", "i8mm");
    }
    features
}

fn describe(checkup: &Checkup) -> String {
    let mut text = format!(
        "prosopon {} on {} {}, {} cores ({})\ndata in {}\n",
        checkup.version,
        checkup.os,
        checkup.arch,
        checkup.cores,
        checkup.cpu_features.join(", "),
        checkup.data_directory
    );
    let (installed, missing): (Vec<_>, Vec<_>) = checkup.models.iter().partition(|m| m.installed);
    let names = |list: &[&ModelState]| {
        let names: Vec<_> = list.iter().map(|m| m.name.as_str()).collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    };
    text += &format!("models installed: {}\n", names(&installed));
    text += &format!("models not installed: {}\n", names(&missing));
    for backend in &checkup.backends {
        text += &match (&backend.info, &backend.problem) {
            (Some(info), _) => {
                let library = info
                    .library
                    .as_ref()
                    .map_or("compiled in".to_owned(), |path| path.display().to_string());
                format!("{info}: {library}\n")
            }
            (None, Some(problem)) => format!("{problem}\n"),
            (None, None) => String::new(),
        };
    }
    if let Some(used) = &checkup.used {
        text += &format!("in use: {used}, {} threads\n", used.threads);
    }
    for file in &checkup.files {
        text += &match (&file.problem, &file.hint) {
            (None, _) => format!("whole: {}\n", file.path.display()),
            (Some(problem), None) => format!("{problem}\n"),
            (Some(problem), Some(hint)) => format!("{problem}\nhint: {hint}\n"),
        };
    }
    let test = &checkup.self_test;
    let mut lines = Vec::new();
    if let Some(millis) = test.detect_millis {
        lines.push(format!(
            "self-test: detector on 640 × 640 pixels in {millis:.1} ms (median of {})",
            test.runs
        ));
    }
    lines.extend(test.agreement.as_ref().map(Agreement::to_string));
    let problem = test.problem.as_ref();
    lines.extend(problem.map(|problem| format!("self-test failed: {problem}")));
    text += &lines.join("\n");
    if let Some(hint) = &test.hint {
        text += &format!("\nhint: {hint}");
    }
    text
}
