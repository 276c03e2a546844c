//! Trying many pipelines by cross-validation, and predictions about samples that were not trained on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::Serialize;

use crate::learn::{LearnError, Learner, Products, Samples};
use crate::pipeline::{Pipeline, Steps};
use crate::split::Split;

/// What became of one pipeline.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GridCell {
    /// What was tried.
    pub pipeline: Pipeline,
    /// The same as text.
    pub name: String,
    /// Accuracy on the held-out samples of each fold; empty if it could not be trained.
    pub scores: Vec<f64>,
    /// Their mean; 0 without any.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
    /// Seconds of work, summed over folds: training and predicting, without what pipelines share.
    pub seconds: f64,
    /// Folds in which training came to its greatest number of steps before its end.
    pub n_unconverged: usize,
    /// Why it could not be trained, if so.
    pub error: Option<String>,
}

/// What became of all.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GridResult {
    /// The best first; of equals the one that was named first. There is at least one.
    pub cells: Vec<GridCell>,
}

impl GridResult {
    /// The best.
    pub fn best(&self) -> &GridCell {
        &self.cells[0]
    }
}

/// Why nothing was found.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GridError {
    /// There are no candidates or no folds.
    #[error("expected pipelines to try and folds, found {n_candidates} and {n_folds}")]
    Nothing {
        /// Pipelines.
        n_candidates: usize,
        /// Folds.
        n_folds: usize,
    },
    /// It was told to stop.
    #[error("cancelled")]
    Cancelled,
    /// None of the pipelines could be trained; this is what the first said.
    #[error(transparent)]
    Learn(#[from] LearnError),
}

/// The pipelines of a first search: support vector machines with C of 1, 10, 100 and 1000 and both kernels, forests
/// of 1, 5 and 10 trees, logistic regressions with C of 1, 5 and 10, all on scaled features.
pub fn default_grid() -> Vec<Pipeline> {
    let names = ["rbf", "linear"]
        .into_iter()
        .flat_map(|kernel| [1, 10, 100, 1000].map(|c| format!("scale+svc:C={c},kernel={kernel}")));
    let forests = [1, 5, 10].map(|n| format!("scale+forest:n_estimators={n}"));
    let regressions = [1, 5, 10].map(|c| format!("scale+logistic:C={c}"));
    let names = names.chain(forests).chain(regressions);
    // All of them can be read: a test says so.
    names.filter_map(|name| name.parse().ok()).collect()
}

/// What pipelines with the same steps share in one fold.
struct Prepared {
    training: Array2<f32>,
    held_out: Array2<f32>,
    products: Option<Products>,
}

/// Trains each candidate on each fold and counts right answers about what is held out. `done` hears of each
/// candidate as soon as it is known, from any thread and in any order. The same for any number of threads.
///
/// # Errors
/// [`GridError`]; a candidate that cannot be trained alone is no error, but has one in its cell and comes last.
pub fn grid_search(
    samples: &Samples,
    n_classes: usize,
    candidates: &[Pipeline],
    folds: &[Split],
    seed: u64,
    done: &(dyn Fn(&GridCell) + Sync),
    cancelled: &AtomicBool,
) -> Result<GridResult, GridError> {
    if candidates.is_empty() || folds.is_empty() {
        return Err(GridError::Nothing {
            n_candidates: candidates.len(),
            n_folds: folds.len(),
        });
    }
    samples.check(n_classes)?;
    let labels: Vec<[Vec<usize>; 2]> = folds
        .iter()
        .map(|fold| [&fold.training, &fold.held_out].map(|places| labels_of(samples, places)))
        .collect();
    // Candidates by their steps.
    let mut kinds: Vec<Vec<usize>> = Vec::new();
    for (i, candidate) in candidates.iter().enumerate() {
        let is_alike = |kind: &&mut Vec<usize>| {
            let first = &candidates[kind[0]];
            (first.scale, first.reduce) == (candidate.scale, candidate.reduce)
        };
        match kinds.iter_mut().find(is_alike) {
            Some(kind) => kind.push(i),
            None => kinds.push(vec![i]),
        }
    }
    let mut outcomes: Vec<(usize, GridCell, Option<GridError>)> = Vec::new();
    for kind in kinds {
        let learners: Vec<Learner> = kind.iter().map(|i| candidates[*i].learner).collect();
        let prepared: Vec<Result<Prepared, GridError>> = folds
            .par_iter()
            .zip(&labels)
            .map(|(fold, [labels, _])| {
                if cancelled.load(Ordering::Relaxed) {
                    return Err(GridError::Cancelled);
                }
                prepare(
                    &candidates[kind[0]],
                    samples,
                    n_classes,
                    fold,
                    labels,
                    &learners,
                )
            })
            .collect();
        let found = kind.par_iter().map(|i| {
            let pipeline = &candidates[*i];
            let of_folds = prepared.par_iter().zip(&labels).map(|(prepared, labels)| {
                if cancelled.load(Ordering::Relaxed) {
                    return Err(GridError::Cancelled);
                }
                let prepared = prepared.as_ref().map_err(Clone::clone)?;
                score(&pipeline.learner, prepared, labels, n_classes, seed)
            });
            let of_folds: Result<Vec<Score>, GridError> = of_folds.collect();
            let (cell, error) = GridCell::new(pipeline, of_folds);
            if !cancelled.load(Ordering::Relaxed) {
                done(&cell);
            }
            (*i, cell, error)
        });
        outcomes.extend(found.collect::<Vec<_>>());
        if cancelled.load(Ordering::Relaxed) {
            return Err(GridError::Cancelled);
        }
    }
    outcomes.sort_by(|(i, a, _), (j, b, _)| {
        let is_better = b.error.is_none().cmp(&a.error.is_none());
        is_better.then(b.mean.total_cmp(&a.mean)).then(i.cmp(j))
    });
    match &outcomes[0] {
        (_, _, Some(error)) => Err(error.clone()),
        _ => Ok(GridResult {
            cells: outcomes.into_iter().map(|(_, cell, _)| cell).collect(),
        }),
    }
}

