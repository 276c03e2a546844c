//! Measuring which similarity stands for which false match rate, and how far that can be trusted on
//! other people.

mod interval;
mod tally;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::compare::{Calibration, CalibrationPoint, CompareError};
use crate::embed::Embedding;

use interval::Counts;
use tally::{FalseMatches, Histogram, tally};

/// Rates of the table.
const FMRS: [f64; 6] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6];

/// One face and whose it is.
#[derive(Debug, Clone)]
pub struct LabelledFace {
    /// Number of the person.
    pub identity: usize,
    /// The face.
    pub embedding: Embedding,
}

/// How to calibrate.
#[derive(Clone, Copy)]
pub struct CalibrateOptions<'a> {
    /// What the table says it was measured on.
    pub source: &'a str,
    /// Threads to compare on.
    pub threads: usize,
    /// How many of the most similar impostor pairs to list.
    pub worst: usize,
    /// Size of the group of other people that the intervals are for; none for as many as were measured.
    pub others: Option<usize>,
    /// Is told, from any thread, how many faces more have been compared with all before them. Every
    /// face is told twice.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

impl Default for CalibrateOptions<'_> {
    /// One thread, ten pairs, as many other people.
    fn default() -> Self {
        Self {
            source: "",
            threads: 1,
            worst: 10,
            others: None,
            progress: &|_| {},
        }
    }
}

/// A table, and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Thresholds by false match rate; every point has its false matches and its interval.
    pub calibration: Calibration,
    /// People that were compared.
    pub people: usize,
    /// The most similar faces of different people, most similar first, one pair for each two people:
    /// where labels are wrong, they are here.
    pub worst: Vec<ImpostorPair>,
}

/// Two faces of different people.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ImpostorPair {
    /// Index of one face in what was given.
    pub face: usize,
    /// Index of the other.
    pub other: usize,
    /// Their cosine.
    pub similarity: f32,
}

/// Compares every two faces of different people and gives the threshold for each false match rate
/// from 1e-1 to 1e-6 that at least one false match stands behind. `source` names the data.
///
/// # Errors
/// As [`measure`].
pub fn calibrate(
    faces: &[LabelledFace],
    source: &str,
    threads: usize,
) -> Result<Calibration, CompareError> {
    let options = CalibrateOptions {
        source,
        threads,
        worst: 0,
        ..CalibrateOptions::default()
    };
    Ok(measure(faces, &options)?.calibration)
}

/// [`calibrate`], with the evidence: false matches, intervals, the most similar pairs.
///
/// Time grows with the square of the number of faces; memory does not. An interval holds, at 95 %
/// confidence, the share of false matches that another group of people meets at the point's
/// threshold. Comparisons of one person depend on each other (some people are taken for many others:
/// the "wolves" and "lambs" of Doddington et al. 1998), so the variance counts people, not comparisons:
/// it is the dyadic cluster-robust one (Fafchamps and Gubert 2007; Aronow, Samii and Assenova 2015),
/// which Fogliato, Patil and Perona (2024) recommend for error rates of face verification together with
/// a score interval.
///
/// # Errors
/// [`CompareError::ModelMismatch`] if several models made the embeddings,
/// [`CompareError::Calibration`] if there are too few comparisons for two rates.
pub fn measure(
    faces: &[LabelledFace],
    options: &CalibrateOptions<'_>,
) -> Result<Measured, CompareError> {
    let people = People::of(faces)?;
    let threads = options.threads.max(1);
    let histogram = tally(&people, threads, options.progress, Histogram::new);
    let comparisons = histogram.comparisons();
    let (fmrs, thresholds): (Vec<f64>, Vec<f32>) = FMRS
        .into_iter()
        .filter(|fmr| fmr * comparisons as f64 >= 1.0)
        .map(|fmr| {
            let allowed = (fmr * comparisons as f64) as u64;
            (fmr, histogram.smallest_similarity(allowed))
        })
        .unzip();
    let matches = tally(&people, threads, options.progress, || {
        FalseMatches::new(&people, &thresholds, options.worst)
    });
    let others = options.others.unwrap_or(people.len());
    let point = |(i, (fmr, similarity)): (usize, (f64, f32))| {
        let counts = matches.counts(&people, i);
        CalibrationPoint {
            fmr,
            similarity,
            false_matches: Some(counts.matches),
            fmr_interval: Some(counts.interval_of_others(others)),
        }
    };
    let calibration = Calibration {
        source: options.source.to_owned(),
        comparisons,
        points: fmrs
            .into_iter()
            .zip(thresholds)
            .enumerate()
            .map(point)
            .collect(),
    };
    calibration.check()?;
    Ok(Measured {
        calibration,
        people: people.len(),
        worst: matches.worst(),
    })
}

