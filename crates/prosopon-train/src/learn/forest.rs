//! A forest of random trees (Breiman 2001).
//!
//! Names, defaults and meaning are those of scikit-learn's `RandomForestClassifier`: each tree grows on
//! a bootstrap sample until its leaves are pure, looks at √features candidates at a split, and gives each class
//! the share that it has in the leaf; the forest takes the mean over its trees.

use ndarray::{Array2, ArrayView1, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Samples, by_row, class_weights, expect, normalized};

/// How a forest grows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForestOptions {
    /// How many trees, from 1.
    pub n_estimators: usize,
    /// What a good split makes small.
    pub criterion: Criterion,
    /// Deepest split; none lets leaves become pure.
    pub max_depth: Option<usize>,
    /// How many features are looked at for a split.
    pub max_features: MaxFeatures,
    /// A split leaves at least so many of the samples that were drawn on each side.
    pub min_samples_leaf: usize,
    /// Whether classes with few samples weigh as much as those with many.
    pub balanced: bool,
}

/// What a good split makes small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criterion {
    /// Gini's impurity: 1 − Σ share².
    Gini,
    /// Shannon's entropy: −Σ share · log₂ share.
    Entropy,
}

/// How many features are looked at for a split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxFeatures {
    /// The square root of all.
    Sqrt,
    /// Their logarithm to base 2.
    Log2,
    /// All.
    All,
    /// So many.
    Count(usize),
    /// This share of them, from 0 to 1.
    Share(f64),
}

impl MaxFeatures {
    fn of(self, n_features: usize) -> usize {
        let all = n_features as f64;
        let count = match self {
            Self::Sqrt => all.sqrt() as usize,
            Self::Log2 => all.log2() as usize,
            Self::All => n_features,
            Self::Count(count) => count,
            Self::Share(share) => (all * share) as usize,
        };
        count.clamp(1, n_features)
    }
}

impl Default for ForestOptions {
    /// scikit-learn's.
    fn default() -> Self {
        Self {
            n_estimators: 100,
            criterion: Criterion::Gini,
            max_depth: None,
            max_features: MaxFeatures::Sqrt,
            min_samples_leaf: 1,
            balanced: false,
        }
    }
}

