//! `prosopon verify`: do two pictures show the same person?

use std::path::{Path, PathBuf};

use prosopon::{Decision, Face, verify};
use serde::Serialize;

use crate::analysis::{StageTimes, analyze_all};
use crate::args::{DecisionArgs, EngineArgs, GalleryArgs, OutputArgs};
use crate::failure::{Exit, Failure};
use crate::output::{About, FaceJson, print_value};
use crate::pictures;
use crate::session::{self, EngineSession, Load};
use crate::threshold::{self, RuleJson};

/// Compare the faces in two pictures; exit status 0 for the same person, 1 for different people, 6 for
/// uncertain
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon verify passport.jpg selfie.jpg
  prosopon verify a.jpg b.jpg --fmr 1e-4           ten times stricter than the default
  prosopon verify a.jpg b.jpg --fmr 1e-4 --uncertain-fmr 1e-2
  prosopon verify door.jpg owner.jpg --json && open-the-door

With `--uncertain-fmr` there is an answer between yes and no: \"uncertain\" is what reaches the looser of \
the two rates but not the stricter one. With `--gallery` the gallery's own calibration and rates decide, if \
it has some (`prosopon calibrate`), else the model's.

Exit status: 0 same person, 1 different people, 6 uncertain, 2 wrong usage, 3 no usable face.")]
pub(crate) struct Args {
    /// The picture that is asked about
    #[arg(value_name = "A")]
    probe: PathBuf,
    /// The picture to compare it with
    #[arg(value_name = "B")]
    reference: PathBuf,
    #[command(flatten)]
    decision: DecisionArgs,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
struct Answer {
    #[serde(rename = "match")]
    is_match: bool,
    outcome: Outcome,
    similarity: f32,
    #[serde(flatten)]
    rule: RuleJson,
    probe: Side,
    reference: Side,
    #[serde(flatten)]
    about: About,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Same,
    Uncertain,
    Different,
}

impl Outcome {
    /// As people say it.
    pub(super) fn said(self) -> &'static str {
        match self {
            Self::Same => "same person",
            Self::Uncertain => "uncertain, perhaps the same person",
            Self::Different => "different people",
        }
    }
}

impl From<Decision> for Outcome {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Match => Self::Same,
            Decision::Uncertain => Self::Uncertain,
            Decision::NoMatch => Self::Different,
        }
    }
}

#[derive(Serialize)]
struct Side {
    path: String,
    face: FaceJson,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let session = session::open_engine(&args.engine, Load::Single)?;
    let of_gallery = match &args.gallery.gallery {
        Some(path) => session::gallery_calibration(path, &session.model)?,
        None => None,
    };
    let rule = threshold::rule(
        &args.decision,
        &session.model,
        session.calibration.as_ref(),
        of_gallery.as_ref(),
    )?;
    let probe = one_face(args, &session, &args.probe)?;
    let reference = one_face(args, &session, &args.reference)?;
    let verification = verify(&probe.embedding, &reference.embedding, &rule)?;
    let outcome = Outcome::from(verification.decision);
    let side = |path: &Path, face: &Face| Side {
        path: path.display().to_string(),
        face: FaceJson::from(&face.detection),
    };
    let answer = Answer {
        is_match: verification.decision == Decision::Match,
        outcome,
        similarity: verification.similarity.value(),
        rule: RuleJson::from(&rule),
        probe: side(&args.probe, &probe),
        reference: side(&args.reference, &reference),
        about: session.about,
    };
    print_value(args.output.format(), &answer, || {
        let verdict = outcome.said();
        format!(
            "{verdict}: similarity {} ({}{})",
            verification.similarity,
            threshold::describe(&rule),
            threshold::remarks(&rule)
        )
    })?;
    Ok(match outcome {
        Outcome::Same => Exit::Success,
        Outcome::Uncertain => Exit::Uncertain,
        Outcome::Different => Exit::No,
    })
}

/// The one face in the picture at `path`.
fn one_face(args: &Args, session: &EngineSession, path: &Path) -> Result<Face, Failure> {
    let inputs = pictures::collect(&[path.to_owned()])?;
    let [input] = &inputs[..] else {
        return Err(Failure::new(
            Exit::Usage,
            "several_pictures",
            format!("expected one picture, found {}", inputs.len()),
        )
        .at(path.display())
        .with_hint("`prosopon matrix` compares all faces of folders, `identify` looks for those that are enrolled"));
    };
    let mut found = None;
    analyze_all(
        std::slice::from_ref(input),
        &session.engine,
        &args.engine.detect.limits(),
        1,
        &StageTimes::default(),
        |_, _| (),
        |input, analysed| {
            found = Some(the_one(analysed?.1).map_err(|failure| failure.at(input))?);
            Ok(())
        },
    )?;
    found.ok_or_else(|| face_not_found().at(path.display()))
}

fn face_not_found() -> Failure {
    Failure::new(
        Exit::BadInput,
        "face_not_found",
        "expected 1 face, found none",
    )
    .with_hint(
        "use a picture that shows the face larger or more from the front, or lower `--confidence`",
    )
}

/// The only face of a picture; none and several are failures.
pub(crate) fn the_one(mut faces: Vec<Face>) -> Result<Face, Failure> {
    match faces.len() {
        0 => Err(face_not_found()),
        1 => Ok(faces.remove(0)),
        n => Err(Failure::new(
            Exit::BadInput,
            "multiple_faces",
            format!("expected 1 face, found {n}"),
        )
        .with_hint("crop the picture, or pass `--largest-face`")),
    }
}
