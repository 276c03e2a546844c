//! `prosopon dedupe`: which pictures are copies of each other?

mod sheet;

use std::path::PathBuf;

use prosopon::classic::hash::perceptual_hash_of_gray;
use prosopon::classic::{GrayImage, HashMethod, PerceptualHash};
use prosopon::dedupe::{
    CopyGroup, DedupeOptions, Fingerprint, Likeness, MIN_SSIM, find_copies, group_by_hash,
};
use prosopon::image::{DecodeLimits, write_whole};
use serde::Serialize;

use super::detect::exit_of;
use crate::analysis::{Picture, read_all};
use crate::args::{OutputArgs, PictureArgs};
use crate::failure::{Exit, Failure};
use crate::output::{count, eprint, print_value};
use crate::pictures;
use crate::progress;
use crate::tiles::{self, PICTURES, csv_field};

/// Find copies of pictures: the same bytes, resized, recompressed, slightly cropped
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon dedupe photos/
  prosopon dedupe photos/ backup/ --csv copies.csv --sheet copies.png
  prosopon dedupe photos/ --by dhash --distance 6   by one perceptual hash alone
  prosopon dedupe photos/ --hashes --json           all hashes too, as ImageHash prints them

Nothing is ever deleted or changed. Of each group the best copy comes first: the one with most pixels,
of those the one with most bytes. By default pictures whose hashes differ in few bits, as a whole or a
window of one from the other, are laid over each other and compared (SSIM). With `--by` one hash alone
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
    #[arg(long, value_name = "SSIM", default_value_t = MIN_SSIM, value_parser = share)]
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

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|v| (0.0..=1.0).contains(v));
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

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

#[derive(Debug, Clone, Serialize)]
struct PictureJson {
    path: String,
    width: u32,
    height: u32,
    bytes: u64,
    sha256: String,
    #[serde(flatten)]
    hashes: Option<Hashes>,
}

#[derive(Debug, Clone, Serialize)]
struct CopyJson {
    #[serde(flatten)]
    picture: PictureJson,
    /// `best`, `exact`, `near` or `hash`.
    likeness: &'static str,
    /// Structural similarity to the picture of the group that it is most like.
    ssim: Option<f64>,
    /// Bits that differ from the nearest hash of the group.
    distance: Option<u32>,
}

#[derive(Serialize)]
struct GroupJson {
    pictures: Vec<CopyJson>,
}

#[derive(Serialize)]
struct Document {
    groups: Vec<GroupJson>,
    /// Pictures that were read.
    pictures: usize,
    /// Pictures that are not the best of their group.
    copies: usize,
    /// Bytes of these.
    copies_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashes: Option<Vec<PictureJson>>,
    failed: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let sheets = args.sheet.iter().cloned().collect::<Vec<_>>();
    tiles::check_endings(&sheets, &PICTURES, ".png, .svg or .jpg")?;
    let csvs = args.csv.iter().cloned().collect::<Vec<_>>();
    tiles::check_endings(&csvs, &["csv"], ".csv")?;
    let limits = args.pictures.limits();
    let (seen, failed) = read(args, &limits)?;
    let groups = groups(args, &seen);
    let document = document(args, &seen, &groups, failed);
    if let Some(path) = &args.csv {
        write_whole(path, csv(&document).as_bytes())
            .map_err(|error| Failure::write(path.display(), &error))?;
    }
    if let Some(path) = &args.sheet {
        let svg = sheet::draw(&document.groups, &limits);
        tiles::save_figure(&svg, path)?;
    }
    print_value(args.output.format(), &document, || {
        describe(args, &document)
    })?;
    Ok(exit_of(document.failed.len()))
}

