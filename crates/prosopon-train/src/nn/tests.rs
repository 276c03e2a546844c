//! Whole networks: text, summary, training, files.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array2, ArrayView2};

use super::*;
use crate::rows::Rows;

/// Pictures of 8 × 8 in grey: noise, and a bright bar that lies (class 0), stands (1) or is not there (2).
fn bars(n: usize, seed: u64) -> (Array2<f32>, Vec<usize>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut pictures = Array2::zeros((n, 64));
    let mut labels = Vec::new();
    for mut picture in pictures.rows_mut() {
        let (label, at) = (rng.usize(0..3), rng.usize(0..8));
        for (i, level) in picture.iter_mut().enumerate() {
            let is_bar = (label == 0 && i / 8 == at) || (label == 1 && i % 8 == at);
            *level = if is_bar { 180.0 } else { 0.0 } + 60.0 * rng.f32();
        }
        labels.push(label);
    }
    (pictures, labels)
}

const SMALL: &str = r#"
name = "small"
input = { width = 8, height = 8, channels = 1 }
layers = [
  { kind = "conv2d", filters = 6, padding = "same" },
  { kind = "batch_norm", momentum = 0.8 },
  { kind = "relu" },
  { kind = "max_pool2d" },
  { kind = "flatten" },
  { kind = "dropout", rate = 0.2 },
  { kind = "dense", units = "classes", activation = "softmax" },
]
"#;

fn small() -> Architecture {
    Architecture::parse(SMALL).unwrap()
}

fn options() -> FitOptions {
    FitOptions {
        epochs: 12,
        batch_size: 20,
        optimiser: Optimiser::adam().with_learning_rate(0.01),
        augmentation: Some(Augmentation {
            flip: true,
            noise: 0.02,
            ..Augmentation::default()
        }),
        seed: 5,
        threads: 2,
        ..FitOptions::default()
    }
}

fn train(options: &FitOptions) -> Result<(Network, History), FitError> {
    train_until(options, &mut |_, _| ())
}

/// Trains on bars; `on_epoch` may cancel.
fn train_until(
    options: &FitOptions,
    on_epoch: &mut dyn FnMut(&EpochFigures, &AtomicBool),
) -> Result<(Network, History), FitError> {
    let (training, labels) = bars(210, 1);
    let (validation, validation_labels) = bars(90, 2);
    let cancelled = AtomicBool::new(false);
    fit(
        &small(),
        (&training.view(), &labels),
        (&validation.view(), &validation_labels),
        options,
        &mut |figures| on_epoch(figures, &cancelled),
        &cancelled,
    )
}

#[test]
fn a_network_learns_and_says_how() {
    let mut heard = Vec::new();
    let (network, history) =
        train_until(&options(), &mut |figures, _| heard.push(figures.clone())).unwrap();
    assert_eq!(heard, history.epochs);
    let best = &history.epochs[history.best_epoch - 1];
    let lowest = history.epochs.iter().filter_map(|e| e.validation_loss);
    assert_eq!(best.validation_loss, lowest.min_by(f64::total_cmp));
    assert!(best.validation_accuracy > Some(0.95), "{history:#?}");
    // What the best epoch said is what the network does.
    let (pictures, labels) = bars(90, 2);
    let rows: Vec<Vec<f32>> = pictures
        .rows()
        .into_iter()
        .map(|row| row.to_vec())
        .collect();
    let all = network.probabilities_batch(&rows);
    let is_right = |(p, label): &(&Vec<f64>, &usize)| p.iter().all(|q| *q <= p[**label]);
    let n_right = all.iter().zip(&labels).filter(is_right).count();
    assert_eq!(Some(n_right as f64 / 90.0), best.validation_accuracy);
    for (row, p) in rows.iter().zip(&all) {
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-6);
        for (one, of_many) in network.probabilities(row).iter().zip(p) {
            assert!((one - of_many).abs() < 1e-5);
        }
    }
    assert!(network.probabilities(&rows[0][1..]).is_empty());
}

#[test]
fn threads_do_not_change_the_weights_and_seeds_do() {
    let of = |threads, seed| {
        let options = FitOptions {
            epochs: 2,
            threads,
            seed,
            ..options()
        };
        train(&options).unwrap().0
    };
    assert_eq!(of(1, 5), of(3, 5));
    assert_ne!(of(1, 5), of(1, 6));
}

