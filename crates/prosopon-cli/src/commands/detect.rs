//! `prosopon detect`: where the faces are.

use std::path::PathBuf;

use prosopon::annotate::{Annotation, annotate, subject_color};
use prosopon::classic::GrayImage;
use prosopon::detect::EyeRule;
use prosopon::model::ARCFACE_POINTS;
use prosopon::prepare::crop_with_margin;
use prosopon::{Detection, Image, align};
use serde::Serialize;

use crate::analysis::{StageSeconds, StageTimes, detect_all, size_of};
use crate::args::{AttributeArgs, DetectArgs, InferenceArgs, ModelArgs, OutputArgs};
use crate::assess::{self, assess_all};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{FaceJson, PictureJson, PicturePrinter, count};
use crate::pictures::{self, Input};
use crate::results::{OutputNames, make_folder, refuse_among, save};
use crate::session::{self, Load};

/// Find faces: boxes, landmarks, confidence
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon detect photo.jpg
  prosopon detect holiday/ --draw marked/          pictures with boxes and landmarks
  prosopon detect holiday/ --crops faces/ --aligned
  prosopon detect 'scans/*.tif' --json > faces.json
  prosopon detect photo.jpg --attributes pose,eyes
  prosopon detect holiday/ --detector haar --require-eyes 2
  curl -s https://example.org/a.jpg | prosopon detect -")]
pub(crate) struct Args {
    /// Pictures, folders, patterns; `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write each picture with its faces marked into this folder
    #[arg(long, value_name = "DIR")]
    draw: Option<PathBuf>,
    /// Write each face as a picture into this folder
    #[arg(long, value_name = "DIR")]
    crops: Option<PathBuf>,
    /// Crops of 112 × 112 pixels in ArcFace's pose instead of boxes with a margin
    #[arg(long, requires = "crops")]
    aligned: bool,
    #[command(flatten)]
    attributes: AttributeArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    detect: DetectArgs,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    inference: InferenceArgs,
}

#[derive(Default, Serialize)]
struct Summary {
    pictures_with_faces: usize,
    pictures_without_faces: Vec<String>,
    failed: usize,
    faces: usize,
    stage_seconds: Option<StageSeconds>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let inputs = pictures::collect(&args.paths)?;
    for folder in [&args.draw, &args.crops].into_iter().flatten() {
        refuse_among(&args.paths, &inputs, folder)?;
        make_folder(folder)?;
    }
    let load = Load::of(inputs.len());
    let session =
        session::open_detector_for(&args.models, &args.inference, &args.detect, load)?.filtering();
    let networks = session::open_attributes(
        &args.attributes.attributes,
        &args.models.source,
        &args.inference,
        load,
    )?;
    let mut printer = PicturePrinter::new(args.output.format(), session.about);
    let mut summary = Summary::default();
    let mut names = OutputNames::default();
    let times = StageTimes::default();
    let rule = session.eyes;
    let keeps_image = args.draw.is_some() || args.crops.is_some() || rule.is_some();
    detect_all(
        &inputs,
        (&*session.detector, &args.detect.options()),
        &args.detect.limits(),
        args.inference.options(0).thread_count(),
        &times,
        |picture, detections| {
            let assessed = assess_all(&picture.image, detections, networks.as_ref());
            let size = size_of(&picture);
            (size, keeps_image.then_some(picture.image), assessed)
        },
        |input, analysed| {
            let picture = match analysed {
                Ok((((width, height), image, assessed), detections)) => {
                    summary.faces += detections.len();
                    if detections.is_empty() {
                        summary.pictures_without_faces.push(input.to_string());
                    } else {
                        summary.pictures_with_faces += 1;
                    }
                    let mut faces: Vec<FaceJson> = detections
                        .iter()
                        .zip(assessed?)
                        .map(|(detection, assessment)| FaceJson {
                            quality: Some(assessment.quality),
                            attributes: assessment.attributes,
                            ..FaceJson::from(detection)
                        })
                        .collect();
                    if let Some(image) = image {
                        if let Some(rule) = &rule {
                            add_eyes(&mut faces, rule, &image);
                        }
                        write_pictures(args, &names.name(input), &image, &detections, &faces)?;
                    }
                    PictureJson {
                        path: input.to_string(),
                        width: Some(width),
                        height: Some(height),
                        faces,
                        error: None,
                    }
                }
                Err(failure) => {
                    summary.failed += 1;
                    failed_picture(input, failure)?
                }
            };
            printer.print(picture, describe)
        },
    )?;
    summary.stage_seconds = Some(times.seconds());
    let exit = exit_of(summary.failed);
    let (with, without) = (
        summary.pictures_with_faces,
        summary.pictures_without_faces.len(),
    );
    let text = || {
        let mut text = format!(
            "{} in {}",
            count(summary.faces, "face", "faces"),
            count(with, "picture", "pictures")
        );
        if without > 0 {
            let list = summary.pictures_without_faces.join("\n  ");
            text += &format!(
                "; no face in {}:\n  {list}",
                count(without, "picture", "pictures")
            );
        }
        if summary.failed > 0 {
            text += &format!(
                "\n{} could not be used",
                count(summary.failed, "picture", "pictures")
            );
        }
        text
    };
    printer.finish(&summary, text)?;
    Ok(exit)
}

