//! `prosopon diff`: what differs between two pictures?

use std::path::{Path, PathBuf};

use prosopon::Image;
use prosopon::classic::diff::{
    MIN_AREA, fitted_by_cropping, fitted_by_landmarks, fitted_by_resizing,
};
use prosopon::classic::{DiffOptions, DiffRegion, PictureDiff, SsimError, Window};
use prosopon::detect::central;
use prosopon::plot::Cell;
use prosopon::report::Page;
use serde::Serialize;

use crate::args::{DetectArgs, InferenceArgs, ModelArgs, OutputArgs};
use crate::failure::{Exit, Failure};
use crate::output::{count, print_value};
use crate::pictures;
use crate::results::{make_folder, refuse_among, save};
use crate::session::{self, Load};
use crate::tiles;

/// Side of aligned faces, in pixels: twice that of an embedder's crops.
const FACE_SIDE: u32 = 224;
/// Places that the text and the page list.
const LISTED: usize = 20;

/// Show what differs between two pictures: structural similarity, boxes; exit status 0 for nothing, 1 for
/// something
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon diff before.png after.png
  prosopon diff before.png after.png --out changes/      difference, mask, boxes
  prosopon diff before.png after.png --out changes.html  the same as a page
  prosopon diff a.jpg b.jpg --fit align --json           faces turned upright first
  prosopon diff old.png new.png --min-ssim 0.98 || echo changed

The pictures are compared by structural similarity (SSIM) around each pixel; its map is parted by Otsu's \
threshold, which always finds a darkest part unless the pictures are equal: two photographs that were compressed \
differently have many such places. `--min-ssim` decides by the mean instead, `--level` sets the threshold.

