//! Learners on synthetic samples, compared with scikit-learn on the very same.

use ndarray::Array2;

use super::*;

/// Numbers in [0, 1) that are easily made elsewhere too: a linear congruential generator (Knuth's MMIX
/// constants), of whose 64 bits the upper 32 count.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as f64 / 4_294_967_296.0
    }
}

/// `n` samples of `k` classes with `d` values: around a mean of its class, which are `spread` apart.
pub(crate) fn blobs(
    n: usize,
    k: usize,
    d: usize,
    spread: f64,
    seed: u64,
) -> (Array2<f32>, Vec<usize>) {
    let mut sequence = Sequence(seed);
    let means: Vec<f64> = (0..k * d)
        .map(|_| (sequence.next() - 0.5) * spread)
        .collect();
    let labels: Vec<usize> = (0..n).map(|i| i % k).collect();
    let features = Array2::from_shape_fn((n, d), |(i, j)| {
        let noise: f64 = (0..4).map(|_| sequence.next() - 0.5).sum();
        (means[labels[i] * d + j] + noise) as f32
    });
    (features, labels)
}

const N_CLASSES: usize = 4;

/// Trains on 200 samples and gives what the others are taken for, and what they are.
fn held_out(learner: &Learner, seed: u64) -> (Trained, Array2<f32>, Vec<usize>, Vec<usize>) {
    let (features, labels) = blobs(400, N_CLASSES, 6, 1.5, 7);
    let (training, rest) = features.view().split_at(ndarray::Axis(0), 200);
    let samples = Samples {
        features: training,
        labels: &labels[..200],
    };
    let trained = learner.fit(&samples, N_CLASSES, seed).unwrap();
    assert!(trained.is_converged());
    assert_eq!(trained.check(6, N_CLASSES), Ok(()));
    let predicted = trained.predict(rest);
    (trained, rest.to_owned(), predicted, labels[200..].to_vec())
}

/// Share of right answers, and a sum that tells which answers were given.
fn answers(text: &str, seed: u64) -> (f64, usize) {
    let (_, _, predicted, truth) = held_out(&text.parse().unwrap(), seed);
    let right = predicted.iter().zip(&truth).filter(|(a, b)| a == b).count();
    let sum = predicted.iter().zip(1..).map(|(class, i)| class * i).sum();
    (right as f64 / truth.len() as f64, sum)
}

/// All figures in these tests are those of scikit-learn 1.9 for the same samples.
#[test]
fn answers_are_those_of_scikit_learn() {
    for (learner, accuracy, sum) in [
        ("svc", 0.665, 29_607),
        ("svc:C=10", 0.615, 28_669),
        ("svc:kernel=linear", 0.675, 32_532),
        ("svc:class_weight=balanced", 0.665, 29_607),
        ("logistic", 0.705, 30_831),
        ("logistic:C=10", 0.71, 30_000),
        ("knn", 0.59, 27_173),
        ("centroid", 0.685, 29_822),
    ] {
        assert_eq!(answers(learner, 0), (accuracy, sum), "{learner}");
    }
}

#[test]
fn a_forest_is_as_good_as_that_of_scikit_learn() {
    for criterion in ["gini", "entropy"] {
        let learner = format!("forest:criterion={criterion}");
        let accuracies: Vec<f64> = (0..5).map(|seed| answers(&learner, seed).0).collect();
        let mean = accuracies.iter().sum::<f64>() / 5.0;
        assert!((mean - 0.655).abs() < 0.03, "{criterion}: {accuracies:?}");
    }
}

#[test]
fn trees_keep_to_their_bounds() {
    let accuracy = |options: &str| answers(&format!("forest:{options}"), 1).0;
    // A single split parts two of four classes.
    assert!(accuracy("n_estimators=1,max_depth=1") <= 0.5);
    assert!(accuracy("n_estimators=1,min_samples_leaf=90") <= 0.5);
    assert!(accuracy("n_estimators=20,max_features=all") > 0.5);
}

#[test]
fn support_vectors_and_decisions_are_those_of_libsvm() {
    let (trained, rest, ..) = held_out(&"svc".parse().unwrap(), 0);
    let Trained::Svc(svc) = &trained else {
        panic!("expected a support vector machine");
    };
    assert_eq!(svc.n_support(), 154);
    let expected = [
        [
            0.295_862_7,
            1.439_875,
            -0.196_220_1,
            0.632_909_8,
            -0.752_991_4,
            -1.274_139_5,
        ],
        [
            -1.758_778_2,
            0.463_152_2,
            0.276_209_1,
            1.366_906_8,
            1.435_808_7,
            -0.291_085_2,
        ],
    ];
    for (row, expected) in svc.decisions(rest.view()).rows().into_iter().zip(expected) {
        for (found, expected) in row.iter().zip(expected) {
            assert!((found - expected).abs() < 2e-3, "{found} {expected}");
        }
    }
}

