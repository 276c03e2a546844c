//! `prosopon before-after`: is it still the same face?

mod document;
mod pairs;

use std::path::PathBuf;

use prosopon::classic::Likeness;
use prosopon::detect::central;
use prosopon::split::Grid;
use prosopon::{DecisionRule, Face, FaceEngine, Image, verify};

use self::document::{Document, IncompleteJson, PairJson, SideJson};
use self::pairs::{Layout, Pairing};
use super::verify::Outcome;
use crate::analysis::{Picture, read_all};
use crate::args::{DecisionArgs, EngineArgs, OutputArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{eprint, print_value, write_file};
use crate::session::{self, Load};
use crate::threshold::{self, RuleJson};
use crate::tiles;

/// Compare faces before and after: structural similarity, hashes, similarity of embeddings, side by side
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "compare-before-after",
    after_help = "\
Examples:
  prosopon before-after pairs/                     left half before, right half after
  prosopon before-after pairs/ --layout stacked    upper half before, lower half after
  prosopon before-after before/ after/             two folders, paired by file names
  prosopon before-after halves/ --layout numbered  made by `prosopon split`: a-1.jpg and a-2.jpg
  prosopon before-after pairs/ --out pairs.html --csv pairs.csv --fmr 1e-4 --json

Of each picture the central face counts; it is turned upright before anything is compared. The page shows both \
faces of each pair with structural similarity (SSIM), the bits of 64 in which aHash, pHash, dHash and wHash \
differ, and the similarity of the embeddings with the decision at a false match rate. Only the last knows what a \
face is. Pairs in which a face is missing are listed; the status is then 3."
)]
pub(crate) struct Args {
    /// Folder of pictures that show before and after, or the folder (or picture) before
    #[arg(value_name = "DIR")]
    first: PathBuf,
    /// The folder (or picture) after
    #[arg(value_name = "AFTER")]
    second: Option<PathBuf>,
    /// Where before and after are, if there is one folder
    #[arg(long, value_enum, default_value_t = Layout::SideBySide, conflicts_with = "second")]
    layout: Layout,
    /// Page to write
    #[arg(long, value_name = "FILE.html", default_value = "before-after.html")]
    out: PathBuf,
    /// Table to write
    #[arg(long, value_name = "FILE.csv")]
    csv: Option<PathBuf>,
    #[command(flatten)]
    decision: DecisionArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// What was found in a picture, or in a half of one.
struct Side {
    n_faces: usize,
    /// The central one.
    face: Option<Face>,
}

/// A pair that was compared, with its faces for the page.
struct Compared {
    json: PairJson,
    before: Image,
    after: Image,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    tiles::check_endings(std::slice::from_ref(&args.out), &["html"], ".html")?;
    tiles::check_endings(args.csv.as_slice(), &["csv"], ".csv")?;
    let pairing = Pairing::of(&args.first, args.second.as_deref(), args.layout)?;
    let session = session::open_engine(&args.engine, Load::of(pairing.inputs.len()))?;
    let calibration = session.calibration.as_ref();
    let rule = threshold::rule(&args.decision, &session.model, calibration, None)?;

    let mut sides: Vec<Result<Vec<Side>, Failure>> = Vec::with_capacity(pairing.inputs.len());
    let look = |picture: Picture| look(&session.engine, pairing.grid.as_ref(), &picture.image);
    let workers = args.engine.inference.options(0).thread_count();
    let limits = args.engine.detect.limits();
    read_all(&pairing.inputs, &limits, workers, look, |input, seen| {
        let seen = match seen.and_then(|seen| seen.map_err(|failure| failure.at(input))) {
            Err(failure) if failure.exit != Exit::BadInput => return Err(failure),
            seen => seen,
        };
        if let Err(failure) = &seen {
            eprint(&failure.to_string());
        }
        sides.push(seen);
        Ok(())
    })?;

