//! Counting, once for a point estimate and a thousand times for its interval.
//!
//! FNMR changes only at genuine similarities, so the impostors between two of them need not be told
//! apart: their sum is enough for every rate, exactly. One pass over the impostors makes the sums.

use super::scores::{Genuine, Impostor, allowed};

/// Where the similarities are cut: at each that a genuine comparison has, and at chosen thresholds.
pub(super) struct Layout {
    /// The cuts, from high to low, each once.
    cuts: Vec<f32>,
    /// For each cut, where in the genuine similarities those equal to it end.
    genuine_ends: Vec<usize>,
    /// For each cut, where in the impostor similarities those above it end, and those equal to it.
    impostor_ends: Vec<[usize; 2]>,
    n_impostors: usize,
}

impl Layout {
    /// Both kinds of similarity from high to low.
    pub(super) fn new(genuine: &[Genuine], impostor: &[Impostor], thresholds: &[f32]) -> Self {
        let mut cuts: Vec<f32> = genuine.iter().map(|g| g.similarity).collect();
        cuts.extend(thresholds);
        cuts.sort_unstable_by(|a, b| b.total_cmp(a));
        cuts.dedup();
        let (mut g, mut i) = (0, 0);
        let mut genuine_ends = Vec::with_capacity(cuts.len());
        let mut impostor_ends = Vec::with_capacity(cuts.len());
        for &cut in &cuts {
            while genuine.get(g).is_some_and(|s| s.similarity >= cut) {
                g += 1;
            }
            while impostor.get(i).is_some_and(|s| s.similarity > cut) {
                i += 1;
            }
            let above = i;
            while impostor.get(i).is_some_and(|s| s.similarity == cut) {
                i += 1;
            }
            genuine_ends.push(g);
            impostor_ends.push([above, i]);
        }
        Self {
            cuts,
            genuine_ends,
            impostor_ends,
            n_impostors: impostor.len(),
        }
    }

    /// Which cut `threshold` is; it must have been given to [`Self::new`].
    pub(super) fn cut(&self, threshold: f32) -> usize {
        self.cuts.partition_point(|cut| *cut > threshold)
    }
}

/// How many comparisons are accepted at each cut, counted or weighted.
pub(super) struct Tally {
    /// Genuine comparisons at or above each cut.
    genuine: Vec<f64>,
    /// Impostor comparisons above each cut, and at or above it.
    impostor: Vec<[f64; 2]>,
    all_genuine: f64,
    all_impostors: f64,
}

impl Tally {
    /// Every comparison counts once.
    pub(super) fn of_counts(layout: &Layout) -> Self {
        let genuine: Vec<f64> = layout.genuine_ends.iter().map(|n| *n as f64).collect();
        Self {
            all_genuine: genuine.last().copied().unwrap_or(0.0),
            genuine,
            impostor: layout
                .impostor_ends
                .iter()
                .map(|ends| ends.map(|n| n as f64))
                .collect(),
            all_impostors: layout.n_impostors as f64,
        }
    }

    /// A genuine comparison counts as often as its identity was drawn, an impostor one as often as
    /// the product of both.
    pub(super) fn of_weights(
        layout: &Layout,
        genuine: &[Genuine],
        impostor: &[Impostor],
        weights: &[u32],
    ) -> Self {
        // An identity without a number was drawn once.
        let weight = |identity: u32| weights.get(identity as usize).copied().unwrap_or(1);
        let sum_genuine = |range: std::ops::Range<usize>| -> u64 {
            let identities = genuine[range].iter().map(|g| g.identity);
            identities.map(|id| u64::from(weight(id))).sum()
        };
        let sum_impostors = |range: std::ops::Range<usize>| -> u64 {
            let products = impostor[range]
                .iter()
                .map(|i| weight(i.identities[0]) * weight(i.identities[1]));
            products.map(u64::from).sum()
        };
        let mut tally = Self {
            genuine: Vec::with_capacity(layout.cuts.len()),
            impostor: Vec::with_capacity(layout.cuts.len()),
            all_genuine: 0.0,
            all_impostors: 0.0,
        };
        let (mut g, mut i) = (0, 0);
        let (mut genuine_sum, mut impostor_sum) = (0, 0);
        for (&genuine_end, &[above_end, equal_end]) in
            layout.genuine_ends.iter().zip(&layout.impostor_ends)
        {
            genuine_sum += sum_genuine(g..genuine_end);
            let above = impostor_sum + sum_impostors(i..above_end);
            impostor_sum = above + sum_impostors(above_end..equal_end);
            (g, i) = (genuine_end, equal_end);
            tally.genuine.push(genuine_sum as f64);
            tally.impostor.push([above as f64, impostor_sum as f64]);
        }
        tally.all_genuine = genuine_sum as f64;
        tally.all_impostors = (impostor_sum + sum_impostors(i..layout.n_impostors)) as f64;
        tally
    }

