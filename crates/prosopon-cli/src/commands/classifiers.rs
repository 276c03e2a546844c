//! `prosopon classifiers`: trained classifiers, their versions, and which of them is used.

use std::path::PathBuf;

use clap::Subcommand;
use prosopon_models::Store;
use prosopon_train::classifier::Card;
use prosopon_train::registry::{
    CLASSIFIERS_DIR, Labels, Registry, RegistryError, Resolved, Version, Which, parse_reference,
};
use serde::Serialize;
use serde_json::json;

use super::audit::utc;
use crate::args::OutputArgs;
use crate::failure::{Exit, Failure};
use crate::output::{Format, count, print_value};

/// List, promote, roll back and delete trained classifiers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon classifiers list
  prosopon classifiers show hobbit
  prosopon classifiers promote hobbit              the candidate becomes stable
  prosopon classifiers promote hobbit@3            this version does
  prosopon classifiers rollback hobbit             back to what was stable before
  prosopon classifiers delete hobbit@1

`stable` is the version that is used where none is named, `candidate` the one that waits to be promoted: the first \
version of a name is stable, later ones are candidates. A running server sees a change with the next request, and \
loses none.")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Where trained classifiers are.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RegistryArgs {
    /// Folder of the classifiers; `classifiers` in the data directory by default
    #[arg(
        long,
        value_name = "DIR",
        env = "PROSOPON_CLASSIFIERS_DIR",
        global = true
    )]
    classifiers_dir: Option<PathBuf>,
}

impl RegistryArgs {
    pub(crate) fn open(&self) -> Result<Registry, Failure> {
        Ok(Registry::at(match &self.classifiers_dir {
            Some(folder) => folder.clone(),
            None => Store::open()?.home().join(CLASSIFIERS_DIR),
        }))
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all classifiers
    List,
    /// Show the versions of a classifier, and what happened to it
    Show {
        /// Its name
        name: String,
    },
    /// Make the candidate stable, or the version that is named
    Promote {
        /// `NAME`, or `NAME@VERSION`
        name: String,
    },
    /// Make stable what was so before
    Rollback {
        /// Its name
        name: String,
    },
    /// Delete a classifier, or the version that is named
    Delete {
        /// `NAME`, or `NAME@VERSION`
        name: String,
        /// Also if the version is stable
        #[arg(long)]
        force: bool,
    },
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        let exit = match &error {
            RegistryError::Labels { .. } | RegistryError::Disk { .. } => Exit::Storage,
            _ => Exit::Usage,
        };
        let hint = match &error {
            RegistryError::UnknownClassifier { names, .. } if names.is_empty() => {
                Some("`prosopon train DIR --name NAME` makes one".to_owned())
            }
            RegistryError::UnknownClassifier { .. } => {
                Some("`prosopon classifiers list` shows all".to_owned())
            }
            RegistryError::UnknownVersion { name, .. } => Some(format!(
                "`prosopon classifiers show {name}` shows its versions"
            )),
            RegistryError::NoCandidate { name, .. } => {
                Some(format!("name a version, such as `{name}@1`"))
            }
            RegistryError::NothingBefore { name, .. } => Some(format!(
                "`prosopon classifiers promote {name}@VERSION` makes any version stable"
            )),
            RegistryError::StableVersion { name, .. } => Some(format!(
                "promote another version first, or pass `--force`; `prosopon classifiers delete {name}` deletes all"
            )),
            RegistryError::Labels { .. } => {
                Some("move the folder away; the versions in it are numbered".to_owned())
            }
            RegistryError::Disk { .. } => {
                Some("check the folder's permissions and free space".to_owned())
            }
            _ => None,
        };
        let mut failure = Self::new(exit, error.code(), error);
        failure.hint = hint;
        failure
    }
}

/// A classifier in a list.
#[derive(Serialize)]
struct Row {
    name: String,
    /// Null if its labels cannot be read, and `error` says why.
    stable: Option<u32>,
    candidate: Option<u32>,
    versions: Vec<Version>,
    error: Option<Failure>,
}

/// A version as it is shown.
#[derive(Serialize)]
struct VersionJson {
    #[serde(flatten)]
    version: Version,
    /// Folder with its files.
    path: String,
    bytes: u64,
    /// What is to be known about it; null if its file cannot be read.
    card: Option<Card>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let registry = args.registry.open()?;
    let format = args.output.format();
    match &args.action {
        Action::List => list(&registry, format)?,
        Action::Show { name } => show(&registry, name, format)?,
        Action::Promote { name } => {
            let (name, which) = parse_reference(name)?;
            let version = named(&registry, name, which)?;
            print_labels(name, Some(&registry.promote(name, version)?), format)?;
        }
        Action::Rollback { name } => {
            print_labels(name, Some(&registry.rollback(name)?), format)?;
        }
        Action::Delete { name, force } => {
            let (name, which) = parse_reference(name)?;
            let version = named(&registry, name, which)?;
            let labels = registry.delete(name, version, *force)?;
            print_labels(name, labels.as_ref(), format)?;
        }
    }
    Ok(Exit::Success)
}

