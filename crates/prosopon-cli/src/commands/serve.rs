//! `prosopon serve`: HTTP API and web page.

mod check;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::CommandFactory as _;
use prosopon::inference::{BackendChoice, InferenceOptions, Precision};
use prosopon::{AttributeKind, AttributeNetworks, EngineOptions, FaceEngine};
use prosopon_gallery::spelling::closest;
use prosopon_models::{ModelsError, ResolvedCascade, Store};
use prosopon_server::{
    Attributes, Cascades, LicenceCard, LoadedModels, LoadedSettings, ModelCard, OpenAttributes,
    OpenDetector, RunError, Server, Settings, StartError, ToolMissing,
};
use prosopon_train::input::FaceSearch;
use serde::Serialize;
use serde_json::json;

use crate::args::{OutputArgs, SourceArgs};
use crate::failure::{Exit, Failure};
use crate::networks;
use crate::output::{Format, eprint, print_json, print_line};
use crate::session::{self, Looking};
use crate::toolbox;

/// Answer over HTTP: an API, and a page to use in a browser
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon serve                               then open http://127.0.0.1:8420
  prosopon serve --listen 0.0.0.0:8420         for others too; make a key for them first:
  prosopon keys create phone --scope identify
  prosopon serve --config server.toml --print-config
  prosopon serve --check                       is the server that runs here ready? status 0 or 1

Every setting can stand in the configuration file, in the environment (PROSOPON_QUEUE=100) or, where \
there is an option, on the command line; the last of these wins. `--print-config` shows them all, \
with their meaning and where each value came from.")]
pub(crate) struct Args {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "PROSOPON_CONFIG")]
    config: Option<PathBuf>,
    /// Show all settings and where they come from, and end
    #[arg(long)]
    print_config: bool,
    /// Ask the server that runs with these settings whether it is ready, and end: status 0 or 1
    #[arg(long, conflicts_with = "print_config")]
    check: bool,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Settings that have an option of their own.
#[derive(Debug, clap::Args, Serialize)]
#[command(next_help_heading = "Settings")]
struct Flags {
    /// Address and port, or a port of 127.0.0.1 [default: 127.0.0.1:8420]
    #[arg(long, alias = "port", value_name = "ADDRESS", value_parser = prosopon_server::listen_address)]
    listen: Option<SocketAddr>,
    /// File of the default gallery; `gallery.db` in the data directory by default
    #[arg(long, value_name = "FILE")]
    gallery: Option<PathBuf>,
    /// When callers need a key; `auto`: unless it listens on loopback only
    #[arg(long, value_name = "WHEN", value_parser = ["auto", "always", "never"])]
    require_keys: Option<String>,
    /// Certificate chain (PEM), to speak HTTPS
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// False match rate of decisions, where neither request nor gallery names one [default: 0.001]
    #[arg(long, value_name = "RATE")]
    fmr: Option<f64>,
    /// Looser rate from which on an answer is uncertain, likewise; 0 for two answers only [default: 0]
    #[arg(long, value_name = "RATE")]
    uncertain_fmr: Option<f64>,
    /// Pictures that may wait or be worked on; more get 503 [default: 64]
    #[arg(long, value_name = "N")]
    queue: Option<usize>,
    /// Requests a minute for each key or address; 0 for no limit [default: 3000]
    #[arg(long, value_name = "N")]
    requests_per_minute: Option<u32>,
    /// Fetch pictures from addresses in requests
    #[arg(long, num_args = 0, default_missing_value = "true")]
    allow_url_input: Option<bool>,
    /// Folder below which folders of pictures may be named for an evaluation
    #[arg(long, value_name = "DIR")]
    evaluate_dir: Option<PathBuf>,
    /// Folder below which folders of pictures may be named for a training
    #[arg(long, value_name = "DIR")]
    train_dir: Option<PathBuf>,
    /// Trained classifier that `/classify_image` answers with: NAME or NAME@VERSION
    #[arg(long, value_name = "NAME")]
    classifier: Option<String>,
    /// How the log is written [default: text]
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"])]
    log_format: Option<String>,
    /// Detector: `scrfd`, or one of your own
    #[arg(long, value_name = "NAME")]
    detector: Option<String>,
    /// Embedder: `fr-feature`, or one of your own
    #[arg(long, value_name = "NAME")]
    embedder: Option<String>,
    /// Inference engine [default: auto]
    #[arg(long, value_name = "NAME", value_parser = ["auto", "openvino", "rten"])]
    backend: Option<String>,
    /// Arithmetic [default: auto]
    #[arg(long, value_name = "NAME", value_parser = ["auto", "f32", "bf16"])]
    precision: Option<String>,
    /// Threads for recognition; 0 takes one for each core [default: 0]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Never fetch models
    #[arg(long, num_args = 0, default_missing_value = "true")]
    offline: Option<bool>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let invalid = |error: &dyn std::fmt::Display| {
        Failure::new(Exit::Usage, "invalid_setting", error)
            .with_hint("`prosopon serve --print-config` shows all settings")
    };
    let flags = toml::Table::try_from(&args.flags).map_err(|error| invalid(&error))?;
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let loaded =
        Settings::load(args.config.as_deref(), variable, flags).map_err(|error| invalid(&error))?;
    warn_of_unknown_variables();
    if args.print_config {
        return print_config(&loaded, args.output.format());
    }
    let settings = loaded.settings;
    if args.check {
        return check::run(&settings, args.output.format());
    }
    let store = Store::open()?;
    let server =
        Server::open(settings.clone(), store.home()).map_err(|error| cannot_start(&error))?;
    let address = server.address().map_err(|error| {
        Failure::new(
            Exit::Storage,
            "cannot_start",
            format!("could not listen: {error}"),
        )
    })?;
    let scheme = if settings.tls_certificate.is_some() {
        "https"
    } else {
        "http"
    };
    let needs_key = server.requires_keys() && !server.has_keys();
    let is_open = !server.requires_keys() && !address.ip().is_loopback();
    let on_ready = move |models: &LoadedModels| {
        // Before the line that scripts wait for, so that they have seen it by then.
        if needs_key {
            eprint(
                "there is no API key yet, and callers need one: `prosopon keys create NAME --scope admin`",
            );
        }
        if is_open {
            eprint(&format!(
                "warning: whoever reaches {address} may look at and change everything here, for no key is required; `--require-keys always` changes that"
            ));
        }
        eprint(&format!(
            "ready: {scheme}://{} ({}{}, {} at a time); Ctrl-C stops",
            shown(address),
            if address.ip().is_unspecified() {
                "at all addresses of this machine; "
            } else {
                ""
            },
            models.backend,
            models.threads,
        ));
    };
    let ended = server.run(move || load(&store, &settings), on_ready);
    match ended {
        Ok(()) => Ok(Exit::Success),
        Err(RunError::Load(failure)) => Err(failure),
        Err(RunError::Start(error)) => Err(cannot_start(&error)),
    }
}

