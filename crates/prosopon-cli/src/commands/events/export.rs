//! `prosopon events export`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use prosopon_video::{EventStore, Filter, StoredEvent};
use serde::Serialize;

use super::filter::FilterArgs;
use super::place::EventsArgs;
use crate::failure::{Exit, Failure};
use crate::output::{Format, count, csv_field, print_json, print_line, write_file};
use crate::progress;
use crate::results::make_folder;

/// Events that are read at once.
const BATCH: usize = 500;

const CSV_HEAD: &str = "sequence,id,kind,camera,track,at,since,position,subject_id,subject,similarity,threshold,fmr,\
    liveness,quality,left,top,right,bottom,frame_width,frame_height,crop\n";

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    filter: FilterArgs,
    /// File to write, CSV if it ends with `.csv`, else JSON lines; standard output without it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write CSV, whatever the file is called
    #[arg(long)]
    csv: bool,
    /// Write pictures into this folder, as `NUMBER-KIND.jpg`
    #[arg(long, value_name = "DIR")]
    crops: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Report {
    n_events: u64,
    n_crops: u64,
    out: Option<PathBuf>,
    crops: Option<PathBuf>,
}

/// An event with the name of its picture.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    stored: &'a StoredEvent,
    /// Relative to the folder of pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    crop: Option<String>,
}

pub(super) fn run(args: &Args, events: &EventsArgs, format: Format) -> Result<Exit, Failure> {
    let store = events.open(false, None)?;
    let filter = args.filter.filter()?;
    if let Some(folder) = &args.crops {
        make_folder(folder)?;
    }
    let is_csv = args.csv
        || args
            .out
            .as_ref()
            .and_then(|path| path.extension())
            .is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let export = Export {
        store: &store,
        filter,
        is_csv,
        crops: args.crops.as_deref(),
        bar: progress::bar(store.count(&args.filter.filter()?)? as usize, "events"),
    };
    let report = match &args.out {
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            let (n_events, n_crops) = export.write(&mut out, Failure::stdout)?;
            out.flush().map_err(|error| Failure::stdout(&error))?;
            export.bar.finish_and_clear();
            // Standard output is the export itself.
            let _ = (n_events, n_crops);
            return Ok(Exit::Success);
        }
        Some(path) => {
            let (n_events, n_crops) = export.write_file(path)?;
            Report {
                n_events,
                n_crops,
                out: args.out.clone(),
                crops: args.crops.clone(),
            }
        }
    };
    export.bar.finish_and_clear();
    if format.is_text() {
        let path = report.out.as_deref().unwrap_or(Path::new("-"));
        let mut text = format!(
            "{} written to {}",
            count(report.n_events as usize, "event", "events"),
            path.display()
        );
        if let Some(folder) = &report.crops {
            text += &format!(
                ", {} to {}",
                count(report.n_crops as usize, "picture", "pictures"),
                folder.display()
            );
        }
        print_line(&text)?;
    } else {
        print_json(&report)?;
    }
    Ok(Exit::Success)
}

struct Export<'a> {
    store: &'a EventStore,
    filter: Filter,
    is_csv: bool,
    crops: Option<&'a Path>,
    bar: ProgressBar,
}

impl Export<'_> {
    /// Writes the file whole or not at all.
    fn write_file(&self, path: &Path) -> Result<(u64, u64), Failure> {
        let failed = |error: &io::Error| Failure::write(path.display(), error);
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
        let mut out = BufWriter::new(file);
        let counts = self.write(&mut out, failed)?;
        let file = out
            .into_inner()
            .map_err(|error| failed(&error.into_error()))?;
        let written: &File = file.as_file();
        written.sync_all().map_err(|error| failed(&error))?;
        file.persist(path).map_err(|error| failed(&error.error))?;
        Ok(counts)
    }

    /// Writes all events and pictures; how many those were.
    fn write(
        &self,
        out: &mut impl Write,
        failed: impl Fn(&io::Error) -> Failure,
    ) -> Result<(u64, u64), Failure> {
        let (mut n_events, mut n_crops) = (0, 0);
        if self.is_csv {
            out.write_all(CSV_HEAD.as_bytes())
                .map_err(|error| failed(&error))?;
        }
        let mut after = 0;
        loop {
            let batch = self.store.list(&Filter {
                after_sequence: Some(after),
                limit: Some(BATCH),
                ..self.filter.clone()
            })?;
            for stored in &batch {
                after = stored.sequence;
                let crop = self.write_crop(stored)?;
                n_events += 1;
                n_crops += u64::from(crop.is_some());
                let line = self.line(&Row { stored, crop });
                line.and_then(|line| out.write_all(&line))
                    .map_err(|error| failed(&error))?;
                self.bar.inc(1);
            }
            if batch.len() < BATCH {
                return Ok((n_events, n_crops));
            }
        }
    }

    fn write_crop(&self, stored: &StoredEvent) -> Result<Option<String>, Failure> {
        let Some(folder) = self.crops.filter(|_| stored.has_crop) else {
            return Ok(None);
        };
        let Some(crop) = self.store.crop(&stored.event.id)? else {
            return Ok(None);
        };
        let name = format!("{}-{}.jpg", stored.sequence, stored.event.kind.name());
        write_file(&folder.join(&name), &crop)?;
        Ok(Some(name))
    }

    fn line(&self, row: &Row) -> io::Result<Vec<u8>> {
        if self.is_csv {
            return Ok(csv(row).into_bytes());
        }
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        Ok(line)
    }
}

fn csv(row: &Row) -> String {
    let event = &row.stored.event;
    let subject = event.subject.as_ref();
    let area = event.bounding_box;
    let or_empty = |value: Option<f32>| value.map(|value| value.to_string()).unwrap_or_default();
    let fields = [
        row.stored.sequence.to_string(),
        event.id.to_string(),
        event.kind.name().to_owned(),
        event.camera.clone(),
        event.track.to_string(),
        event.at.to_string(),
        event.since.to_string(),
        event.position.to_string(),
        subject
            .map(|subject| subject.id.0.to_string())
            .unwrap_or_default(),
        subject
            .map(|subject| subject.name.clone())
            .unwrap_or_default(),
        or_empty(event.similarity),
        or_empty(event.threshold),
        event.fmr.map(|fmr| fmr.to_string()).unwrap_or_default(),
        or_empty(event.liveness),
        or_empty(event.quality),
        area.left.to_string(),
        area.top.to_string(),
        area.right.to_string(),
        area.bottom.to_string(),
        event.frame_size.0.to_string(),
        event.frame_size.1.to_string(),
        row.crop.clone().unwrap_or_default(),
    ];
    let fields: Vec<String> = fields.iter().map(|field| csv_field(field)).collect();
    fields.join(",") + "\n"
}
