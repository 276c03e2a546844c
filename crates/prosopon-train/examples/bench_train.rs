//! Our side of `scripts/bench-train`.
//!
//! ```text
//! bench_train speed ARCHITECTURE SAMPLES CLASSES THREADS EPOCHS   seconds of each epoch, on noise
//! bench_train accuracy ARCHITECTURE FOLDER SEED OPTIONS…          share of the test pictures that is right
//! ```
//!
//! FOLDER has `train`, `validation` and `test`, each as `-x.npy` (levels, f32) and `-y.npy` (labels, i64). OPTIONS are
//! `augment`, `lr=RATE`, `epochs=N`, `patience=N`, `batch=N`.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use ndarray::{Array1, Array2, ArrayView2};
use prosopon_train::nn::{Architecture, Augmentation, FitOptions, fit};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["speed", name, samples, classes, threads, epochs] => speed(
            &Architecture::built_in(name)?,
            samples.parse()?,
            classes.parse()?,
            threads.parse()?,
            epochs.parse()?,
        ),
        ["accuracy", name, folder, seed, options @ ..] => accuracy(
            &Architecture::built_in(name)?,
            Path::new(folder),
            seed.parse()?,
            options,
        ),
        _ => Err("see the comment at the top of bench_train.rs".into()),
    }
}

fn speed(
    architecture: &Architecture,
    n: usize,
    n_classes: usize,
    threads: usize,
    epochs: usize,
) -> Result<(), Box<dyn Error>> {
    let input = architecture.input;
    let mut rng = fastrand::Rng::with_seed(1);
    let size = (n, input.width * input.height * input.channels);
    let pictures = Array2::from_shape_simple_fn(size, || 255.0 * rng.f32());
    let labels: Vec<usize> = (0..n).map(|i| i % n_classes).collect();
    let options = FitOptions {
        epochs,
        patience: None,
        threads,
        ..FitOptions::default()
    };
    let empty = ArrayView2::from_shape((0, 1), &[])?;
    fit(
        architecture,
        (&pictures.view(), &labels),
        (&empty, &[]),
        &options,
        &mut |epoch| println!("{:.4}", epoch.seconds),
        &AtomicBool::new(false),
    )?;
    Ok(())
}

fn accuracy(
    architecture: &Architecture,
    folder: &Path,
    seed: u64,
    changes: &[&str],
) -> Result<(), Box<dyn Error>> {
    let read = |name: &str| -> Result<(Array2<f32>, Vec<usize>), Box<dyn Error>> {
        let pictures = ndarray_npy::read_npy(folder.join(format!("{name}-x.npy")))?;
        let labels: Array1<i64> = ndarray_npy::read_npy(folder.join(format!("{name}-y.npy")))?;
        Ok((
            pictures,
            labels.iter().map(|label| *label as usize).collect(),
        ))
    };
    let (training, validation, test) = (read("train")?, read("validation")?, read("test")?);
    let mut options = FitOptions {
        seed,
        patience: Some(5),
        threads: 2,
        ..FitOptions::default()
    };
    for change in changes {
        match change.split_once('=') {
            None if *change == "augment" => options.augmentation = Some(Augmentation::usual()),
            Some(("lr", rate)) => {
                options.optimiser = options.optimiser.with_learning_rate(rate.parse()?);
            }
            Some(("epochs", n)) => options.epochs = n.parse()?,
            Some(("patience", n)) => options.patience = Some(n.parse()?),
            Some(("batch", n)) => options.batch_size = n.parse()?,
            _ => return Err(format!("unknown option {change}").into()),
        }
    }
    let (network, history) = fit(
        architecture,
        (&training.0.view(), &training.1),
        (&validation.0.view(), &validation.1),
        &options,
        &mut |_| (),
        &AtomicBool::new(false),
    )?;
    let rows: Vec<Vec<f32>> = test.0.rows().into_iter().map(|row| row.to_vec()).collect();
    let mut n_right = 0;
    for (p, label) in network.probabilities_batch(&rows).iter().zip(&test.1) {
        n_right += usize::from(p.iter().all(|other| *other <= p[*label]));
    }
    let best = &history.epochs[history.best_epoch - 1];
    println!(
        "{:.4} {} {} {:.4}",
        n_right as f64 / test.1.len() as f64,
        history.best_epoch,
        history.epochs.len(),
        best.validation_accuracy.unwrap_or_default(),
    );
    Ok(())
}
