//! A page from a real, small training.

use std::sync::atomic::AtomicBool;

use ndarray::{Array2, Axis};
use prosopon::image::Image;

use super::*;
use crate::grid::{grid_search, out_of_fold};
use crate::learn::Samples;
use crate::metrics::label_doubts;
use crate::nn::EpochFigures;
use crate::split::{stratified_folds, stratified_split};

const CLASSES: [&str; 5] = ["dominic", "elijah <wood>", "ian", "orlando", "sean astin"];

/// Five classes whose means lie near each other; some labels are wrong.
fn samples() -> (Array2<f32>, Vec<usize>) {
    let mut random = fastrand::Rng::with_seed(11);
    let mut labels: Vec<usize> = (0..220).map(|i| i % 9 % 5).collect();
    let features = Array2::from_shape_fn((220, 12), |(i, j)| {
        let mean = if j % 5 == labels[i] { 1.0 } else { 0.0 };
        mean + (random.f32() + random.f32() + random.f32()) - 1.5
    });
    for i in [9, 60, 131] {
        labels[i] = (labels[i] + 1) % 5;
    }
    (features, labels)
}

/// Of a network whose validation loss is lowest at epoch 9.
fn history() -> History {
    let epoch = |i: usize| EpochFigures {
        epoch: i,
        loss: 1.6 / i as f64,
        accuracy: 1.0 - 0.8 / i as f64,
        validation_loss: Some(1.7 / i as f64 + 0.02 * i as f64),
        validation_accuracy: Some(0.9 - 0.8 / i as f64),
        seconds: 0.1,
    };
    History {
        epochs: (1..30).map(epoch).collect(),
        best_epoch: 9,
        stopped_early: true,
    }
}

/// The report of training on [`samples`].
fn report() -> TrainingReport {
    let (features, labels) = samples();
    let classes = CLASSES.map(str::to_owned);
    let never = AtomicBool::new(false);
    let split = stratified_split(&labels, None, 0.25, 1).unwrap();
    let pick = |places: &[usize]| places.iter().map(|i| labels[*i]).collect::<Vec<_>>();
    let (training, held_out) = (pick(&split.training), pick(&split.held_out));
    let of_training = features.select(Axis(0), &split.training);
    let samples = Samples {
        features: of_training.view(),
        labels: &training,
    };
    let folds = stratified_folds(&training, None, 5, 1).unwrap();
    let texts = [
        "scale+svc:C=10",
        "scale+forest:n_estimators=10",
        "logistic:max_iter=2",
        "pca:40+knn",
    ];
    let candidates = texts.map(|text| text.parse().unwrap());
    let grid = grid_search(&samples, 5, &candidates, &folds, 1, &|_| {}, &never).unwrap();
    let best = grid.best().pipeline;
    let fitted = best.fit(&samples, 5, 1).unwrap();
    let rest = features.select(Axis(0), &split.held_out);
    let pictures: Vec<String> = (0..220)
        .map(|i| format!("faces/{}/{i:03}.jpg", CLASSES[labels[i]]))
        .collect();
    let of_rest: Vec<String> = split
        .held_out
        .iter()
        .map(|i| pictures[*i].clone())
        .collect();
    let probabilities = fitted.probabilities_all(rest.view());
    let predictions = Predictions {
        classes: &classes,
        samples: &split.held_out,
        pictures: &of_rest,
        labels: &held_out,
        predicted: &fitted.predict_all(rest.view()),
        probabilities: probabilities.view(),
    };
    let first = Evaluation::new(
        "a quarter of the pictures, held out",
        &predictions,
        Vec::new(),
    );
    let all = Samples {
        features: features.view(),
        labels: &labels,
    };
    let folds = stratified_folds(&labels, None, 5, 2).unwrap();
    let found = out_of_fold(&best, &all, 5, &folds, 1, &never).unwrap();
    let doubts = label_doubts(found.probabilities.view(), &labels);
    let forest = candidates[1]
        .fit(&samples, 5, 1)
        .unwrap()
        .importances()
        .unwrap();
    let counts = |labels: &[usize], class| labels.iter().filter(|label| **label == class).count();
    TrainingReport {
        name: "hobbits".to_owned(),
        created: "2026-11-22T16:00:00Z".to_owned(),
        program: "prosopon 0.1.0".to_owned(),
        command: "prosopon train faces --grid".to_owned(),
        seed: 1,
        feature: "pixels".to_owned(),
        learner: best.to_string(),
        models: vec!["yunet@d8a4e9b1".to_owned()],
        seconds: 1.25,
        data: DataFacts {
            source: "faces".to_owned(),
            n_pictures: 231,
            skipped: vec![
                ("without a face".to_owned(), 10),
                ("unreadable".to_owned(), 1),
            ],
            n_near_duplicates: 4,
            classes: (0..5)
                .map(|class| ClassCounts {
                    class: classes[class].clone(),
                    n_training: counts(&training, class),
                    n_held_out: counts(&held_out, class),
                })
                .collect(),
        },
        evaluations: vec![first],
        doubts: DoubtfulPicture::all(&doubts, &classes, &pictures),
        importances: Importance::top(&forest, 8, |i| format!("pixel {i}")),
        grid: grid.cells,
        history: Some(history()),
        warnings: vec!["class ian has few pictures".to_owned()],
        facts: vec![("held out".to_owned(), "25 %".to_owned())],
    }
}