/// A trained forest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    n_classes: usize,
    trees: Vec<Tree>,
    importances: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Tree {
    /// The root first; each comes before those that it leads to.
    nodes: Vec<Node>,
    /// Shares of the classes in each leaf, one leaf after the other.
    shares: Vec<f32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Node {
    /// Samples whose value is at most the threshold go to the node after this one, others to `right`.
    Split {
        feature: u32,
        threshold: f32,
        right: u32,
    },
    /// A leaf, by its number.
    Leaf(u32),
}

impl Forest {
    /// Grows a forest on `samples` that were checked.
    pub(super) fn fit(
        samples: &Samples,
        n_classes: usize,
        options: &ForestOptions,
        seed: u64,
    ) -> Self {
        let class_weights = class_weights(&samples.counts(n_classes), options.balanced);
        // Trees read feature by feature.
        let columns = samples.features.t().as_standard_layout().into_owned();
        let mut seeds = fastrand::Rng::with_seed(seed);
        let seeds: Vec<u64> = (0..options.n_estimators.max(1))
            .map(|_| seeds.u64(..))
            .collect();
        let grown: Vec<(Tree, Vec<f64>)> = seeds
            .into_par_iter()
            .map(|seed| {
                let mut random = fastrand::Rng::with_seed(seed);
                let n = samples.len();
                let mut drawn = vec![0u32; n];
                for _ in 0..n {
                    drawn[random.usize(..n)] += 1;
                }
                let rows = (0..n).filter(|i| drawn[*i] > 0).collect();
                let weight = |i: usize| f64::from(drawn[i]) * class_weights[samples.labels[i]];
                Growth {
                    columns: columns.view(),
                    labels: samples.labels,
                    weights: (0..n).map(weight).collect(),
                    n_classes,
                    n_candidates: options.max_features.of(columns.nrows()),
                    options,
                    order: (0..columns.nrows()).collect(),
                    random,
                    tree: Tree {
                        nodes: Vec::new(),
                        shares: Vec::new(),
                    },
                    decrease: vec![0.0; columns.nrows()],
                }
                .grow(rows)
            })
            .collect();
        let mut importances = vec![0.0; columns.nrows()];
        for (_, decrease) in &grown {
            let sum: f64 = decrease.iter().sum();
            if sum > 0.0 {
                let pairs = importances.iter_mut().zip(decrease);
                pairs.for_each(|(all, one)| *all += one / sum);
            }
        }
        if importances.iter().any(|importance| *importance > 0.0) {
            importances = normalized(importances);
        }
        Self {
            n_classes,
            trees: grown.into_iter().map(|(tree, _)| tree).collect(),
            importances,
        }
    }

    /// How much each feature lowered the impurity, a mean over trees that sums up to 1; scikit-learn's
    /// `feature_importances_`. All are 0 if nothing was split.
    pub fn importances(&self) -> &[f64] {
        &self.importances
    }

    /// Mean share of each class in the leaves that each sample comes to.
    pub(super) fn probabilities(&self, samples: ArrayView2<'_, f32>) -> Array2<f64> {
        by_row(samples, self.n_classes, |sample| {
            let mut sums = vec![0.0; self.n_classes];
            for tree in &self.trees {
                for (sum, share) in sums.iter_mut().zip(tree.leaf(sample, self.n_classes)) {
                    *sum += f64::from(*share);
                }
            }
            normalized(sums)
        })
    }

    pub(super) fn check(&self, n_features: usize, n_classes: usize) -> Result<(), String> {
        expect("classes", self.n_classes, n_classes)?;
        expect("importances", self.importances.len(), n_features)?;
        if self.trees.is_empty() {
            return Err("expected trees, found none".to_owned());
        }
        self.trees
            .iter()
            .try_for_each(|tree| tree.check(n_features, n_classes))
    }
}

impl Tree {
    fn leaf(&self, sample: ArrayView1<'_, f32>, n_classes: usize) -> &[f32] {
        let mut at = 0;
        loop {
            match self.nodes[at] {
                Node::Leaf(leaf) => {
                    return &self.shares[leaf as usize * n_classes..][..n_classes];
                }
                Node::Split {
                    feature,
                    threshold,
                    right,
                } => {
                    let is_left = sample[feature as usize] <= threshold;
                    at = if is_left { at + 1 } else { right as usize };
                }
            }
        }
    }

    /// That all places exist, and that each step leads on, so that a way through the tree ends.
    fn check(&self, n_features: usize, n_classes: usize) -> Result<(), String> {
        let n_leaves = self.shares.len() / n_classes.max(1);
        for (at, node) in self.nodes.iter().enumerate() {
            let is_sound = match *node {
                Node::Leaf(leaf) => (leaf as usize) < n_leaves,
                Node::Split { feature, right, .. } => {
                    let right = right as usize;
                    let leads_on = at + 1 < right && right < self.nodes.len();
                    (feature as usize) < n_features && leads_on
                }
            };
            if !is_sound {
                return Err(format!("expected a tree, found node {at} to lead nowhere"));
            }
        }
        if self.nodes.is_empty() {
            return Err("expected a tree, found no nodes".to_owned());
        }
        Ok(())
    }
}

/// A tree while it grows.
struct Growth<'a> {
    /// A row for each feature.
    columns: ArrayView2<'a, f32>,
    labels: &'a [usize],
    /// What each sample weighs: how often it was drawn, times the weight of its class.
    weights: Vec<f64>,
    n_classes: usize,
    /// Features that are looked at for a split.
    n_candidates: usize,
    options: &'a ForestOptions,
    /// All features, shuffled anew as far as needed for each split.
    order: Vec<usize>,
    random: fastrand::Rng,
    tree: Tree,
    /// By how much splits by each feature lowered the weighted impurity.
    decrease: Vec<f64>,
}

/// A way of dividing the samples of a node.
struct Split {
    feature: usize,
    threshold: f32,
    /// Weighted impurity of both sides.
    impurity: f64,
}

