//! Multinomial logistic regression.
//!
//! Minimises C·Σ −ln pᵢ + ½·‖W‖² over all classes at once, with intercepts that cost nothing, by limited-memory
//! BFGS (Nocedal 1980); scikit-learn's `LogisticRegression`, whose names and defaults these are. First step, line
//! search and the end are those of L-BFGS-B, which it uses: at the default tolerance with thousands of
//! features both end far from the optimum, and would each end elsewhere otherwise.
//!
//! With more features than samples the best weights are sums of samples (the gradient is one), so that it is
//! enough to look for them in the space that the samples span: as many dimensions as samples, and the same
//! result, since every step is the same: turning the space changes no inner product. Only the tolerance asks for
//! the gradient as it is, by feature.

use std::collections::VecDeque;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::{Products, Samples, class_weights, expect, line_search, softmax};

/// How logistic regression is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogisticOptions {
    /// The price of an error against that of large weights, above 0.
    pub c: f64,
    /// Steps at most, from 1.
    pub max_iter: usize,
    /// Ends when no part of the mean loss's gradient is larger.
    pub tolerance: f64,
    /// Whether classes with few samples weigh as much as those with many.
    pub balanced: bool,
}

impl Default for LogisticOptions {
    /// scikit-learn's, with ten times its steps: nobody wants to hear that a hundred were not enough.
    fn default() -> Self {
        Self {
            c: 1.0,
            max_iter: 1000,
            tolerance: 1e-4,
            balanced: false,
        }
    }
}

/// Steps that the optimiser remembers, as in scikit-learn.
const MEMORY: usize = 10;
/// Training also ends when a step makes the loss smaller by less than this share of it, as in scikit-learn.
const LEAST_GAIN: f64 = 64.0 * f64::EPSILON;

/// A trained regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// A row for each class.
    weights: Array2<f64>,
    /// One for each class; −∞ for classes that were not trained on.
    intercepts: Vec<f64>,
    is_converged: bool,
}

impl Logistic {
    /// Whether training is faster with inner products.
    pub(super) fn wants_products(samples: &Samples) -> bool {
        samples.features.ncols() > samples.len()
    }

    /// Trains on `samples` that were checked.
    pub(super) fn fit(
        samples: &Samples,
        n_classes: usize,
        options: &LogisticOptions,
        products: Option<&Products>,
    ) -> Self {
        let counts = samples.counts(n_classes);
        let present: Vec<usize> = (0..n_classes).filter(|class| counts[*class] > 0).collect();
        let weights = class_weights(&counts, options.balanced);
        let labels = samples.labels.iter();
        let problem = |features| Problem {
            features,
            labels: labels
                .clone()
                .map(|label| present.partition_point(|class| class < label))
                .collect(),
            sample_weights: labels.clone().map(|label| weights[*label]).collect(),
            n_classes: present.len(),
            c: options.c,
        };
        let (found, intercepts, is_converged) = match products {
            Some(products) if Self::wants_products(samples) => {
                let (lower, pivots) = products.cholesky();
                let rows = samples.features.select(Axis(0), &pivots).mapv(f64::from);
                let triangle = lower.select(Axis(0), &pivots);
                let by_feature = |turned| unrotated(turned, &triangle).dot(&rows);
                let (found, intercepts, is_converged) =
                    problem(lower).solve(options, Some(&by_feature));
                (by_feature(found), intercepts, is_converged)
            }
            _ => problem(samples.features.mapv(f64::from)).solve(options, None),
        };
        let mut all = Self {
            weights: Array2::zeros((n_classes, samples.features.ncols())),
            intercepts: vec![f64::NEG_INFINITY; n_classes],
            is_converged,
        };
        for (place, class) in present.into_iter().enumerate() {
            all.weights.row_mut(class).assign(&found.row(place));
            all.intercepts[class] = intercepts[place];
        }
        all
    }

    /// Whether the tolerance was met.
    pub(super) fn is_converged(&self) -> bool {
        self.is_converged
    }