/// A picture of one colour for each sample.
fn thumbnail(sample: usize) -> Option<Vec<u8>> {
    let color = [(sample * 37 % 200) as u8, 120, (sample * 91 % 200) as u8];
    Image::filled(48, 48, color).encode_jpeg(90).ok()
}

#[test]
fn a_page_says_all_of_a_training() {
    let report = report();
    let page = html(&report, &thumbnail);
    if let Ok(path) = std::env::var("PROSOPON_TEST_PAGE") {
        std::fs::write(path, &page).unwrap();
    }
    for expected in [
        "that it was not trained on are recognised",
        "Note: class ian has few pictures",
        "elijah &lt;wood&gt;",
        "mean of classes (macro)",
        "Confusion matrix",
        "ROC: each class against all others",
        "Expected calibration error",
        "What is confused most",
        "Labels to look at",
        "scale + svc:C=10, kernel=rbf",
        "stopped before its end in 5 of 5 folds",
        "pca: expected at most 12 components",
        "best: epoch 9",
        "Features that matter most",
        "10 without a face, 1 unreadable",
        "prosopon train faces --grid",
        "data:image/jpeg;base64,",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(!page.contains("NaN") && !page.contains("<script"));
    // The planted errors are among the first doubts.
    let first = report.doubts.iter().take(12);
    let found = first
        .filter(|doubt| [9, 60, 131].contains(&doubt.sample))
        .count();
    assert!(found >= 2, "{:?}", report.doubts);
}

#[test]
fn the_json_has_the_figures() {
    let report = report();
    let json = serde_json::to_value(&report).unwrap();
    let first = &json["evaluations"][0];
    let accuracy = first["accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.5 && accuracy < 1.0, "{accuracy}");
    assert_eq!(first["classes"][1]["class"], "elijah <wood>");
    assert!(first["classes"][1]["recall"].is_number());
    assert_eq!(first["confusion"]["counts"].as_array().unwrap().len(), 5);
    assert_eq!(json["grid"][0]["pipeline"], json["learner"]);
    assert_eq!(json["data"]["skipped"][0][1], 10);
    let mistakes = first["mistakes"].as_array().unwrap().len();
    let held_out: u64 = first["macro_average"]["support"].as_u64().unwrap();
    assert_eq!(
        mistakes as f64,
        (held_out as f64 * (1.0 - accuracy)).round()
    );
}

#[test]
fn little_is_said_of_little() {
    let mut report = report();
    report.evaluations.clear();
    report.grid.clear();
    report.doubts.clear();
    report.importances.clear();
    report.history = None;
    let page = html(&report, &|_| None);
    assert!(page.contains("5 classes, 220 pictures"));
    assert!(!page.contains("What was tried") && !page.contains("What is confused"));
}

#[test]
fn matrices_of_all_sizes_are_drawn() {
    for n in [2, 12, 40, 300] {
        let classes: Vec<String> = (0..n)
            .map(|i| format!("a person with a long name {i}"))
            .collect();
        let pairs = (0..n * 20).map(|i| (i % n, (i % n + i % 5 / 4) % n));
        let svg = confusion_matrix(&crate::metrics::Confusion::new(&classes, pairs));
        assert!(svg.width() < 1600.0 && svg.to_image(1.0).is_ok(), "{n}");
        let has_counts = svg.to_svg().contains(">16</text>");
        assert_eq!(has_counts, n <= 12, "{n}");
    }
}