impl Growth<'_> {
    /// The tree, and by how much each feature lowered the weighted impurity. Without recursion: a deep tree
    /// must not exhaust the stack.
    fn grow(mut self, rows: Vec<usize>) -> (Tree, Vec<f64>) {
        // Samples, depth, and the split whose right side they are.
        let mut open = vec![(rows, 0usize, None::<usize>)];
        while let Some((rows, depth, parent)) = open.pop() {
            let at = self.tree.nodes.len();
            if let Some(Node::Split { right, .. }) = parent.map(|p| &mut self.tree.nodes[p]) {
                *right = at as u32;
            }
            let counts = self.counts(&rows);
            let is_pure = counts.iter().filter(|count| **count > 0.0).count() <= 1;
            let is_deepest = self.options.max_depth.is_some_and(|most| depth >= most);
            let split = if is_pure || is_deepest {
                None
            } else {
                self.best_split(&rows)
            };
            let Some(split) = split else {
                self.add_leaf(&counts);
                continue;
            };
            let before = impurity(self.options.criterion, &counts);
            self.decrease[split.feature] += (before - split.impurity).max(0.0);
            let column = self.columns.row(split.feature);
            let is_left = |i: &usize| column[*i] <= split.threshold;
            let (left, right): (Vec<usize>, Vec<usize>) = rows.into_iter().partition(is_left);
            self.tree.nodes.push(Node::Split {
                feature: split.feature as u32,
                threshold: split.threshold,
                right: 0,
            });
            open.push((right, depth + 1, Some(at)));
            open.push((left, depth + 1, None));
        }
        (self.tree, self.decrease)
    }

    fn add_leaf(&mut self, counts: &[f64]) {
        let total: f64 = counts.iter().sum();
        let leaf = self.tree.shares.len() / self.n_classes;
        self.tree.nodes.push(Node::Leaf(leaf as u32));
        let shares = counts.iter().map(|count| (count / total) as f32);
        self.tree.shares.extend(shares);
    }

    fn counts(&self, rows: &[usize]) -> Vec<f64> {
        let mut counts = vec![0.0; self.n_classes];
        for i in rows {
            counts[self.labels[*i]] += self.weights[*i];
        }
        counts
    }

    /// The best split among features drawn at random; more are drawn until one can be split, as scikit-learn
    /// does.
    fn best_split(&mut self, rows: &[usize]) -> Option<Split> {
        let mut best: Option<Split> = None;
        let mut n_looked_at = 0;
        let mut values = Vec::with_capacity(rows.len());
        for place in 0..self.order.len() {
            if n_looked_at >= self.n_candidates && best.is_some() {
                break;
            }
            let other = self.random.usize(place..self.order.len());
            self.order.swap(place, other);
            let feature = self.order[place];
            let column = self.columns.row(feature);
            values.clear();
            values.extend(rows.iter().map(|i| (column[*i], *i)));
            values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let is_constant = values.first().map(|v| v.0) == values.last().map(|v| v.0);
            if is_constant {
                continue;
            }
            n_looked_at += 1;
            self.look_at(feature, &values, &mut best);
        }
        best
    }

    /// Tries each threshold between two values of `feature`, which come in order.
    fn look_at(&self, feature: usize, values: &[(f32, usize)], best: &mut Option<Split>) {
        let rows: Vec<usize> = values.iter().map(|(_, i)| *i).collect();
        let mut sides = Sides::new(self.options.criterion, self.counts(&rows));
        let least = self.options.min_samples_leaf;
        for (n_left, pair) in (1..).zip(values.windows(2)) {
            let [(value, i), (next, _)] = [pair[0], pair[1]];
            sides.shift(self.labels[i], self.weights[i]);
            if value == next || n_left < least || values.len() - n_left < least {
                continue;
            }
            let impurity = sides.impurity();
            if best.as_ref().is_none_or(|best| impurity < best.impurity) {
                let middle = f32::midpoint(value, next);
                *best = Some(Split {
                    feature,
                    // Rounding must not carry the threshold to the right side's value.
                    threshold: if middle < next { middle } else { value },
                    impurity,
                });
            }
        }
    }
}

/// Weights of the classes on both sides of a threshold that moves to the right.
struct Sides {
    criterion: Criterion,
    left: Vec<f64>,
    right: Vec<f64>,
    /// Sums and sums of squares of the two.
    sums: [f64; 2],
    squares: [f64; 2],
}

impl Sides {
    /// All on the right.
    fn new(criterion: Criterion, right: Vec<f64>) -> Self {
        Self {
            criterion,
            left: vec![0.0; right.len()],
            sums: [0.0, right.iter().sum()],
            squares: [0.0, right.iter().map(|w| w * w).sum()],
            right,
        }
    }

    /// Moves a sample from the right to the left.
    fn shift(&mut self, label: usize, weight: f64) {
        self.squares[0] += weight * (2.0 * self.left[label] + weight);
        self.squares[1] -= weight * (2.0 * self.right[label] - weight);
        self.left[label] += weight;
        self.right[label] -= weight;
        self.sums[0] += weight;
        self.sums[1] -= weight;
    }

    /// Weighted impurity of both.
    fn impurity(&self) -> f64 {
        match self.criterion {
            Criterion::Gini => {
                let sides = self.sums.iter().zip(&self.squares);
                sides.map(|(sum, squares)| sum - squares / sum).sum()
            }
            Criterion::Entropy => {
                let sides = [&self.left, &self.right];
                sides
                    .map(|side| impurity(self.criterion, side))
                    .iter()
                    .sum()
            }
        }
    }
}

/// Impurity of a node with these weights of its classes, times their sum.
fn impurity(criterion: Criterion, weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    match criterion {
        Criterion::Gini => sum - weights.iter().map(|w| w * w).sum::<f64>() / sum,
        Criterion::Entropy => weights
            .iter()
            .filter(|weight| **weight > 0.0)
            .map(|weight| -weight * (weight / sum).log2())
            .sum(),
    }
}