/// The number of the version that was named, if one was.
fn named(registry: &Registry, name: &str, which: Option<Which>) -> Result<Option<u32>, Failure> {
    let version = which
        .map(|which| registry.resolve(name, which))
        .transpose()?;
    Ok(version.map(|found| found.version))
}

fn list(registry: &Registry, format: Format) -> Result<(), Failure> {
    let rows: Vec<Row> = registry
        .list()?
        .into_iter()
        .map(|(name, labels)| match labels {
            Ok(labels) => Row {
                name,
                stable: Some(labels.stable),
                candidate: labels.candidate,
                versions: labels.versions,
                error: None,
            },
            Err(error) => Row {
                name,
                stable: None,
                candidate: None,
                versions: Vec::new(),
                error: Some(error.into()),
            },
        })
        .collect();
    print_value(format, &json!({ "classifiers": rows }), || {
        if rows.is_empty() {
            return "no classifiers; `prosopon train DIR --name NAME` makes one".to_owned();
        }
        let width = rows.iter().map(|row| row.name.chars().count()).max();
        let lines = rows.iter().map(|row| line(row, width.unwrap_or(0)));
        lines.collect::<Vec<_>>().join("\n")
    })
}

fn line(row: &Row, width: usize) -> String {
    let name = &row.name;
    if let Some(error) = &row.error {
        return format!("{name:width$}  {}", error.message);
    }
    let newest = row.versions.last().map_or(0, |v| v.added_millis);
    let mut text = format!(
        "{name:width$}  stable {}",
        row.stable.map_or_else(String::new, |v| v.to_string())
    );
    if let Some(candidate) = row.candidate {
        text += &format!("  candidate {candidate}");
    }
    let versions = count(row.versions.len(), "version", "versions");
    text + &format!("  {versions}, the newest of {}", utc(newest))
}

fn show(registry: &Registry, name: &str, format: Format) -> Result<(), Failure> {
    let labels = registry.show(name)?;
    let versions = labels.versions.iter().map(|version| {
        let found = registry.resolve_in(name, &labels, Which::Number(version.version))?;
        Ok::<_, Failure>(VersionJson {
            version: *version,
            path: found.folder.display().to_string(),
            bytes: size(&found),
            card: Card::load(&found.classifier()).ok(),
        })
    });
    let versions = versions.collect::<Result<Vec<_>, _>>()?;
    let document = json!({
        "name": name,
        "stable": labels.stable,
        "candidate": labels.candidate,
        "versions": versions,
        "history": labels.history,
    });
    print_value(format, &document, || {
        let mut text = format!("{name}\n");
        for version in versions.iter().rev() {
            let number = version.version.version;
            let label = match number {
                number if number == labels.stable => "  stable",
                number if Some(number) == labels.candidate => "  candidate",
                _ => "",
            };
            text += &format!(
                "{number:>4}  {}  {:>9.1} KB{label}\n      {}\n      {}\n",
                utc(version.version.added_millis),
                version.bytes as f64 / 1000.0,
                about(version.card.as_ref()),
                version.path,
            );
        }
        for event in &labels.history {
            let action = format!("{:?}", event.action).to_lowercase();
            text += &format!(
                "{}  {action} {}, stable {}\n",
                utc(event.at_millis),
                event.version,
                event.stable
            );
        }
        text.trim_end().to_owned()
    })
}

/// What a version is, on one line.
fn about(card: Option<&Card>) -> String {
    let Some(card) = card else {
        return "its file cannot be read".to_owned();
    };
    let seen = card.input.values.describe();
    let mut text = format!("{seen}, {}: {}", card.learner, card.classes.join(", "));
    if let Some(metrics) = &card.metrics {
        text += &format!(
            "; {:.1} % right of {}",
            100.0 * metrics.accuracy,
            count(card.n_held_out, "picture held out", "pictures held out")
        );
    }
    text
}

/// Bytes of a version's classifier; 0 if it cannot be seen.
fn size(version: &Resolved) -> u64 {
    std::fs::metadata(version.classifier()).map_or(0, |file| file.len())
}

/// Prints what a change came to; none if the classifier is gone.
fn print_labels(name: &str, labels: Option<&Labels>, format: Format) -> Result<(), Failure> {
    let document = json!({
        "name": name,
        "stable": labels.map(|labels| labels.stable),
        "candidate": labels.and_then(|labels| labels.candidate),
        "versions": labels.map_or(&[][..], |labels| &labels.versions),
    });
    print_value(format, &document, || match labels {
        None => format!("classifier `{name}` is deleted"),
        Some(labels) => {
            let candidate = labels
                .candidate
                .map_or_else(String::new, |v| format!(", version {v} is candidate"));
            format!(
                "classifier `{name}`: version {} is stable{candidate}",
                labels.stable
            )
        }
    })
}