Exit status: 0 nothing differs (no place of --min-area, or at least --min-ssim), 1 something does.")]
pub(crate) struct Args {
    /// The first picture
    #[arg(value_name = "A")]
    first: PathBuf,
    /// The second picture
    #[arg(value_name = "B")]
    second: PathBuf,
    /// What to do with pictures of different size
    #[arg(long, value_enum)]
    fit: Option<Fit>,
    /// Compare red, green and blue instead of grey levels
    #[arg(long)]
    color: bool,
    /// Neighbourhood of a pixel
    #[arg(long, value_enum, default_value_t = WindowArg::Uniform)]
    window: WindowArg,
    /// Level of the map, from 0 to 254, up to which a place differs, instead of Otsu's
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=254))]
    level: Option<u8>,
    /// Least area of a place, in pixels
    #[arg(long, value_name = "PX", default_value_t = MIN_AREA, value_parser = crate::args::number(0.0..=1e12))]
    min_area: f64,
    /// From which mean SSIM on the pictures count as the same, whatever the places
    #[arg(long, value_name = "SSIM", value_parser = crate::args::similarity, allow_negative_numbers = true)]
    min_ssim: Option<f32>,
    /// Folder for pictures of the difference, or a page: FILE.html
    #[arg(long, value_name = "DIR|FILE.html")]
    out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    inference: InferenceArgs,
    #[command(flatten)]
    detect: DetectArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Fit {
    /// Bring B to the size of A
    Resize,
    /// Take the middle of both
    Crop,
    /// Turn the face of each upright, eyes on eyes
    Align,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum WindowArg {
    /// 7 × 7 pixels, scikit-image's default
    Uniform,
    /// A Gaussian, as in the paper
    Gaussian,
}

#[derive(Serialize)]
struct Document {
    is_same: bool,
    ssim: f64,
    a: SideJson,
    b: SideJson,
    /// What was done to bring both to one size; null if they were compared as they are.
    fit: Option<Fit>,
    /// Size in which they were compared, and of `regions`.
    width: u32,
    height: u32,
    in_color: bool,
    level: u8,
    min_area: f64,
    min_ssim: Option<f32>,
    regions: Vec<DiffRegion>,
    out: Vec<String>,
}

#[derive(Serialize)]
struct SideJson {
    path: String,
    width: u32,
    height: u32,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    if let Some(out) = args.out.as_ref().filter(|out| tiles::ending(out) != "html") {
        let both = [args.first.clone(), args.second.clone()];
        refuse_among(&both, &pictures::collect(&both)?, out)?;
    }
    let (a, b) = (open(args, &args.first)?, open(args, &args.second)?);
    let side = |path: &Path, image: &Image| SideJson {
        path: path.display().to_string(),
        width: image.width(),
        height: image.height(),
    };
    let sides = (side(&args.first, &a), side(&args.second, &b));
    let (fit, a, b) = fitted(args, a, b)?;
    let options = DiffOptions {
        window: match args.window {
            WindowArg::Uniform => Window::Uniform,
            WindowArg::Gaussian => Window::Gaussian,
        },
        in_color: args.color,
        level: args.level,
        min_area: args.min_area,
    };
    let diff = PictureDiff::of(&a, &b, &options).map_err(|error| ssim_failure(&error))?;
    let mut document = Document {
        is_same: match args.min_ssim {
            Some(least) => diff.ssim >= f64::from(least),
            None => diff.regions.is_empty(),
        },
        ssim: diff.ssim,
        a: sides.0,
        b: sides.1,
        fit,
        width: a.width(),
        height: a.height(),
        in_color: args.color,
        level: diff.level,
        min_area: args.min_area,
        min_ssim: args.min_ssim,
        regions: diff.regions.clone(),
        out: Vec::new(),
    };
    if let Some(out) = &args.out {
        document.out = write(&document, &diff, (&a, &b), out)?;
    }
    print_value(args.output.format(), &document, || describe(&document))?;
    Ok(if document.is_same {
        Exit::Success
    } else {
        Exit::No
    })
}

fn open(args: &Args, path: &Path) -> Result<Image, Failure> {
    let limits = args.detect.limits();
    let inputs = pictures::collect(&[path.to_owned()])?;
    let [input] = &inputs[..] else {
        let message = format!("expected one picture, found {}", inputs.len());
        return Err(Failure::new(Exit::Usage, "several_pictures", message)
            .at(path.display())
            .with_hint("`prosopon before-after` compares folders of pictures"));
    };
    let read = |bytes: Vec<u8>| Ok(Image::decode(&bytes, &limits)?);
    input
        .read(&limits)
        .and_then(read)
        .map_err(|failure: Failure| failure.at(input))
}

fn fitted(args: &Args, a: Image, b: Image) -> Result<(Option<Fit>, Image, Image), Failure> {
    let sizes = [&a, &b].map(|image| (image.width(), image.height()));
    let is_equal = sizes[0] == sizes[1];
    let (fit, (a, b)) = match args.fit {
        Some(Fit::Align) => (Fit::Align, aligned(args, &a, &b)?),
        _ if is_equal => return Ok((None, a, b)),
        Some(Fit::Resize) => (Fit::Resize, fitted_by_resizing(&a, &b)?),
        Some(Fit::Crop) => (Fit::Crop, fitted_by_cropping(&a, &b)?),
        None => {
            let [first, second] = sizes.map(|(width, height)| format!("{width} × {height}"));
            let message = format!("expected two pictures of one size, found {first} and {second}");
            return Err(Failure::new(Exit::BadInput, "different_sizes", message).with_hint(
                "`--fit resize` brings B to the size of A, `--fit crop` takes the middle of both, `--fit align` turns the face of each upright",
            ));
        }
    };
    Ok((Some(fit), a, b))
}

/// The faces of both pictures, eyes on eyes.
fn aligned(args: &Args, a: &Image, b: &Image) -> Result<(Image, Image), Failure> {
    let session =
        session::open_detector_for(&args.models, &args.inference, &args.detect, Load::Single)?
            .filtering();
    let landmarks = |image: &Image, path: &Path| {
        let faces = session.detector.detect(image, &args.detect.options())?;
        let size = (image.width(), image.height());
        let face = central(size, &faces).map(|i| faces[i]).ok_or_else(|| {
            Failure::new(
                Exit::BadInput,
                "face_not_found",
                "expected a face, found none",
            )
            .at(path.display())
            .with_hint("without a face in both, use `--fit resize` or `--fit crop`")
        })?;
        face.landmarks
            .ok_or_else(|| Failure::from(prosopon::EngineError::NoLandmarks))
    };
    let of_a = landmarks(a, &args.first)?;
    let of_b = landmarks(b, &args.second)?;
    Ok(fitted_by_landmarks((a, &of_a), (b, &of_b), FACE_SIDE)?)
}

fn ssim_failure(error: &SsimError) -> Failure {
    let hint = match error {
        SsimError::TooSmall { .. } => "use larger pictures, or `--window uniform`",
        _ => "`--fit` brings them to one size",
    };
    Failure::new(Exit::BadInput, "not_comparable", error).with_hint(hint)
}

/// Writes a folder of pictures or a page; gives the files.
fn write(
    document: &Document,
    diff: &PictureDiff,
    (a, b): (&Image, &Image),
    out: &Path,
) -> Result<Vec<String>, Failure> {
    let pictures = [
        ("a.png", diff.boxed(a), "A, with boxes around what differs"),
        ("b.png", diff.boxed(b), "B, with boxes around what differs"),
        (
            "difference.png",
            diff.map.to_rgb(),
            "similarity: light where they are alike",
        ),
        ("mask.png", diff.mask().to_rgb(), "what differs, in white"),
    ];
    if tiles::ending(out) == "html" {
        let mut page = Page::new("What differs");
        page.lead(&lead(document));
        page.facts(&facts(document));
        let cell = |(_, image, caption): (&str, Image, &str)| Cell::new(image, caption);
        page.large_pictures(&pictures.map(cell));
        if !document.regions.is_empty() {
            page.heading("Places that differ");
            let row = |r: &DiffRegion| {
                [
                    f64::from(r.left),
                    f64::from(r.top),
                    f64::from(r.width),
                    f64::from(r.height),
                    r.area,
                ]
                .map(|n| n.to_string())
                .to_vec()
            };
            let rows: Vec<_> = document.regions.iter().take(LISTED).map(row).collect();
            page.table(&["left", "top", "width", "height", "area"], &rows);
        }
        page.save(out)
            .map_err(|error| tiles::plot_failure(&error).at(out.display()))?;
        return Ok(vec![out.display().to_string()]);
    }
    make_folder(out)?;
    let mut files = Vec::new();
    for (name, image, _) in pictures {
        let path = out.join(name);
        save(&image, &path)?;
        files.push(path.display().to_string());
    }
    Ok(files)
}

fn facts(document: &Document) -> Vec<(&'static str, String)> {
    let side = |side: &SideJson| format!("{} ({} × {})", side.path, side.width, side.height);
    vec![
        ("A", side(&document.a)),
        ("B", side(&document.b)),
        (
            "compared as",
            format!(
                "{} × {}, {}{}",
                document.width,
                document.height,
                if document.in_color {
                    "colours"
                } else {
                    "grey levels"
                },
                document.fit.map_or("", Fit::said)
            ),
        ),
        ("structural similarity", format!("{:.4}", document.ssim)),
        (
            "level",
            format!("{} of 255, up to which a place differs", document.level),
        ),
    ]
}

impl Fit {
    fn said(self) -> &'static str {
        match self {
            Self::Resize => ", B resized",
            Self::Crop => ", both cropped",
            Self::Align => ", faces aligned",
        }
    }
}

/// The answer in one line.
fn lead(document: &Document) -> String {
    let verdict = if document.is_same {
        "same"
    } else {
        "different"
    };
    format!(
        "{verdict}: structural similarity {:.4}, {}{}",
        document.ssim,
        count(document.regions.len(), "place differs", "places differ"),
        document.fit.map_or("", Fit::said),
    )
}

fn describe(document: &Document) -> String {
    let n = document.regions.len();
    let mut text = lead(document);
    for region in document.regions.iter().take(LISTED) {
        text += &format!(
            "\n  {} × {} at {}, {}: {} pixels",
            region.width, region.height, region.left, region.top, region.area
        );
    }
    if n > LISTED {
        text += &format!("\n  and {} smaller ones", n - LISTED);
    }
    for file in &document.out {
        text += &format!("\nwrote {file}");
    }
    text
}
