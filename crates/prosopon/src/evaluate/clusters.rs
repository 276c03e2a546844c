//! How well groups that were found agree with the true ones, when nobody says which group is whom.
//!
//! Labels are arbitrary numbers on both sides: only who is together with whom counts. Every measure
//! is 1 for groups that are the same.

use serde::Serialize;

use super::gate::{Measured, Metric};

/// How well found groups agree with true ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClusterReport {
    /// Number of items, such as faces.
    pub items: usize,
    /// True groups, such as people.
    pub true_clusters: usize,
    /// Groups that were found.
    pub found_clusters: usize,
    /// Averaged over the items (Bagga and Baldwin 1998; Amigó et al. 2009): of those that are found
    /// together with an item, which includes itself, the share that truly belongs with it; and of
    /// those that truly belong with it, the share that is found with it. The measure to choose by: a
    /// large group counts by its size and not by its square.
    pub b_cubed: Agreement,
    /// Over pairs of items: of those found together, the share that truly is; and of those that
    /// truly are together, the share that was found.
    pub pairwise: Agreement,
    /// Normalised mutual information, in [0, 1]: `2 I / (H(true) + H(found))`. It flatters many small
    /// groups; it is here because others print it.
    pub nmi: f64,
}

/// Precision, recall and their harmonic mean, each in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// How much of what is together belongs together.
    pub precision: f64,
    /// How much of what belongs together is together.
    pub recall: f64,
    /// `2 P R / (P + R)`.
    pub f: f64,
}

impl Agreement {
    fn new(precision: f64, recall: f64) -> Self {
        let sum = precision + recall;
        Self {
            precision,
            recall,
            f: if sum > 0.0 {
                2.0 * precision * recall / sum
            } else {
                0.0
            },
        }
    }
}

impl ClusterReport {
    /// Compares the groups `found` with the `truth`: item `i` truly belongs to group `truth[i]` and
    /// was put into group `found[i]`.
    ///
    /// Takes `n log n` time and memory for `n` numbers. Where there is nothing to get wrong, the
    /// measure is 1: the pairwise precision if nothing was put together, the recall if nothing belongs
    /// together, everything if there are no items.
    ///
    /// # Panics
    /// If the two are not equally long.
    ///
    /// # Examples
    /// ```
    /// use prosopon::evaluate::clusters::ClusterReport;
    ///
    /// let report = ClusterReport::new(&[0, 0, 0, 0], &[7, 7, 3, 3]);
    /// assert_eq!(report.b_cubed.precision, 1.0);
    /// assert_eq!(report.b_cubed.recall, 0.5);
    /// ```
    pub fn new(truth: &[usize], found: &[usize]) -> Self {
        assert_eq!(truth.len(), found.len(), "a true and a found group an item");
        let items = truth.len();
        let true_sizes = runs(truth.to_vec());
        let found_sizes = runs(found.to_vec());
        let size_of = |sizes: &[(usize, usize)], label: usize| {
            let at = sizes.partition_point(|&(other, _)| other < label);
            sizes[at].1 as f64
        };
        // How many items each pair of a true and a found group shares: at most as many cells as items.
        let cells = runs(truth.iter().copied().zip(found.iter().copied()).collect());

        let n = items as f64;
        let (mut precision, mut recall, mut information, mut pairs) = (0.0, 0.0, 0.0, 0.0);
        for ((true_label, found_label), shared) in cells {
            let shared = shared as f64;
            let true_size = size_of(&true_sizes, true_label);
            let found_size = size_of(&found_sizes, found_label);
            precision += shared * shared / found_size;
            recall += shared * shared / true_size;
            information += shared / n * (n * shared / (true_size * found_size)).ln();
            pairs += pairs_among(shared);
        }
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 1.0 };
        let entropies = entropy(&true_sizes, n) + entropy(&found_sizes, n);
        Self {
            items,
            true_clusters: true_sizes.len(),
            found_clusters: found_sizes.len(),
            b_cubed: Agreement::new(share(precision, n), share(recall, n)),
            pairwise: Agreement::new(
                share(pairs, all_pairs(&found_sizes)),
                share(pairs, all_pairs(&true_sizes)),
            ),
            nmi: share(2.0 * information, entropies).clamp(0.0, 1.0),
        }
    }
}

impl ClusterReport {
    /// The figures that gates can ask for.
    pub fn metrics() -> Vec<Metric> {
        [
            "bcubed_f",
            "bcubed_precision",
            "bcubed_recall",
            "pairwise_f",
            "pairwise_precision",
            "pairwise_recall",
            "nmi",
        ]
        .map(Metric::new)
        .into()
    }

    /// Their values.
    pub fn measured(&self) -> Vec<Measured> {
        let of = |agreement: Agreement| [agreement.f, agreement.precision, agreement.recall];
        let values = of(self.b_cubed).into_iter().chain(of(self.pairwise));
        let names = Self::metrics().into_iter().map(|metric| metric.name);
        names.zip(values.chain([self.nmi])).collect()
    }
}

/// Each different value with how often it occurs, in order.
fn runs<T: Ord + Copy>(mut values: Vec<T>) -> Vec<(T, usize)> {
    values.sort_unstable();
    values
        .chunk_by(PartialEq::eq)
        .map(|run| (run[0], run.len()))
        .collect()
}

