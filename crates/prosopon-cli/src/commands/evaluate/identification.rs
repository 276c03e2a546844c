//! `prosopon evaluate identification`: searches of a gallery.

use std::path::PathBuf;

use clap::ValueEnum;
use prosopon::evaluate::all_pairs::Pairing;
use prosopon::evaluate::gate::Metric;
use prosopon::evaluate::identification::{
    self, FPIRS, IdentificationReport, Points, Search, Template, closest_face, search,
};
use prosopon::evaluate::report::{ErrorPair, add_identification, add_worst, percent};
use prosopon::evaluate::verification::Curves;
use serde::Serialize;

use super::common::{Document, EmbeddingArgs, Heading, Operating, finish};
use super::pairs::N_WORST;
use super::samples::{Identities, Samples};
use super::texts;
use crate::failure::{Exit, Failure};
use crate::session::{self, Load};

/// Searches of a gallery: people who are in it, and strangers
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon evaluate identification --gallery-dir enrolled/ --probes-dir probes/
  prosopon evaluate identification --gallery-dir enrolled/ --probes-dir probes/ \\
      --non-mated strangers/ --report searches.html
  prosopon evaluate identification --gallery-dir a/ --probes-dir b/ --gate 'rank1>=0.98'

Gallery and probes have a folder of pictures for each person. Probes of people who are not in the \
gallery are non-mated, and so is everything below --non-mated, whatever its folders are called. In \
each picture the face nearest to the centre counts, larger ones before smaller.")]
pub(super) struct Args {
    /// Pictures to enrol: a folder for each person
    #[arg(long, value_name = "DIR")]
    gallery_dir: PathBuf,
    /// Pictures to search for: a folder for each person
    #[arg(long, value_name = "DIR")]
    probes_dir: PathBuf,
    /// Pictures of people who are not in the gallery
    #[arg(long, value_name = "DIR")]
    non_mated: Option<PathBuf>,
    /// What a person is searched by: the mean of all their faces, or the closest of them
    #[arg(long, value_enum, default_value_t = TemplateArg::Mean)]
    template: TemplateArg,
    #[command(flatten)]
    ranks: RanksArgs,
    #[command(flatten)]
    pub(super) common: EmbeddingArgs,
}

/// Ranks of the closed set.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Evaluation")]
pub(super) struct RanksArgs {
    /// Report how often the person is among the best so many candidates
    #[arg(long, value_name = "K,…", value_delimiter = ',', default_values_t = [1, 5, 10], value_parser = rank)]
    pub(super) ranks: Vec<usize>,
}

fn rank(text: &str) -> Result<usize, String> {
    let rank = text.parse().ok().filter(|rank| *rank > 0);
    rank.ok_or_else(|| "expected a number from 1".to_owned())
}

/// What a person is searched by.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum TemplateArg {
    Best,
    Mean,
}

impl From<TemplateArg> for Template {
    fn from(arg: TemplateArg) -> Self {
        match arg {
            TemplateArg::Best => Self::Best,
            TemplateArg::Mean => Self::Mean,
        }
    }
}

#[derive(Serialize)]
struct Figures {
    #[serde(flatten)]
    report: IdentificationReport,
    /// Pictures that were enrolled, and those of them without a face.
    gallery_pictures: usize,
    gallery_undetected: usize,
    template: Template,
    operating: Option<Operating>,
}

/// For the file beside the report.
#[derive(Serialize)]
struct Details {
    curves: Option<Curves>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut known = IdentificationReport::metrics(&args.ranks.ranks);
    known.push(Metric::new("undetected"));
    let gates = args.common.report.check(&known)?;
    let session = session::open_engine(&args.common.engine, Load::Batch)?;
    let engine = (&session.engine, &args.common.engine);
    let wanted = args.common.report.is_wanted();
    let mut people = Identities::default();
    let by_folder = |person: &str, _: &str| person.to_owned();
    let gallery = Samples::of_folder(&args.gallery_dir, engine, &mut people, by_folder, wanted)?;
    let n_enrolled = people.len();
    let mut probes = Samples::of_folder(&args.probes_dir, engine, &mut people, by_folder, wanted)?;
    if let Some(folder) = &args.non_mated {
        // A stranger may have the name of somebody who is enrolled; pictures that lie in no folder of
        // a person are of different people.
        let stranger = |person: &str, name: &str| {
            let who = if name.contains('/') { person } else { name };
            format!("stranger {who}")
        };
        probes.extend(Samples::of_folder(
            folder,
            engine,
            &mut people,
            stranger,
            wanted,
        )?);
    }
    check_gallery(args, &gallery)?;