    /// Weights (a row for each class) and intercepts: the score of a class is weights · sample + intercept,
    /// probabilities are the softmax of the scores. −∞ is the intercept of classes that were not trained on.
    pub fn linear(&self) -> (ArrayView2<'_, f64>, &[f64]) {
        (self.weights.view(), &self.intercepts)
    }

    /// Probability of each class for each sample.
    pub(super) fn probabilities(&self, samples: ArrayView2<'_, f32>) -> Array2<f64> {
        let mut scores = samples.mapv(f64::from).dot(&self.weights.t());
        for mut row in scores.rows_mut() {
            let scores: Vec<f64> = row
                .iter()
                .zip(&self.intercepts)
                .map(|(s, i)| s + i)
                .collect();
            for (to, from) in row.iter_mut().zip(softmax(&scores)) {
                *to = from;
            }
        }
        scores
    }

    pub(super) fn check(&self, n_features: usize, n_classes: usize) -> Result<(), String> {
        expect("features of weights", self.weights.ncols(), n_features)?;
        expect("rows of weights", self.weights.nrows(), n_classes)?;
        expect("intercepts", self.intercepts.len(), n_classes)?;
        if self
            .intercepts
            .iter()
            .any(|intercept| intercept.is_finite())
        {
            Ok(())
        } else {
            Err("expected finite intercepts, found none".to_owned())
        }
    }
}

/// A·L⁻¹ for a lower triangle L.
fn unrotated(mut a: Array2<f64>, lower: &Array2<f64>) -> Array2<f64> {
    for mut row in a.rows_mut() {
        for j in (0..lower.nrows()).rev() {
            let sum: f64 = (j + 1..lower.nrows()).map(|i| row[i] * lower[(i, j)]).sum();
            row[j] = (row[j] - sum) / lower[(j, j)];
        }
    }
    a
}

/// What is minimised.
struct Problem {
    features: Array2<f64>,
    /// Places among the classes that occur.
    labels: Vec<usize>,
    sample_weights: Vec<f64>,
    /// Classes that occur.
    n_classes: usize,
    c: f64,
}

impl Problem {
    /// Weights, intercepts, and whether the tolerance was met. `by_feature` turns a gradient of the weights back, if
    /// the features are turned.
    fn solve(
        &self,
        options: &LogisticOptions,
        by_feature: Option<ByFeature>,
    ) -> (Array2<f64>, Vec<f64>, bool) {
        let start = Array1::zeros(self.n_classes * (self.features.ncols() + 1));
        let is_flat = |gradient: &Array1<f64>| self.is_flat(gradient, options, by_feature);
        let (found, is_converged) =
            minimized(start, options.max_iter, is_flat, |x| self.evaluate(x));
        let (weights, intercepts) = self.parts(&found);
        (weights, intercepts.to_vec(), is_converged)
    }

    /// Whether no part of the gradient is larger than the tolerance.
    fn is_flat(
        &self,
        gradient: &Array1<f64>,
        options: &LogisticOptions,
        by_feature: Option<ByFeature>,
    ) -> bool {
        let largest = |mut parts: ndarray::iter::Iter<'_, f64, ndarray::Ix2>| {
            parts.all(|g| g.abs() <= options.tolerance)
        };
        let (weights, intercepts) = self.parts(gradient);
        if !intercepts.iter().all(|g| g.abs() <= options.tolerance) {
            return false;
        }
        match by_feature {
            None => largest(weights.iter()),
            Some(by_feature) => largest(by_feature(weights).iter()),
        }
    }

    /// The loss and its gradient. It is the mean loss, as scikit-learn scales it: the tolerance is about its
    /// gradient.
    fn evaluate(&self, x: &Array1<f64>) -> (f64, Array1<f64>) {
        let total: f64 = self.sample_weights.iter().sum();
        let ridge = 1.0 / (self.c * total);
        let (weights, intercepts) = self.parts(x);
        let mut scores = self.features.dot(&weights.t()) + &intercepts;
        let mut loss = 0.0;
        let samples = self.labels.iter().zip(&self.sample_weights);
        for (mut row, (label, weight)) in scores.rows_mut().into_iter().zip(samples) {
            let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let of_label = row[*label] - top;
            row.mapv_inplace(|score| (score - top).exp());
            let sum = row.sum();
            loss += weight * (sum.ln() - of_label);
            row *= weight / (total * sum);
            row[*label] -= weight / total;
        }
        let by_weight = scores.t().dot(&self.features) + &weights * ridge;
        let gradient = by_weight.iter().copied().chain(scores.sum_axis(Axis(0)));
        let penalty = 0.5 * ridge * weights.iter().map(|w| w * w).sum::<f64>();
        (loss / total + penalty, gradient.collect())
    }

    /// Weights and intercepts from the vector of all.
    fn parts(&self, x: &Array1<f64>) -> (Array2<f64>, Array1<f64>) {
        let (k, d) = (self.n_classes, self.features.ncols());
        let weights = Array2::from_shape_fn((k, d), |(class, i)| x[class * d + i]);
        (weights, x.iter().skip(k * d).copied().collect())
    }
}

