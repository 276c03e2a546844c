//! The pure-Rust engine: always there, any processor, f32.

use std::sync::Arc;

use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor, TensorView};

use super::pool::Pool;
use super::{
    BackendInfo, Engine, InferenceError, InferenceOptions, Network, Output, Precision, first_line,
};

const NAME: &str = "rten";
/// The version in the lock file; the crate does not tell its own.
const VERSION: &str = "0.27.0";

pub(super) struct Rten {
    /// One pool for each stream; the streams share the threads evenly.
    streams: Arc<Pool<Arc<ThreadPool>>>,
}

pub(super) fn open(options: &InferenceOptions) -> Result<(Rten, BackendInfo), InferenceError> {
    if options.precision == Precision::Bf16 {
        return Err(InferenceError::BackendUnavailable {
            backend: NAME,
            reason: "it computes in f32 only".to_owned(),
        });
    }
    let (threads, streams) = (options.thread_count(), options.stream_count());
    let pools = (0..streams)
        .map(|_| Arc::new(ThreadPool::with_num_threads(threads.div_ceil(streams))))
        .collect();
    let info = BackendInfo {
        name: NAME,
        version: VERSION.to_owned(),
        precision: "f32",
        library: None,
        threads,
        streams,
    };
    let engine = Rten {
        streams: Arc::new(Pool::new(pools)),
    };
    Ok((engine, info))
}

impl Engine for Rten {
    fn load(&self, model: Vec<u8>) -> Result<Box<dyn Network>, InferenceError> {
        let model = ModelOptions::with_all_ops()
            .prepack_weights(true)
            .load(model)
            .map_err(|error| InferenceError::Load {
                backend: NAME,
                reason: first_line(error),
            })?;
        let [input] = *model.input_ids() else {
            return Err(InferenceError::NotOnnx);
        };
        let outputs = model
            .output_ids()
            .iter()
            .map(|&id| {
                let name = model.node_info(id).and_then(|info| info.name());
                name.unwrap_or_default().to_owned()
            })
            .collect();
        Ok(Box::new(RtenNetwork {
            input,
            outputs,
            model,
            streams: Arc::clone(&self.streams),
        }))
    }
}

struct RtenNetwork {
    model: Model,
    input: NodeId,
    outputs: Vec<String>,
    streams: Arc<Pool<Arc<ThreadPool>>>,
}

impl Network for RtenNetwork {
    fn outputs(&self) -> &[String] {
        &self.outputs
    }

    fn run(
        &self,
        shape: [usize; 4],
        fill: &mut dyn FnMut(&mut [f32]),
    ) -> Result<Vec<Output>, InferenceError> {
        let run_error = |reason: String| InferenceError::Run {
            backend: NAME,
            reason,
        };
        let mut input = vec![0.0; shape.iter().product()];
        fill(&mut input);
        let input = TensorView::from_data(shape.as_slice(), input.as_slice());
        let stream = self.streams.take();
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&stream)));
        let outputs = self
            .model
            .run(
                vec![(self.input, ValueOrView::from(input))],
                self.model.output_ids(),
                Some(options),
            )
            .map_err(|error| run_error(first_line(error)))?;
        outputs
            .into_iter()
            .map(|value| {
                let tensor: Tensor<f32> = value
                    .try_into()
                    .map_err(|_| run_error("an output is not of type f32".to_owned()))?;
                Ok(Output {
                    shape: tensor.shape().to_vec(),
                    values: tensor.into_data(),
                })
            })
            .collect()
    }
}