    let mut document = Document {
        pairs: Vec::new(),
        incomplete: Vec::new(),
        unpaired: pairing.unpaired.clone(),
        failed: Vec::new(),
        out: args.out.display().to_string(),
        rule: RuleJson::from(&rule),
        about: session.about,
    };
    let mut compared = Vec::new();
    for (pair, seen) in pairing.pairs.iter().zip(by_pair(&pairing, sides)) {
        match seen {
            Err(path) => document.failed.push(path),
            Ok([before, after]) => match (before.face, after.face) {
                (Some(b), Some(a)) => {
                    let n_faces = [before.n_faces, after.n_faces];
                    compared.push(compare(pair, (&b, &a), n_faces, &rule)?);
                }
                _ => document.incomplete.push(IncompleteJson {
                    name: pair.name.clone(),
                    before: pair.before.clone(),
                    after: pair.after.clone(),
                    before_faces: before.n_faces,
                    after_faces: after.n_faces,
                }),
            },
        }
    }
    document::page(&document, &compared, &rule)
        .save(&args.out)
        .map_err(|error| tiles::plot_failure(&error).at(args.out.display()))?;
    document.pairs = compared.into_iter().map(|pair| pair.json).collect();
    if let Some(path) = &args.csv {
        write_file(path, document.to_csv().as_bytes())?;
    }
    print_value(args.output.format(), &document, || {
        document.describe(args, &rule)
    })?;
    let n_left_out = document.incomplete.len() + document.failed.len() + document.unpaired.len();
    Ok(exit_of(n_left_out))
}

/// The faces on a picture, or on each of its parts.
fn look(engine: &FaceEngine, grid: Option<&Grid>, image: &Image) -> Result<Vec<Side>, Failure> {
    let Some(grid) = grid else {
        return Ok(vec![central_face(engine, image)?]);
    };
    let parts = grid.split(image).map_err(super::split::split_failure)?;
    let sides = parts.iter().map(|part| central_face(engine, part));
    sides.collect()
}

fn central_face(engine: &FaceEngine, image: &Image) -> Result<Side, Failure> {
    let detections = engine.detect(image)?;
    let n_faces = detections.len();
    let size = (image.width(), image.height());
    let chosen = central(size, &detections).map(|i| detections[i]);
    let faces = engine.embed_faces(image, chosen.into_iter().collect())?;
    Ok(Side {
        n_faces,
        face: faces.into_iter().next(),
    })
}

/// What was seen before and after, for each pair; or the path of the picture that could not be used.
fn by_pair(
    pairing: &Pairing,
    sides: Vec<Result<Vec<Side>, Failure>>,
) -> Vec<Result<[Side; 2], String>> {
    let mut sides = sides.into_iter().zip(&pairing.inputs);
    let mut next = || {
        let (seen, input) = sides.next()?;
        Some(seen.map_err(|_| input.to_string()))
    };
    let mut of_pair = || -> Option<Result<[Side; 2], String>> {
        let mut seen = next()?;
        if pairing.grid.is_none() {
            let after = next()?;
            seen = seen.and_then(|mut before| {
                before.extend(after?);
                Ok(before)
            });
        }
        let pair = |seen: Vec<Side>| <[Side; 2]>::try_from(seen).ok();
        match seen {
            Ok(seen) => pair(seen).map(Ok),
            Err(path) => Some(Err(path)),
        }
    };
    std::iter::from_fn(&mut of_pair).collect()
}

fn compare(
    pair: &pairs::Pair,
    (before, after): (&Face, &Face),
    n_faces: [usize; 2],
    rule: &DecisionRule,
) -> Result<Compared, Failure> {
    let verification = verify(&after.embedding, &before.embedding, rule)?;
    let likeness = Likeness::of(&before.crop.image, &after.crop.image)
        .map_err(|error| Failure::new(Exit::BadInput, "not_comparable", error))?;
    let side = |path: &str, face: &Face, n_faces| SideJson {
        path: path.to_owned(),
        faces: n_faces,
        bounding_box: face.detection.bounding_box,
        confidence: face.detection.confidence,
    };
    Ok(Compared {
        json: PairJson {
            name: pair.name.clone(),
            before: side(&pair.before, before, n_faces[0]),
            after: side(&pair.after, after, n_faces[1]),
            likeness,
            similarity: verification.similarity.value(),
            outcome: Outcome::from(verification.decision),
        },
        before: before.crop.image.clone(),
        after: after.crop.image.clone(),
    })
}