fn labels_of(samples: &Samples, places: &[usize]) -> Vec<usize> {
    places.iter().map(|i| samples.labels[*i]).collect()
}

/// Trains the steps of a pipeline on one fold, and computes what its learners need.
fn prepare(
    pipeline: &Pipeline,
    samples: &Samples,
    n_classes: usize,
    fold: &Split,
    labels: &[usize],
    learners: &[Learner],
) -> Result<Prepared, GridError> {
    let training = samples.features.select(Axis(0), &fold.training);
    let training = Samples {
        features: training.view(),
        labels,
    };
    training.check(n_classes)?;
    let steps = Steps::fit(pipeline, &training, n_classes)?;
    let features = steps.apply(training.features);
    let reduced = Samples {
        features: features.view(),
        labels,
    };
    let products = learners
        .iter()
        .find_map(|learner| learner.products(&reduced));
    let held_out = samples.features.select(Axis(0), &fold.held_out);
    Ok(Prepared {
        held_out: steps.apply(held_out.view()),
        training: features,
        products,
    })
}

/// What became of a learner in one fold.
struct Score {
    accuracy: f64,
    seconds: f64,
    is_converged: bool,
}

fn score(
    learner: &Learner,
    prepared: &Prepared,
    [training, held_out]: &[Vec<usize>; 2],
    n_classes: usize,
    seed: u64,
) -> Result<Score, GridError> {
    learner.check().map_err(LearnError::from)?;
    let start = Instant::now();
    let samples = Samples {
        features: prepared.training.view(),
        labels: training,
    };
    let products = prepared.products.as_ref();
    let trained = learner.fit_checked(&samples, n_classes, seed, products, false);
    let predicted = trained.predict(prepared.held_out.view());
    let right = predicted
        .iter()
        .zip(held_out)
        .filter(|(a, b)| a == b)
        .count();
    Ok(Score {
        accuracy: right as f64 / held_out.len().max(1) as f64,
        seconds: start.elapsed().as_secs_f64(),
        is_converged: trained.is_converged(),
    })
}

