//! `prosopon dedupe`: which pictures are copies of each other?

mod document;
mod sheet;

use std::path::PathBuf;

use prosopon::classic::hash::perceptual_hash_of_gray;
use prosopon::classic::{GrayImage, HashMethod, PerceptualHash};
use prosopon::dedupe::{
    CopyGroup, DedupeOptions, Fingerprint, MIN_SSIM, find_copies, group_by_hash,
};
use prosopon::image::DecodeLimits;
use serde::Serialize;

use self::document::Document;
use crate::analysis::{Picture, read_all};
use crate::args::{OutputArgs, PictureArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{print_value, write_file};
use crate::pictures::{self, pass_over};
use crate::progress;
use crate::tiles::{self, PICTURES};

/// Find copies of pictures: the same bytes, resized, recompressed, slightly cropped
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon dedupe photos/
  prosopon dedupe photos/ backup/ --csv copies.csv --sheet copies.png
  prosopon dedupe photos/ --by dhash --distance 6   by one perceptual hash alone
  prosopon dedupe photos/ --hashes --json           all hashes too, as ImageHash prints them

Nothing is ever deleted or changed. Of each group the best copy comes first: the one with most pixels, \
of those the one with most bytes. By default pictures whose hashes differ in few bits, as a whole or a \
window of one from the other, are laid over each other and compared (SSIM). With `--by` one hash alone \
decides, which finds look-alikes too and errs more often.")]
pub(crate) struct Args {
    /// Pictures, folders, patterns
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What decides
    #[arg(long, value_enum, default_value_t = By::Auto)]
    by: By,
    /// With `--by HASH`: bits of 64 that may differ
    #[arg(long, value_name = "BITS", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=64))]
    distance: u32,
    /// Least structural similarity of copies, from 0 to 1
    #[arg(long, value_name = "SSIM", default_value_t = MIN_SSIM, value_parser = crate::args::number(0.0..=1.0))]
    min_ssim: f64,
    /// Tell aHash, pHash, dHash and wHash of every picture
    #[arg(long)]
    hashes: bool,
    /// List of groups to write
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    /// Contact sheet of groups to write: .png, .svg, .jpg …
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pictures: PictureArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// pHash and dHash of the picture and of windows of it, confirmed by SSIM
    Auto,
    Ahash,
    Phash,
    Dhash,
    Whash,
}

impl By {
    fn method(self) -> Option<HashMethod> {
        match self {
            Self::Auto => None,
            Self::Ahash => Some(HashMethod::Average),
            Self::Phash => Some(HashMethod::Perceptual),
            Self::Dhash => Some(HashMethod::Difference),
            Self::Whash => Some(HashMethod::Wavelet),
        }
    }
}

/// The hashes that `--hashes` tells.
const TOLD: [HashMethod; 4] = [
    HashMethod::Average,
    HashMethod::Perceptual,
    HashMethod::Difference,
    HashMethod::Wavelet,
];

/// What is kept of a picture that was read.
struct Seen {
    path: String,
    fingerprint: Fingerprint,
    /// By which pictures are grouped, if by one alone.
    hash: Option<PerceptualHash>,
    hashes: Option<Hashes>,
}

#[derive(Debug, Clone, Serialize)]
struct Hashes {
    ahash: String,
    phash: String,
    dhash: String,
    whash: String,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let sheets = args.sheet.iter().cloned().collect::<Vec<_>>();
    tiles::check_endings(&sheets, &PICTURES, ".png, .svg or .jpg")?;
    let csvs = args.csv.iter().cloned().collect::<Vec<_>>();
    tiles::check_endings(&csvs, &["csv"], ".csv")?;
    let limits = args.pictures.limits();
    let (seen, failed) = read(args, &limits)?;
    let groups = groups(args, &seen);
    let document = Document::new(args, &seen, &groups, failed);
    if let Some(path) = &args.csv {
        write_file(path, document.to_csv().as_bytes())?;
    }
    if let Some(path) = &args.sheet {
        let svg = sheet::draw(&document.groups, &limits);
        tiles::save_figure(&svg, path)?;
    }
    print_value(args.output.format(), &document, || document.describe(args))?;
    Ok(exit_of(document.failed.len()))
}

fn read(args: &Args, limits: &DecodeLimits) -> Result<(Vec<Seen>, Vec<String>), Failure> {
    let inputs = pictures::each_once(pictures::collect(&args.paths)?);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let method = args.by.method();
    let keep = |picture: Picture| {
        let wants_gray = method.is_some() || args.hashes;
        let gray = wants_gray.then(|| GrayImage::from(&picture.image));
        // 8 is a power of two and within bounds, so that no method refuses it.
        let hash = |method| perceptual_hash_of_gray(gray.as_ref()?, method, 8).ok();
        let told = |method| hash(method).map(|hash| hash.to_string());
        let [ahash, phash, dhash, whash] = TOLD.map(|m| args.hashes.then(|| told(m)).flatten());
        let hashes = ahash.zip(phash).zip(dhash.zip(whash));
        Seen {
            path: String::new(),
            fingerprint: Fingerprint::new(&picture.bytes, &picture.image),
            hash: method.and_then(hash),
            hashes: hashes.map(|((ahash, phash), (dhash, whash))| Hashes {
                ahash,
                phash,
                dhash,
                whash,
            }),
        }
    };
    let (mut all, mut failed) = (Vec::new(), Vec::new());
    read_all(&inputs, limits, threads, keep, |input, read| {
        match read {
            Ok(seen) => all.push(Seen {
                path: input.to_string(),
                ..seen
            }),
            Err(failure) => pass_over(input, failure, &mut failed)?,
        }
        Ok(())
    })?;
    Ok((all, failed))
}

fn groups(args: &Args, seen: &[Seen]) -> Vec<CopyGroup> {
    let fingerprints: Vec<Fingerprint> = seen.iter().map(|s| s.fingerprint.clone()).collect();
    if args.by == By::Auto {
        let options = DedupeOptions {
            min_ssim: args.min_ssim,
            ..DedupeOptions::default()
        };
        let bar = progress::bar(seen.len(), "pictures compared");
        let groups = find_copies(&fingerprints, &options, || bar.inc(1));
        bar.finish_and_clear();
        return groups;
    }
    let hashes: Vec<PerceptualHash> = seen.iter().filter_map(|s| s.hash.clone()).collect();
    group_by_hash(&hashes, args.distance, |i| {
        let (width, height) = fingerprints[i].size();
        let pixels = u64::from(width) * u64::from(height);
        (pixels, fingerprints[i].file_bytes())
    })
}
