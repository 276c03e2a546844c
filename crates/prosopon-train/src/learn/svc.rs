//! Support vector classification, one class against each other, with probabilities.
//!
//! Names, defaults and meaning are those of scikit-learn's `SVC`, whose engine is LIBSVM: decisions are
//! by votes of all pairs of classes, probabilities by Platt's sigmoids, fitted to decisions of five
//! cross-validation folds, and coupled over the pairs. The optimisation has no shrinking: beyond some ten thousand samples
//! of two classes it is slow.

mod rows;

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::platt::{LEAST_PROBABILITY, Sigmoid, coupled};
use super::smo::{KernelRows, Solution, solve};
use super::{Products, Samples, argmax, class_weights, expect};
use rows::{KernelSource, Part};

/// How alike two samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kernel {
    /// Their inner product.
    Linear,
    /// exp(−γ·‖x − x′‖²).
    Rbf,
}

/// γ: how fast likeness falls with distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Gamma {
    /// 1 / (features · variance of all values of the training samples).
    Scale,
    /// 1 / features.
    Auto,
    /// This, above 0.
    Value(f64),
}

/// How a support vector machine is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SvcOptions {
    /// The price of an error, above 0: large values fit the training samples closely.
    pub c: f64,
    /// How alike two samples are.
    pub kernel: Kernel,
    /// How fast likeness falls with distance; the linear kernel has none.
    pub gamma: Gamma,
    /// Whether classes with few samples weigh as much as those with many.
    pub balanced: bool,
    /// Tolerance of the optimisation.
    pub tolerance: f64,
}

impl Default for SvcOptions {
    /// scikit-learn's.
    fn default() -> Self {
        Self {
            c: 1.0,
            kernel: Kernel::Rbf,
            gamma: Gamma::Scale,
            balanced: false,
            tolerance: 1e-3,
        }
    }
}

/// Folds by which decisions for the sigmoids are made, as in LIBSVM.
const FOLDS: usize = 5;
/// LIBSVM draws the folds once, whatever the number of samples; with few of them probabilities then depend on the draw (by 0.03
/// on average for 150 samples of five classes: `scripts/bench-learn`). Here folds are drawn again until there are so many
/// decisions, or so often.
const ENOUGH_DECISIONS: usize = 400;
/// Samples of two classes for which a matrix of their own is computed if there is none of all: 192 MiB while each thread solves.
const MOST_OF_PAIR: usize = 4096;
/// See [`ENOUGH_DECISIONS`].
const MOST_ROUNDS: usize = 6;

/// A trained support vector machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Svc {
    n_classes: usize,
    /// γ; none for the linear kernel.
    gamma: Option<f64>,
    /// Samples that decide, a row each.
    support: Array2<f32>,
    /// For classes 0 and 1, 0 and 2 …, 1 and 2 …, as far as there were samples of both.
    pairs: Vec<Pair>,
    is_converged: bool,
}

/// One class against another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pair {
    /// The smaller one first.
    classes: [usize; 2],
    /// Rows of `support`.
    rows: Vec<u32>,
    /// Their weights in the decision, positive ones for the first class.
    weights: Vec<f64>,
    rho: f64,
    sigmoid: Sigmoid,
}

impl Svc {
    /// Trains on `samples` that were checked; `n_classes` may be more than occur. Without a seed for the folds
    /// of the sigmoids there are no probabilities worth the name.
    pub(super) fn fit(
        samples: &Samples,
        n_classes: usize,
        options: &SvcOptions,
        products: Option<&Products>,
        seed: Option<u64>,
    ) -> Self {
        let gamma = match options.kernel {
            Kernel::Linear => None,
            Kernel::Rbf => Some(options.gamma.of(samples.features)),
        };
        let mut of_class = vec![Vec::new(); n_classes];
        for (i, label) in samples.labels.iter().enumerate() {
            of_class[*label].push(i);
        }
        let weights = class_weights(&samples.counts(n_classes), options.balanced);
        let source = KernelSource::new(samples.features, gamma, products);
        let couples: Vec<[usize; 2]> = (0..n_classes)
            .flat_map(|a| (a + 1..n_classes).map(move |b| [a, b]))
            .filter(|couple| couple.iter().all(|class| !of_class[*class].is_empty()))
            .collect();
        let trained: Vec<(Pair, bool)> = couples
            .into_par_iter()
            .map(|classes| {
                let [a, b] = classes;
                let n_positive = of_class[a].len();
                let rows = [&of_class[a][..], &of_class[b][..]].concat();
                let positive: Vec<bool> = (0..rows.len()).map(|i| i < n_positive).collect();
                let cost = |is_first: &bool| options.c * weights[if *is_first { a } else { b }];
                let problem = Problem {
                    source: &source,
                    rows: &rows,
                    costs: &positive.iter().map(cost).collect::<Vec<_>>(),
                    positive: &positive,
                    tolerance: options.tolerance,
                };
                if products.is_some() || rows.len() > MOST_OF_PAIR {
                    return problem.pair(classes, seed);
                }
                // Too many samples in all for a matrix, but not those of two classes.
                let features = samples.features.select(Axis(0), &rows);
                let products = Products::new(features.view());
                let source = KernelSource::new(features.view(), gamma, products.as_ref());
                let problem = Problem {
                    source: &source,
                    rows: &(0..rows.len()).collect::<Vec<_>>(),
                    ..problem
                };
                let (mut pair, is_converged) = problem.pair(classes, seed);
                for row in &mut pair.rows {
                    *row = rows[*row as usize] as u32;
                }
                (pair, is_converged)
            })
            .collect();
        let is_converged = trained.iter().all(|(_, is_converged)| *is_converged);
        let pairs = trained.into_iter().map(|(pair, _)| pair).collect();
        let (pairs, used) = compacted(pairs);
        Self {
            n_classes,
            gamma,
            support: samples.features.select(Axis(0), &used),
            pairs,
            is_converged,
        }
    }

