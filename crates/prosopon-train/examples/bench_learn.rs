//! The measuring part of `scripts/bench-learn`: learners on arrays that NumPy wrote, for a comparison with scikit-learn.
//!
//! ```text
//! bench_learn features CROPS OUT          features of pictures in folders, one for each class
//! bench_learn predict DATA PIPELINE SEED  trains on the rows of DATA's training.npy, predicts about the others
//! bench_learn splits DATA PIPELINE        accuracy for each row of DATA's splits.npy
//! bench_learn grid DATA                   the default grid on DATA's folds.npy
//! ```
//!
//! DATA is a folder with `x.npy` (f32, samples × features) and `y.npy` (i64). Answers are JSON on standard output.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ndarray::{Array1, Array2, Axis};
use ndarray_npy::{read_npy, write_npy};
use prosopon::classic::feature::feature;
use prosopon::image::{DecodeLimits, Image};
use prosopon_train::grid::{default_grid, grid_search};
use prosopon_train::learn::Samples;
use prosopon_train::pipeline::Pipeline;
use prosopon_train::split::Split;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["features", crops, out] => features(Path::new(crops), Path::new(out)),
        ["predict", data, pipeline, seed] => predict(Path::new(data), pipeline, seed.parse()?),
        ["splits", data, pipeline] => splits(Path::new(data), pipeline),
        ["grid", data] => grid(Path::new(data)),
        _ => Err("expected `features`, `predict`, `splits` or `grid` with their arguments".into()),
    }
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut paths = std::fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    Ok(paths)
}

fn features(crops: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let feature = feature("pixels+wavelet")?;
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    let folders = sorted(crops)?.into_iter().filter(|path| path.is_dir());
    for (class, folder) in folders.enumerate() {
        for path in sorted(&folder)? {
            let Ok(image) = Image::open(&path, &DecodeLimits::default()) else {
                continue;
            };
            values.extend(
                feature
                    .extract(&image)?
                    .into_iter()
                    .map(|value| value as f32),
            );
            labels.push(class as i64);
        }
    }
    let shape = (labels.len(), feature.length());
    write_npy(out.join("x.npy"), &Array2::from_shape_vec(shape, values)?)?;
    write_npy(out.join("y.npy"), &Array1::from_vec(labels))?;
    println!("{}", json!({ "samples": shape.0, "features": shape.1 }));
    Ok(())
}

type Data = (Array2<f32>, Vec<usize>, usize);

/// Features, labels, and how many classes there are.
fn read(data: &Path) -> Result<Data, Box<dyn Error>> {
    let features: Array2<f32> = read_npy(data.join("x.npy"))?;
    let labels: Array1<i64> = read_npy(data.join("y.npy"))?;
    let labels: Vec<usize> = labels.iter().map(|label| *label as usize).collect();
    let n_classes = labels.iter().max().map_or(0, |most| most + 1);
    Ok((features, labels, n_classes))
}

/// Rows that are 1 are trained on, rows that are 0 are held out.
fn split<'a>(is_training: impl IntoIterator<Item = &'a i64>) -> Split {
    let places = is_training.into_iter().enumerate();
    let (training, held_out): (Vec<_>, Vec<_>) = places.partition(|(_, one)| **one == 1);
    Split {
        training: training.into_iter().map(|(i, _)| i).collect(),
        held_out: held_out.into_iter().map(|(i, _)| i).collect(),
    }
}

fn predict(data: &Path, pipeline: &str, seed: u64) -> Result<(), Box<dyn Error>> {
    let (features, labels, n_classes) = read(data)?;
    let split = split(&read_npy::<_, Array1<i64>>(data.join("training.npy"))?);
    let training = features.select(Axis(0), &split.training);
    let held_out = features.select(Axis(0), &split.held_out);
    let start = Instant::now();
    let samples = Samples {
        features: training.view(),
        labels: &split
            .training
            .iter()
            .map(|i| labels[*i])
            .collect::<Vec<_>>(),
    };
    let fitted = pipeline
        .parse::<Pipeline>()?
        .fit(&samples, n_classes, seed)?;
    let fit_secs = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let predicted = fitted.predict_all(held_out.view());
    let predict_secs = start.elapsed().as_secs_f64();
    let probabilities = fitted.probabilities_all(held_out.view());
    let rows: Vec<Vec<f64>> = probabilities
        .rows()
        .into_iter()
        .map(|row| row.to_vec())
        .collect();
    let answer = json!({
        "predicted": predicted,
        "probabilities": rows,
        "fit_secs": fit_secs,
        "predict_secs": predict_secs,
        "converged": fitted.is_converged(),
    });
    println!("{answer}");
    Ok(())
}

fn splits(data: &Path, pipeline: &str) -> Result<(), Box<dyn Error>> {
    let (features, labels, n_classes) = read(data)?;
    let pipeline = pipeline.parse()?;
    let mut accuracies = Vec::new();
    for row in read_npy::<_, Array2<i64>>(data.join("splits.npy"))?.rows() {
        let samples = Samples {
            features: features.view(),
            labels: &labels,
        };
        let never = AtomicBool::new(false);
        let fold = [split(row)];
        let found = grid_search(&samples, n_classes, &[pipeline], &fold, 0, &|_| {}, &never)?;
        accuracies.push(found.best().mean);
    }
    println!("{}", json!({ "accuracies": accuracies }));
    Ok(())
}

fn grid(data: &Path) -> Result<(), Box<dyn Error>> {
    let (features, labels, n_classes) = read(data)?;
    let folds: Array2<i64> = read_npy(data.join("folds.npy"))?;
    let folds: Vec<Split> = folds.rows().into_iter().map(split).collect();
    let samples = Samples {
        features: features.view(),
        labels: &labels,
    };
    let never = AtomicBool::new(false);
    let start = Instant::now();
    let grid = default_grid();
    let found = grid_search(&samples, n_classes, &grid, &folds, 0, &|_| {}, &never)?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", json!({ "seconds": seconds, "cells": found.cells }));
    Ok(())
}
