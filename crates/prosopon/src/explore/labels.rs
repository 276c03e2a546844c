//! Labels that are likely wrong, and people who are likely there under two names.

use rayon::prelude::*;
use serde::Serialize;

use crate::compare::{CompareError, similarity};
use crate::embed::Embedding;
use crate::evaluate::calibrate::LabelledFace;

/// Faces of a person at most among which the one that is most like the others is looked for.
const MEDOID_FACES: usize = 300;
/// How often faces that are unlike the mean of their person are left out of it anew.
const ROUNDS: usize = 3;
/// Faces that a person needs before one can be called unlike the others: of two, nobody can say
/// which is the wrong one.
const ENOUGH_FACES: usize = 3;

/// A face that is not what its label says, as it seems.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LabelDoubt {
    /// Place of the face.
    pub face: usize,
    /// The person whom its label names.
    pub identity: usize,
    /// Similarity with the other faces of that person.
    pub similarity: f32,
    /// The person whom it shows rather; none if it is like nobody.
    pub likely: Option<usize>,
    /// Similarity with the faces of the person whom it is most like otherwise; none if there is
    /// only one person.
    pub likely_similarity: Option<f32>,
}

/// Two names for one person, as it seems.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SamePerson {
    /// One name's place.
    pub first: usize,
    /// The other's; larger.
    pub second: usize,
    /// Mean similarity of the faces of the one with those of the other.
    pub similarity: f32,
}

/// The mean face of each person, made from the faces that agree.
pub struct People<'a> {
    faces: &'a [LabelledFace],
    /// Whether a face is part of its person's mean.
    kept: Vec<bool>,
    means: Vec<Mean>,
    threshold: f32,
}

/// Sum of unit vectors.
#[derive(Clone)]
struct Mean {
    sum: Vec<f64>,
    n: usize,
}

impl Mean {
    /// Cosine between the mean, without `left_out` if there is one, and `values` of unit length;
    /// none if no face is left.
    fn similarity(&self, values: &[f32], left_out: Option<&[f32]>) -> Option<f32> {
        if self.n == usize::from(left_out.is_some()) {
            return None;
        }
        let (mut product, mut square) = (0.0, 0.0);
        for (i, (sum, value)) in self.sum.iter().zip(values).enumerate() {
            let sum = sum - left_out.map_or(0.0, |out| f64::from(out[i]));
            product += sum * f64::from(*value);
            square += sum * sum;
        }
        (square > 0.0).then(|| (product / square.sqrt()) as f32)
    }
}

impl<'a> People<'a> {
    /// The mean of each of `n_identities` people. Faces whose similarity with the mean of the others
    /// is below `threshold` (one for single comparisons is right) are left out of it, so that wrong
    /// labels do not spoil it.
    ///
    /// # Errors
    /// [`CompareError::ModelMismatch`] if several models made the embeddings.
    pub fn new(
        faces: &'a [LabelledFace],
        n_identities: usize,
        threshold: f32,
    ) -> Result<Self, CompareError> {
        if let Some(first) = faces.first() {
            for face in faces {
                similarity(&first.embedding, &face.embedding)?;
            }
        }
        let mut of_identity: Vec<Vec<usize>> = vec![Vec::new(); n_identities];
        for (i, face) in faces.iter().enumerate() {
            if let Some(places) = of_identity.get_mut(face.identity) {
                places.push(i);
            }
        }
        let found: Vec<(Vec<usize>, Mean)> = of_identity
            .par_iter()
            .map(|places| mean_of_agreeing(faces, places, threshold))
            .collect();
        let mut kept = vec![false; faces.len()];
        for i in found.iter().flat_map(|(places, _)| places) {
            kept[*i] = true;
        }
        Ok(Self {
            faces,
            kept,
            means: found.into_iter().map(|(_, mean)| mean).collect(),
            threshold,
        })
    }

    /// Faces that are more like another person than like their own, or like nobody, the clearest
    /// first.
    pub fn doubts(&self) -> Vec<LabelDoubt> {
        let mut n_faces = vec![0; self.means.len()];
        for face in self.faces {
            n_faces[face.identity] += 1;
        }
        let mut doubts: Vec<LabelDoubt> = (0..self.faces.len())
            .into_par_iter()
            .filter_map(|i| self.doubt(i, n_faces[self.faces[i].identity]))
            .collect();
        let clarity = |doubt: &LabelDoubt| match doubt.likely {
            Some(_) => doubt.likely_similarity.unwrap_or(0.0) - doubt.similarity,
            // Strangers come after those who have another name.
            None => -2.0 - doubt.similarity,
        };
        doubts.sort_by(|a, b| clarity(b).total_cmp(&clarity(a)));
        doubts
    }