    /// FMR at a cut.
    pub(super) fn fmr(&self, cut: usize) -> f64 {
        self.impostor[cut][1] / self.all_impostors
    }

    /// FNMR at a cut.
    pub(super) fn fnmr(&self, cut: usize) -> f64 {
        1.0 - self.genuine[cut] / self.all_genuine
    }

    /// The least FNMR of all thresholds whose FMR is at most `fmr`.
    pub(super) fn fnmr_at_fmr(&self, fmr: f64) -> f64 {
        let allowed = allowed(fmr, self.all_impostors);
        let cuts = self.impostor.partition_point(|[_, upto]| *upto <= allowed);
        let accepted = cuts.checked_sub(1).map_or(0.0, |cut| self.genuine[cut]);
        1.0 - accepted / self.all_genuine
    }

    /// (FMR, FNMR) of falling thresholds, from (0, 1) to FMR 1, without repetitions.
    pub(super) fn operating_points(&self) -> Vec<(f64, f64)> {
        let mut points = vec![(0.0, 1.0)];
        let mut push = |point: (f64, f64)| {
            if points.last() != Some(&point) {
                points.push(point);
            }
        };
        let mut fnmr = 1.0;
        for (genuine, [above, upto]) in self.genuine.iter().zip(&self.impostor) {
            push((above / self.all_impostors, fnmr));
            fnmr = 1.0 - genuine / self.all_genuine;
            push((upto / self.all_impostors, fnmr));
        }
        push((1.0, fnmr));
        points
    }

    /// Where the line through the operating points meets FMR = FNMR.
    pub(super) fn eer(&self) -> f64 {
        let mut last = (0.0, 1.0);
        let mut fnmr = 1.0;
        for (genuine, [above, upto]) in self.genuine.iter().zip(&self.impostor) {
            let before = (above / self.all_impostors, fnmr);
            fnmr = 1.0 - genuine / self.all_genuine;
            let after = (upto / self.all_impostors, fnmr);
            for next in [before, after] {
                if next.0 >= next.1 {
                    return crossing(last, next);
                }
                last = next;
            }
        }
        // No threshold accepts all genuine comparisons but that which accepts everything; or there
        // is no comparison of a kind.
        if fnmr.is_nan() || self.all_impostors == 0.0 {
            f64::NAN
        } else {
            crossing(last, (1.0, fnmr))
        }
    }

    /// The chance that a genuine comparison is more similar than an impostor; ties count half.
    pub(super) fn auc(&self) -> f64 {
        let mut before = 0.0;
        let mut area = 0.0;
        for (genuine, [above, upto]) in self.genuine.iter().zip(&self.impostor) {
            area += (genuine - before) * (self.all_impostors - f64::midpoint(*above, *upto));
            before = *genuine;
        }
        area / (self.all_genuine * self.all_impostors)
    }
}

/// Where the line from `a`, which has FMR < FNMR, to `b`, which has not, meets FMR = FNMR.
fn crossing(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (over_a, over_b) = (a.1 - a.0, b.1 - b.0);
    let share = over_a / (over_a - over_b);
    a.0 + share * (b.0 - a.0)
}
