//! `prosopon models`: what can be installed, and what is.

mod quantize;

use std::path::PathBuf;

use clap::Subcommand;
use prosopon_models::catalogue::{CatalogueFile, Licence};
use prosopon_models::{FileState, FileStatus, PullOptions, Store};
use serde::Serialize;
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
    /// List models with licences, and which are installed
    List,
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
        Action::List => list(&store, format)?,
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

#[derive(Serialize)]
struct Entry<'a> {
    name: String,
    pack: Option<String>,
    task: &'a str,
    package: String,
    sha256: String,
    size: u64,
    input: &'a str,
    output: &'a str,
    licences: Vec<LicenceJson<'a>>,
    permitted_use: &'a str,
    commercial: bool,
    calibration: Option<&'a prosopon::Calibration>,
    state: &'static str,
    path: PathBuf,
}

#[derive(Serialize)]
struct LicenceJson<'a> {
    source: &'a str,
    licence: &'a str,
}

#[derive(Serialize)]
struct RuntimeJson<'a> {
    name: &'a str,
    package: String,
    licences: Vec<LicenceJson<'a>>,
    size: u64,
    installed: bool,
}

fn licences(licences: &[Licence]) -> Vec<LicenceJson<'_>> {
    licences
        .iter()
        .map(|l| LicenceJson {
            source: &l.source,
            licence: &l.licence,
        })
        .collect()
}

fn list(store: &Store, format: Format) -> Result<(), Failure> {
    let catalogue = store.catalogue();
    let status = store.status()?;
    let package = |archive: &str| {
        catalogue
            .archive(archive)
            .map(|a| format!("{} {}", a.package, a.version))
            .unwrap_or_default()
    };
    let entry = |file: &'_ CatalogueFile| -> (String, &'static str, PathBuf) {
        let found = status.iter().find(|s| s.id == file.id);
        (
            package(&file.archive),
            found.map_or("missing", |s| state_name(&s.state)),
            store.home().join(&file.install),
        )
    };
    let entries: Vec<Entry> = catalogue
        .files
        .iter()
        .map(|file| {
            let (package, state, path) = entry(file);
            Entry {
                name: file.id.clone(),
                pack: catalogue.pack_of(&file.id).map(|p| p.id.clone()),
                task: &file.task,
                package,
                sha256: file.sha256.to_string(),
                size: file.size,
                input: &file.input,
                output: &file.output,
                licences: licences(&file.licences),
                permitted_use: &file.permitted_use,
                commercial: file.commercial,
                calibration: file.calibration.as_ref(),
                state,
                path,
            }
        })
        .collect();
    let runtime = catalogue.runtime().map(|runtime| RuntimeJson {
        name: &runtime.id,
        package: package(&runtime.archive),
        licences: licences(&runtime.licences),
        size: runtime.libraries.iter().map(|l| l.size).sum(),
        installed: store.runtime_dir().is_some(),
    });
    let own: Vec<_> = store
        .own_models()?
        .into_iter()
        .map(|(model, path)| {
            json!({"name": model.name, "role": format!("{:?}", model.role()).to_lowercase(), "licence": model.licence, "path": path})
        })
        .collect();
    print_value(
        format,
        &json!({"models": entries, "runtime": runtime, "own": own}),
        || {
            let mut text = String::new();
            for e in &entries {
                text += &format!(
                    "{}  ({}, {}, {:.1} MB)  {}\n  {}\n",
                    e.name,
                    e.pack.as_deref().unwrap_or("no pack"),
                    e.state,
                    e.size as f64 / 1e6,
                    e.package,
                    e.task
                );
                for l in &e.licences {
                    text += &format!("  licence, by {}: {}\n", l.source, l.licence);
                }
                text += &format!("  use: {}\n", e.permitted_use);
            }
            if let Some(r) = &runtime {
                let state = if r.installed { "installed" } else { "missing" };
                text += &format!(
                    "{}  ({state}, {:.0} MB)  {}\n",
                    r.name,
                    r.size as f64 / 1e6,
                    r.package
                );
                for l in &r.licences {
                    text += &format!("  licence, by {}: {}\n", l.source, l.licence);
                }
            }
            for model in &own {
                text += &format!(
                    "{}  (your own {})\n",
                    model["name"].as_str().unwrap_or_default(),
                    model["role"].as_str().unwrap_or_default()
                );
            }
            text.trim_end().to_owned()
        },
    )
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
    let files: Vec<_> = status
        .iter()
        .map(|s| json!({"name": s.id, "path": s.path, "state": state_name(&s.state)}))
        .collect();
    let damaged = status.iter().filter(|s| is_damaged(s)).count();
    print_value(format, &json!({"files": files, "damaged": damaged}), || {
        let lines: Vec<_> = status
            .iter()
            .map(|s| format!("{:10}  {}", state_name(&s.state), s.path.display()))
            .collect();
        lines.join("\n")
    })?;
    if damaged > 0 && format.is_text() {
        print_line("hint: `prosopon models pull --check` fetches damaged files again")?;
    }
    Ok(if damaged > 0 { Exit::No } else { Exit::Success })
}
