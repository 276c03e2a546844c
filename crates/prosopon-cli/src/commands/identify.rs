//! `prosopon identify`: who is on the picture?

use std::path::PathBuf;

use clap::ValueEnum;
use prosopon::annotate::{NamedFace, annotate, name_annotations};
use prosopon::{Decision, DecisionRule, Embedding, Face, Image};
use prosopon_gallery::{
    Candidate, Gallery, GalleryCounts, IdentifyOptions, TemplateKind, fpir_estimate,
};
use serde::Serialize;

use super::detect::{failed_picture, header};
use crate::analysis::{StageTimes, analyze_all, size_of};
use crate::args::{AttributeArgs, DecisionArgs, EngineArgs, GalleryArgs, OutputArgs};
use crate::assess::{self, assess_all};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{
    CandidateJson, FaceJson, IdentificationJson, IdentificationOutcome, PictureJson,
    PicturePrinter, count, eprint,
};
use crate::pictures;
use crate::results::{OutputNames, make_folder, refuse_among, save};
use crate::session::{self, Load};
use crate::threshold::{self, RuleJson};

/// Say who is on pictures, or that they are unknown
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon identify party.jpg
  prosopon identify party/ --draw named/           pictures with names
  prosopon identify door.jpg --fmr 2e-5 --json
  prosopon identify door.jpg --fmr 2e-5 --uncertain-fmr 1e-3

