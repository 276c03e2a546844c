use ndarray::Array2;

use super::*;
use crate::learn::tests::blobs;

/// Three classes around means that are 1 apart, in the first of eight values.
fn samples(n: usize) -> (Array2<f32>, Vec<usize>) {
    let mut random = fastrand::Rng::with_seed(4);
    let labels: Vec<usize> = (0..n).map(|i| i % 3).collect();
    let features = Array2::from_shape_fn((n, 8), |(i, j)| {
        let mean = if j == 0 { labels[i] as f32 } else { 0.0 };
        mean + 0.3 * (random.f32() + random.f32() - 1.0)
    });
    (features, labels)
}

const ALL: [&str; 9] = [
    "svc",
    "scale+svc:kernel=linear",
    "scale+pca:0.9+logistic",
    "lda+centroid",
    "lda:1+svc:C=10",
    "pca:2+knn:n_neighbors=3",
    "scale+forest:n_estimators=7",
    "logistic:class_weight=balanced",
    "pca+knn:weights=distance",
];

#[test]
fn what_is_written_is_read_again() {
    for (text, canonical) in [
        ("scale + svc:C=10, kernel=rbf", "scale+svc:C=10,kernel=rbf"),
        (
            "scale+pca:n_components=20+knn",
            "scale+pca:20+knn:n_neighbors=5",
        ),
        ("pca:0.95+lda+centroid", ""),
        ("lda:n_components=2+centroid", "lda:2+centroid"),
        ("pca+forest", "pca+forest:n_estimators=100"),
    ] {
        let Ok(pipeline) = text.parse::<Pipeline>() else {
            assert_eq!(canonical, "", "{text}");
            continue;
        };
        assert_eq!(pipeline.to_string(), canonical);
        assert_eq!(canonical.parse::<Pipeline>().unwrap(), pipeline);
    }
    for (text, message) in [
        (
            "scal+svc",
            "expected steps joined by `+` and a learner at the end, as in `scale+svc:C=10`, found `scal+svc`",
        ),
        (
            "svn",
            "expected one of scale, pca, lda, svc, logistic, forest, knn, centroid, found `svn`",
        ),
        (
            "scale+pca:1.5+svc",
            "pca: expected n_components to be a whole number from 1 on, or a share between 0 and 1, found `1.5`",
        ),
        (
            "lda:x+svc",
            "lda: expected n_components to be a whole number from 1 on, found `x`",
        ),
        (
            "pca:a=2+svc",
            "pca: expected options n_components, found `a`",
        ),
    ] {
        assert_eq!(text.parse::<Pipeline>().unwrap_err().to_string(), message);
    }
    for text in ["", "scale", "svc+scale", "pca+scale+svc", "scale+scale+svc"] {
        let error = text.parse::<Pipeline>().unwrap_err();
        assert!(
            !matches!(error, OptionError::Value { .. }),
            "{text}: {error}"
        );
    }
}

/// Share of right answers and a sum that tells which answers were given, by scikit-learn 1.9's pipelines with the same steps for
/// the same samples.
#[test]
fn answers_are_those_of_scikit_learn() {
    let (features, labels) = blobs(400, 4, 6, 1.5, 7);
    let (training, rest) = features.view().split_at(ndarray::Axis(0), 200);
    let samples = Samples {
        features: training,
        labels: &labels[..200],
    };
    for (text, accuracy, sum) in [
        ("scale+pca:3+svc:C=10", 0.65, 27_421),
        ("pca:0.8+knn:weights=distance", 0.615, 32_766),
        ("lda+centroid", 0.71, 31_188),
        ("scale+lda:2+logistic", 0.625, 29_650),
        ("scale+svc:gamma=0.05,C=100", 0.6, 28_870),
    ] {
        let fitted = text
            .parse::<Pipeline>()
            .unwrap()
            .fit(&samples, 4, 0)
            .unwrap();
        let found = fitted.predict_all(rest);
        let right = found
            .iter()
            .zip(&labels[200..])
            .filter(|(a, b)| a == b)
            .count();
        let found_sum: usize = found.iter().zip(1..).map(|(class, i)| class * i).sum();
        assert_eq!((right as f64 / 200.0, found_sum), (accuracy, sum), "{text}");
    }
}

/// `LogisticRegression(max_iter=1000, tol=1e-8)`, scikit-learn 1.9: the optimum, found in the space of the samples.
#[test]
fn more_features_than_samples_have_the_same_optimum() {
    let (features, labels) = blobs(90, 3, 300, 0.6, 5);
    let (training, rest) = features.view().split_at(ndarray::Axis(0), 60);
    let samples = Samples {
        features: training,
        labels: &labels[..60],
    };
    let pipeline: Pipeline = "scale+logistic:tol=1e-8".parse().unwrap();
    let fitted = pipeline.fit(&samples, 3, 0).unwrap();
    assert!(fitted.is_converged());
    assert_eq!(fitted.predict_all(rest), labels[60..]);
    let found = fitted.probabilities_all(rest);
    let expected = [
        0.929_641_4,
        0.056_976_1,
        0.013_382_6,
        0.013_743_8,
        0.981_099_3,
        0.005_156_9,
    ];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
}

