//! `prosopon enrol`: make people known.

mod whose;

use std::path::PathBuf;

use prosopon::Quality;
use prosopon::quality::assess_detection;
use prosopon_gallery::subject::check_name;
use prosopon_gallery::{
    Enrolment, EnrolmentRequest, Face, Gallery, GalleryError, NewFace, PictureHash, Source,
};
use serde::Serialize;

use super::verify::the_one;
use crate::analysis::{StageTimes, analyze_all};
use crate::args::{EngineArgs, GalleryArgs, OutputArgs, share};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{Format, count, eprint, print_json, print_json_line, print_line};
use crate::pictures::Input;
use crate::session::{self, Load};

use self::whose::NamedPictures;

/// Add people to a gallery: a folder for each person, or pictures of one
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon enrol people/                           people/Anna/*.jpg, people/Ben/*.jpg
  prosopon enrol --subject Anna anna/ more.jpg     all of one person
  prosopon enrol --by-file-name badges/            badges/Anna.jpg, badges/Ben.jpg
  prosopon enrol people/ --gallery office.db --largest-face

A picture counts when it shows exactly one face; others are listed with the reason and skipped. \
What is reported as enrolled is on disk. The same picture twice is noticed.")]
pub(crate) struct Args {
    /// Folders with a folder for each person; with `--subject` or `--by-file-name`, pictures and folders of
    /// pictures
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// All pictures are of this person
    #[arg(long, value_name = "NAME", conflicts_with = "by_file_name")]
    subject: Option<String>,
    /// Each picture is of the person that its file is named after
    #[arg(long)]
    by_file_name: bool,
    /// Skip faces of a lower quality, from 0 to 1; 0.3 refuses the worst
    #[arg(long, value_name = "Q", value_parser = share)]
    min_quality: Option<f32>,
    /// Keep no pictures of the faces in the gallery
    #[arg(long)]
    no_crops: bool,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// What became of a picture.
#[derive(Debug, Serialize)]
struct Outcome {
    path: String,
    subject: String,
    #[serde(rename = "outcome")]
    kind: Kind,
    face: Option<i64>,
    /// Other people whose face this is, too, in the gallery: the same place of the same picture.
    also_enrolled_as: Vec<String>,
    error: Option<Failure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Added,
    Duplicate,
    Skipped,
}

#[derive(Serialize)]
struct Document<'a> {
    pictures: &'a [Outcome],
    added: usize,
    duplicates: usize,
    skipped: usize,
    subjects: u64,
    faces: u64,
    gallery: String,
    #[serde(flatten)]
    about: &'a crate::output::About,
}

/// Pictures of one transaction: each costs one wait for the disk.
const BATCH: usize = 16;

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    if let Some(name) = &args.subject {
        check_subject(name, Exit::Usage)?;
    }
    let NamedPictures {
        inputs,
        subjects,
        loose,
    } = NamedPictures::of(args)?;
    let session = session::open_engine(&args.engine, Load::of(inputs.len()))?;
    let gallery = session::open_gallery(&args.gallery, true)?;
    let format = args.output.format();
    let mut writer = EnrolmentWriter {
        gallery: &gallery,
        format,
        waiting: Vec::new(),
        requests: Vec::new(),
        done: Vec::new(),
    };
    let mut subjects = subjects.into_iter();
    analyze_all(
        &inputs,
        &session.engine,
        &args.engine.detect.limits(),
        args.engine.inference.options(0).thread_count(),
        &StageTimes::default(),
        |picture, detections| {
            let assess = |detection| Ok(assess_detection(&picture.image, detection, None)?);
            let qualities: Result<Vec<Quality>, Failure> = detections.iter().map(assess).collect();
            (PictureHash::of(&picture.bytes), qualities)
        },
        |input, analysed| {
            let subject = subjects.next().unwrap_or_default();
            let face = analysed.and_then(|((sha256, qualities), faces)| {
                let face = the_one(faces).map_err(|failure| failure.at(input))?;
                let quality = qualities?.into_iter().next();
                if let (Some(quality), Some(least)) = (&quality, args.min_quality) {
                    check_quality(quality, least).map_err(|failure| failure.at(input))?;
                }
                let file_name = input.file_name();
                let source = Source { file_name, sha256 };
                let mut face = NewFace::of(&face, Some(source), !args.no_crops)?;
                if let Some(quality) = &quality {
                    face.quality.add(quality);
                }
                Ok(face)
            });
            writer.push(input, subject, face)
        },
    )?;
    writer.commit()?;
    let outcomes = writer.done;
    let counts = gallery.counts()?;
    let number = |kind| outcomes.iter().filter(|o| o.kind == kind).count();
    let (added, duplicates, skipped) = (
        number(Kind::Added),
        number(Kind::Duplicate),
        number(Kind::Skipped),
    );
    let path = session::gallery_path(&args.gallery)?;
    match format {
        Format::Json => print_json(&Document {
            pictures: &outcomes,
            added,
            duplicates,
            skipped,
            subjects: counts.subjects,
            faces: counts.faces,
            gallery: path.display().to_string(),
            about: &session.about,
        })?,
        Format::JsonLines => {}
        Format::Text => print_line(&format!(
            "{} added, {} known already, {skipped} skipped; {} now holds {} of {}",
            count(added, "face", "faces"),
            duplicates,
            path.display(),
            count(counts.faces as usize, "face", "faces"),
            count(counts.subjects as usize, "person", "people"),
        ))?,
    }
    remark(&outcomes, &loose, format);
    Ok(exit_of(skipped))
}

/// Says on standard error what is worth a second look.
fn remark(outcomes: &[Outcome], loose: &[String], format: Format) {
    let is_crowded = |outcome: &Outcome| {
        let failure = outcome.error.as_ref();
        failure.is_some_and(|failure| failure.code == "multiple_faces")
    };
    if !loose.is_empty() {
        let (taken, named) = match loose.len() {
            1 => ("was taken for a person", "its file"),
            _ => ("were taken for a person each", "their files"),
        };
        eprint(&format!(
            "note: {} beside the folders of people {taken}, named after {named}: {}",
            count(loose.len(), "picture", "pictures"),
            shortened(loose)
        ));
    }
    if outcomes.iter().any(|o| !o.also_enrolled_as.is_empty()) {
        eprint(
            "hint: some of these faces belong to somebody else as well; `prosopon people delete NAME` removes the wrong one",
        );
    }
    if format.is_text() && outcomes.iter().any(is_crowded) {
        eprint(
            "hint: crop pictures with several faces, or pass `--largest-face` if the largest is the person",
        );
    }
}

/// Refuses a face that is not good enough, with the part that is worst.
fn check_quality(quality: &Quality, least: f32) -> Result<(), Failure> {
    if quality.score >= least {
        return Ok(());
    }
    let message = format!(
        "expected a quality of at least {least}, found {:.2}: {}",
        quality.score,
        quality.parts.complaint()
    );
    Err(Failure::new(Exit::BadInput, "low_quality", message).with_hint(quality.parts.advice()))
}

/// Refuses what cannot be a name, before a whole batch fails for it.
fn check_subject(name: &str, exit: Exit) -> Result<(), Failure> {
    check_name(name).map_err(|expected| {
        let name = name.to_owned();
        let mut failure = Failure::from(GalleryError::InvalidName { name, expected });
        failure.exit = exit;
        failure
    })
}

/// Names that a remark shows.
const NAMES: usize = 4;

fn shortened(names: &[String]) -> String {
    let more = if names.len() > NAMES { ", …" } else { "" };
    names[..names.len().min(NAMES)].join(", ") + more
}

/// Enrols in batches and reports a picture only once it is on disk.
struct EnrolmentWriter<'a> {
    gallery: &'a Gallery,
    format: Format,
    /// Pictures whose outcome is still to be reported, in order.
    waiting: Vec<Outcome>,
    /// Faces of those that are not skipped.
    requests: Vec<EnrolmentRequest>,
    done: Vec<Outcome>,
}

impl EnrolmentWriter<'_> {
    fn push(
        &mut self,
        input: &Input,
        subject: String,
        face: Result<NewFace, Failure>,
    ) -> Result<(), Failure> {
        let face = check_subject(&subject, Exit::BadInput)
            .map_err(|failure| failure.at(input))
            .and(face);
        let mut outcome = Outcome {
            path: input.to_string(),
            subject: subject.clone(),
            kind: Kind::Added,
            face: None,
            also_enrolled_as: Vec::new(),
            error: None,
        };
        match face {
            Ok(face) => self.requests.push(EnrolmentRequest { subject, face }),
            Err(failure) if failure.exit == Exit::BadInput => {
                outcome.kind = Kind::Skipped;
                outcome.error = Some(failure);
            }
            Err(failure) => return Err(failure),
        }
        self.waiting.push(outcome);
        if self.requests.len() >= BATCH {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), Failure> {
        let enrolments = self.gallery.enrol_batch(&self.requests)?;
        let mut enrolments = enrolments.into_iter().zip(self.requests.drain(..));
        for mut outcome in self.waiting.drain(..) {
            if outcome.kind == Kind::Added
                && let Some((enrolment, request)) = enrolments.next()
            {
                outcome.face = Some(enrolment.face().0);
                outcome.also_enrolled_as = others(self.gallery, &enrolment, &request.face);
                if matches!(enrolment, Enrolment::Duplicate { .. }) {
                    outcome.kind = Kind::Duplicate;
                }
            }
            match self.format {
                Format::Text => print_line(&describe(&outcome))?,
                Format::JsonLines => print_json_line(&outcome)?,
                Format::Json => {}
            }
            self.done.push(outcome);
        }
        Ok(())
    }
}

/// Whose face this is, too: people who have a face of the same place of the same picture. Nobody, if that cannot be
/// read: the face is enrolled already, and that has to be reported.
fn others(gallery: &Gallery, enrolment: &Enrolment, face: &NewFace) -> Vec<String> {
    let of_picture = |source: &Source| gallery.faces_of_picture(&source.sha256).ok();
    let of_picture = face.source.as_ref().and_then(of_picture);
    let name = |other: Face| Some(gallery.show(other.subject).ok()?.subject.name);
    of_picture
        .into_iter()
        .flatten()
        .filter(|other| other.subject != enrolment.subject() && other.is_same_as(face))
        .filter_map(name)
        .collect()
}

fn describe(outcome: &Outcome) -> String {
    let Outcome { path, subject, .. } = outcome;
    let mut text = match (&outcome.error, outcome.kind) {
        (Some(failure), _) => format!("{subject}: skipped, {}", failure.message),
        (None, Kind::Duplicate) => format!("{subject}: known already: {path}"),
        (None, _) => format!("{subject}: added: {path}"),
    };
    if !outcome.also_enrolled_as.is_empty() {
        let names = outcome.also_enrolled_as.join("`, `");
        text += &format!(" (this face is enrolled as `{names}`, too)");
    }
    text
}
