//! `prosopon models`: what can be installed, and what is.

mod list;
mod quantize;

use std::path::PathBuf;

use clap::Subcommand;
use prosopon_models::{FileState, FileStatus, PullOptions, Store};
use serde_json::json;

use crate::args::{OutputArgs, SourceArgs};
use crate::failure::{Exit, Failure};
use crate::output::{Format, print_line, print_value};
use crate::progress::Downloads;

/// List, install and check models
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon models list
  prosopon models list --licences
  prosopon models pull                       the default pack, by npm and pip
  prosopon models pull --mirror /mnt/usb     files named by their SHA-256
  prosopon models add scrfd-0.3.0.tar.gz     from a file, without network
  prosopon models add my-arcface.onnx        a network of your own; my-arcface.toml describes it
  prosopon models quantize scrfd photos/     a copy of a network in 8-bit integers
  prosopon models verify")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List models, and which are installed
    List {
        /// What each source says about the licence, in full
        #[arg(long, alias = "licenses")]
        licences: bool,
    },
    /// Install a pack
    Pull {
        /// The pack; the default one without a name
        pack: Option<String>,
        /// Refuse packs with weights that are not clearly free for commercial use
        #[arg(long)]
        commercial: bool,
        /// Hash installed files too, and fetch changed ones again
        #[arg(long)]
        check: bool,
        #[command(flatten)]
        source: SourceArgs,
    },
    /// Install from files: copies of catalogue files, packages, networks of your own
    Add {
        #[arg(required = true, value_name = "FILE_OR_DIR")]
        paths: Vec<PathBuf>,
    },
    /// Remove a network of your own
    Remove {
        name: String,
    },
    Quantize(quantize::Args),
    /// Hash all installed files and compare with the catalogue
    Verify,
    /// Print the data directory, or where a model is
    Path {
        name: Option<String>,
    },
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let store = Store::open()?;
    let format = args.output.format();
    match &args.action {
        Action::List { licences } => list::run(&store, *licences, format)?,
        Action::Pull {
            pack,
            commercial,
            check,
            source,
        } => pull(&store, pack.as_deref(), *commercial, *check, source, format)?,
        Action::Add { paths } => add(&store, paths, format)?,
        Action::Remove { name } => {
            if !store.remove(name, &Downloads::default())? {
                return Err(Failure::new(
                    Exit::Setup,
                    "unknown_model",
                    format!("there is no model of your own named `{name}`"),
                )
                .with_hint("`prosopon models list` shows all"));
            }
            print_value(format, &json!({"removed": name}), || {
                format!("removed {name}")
            })?;
        }
        Action::Quantize(args) => return quantize::run(args, &store, format),
        Action::Verify => return verify(&store, format),
        Action::Path { name } => {
            let path = match name {
                None => store.home().to_owned(),
                Some(name) => path_of(&store, name)?,
            };
            print_value(format, &json!({"path": path}), || {
                path.display().to_string()
            })?;
        }
    }
    Ok(Exit::Success)
}

fn path_of(store: &Store, name: &str) -> Result<PathBuf, Failure> {
    if store.catalogue().file(name).is_some() {
        return Ok(store.file(name)?);
    }
    if let Ok(detector) = store.resolve_detector(Some(name)) {
        return Ok(detector.path);
    }
    Ok(store.resolve_embedder(Some(name))?.path)
}

fn pull(
    store: &Store,
    pack: Option<&str>,
    commercial_only: bool,
    check_hashes: bool,
    source: &SourceArgs,
    format: Format,
) -> Result<(), Failure> {
    let pack = pack.unwrap_or(&store.catalogue().defaults.pack);
    let progress = Downloads::default();
    let report = store.pull(
        pack,
        &PullOptions {
            mirror: source.mirror.clone(),
            offline: source.offline,
            commercial_only,
            check_hashes,
            progress: &progress,
            ..PullOptions::default()
        },
    )?;
    let value = json!({
        "pack": pack,
        "installed": report.installed,
        "bytes": report.bytes,
        "present": report.present,
        "home": store.home(),
    });
    print_value(format, &value, || {
        if report.installed.is_empty() {
            return format!("pack `{pack}` is complete in {}", store.home().display());
        }
        format!(
            "installed {} ({:.0} MB) in {}",
            report.installed.join(", "),
            report.bytes as f64 / 1e6,
            store.home().display()
        )
    })
}

fn add(store: &Store, paths: &[PathBuf], format: Format) -> Result<(), Failure> {
    let progress = Downloads::default();
    let mut added = Vec::new();
    for path in paths {
        added.extend(store.add(path, &progress)?);
    }
    let value: Vec<_> = added
        .iter()
        .map(|a| json!({"name": a.id, "from": a.from, "own": a.own}))
        .collect();
    print_value(format, &json!({"added": value}), || {
        let lines: Vec<_> = added
            .iter()
            .map(|a| format!("added {} from {}", a.id, a.from.display()))
            .collect();
        lines.join("\n")
    })
}

fn state_name(state: &FileState) -> &'static str {
    match state {
        FileState::Present => "installed",
        FileState::Missing => "missing",
        FileState::WrongSize { .. } => "wrong size",
        FileState::Changed { .. } => "changed",
        _ => "unreadable",
    }
}

/// Whether a file is damaged; a missing one is not, since nobody may have asked for it.
fn is_damaged(status: &FileStatus) -> bool {
    !matches!(status.state, FileState::Present | FileState::Missing)
}

fn verify(store: &Store, format: Format) -> Result<Exit, Failure> {
    let status = store.verify()?;
    let problem = |s: &FileStatus| match &s.state {
        FileState::Unreadable(reason) => Some(reason.clone()),
        _ => None,
    };
    let files: Vec<_> = status
        .iter()
        .map(|s| json!({"name": s.id, "path": s.path, "state": state_name(&s.state), "problem": problem(s)}))
        .collect();
    let damaged: Vec<_> = status.iter().filter(|s| is_damaged(s)).collect();
    let value = json!({"files": files, "damaged": damaged.len()});
    print_value(format, &value, || {
        let lines: Vec<_> = status
            .iter()
            .map(|s| format!("{:10}  {}", state_name(&s.state), s.path.display()))
            .collect();
        lines.join("\n")
    })?;
    if format.is_text() {
        // One of one's own comes from nowhere again by itself.
        for own in damaged.iter().filter(|s| s.size.is_none()) {
            let name = &own.id;
            print_line(&format!(
                "hint: `prosopon models remove {name}`, then `prosopon models add` with its file"
            ))?;
        }
        if damaged.iter().any(|s| s.size.is_some()) {
            print_line("hint: `prosopon models pull --check` fetches damaged files again")?;
        }
    }
    Ok(if damaged.is_empty() {
        Exit::Success
    } else {
        Exit::No
    })
}
