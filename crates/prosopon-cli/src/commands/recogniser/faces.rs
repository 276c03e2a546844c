//! Pictures as faces of one size: as they are, or the largest face that is found.

use std::path::PathBuf;

use prosopon::align::align;
use prosopon::classic::GrayImage;
use prosopon::model::ARCFACE_POINTS;
use prosopon::prepare::crop_with_margin;
use prosopon::{Detection, Image};

use crate::analysis::{Picture, StageTimes, detect_all, read_all};
use crate::args::{DetectArgs, InferenceArgs, ModelArgs};
use crate::failure::{Exit, Failure};
use crate::output::eprint;
use crate::pictures;
use crate::session::{self, Load};

/// Side of upright faces before they get their size, in pixels: that of the networks' crops.
const UPRIGHT_SIDE: u32 = 112;

/// How faces are taken from pictures.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct FaceArgs {
    /// Find the largest face of each picture and turn it upright, instead of taking the picture for a
    /// face
    #[arg(long)]
    detect: bool,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    inference: InferenceArgs,
    #[command(flatten)]
    found: DetectArgs,
}

/// A face and the picture that it comes from.
pub(super) struct GrayFace {
    pub(super) path: PathBuf,
    pub(super) face: GrayImage,
}

/// Faces in the order of their pictures, and the pictures that have none or could not be used.
#[derive(Default)]
pub(super) struct GrayFaces {
    pub(super) faces: Vec<GrayFace>,
    pub(super) failed: Vec<String>,
}

/// The faces of the pictures that `paths` name, in grey with these sides. Pictures without a face are remarked on and
/// left out.
pub(super) fn read(
    paths: &[PathBuf],
    args: &FaceArgs,
    sides: (u32, u32),
) -> Result<GrayFaces, Failure> {
    let inputs = pictures::collect(paths)?;
    let limits = args.found.limits();
    let threads = args.inference.options(0).thread_count();
    let mut read = GrayFaces::default();
    let mut keep = |path: String, face: Result<Option<GrayImage>, Failure>| {
        let failure = match face {
            Ok(Some(face)) => {
                let path = PathBuf::from(path);
                read.faces.push(GrayFace { path, face });
                return Ok(());
            }
            Ok(None) => Failure::new(
                Exit::BadInput,
                "face_not_found",
                "expected a face, found none",
            )
            .at(&path)
            .with_hint(
                "a larger or clearer picture may help; without `--detect` it is taken as it is",
            ),
            Err(failure) if failure.exit == Exit::BadInput => failure,
            Err(failure) => return Err(failure),
        };
        eprint(&failure.to_string());
        read.failed.push(path);
        Ok(())
    };
    if args.detect {
        let load = Load::of(inputs.len());
        let session = session::open_detector_for(&args.models, &args.inference, &args.found, load)?
            .filtering();
        let mut options = args.found.options();
        options.largest_only = true;
        detect_all(
            &inputs,
            (&*session.detector, &options),
            &limits,
            threads,
            &StageTimes::default(),
            |picture, _| picture.image,
            |input, found| {
                let face = found.and_then(|(image, detections)| {
                    let upright = detections.first().map(|found| upright(&image, found));
                    let upright = upright.transpose().map_err(|failure| failure.at(input))?;
                    Ok(upright.map(|face| small(&face, sides)))
                });
                keep(input.to_string(), face)
            },
        )?;
    } else {
        let small = |picture: Picture| Some(small(&picture.image, sides));
        read_all(&inputs, &limits, threads, small, |input, face| {
            keep(input.to_string(), face)
        })?;
    }
    Ok(read)
}

/// `OpenCV`'s grey and its way of shrinking, so that results can be compared.
fn small(image: &Image, (width, height): (u32, u32)) -> GrayImage {
    GrayImage::with_opencv_luma(image).resized_area(width, height)
}

/// The face with its eyes level, where the detector finds eyes, else what is in its box.
fn upright(image: &Image, found: &Detection) -> Result<Image, Failure> {
    if let Some(landmarks) = found.landmarks {
        return Ok(align(image, &landmarks, &ARCFACE_POINTS, UPRIGHT_SIDE)?.image);
    }
    let face = crop_with_margin(image, &found.bounding_box, 0.0);
    face.ok_or_else(|| {
        Failure::new(
            Exit::BadInput,
            "face_not_found",
            "expected a face inside the picture, found one beyond its border",
        )
    })
}
