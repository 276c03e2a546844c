//! Looking at what networks are given: calibrating integers needs the inputs of real pictures.

use std::sync::Arc;

use super::{Engine, InferenceError, Network, Output};

/// Called with the shape and the values of every input, before the network runs on it.
pub type InputObserver = Arc<dyn Fn([usize; 4], &[f32]) + Send + Sync>;

/// An engine whose networks show their inputs to `observer`.
pub(super) struct Observed {
    pub(super) engine: Box<dyn Engine>,
    pub(super) observer: InputObserver,
}

impl Engine for Observed {
    fn load(&self, model: Vec<u8>) -> Result<Box<dyn Network>, InferenceError> {
        Ok(Box::new(ObservedNetwork {
            network: self.engine.load(model)?,
            observer: Arc::clone(&self.observer),
        }))
    }
}

struct ObservedNetwork {
    network: Box<dyn Network>,
    observer: InputObserver,
}

impl Network for ObservedNetwork {
    fn outputs(&self) -> &[String] {
        self.network.outputs()
    }

    fn run(
        &self,
        shape: [usize; 4],
        fill: &mut dyn FnMut(&mut [f32]),
    ) -> Result<Vec<Output>, InferenceError> {
        self.network.run(shape, &mut |values| {
            fill(values);
            (self.observer)(shape, values);
        })
    }
}
