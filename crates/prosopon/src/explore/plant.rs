//! How well wrong labels are found: plant some and look.

use serde::Serialize;

use super::labels::People;
use crate::compare::CompareError;
use crate::evaluate::Resampler;
use crate::evaluate::calibrate::LabelledFace;

/// What became of wrong labels that were planted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlantedErrors {
    /// The seed by which faces and their new names were drawn.
    pub seed: u64,
    /// Labels that were changed.
    pub planted: usize,
    /// Of them, those that were doubted.
    pub found: usize,
    /// Labels that were doubted although they were not changed: real errors among them count here
    /// too, unless `known` holds them.
    pub others: usize,
    /// `found / planted`.
    pub recall: f64,
    /// `found / (found + others)`.
    pub precision: f64,
    /// Of the others, those that are doubted without planted errors too.
    pub known: usize,
    /// `found / (found + others − known)`: precision if all that is doubted without planted errors
    /// is a real error.
    pub precision_of_new: f64,
}

/// Gives `share` of the faces the name of another person, drawn by `seed`, and counts how many of
/// these are doubted, and how many others.
///
/// # Errors
/// [`CompareError::ModelMismatch`] if several models made the embeddings.
pub fn plant_errors(
    faces: &[LabelledFace],
    n_identities: usize,
    threshold: f32,
    share: f64,
    seed: u64,
) -> Result<PlantedErrors, CompareError> {
    let known: Vec<usize> = doubted(faces, n_identities, threshold)?;
    let mut random = Resampler(seed);
    let wanted = (faces.len() as f64 * share).round() as usize;
    let mut planted = vec![false; faces.len()];
    let mut changed = faces.to_vec();
    if n_identities > 1 {
        // The first of a shuffled deck (Fisher and Yates).
        let mut deck: Vec<usize> = (0..faces.len()).collect();
        for i in 0..wanted.min(deck.len()) {
            let j = i + random.below(deck.len() - i);
            deck.swap(i, j);
            let face = deck[i];
            let other = random.below(n_identities - 1);
            let own = faces[face].identity;
            changed[face].identity = if other >= own { other + 1 } else { other };
            planted[face] = true;
        }
    }
    let doubted = doubted(&changed, n_identities, threshold)?;
    let found = doubted.iter().filter(|&&i| planted[i]).count();
    let others = doubted.len() - found;
    let known = doubted
        .iter()
        .filter(|&&i| !planted[i] && known.contains(&i))
        .count();
    let n_planted = planted.iter().filter(|&&p| p).count();
    let share_of = |n: usize, of: usize| if of == 0 { 1.0 } else { n as f64 / of as f64 };
    Ok(PlantedErrors {
        seed,
        planted: n_planted,
        found,
        others,
        recall: share_of(found, n_planted),
        precision: share_of(found, doubted.len()),
        known,
        precision_of_new: share_of(found, doubted.len() - known),
    })
}

fn doubted(
    faces: &[LabelledFace],
    n_identities: usize,
    threshold: f32,
) -> Result<Vec<usize>, CompareError> {
    let people = People::new(faces, n_identities, threshold)?;
    Ok(people.doubts().iter().map(|doubt| doubt.face).collect())
}
