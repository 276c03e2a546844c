//! `prosopon explore`: what is in a folder of labelled pictures, and what is wrong with it?

mod document;

use std::path::{Path, PathBuf};

use prosopon::dedupe::Fingerprint;
use prosopon::explore::{
    Collection, Exploration, LabelledPicture, PlantedErrors, page, plant_errors,
};

use self::document::Document;
use crate::analysis::{StageTimes, analyze_all, size_of};
use crate::args::{EngineArgs, OutputArgs, ThresholdArgs};
use crate::faces::{central_face, identity_of};
use crate::failure::{Exit, Failure, exit_of};
use crate::output::{print_value, write_json};
use crate::pictures::{self, Input, pass_over};
use crate::session::{self, EngineSession, Load};
use crate::threshold;
use crate::tiles;

/// Look at a folder of labelled pictures: counts, wrong labels, copies, hard faces, maps
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  prosopon explore people/                          writes explore.html and explore.json
  prosopon explore people/ --report people.html --fmr 1e-4
  prosopon explore people/ --plant 0.05 --seeds 5   how many wrong labels would be found?

The folder that a picture lies in says who it is; of several faces the central one counts. A label is \
doubted if the face is more like another person than like its own, or like nobody; two names are \
doubted if their faces match on average.")]
pub(crate) struct Args {
    /// Folder with a folder of pictures for each person
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Page to write; the same as JSON is written beside it
    #[arg(long, value_name = "FILE.html", default_value = "explore.html")]
    report: PathBuf,
    /// Give this share of the faces a wrong label, and count how many are found
    #[arg(long, value_name = "SHARE", value_parser = crate::args::number(0.0..=0.5))]
    plant: Option<f64>,
    /// With `--plant`: how often, each time with other faces
    #[arg(long, value_name = "N", default_value_t = 5, requires = "plant", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    #[command(flatten)]
    threshold: ThresholdArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let report = std::slice::from_ref(&args.report);
    tiles::check_endings(report, &["html", "htm"], ".html")?;
    let (collection, session) = collect(args)?;
    let threshold = threshold::resolve(
        &args.threshold,
        &session.model,
        session.calibration.as_ref(),
    )?;
    let found = collection.explore(threshold.similarity)?;
    let planted = args
        .plant
        .map(|share| plant(&collection, threshold.similarity, share, args.seeds))
        .transpose()?;
    let document = Document::new(
        args,
        &collection,
        &found,
        planted,
        threshold.fmr,
        session.about,
    );
    write_report(args, &collection, &found, &document)?;
    print_value(args.output.format(), &document, || document.describe())?;
    Ok(exit_of(document.failed.len()))
}

/// Reads all pictures and takes of each its central face.
fn collect(args: &Args) -> Result<(Collection, EngineSession), Failure> {
    let inputs = pictures::collect(std::slice::from_ref(&args.folder))?;
    let is_flat = |input: &Input| {
        let folder = input.path().and_then(Path::parent);
        folder.is_some_and(|folder| folder == args.folder)
    };
    if inputs.iter().all(is_flat) {
        let message =
            "expected a folder with a folder for each person, found pictures beside each other";
        return Err(Failure::new(Exit::BadInput, "one_class", message)
            .at(args.folder.display())
            .with_hint(
                "name the folder above it; for pictures without names there is `prosopon cluster`",
            ));
    }
    let session = session::open_engine(&args.engine, Load::of(inputs.len()))?;
    let mut collection = Collection::default();
    let mut names = Vec::new();
    analyze_all(
        &inputs,
        &session.engine,
        &args.engine.detect.limits(),
        args.engine.inference.options(0).thread_count(),
        &StageTimes::default(),
        |picture, _| {
            let fingerprint = Fingerprint::new(&picture.bytes, &picture.image);
            (size_of(&picture), fingerprint)
        },
        |input, analysed| {
            match analysed {
                Ok(((size, fingerprint), faces)) => {
                    let path = input.path().unwrap_or(Path::new(""));
                    names.push(identity_of(path));
                    collection.pictures.push(LabelledPicture {
                        path: input.to_string(),
                        // Known when all names are.
                        identity: 0,
                        size,
                        n_faces: faces.len(),
                        face: central_face(size, faces),
                        fingerprint,
                    });
                }
                Err(failure) => pass_over(input, failure, &mut collection.failed)?,
            }
            Ok(())
        },
    )?;
    collection.identities.clone_from(&names);
    collection.identities.sort_unstable();
    collection.identities.dedup();
    for (picture, name) in collection.pictures.iter_mut().zip(names) {
        picture.identity = collection.identities.partition_point(|i| *i < name);
    }
    Ok((collection, session))
}

fn plant(
    collection: &Collection,
    threshold: f32,
    share: f64,
    seeds: u64,
) -> Result<Vec<PlantedErrors>, Failure> {
    let (faces, _) = collection.labelled_faces();
    let n_identities = collection.identities.len();
    (1..=seeds)
        .map(|seed| Ok(plant_errors(&faces, n_identities, threshold, share, seed)?))
        .collect()
}

fn write_report(
    args: &Args,
    collection: &Collection,
    found: &Exploration,
    document: &Document,
) -> Result<(), Failure> {
    let name = args.folder.file_name().unwrap_or(args.folder.as_os_str());
    let title = format!("Pictures of people: {}", name.to_string_lossy());
    let rate = document.fmr.map_or_else(
        || "not known".to_owned(),
        |fmr| format!("{fmr:e}, {}", threshold::describe_rate(fmr)),
    );
    let facts = [
        ("folder", args.folder.display().to_string()),
        ("embedder", document.about.model.clone().unwrap_or_default()),
        ("detector", document.about.detector.clone()),
        ("engine", document.about.backend.clone()),
        ("threshold", format!("{:.4}", document.threshold)),
        ("its false match rate", rate),
    ];
    page(&title, collection, found, &facts)
        .save(&args.report)
        .map_err(|error| tiles::plot_failure(&error).at(args.report.display()))?;
    write_json(&args.report.with_extension("json"), document)
}
