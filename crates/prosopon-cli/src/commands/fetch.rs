//! `prosopon fetch`: pictures from the web, or from a downloader's export, into a folder.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::ProgressBar;
use prosopon::image::DecodeLimits;
use prosopon_fetch::{
    CollectOptions, Collector, Entry, Folder, FolderError, Moment, Network, PictureLimits, Status,
    Wanted, export,
};
use serde::Serialize;

use crate::args::{OutputArgs, number};
use crate::failure::{Exit, Failure};
use crate::output::{Format, count, print_json, print_json_line, print_line};
use crate::progress;

/// Fetch pictures from addresses, web pages or a downloader's export, into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon fetch https://example.org/a.jpg https://example.org/b.jpg --into photos
  prosopon fetch --list addresses.txt --into photos
  prosopon fetch --page https://example.org/team --min-px 100 --into team
  prosopon fetch --from downloads/someone --since 2024-05-01 --until 2024-05-31 --into may

DIR gets the pictures and manifest.jsonl, which says of each where it came from and what became of \
it. The same command again goes on where it stopped: what is there is not fetched again. Equal \
pictures are kept once. Private addresses are refused unless --allow-private says otherwise.")]
pub(crate) struct Args {
    /// Addresses of pictures
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    /// File with an address on each line (`-`: standard input); `#` begins a remark
    #[arg(long, value_name = "FILE")]
    list: Vec<PathBuf>,
    /// Web page: the pictures that it shows and links to
    #[arg(long, value_name = "URL")]
    page: Vec<String>,
    /// Folder that a downloader has filled: its pictures are copied, with their dates
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Folder for the pictures and their manifest
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// First day (in UTC) or moment of the pictures in --from
    #[arg(long, value_name = "DATE", requires = "from", value_parser = Moment::start_of)]
    since: Option<Moment>,
    /// Last day or moment of the pictures in --from
    #[arg(long, value_name = "DATE", requires = "from", value_parser = Moment::end_of)]
    until: Option<Moment>,
    /// Shorter side of a picture, at least; smaller ones are left out
    #[arg(long, value_name = "PX", default_value_t = 0)]
    min_px: u32,
    /// Largest picture file, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1024))]
    max_file_mib: u64,
    #[command(flatten)]
    web: WebArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// How the web is asked.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Web")]
struct WebArgs {
    /// Pictures at a time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=32))]
    at_once: u8,
    /// Seconds from one request to the next to the same host
    #[arg(long, value_name = "SECS", default_value = "0.5", value_parser = seconds)]
    delay: Duration,
    /// Seconds for one picture, at most
    #[arg(long, value_name = "SECS", default_value = "60", value_parser = seconds)]
    timeout: Duration,
    /// How often to try again what may succeed later
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=10))]
    retries: u8,
    /// Ask servers whether pictures that are there have changed
    #[arg(long)]
    refresh: bool,
    /// Also fetch from this machine and private networks
    #[arg(long)]
    allow_private: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    number(0.0..=3600.0)(text).map(Duration::from_secs_f64)
}

impl Args {
    fn limits(&self) -> PictureLimits {
        PictureLimits {
            decode: DecodeLimits {
                file_bytes: self.max_file_mib << 20,
                ..DecodeLimits::default()
            },
            min_side_px: self.min_px,
        }
    }

    fn options(&self) -> CollectOptions {
        CollectOptions {
            at_once: self.web.at_once.into(),
            delay: self.web.delay,
            timeout: self.web.timeout,
            retries: self.web.retries.into(),
            refresh: self.web.refresh,
            limits: self.limits(),
        }
    }
}

/// How much of everything came.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Totals {
    stored: usize,
    duplicates: usize,
    present: usize,
    skipped: usize,
    failed: usize,
    /// Pictures of the export that are not of these days.
    outside_interval: usize,
    /// Bytes of the files that are new.
    bytes: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    items: &'a [Entry],
    #[serde(flatten)]
    totals: Totals,
    into: &'a Path,
    manifest: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    if let (Some(since), Some(until)) = (args.since, args.until)
        && since > until
    {
        let message = format!("expected --since before --until, found {since} and {until}");
        return Err(Failure::new(Exit::Usage, "usage", message));
    }
    let mut urls = args.urls.clone();
    for list in &args.list {
        urls.extend(read_list(list)?);
    }
    if urls.is_empty() && args.page.is_empty() && args.from.is_none() {
        let message = "expected addresses, --list, --page or --from, found nothing to fetch";
        return Err(Failure::new(Exit::Usage, "usage", message)
            .with_hint("`prosopon fetch --help` has examples"));
    }
    let folder = Folder::open(&args.into)?;
    let report = Report::new(args.output.format());
    let totals = collect(args, urls, &folder, &report)?;
    report.finish(totals, &folder)
}