#[test]
fn one_by_one_and_together_are_the_same_and_survive_a_file() {
    let (features, labels) = samples(90);
    let samples = Samples {
        features: features.view(),
        labels: &labels,
    };
    for text in ALL {
        let pipeline: Pipeline = text.parse().unwrap();
        let fitted = pipeline.fit(&samples, 4, 1).unwrap();
        assert!(fitted.is_converged() && fitted.check() == Ok(()), "{text}");
        let classes = fitted.predict_all(features.view());
        let probabilities = fitted.probabilities_all(features.view());
        let right = classes.iter().zip(&labels).filter(|(a, b)| a == b).count();
        assert!(right >= 80, "{text}: {right}");
        for (i, row) in features.rows().into_iter().enumerate() {
            let row = row.to_vec();
            assert_eq!(fitted.predict(&row), classes[i], "{text}");
            let one = fitted.probabilities(&row);
            assert_eq!(one, probabilities.row(i).to_vec(), "{text}");
            assert!(
                (one.iter().sum::<f64>() - 1.0).abs() < 1e-9 && one[3] == 0.0,
                "{text}"
            );
        }
        let bytes = postcard::to_stdvec(&fitted).unwrap();
        let again: FittedPipeline = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(again, fitted);
        assert_eq!(
            (fitted.predict(&[1.0]), fitted.probabilities(&[])),
            (0, vec![])
        );
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (features, labels) = samples(60);
    let samples = Samples {
        features: features.view(),
        labels: &labels,
    };
    let with_threads = |n: usize, text: &str| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .unwrap();
        let pipeline: Pipeline = text.parse().unwrap();
        pool.install(|| pipeline.fit(&samples, 3, 9).unwrap())
    };
    for text in ALL {
        assert_eq!(with_threads(1, text), with_threads(3, text), "{text}");
    }
    let forest = |seed| {
        "forest"
            .parse::<Pipeline>()
            .unwrap()
            .fit(&samples, 3, seed)
            .unwrap()
    };
    assert_ne!(forest(1), forest(2));
}

#[test]
fn importances_belong_to_features() {
    let (features, labels) = samples(90);
    let samples = Samples {
        features: features.view(),
        labels: &labels,
    };
    let fit = |text: &str| {
        text.parse::<Pipeline>()
            .unwrap()
            .fit(&samples, 3, 0)
            .unwrap()
    };
    let importances = fit("scale+forest").importances().unwrap();
    assert!(
        importances[0] > 0.4 && importances.len() == 8,
        "{importances:?}"
    );
    assert!((importances.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    assert_eq!(fit("pca:3+forest").importances(), None);
    assert_eq!(fit("svc").importances(), None);
}

#[test]
fn what_cannot_be_learnt_from_is_an_error() {
    let (mut features, labels) = samples(9);
    let pipeline: Pipeline = "scale+svc".parse().unwrap();
    let fit = |features: &Array2<f32>, labels: &[usize], n_classes| {
        let features = features.view();
        let samples = Samples { features, labels };
        pipeline
            .fit(&samples, n_classes, 0)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        fit(&features, &[1; 9], 3),
        "expected samples of at least 2 classes, found 9 samples, all of class 1"
    );
    assert_eq!(
        fit(&features, &labels, 2),
        "expected classes below 2, found 2 for sample 2"
    );
    assert_eq!(
        fit(&features, &labels[..8], 3),
        "expected a label for each of 9 samples, found 8 labels"
    );
    assert_eq!(
        fit(&Array2::zeros((0, 4)), &[], 3),
        "expected samples with features, found 0 samples of 4 features"
    );
    features[(4, 2)] = f32::NAN;
    assert_eq!(
        fit(&features, &labels, 3),
        "expected finite features, found NaN in feature 2 of sample 4"
    );
}

#[test]
fn a_damaged_value_is_found_out() {
    let (features, labels) = samples(30);
    let samples = Samples {
        features: features.view(),
        labels: &labels,
    };
    for text in ALL {
        let fitted = text
            .parse::<Pipeline>()
            .unwrap()
            .fit(&samples, 3, 1)
            .unwrap();
        let mut other = fitted.clone();
        other.n_classes += 1;
        assert!(other.check().is_err(), "{text}");
        let mut other = fitted.clone();
        other.steps.n_features -= 1;
        assert!(other.check().is_err(), "{text}");
    }
    // Every value of a file may be changed: what passes the check must not panic.
    for text in ALL {
        let fitted = text
            .parse::<Pipeline>()
            .unwrap()
            .fit(&samples, 3, 1)
            .unwrap();
        let bytes = postcard::to_stdvec(&fitted).unwrap();
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..300 {
            let mut bytes = bytes.clone();
            let at = random.usize(..bytes.len());
            bytes[at] ^= 1 << random.u32(..8);
            let Ok(other) = postcard::from_bytes::<FittedPipeline>(&bytes) else {
                continue;
            };
            if other.check().is_ok() {
                let sample = vec![0.5; other.n_features()];
                assert!(other.predict(&sample) < other.n_classes());
                assert_eq!(other.probabilities(&sample).len(), other.n_classes());
            }
        }
    }
}
