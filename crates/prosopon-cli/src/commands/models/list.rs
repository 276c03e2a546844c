//! `prosopon models list`: a table for people who choose, everything about licences for people who must know.

use std::fmt::Write as _;
use std::path::PathBuf;

use prosopon_models::Store;
use prosopon_models::catalogue::Licence;
use serde::Serialize;
use serde_json::json;

use super::state_name;
use crate::failure::Failure;
use crate::output::{Format, print_value};

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    pack: Option<&'a str>,
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
    pack: Option<&'a str>,
    package: String,
    licences: Vec<LicenceJson<'a>>,
    size: u64,
    installed: bool,
}

#[derive(Serialize)]
struct OwnJson {
    name: String,
    /// `None` if its description cannot be read.
    role: Option<String>,
    licence: Option<String>,
    state: &'static str,
    path: PathBuf,
}

/// All that is printed.
#[derive(Serialize)]
struct Listing<'a> {
    models: Vec<Entry<'a>>,
    runtime: Option<RuntimeJson<'a>>,
    own: Vec<OwnJson>,
}

pub(super) fn run(store: &Store, with_licences: bool, format: Format) -> Result<(), Failure> {
    let listing = Listing::of(store)?;
    print_value(format, &json!(listing), || {
        if with_licences {
            listing.licences()
        } else {
            listing.table()
        }
    })
}

impl<'a> Listing<'a> {
    fn of(store: &'a Store) -> Result<Self, Failure> {
        let catalogue = store.catalogue();
        let status = store.status()?;
        let package = |archive: &str| {
            let archive = catalogue.archive(archive);
            archive.map_or_else(String::new, |a| format!("{} {}", a.package, a.version))
        };
        let entries = catalogue.files.iter().map(|file| {
            let found = status.iter().find(|status| status.id == file.id);
            Entry {
                name: &file.id,
                pack: catalogue.pack_of(&file.id).map(|pack| pack.id.as_str()),
                task: &file.task,
                package: package(&file.archive),
                sha256: file.sha256.to_string(),
                size: file.size,
                input: &file.input,
                output: &file.output,
                licences: licences(&file.licences),
                permitted_use: &file.permitted_use,
                commercial: file.commercial,
                calibration: file.calibration.as_ref(),
                state: found.map_or("missing", |status| state_name(&status.state)),
                path: store.home().join(&file.install),
            }
        });
        let runtime_pack = catalogue.packs.iter().find(|pack| pack.runtime);
        let runtime = catalogue.runtime().map(|runtime| RuntimeJson {
            name: &runtime.id,
            pack: runtime_pack.map(|pack| pack.id.as_str()),
            package: package(&runtime.archive),
            licences: licences(&runtime.licences),
            size: runtime.libraries.iter().map(|library| library.size).sum(),
            installed: store.runtime_dir().is_some(),
        });
        let own = store.own_models()?.into_iter().map(|(name, model)| {
            let model = model.ok().map(|(model, _)| model);
            let found = status.iter().find(|status| status.id == name);
            OwnJson {
                role: model.as_ref().map(|model| model.role().to_string()),
                licence: model.and_then(|model| model.licence),
                state: found.map_or("missing", |status| state_name(&status.state)),
                path: found.map_or_else(PathBuf::new, |status| status.path.clone()),
                name,
            }
        });
        Ok(Self {
            models: entries.collect(),
            runtime,
            own: own.collect(),
        })
    }

    /// A line for each.
    fn table(&self) -> String {
        let mut rows = vec![
            [
                "name",
                "pack",
                "state",
                "size",
                "commercial use",
                "what it does",
            ]
            .map(str::to_owned),
        ];
        for entry in &self.models {
            rows.push([
                entry.name.to_owned(),
                entry.pack.unwrap_or("-").to_owned(),
                entry.state.to_owned(),
                megabytes(entry.size),
                if entry.commercial {
                    "free"
                } else {
                    "not clear"
                }
                .to_owned(),
                entry.task.to_owned(),
            ]);
        }
        if let Some(runtime) = &self.runtime {
            rows.push([
                runtime.name.to_owned(),
                runtime.pack.unwrap_or("-").to_owned(),
                runtime.state().to_owned(),
                megabytes(runtime.size),
                "free".to_owned(),
                "runs the networks".to_owned(),
            ]);
        }
        for model in &self.own {
            let size = std::fs::metadata(&model.path).map(|file| megabytes(file.len()));
            rows.push([
                model.name.clone(),
                "your own".to_owned(),
                model.state.to_owned(),
                size.unwrap_or_else(|_| "-".to_owned()),
                "as you know".to_owned(),
                model.role.clone().unwrap_or_else(|| "?".to_owned()),
            ]);
        }
        let width = |column: usize| {
            rows.iter()
                .map(|row| row[column].len())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..5).map(width).collect();
        let mut text = String::new();
        for [name, pack, state, size, commercial, task] in &rows {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{name:0$}  {pack:1$}  {state:2$}  {size:>3$}  {commercial:4$}  {task}",
                widths[0], widths[1], widths[2], widths[3], widths[4],
            );
        }
        text + "`prosopon models list --licences` shows what each source says, `prosopon models pull PACK` installs a pack"
    }

    /// All that the sources say.
    fn licences(&self) -> String {
        let mut text = String::new();
        for entry in &self.models {
            let Entry {
                name,
                state,
                package,
                task,
                ..
            } = entry;
            let pack = entry.pack.unwrap_or("no pack");
            text += &format!(
                "{name}  ({pack}, {state}, {})  {package}\n  {task}\n",
                megabytes(entry.size)
            );
            text += &licence_lines(&entry.licences);
            text += &format!("  use: {}\n", entry.permitted_use);
        }
        if let Some(runtime) = &self.runtime {
            let RuntimeJson {
                name,
                package,
                size,
                ..
            } = runtime;
            text += &format!(
                "{name}  ({}, {})  {package}\n",
                runtime.state(),
                megabytes(*size)
            );
            text += &licence_lines(&runtime.licences);
        }
        for model in &self.own {
            let role = model.role.as_deref().unwrap_or("model");
            let licence = model.licence.as_deref().unwrap_or("not stated");
            text += &format!(
                "{}  (your own {role}, {})\n  licence, by its description: {licence}\n",
                model.name, model.state
            );
        }
        text.trim_end().to_owned()
    }
}

impl RuntimeJson<'_> {
    fn state(&self) -> &'static str {
        if self.installed {
            "installed"
        } else {
            "missing"
        }
    }
}

fn licences(licences: &[Licence]) -> Vec<LicenceJson<'_>> {
    licences
        .iter()
        .map(|Licence { source, licence }| LicenceJson { source, licence })
        .collect()
}

fn licence_lines(licences: &[LicenceJson<'_>]) -> String {
    let line = |l: &LicenceJson<'_>| format!("  licence, by {}: {}\n", l.source, l.licence);
    licences.iter().map(line).collect()
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