/// A picture that could not be used, in the list; failures that are not the picture's own end the
/// batch.
pub(crate) fn failed_picture(input: &Input, failure: Failure) -> Result<PictureJson, Failure> {
    if failure.exit != Exit::BadInput {
        return Err(failure);
    }
    Ok(PictureJson {
        path: input.to_string(),
        width: None,
        height: None,
        faces: Vec::new(),
        error: Some(failure),
    })
}

/// A picture and its faces, a line each.
fn describe(picture: &PictureJson) -> String {
    if let Some(failure) = &picture.error {
        return failure.to_string();
    }
    let mut text = header(picture);
    for face in &picture.faces {
        let b = face.bounding_box;
        text += &format!(
            "\n  {:.0},{:.0} to {:.0},{:.0}  confidence {:.2}",
            b.left, b.top, b.right, b.bottom, face.confidence
        );
        if let Some(attributes) = &face.attributes {
            text += &assess::describe(attributes);
        }
        if let Some(eyes) = &face.eyes {
            text += &format!(", {}", count(eyes.len(), "eye", "eyes"));
        }
    }
    text
}

/// `photo.jpg: 640 × 480, 2 faces`.
pub(crate) fn header(picture: &PictureJson) -> String {
    format!(
        "{}: {} × {}, {}",
        picture.path,
        picture.width.unwrap_or_default(),
        picture.height.unwrap_or_default(),
        count(picture.faces.len(), "face", "faces")
    )
}

fn write_pictures(
    args: &Args,
    name: &str,
    image: &Image,
    detections: &[Detection],
    faces: &[FaceJson],
) -> Result<(), Failure> {
    if let Some(folder) = &args.draw {
        let marked = with_eyes_marked(&with_marks(image, detections), faces);
        save(&marked, &folder.join(format!("{name}.jpg")))?;
    }
    if let Some(folder) = &args.crops {
        for (i, detection) in detections.iter().enumerate() {
            let crop = match detection.landmarks {
                Some(landmarks) if args.aligned => {
                    align(image, &landmarks, &ARCFACE_POINTS, 112)?.image
                }
                None if args.aligned => return Err(prosopon::EngineError::NoLandmarks.into()),
                _ => match crop_with_margin(image, &detection.bounding_box, MARGIN) {
                    Some(crop) => crop,
                    None => continue,
                },
            };
            save(&crop, &folder.join(format!("{name}_{}.png", i + 1)))?;
        }
    }
    Ok(())
}

/// The picture with a box, landmarks and the confidence at each face.
pub(crate) fn with_marks(image: &Image, detections: &[Detection]) -> Image {
    let annotations: Vec<_> = detections
        .iter()
        .map(|detection| Annotation {
            bounding_box: detection.bounding_box,
            landmarks: detection.landmarks,
            label: Some(format!("{:.2}", detection.confidence)),
            color: subject_color(0),
        })
        .collect();
    annotate(image, &annotations)
}

/// Notes where the eyes of each face are.
fn add_eyes(faces: &mut [FaceJson], rule: &EyeRule, image: &Image) {
    let gray = GrayImage::with_opencv_luma(image);
    for face in faces {
        face.eyes = Some(rule.eyes(&gray, &face.bounding_box));
    }
}

/// The picture with a box at each eye.
fn with_eyes_marked(image: &Image, faces: &[FaceJson]) -> Image {
    let eyes = faces.iter().filter_map(|face| face.eyes.as_ref()).flatten();
    let annotations: Vec<_> = eyes
        .map(|eye| Annotation {
            bounding_box: *eye,
            landmarks: None,
            label: None,
            color: subject_color(1),
        })
        .collect();
    annotate(image, &annotations)
}

/// Share of the box that is added on each side of a crop.
const MARGIN: f32 = 0.2;
