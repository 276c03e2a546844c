//! Learners and steps as they are typed: what is understood is written so that it is understood again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prosopon_fuzz::begin;
use prosopon_train::pipeline::Pipeline;
use prosopon_train::registry::parse_reference;

const SEEDS: [&str; 8] = [
    "scale+svc:C=10,kernel=rbf,gamma=scale",
    "svc:kernel=poly,degree=3,coef0=1.5",
    "scale+pca:0.95+logistic:C=100,tol=1e-8",
    "pca:20+forest:n_estimators=3,max_depth=4,criterion=entropy",
    "lda:2+knn:n_neighbors=1,weights=distance",
    "centroid",
    "hobbit@candidate",
    "hobbit@3",
];

fuzz_target!(init: begin(|| SEEDS.to_vec()), |text: &str| {
    if let Ok(pipeline) = text.parse::<Pipeline>() {
        let written = pipeline.to_string();
        let again: Pipeline = written.parse().expect("a text of our own");
        assert_eq!(again.to_string(), written);
    }
    let _ = parse_reference(text);
});
