//! `prosopon people`: who is in the gallery.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::PathBuf;

use clap::Subcommand;
use prosopon_gallery::{
    Gallery, GalleryError, ListOptions, SubjectChange, SubjectKey, SubjectSummary,
};
use serde::Serialize;
use serde_json::json;

use crate::args::{GalleryArgs, OutputArgs};
use crate::failure::{Exit, Failure};
use crate::output::{Format, count, eprint, print_json, print_json_line, print_line, print_value};
use crate::results::make_folder;
use crate::session;

/// List, rename, merge, delete, export and import people
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon people list
  prosopon people show Anna --crops anna/       the faces as pictures
  prosopon people rename Ana Anna
  prosopon people set Anna door=true lamp=blue  facts for events; `lamp=` removes one
  prosopon people merge 'Anna K.' Anna          all faces of the first go to the second
  prosopon people delete Anna                   or everybody: `--all`
  prosopon people export --out backup.jsonl
  prosopon people import backup.jsonl --gallery new.db")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List people by name
    List {
        /// Only names that contain this, in any case
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Show a person and their faces
    Show {
        name: String,
        /// Write the faces as pictures into this folder
        #[arg(long, value_name = "DIR")]
        crops: Option<PathBuf>,
    },
    /// Give a person another name
    Rename { name: String, new_name: String },
    /// Change facts about a person, which events carry
    Set {
        name: String,
        /// `KEY=VALUE`; the value is JSON if it can be read as such, else text; none removes the fact
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = fact)]
        facts: Vec<(String, Option<serde_json::Value>)>,
    },
    /// Move all faces of one person to another and delete the first
    Merge { from: String, into: String },
    /// Delete people with all their faces
    Delete {
        /// Who; their events and exports are not touched: `prosopon events purge --subject NAME`
        #[arg(required_unless_present = "all", value_name = "NAME")]
        names: Vec<String>,
        /// Everybody
        #[arg(long, conflicts_with = "names")]
        all: bool,
    },
    /// Write everything as JSON lines
    Export {
        /// File to write; standard output without it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Read what `export` wrote; people of the same name become one
    Import {
        /// File to read; `-` for standard input
        file: PathBuf,
    },
}

/// `door=true`, `lamp=blue`, `lamp=`.
fn fact(text: &str) -> Result<(String, Option<serde_json::Value>), String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or("expected KEY=VALUE")?;
    let value = (!value.is_empty())
        .then(|| serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::from(value)));
    Ok((key.to_owned(), value))
}

fn set(
    gallery: &Gallery,
    name: &str,
    facts: &[(String, Option<serde_json::Value>)],
    format: Format,
) -> Result<(), Failure> {
    let mut metadata = gallery.show(name)?.subject.metadata;
    for (key, value) in facts {
        match value {
            Some(value) => metadata.insert(key.clone(), value.clone()),
            None => metadata.remove(key),
        };
    }
    let change = SubjectChange {
        metadata: Some(metadata),
        ..SubjectChange::default()
    };
    let subject = gallery.change(name, &change)?;
    print_value(format, &subject, || {
        let facts = subject.metadata.iter();
        let facts: Vec<String> = facts.map(|(key, value)| format!("{key}={value}")).collect();
        match facts.as_slice() {
            [] => format!("`{name}` has no facts"),
            facts => format!("`{name}`: {}", facts.join(", ")),
        }
    })
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let creates = matches!(args.action, Action::Import { .. });
    let gallery = session::open_gallery(&args.gallery, creates)?;
    let format = args.output.format();
    match &args.action {
        Action::List { search } => list(&gallery, search.clone(), format)?,
        Action::Show { name, crops } => show(&gallery, name, crops.as_ref(), format)?,
        Action::Rename { name, new_name } => {
            let id = gallery.rename(name, new_name)?;
            print_value(format, &json!({"id": id, "name": new_name}), || {
                format!("`{name}` is now `{new_name}`")
            })?;
        }
        Action::Set { name, facts } => set(&gallery, name, facts, format)?,
        Action::Merge { from, into } => {
            let report = gallery.merge(from, into)?;
            print_value(format, &report, || {
                format!(
                    "moved {} of `{from}` to `{into}`, {} known already",
                    count(report.moved as usize, "face", "faces"),
                    report.duplicates
                )
            })?;
        }
        Action::Delete { names, all } => delete(&gallery, names, *all, format)?,
        Action::Export { out } => export(&gallery, out.as_ref(), format)?,
        Action::Import { file } => import(&gallery, file, format)?,
    }
    Ok(Exit::Success)
}