A face is unknown unless its best candidate is at least as similar as the threshold. `--fmr` is the \
rate of one comparison; in a gallery of n people a stranger is taken for somebody about n times as \
often, which is what the estimate in the last line says. With `--template best` each of their faces \
counts, so that strangers are taken for somebody more often. With `--uncertain-fmr` a face whose best \
candidate reaches only the looser rate is \"perhaps\" that person. Calibration and rates that were \
stored with the gallery (`prosopon calibrate`) go before those of the model.")]
pub(crate) struct Args {
    /// Pictures, folders, patterns; `-` for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Write each picture with names into this folder
    #[arg(long, value_name = "DIR")]
    draw: Option<PathBuf>,
    /// Candidates to list for each face
    #[arg(long, value_name = "N", default_value_t = 3)]
    candidates: usize,
    /// What a person is compared by: the mean of all their faces, or the closest of them
    #[arg(long, value_enum, default_value_t = TemplateArg::Mean)]
    template: TemplateArg,
    #[command(flatten)]
    attributes: AttributeArgs,
    #[command(flatten)]
    decision: DecisionArgs,
    #[command(flatten)]
    gallery: GalleryArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum TemplateArg {
    Best,
    Mean,
}

#[derive(Serialize)]
struct Summary {
    faces: usize,
    known: usize,
    uncertain: usize,
    unknown: usize,
    failed: usize,
    #[serde(flatten)]
    rule: RuleJson,
    /// Estimated rate at which a stranger is taken for somebody in this gallery.
    fpir_estimate: Option<f64>,
    gallery_subjects: u64,
    gallery_faces: u64,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let inputs = pictures::collect(&args.paths)?;
    if let Some(folder) = &args.draw {
        refuse_among(&args.paths, &inputs, folder)?;
        make_folder(folder)?;
    }
    let gallery = session::open_gallery(&args.gallery, false)?;
    let load = Load::of(inputs.len());
    let session = session::open_engine(&args.engine, load)?;
    let networks = session::open_attributes(
        &args.attributes.attributes,
        &args.engine.models.source,
        &args.engine.inference,
        load,
    )?;
    let rule = threshold::rule(
        &args.decision,
        &session.model,
        session.calibration.as_ref(),
        gallery.active_calibration(&session.model)?.as_ref(),
    )?;
    let identifier = Identifier {
        gallery: &gallery,
        rule: &rule,
        options: IdentifyOptions {
            max_candidates: args.candidates.max(1),
            template: match args.template {
                TemplateArg::Best => TemplateKind::Best,
                TemplateArg::Mean => TemplateKind::Mean,
            },
        },
        n_candidates: args.candidates,
    };
    let mut summary = Summary::new(&rule, gallery.counts()?, args.template);
    let mut names = OutputNames::default();
    let mut printer = PicturePrinter::new(args.output.format(), session.about);
    analyze_all(
        &inputs,
        &session.engine,
        &args.engine.detect.limits(),
        args.engine.inference.options(0).thread_count(),
        &StageTimes::default(),
        |picture, detections| {
            let assessed = assess_all(&picture.image, detections, networks.as_ref());
            let size = size_of(&picture);
            (size, args.draw.is_some().then_some(picture.image), assessed)
        },
        |input, analysed| {
            let picture = match analysed {
                Ok((((width, height), image, assessed), faces)) => {
                    let mut found = identifier.identify(&faces)?;
                    for (face, assessment) in found.iter_mut().zip(assessed?) {
                        face.quality = Some(assessment.quality);
                        face.attributes = assessment.attributes;
                    }
                    summary.count(&found);
                    if let (Some(folder), Some(image)) = (&args.draw, image) {
                        let path = folder.join(names.name(input) + ".jpg");
                        save(&with_names(&image, &found), &path)?;
                    }
                    PictureJson {
                        path: input.to_string(),
                        width: Some(width),
                        height: Some(height),
                        faces: found,
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
    let exit = exit_of(summary.failed);
    printer.finish(&summary, || summary.describe(&rule))?;
    if let Some(folder) = &args.draw {
        eprint(&format!(
            "the pictures with names are in {}",
            folder.display()
        ));
    }
    Ok(exit)
}

/// A gallery, and when a candidate is good enough.
struct Identifier<'a> {
    gallery: &'a Gallery,
    rule: &'a DecisionRule,
    options: IdentifyOptions,
    /// Candidates to list.
    n_candidates: usize,
}

impl Identifier<'_> {
    fn identify(&self, faces: &[Face]) -> Result<Vec<FaceJson>, Failure> {
        let probes: Vec<Embedding> = faces.iter().map(|face| face.embedding.clone()).collect();
        let answers = self.gallery.identify_batch(&probes, self.options)?;
        Ok(faces
            .iter()
            .zip(answers)
            .map(|(face, candidates)| FaceJson {
                identification: Some(self.decide(&candidates)),
                ..FaceJson::from(&face.detection)
            })
            .collect())
    }

    fn decide(&self, candidates: &[Candidate]) -> IdentificationJson {
        let best = candidates.first();
        let outcome = match best.map(|best| self.rule.decide(best.similarity)) {
            Some(Decision::Match) => IdentificationOutcome::Known,
            Some(Decision::Uncertain) => IdentificationOutcome::Uncertain,
            Some(Decision::NoMatch) | None => IdentificationOutcome::Unknown,
        };
        let (threshold, uncertain) = (&self.rule.threshold, self.rule.uncertain.as_ref());
        IdentificationJson {
            outcome,
            subject: best
                .filter(|_| outcome == IdentificationOutcome::Known)
                .map(|candidate| candidate.name.to_string()),
            perhaps: best
                .filter(|_| outcome == IdentificationOutcome::Uncertain)
                .map(|candidate| candidate.name.to_string()),
            similarity: best.map(|candidate| candidate.similarity.value()),
            threshold: threshold.similarity,
            fmr: threshold.fmr,
            uncertain_threshold: uncertain.map(|uncertain| uncertain.similarity),
            uncertain_fmr: uncertain.and_then(|uncertain| uncertain.fmr),
            candidates: candidates
                .iter()
                .take(self.n_candidates)
                .map(|candidate| CandidateJson {
                    subject: candidate.name.to_string(),
                    similarity: candidate.similarity.value(),
                })
                .collect(),
        }
    }
}

impl Summary {
    fn new(rule: &DecisionRule, counts: GalleryCounts, template: TemplateArg) -> Self {
        // Means are compared once a person, best faces once a face.
        let comparisons = match template {
            TemplateArg::Best => counts.faces,
            TemplateArg::Mean => counts.subjects,
        };
        let fmr = rule.threshold.fmr;
        Self {
            faces: 0,
            known: 0,
            uncertain: 0,
            unknown: 0,
            failed: 0,
            rule: RuleJson::from(rule),
            fpir_estimate: fmr.map(|fmr| fpir_estimate(fmr, comparisons)),
            gallery_subjects: counts.subjects,
            gallery_faces: counts.faces,
        }
    }

    fn count(&mut self, faces: &[FaceJson]) {
        self.faces += faces.len();
        for identification in faces.iter().filter_map(|f| f.identification.as_ref()) {
            match identification.outcome {
                IdentificationOutcome::Known => self.known += 1,
                IdentificationOutcome::Uncertain => self.uncertain += 1,
                IdentificationOutcome::Unknown => self.unknown += 1,
            }
        }
    }

    fn describe(&self, rule: &DecisionRule) -> String {
        let uncertain = match self.rule.uncertain_threshold {
            Some(_) => format!("{} uncertain, ", self.uncertain),
            None => String::new(),
        };
        let mut text = format!(
            "{}: {} known, {uncertain}{} unknown ({}",
            count(self.faces, "face", "faces"),
            self.known,
            self.unknown,
            threshold::describe(rule)
        );
        if let Some(fpir) = self.fpir_estimate {
            text += &format!(
                " a comparison; among {} of {} a stranger is taken for somebody about {}",
                count(self.gallery_faces as usize, "face", "faces"),
                count(self.gallery_subjects as usize, "person", "people"),
                threshold::describe_rate(fpir)
            );
        }
        text + &threshold::remarks(rule) + ")"
    }
}

/// The picture with a box and a name around each face.
fn with_names(image: &Image, faces: &[FaceJson]) -> Image {
    let named: Vec<_> = faces
        .iter()
        .map(|face| {
            let identification = face.identification.as_ref();
            let subject = identification.and_then(|i| Some((named(i)?, i.similarity?)));
            NamedFace {
                bounding_box: face.bounding_box,
                subject,
                is_uncertain: identification
                    .is_some_and(|i| i.outcome == IdentificationOutcome::Uncertain),
            }
        })
        .collect();
    annotate(image, &name_annotations(&named))
}

/// Who it is, or perhaps is.
fn named(identification: &IdentificationJson) -> Option<&str> {
    match identification.outcome {
        IdentificationOutcome::Known => identification.subject.as_deref(),
        IdentificationOutcome::Uncertain => identification.perhaps.as_deref(),
        IdentificationOutcome::Unknown => None,
    }
}

fn describe(picture: &PictureJson) -> String {
    if let Some(failure) = &picture.error {
        return failure.to_string();
    }
    let mut text = header(picture);
    for face in &picture.faces {
        let Some(identification) = &face.identification else {
            continue;
        };
        let name = named(identification).unwrap_or("unknown");
        let name = match identification.outcome {
            IdentificationOutcome::Uncertain => format!("perhaps {name}"),
            _ => name.to_owned(),
        };
        let b = face.bounding_box;
        text += &format!("\n  {name} at {:.0},{:.0}", b.left, b.top);
        let candidates: Vec<_> = identification
            .candidates
            .iter()
            .map(|candidate| format!("{} {:.3}", candidate.subject, candidate.similarity))
            .collect();
        if !candidates.is_empty() {
            text += &format!("  ({})", candidates.join(", "));
        }
        if let Some(attributes) = &face.attributes {
            text += &assess::describe(attributes);
        }
    }
    text
}
