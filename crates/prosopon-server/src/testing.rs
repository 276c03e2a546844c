//! A server on a fake detector and embedder, for tests that need no networks.

use prosopon::testing::{detector, embedder};
use prosopon::{Calibration, CalibrationPoint, Embedder, EngineOptions, FaceEngine};

use crate::models::{LoadedModels, ModelCard};

/// Models that find and tell apart the faces that `prosopon::testing` draws.
pub(crate) fn models() -> LoadedModels {
    let card = |id: &str| ModelCard {
        id: id.to_owned(),
        task: "tests".to_owned(),
        permitted_use: "tests".to_owned(),
        licences: Vec::new(),
    };
    let embedder = embedder();
    let model = embedder.model().clone();
    LoadedModels {
        engine: FaceEngine::new(
            Box::new(detector()),
            Box::new(embedder),
            EngineOptions::default(),
        ),
        detector: card("fake-detector"),
        embedder: card(model.as_str()),
        model,
        calibration: Some(Calibration {
            source: "tests".to_owned(),
            comparisons: 1_000_000,
            points: vec![
                CalibrationPoint {
                    fmr: 1e-1,
                    similarity: 0.5,
                },
                CalibrationPoint {
                    fmr: 1e-4,
                    similarity: 0.8,
                },
            ],
        }),
        backend: "fake".to_owned(),
        threads: 1,
    }
}