/// What our variables begin with.
const PREFIX: &str = "PROSOPON_";

/// Variables that no setting has, and that commands read.
const OTHER_VARIABLES: [&str; 3] = [
    "PROSOPON_HOME",
    "PROSOPON_MQTT_PASSWORD",
    "PROSOPON_WEBHOOK_SECRET",
];

/// Says which variables of the environment look like ours and are not: a misspelt one would change nothing in silence.
fn warn_of_unknown_variables() {
    let mut known: Vec<String> = Settings::variables()
        .chain(OTHER_VARIABLES.map(str::to_owned))
        .collect();
    let mut commands = vec![crate::args::Args::command()];
    while let Some(command) = commands.pop() {
        let variables = command.get_arguments().filter_map(clap::Arg::get_env);
        known.extend(variables.map(|name| name.to_string_lossy().into_owned()));
        commands.extend(command.get_subcommands().cloned());
    }
    let mut found: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with(PREFIX) && !known.contains(name))
        .collect();
    found.sort();
    for name in found {
        let known = known.iter().filter_map(|known| known.strip_prefix(PREFIX));
        let meant = name
            .strip_prefix(PREFIX)
            .and_then(|name| closest(name, known));
        let hint = meant.map_or_else(
            || "`prosopon serve --print-config` shows all settings".to_owned(),
            |meant| format!("did you mean `PROSOPON_{meant}`?"),
        );
        eprint(&format!(
            "warning: the environment variable `{name}` is no setting; {hint}"
        ));
    }
}

/// An address that a browser can open.
fn shown(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}