fn delete(gallery: &Gallery, names: &[String], all: bool, format: Format) -> Result<(), Failure> {
    let (subjects, faces) = if all {
        let counts = gallery.clear()?;
        (counts.subjects, counts.faces)
    } else {
        let names: BTreeSet<&String> = names.iter().collect();
        let keys: Vec<SubjectKey> = names.iter().map(|name| (*name).into()).collect();
        (keys.len() as u64, gallery.delete_subjects(&keys)?)
    };
    let deleted = json!({"subjects": subjects, "faces": faces});
    print_value(format, &deleted, || {
        format!(
            "deleted {} with {}",
            count(subjects as usize, "person", "people"),
            count(faces as usize, "face", "faces")
        )
    })
}

#[derive(Serialize)]
struct List {
    subjects: Vec<SubjectSummary>,
}

fn list(gallery: &Gallery, search: Option<String>, format: Format) -> Result<(), Failure> {
    let mut options = ListOptions {
        name_contains: search,
        ..ListOptions::default()
    };
    let mut all = List {
        subjects: Vec::new(),
    };
    let mut n_found = 0;
    loop {
        let page = gallery.list(&options)?;
        n_found += page.subjects.len();
        for summary in page.subjects {
            match format {
                Format::Text => print_line(&format!(
                    "{}  {}",
                    summary.subject.name,
                    count(summary.n_faces as usize, "face", "faces")
                ))?,
                Format::JsonLines => print_json_line(&summary)?,
                Format::Json => all.subjects.push(summary),
            }
        }
        match page.next {
            Some(next) => options.after = Some(next),
            None => break,
        }
    }
    match format {
        Format::Json => print_json(&all)?,
        Format::Text if n_found == 0 => eprint(match options.name_contains {
            Some(_) => "nobody has such a name",
            None => "nobody is enrolled",
        }),
        _ => {}
    }
    Ok(())
}

fn show(
    gallery: &Gallery,
    name: &str,
    crops: Option<&PathBuf>,
    format: Format,
) -> Result<(), Failure> {
    let details = gallery.show(name)?;
    if let Some(folder) = crops {
        make_folder(folder)?;
        for face in &details.faces {
            if let Some(crop) = gallery.crop(face.id)? {
                let extension = crop.media_type.rsplit('/').next().unwrap_or("bin");
                let path = folder.join(format!("{}.{extension}", face.id.0));
                std::fs::write(&path, &crop.bytes)
                    .map_err(|error| Failure::write(path.display(), &error))?;
            }
        }
    }
    print_value(format, &details, || {
        let mut text = format!("{name}: {}", count(details.faces.len(), "face", "faces"));
        for face in &details.faces {
            let source = face.source.as_ref().map_or("-", |s| s.file_name.as_str());
            let width = face.quality.face_width_px.unwrap_or_default();
            text += &format!("\n  {}  {source}  {width:.0} pixels wide", face.id.0);
        }
        text
    })
}

fn export(gallery: &Gallery, out: Option<&PathBuf>, format: Format) -> Result<(), Failure> {
    let Some(path) = out else {
        return match gallery.export(BufWriter::new(io::stdout().lock())) {
            Err(GalleryError::Stream { source, .. }) => Err(Failure::stdout(&source)),
            result => Ok(result.map(drop)?),
        };
    };
    let failed = |error: &io::Error| Failure::write(path.display(), error);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let file = tempfile::NamedTempFile::new_in(folder.unwrap_or(std::path::Path::new(".")))
        .map_err(|e| failed(&e))?;
    let mut writer = BufWriter::new(file.as_file());
    let report = gallery.export(&mut writer)?;
    writer.flush().map_err(|e| failed(&e))?;
    drop(writer);
    file.as_file().sync_all().map_err(|e| failed(&e))?;
    file.persist(path).map_err(|e| failed(&e.error))?;
    print_value(format, &report, || {
        format!(
            "wrote {} of {} to {}",
            count(report.faces as usize, "face", "faces"),
            count(report.subjects as usize, "person", "people"),
            path.display()
        )
    })
}

fn import(gallery: &Gallery, file: &PathBuf, format: Format) -> Result<(), Failure> {
    let report = if file.as_os_str() == "-" {
        gallery.import(io::stdin().lock())?
    } else {
        let open = File::open(file).map_err(|error| {
            Failure::new(
                Exit::BadInput,
                "unreadable_file",
                format!("could not read the file: {error}"),
            )
            .at(file.display())
        })?;
        gallery.import(BufReader::new(open))?
    };
    print_value(format, &report, || {
        format!(
            "{} added, {} known already; {} added, {} known already",
            count(report.subjects_added as usize, "person", "people"),
            report.subjects_joined,
            count(report.faces_added as usize, "face", "faces"),
            report.faces_skipped
        )
    })
}