#[test]
fn a_training_that_was_broken_off_ends_with_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let whole = train(&options()).unwrap();
    let options = FitOptions {
        checkpoint: Some(folder.path().join("state")),
        ..options()
    };
    // Breaks off in the middle of epochs 2, 5 and 8.
    for at in [1, 4, 7] {
        let broken = train_until(&options, &mut |figures, cancelled| {
            cancelled.store(figures.epoch >= at, Ordering::Relaxed);
        });
        assert!(matches!(broken, Err(FitError::Cancelled)), "{at}");
    }
    let resumed = train(&options).unwrap();
    assert_eq!(whole.0, resumed.0);
    let losses = |history: &History| -> Vec<_> {
        let epochs = history.epochs.iter();
        epochs.map(|e| (e.loss, e.validation_loss)).collect()
    };
    assert_eq!(losses(&whole.1), losses(&resumed.1));
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let options = FitOptions {
        epochs: 1,
        checkpoint: Some(path.clone()),
        ..options()
    };
    train(&options).unwrap();
    let other = FitOptions {
        seed: 6,
        ..options.clone()
    };
    let error = train(&other).unwrap_err().to_string();
    assert!(
        error.contains("other samples, layers or options"),
        "{error}"
    );
    let bytes = std::fs::read(&path).unwrap();
    for broken in [&bytes[..bytes.len() / 2], &[0; 3], b""] {
        std::fs::write(&path, broken).unwrap();
        let error = train(&options).unwrap_err().to_string();
        assert!(error.contains("no whole checkpoint"), "{error}");
    }
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    std::fs::write(&path, flipped).unwrap();
    assert!(train(&options).is_err());
}

#[test]
fn early_stopping_takes_the_best_epoch() {
    let options = FitOptions {
        epochs: 60,
        patience: Some(3),
        // Steps so long that it gets worse again.
        optimiser: Optimiser::adam().with_learning_rate(0.05),
        ..options()
    };
    let (_, history) = train(&options).unwrap();
    assert!(history.stopped_early);
    assert_eq!(history.epochs.len(), history.best_epoch + 3);
}

#[test]
fn weights_of_classes_move_what_is_chosen() {
    let with = |class_weights| {
        let options = FitOptions {
            epochs: 3,
            class_weights,
            ..options()
        };
        let network = train(&options).unwrap().0;
        let (pictures, _) = bars(90, 2);
        let rows = pictures.rows().into_iter().map(|row| row.to_vec());
        rows.map(|row| network.probabilities(&row)[2]).sum::<f64>()
    };
    assert!(with(Some(vec![1.0, 1.0, 30.0])) > with(None));
    let zero = FitOptions {
        class_weights: Some(vec![1.0, 2.0]),
        ..options()
    };
    let error = train(&zero).unwrap_err().to_string();
    assert!(error.contains("expected 3, found 2"), "{error}");
}

#[test]
fn one_sigmoid_tells_two_classes_apart() {
    let text = r#"
        name = "two"
        input = { width = 8, height = 8, channels = 1 }
        layers = [
          { kind = "flatten" },
          { kind = "dense", units = 1, activation = "sigmoid" },
        ]"#;
    // Left half bright or right half.
    let labels: Vec<usize> = (0..40).map(|i| i % 2).collect();
    let pictures = Array2::from_shape_fn((40, 64), |(i, at)| {
        if (at % 8 < 4) == (i % 2 == 0) {
            200.0
        } else {
            (i * 7 % 50) as f32
        }
    });
    let options = FitOptions {
        loss: Loss::BinaryCrossEntropy,
        patience: None,
        epochs: 20,
        optimiser: Optimiser::adam().with_learning_rate(0.01),
        ..FitOptions::default()
    };
    let empty: ArrayView2<f32> = ArrayView2::from_shape((0, 64), &[]).unwrap();
    let (network, history) = fit(
        &Architecture::parse(text).unwrap(),
        (&pictures.view(), &labels),
        (&empty, &[]),
        &options,
        &mut |_| (),
        &AtomicBool::new(false),
    )
    .unwrap();
    assert_eq!(history.epochs.last().unwrap().accuracy, 1.0);
    assert_eq!(history.epochs[0].validation_loss, None);
    assert_eq!(history.best_epoch, 20);
    let row = pictures.row(1).to_vec();
    let p = network.probabilities(&row);
    assert!(p.len() == 2 && p[1] > 0.5 && (p[0] + p[1] - 1.0).abs() < 1e-12);
}