#[test]
fn probabilities_sum_up_to_one_and_are_near_those_of_scikit_learn() {
    // Its folds are drawn otherwise, so that its sigmoids differ a little.
    let (trained, rest, _, truth) = held_out(&"svc".parse().unwrap(), 0);
    let mut log = 0.0;
    for (found, truth) in trained
        .probabilities(rest.view())
        .rows()
        .into_iter()
        .zip(&truth)
    {
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        log += found[*truth].ln();
    }
    let mean = log / truth.len() as f64;
    assert!((mean + 0.827).abs() < 0.02, "{mean}");
    let (trained, rest, ..) = held_out(&"logistic".parse().unwrap(), 0);
    let expected = [0.386_366_8, 0.141_172_6, 0.013_180_7, 0.459_279_8];
    let found = trained.probabilities(rest.view());
    for (found, expected) in found.row(0).iter().zip(expected) {
        assert!((found - expected).abs() < 2e-3, "{found} {expected}");
    }
}

#[test]
fn a_class_without_samples_is_never_predicted() {
    let (features, labels) = blobs(60, 3, 4, 3.0, 1);
    let samples = Samples {
        features: features.view(),
        labels: &labels,
    };
    for text in [
        "svc:kernel=linear",
        "logistic",
        "forest",
        "knn:n_neighbors=3",
        "centroid",
    ] {
        let trained = text
            .parse::<Learner>()
            .unwrap()
            .fit(&samples, 5, 0)
            .unwrap();
        assert!(
            trained
                .predict(features.view())
                .iter()
                .all(|class| *class < 3),
            "{text}"
        );
        for row in trained.probabilities(features.view()).rows() {
            assert!(row[3] == 0.0 && row[4] == 0.0, "{text} {row}");
        }
    }
}

#[test]
fn more_features_than_samples_change_nothing() {
    // Each feature ten times, of which each counts a tenth: the same inner products, in a space of 60 dimensions.
    let (narrow, labels) = blobs(40, 3, 6, 1.5, 7);
    let wide = Array2::from_shape_fn((40, 60), |(i, j)| narrow[(i, j % 6)] / 10f32.sqrt());
    for text in [
        "logistic:tol=1e-7,max_iter=9000",
        "svc:gamma=0.1",
        "svc:kernel=linear",
        "knn",
    ] {
        let learner: Learner = text.parse().unwrap();
        let probabilities = |features: &Array2<f32>| {
            let samples = Samples {
                features: features.view(),
                labels: &labels,
            };
            let trained = learner.fit(&samples, 3, 0).unwrap();
            trained.probabilities(features.view())
        };
        let differences = probabilities(&narrow) - probabilities(&wide);
        assert!(
            differences.iter().all(|d| d.abs() < 1e-3),
            "{text} {differences}"
        );
    }
}

#[test]
fn training_that_is_cut_short_is_said() {
    let (features, labels) = blobs(60, 3, 4, 3.0, 1);
    let samples = Samples {
        features: features.view(),
        labels: &labels,
    };
    let fit = |text: &str| {
        text.parse::<Learner>()
            .unwrap()
            .fit(&samples, 3, 0)
            .unwrap()
    };
    assert!(!fit("logistic:max_iter=2").is_converged());
    assert!(fit("logistic").is_converged());
}

#[test]
fn many_samples_are_solved_pair_by_pair_with_the_same_result() {
    let (features, labels) = blobs(90, 3, 4, 1.5, 3);
    let samples = Samples {
        features: features.view(),
        labels: &labels,
    };
    let options = SvcOptions::default();
    let products = Products::new(features.view());
    let together = Svc::fit(&samples, 3, &options, products.as_ref(), Some(1));
    let apart = Svc::fit(&samples, 3, &options, None, Some(1));
    let difference = together.probabilities(features.view()) - apart.probabilities(features.view());
    assert!(difference.iter().all(|d| d.abs() < 1e-6), "{difference}");
    assert_eq!(
        together.predict(features.view()),
        apart.predict(features.view())
    );
}
