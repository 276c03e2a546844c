//! How well the probability of a class tells it from all others.

use ndarray::ArrayView2;
use serde::Serialize;

/// Points of a curve that are kept at most.
const MOST_POINTS: usize = 200;

/// One class against all others, at every threshold of its probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RocCurve {
    /// Its name.
    pub class: String,
    /// Area under the curve: the chance that a sample of the class has a higher probability of it than a sample of
    /// another (ties count half). None without samples of both kinds.
    pub auc: Option<f64>,
    /// From (0, 0) to (1, 1): the share of others that are taken for the class, and the share of its own that are. At most
    /// 200 points.
    pub points: Vec<(f64, f64)>,
}

/// A curve for each of `classes`: `probabilities` has a row for each sample, `labels` its true class.
///
/// # Panics
/// If there are fewer rows than labels, or fewer columns than classes.
pub fn roc_curves(
    classes: &[String],
    probabilities: ArrayView2<'_, f64>,
    labels: &[usize],
) -> Vec<RocCurve> {
    let curve = |(class, name): (usize, &String)| {
        let scores = labels.iter().zip(probabilities.column(class));
        let mut scores: Vec<(f64, bool)> = scores
            .map(|(label, score)| (*score, *label == class))
            .collect();
        scores.sort_by(|a, b| b.0.total_cmp(&a.0));
        let n_own = scores.iter().filter(|(_, is_own)| *is_own).count() as f64;
        let n_others = scores.len() as f64 - n_own;
        let (mut own, mut others, mut area) = (0.0, 0.0, 0.0);
        let mut points = vec![(0.0, 0.0)];
        for same in scores.chunk_by(|a, b| a.0 == b.0) {
            let before = (own, others);
            let n_same = same.iter().filter(|(_, is_own)| *is_own).count() as f64;
            own += n_same;
            others += same.len() as f64 - n_same;
            area += (others - before.1) * f64::midpoint(own, before.0);
            points.push((others / n_others.max(1.0), own / n_own.max(1.0)));
        }
        RocCurve {
            class: name.clone(),
            auc: (n_own * n_others > 0.0).then(|| area / (n_own * n_others)),
            points: thinned(corners(points)),
        }
    };
    classes.iter().enumerate().map(curve).collect()
}

/// Without points on the straight way between their neighbours.
fn corners(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::with_capacity(points.len());
    for point in points {
        if let [.., a, b] = kept[..] {
            let is_level = a.1 == b.1 && b.1 == point.1;
            let is_upright = a.0 == b.0 && b.0 == point.0;
            if is_level || is_upright {
                kept.pop();
            }
        }
        kept.push(point);
    }
    kept
}

fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let n = points.len();
    if n <= MOST_POINTS {
        return points;
    }
    let place = |i: usize| i * (n - 1) / (MOST_POINTS - 1);
    (0..MOST_POINTS).map(|i| points[place(i)]).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn areas_are_those_of_scikit_learn() {
        // roc_auc_score([0, 0, 1, 1, 0, 1], s), scikit-learn 1.9; ties among them.
        let scores = [0.1, 0.4, 0.35, 0.8, 0.4, 0.4];
        let labels = [0, 0, 1, 1, 0, 1];
        let probabilities =
            Array2::from_shape_fn(
                (6, 2),
                |(i, j)| if j == 1 { scores[i] } else { 1.0 - scores[i] },
            );
        let names = ["a", "b"].map(str::to_owned);
        let curves = roc_curves(&names, probabilities.view(), &labels);
        let expected = 2.0 / 3.0;
        assert!(
            curves
                .iter()
                .all(|c| (c.auc.unwrap() - expected).abs() < 1e-12),
            "{curves:?}"
        );
        let points = &curves[1].points;
        assert_eq!(points[0], (0.0, 0.0));
        assert_eq!(*points.last().unwrap(), (1.0, 1.0));
        let none = roc_curves(&names, probabilities.view(), &[1; 6]);
        assert_eq!((none[0].auc, none[1].auc), (None, None));
    }

    #[test]
    fn long_curves_are_thinned_but_keep_their_ends() {
        let mut random = fastrand::Rng::with_seed(1);
        let labels: Vec<usize> = (0..3000).map(|_| random.usize(..2)).collect();
        let probabilities = Array2::from_shape_simple_fn((3000, 2), || random.f64());
        let curves = roc_curves(&["a".into(), "b".into()], probabilities.view(), &labels);
        let points = &curves[0].points;
        assert_eq!(points.len(), MOST_POINTS);
        assert_eq!((points[0], points[199]), ((0.0, 0.0), (1.0, 1.0)));
    }
}