fn pairs_among(n: f64) -> f64 {
    n * (n - 1.0) / 2.0
}

fn all_pairs<T>(sizes: &[(T, usize)]) -> f64 {
    sizes
        .iter()
        .map(|&(_, size)| pairs_among(size as f64))
        .sum()
}

/// In natural units.
fn entropy<T>(sizes: &[(T, usize)], n: f64) -> f64 {
    sizes
        .iter()
        .map(|&(_, size)| size as f64 / n)
        .map(|share| -share * share.ln())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-12
    }

    /// Amigó et al. 2009 take such cases to tell measures apart; the figures are worked out by hand.
    #[test]
    fn a_case_worked_out_by_hand() {
        // Found: {a, a, a, b}, {b, b}, {c}.
        let report = ClusterReport::new(&[0, 0, 0, 1, 1, 1, 2], &[5, 5, 5, 5, 6, 6, 9]);
        assert_eq!((report.items, report.true_clusters), (7, 3));
        assert_eq!(report.found_clusters, 3);
        // Precision: three times 3/4, once 1/4, three times 1. Recall: three and c 1, b 1/3, 2/3, 2/3.
        let precision = (3.0 * 0.75 + 0.25 + 3.0) / 7.0;
        let recall = (3.0 + 1.0 / 3.0 + 4.0 / 3.0 + 1.0) / 7.0;
        assert!(close(report.b_cubed.precision, precision), "{report:?}");
        assert!(close(report.b_cubed.recall, recall), "{report:?}");
        let f = 2.0 * precision * recall / (precision + recall);
        assert!(close(report.b_cubed.f, f), "{report:?}");
        // Right pairs: 3 of a, 1 of b; found 6 + 1; true 3 + 3.
        assert!(close(report.pairwise.precision, 4.0 / 7.0), "{report:?}");
        assert!(close(report.pairwise.recall, 4.0 / 6.0), "{report:?}");
        assert!(close(report.pairwise.f, 8.0 / 13.0), "{report:?}");
    }

    #[test]
    fn mutual_information_of_a_known_table() {
        // Two fair coins that agree in three of four throws: I = ln 2 − H(3/4, 1/4).
        let report = ClusterReport::new(&[0, 0, 0, 0, 1, 1, 1, 1], &[0, 0, 0, 1, 1, 1, 1, 0]);
        let h = -(0.75_f64 * 0.75_f64.ln() + 0.25 * 0.25_f64.ln());
        let ln_2 = std::f64::consts::LN_2;
        assert!(close(report.nmi, (ln_2 - h) / ln_2), "{report:?}");
        let independent = ClusterReport::new(&[0, 0, 1, 1], &[0, 1, 0, 1]);
        assert!(close(independent.nmi, 0.0), "{independent:?}");
    }

    #[test]
    fn labels_are_only_names() {
        let report = ClusterReport::new(&[0, 1, 1, 2, 0], &[70, 3, 3, usize::MAX, 70]);
        for measure in [report.b_cubed, report.pairwise] {
            assert_eq!(
                (measure.precision, measure.recall, measure.f),
                (1.0, 1.0, 1.0)
            );
        }
        assert!(close(report.nmi, 1.0));
    }

    #[test]
    fn everybody_alone_and_all_together() {
        let truth = [0, 0, 1, 1, 2, 2];
        let alone = ClusterReport::new(&truth, &[0, 1, 2, 3, 4, 5]);
        assert_eq!((alone.b_cubed.precision, alone.b_cubed.recall), (1.0, 0.5));
        assert_eq!(
            (alone.pairwise.precision, alone.pairwise.recall),
            (1.0, 0.0)
        );
        assert_eq!(alone.pairwise.f, 0.0);
        let together = ClusterReport::new(&truth, &[0; 6]);
        assert!(close(together.b_cubed.precision, 1.0 / 3.0));
        assert_eq!(together.b_cubed.recall, 1.0);
        assert!(close(together.pairwise.precision, 3.0 / 15.0));
        assert_eq!(together.nmi, 0.0);
    }

    #[test]
    fn nothing_to_get_wrong() {
        for (truth, found) in [(&[][..], &[][..]), (&[4], &[9])] {
            let report = ClusterReport::new(truth, found);
            assert_eq!(
                (report.b_cubed.f, report.pairwise.f, report.nmi),
                (1.0, 1.0, 1.0)
            );
        }
        let strangers = ClusterReport::new(&[0, 1, 2], &[0, 1, 2]);
        assert_eq!((strangers.b_cubed.f, strangers.pairwise.f), (1.0, 1.0));
    }

    #[test]
    fn swapping_truth_and_answer_swaps_precision_and_recall() {
        let (a, b) = ([0, 0, 1, 1, 1, 2], [1, 1, 1, 0, 0, 0]);
        let (there, back) = (ClusterReport::new(&a, &b), ClusterReport::new(&b, &a));
        assert!(close(there.b_cubed.precision, back.b_cubed.recall));
        assert!(close(there.pairwise.recall, back.pairwise.precision));
        assert!(close(there.nmi, back.nmi));
    }

    #[test]
    #[should_panic(expected = "a true and a found group")]
    fn unequal_lengths_are_a_mistake_of_the_caller() {
        ClusterReport::new(&[0, 1], &[0]);
    }
}
