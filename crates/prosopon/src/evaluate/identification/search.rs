//! Searching a gallery of templates, exactly and over everybody.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::compare::CompareError;
use crate::embed::Embedding;
use crate::evaluate::all_pairs::{Sample, check_models, dot};
use crate::evaluate::scores::UNDETECTED;

/// What a person is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Template {
    /// The mean of all faces' embeddings, scaled to unit length: what a gallery does by default.
    #[default]
    Mean,
    /// The face that is closest to the probe.
    Best,
}

impl Template {
    /// `the mean of their faces`, for sentences about people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Mean => "the mean of their faces",
            Self::Best => "the closest of their faces",
        }
    }
}

/// Somebody a probe was taken for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The person.
    pub identity: u32,
    /// Similarity of probe and template.
    pub similarity: f32,
}

/// What a search for one probe gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// Place of the probe in the list that was searched for.
    pub probe: usize,
    /// Whom the probe shows.
    pub identity: u32,
    /// Whether a face was found on the probe.
    pub detected: bool,
    /// Similarity with the template of that person; [`UNDETECTED`] without one, or without a face.
    pub own: f32,
    /// Place of that person among all candidates, from 1; behind those that are equally close. None
    /// where `own` has no value.
    pub rank: Option<usize>,
    /// The closest other person; none in a gallery without others, or without a face.
    pub other: Option<Candidate>,
}

/// Searches `gallery` for each of `probes`. The first list has the mated searches, whose person has
/// a sample in the gallery, with or without a face; the second the others.
///
/// # Errors
/// [`CompareError::ModelMismatch`] if several models made the embeddings.
pub fn search(
    gallery: &[Sample],
    probes: &[Sample],
    template: Template,
) -> Result<(Vec<Search>, Vec<Search>), CompareError> {
    let all = gallery.iter().chain(probes);
    check_models(all.filter_map(|s| s.embedding.as_ref()))?;
    let people = People::new(gallery);
    let searches: Vec<Search> = probes
        .par_iter()
        .enumerate()
        .map(|(probe, sample)| people.search(probe, sample, None, template))
        .collect();
    Ok(searches
        .into_iter()
        .partition(|search| people.faces.contains_key(&search.identity)))
}

/// Searches all other samples for each of `samples`. Mated searches are those of people with further
/// samples. Each sample makes a non-mated search too: among the others, with all of its own
/// person's left out.
///
/// # Errors
/// As [`search`].
pub fn leave_one_out(
    samples: &[Sample],
    template: Template,
) -> Result<(Vec<Search>, Vec<Search>), CompareError> {
    check_models(samples.iter().filter_map(|s| s.embedding.as_ref()))?;
    let people = People::new(samples);
    let searches: Vec<Search> = samples
        .par_iter()
        .enumerate()
        .map(|(probe, sample)| people.search(probe, sample, Some(probe), template))
        .collect();
    let n_samples = |identity: u32| {
        samples
            .iter()
            .filter(move |s| s.identity == identity)
            .take(2)
    };
    let mated = searches
        .iter()
        .filter(|search| n_samples(search.identity).count() == 2)
        .copied()
        .collect();
    let non_mated = searches
        .into_iter()
        .map(|search| Search {
            own: UNDETECTED,
            rank: None,
            ..search
        })
        .collect();
    Ok((mated, non_mated))
}

/// The face of `identity` in `gallery` that is closest to `probe`, by its place; `except` is left out.
pub fn closest_face(
    gallery: &[Sample],
    probe: &Embedding,
    identity: u32,
    except: Option<usize>,
) -> Option<usize> {
    let faces = gallery.iter().enumerate();
    faces
        .filter(|(i, sample)| sample.identity == identity && Some(*i) != except)
        .filter_map(|(i, sample)| {
            Some((dot(probe.values(), sample.embedding.as_ref()?.values()), i))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, i)| i)
}

/// A gallery by person.
struct People<'a> {
    samples: &'a [Sample],
    /// For each person with a sample, the places of those with a face.
    faces: BTreeMap<u32, Vec<usize>>,
    /// For each person with a face, the mean of all.
    means: BTreeMap<u32, Vec<f32>>,
}

impl<'a> People<'a> {
    fn new(samples: &'a [Sample]) -> Self {
        let mut faces: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (i, sample) in samples.iter().enumerate() {
            let places = faces.entry(sample.identity).or_default();
            places.extend(sample.embedding.is_some().then_some(i));
        }
        let mut people = Self {
            samples,
            faces,
            means: BTreeMap::new(),
        };
        people.means = people
            .faces
            .iter()
            .filter_map(|(identity, places)| Some((*identity, people.mean(places, None)?)))
            .collect();
        people
    }

    /// The mean of the faces at `places` but `except`, of unit length; none without faces, or if they
    /// cancel each other out.
    fn mean(&self, places: &[usize], except: Option<usize>) -> Option<Vec<f32>> {
        let mut sum: Vec<f64> = Vec::new();
        for place in places.iter().filter(|place| Some(**place) != except) {
            let values = self.samples[*place].embedding.as_ref()?.values();
            sum.resize(values.len(), 0.0);
            for (sum, value) in sum.iter_mut().zip(values) {
                *sum += f64::from(*value);
            }
        }
        let length = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
        (length > 1e-6).then(|| sum.iter().map(|v| (v / length) as f32).collect())
    }

    /// How close `probe` is to a person, if there is a template without the sample `except`.
    fn similarity(
        &self,
        probe: &Embedding,
        identity: u32,
        except: Option<usize>,
        template: Template,
    ) -> Option<f32> {
        let places = self.faces.get(&identity)?;
        let cosine = match template {
            Template::Mean if except.is_some() => dot(probe.values(), &self.mean(places, except)?),
            Template::Mean => dot(probe.values(), self.means.get(&identity)?),
            Template::Best => places
                .iter()
                .filter(|place| Some(**place) != except)
                .filter_map(|place| self.samples[*place].embedding.as_ref())
                .map(|face| dot(probe.values(), face.values()))
                .max_by(f32::total_cmp)?,
        };
        Some(cosine.clamp(-1.0, 1.0))
    }

    fn search(
        &self,
        probe: usize,
        sample: &Sample,
        except: Option<usize>,
        template: Template,
    ) -> Search {
        let mut search = Search {
            probe,
            identity: sample.identity,
            detected: sample.embedding.is_some(),
            own: UNDETECTED,
            rank: None,
            other: None,
        };
        let Some(embedding) = &sample.embedding else {
            return search;
        };
        let own = self.similarity(embedding, sample.identity, except, template);
        let mut ahead = 0;
        for identity in self.faces.keys().filter(|i| **i != sample.identity) {
            let Some(similarity) = self.similarity(embedding, *identity, None, template) else {
                continue;
            };
            ahead += usize::from(own.is_some_and(|own| similarity >= own));
            if search
                .other
                .is_none_or(|other| similarity > other.similarity)
            {
                search.other = Some(Candidate {
                    identity: *identity,
                    similarity,
                });
            }
        }
        if let Some(own) = own {
            search.own = own;
            search.rank = Some(ahead + 1);
        }
        search
    }
}