#[test]
fn a_network_survives_being_written_and_read() {
    let options = FitOptions {
        epochs: 1,
        ..options()
    };
    let (network, _) = train(&options).unwrap();
    let bytes = postcard::to_allocvec(&network).unwrap();
    let read: Network = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(network, read);
    assert_eq!(read.input(), (8, 8, 1));
    assert_eq!((read.n_inputs(), read.n_classes()), (64, 3));
    read.check().unwrap();
    assert!(postcard::from_bytes::<Network>(&bytes[..bytes.len() - 9]).is_err());
    // Every byte changed alone: read as something that fits together, or refused.
    for i in 0..bytes.len().min(1500) {
        let mut changed = bytes.clone();
        changed[i] ^= 0x41;
        if let Ok(network) = postcard::from_bytes::<Network>(&changed)
            && network.check().is_ok()
        {
            assert_eq!(
                network.probabilities(&[1.0; 64]).len() % network.n_classes(),
                0
            );
        }
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let (pictures, labels) = bars(6, 1);
    let attempt = |labels: &[usize], options: &FitOptions, text: &str| {
        let architecture = Architecture::parse(text).unwrap();
        let view = pictures.view();
        let cancelled = AtomicBool::new(false);
        let result = fit(
            &architecture,
            (&view, labels),
            (&view, labels),
            options,
            &mut |_| (),
            &cancelled,
        );
        result.unwrap_err().to_string()
    };
    let error = attempt(&labels[1..], &options(), SMALL);
    assert_eq!(error, "labels of the training samples: expected 6, found 5");
    let wide = SMALL.replace("width = 8", "width = 9");
    let error = attempt(&labels, &options(), &wide);
    assert_eq!(
        error,
        "values of a sample: expected 72 (9 × 8 × 1), found 64"
    );
    let binary = FitOptions {
        loss: Loss::BinaryCrossEntropy,
        ..options()
    };
    let error = attempt(&labels, &binary, SMALL);
    assert!(
        error.contains("expected sigmoid for binary_cross_entropy, found softmax"),
        "{error}"
    );
    let fixed = SMALL.replace("\"classes\"", "7");
    let error = attempt(&labels, &options(), &fixed);
    assert!(error.contains("7 outputs for 3 classes"), "{error}");
    let long = FitOptions {
        optimiser: Optimiser::sgd().with_learning_rate(f32::MAX),
        ..options()
    };
    let error = attempt(&labels, &long, SMALL);
    assert!(error.contains("not a number in epoch"), "{error}");
}

#[test]
fn a_sample_that_cannot_be_read_is_named() {
    struct Torn;
    impl Rows for Torn {
        fn len(&self) -> usize {
            20
        }
        fn width(&self) -> usize {
            64
        }
        fn read(&self, index: usize, values: &mut [f32]) -> io::Result<()> {
            if index == 13 {
                return Err(io::Error::other("torn off"));
            }
            values.fill(index as f32);
            Ok(())
        }
    }
    let labels: Vec<usize> = (0..20).map(|i| i % 3).collect();
    let no_stopping = FitOptions {
        patience: None,
        ..options()
    };
    let empty: ArrayView2<f32> = ArrayView2::from_shape((0, 64), &[]).unwrap();
    let error = fit(
        &small(),
        (&Torn, &labels),
        (&empty, &[]),
        &no_stopping,
        &mut |_| (),
        &AtomicBool::new(false),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "sample 13 could not be read: torn off"
    );
}

#[test]
fn wrong_layers_are_said_with_their_number() {
    let cases = [
        (
            "{ kind = \"relu\" }",
            "{ kind = \"gelu\" }",
            "layer 3 (gelu): unknown variant `gelu`",
        ),
        (
            "rate = 0.2",
            "rate = 1.5",
            "layer 6 (dropout): `rate` is 1.5",
        ),
        (
            "rate = 0.2",
            "rat = 0.2",
            "layer 6 (dropout): unknown field `rat`",
        ),
        (
            "filters = 6,",
            "",
            "layer 1 (conv2d): missing field `filters`",
        ),
        ("filters = 6", "filters = 0", "layer 1 (conv2d): filters: 0"),
        (
            "filters = 6",
            "filters = 6, kernel = 9, stride = 0",
            "layer 1 (conv2d): stride: 0",
        ),
        (
            "{ kind = \"flatten\" },",
            "",
            "layer 6 (dense): takes a vector and gets (None, 4, 4, 6)",
        ),
        (
            "{ kind = \"max_pool2d\" }",
            "{ kind = \"max_pool2d\", size = 9 }",
            "a window of 9 × 9 does not fit into 8 × 8",
        ),
        (
            "\"classes\"",
            "60000000",
            "layer 7 (dense): units: 60000000",
        ),
        ("width = 8", "width = 100000", "input of 100000 × 8"),
        (
            "name = \"small\"",
            "name = \"small\"\nlearn = 3",
            "unknown field `learn`",
        ),
        ("layers = [", "layers = 3\nx = [", "`layers` must be a list"),
    ];
    for (from, to, expected) in cases {
        assert!(SMALL.contains(from));
        let error = Architecture::parse(&SMALL.replace(from, to)).unwrap_err();
        assert!(
            error.to_string().contains(expected),
            "{error}\nnot: {expected}"
        );
    }
    let huge = SMALL
        .replace("width = 8, height = 8", "width = 1024, height = 1024")
        .replace("filters = 6", "filters = 60000");
    let error = Architecture::parse(&huge).unwrap_err().to_string();
    assert!(
        error.contains("layer 1 (conv2d): the network gets too large"),
        "{error}"
    );
    let error = Architecture::built_in("vgg").unwrap_err().to_string();
    assert_eq!(
        error,
        "no built-in architecture is called `vgg`; there are hobbit, fer and embedder"
    );
}

#[test]
fn text_survives_being_read_and_written() {
    for name in BUILT_IN {
        let architecture = Architecture::built_in(name).unwrap();
        assert_eq!(architecture.name, name);
        assert_eq!(
            Architecture::parse(&architecture.to_toml()).unwrap(),
            architecture
        );
    }
    assert_eq!(Architecture::parse(&small().to_toml()).unwrap(), small());
}

/// Keras 3: `Sequential([Input((40, 40, 1)), Conv2D(32, 3), MaxPooling2D(), Conv2D(64, 3), …]).summary()`, the
/// numbers by hand: 9·32+32, 9·32·64+64, 9·64·64+64, 6·6·64·64+64, 64·7+7.
#[test]
fn the_summary_is_that_of_keras() {
    let summary = Architecture::built_in("fer").unwrap().summary(7).unwrap();
    let n: Vec<usize> = summary.rows.iter().map(|row| row.n_parameters).collect();
    assert_eq!(n, [320, 0, 18_496, 0, 36_928, 0, 147_520, 455]);
    let expected = "\
Model: \"fer\"
┌─────────────────────────────┬────────────────────┬─────────┐
│ Layer (type)                │ Output Shape       │ Param # │
├─────────────────────────────┼────────────────────┼─────────┤
│ conv2d (Conv2D)             │ (None, 38, 38, 32) │     320 │
├─────────────────────────────┼────────────────────┼─────────┤
│ max_pool2d (MaxPooling2D)   │ (None, 19, 19, 32) │       0 │";
    let text = summary.to_string();
    assert!(text.starts_with(expected), "{text}");
    assert!(
        text.contains("Total params: 203,719 (795.78 KB)\n"),
        "{text}"
    );
    let summary = small().summary(3).unwrap();
    assert_eq!(
        (summary.n_trainable, summary.n_other),
        (60 + 12 + 97 * 3, 12)
    );
    assert_eq!(summary.rows[1].n_parameters, 24); // With its running statistics, as Keras counts.
}

/// Trials whose epochs were heard of, and the result.
fn search(
    folder: &std::path::Path,
    n: usize,
    stop_at: usize,
) -> (Vec<usize>, Result<SearchResult, FitError>) {
    let (training, labels) = bars(120, 1);
    let (validation, validation_labels) = bars(60, 2);
    let cancelled = AtomicBool::new(false);
    let mut trained = Vec::new();
    let options = FitOptions {
        epochs: 4,
        ..options()
    };
    let space = SearchSpace {
        filters: vec![2, 4, 8],
        learning_rate: (1e-3, 3e-2),
        ..SearchSpace::default()
    };
    let result = random_search(
        &small(),
        &space,
        n,
        (&training.view(), &labels),
        (&validation.view(), &validation_labels),
        &options,
        Some(folder),
        &mut |event| {
            if let SearchEvent::Epoch(number, figures) = event {
                trained.push(number);
                cancelled.store(number == stop_at && figures.epoch == 2, Ordering::Relaxed);
            }
        },
        &cancelled,
    );
    trained.dedup();
    (trained, result)
}

#[test]
fn a_search_goes_on_where_it_was_and_the_best_comes_first() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (trained, whole) = search(folders[0].path(), 5, 0);
    assert_eq!(trained, [1, 2, 3, 4, 5]);
    let whole = whole.unwrap();
    let (trained, broken) = search(folders[1].path(), 4, 3);
    assert!(matches!(broken, Err(FitError::Cancelled)));
    assert_eq!(trained, [1, 2, 3]);
    let (trained, resumed) = search(folders[1].path(), 5, 0);
    assert_eq!(trained, [3, 4, 5]);
    let resumed = resumed.unwrap();
    assert_eq!(whole.network, resumed.network);
    let numbers = |result: &SearchResult| -> Vec<_> {
        let trials = result.trials.iter();
        trials
            .map(|t| (t.number, t.filters.clone(), t.loss()))
            .collect()
    };
    assert_eq!(numbers(&whole), numbers(&resumed));
    assert!(whole.trials.is_sorted_by(|a, b| a.loss() <= b.loss()));
    let first = whole.trials.iter().find(|trial| trial.number == 1).unwrap();
    assert_eq!(
        (first.filters.as_slice(), first.learning_rate),
        (&[6][..], 0.01)
    );
    assert!(whole.trials.iter().any(|trial| trial.filters != [6]));
    // Nothing is left to do.
    assert!(search(folders[1].path(), 5, 0).0.is_empty());
}
