//! What is in a folder of labelled pictures, and what is wrong with it: counts, sizes, faces that
//! are hard to recognise, labels that are likely wrong, names that are likely one person, pictures
//! that are there twice, and where the faces lie in the plane.

mod labels;
mod page;
mod plant;
mod projection;
mod quality;
mod scatter;
mod summary;

use serde::Serialize;

use crate::compare::CompareError;
use crate::dedupe::{DedupeOptions, Fingerprint, find_copies};
use crate::engine::Face;
use crate::evaluate::calibrate::LabelledFace;

pub use labels::{LabelDoubt, People, SamePerson};
pub use page::page;
pub use plant::{PlantedErrors, plant_errors};
pub use projection::{Projection, neighbourhoods, principal_components};
pub use quality::{FaceQuality, QualityDoubt, quality_doubts};
pub use scatter::scatter;
pub use summary::{IdentityCounts, Spread, Summary};

/// Faces at most that are placed in the plane: time grows with their square. Of more, every second,
/// third … is taken.
const PLACED_FACES: usize = 4000;

/// A picture of a labelled folder.
#[derive(Debug, Clone)]
pub struct LabelledPicture {
    /// Its name, as it is shown.
    pub path: String,
    /// Place of the person's name.
    pub identity: usize,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// How many faces it shows.
    pub n_faces: usize,
    /// The face that it is of; none if it shows none.
    pub face: Option<Face>,
    /// What it looks like as a whole.
    pub fingerprint: Fingerprint,
}

/// A folder of labelled pictures.
#[derive(Debug, Clone, Default)]
pub struct Collection {
    /// The people's names.
    pub identities: Vec<String>,
    /// Their pictures.
    pub pictures: Vec<LabelledPicture>,
    /// Names of pictures that could not be read.
    pub failed: Vec<String>,
}

/// A picture whose face is hard to recognise.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityFinding {
    /// Place of the picture.
    pub picture: usize,
    /// Why.
    pub doubts: Vec<QualityDoubt>,
    /// What was measured.
    pub quality: FaceQuality,
}

/// Pictures that are there more than once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RepeatedPicture {
    /// Places of the pictures, the best copy first.
    pub pictures: Vec<usize>,
    /// Whether they lie with several people.
    pub across_people: bool,
}

/// Where the faces lie in the plane.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Places {
    /// Places of the pictures whose faces were placed.
    pub pictures: Vec<usize>,
    /// First two principal components.
    pub principal_components: Vec<[f32; 2]>,
    /// The share of the variance that each of them explains.
    pub explained: [f64; 2],
    /// t-SNE; none for too few faces.
    pub neighbourhoods: Option<Vec<[f32; 2]>>,
}

/// All that was found. Places of pictures and people are those in the collection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Exploration {
    /// Counts and sizes.
    pub summary: Summary,
    /// Faces that are hard to recognise.
    pub quality: Vec<QualityFinding>,
    /// Labels that are likely wrong, the clearest first; `face` is the place of a picture.
    pub labels: Vec<LabelDoubt>,
    /// Names that are likely one person.
    pub same_people: Vec<SamePerson>,
    /// Pictures that are there more than once, those of several people first.
    pub repeated: Vec<RepeatedPicture>,
    /// Where the faces lie.
    pub places: Places,
    /// Least similarity of a match, by which labels were judged.
    pub threshold: f32,
}

impl Collection {
    /// The faces with their labels, and the places of their pictures.
    pub fn labelled_faces(&self) -> (Vec<LabelledFace>, Vec<usize>) {
        let with_face = self.pictures.iter().enumerate();
        with_face
            .filter_map(|(i, picture)| {
                let face = LabelledFace {
                    identity: picture.identity,
                    embedding: picture.face.as_ref()?.embedding.clone(),
                };
                Some((face, i))
            })
            .unzip()
    }

    /// Looks for everything; `threshold` is the least similarity of a match of two faces.
    ///
    /// # Errors
    /// [`CompareError::ModelMismatch`] if several models made the embeddings.
    pub fn explore(&self, threshold: f32) -> Result<Exploration, CompareError> {
        let (faces, places) = self.labelled_faces();
        let people = People::new(&faces, self.identities.len(), threshold)?;
        let mut labels = people.doubts();
        for doubt in &mut labels {
            doubt.face = places[doubt.face];
        }
        Ok(Exploration {
            summary: Summary::of(self),
            quality: self.quality(),
            labels,
            same_people: people.same_people(),
            repeated: self.repeated(),
            places: Self::places(&faces, &places),
            threshold,
        })
    }

    fn quality(&self) -> Vec<QualityFinding> {
        let (places, faces): (Vec<usize>, Vec<FaceQuality>) = self
            .pictures
            .iter()
            .enumerate()
            .filter_map(|(i, picture)| Some((i, FaceQuality::of(picture.face.as_ref()?))))
            .unzip();
        let doubts = quality_doubts(&faces);
        let all = places.into_iter().zip(doubts).zip(faces);
        all.filter(|((_, doubts), _)| !doubts.is_empty())
            .map(|((picture, doubts), quality)| QualityFinding {
                picture,
                doubts,
                quality,
            })
            .collect()
    }

    fn repeated(&self) -> Vec<RepeatedPicture> {
        let fingerprints: Vec<Fingerprint> = self
            .pictures
            .iter()
            .map(|p| p.fingerprint.clone())
            .collect();
        let groups = find_copies(&fingerprints, &DedupeOptions::default(), || ());
        let mut repeated: Vec<RepeatedPicture> = groups
            .into_iter()
            .map(|group| {
                let pictures: Vec<usize> = group.members.iter().map(|(i, _)| *i).collect();
                let first = self.pictures[pictures[0]].identity;
                let is_other = |i: &usize| self.pictures[*i].identity != first;
                RepeatedPicture {
                    across_people: pictures.iter().any(is_other),
                    pictures,
                }
            })
            .collect();
        repeated.sort_by_key(|group| !group.across_people);
        repeated
    }

    fn places(faces: &[LabelledFace], places: &[usize]) -> Places {
        let step = faces.len().div_ceil(PLACED_FACES).max(1);
        let embeddings: Vec<_> = faces
            .iter()
            .step_by(step)
            .map(|face| face.embedding.clone())
            .collect();
        let (plane, explained) = principal_components(&embeddings);
        Places {
            pictures: places.iter().step_by(step).copied().collect(),
            neighbourhoods: neighbourhoods(&embeddings, &plane).map(|places| places.points),
            principal_components: plane.points,
            explained,
        }
    }
}

#[cfg(test)]
mod tests;
