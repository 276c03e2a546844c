//! A folder of pictures for each person, evaluated against itself: every two pictures one to one, and
//! each among the others one to many.

use std::collections::BTreeMap;

use serde::Serialize;

use super::all_pairs::{AllPairs, AllPairsError, MAX_IMPOSTORS, Pairing, Sample, all_pairs};
use super::gate::{Measured, Metric};
use super::identification::{
    self, FPIRS, IdentificationReport, Points, Search, Template, leave_one_out, search,
};
use super::scores::Scores;
use super::verification::{Curves, FMRS, VerificationReport};
use crate::compare::CompareError;

/// How to evaluate a folder.
#[derive(Debug, Clone)]
pub struct FolderOptions {
    /// Enrol the first so many pictures of everybody who has more, instead of leaving one out.
    pub enrol: Option<u32>,
    /// What people are searched by.
    pub template: Template,
    /// Ranks of the closed set.
    pub ranks: Vec<usize>,
    /// False match rates besides [`FMRS`].
    pub fmrs: Vec<f64>,
    /// False positive identification rates besides [`FPIRS`].
    pub fpirs: Vec<f64>,
    /// Thresholds.
    pub thresholds: Vec<f32>,
    /// Errors of each kind to list.
    pub n_worst: usize,
}

impl Default for FolderOptions {
    /// One picture left out, means, ranks 1, 5 and 10, no thresholds, twelve errors of each kind.
    fn default() -> Self {
        Self {
            enrol: None,
            template: Template::Mean,
            ranks: vec![1, 5, 10],
            fmrs: Vec::new(),
            fpirs: Vec::new(),
            thresholds: Vec::new(),
            n_worst: 12,
        }
    }
}

impl FolderOptions {
    /// How gallery and probes are made, in words.
    pub fn how(&self) -> String {
        let template = self.template.in_words();
        match self.enrol {
            Some(n) => format!(
                "The first {n} pictures of everybody who has more were enrolled; probes are their \
                 further pictures (mated) and all pictures of others (non-mated). People are \
                 compared by {template}."
            ),
            None => format!(
                "Each picture was searched for among all others: with its own person's other \
                 pictures (mated), and without them (non-mated). People are compared by {template}."
            ),
        }
    }
}

/// Figures of a folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FolderReport {
    /// People with a picture.
    pub people: usize,
    /// Pictures without a face.
    pub undetected: usize,
    /// Impostor comparisons that were made. If they are more than `impostor`, that many of them were
    /// drawn at random for the rates.
    pub impostor_made: u64,
    /// One to one.
    #[serde(flatten)]
    pub verification: VerificationReport,
    /// One to many.
    pub identification: IdentificationReport,
    /// What people were searched by.
    pub template: Template,
}

/// The curves of a folder.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FolderCurves {
    /// One to one.
    pub curves: Curves,
    /// One to many, open set; none without probes of both kinds.
    pub identification_curves: Option<Curves>,
}

/// Figures, and what they were made from.
#[derive(Debug, Clone)]
pub struct FolderEvaluation {
    /// The figures.
    pub report: FolderReport,
    /// Similarities one to one.
    pub scores: Scores,
    /// Searches for people in the gallery.
    pub mated: Vec<Search>,
    /// Searches for strangers.
    pub non_mated: Vec<Search>,
    /// The least similar pictures of one person, worst first, by place among the samples.
    pub worst_genuine: Vec<Pairing>,
    /// The most similar pictures of different people, worst first.
    pub worst_impostor: Vec<Pairing>,
}

impl FolderEvaluation {
    /// Evaluates `samples`, which are all pictures of the folder.
    ///
    /// # Errors
    /// As [`all_pairs`].
    pub fn new(samples: &[Sample], options: &FolderOptions) -> Result<Self, AllPairsError> {
        let AllPairs {
            scores,
            n_impostor,
            worst_genuine,
            worst_impostor,
        } = all_pairs(samples, MAX_IMPOSTORS, options.n_worst)?;
        let fmrs = [&FMRS[..], &options.fmrs].concat();
        let fpirs = [&FPIRS[..], &options.fpirs].concat();
        let searches = Searches::new(samples, options)?;
        let report = FolderReport {
            people: count_by_person(samples).len(),
            undetected: samples.iter().filter(|s| s.embedding.is_none()).count(),
            impostor_made: n_impostor,
            verification: VerificationReport::new(&scores, &fmrs, &options.thresholds),
            identification: IdentificationReport::new(
                searches.gallery,
                &searches.mated,
                &searches.non_mated,
                Points {
                    ranks: &options.ranks,
                    fpirs: &fpirs,
                    thresholds: &options.thresholds,
                },
            ),
            template: options.template,
        };
        Ok(Self {
            report,
            scores,
            mated: searches.mated,
            non_mated: searches.non_mated,
            worst_genuine,
            worst_impostor,
        })
    }