/// Turns weights in the space of the samples into weights of features.
type ByFeature<'a> = &'a dyn Fn(Array2<f64>) -> Array2<f64>;

/// Where a function with gradient is smallest, by L-BFGS, and whether it became flat.
fn minimized(
    mut x: Array1<f64>,
    max_iter: usize,
    is_flat: impl Fn(&Array1<f64>) -> bool,
    evaluate: impl Fn(&Array1<f64>) -> (f64, Array1<f64>),
) -> (Array1<f64>, bool) {
    let (mut value, mut gradient) = evaluate(&x);
    // Steps, changes of the gradient, and 1 / their product.
    let mut memory: VecDeque<(Array1<f64>, Array1<f64>, f64)> = VecDeque::new();
    let mut is_first = true;
    for _ in 0..max_iter {
        if is_flat(&gradient) {
            return (x, true);
        }
        let direction = direction(&gradient, &memory);
        let slope = direction.dot(&gradient);
        let first = if is_first {
            1.0 / direction.dot(&direction).sqrt()
        } else {
            1.0
        };
        is_first = false;
        let found = line_search::search(value, slope, first, |size| {
            let next = &x + &(&direction * size);
            let (value, gradient) = evaluate(&next);
            (value, gradient.dot(&direction), (next, value, gradient))
        });
        let Some(found) = found else {
            // Directions from memory can be spoilt by rounding; the gradient itself leads down, or nothing does.
            if memory.is_empty() {
                return (x, true);
            }
            memory.clear();
            is_first = true;
            continue;
        };
        let (next, found, slopes) = found.there;
        let (step, change) = (&next - &x, &slopes - &gradient);
        let product = step.dot(&change);
        if product > f64::EPSILON * -gradient.dot(&step) {
            if memory.len() == MEMORY {
                memory.pop_front();
            }
            memory.push_back((step, change, 1.0 / product));
        }
        let gain = value - found;
        let scale = value.abs().max(found.abs()).max(1.0);
        (x, value, gradient) = (next, found, slopes);
        if gain <= LEAST_GAIN * scale {
            return (x, true);
        }
    }
    (x, false)
}

/// The direction of descent: the gradient times the remembered curvature (two-loop recursion).
fn direction(
    gradient: &Array1<f64>,
    memory: &VecDeque<(Array1<f64>, Array1<f64>, f64)>,
) -> Array1<f64> {
    let mut q = -gradient;
    let mut shares = Vec::with_capacity(memory.len());
    for (step, change, rho) in memory.iter().rev() {
        let share = rho * step.dot(&q);
        q.scaled_add(-share, change);
        shares.push(share);
    }
    if let Some((step, change, _)) = memory.back() {
        q *= step.dot(change) / change.dot(change);
    }
    for ((step, change, rho), share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = rho * change.dot(&q);
        q.scaled_add(share - back, step);
    }
    q
}
