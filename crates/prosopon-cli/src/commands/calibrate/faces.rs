//! The faces to compare, and whose they are.

use std::collections::BTreeMap;

use prosopon::evaluate::calibrate::LabelledFace;
use prosopon::evaluate::pairs::PictureName;

use super::Args;
use crate::analysis::{StageTimes, analyze_all, size_of};
use crate::commands::evaluate::pairs::read_list;
use crate::faces::{central_face, identity_of};
use crate::failure::{Exit, Failure};
use crate::output::eprint;
use crate::pictures::{self, Input};
use crate::session::EngineSession;

/// Parts that people are dealt into where no list says which.
const PARTS: usize = 3;

/// Pictures of known people.
pub(super) struct Data {
    pub(super) pictures: Vec<Picture>,
    /// What the table says it was measured on, if nobody says otherwise.
    pub(super) source: String,
}

/// A picture, and who is on it.
pub(super) struct Picture {
    input: Input,
    person: String,
    /// The fold of a list, from 1; 0 without a list.
    fold: usize,
}

/// Faces that were found.
pub(super) struct Found {
    pub(super) faces: Vec<LabelledFace>,
    /// Where each is from, and whose it is.
    pub(super) places: Vec<(String, String)>,
    /// For each person the fold in which the list has them first.
    folds: Vec<usize>,
    pub(super) without_face: usize,
    pub(super) failed: usize,
}

/// The pictures that the arguments name.
pub(super) fn data(args: &Args) -> Result<Data, Failure> {
    match (&args.folder, &args.pairs, &args.images) {
        (Some(folder), _, _) => {
            let inputs = pictures::collect(std::slice::from_ref(folder))?;
            let picture = |input: Input| Picture {
                person: input.path().map(identity_of).unwrap_or_default(),
                input,
                fold: 0,
            };
            Ok(Data {
                pictures: inputs.into_iter().map(picture).collect(),
                source: folder.display().to_string(),
            })
        }
        (None, Some(pairs), Some(images)) => {
            let list = read_list(pairs)?;
            check_folds(&args.folds, list.folds)?;
            let wanted = |fold: usize| args.folds.is_empty() || args.folds.contains(&fold);
            let mut by_name: BTreeMap<&PictureName, usize> = BTreeMap::new();
            for pair in list.pairs.iter().filter(|pair| wanted(pair.fold + 1)) {
                for name in [&pair.probe, &pair.reference] {
                    by_name.entry(name).or_insert(pair.fold + 1);
                }
            }
            let picture = |(name, fold): (&PictureName, usize)| Picture {
                input: Input::File(name.path(images)),
                person: name.identity.clone(),
                fold,
            };
            let found: Vec<Picture> = by_name.into_iter().map(picture).collect();
            if !found.iter().any(Picture::exists) {
                return Err(pictures::no_pictures(images));
            }
            Ok(Data {
                pictures: found,
                source: pairs.display().to_string(),
            })
        }
        _ => Ok(Data {
            pictures: Vec::new(),
            source: String::new(),
        }),
    }
}

fn check_folds(wanted: &[usize], n_folds: usize) -> Result<(), Failure> {
    match wanted.iter().find(|fold| !(1..=n_folds).contains(fold)) {
        None => Ok(()),
        Some(fold) => {
            let message = format!("expected folds from 1 to {n_folds}, found {fold}");
            Err(Failure::new(Exit::Usage, "usage", message))
        }
    }
}

impl Picture {
    fn exists(&self) -> bool {
        self.input.path().is_some_and(std::path::Path::exists)
    }
}

impl Found {
    /// The part of each person: their fold, or one of `n` parts (3 for 0) dealt out by the order of
    /// names.
    pub(super) fn parts(&self, n: usize) -> impl Fn(usize) -> usize {
        let mut folds = self.folds.clone();
        folds.sort_unstable();
        folds.dedup();
        let by_fold = n == 0 && folds.len() > 1;
        let n = if n == 0 { PARTS } else { n.max(2) };
        move |identity| {
            if by_fold {
                self.folds[identity]
            } else {
                identity % n + 1
            }
        }
    }
}

/// Finds the central face of each picture.
pub(super) fn gather(
    args: &Args,
    data: &Data,
    session: &EngineSession,
    threads: usize,
) -> Result<Found, Failure> {
    // Numbered by name, so that the order of pictures does not matter.
    let mut folds: BTreeMap<&str, usize> = BTreeMap::new();
    for picture in &data.pictures {
        folds.entry(&picture.person).or_insert(picture.fold);
    }
    let numbers: BTreeMap<&str, usize> = folds.keys().copied().zip(0..).collect();
    let mut found = Found {
        faces: Vec::new(),
        places: Vec::new(),
        folds: folds.into_values().collect(),
        without_face: 0,
        failed: 0,
    };
    let inputs: Vec<Input> = data.pictures.iter().map(|p| p.input.clone()).collect();
    let mut people = data.pictures.iter().map(|picture| &*picture.person);
    analyze_all(
        &inputs,
        &session.engine,
        &args.engine.detect.limits(),
        threads,
        &StageTimes::default(),
        |picture, _| size_of(&picture),
        |input, analysed| {
            // One for each input, in their order.
            let person = people.next().unwrap_or_default();
            match analysed {
                Ok((size, faces)) => match central_face(size, faces) {
                    Some(face) => {
                        found.faces.push(LabelledFace {
                            identity: numbers[person],
                            embedding: face.embedding,
                        });
                        found.places.push((input.to_string(), person.to_owned()));
                    }
                    None => found.without_face += 1,
                },
                Err(failure) if failure.exit == Exit::BadInput => {
                    eprint(&failure.to_string());
                    found.failed += 1;
                }
                Err(failure) => return Err(failure),
            }
            Ok(())
        },
    )?;
    Ok(found)
}