    /// The curves; they take about as long as the figures.
    pub fn curves(&self) -> FolderCurves {
        let searches = identification::scores(&self.mated, &self.non_mated);
        FolderCurves {
            curves: Curves::new(&self.scores),
            identification_curves: searches.map(|scores| Curves::new(&scores)),
        }
    }
}

impl FolderReport {
    /// The figures that gates can ask for, with the ranks that are reported.
    pub fn metrics(ranks: &[usize]) -> Vec<Metric> {
        let mut metrics = VerificationReport::metrics();
        metrics.extend(IdentificationReport::metrics(ranks));
        metrics.push(Metric::new("undetected"));
        metrics
    }

    /// Their values.
    pub fn measured(&self) -> Vec<Measured> {
        let mut measured = self.verification.measured();
        measured.extend(self.identification.measured());
        measured.push(("undetected".to_owned(), self.undetected as f64));
        measured
    }
}

struct Searches {
    /// People in the gallery.
    gallery: usize,
    mated: Vec<Search>,
    non_mated: Vec<Search>,
}

impl Searches {
    fn new(samples: &[Sample], options: &FolderOptions) -> Result<Self, CompareError> {
        let n_samples = count_by_person(samples);
        let Some(n) = options.enrol else {
            let (mated, non_mated) = leave_one_out(samples, options.template)?;
            return Ok(Self {
                gallery: n_samples.len(),
                mated,
                non_mated,
            });
        };
        let mut taken: BTreeMap<u32, u32> = BTreeMap::new();
        let (gallery, probes): (Vec<Sample>, Vec<Sample>) =
            samples.iter().cloned().partition(|sample| {
                let taken = taken.entry(sample.identity).or_default();
                let is_enrolled = n_samples[&sample.identity] > n && *taken < n;
                *taken += u32::from(is_enrolled);
                is_enrolled
            });
        let (mated, non_mated) = search(&gallery, &probes, options.template)?;
        Ok(Self {
            gallery: n_samples.values().filter(|count| **count > n).count(),
            mated,
            non_mated,
        })
    }
}

fn count_by_person(samples: &[Sample]) -> BTreeMap<u32, u32> {
    let mut counts = BTreeMap::new();
    for sample in samples {
        *counts.entry(sample.identity).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::{Embedding, ModelId};

    fn sample(identity: u32, degrees: f32) -> Sample {
        let angle = degrees.to_radians();
        let values = vec![angle.cos(), angle.sin()];
        Sample {
            identity,
            embedding: Some(Embedding::from_values(ModelId::new("m"), values).unwrap()),
        }
    }

    /// Three people, 40° apart, with two or three pictures within 6°, and one with a single picture.
    fn samples() -> Vec<Sample> {
        let places = [
            (0, 0.0),
            (0, 3.0),
            (0, 6.0),
            (1, 40.0),
            (1, 43.0),
            (2, 80.0),
            (2, 83.0),
            (3, 120.0),
        ];
        places
            .into_iter()
            .map(|(identity, degrees)| sample(identity, degrees))
            .collect()
    }

    #[test]
    fn a_folder_is_evaluated_both_ways() {
        let options = FolderOptions {
            thresholds: vec![0.9],
            fmrs: vec![0.5],
            ..FolderOptions::default()
        };
        let evaluation = FolderEvaluation::new(&samples(), &options).unwrap();
        let report = &evaluation.report;
        assert_eq!((report.people, report.undetected), (4, 0));
        assert_eq!(
            (report.verification.genuine, report.verification.impostor),
            (5, 23)
        );
        assert_eq!(report.impostor_made, 23);
        assert_eq!(report.verification.eer, 0.0);
        assert_eq!(
            (report.identification.mated, report.identification.non_mated),
            (7, 8)
        );
        assert_eq!(report.identification.ranks[0].identified.rate, 1.0);
        assert!(evaluation.curves().identification_curves.is_some());
        let measured = report.measured();
        let gate = |text: &str| {
            let gate = super::super::gate::Gate::parse(text, &FolderReport::metrics(&[1])).unwrap();
            gate.judge(&measured).pass
        };
        assert!(gate("rank1>=1") && gate("fnmr@fmr=0.5<=0") && gate("fnir@threshold=0.9<0.01"));
        assert!(!gate("undetected>0"));
    }

    #[test]
    fn some_pictures_can_be_enrolled_and_the_rest_searched_for() {
        let options = FolderOptions {
            enrol: Some(2),
            ..FolderOptions::default()
        };
        let report = FolderEvaluation::new(&samples(), &options).unwrap().report;
        // Only the first person has more than two pictures.
        assert_eq!(report.identification.gallery_identities, 1);
        assert_eq!(
            (report.identification.mated, report.identification.non_mated),
            (1, 5)
        );
        assert!(options.how().contains("first 2 pictures"));
    }

    #[test]
    fn folders_without_pairs_are_refused() {
        let alone = [sample(0, 0.0), sample(1, 50.0)];
        assert!(FolderEvaluation::new(&alone, &FolderOptions::default()).is_err());
    }
}