    /// Samples that decide.
    pub fn n_support(&self) -> usize {
        self.support.nrows()
    }

    /// Whether the tolerance was met for all pairs.
    pub(super) fn is_converged(&self) -> bool {
        self.is_converged
    }

    /// For each sample the class with the most votes, the first of several.
    pub(super) fn predict(&self, samples: ArrayView2<'_, f32>) -> Vec<usize> {
        let vote = |decisions: ndarray::ArrayView1<'_, f64>| {
            let mut votes = vec![0.0; self.n_classes];
            for (pair, decision) in self.pairs.iter().zip(decisions) {
                votes[pair.classes[usize::from(*decision <= 0.0)]] += 1.0;
            }
            argmax(votes)
        };
        self.decisions(samples)
            .rows()
            .into_iter()
            .map(vote)
            .collect()
    }

    /// Probability of each class for each sample.
    pub(super) fn probabilities(&self, samples: ArrayView2<'_, f32>) -> Array2<f64> {
        let mut present: Vec<usize> = self.pairs.iter().flat_map(|pair| pair.classes).collect();
        present.sort_unstable();
        present.dedup();
        let place = |class| present.partition_point(|present| *present < class);
        let places: Vec<[usize; 2]> = self.pairs.iter().map(|p| p.classes.map(place)).collect();
        let decisions = self.decisions(samples);
        let mut all = Array2::zeros((samples.nrows(), self.n_classes));
        let mut pairwise = vec![vec![0.0; present.len()]; present.len()];
        for (mut row, decisions) in all.rows_mut().into_iter().zip(decisions.rows()) {
            for ((pair, [a, b]), decision) in self.pairs.iter().zip(&places).zip(decisions) {
                let p = pair.sigmoid.positive(*decision);
                let p = p.clamp(LEAST_PROBABILITY, 1.0 - LEAST_PROBABILITY);
                pairwise[*a][*b] = p;
                pairwise[*b][*a] = 1.0 - p;
            }
            for (class, p) in present.iter().zip(coupled(&pairwise)) {
                row[*class] = p;
            }
        }
        all
    }

    /// The decision of each pair (columns) about each sample (rows).
    pub(super) fn decisions(&self, samples: ArrayView2<'_, f32>) -> Array2<f64> {
        let mut kernel = samples.dot(&self.support.t());
        if let Some(gamma) = self.gamma {
            let squares = |row: ndarray::ArrayView1<'_, f32>| -> f64 {
                row.iter().map(|v| f64::from(*v).powi(2)).sum()
            };
            let of_support: Vec<f64> = self.support.rows().into_iter().map(squares).collect();
            for (mut row, sample) in kernel.rows_mut().into_iter().zip(samples.rows()) {
                let of_sample = squares(sample);
                for (value, of_support) in row.iter_mut().zip(&of_support) {
                    let distance = of_sample + of_support - 2.0 * f64::from(*value);
                    *value = (-gamma * distance.max(0.0)).exp() as f32;
                }
            }
        }
        let mut decisions = Array2::zeros((samples.nrows(), self.pairs.len()));
        for (mut row, kernel) in decisions.rows_mut().into_iter().zip(kernel.rows()) {
            for (decision, pair) in row.iter_mut().zip(&self.pairs) {
                let terms = pair.rows.iter().zip(&pair.weights);
                let sum: f64 = terms
                    .map(|(row, weight)| weight * f64::from(kernel[*row as usize]))
                    .sum();
                *decision = sum - pair.rho;
            }
        }
        decisions
    }

    pub(super) fn check(&self, n_features: usize, n_classes: usize) -> Result<(), String> {
        expect(
            "features of support vectors",
            self.support.ncols(),
            n_features,
        )?;
        expect("classes", self.n_classes, n_classes)?;
        if self.pairs.is_empty() {
            return Err("expected pairs of classes, found none".to_owned());
        }
        for pair in &self.pairs {
            let [a, b] = pair.classes;
            if a >= b || b >= n_classes {
                return Err(format!(
                    "expected a pair of classes below {n_classes}, found {a} and {b}"
                ));
            }
            expect(
                "weights of support vectors",
                pair.weights.len(),
                pair.rows.len(),
            )?;
            if let Some(row) = pair
                .rows
                .iter()
                .find(|row| **row as usize >= self.n_support())
            {
                let n = self.n_support();
                return Err(format!("expected support vectors below {n}, found {row}"));
            }
        }
        Ok(())
    }
}