fn collect(
    args: &Args,
    urls: Vec<String>,
    folder: &Folder,
    report: &Report,
) -> Result<usize, Failure> {
    let mut outside = 0;
    if let Some(from) = &args.from {
        let found = export::find(from, folder.root())?;
        let n = found.len();
        let inside: Vec<_> = found
            .into_iter()
            .filter(|original| {
                let taken = original.taken.taken;
                args.since.is_none_or(|since| since <= taken)
                    && args.until.is_none_or(|until| taken <= until)
            })
            .collect();
        outside = n - inside.len();
        if n == 0 {
            return Err(crate::pictures::no_pictures(from));
        }
        report.expect(inside.len());
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let limits = args.limits();
        export::collect(inside, folder, &limits, threads, &|entry| report.add(entry))?;
    }
    let network = if args.web.allow_private {
        Network::any()
    } else {
        Network::public()
    };
    let collector = Collector::new(&network, folder, args.options());
    let mut wanted: Vec<Wanted> = urls.into_iter().map(Wanted::new).collect();
    wanted.extend(collector.pages(&args.page, &|entry| report.add(entry))?);
    report.expect(wanted.len());
    collector.fetch(wanted, &|entry| report.add(entry))?;
    Ok(outside)
}

/// The addresses in a file: one a line, after the spaces around it; `#` begins a remark.
fn read_list(path: &Path) -> Result<Vec<String>, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(|error| {
        Failure::new(
            Exit::BadInput,
            "unreadable_file",
            format!("could not read: {error}"),
        )
        .at(path.display())
        .with_hint("give a text file with one address on each line")
    })?;
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}

/// What has come so far; entries arrive from several threads.
struct Report {
    format: Format,
    bar: ProgressBar,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    items: Vec<Entry>,
    totals: Totals,
    /// The first line that could not be printed.
    failed: Option<Failure>,
}

impl Report {
    fn new(format: Format) -> Self {
        Self {
            format,
            bar: progress::bar(0, "pictures"),
            state: Mutex::default(),
        }
    }

    fn expect(&self, n: usize) {
        self.bar.inc_length(n as u64);
    }

    fn add(&self, entry: &Entry) {
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        let totals = &mut state.totals;
        match entry.status {
            Status::Stored => {
                totals.stored += 1;
                totals.bytes += entry.bytes.unwrap_or(0);
            }
            Status::Duplicate => totals.duplicates += 1,
            Status::Present => totals.present += 1,
            Status::Skipped => totals.skipped += 1,
            Status::Failed => totals.failed += 1,
        }
        let printed = match self.format {
            Format::Text => match &entry.reason {
                Some(reason) => {
                    let line = format!("{}: {}", entry.source, reason.message);
                    self.bar.suspend(|| print_line(&line))
                }
                None => Ok(()),
            },
            Format::JsonLines => self.bar.suspend(|| print_json_line(entry)),
            Format::Json => {
                state.items.push(entry.clone());
                Ok(())
            }
        };
        if let Err(failure) = printed {
            state.failed.get_or_insert(failure);
        }
        self.bar.inc(1);
    }

    fn finish(self, outside_interval: usize, folder: &Folder) -> Result<Exit, Failure> {
        self.bar.finish_and_clear();
        let state = self.state.into_inner().unwrap_or_default();
        if let Some(failure) = state.failed {
            return Err(failure);
        }
        let totals = Totals {
            outside_interval,
            ..state.totals
        };
        match self.format {
            Format::Text => print_line(&describe(&totals, folder))?,
            Format::JsonLines => {}
            Format::Json => print_json(&Document {
                items: &state.items,
                totals,
                into: folder.root(),
                manifest: folder.manifest(),
            })?,
        }
        Ok(if totals.failed > 0 {
            Exit::BadInput
        } else {
            Exit::Success
        })
    }
}

fn describe(totals: &Totals, folder: &Folder) -> String {
    let mut text = format!(
        "{} stored ({:.1} MB)",
        count(totals.stored, "picture", "pictures"),
        totals.bytes as f64 / 1e6
    );
    for (n, what) in [
        (totals.duplicates, "equal to one that is there"),
        (totals.present, "there already"),
        (totals.skipped, "skipped"),
        (totals.failed, "failed"),
        (totals.outside_interval, "of other days"),
    ] {
        if n > 0 {
            text += &format!(", {n} {what}");
        }
    }
    text + &format!(": {}", folder.root().display())
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        let exit = match error {
            FolderError::Read { .. } => Exit::BadInput,
            _ => Exit::Storage,
        };
        Self::new(exit, error.code(), &error).with_hint(error.hint())
    }
}
