//! `prosopon prepare`: from photographs to faces that classifiers are trained on.

pub(crate) mod options;
mod report;

use std::collections::BTreeMap;
use std::path::PathBuf;

use prosopon::classic::GrayImage;
use prosopon::detect::EyeRule;
use prosopon::prepare::{Crop, PrepareOptions, prepare};
use prosopon::{Detection, Detector, DetectorOptions};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::options::FaceArgs;
use self::report::Document;
use crate::analysis::{Picture, read_all};
use crate::args::{DetectArgs, InferenceArgs, ModelArgs, OutputArgs};
use crate::failure::{Exit, Failure, exit_of};
use crate::made::{MadeFolder, Source};
use crate::output::{eprint, print_value};
use crate::pictures::{Input, below, in_folder, no_pictures};
use crate::results::refuse_inside;
use crate::session::{self, Load};

/// Crop the faces of a folder per person into another one, ready for training
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon prepare photos/ faces/
  prosopon prepare photos/ faces/ --crop aligned --size 112 --contrast clahe
  prosopon prepare photos/ faces/ --gray --size 48 --contrast equalize --denoise
  prosopon prepare photos/ faces/ --detector haar --require-eyes 2  two visible eyes
  prosopon prepare photos/ faces/ --json > report.json

photos/ann/1.jpg becomes faces/ann/1.png: the largest face, or with --all-faces each of them (1-1.png, \
1-2.png …, from left to right). A second run goes on where the first one ended, and takes the faces of \
pictures away that are no longer there. What it did not make itself it never changes or takes away.")]
pub(crate) struct Args {
    /// Folder with a folder of pictures for each person, or for each class
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Folder for the faces
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Each face of a picture, not just the largest
    #[arg(long)]
    all_faces: bool,
    #[command(flatten)]
    face: FaceArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    detect: DetectArgs,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    inference: InferenceArgs,
}

/// The list of what was made, in the folder.
const LIST: &str = ".prosopon-prepared.jsonl";
/// What came of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// At least one face was kept.
    Kept,
    /// The detector found nothing.
    NoFace,
    /// No face has as many eyes as are required.
    TooFewEyes,
    /// No face can be aligned: it has no landmarks.
    NoLandmarks,
    /// The picture could not be read.
    Unreadable,
    /// A file of that name is there already and is not of this command's making.
    FileExists,
}

/// What came of a picture, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    outcome: Outcome,
    /// Faces that the detector found.
    found: usize,
    /// Faces that were kept.
    kept: usize,
}

impl Counts {
    fn failed(failure: &Failure) -> Self {
        let outcome = if failure.code == "file_exists" {
            Outcome::FileExists
        } else {
            Outcome::Unreadable
        };
        Self {
            outcome,
            found: 0,
            kept: 0,
        }
    }
}

/// A picture that was worked on.
struct Prepared {
    outcome: Outcome,
    /// Faces that the detector found.
    found: usize,
    /// The faces that are kept, encoded.
    faces: Vec<Vec<u8>>,
}

impl Prepared {
    fn counts(&self) -> Counts {
        Counts {
            outcome: self.outcome,
            found: self.found,
            kept: self.faces.len(),
        }
    }

    /// The faces, with their names.
    fn files(self, target: &str, numbered: bool) -> Vec<(String, Vec<u8>)> {
        let name = |i: usize| {
            if numbered {
                format!("{target}-{}.png", i + 1)
            } else {
                format!("{target}.png")
            }
        };
        let faces = self.faces.into_iter().enumerate();
        faces.map(|(i, face)| (name(i), face)).collect()
    }
}

/// What all pictures are worked on with.
struct Workshop<'a> {
    detector: &'a dyn Detector,
    options: DetectorOptions,
    eyes: Option<&'a EyeRule>,
    prepare: PrepareOptions,
    all_faces: bool,
}