/// Numbers rows by their place among those that decide, which are given too.
fn compacted(mut pairs: Vec<Pair>) -> (Vec<Pair>, Vec<usize>) {
    let rows = pairs.iter().flat_map(|pair| &pair.rows);
    let mut used: Vec<usize> = rows.map(|row| *row as usize).collect();
    used.sort_unstable();
    used.dedup();
    for row in pairs.iter_mut().flat_map(|pair| &mut pair.rows) {
        *row = used.partition_point(|used| *used < *row as usize) as u32;
    }
    (pairs, used)
}

impl Gamma {
    fn of(self, features: ArrayView2<'_, f32>) -> f64 {
        let n = features.ncols() as f64;
        match self {
            Self::Value(gamma) => gamma,
            Self::Auto => 1.0 / n,
            Self::Scale => {
                let count = features.len() as f64;
                let mean = features.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
                let squares = features.iter().map(|v| (f64::from(*v) - mean).powi(2));
                let variance = squares.sum::<f64>() / count;
                if variance > 0.0 {
                    1.0 / (n * variance)
                } else {
                    1.0
                }
            }
        }
    }
}

/// The samples of two classes.
struct Problem<'a, 's> {
    source: &'a KernelSource<'s>,
    /// Of all samples.
    rows: &'a [usize],
    positive: &'a [bool],
    costs: &'a [f64],
    tolerance: f64,
}

impl Problem<'_, '_> {
    /// One class against the other, and whether the tolerance was met.
    fn pair(&self, classes: [usize; 2], seed: Option<u64>) -> (Pair, bool) {
        let sigmoid = match seed {
            // Each pair draws folds of its own.
            Some(seed) => self.sigmoid(seed ^ ((classes[0] as u64) << 32 | classes[1] as u64)),
            None => Sigmoid::unfitted(),
        };
        let all: Vec<usize> = (0..self.rows.len()).collect();
        let Solution {
            weights,
            rho,
            is_converged,
        } = self.solve(&all);
        let kept = all.iter().filter(|i| weights[**i] != 0.0);
        let (rows, weights) = kept.map(|i| (self.rows[*i] as u32, weights[*i])).unzip();
        let pair = Pair {
            classes,
            rows,
            weights,
            rho,
            sigmoid,
        };
        (pair, is_converged)
    }

    /// Solves for some of the samples, given by their places in `rows`.
    fn solve(&self, places: &[usize]) -> Solution {
        let rows = places.iter().map(|i| self.rows[*i]).collect();
        let positive: Vec<bool> = places.iter().map(|i| self.positive[*i]).collect();
        let costs: Vec<f64> = places.iter().map(|i| self.costs[*i]).collect();
        solve(
            &mut Part::new(self.source, rows),
            &positive,
            &costs,
            self.tolerance,
        )
    }

    /// The sigmoid that fits decisions about samples that were not trained on.
    fn sigmoid(&self, seed: u64) -> Sigmoid {
        let n = self.rows.len();
        let mut random = fastrand::Rng::with_seed(seed);
        let mut order: Vec<usize> = (0..n).collect();
        let n_rounds = (ENOUGH_DECISIONS / n).clamp(1, MOST_ROUNDS);
        let mut decisions = vec![0.0; n * n_rounds];
        for of_round in decisions.chunks_mut(n) {
            random.shuffle(&mut order);
            self.decide(&order, of_round);
        }
        Sigmoid::fit(&decisions, self.positive)
    }

    /// Decisions about samples by machines that were trained on the other folds of `order`.
    fn decide(&self, order: &[usize], decisions: &mut [f64]) {
        let n = order.len();
        for fold in 0..FOLDS {
            let held_out = fold * n / FOLDS..(fold + 1) * n / FOLDS;
            let training = [&order[..held_out.start], &order[held_out.end..]].concat();
            let held_out = &order[held_out];
            let n_positive = training.iter().filter(|i| self.positive[**i]).count();
            // With one class alone there is nothing to solve; LIBSVM's values for that.
            let sure = match (n_positive, training.len() - n_positive) {
                (0, 0) => Some(0.0),
                (_, 0) => Some(1.0),
                (0, _) => Some(-1.0),
                _ => None,
            };
            if let Some(decision) = sure {
                for i in held_out {
                    decisions[*i] = decision;
                }
                continue;
            }
            let solution = self.solve(&training);
            let rows = training.iter().map(|i| self.rows[*i]).collect();
            let part = Part::new(self.source, rows);
            for i in held_out {
                let row = part.against(self.rows[*i]);
                let terms = row.iter().zip(&solution.weights);
                let sum: f64 = terms.map(|(k, weight)| weight * f64::from(*k)).sum();
                decisions[*i] = sum - solution.rho;
            }
        }
    }
}