    fn doubt(&self, i: usize, n_faces: usize) -> Option<LabelDoubt> {
        let face = &self.faces[i];
        let values = face.embedding.values();
        let left_out = self.kept[i].then_some(values);
        let own = self.means[face.identity].similarity(values, left_out);
        let others = (0..self.means.len()).filter(|&other| other != face.identity);
        let nearest = others
            .filter_map(|other| Some((other, self.means[other].similarity(values, None)?)))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        let likely = nearest.filter(|(_, similarity)| {
            *similarity >= self.threshold && own.is_none_or(|own| *similarity > own)
        });
        let is_stranger = n_faces >= ENOUGH_FACES && own.is_none_or(|own| own < self.threshold);
        // A single face says nothing about its own name: that two names are one is another finding.
        let is_doubtful = match likely {
            Some(_) => own.is_some(),
            None => is_stranger,
        };
        is_doubtful.then(|| LabelDoubt {
            face: i,
            identity: face.identity,
            similarity: own.unwrap_or(0.0),
            likely: likely.map(|(other, _)| other),
            likely_similarity: nearest.map(|(_, similarity)| similarity),
        })
    }

    /// Pairs of names whose faces are as like each other as those of one person: the mean of their
    /// similarities reaches the threshold. The most alike come first.
    pub fn same_people(&self) -> Vec<SamePerson> {
        let n = self.means.len();
        let mut pairs: Vec<SamePerson> = (0..n)
            .into_par_iter()
            .flat_map_iter(|first| {
                (first + 1..n).filter_map(move |second| {
                    let (a, b) = (&self.means[first], &self.means[second]);
                    if a.n == 0 || b.n == 0 {
                        return None;
                    }
                    let product: f64 = a.sum.iter().zip(&b.sum).map(|(x, y)| x * y).sum();
                    let similarity = (product / (a.n * b.n) as f64) as f32;
                    (similarity >= self.threshold).then_some(SamePerson {
                        first,
                        second,
                        similarity,
                    })
                })
            })
            .collect();
        pairs.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        pairs
    }
}

/// The faces at `places` that agree with each other, and their mean: those like the face that is
/// most like the others, then those like the mean of these.
fn mean_of_agreeing(
    faces: &[LabelledFace],
    places: &[usize],
    threshold: f32,
) -> (Vec<usize>, Mean) {
    let of = |i: usize| &faces[i].embedding;
    let Some(medoid) = medoid(places, of) else {
        let empty = Mean {
            sum: Vec::new(),
            n: 0,
        };
        return (Vec::new(), empty);
    };
    let mut kept: Vec<usize> = places
        .iter()
        .copied()
        .filter(|&i| i == medoid || dot(of(i), of(medoid)) >= threshold)
        .collect();
    let mut mean = mean_of(&kept, of);
    for _ in 0..ROUNDS {
        let agrees = |i: usize| {
            let values = of(i).values();
            let left_out = kept.contains(&i).then_some(values);
            let similarity = mean.similarity(values, left_out);
            similarity.is_some_and(|similarity| similarity >= threshold)
        };
        let next: Vec<usize> = places.iter().copied().filter(|&i| agrees(i)).collect();
        if next == kept || next.is_empty() {
            break;
        }
        mean = mean_of(&next, of);
        kept = next;
    }
    (kept, mean)
}

fn mean_of<'a>(places: &[usize], of: impl Fn(usize) -> &'a Embedding) -> Mean {
    let mut sum = Vec::new();
    for &i in places {
        let values = of(i).values();
        sum.resize(values.len(), 0.0);
        for (sum, value) in sum.iter_mut().zip(values) {
            *sum += f64::from(*value);
        }
    }
    Mean {
        sum,
        n: places.len(),
    }
}

/// The face with the highest median similarity with the others; none without faces.
fn medoid<'a>(places: &[usize], of: impl Fn(usize) -> &'a Embedding) -> Option<usize> {
    let step = places.len().div_ceil(MEDOID_FACES).max(1);
    let some: Vec<usize> = places.iter().copied().step_by(step).collect();
    let median = |i: usize| {
        let mut similarities: Vec<f32> = some
            .iter()
            .filter(|&&j| j != i)
            .map(|&j| dot(of(i), of(j)))
            .collect();
        similarities.sort_by(f32::total_cmp);
        similarities
            .get(similarities.len() / 2)
            .copied()
            .unwrap_or(0.0)
    };
    let medians = some.iter().map(|&i| (i, median(i)));
    medians.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(i, _)| i)
}

fn dot(a: &Embedding, b: &Embedding) -> f32 {
    let products = a.values().iter().zip(b.values()).map(|(x, y)| x * y);
    products.sum()
}