    let (mated, non_mated) = search(&gallery.faces, &probes.faces, args.template.into())?;
    let operating = args.common.operating(&session);
    let mut fpirs = FPIRS.to_vec();
    fpirs.extend(gates.points("fnir", "fpir"));
    let report = IdentificationReport::new(
        n_enrolled,
        &mated,
        &non_mated,
        Points {
            ranks: &args.ranks.ranks,
            fpirs: &fpirs,
            thresholds: &args.common.thresholds.all(operating, &gates),
        },
    );
    let mut measured = report.measured();
    measured.push(("undetected".to_owned(), probes.undetected() as f64));

    let document = Document {
        pictures: gallery.n_pictures() + probes.n_pictures(),
        unusable_pictures: [gallery.failed.clone(), probes.failed.clone()].concat(),
        gates: gates.judge(&measured),
        about: session.about,
        figures: Figures {
            report,
            gallery_pictures: gallery.faces.len(),
            gallery_undetected: gallery.undetected(),
            template: args.template.into(),
            operating,
        },
    };
    let figures = &document.figures;
    let details = Details {
        curves: identification::scores(&mated, &non_mated)
            .filter(|_| wanted)
            .map(|scores| Curves::new(&scores)),
    };
    let lead = lead(&figures.report);
    let heading = Heading {
        title: "Accuracy of searches",
        lead: &lead,
        data: args.data(figures),
    };
    let how = format!(
        "The gallery holds {} pictures of {} people, who are compared by {}.",
        figures.gallery_pictures,
        figures.report.gallery_identities,
        figures.template.in_words()
    );
    finish(
        (&args.common.report, &args.common.output),
        &document,
        &heading,
        &details,
        |page| {
            add_identification(page, &figures.report, details.curves.as_ref(), &how);
            let missed = |search: &&Search| search.rank != Some(1);
            let wrong = worst(&gallery, &probes, mated.iter().filter(missed));
            add_worst(
                page,
                "Probes for which somebody else came first",
                "Left the probe, right the closest face of the person who was found.",
                &wrong,
            );
            let strangers = worst(&gallery, &probes, non_mated.iter());
            add_worst(
                page,
                "Strangers closest to somebody in the gallery",
                "Left the stranger, right the closest face of the person who was found. Often it is \
                 no stranger.",
                &strangers,
            );
        },
        || texts::identification(&figures.report, figures.operating),
    )
}

/// Fails if nobody is enrolled.
fn check_gallery(args: &Args, gallery: &Samples) -> Result<(), Failure> {
    if gallery
        .faces
        .iter()
        .all(|sample| sample.embedding.is_none())
    {
        let message = "expected pictures with a face to enrol, found none";
        return Err(Failure::new(Exit::BadInput, "not_comparable", message)
            .at(args.gallery_dir.display())
            .with_hint("each person has a folder of pictures"));
    }
    Ok(())
}

impl Args {
    fn data(&self, figures: &Figures) -> Vec<(&'static str, String)> {
        let mut data = vec![
            ("gallery", self.gallery_dir.display().to_string()),
            (
                "enrolled",
                format!(
                    "{} pictures, {} without a face",
                    figures.gallery_pictures, figures.gallery_undetected
                ),
            ),
            ("probes", self.probes_dir.display().to_string()),
        ];
        let strangers = self.non_mated.iter();
        data.extend(strangers.map(|folder| ("strangers", folder.display().to_string())));
        data
    }
}

/// The searches that found the wrong person with the greatest similarity.
fn worst<'a>(
    gallery: &Samples,
    probes: &Samples,
    searches: impl Iterator<Item = &'a Search>,
) -> Vec<ErrorPair> {
    let mut found: Vec<(f32, &Search)> = searches
        .filter_map(|search| Some((search.other?.similarity, search)))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found
        .into_iter()
        .take(N_WORST)
        .filter_map(|(similarity, search)| {
            let embedding = probes.faces[search.probe].embedding.as_ref()?;
            let other = search.other?.identity;
            let face = closest_face(&gallery.faces, embedding, other, None)?;
            let pairing = Pairing {
                similarity,
                first: search.probe,
                second: face,
            };
            Some(ErrorPair {
                probe: probes.crop(pairing.first),
                reference: gallery.crop(pairing.second),
                similarity,
                captions: [
                    probes.names[pairing.first].clone(),
                    gallery.names[pairing.second].clone(),
                ],
            })
        })
        .collect()
}

fn lead(report: &IdentificationReport) -> String {
    let rank1 = report.ranks.iter().find(|at| at.rank == 1);
    let closed = rank1.map(|at| {
        let share = percent(at.identified.rate);
        format!("{share} of probes of people in the gallery find their person first")
    });
    let open = report.fnir_at_fpir.first().map(|at| {
        format!(
            "{} are missed (FNIR) where {} of strangers are taken for somebody (FPIR)",
            percent(at.fnir.rate),
            percent(at.fpir)
        )
    });
    let parts: Vec<String> = closed.into_iter().chain(open).collect();
    if parts.is_empty() {
        return "No probe shows anybody in the gallery.".to_owned();
    }
    parts.join("; ") + "."
}