/// A table put to the test on people that it was not made of.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Number of the part that was held out.
    pub part: usize,
    /// People in it.
    pub people: usize,
    /// Impostor comparisons in it.
    pub comparisons: u64,
    /// The table of all other parts, with intervals for a group of the held-out part's size; none if
    /// they are too few for one.
    pub calibration: Option<Calibration>,
    /// For each point of the table, the false matches in the held-out part.
    pub met: Vec<u64>,
}

impl HeldOut {
    /// The rate that was met at the point `i` of the table.
    pub fn met_fmr(&self, i: usize) -> f64 {
        self.met[i] as f64 / self.comparisons as f64
    }

    /// Whether the rate that was met lies in the announced interval of point `i`.
    pub fn holds(&self, i: usize) -> bool {
        let point = self.calibration.as_ref().and_then(|c| c.points.get(i));
        let interval = point.and_then(|point| point.fmr_interval);
        interval.is_some_and(|[low, high]| (low..=high).contains(&self.met_fmr(i)))
    }
}

/// Holds out each part of the people in turn: calibrates on the others, and counts what the part meets
/// at those thresholds. `part_of` gives the part of a person.
///
/// Parts without comparisons are left out.
///
/// # Errors
/// [`CompareError::ModelMismatch`] if several models made the embeddings.
pub fn check_on_others(
    faces: &[LabelledFace],
    part_of: impl Fn(usize) -> usize,
    options: &CalibrateOptions<'_>,
) -> Result<Vec<HeldOut>, CompareError> {
    let mut parts: BTreeMap<usize, Vec<LabelledFace>> = BTreeMap::new();
    for face in faces {
        parts
            .entry(part_of(face.identity))
            .or_default()
            .push(face.clone());
    }
    let mut held_out = Vec::new();
    for (&part, own) in &parts {
        let people = People::of(own)?;
        let rest = parts.iter().filter(|(other, _)| **other != part);
        let rest: Vec<LabelledFace> = rest.flat_map(|(_, faces)| faces).cloned().collect();
        let table = measure(
            &rest,
            &CalibrateOptions {
                worst: 0,
                others: Some(people.len()),
                ..*options
            },
        );
        let calibration = match table {
            Ok(measured) => Some(measured.calibration),
            Err(CompareError::Calibration { .. }) => None,
            Err(error) => return Err(error),
        };
        let points = calibration.iter().flat_map(|c| &c.points);
        let thresholds: Vec<f32> = points.map(|point| point.similarity).collect();
        let threads = options.threads.max(1);
        let matches = tally(&people, threads, options.progress, || {
            FalseMatches::new(&people, &thresholds, 0)
        });
        let comparisons = matches.comparisons();
        if comparisons == 0 {
            continue;
        }
        held_out.push(HeldOut {
            part,
            people: people.len(),
            comparisons,
            met: (0..thresholds.len())
                .map(|i| matches.counts(&people, i).matches)
                .collect(),
            calibration,
        });
    }
    Ok(held_out)
}

/// Faces in order of their people.
struct People<'a> {
    faces: Vec<&'a LabelledFace>,
    /// Index of each face in what was given.
    given: Vec<usize>,
    /// Each person's faces.
    ranges: Vec<Range<usize>>,
}

impl<'a> People<'a> {
    fn of(faces: &'a [LabelledFace]) -> Result<Self, CompareError> {
        if let Some(odd) = faces
            .iter()
            .find(|f| f.embedding.model() != faces[0].embedding.model())
        {
            return Err(CompareError::ModelMismatch {
                probe: odd.embedding.model().clone(),
                reference: faces[0].embedding.model().clone(),
            });
        }
        let mut given: Vec<usize> = (0..faces.len()).collect();
        given.sort_by_key(|&i| faces[i].identity);
        let faces: Vec<&LabelledFace> = given.iter().map(|&i| &faces[i]).collect();
        let mut ranges = Vec::new();
        for run in faces.chunk_by(|a, b| a.identity == b.identity) {
            let start = ranges.last().map_or(0, |range: &Range<usize>| range.end);
            ranges.push(start..start + run.len());
        }
        Ok(Self {
            faces,
            given,
            ranges,
        })
    }

    fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Comparisons of each person with all others.
    fn comparisons(&self) -> impl Iterator<Item = u64> {
        let all = self.faces.len();
        self.ranges
            .iter()
            .map(move |own| (own.len() * (all - own.len())) as u64)
    }

    /// The sum over every two people of the square of their comparisons.
    fn squared_comparisons(&self) -> f64 {
        let squares: Vec<f64> = self
            .ranges
            .iter()
            .map(|own| (own.len() as f64).powi(2))
            .collect();
        let sum: f64 = squares.iter().sum();
        let own: f64 = squares.iter().map(|square| square * square).sum();
        (sum * sum - own) / 2.0
    }
}

impl FalseMatches {
    /// The counts at threshold `i`.
    fn counts(&self, people: &People<'_>, i: usize) -> Counts {
        let of_person = self.of_person(i);
        Counts::new(
            of_person.zip(people.comparisons()),
            self.of_pairs(i),
            people.squared_comparisons(),
        )
    }
}
