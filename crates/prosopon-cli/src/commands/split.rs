//! `prosopon split`: every picture into halves, or a grid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use prosopon::Image;
use prosopon::image::Format;
use prosopon::split::{Grid, MOST, PartOrder, SplitError};
use serde::Serialize;

use crate::analysis::{Picture, read_all};
use crate::args::{OutputArgs, PictureArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::made::{MadeFolder, Source};
use crate::output::{count, eprint, print_value};
use crate::pictures::{self, Input};
use crate::results::refuse_inside;

/// The list of what was made, in the folder.
const LIST: &str = ".prosopon-split.jsonl";

/// Split every picture of a folder into halves or a grid: before and after, sheets of portraits
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon split pairs/ halves/                       a.jpg becomes a-1.jpg and a-2.jpg
  prosopon split pairs/ halves/ --into-folders        1/a.jpg and 2/a.jpg
  prosopon split sheets/ faces/ --columns 4 --rows 3 --by column
  prosopon split pairs/ halves/ --columns 1 --rows 2  upper and lower half
  prosopon split pairs/ halves/ --equal --json

Sub-folders are kept. JPEG stays JPEG, encoded anew; all else becomes PNG, which loses nothing. Of an odd \
width the right half has the middle column; with `--equal` neither has it. Pictures that cannot be read are \
listed and the rest goes on. Nothing that is in the folder already is overwritten, except what an earlier run \
made and nobody changed; a run that was cut short is carried on by the next.")]
pub(crate) struct Args {
    /// Folder of pictures, or one picture
    #[arg(value_name = "DIR")]
    from: PathBuf,
    /// Folder to write into
    #[arg(value_name = "OUT")]
    to: PathBuf,
    /// Parts beside each other
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    columns: u32,
    /// Parts below each other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    rows: u32,
    /// How parts are counted: along the rows or down the columns
    #[arg(long, value_enum, default_value_t = By::Row)]
    by: By,
    /// A folder for each part instead of numbered names
    #[arg(long)]
    into_folders: bool,
    /// Parts of one size; pixels that are too many are left out
    #[arg(long)]
    equal: bool,
    /// Format of the parts
    #[arg(long, value_enum, default_value_t = Kind::Auto)]
    format: Kind,
    /// Quality of JPEG, from 1 to 100
    #[arg(long, value_name = "Q", default_value_t = 95, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pictures: PictureArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    Row,
    Column,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kind {
    /// JPEG of JPEG, PNG of all else
    Auto,
    Png,
    Jpg,
}

#[derive(Serialize)]
struct Document {
    pictures: Vec<PictureJson>,
    columns: u32,
    rows: u32,
    /// Files that were written in this run.
    written: usize,
    /// Pictures whose parts were there from an earlier run.
    kept: usize,
    /// Files of an earlier run that this one would not make.
    left_over: Vec<String>,
    failed: Vec<FailedJson>,
    out: String,
}

#[derive(Serialize)]
struct PictureJson {
    path: String,
    /// Paths of the parts, in order.
    parts: Vec<String>,
    /// Null if the parts were there already.
    width: Option<u32>,
    height: Option<u32>,
    columns_left_out: Option<u32>,
    rows_left_out: Option<u32>,
    /// Whether the parts were there from an earlier run.
    was_there: bool,
}

#[derive(Serialize)]
struct FailedJson {
    path: String,
    error: Failure,
}

/// The encoded parts of a picture.
struct Parts {
    size: (u32, u32),
    /// Ending of their names.
    ending: &'static str,
    encoded: Vec<Vec<u8>>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let inputs = pictures::collect(std::slice::from_ref(&args.from))?;
    refuse_inside(&args.from, &args.to)?;
    let grid = args.grid();
    let mut folder = MadeFolder::open(&args.to, LIST, args.settings())?;
    let mut document = Document {
        pictures: Vec::new(),
        columns: grid.columns,
        rows: grid.rows,
        written: 0,
        kept: 0,
        left_over: Vec::new(),
        failed: Vec::new(),
        out: args.to.display().to_string(),
    };
    let mut names = Names::default();
    let mut jobs = Vec::new();
    for input in inputs {
        let job = Job::of(args, &input, &mut names);
        if let Some(parts) = job.source.as_ref().and_then(|source| folder.done(source)) {
            document.kept += 1;
            document.pictures.push(PictureJson {
                path: input.to_string(),
                parts: parts.files.into_iter().map(|p| args.below(p)).collect(),
                width: None,
                height: None,
                columns_left_out: None,
                rows_left_out: None,
                was_there: true,
            });
        } else {
            jobs.push((input, job));
        }
    }
    let (inputs, jobs): (Vec<Input>, Vec<Job>) = jobs.into_iter().unzip();
    let mut jobs = jobs.into_iter();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let split = |picture: Picture| args.split(&grid, &picture);
    let limits = args.pictures.limits();
    read_all(&inputs, &limits, threads, split, |input, read| {
        let Some(job) = jobs.next() else {
            return Ok(());
        };
        match read.and_then(|parts| job.keep(args, input, &mut folder, &parts?, &mut document)) {
            Ok(picture) => document.pictures.push(picture),
            Err(failure) if failure.exit == Exit::BadInput => {
                eprint(&failure.to_string());
                document.failed.push(FailedJson {
                    path: input.to_string(),
                    error: failure,
                });
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    })?;
    document.pictures.sort_by(|a, b| a.path.cmp(&b.path));
    print_value(args.output.format(), &document, || describe(&document))?;
    Ok(exit_of(document.failed.len()))
}

impl Args {
    fn grid(&self) -> Grid {
        Grid {
            columns: self.columns,
            rows: self.rows,
            order: match self.by {
                By::Row => PartOrder::ByRow,
                By::Column => PartOrder::ByColumn,
            },
            is_equal: self.equal,
        }
    }

    /// Everything that decides what the parts are.
    fn settings(&self) -> String {
        format!(
            "{} × {} by {:?}, equal {}, folders {}, {:?} {}",
            self.columns,
            self.rows,
            self.by,
            self.equal,
            self.into_folders,
            self.format,
            self.quality
        )
    }

    /// The parts of a picture, encoded.
    fn split(&self, grid: &Grid, picture: &Picture) -> Result<Parts, Failure> {
        let is_jpeg = match self.format {
            Kind::Auto => Format::of(&picture.bytes).is_ok_and(|f| f == Format::Jpeg),
            Kind::Jpg => true,
            Kind::Png => false,
        };
        let encode = |part: &Image| {
            if is_jpeg {
                part.encode_jpeg(self.quality)
            } else {
                part.encode_png()
            }
        };
        let parts = grid.split(&picture.image).map_err(split_failure)?;
        let encoded = parts.iter().map(encode).collect::<Result<_, _>>();
        Ok(Parts {
            size: (picture.image.width(), picture.image.height()),
            ending: if is_jpeg { "jpg" } else { "png" },
            encoded: encoded?,
        })
    }

    fn below(&self, path: &str) -> String {
        self.to.join(path).display().to_string()
    }
}

/// Why a picture could not be split.
pub(super) fn split_failure(error: SplitError) -> Failure {
    match error {
        SplitError::Image(error) => error.into(),
        error => Failure::new(Exit::BadInput, "picture_too_small", error)
            .with_hint("choose fewer columns and rows"),
    }
}

/// What is to be made of one picture.
struct Job {
    /// None if the file cannot be looked at; reading it will say why.
    source: Option<Source>,
    /// Folder below the output, empty or with a slash at its end.
    folder: String,
    stem: String,
}

impl Job {
    fn of(args: &Args, input: &Input, names: &mut Names) -> Self {
        let path = input.path().unwrap_or(Path::new(""));
        let relative = path.strip_prefix(&args.from).unwrap_or(path);
        let relative = if relative.as_os_str().is_empty() || args.from.is_file() {
            PathBuf::from(input.file_name())
        } else {
            relative.to_owned()
        };
        let parents = relative.parent().into_iter().flat_map(Path::iter);
        let folder: String = parents.map(|part| part.to_string_lossy() + "/").collect();
        let name = folder.clone() + &input.file_name();
        Self {
            source: Source::of(path, name).ok(),
            stem: names.stem(&folder, input),
            folder,
        }
    }

    fn keep(
        self,
        args: &Args,
        input: &Input,
        folder: &mut MadeFolder,
        parts: &Parts,
        document: &mut Document,
    ) -> Result<PictureJson, Failure> {
        let source = self.source.ok_or_else(|| {
            let message = "the picture went away while it was split";
            Failure::new(Exit::BadInput, "unreadable_file", message)
        })?;
        let name = |number: usize| {
            let (below, stem, ending) = (&self.folder, &self.stem, parts.ending);
            if args.into_folders {
                format!("{number}/{below}{stem}.{ending}")
            } else {
                format!("{below}{stem}-{number}.{ending}")
            }
        };
        let files: Vec<(String, Vec<u8>)> = parts
            .encoded
            .iter()
            .enumerate()
            .map(|(i, bytes)| (name(i + 1), bytes.clone()))
            .collect();
        let left = folder.keep(source, &files, serde_json::Value::Null)?;
        document.written += files.len();
        document
            .left_over
            .extend(left.iter().map(|p| args.below(p)));
        let (width, height) = parts.size;
        let (columns, rows) = args.grid().left_out(width, height);
        Ok(PictureJson {
            path: input.to_string(),
            parts: files.iter().map(|(p, _)| args.below(p)).collect(),
            width: Some(width),
            height: Some(height),
            columns_left_out: Some(columns),
            rows_left_out: Some(rows),
            was_there: false,
        })
    }
}

/// Names without ending, a different one for each picture of a folder.
#[derive(Default)]
struct Names {
    /// In small letters, since some systems do not tell them apart.
    taken: BTreeSet<String>,
}

impl Names {
    /// The file's own name; with its ending in it if another picture has the same, `a.jpg` and `a.png`.
    fn stem(&mut self, folder: &str, input: &Input) -> String {
        let mut stem = input.stem();
        if !self.taken.insert(format!("{folder}{stem}").to_lowercase()) {
            stem = input.file_name().replace('.', "_");
            self.taken.insert(format!("{folder}{stem}").to_lowercase());
        }
        stem
    }
}

fn describe(document: &Document) -> String {
    let made = document.pictures.len() - document.kept;
    let mut text = format!(
        "{} split into {}, {} written",
        count(made, "picture", "pictures"),
        count((document.columns * document.rows) as usize, "part", "parts"),
        count(document.written, "file", "files")
    );
    if document.kept > 0 {
        text += &format!("; {} done by an earlier run", document.kept);
    }
    let left_out = document.pictures.iter().filter(|picture| {
        picture.columns_left_out.is_some_and(|n| n > 0)
            || picture.rows_left_out.is_some_and(|n| n > 0)
    });
    let n = left_out.count();
    if n > 0 {
        let pictures = count(n, "picture", "pictures");
        text += &format!("\nof {pictures} pixels between the parts were left out");
    }
    if !document.left_over.is_empty() {
        text += &format!(
            "\n{} of an earlier run left alone, which this one would not make:\n  {}",
            count(document.left_over.len(), "file", "files"),
            document.left_over.join("\n  ")
        );
    }
    if !document.failed.is_empty() {
        let n = count(document.failed.len(), "picture", "pictures");
        text += &format!("\n{n} could not be split");
    }
    text
}