impl GridCell {
    fn new(
        pipeline: &Pipeline,
        of_folds: Result<Vec<Score>, GridError>,
    ) -> (Self, Option<GridError>) {
        let (of_folds, error) = match of_folds {
            Ok(of_folds) => (of_folds, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        let scores: Vec<f64> = of_folds.iter().map(|score| score.accuracy).collect();
        let n = scores.len().max(1) as f64;
        let mean = scores.iter().sum::<f64>() / n;
        let variance = scores
            .iter()
            .map(|score| (score - mean).powi(2))
            .sum::<f64>()
            / n;
        let cell = Self {
            pipeline: *pipeline,
            name: pipeline.to_string(),
            mean,
            deviation: variance.sqrt(),
            seconds: of_folds.iter().map(|score| score.seconds).sum(),
            n_unconverged: of_folds.iter().filter(|score| !score.is_converged).count(),
            error: error.as_ref().map(ToString::to_string),
            scores,
        };
        (cell, error)
    }
}

/// What is predicted about samples that were not trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct OutOfFold {
    /// The class of each sample.
    pub predicted: Vec<usize>,
    /// Probability of each class (columns) for each sample.
    pub probabilities: Array2<f64>,
}

/// Predictions about each sample by a pipeline that was trained without it: on the folds that do not hold it.
/// Samples that no fold holds out have class 0 and probabilities of 0.
///
/// # Errors
/// [`GridError::Learn`] and [`GridError::Cancelled`].
pub fn out_of_fold(
    pipeline: &Pipeline,
    samples: &Samples,
    n_classes: usize,
    folds: &[Split],
    seed: u64,
    cancelled: &AtomicBool,
) -> Result<OutOfFold, GridError> {
    samples.check(n_classes)?;
    let of_folds = folds.par_iter().map(|fold| {
        if cancelled.load(Ordering::Relaxed) {
            return Err(GridError::Cancelled);
        }
        let features = samples.features.select(Axis(0), &fold.training);
        let training = Samples {
            features: features.view(),
            labels: &labels_of(samples, &fold.training),
        };
        let fitted = pipeline.fit(&training, n_classes, seed)?;
        let held_out = samples.features.select(Axis(0), &fold.held_out);
        let held_out = held_out.view();
        Ok((
            fitted.predict_all(held_out),
            fitted.probabilities_all(held_out),
        ))
    });
    let of_folds: Vec<(Vec<usize>, Array2<f64>)> = of_folds.collect::<Result<_, GridError>>()?;
    let mut all = OutOfFold {
        predicted: vec![0; samples.len()],
        probabilities: Array2::zeros((samples.len(), n_classes)),
    };
    for (fold, (predicted, probabilities)) in folds.iter().zip(of_folds) {
        let found = predicted.into_iter().zip(probabilities.rows());
        for (place, (class, row)) in fold.held_out.iter().zip(found) {
            all.predicted[*place] = class;
            all.probabilities.row_mut(*place).assign(&row);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::split::stratified_folds;

    /// Two classes, parted by whether a value is above 0: rather for a kernel than for a line.
    fn samples() -> (Array2<f32>, Vec<usize>) {
        let mut random = fastrand::Rng::with_seed(8);
        let features = Array2::from_shape_simple_fn((120, 3), || random.f32() * 2.0 - 1.0);
        let rows = features.rows().into_iter();
        let labels = rows.map(|row| usize::from(row[0] * row[1] > 0.0)).collect();
        (features, labels)
    }

    #[test]
    fn the_best_comes_first_and_the_impossible_last() {
        let (features, labels) = samples();
        let samples = Samples {
            features: features.view(),
            labels: &labels,
        };
        let folds = stratified_folds(&labels, None, 4, 0).unwrap();
        let texts = [
            "logistic",
            "pca:9+svc",
            "scale+svc:C=10",
            "scale+forest:n_estimators=5",
            "scale+svc:C=10,kernel=linear",
            "svc:C=10",
        ];
        let candidates = texts.map(|text| text.parse().unwrap());
        let seen = Mutex::new(Vec::new());
        let search = |cancelled: &AtomicBool| {
            let done = |cell: &GridCell| seen.lock().unwrap().push(cell.name.clone());
            grid_search(&samples, 2, &candidates, &folds, 0, &done, cancelled)
        };
        let result = search(&AtomicBool::new(false)).unwrap();
        assert_eq!(seen.lock().unwrap().len(), 6);
        let best = result.best();
        assert!(
            best.name.contains("kernel=rbf") && best.mean > 0.85,
            "{result:?}"
        );
        assert!(best.scores.len() == 4 && best.deviation < 0.1);
        let last = &result.cells[5];
        assert_eq!(last.name, "pca:9+svc:C=1,kernel=rbf");
        assert!(
            last.error
                .as_ref()
                .unwrap()
                .contains("at most 3 components")
        );
        assert_eq!(search(&AtomicBool::new(true)), Err(GridError::Cancelled));
        // What the search says is what training on each fold says.
        let pipeline = best.pipeline;
        let cancelled = AtomicBool::new(false);
        let found = out_of_fold(&pipeline, &samples, 2, &folds, 0, &cancelled).unwrap();
        for (fold, score) in folds.iter().zip(&best.scores) {
            let right = fold
                .held_out
                .iter()
                .filter(|i| found.predicted[**i] == labels[**i]);
            assert_eq!(right.count() as f64 / fold.held_out.len() as f64, *score);
        }
        for row in found.probabilities.rows() {
            assert!((row.sum() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn the_first_grid_is_whole() {
        let grid = default_grid();
        assert_eq!(grid.len(), 14);
        assert_eq!(grid[7].to_string(), "scale+svc:C=1000,kernel=linear");
    }

    #[test]
    fn if_nothing_can_be_trained_it_is_said_why() {
        let (features, labels) = samples();
        let samples = Samples {
            features: features.view(),
            labels: &labels,
        };
        let folds = stratified_folds(&labels, None, 2, 0).unwrap();
        let candidates = ["pca:7+svc".parse().unwrap()];
        let never = AtomicBool::new(false);
        let search = |candidates: &[Pipeline]| {
            grid_search(&samples, 2, candidates, &folds, 0, &|_| {}, &never)
        };
        assert!(matches!(
            search(&candidates),
            Err(GridError::Learn(LearnError::Components { .. }))
        ));
        assert!(matches!(search(&[]), Err(GridError::Nothing { .. })));
    }
}