impl Workshop<'_> {
    fn work(&self, picture: &Picture) -> Result<Prepared, Failure> {
        let detections = self.detector.detect(&picture.image, &self.options)?;
        let mut prepared = Prepared {
            outcome: Outcome::Kept,
            found: detections.len(),
            faces: Vec::new(),
        };
        prepared.outcome = match self.choose(picture, detections) {
            Ok(faces) => {
                for face in faces {
                    let face = prepare(&picture.image, &face, &self.prepare)
                        .map_err(|error| Failure::new(Exit::BadInput, "unusable_face", error))?;
                    prepared.faces.push(face.encode_png()?);
                }
                Outcome::Kept
            }
            Err(outcome) => outcome,
        };
        Ok(prepared)
    }

    /// The faces to keep, from left to right; or why there is none.
    fn choose(
        &self,
        picture: &Picture,
        mut faces: Vec<Detection>,
    ) -> Result<Vec<Detection>, Outcome> {
        let none_left = |faces: &[Detection], outcome| {
            if faces.is_empty() {
                Err(outcome)
            } else {
                Ok(())
            }
        };
        let (width, height) = (picture.image.width() as f32, picture.image.height() as f32);
        faces.retain(|face| {
            let b = face.bounding_box;
            b.right > 0.5 && b.bottom > 0.5 && b.left < width - 0.5 && b.top < height - 0.5
        });
        none_left(&faces, Outcome::NoFace)?;
        if let Some(rule) = self.eyes {
            let gray = GrayImage::with_opencv_luma(&picture.image);
            let kept = rule.keep(&gray, faces).into_iter();
            faces = kept.map(|(face, _)| face).collect();
            none_left(&faces, Outcome::TooFewEyes)?;
        }
        if self.prepare.crop == Crop::Aligned {
            faces.retain(|face| face.landmarks.is_some());
            none_left(&faces, Outcome::NoLandmarks)?;
        }
        if self.all_faces {
            faces.sort_by(|a, b| a.bounding_box.left.total_cmp(&b.bounding_box.left));
        } else {
            let area = |face: &Detection| face.bounding_box.area();
            let largest = faces.into_iter().max_by(|a, b| area(a).total_cmp(&area(b)));
            faces = largest.into_iter().collect();
        }
        Ok(faces)
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    args.check()?;
    let inputs = in_folder(&args.folder);
    if inputs.is_empty() {
        return Err(no_pictures(&args.folder));
    }
    let names: Vec<String> = inputs.iter().map(|i| below(&args.folder, i)).collect();
    let targets = targets(&names);
    let load = Load::of(inputs.len());
    let mut session =
        session::open_detector_for(&args.models, &args.inference, &args.detect, load)?;
    if args.face.is_aligned() {
        session = session.with_landmarks(&args.models, &args.inference, load)?;
    }
    let workshop = Workshop {
        detector: &*session.detector,
        options: args.detect.options(),
        eyes: session.eyes.as_ref(),
        prepare: args.face.options(),
        all_faces: args.all_faces,
    };
    let settings = args.settings(&session.about.detector);
    // Faces that are no longer wanted must not stay among those that are trained on.
    let made = MadeFolder::open(&args.out, LIST, settings)?;
    let mut made = made.removing_old(&args.folder);
    let taken_away = made.remove_others(&names.iter().map(String::as_str).collect())?;

    let sources: Vec<Option<Source>> = inputs
        .iter()
        .zip(&names)
        .map(|(input, name)| Source::of(input.path()?, name.clone()).ok())
        .collect();
    let before = |source: &Option<Source>| {
        let done = made.done(source.as_ref()?)?;
        Counts::deserialize(done.note).ok()
    };
    let mut counts: Vec<Option<Counts>> = sources.iter().map(before).collect();
    let open: Vec<usize> = (0..inputs.len()).filter(|i| counts[*i].is_none()).collect();
    let open_inputs: Vec<Input> = open.iter().map(|i| inputs[*i].clone()).collect();
    let mut places = open.iter().copied();
    read_all(
        &open_inputs,
        &args.detect.limits(),
        args.inference.options(0).thread_count(),
        |picture| workshop.work(&picture),
        |input, read| {
            let Some(i) = places.next() else {
                return Ok(());
            };
            let kept = read.and_then(|prepared| {
                let prepared = prepared.map_err(|failure| failure.at(input))?;
                let found = prepared.counts();
                if let Some(source) = sources[i].clone() {
                    let files = prepared.files(&targets[i], workshop.all_faces);
                    made.keep(source, &files, json!(found))?;
                }
                Ok(found)
            });
            counts[i] = Some(match kept {
                Ok(found) => found,
                Err(failure) if failure.exit == Exit::BadInput => {
                    eprint(&failure.to_string());
                    Counts::failed(&failure)
                }
                Err(failure) => return Err(failure),
            });
            Ok(())
        },
    )?;

    let counted = names.iter().zip(&counts);
    let counted = counted.filter_map(|(name, counts)| Some((name.as_str(), (*counts)?)));
    let folders = [&args.folder, &args.out].map(|folder| folder.display().to_string());
    let done_before = inputs.len() - open.len();
    let document = Document::new(folders, counted, (done_before, taken_away), session.about);
    print_value(args.output.format(), &document, || document.describe())?;
    Ok(exit_of(document.failed()))
}

/// Where the face of each picture goes, without ending: beside the others of its folder, under the
/// picture's name; with its ending where two pictures differ in nothing else.
fn targets(names: &[String]) -> Vec<String> {
    let stem = |name: &str| match name.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') && !stem.is_empty() => stem.to_owned(),
        _ => name.to_owned(),
    };
    let mut uses: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *uses.entry(stem(name).to_lowercase()).or_default() += 1;
    }
    let target = |name: &String| {
        let stem = stem(name);
        let is_alone = uses.get(&stem.to_lowercase()) == Some(&1);
        if is_alone { stem } else { name.clone() }
    };
    names.iter().map(target).collect()
}

impl Args {
    fn check(&self) -> Result<(), Failure> {
        self.face.check()?;
        refuse_inside(&self.folder, &self.out)
    }

    /// All that the faces depend on besides the pictures.
    fn settings(&self, detector: &str) -> String {
        let settings = json!({
            "prepare": self.face.options(),
            "all_faces": self.all_faces,
            "detector": detector,
            "detection": format!("{:?}", self.detect.options()),
            "cascade": format!("{:?}", self.detect.search()),
            "eyes": self.detect.require_eyes,
        });
        settings.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_names_and_stay_apart() {
        let names = [
            "ann/1.jpg",
            "ann/2.jpg",
            "ann/2.PNG",
            "bob/1.x.jpg",
            "bob/.png",
        ];
        let targets = targets(&names.map(str::to_owned));
        assert_eq!(
            targets,
            ["ann/1", "ann/2.jpg", "ann/2.PNG", "bob/1.x", "bob/"]
        );
    }
}