fn cannot_start(error: &StartError) -> Failure {
    let failure = Failure::new(Exit::Storage, "cannot_start", error);
    match error.hint() {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

fn print_config(loaded: &LoadedSettings, format: Format) -> Result<Exit, Failure> {
    if format.is_text() {
        print_line(loaded.to_string().trim_end())?;
    } else {
        let rows: Vec<_> = loaded
            .rows()
            .map(|(name, value, origin)| json!({"name": name, "value": value, "origin": origin.to_string()}))
            .collect();
        print_json(&json!({ "settings": rows }))?;
    }
    Ok(Exit::Success)
}

/// Opens the models; installs the default ones first if they are missing.
fn load(store: &Store, settings: &Settings) -> Result<LoadedModels, Failure> {
    let source = SourceArgs {
        offline: settings.offline,
        mirror: settings.mirror.clone(),
    };
    let options = InferenceOptions {
        backend: match settings.backend.as_str() {
            "openvino" => BackendChoice::OpenVino,
            "rten" => BackendChoice::Rten,
            _ => BackendChoice::Auto,
        },
        precision: match settings.precision.as_str() {
            "f32" => Precision::F32,
            "bf16" => Precision::Bf16,
            _ => Precision::Auto,
        },
        threads: settings.threads,
        // Each request has a thread of its own.
        streams: 0,
        openvino_dir: settings.openvino_dir.clone(),
    };
    let names = (settings.detector.as_deref(), settings.embedder.as_deref());
    let networks =
        session::open_networks(store, names, Looking::default(), &source, options.clone())?;
    Ok(LoadedModels {
        detector: card(
            store,
            &networks.detector_model.name,
            networks.detector_model.id.as_str(),
        ),
        embedder: card(
            store,
            &networks.embedder_model.name,
            networks.embedder_model.id.as_str(),
        ),
        model: networks.embedder_model.id,
        calibration: networks.embedder_model.calibration,
        backend: networks.backend,
        threads: options.thread_count(),
        cascades: cascades(store),
        attributes: Attributes::new(attribute_opener(store.clone(), options.clone())),
        open_detector: opener(store.clone(), options),
        engine: Arc::new(FaceEngine::new(
            networks.detector,
            Box::new(networks.embedder),
            EngineOptions::default(),
        )),
    })
}

/// Opens the detectors that trained classifiers ask for. Nothing is fetched while requests wait: what is missing is
/// said with the command that installs it.
fn opener(store: Store, options: InferenceOptions) -> OpenDetector {
    let open = move |search: &FaceSearch, needs_landmarks: bool| {
        toolbox::open_installed_detector(&store, search, needs_landmarks, options.clone())
    };
    Box::new(move |search, needs_landmarks| {
        open(search, needs_landmarks).map_err(|failure| ToolMissing {
            message: failure.message,
            hint: failure.hint,
        })
    })
}

/// Opens the networks that cameras and challenges ask for. Like detectors of classifiers they are not fetched then.
fn attribute_opener(store: Store, options: InferenceOptions) -> OpenAttributes {
    let open = move |kinds: &[AttributeKind]| {
        let runtime = networks::open_runtime(&store, options.clone())?;
        AttributeNetworks::open(&runtime, kinds, |kind| {
            let path = store.resolve_attribute(kind)?;
            networks::read_network(&path, store.id_at(&path).as_ref())
        })
    };
    Box::new(move |kinds| {
        open(kinds).map_err(|failure: Failure| ToolMissing {
            message: failure.message,
            hint: failure.hint,
        })
    })
}

/// The cascades that are installed, or that an `OpenCV` of the system has. Nothing is fetched for them: the server
/// works without.
fn cascades(store: &Store) -> Cascades {
    let read = |found: Result<Option<ResolvedCascade>, ModelsError>| {
        let found = match found {
            Err(ModelsError::NotInstalled { .. }) => return None,
            found => found.map_err(Failure::from),
        };
        let read = |found: ResolvedCascade| networks::load_cascade(&found.path);
        found
            .and_then(|found| found.map(read).transpose())
            // A broken file is no reason not to serve.
            .inspect_err(|failure| eprint(&failure.to_string()))
            .unwrap_or_default()
    };
    Cascades {
        face: read(store.resolve_cascade("haar")),
        eye: read(store.resolve_eyes().map(Some)),
    }
}

/// What the catalogue knows of a network; one of the user's own has only its name.
fn card(store: &Store, name: &str, id: &str) -> ModelCard {
    let file = store.catalogue().file(name);
    ModelCard {
        id: id.to_owned(),
        task: file.map_or_else(|| "of your own".to_owned(), |file| file.task.clone()),
        permitted_use: file.map_or_else(
            || "not known here".to_owned(),
            |file| file.permitted_use.clone(),
        ),
        licences: file
            .map(|file| &file.licences[..])
            .unwrap_or_default()
            .iter()
            .map(|licence| LicenceCard {
                source: licence.source.clone(),
                licence: licence.licence.clone(),
            })
            .collect(),
    }
}