fn read(args: &Args, limits: &DecodeLimits) -> Result<(Vec<Seen>, Vec<String>), Failure> {
    let inputs = pictures::collect(&args.paths)?;
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
            Err(failure) if failure.exit == Exit::BadInput => {
                eprint(&failure.to_string());
                failed.push(input.to_string());
            }
            Err(failure) => return Err(failure),
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

fn document(args: &Args, seen: &[Seen], groups: &[CopyGroup], failed: Vec<String>) -> Document {
    let groups: Vec<GroupJson> = groups
        .iter()
        .map(|group| GroupJson {
            pictures: group
                .members
                .iter()
                .map(|(i, likeness)| copy_json(&seen[*i], *likeness))
                .collect(),
        })
        .collect();
    let copies = || groups.iter().flat_map(|group| &group.pictures[1..]);
    Document {
        pictures: seen.len(),
        copies: copies().count(),
        copies_bytes: copies().map(|copy| copy.picture.bytes).sum(),
        hashes: args.hashes.then(|| seen.iter().map(picture_json).collect()),
        groups,
        failed,
    }
}

fn picture_json(seen: &Seen) -> PictureJson {
    let (width, height) = seen.fingerprint.size();
    let sha256 = seen.fingerprint.sha256().iter();
    PictureJson {
        path: seen.path.clone(),
        width,
        height,
        bytes: seen.fingerprint.file_bytes(),
        sha256: sha256.map(|byte| format!("{byte:02x}")).collect(),
        hashes: seen.hashes.clone(),
    }
}

fn copy_json(seen: &Seen, likeness: Likeness) -> CopyJson {
    let (name, ssim, distance) = match likeness {
        Likeness::Best => ("best", None, None),
        Likeness::Exact => ("exact", None, None),
        Likeness::Near(ssim) => ("near", Some(ssim), None),
        Likeness::Hash(distance) => ("hash", None, Some(distance)),
    };
    CopyJson {
        picture: picture_json(seen),
        likeness: name,
        ssim,
        distance,
    }
}

/// How a copy was recognised, in words.
fn likeness_text(copy: &CopyJson) -> String {
    match (copy.likeness, copy.ssim, copy.distance) {
        (_, Some(ssim), _) => format!("SSIM {ssim:.2}"),
        (_, _, Some(1)) => "1 bit".to_owned(),
        (_, _, Some(distance)) => format!("{distance} bits"),
        (likeness, ..) => likeness.to_owned(),
    }
}

fn csv(document: &Document) -> String {
    let mut text = "group,path,likeness,ssim,distance,width,height,bytes,sha256\n".to_owned();
    for (i, group) in document.groups.iter().enumerate() {
        for copy in &group.pictures {
            let ssim = copy.ssim.map(|ssim| format!("{ssim:.4}"));
            let distance = copy.distance.map(|distance| distance.to_string());
            let PictureJson {
                path,
                width,
                height,
                bytes,
                sha256,
                ..
            } = &copy.picture;
            text += &format!(
                "{},{},{},{},{},{width},{height},{bytes},{sha256}\n",
                i + 1,
                csv_field(path),
                copy.likeness,
                ssim.unwrap_or_default(),
                distance.unwrap_or_default(),
            );
        }
    }
    text
}

fn describe(args: &Args, document: &Document) -> String {
    let mut text = String::new();
    for (i, group) in document.groups.iter().enumerate() {
        text += &format!("group {}\n", i + 1);
        for copy in &group.pictures {
            let PictureJson {
                path,
                width,
                height,
                bytes,
                ..
            } = &copy.picture;
            let size = format!("{width} × {height}");
            text += &format!(
                "  {:<9}  {size:>11}  {:>6} KB  {path}\n",
                likeness_text(copy),
                bytes.div_ceil(1000)
            );
        }
    }
    if let Some(hashes) = &document.hashes {
        for picture in hashes {
            if let Some(h) = &picture.hashes {
                let line = format!("{} {} {} {}", h.ahash, h.phash, h.dhash, h.whash);
                text += &format!("{line}  {}\n", picture.path);
            }
        }
    }
    let pictures = count(document.pictures, "picture", "pictures");
    text += &match document.groups.len() {
        0 => format!("{pictures}, no copies"),
        n => format!(
            "{pictures}, {} with {} ({:.1} MB) beside the best; nothing was deleted",
            count(n, "group", "groups"),
            count(document.copies, "copy", "copies"),
            document.copies_bytes as f64 / 1e6,
        ),
    };
    for file in [&args.csv, &args.sheet].into_iter().flatten() {
        text += &format!("\nwrote {}", file.display());
    }
    text
}
