//! Whatever a classifier's file holds before its digest, reading it ends in an error or in a classifier that answers.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use prosopon::prepare::PrepareOptions;
use prosopon_fuzz::{begin, toys, with_digest, without_digest};
use prosopon_train::classifier::{Card, Classifier, Model};
use prosopon_train::input::{Faces, Input, Values};
use prosopon_train::learn::Samples;
use prosopon_train::pipeline::Pipeline;

const LEARNERS: [&str; 6] = [
    "scale+logistic",
    "scale+svc:C=10",
    "svc:kernel=linear",
    "pca:1+forest:n_estimators=3",
    "lda+knn:n_neighbors=1",
    "centroid",
];

fn card(learner: &str, length: usize) -> Card {
    Card {
        name: "toy".to_owned(),
        created: "2026-01-02T03:04:05Z".to_owned(),
        program: "prosopon 0".to_owned(),
        command: "prosopon train x".to_owned(),
        classes: ["left", "right"].map(str::to_owned).to_vec(),
        input: Input {
            faces: Faces::AsIs,
            prepare: PrepareOptions::default(),
            values: Values::Given { length },
        },
        learner: learner.to_owned(),
        reject_below: Some(0.9),
        n_training: 4,
        n_held_out: 0,
        seed: 1,
        metrics: None,
        intended_use: String::new(),
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let values = vec![0.0, 1.0, 0.2, 0.0, 3.0, 1.1, 3.1, 0.2, 0.1, 0.5, 2.9, 0.4];
    let features = ndarray::Array2::from_shape_vec((6, 2), values).expect("a table");
    let samples = Samples {
        features: features.view(),
        labels: &[0, 0, 1, 1, 0, 1],
    };
    let models = LEARNERS.into_iter().map(|learner| {
        let pipeline: Pipeline = learner.parse().expect("a pipeline");
        let fitted = pipeline.fit(&samples, 2, 0).expect("a learner");
        (card(learner, 2), Model::Pipeline(fitted))
    });
    let network = (card("network toy", 8), Model::Network(toys::network()));
    models
        .chain([network])
        .map(|(card, model)| without_digest(Classifier { card, model }.to_bytes().expect("bytes")))
        .collect()
}

fuzz_target!(init: begin(seeds), |content: &[u8]| {
    let Ok(classifier) = Classifier::from_bytes(&with_digest(content)) else {
        return;
    };
    let width = classifier.model.n_features();
    if width <= 1 << 16 {
        let values: Vec<f32> = (0..width).map(|i| i as f32 * 0.37 - 1.0).collect();
        let answer = classifier.predict(&values).expect("as many values as it takes");
        assert_eq!(answer.probabilities.len(), classifier.card.classes.len());
        let _ = answer.probability();
        classifier.to_onnx();
    }
    let names: BTreeSet<_> = classifier.class_dictionary().into_keys().collect();
    assert_eq!(names.len(), classifier.card.classes.len());
});
