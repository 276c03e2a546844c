//! Embedding networks: ArcFace, FaceNet and their kin, of any crop size and dimension.

use super::{EmbedError, Embedder, Embedding, ModelId};
use crate::align::AlignedCrop;
use crate::geometry::Point;
use crate::inference::onnx::{FreeAxes, free_input_shape};
use crate::inference::{InferenceError, Network, Runtime};
use crate::model::EmbedderSpec;

/// Sizes of the batches that a list of crops is cut into, largest first.
///
/// Engines generate code for each size; few sizes keep that short.
const BATCHES: [usize; 3] = [8, 4, 1];

/// A network that takes a batch of crops and gives a vector for each.
pub struct NetworkEmbedder {
    network: Box<dyn Network>,
    model: ModelId,
    spec: EmbedderSpec,
}

impl NetworkEmbedder {
    /// Prepares the embedder in `onnx`, the bytes of an ONNX file described by `spec`.
    ///
    /// # Errors
    /// [`EmbedError::Inference`] if the runtime cannot load it or it has more than one output.
    pub fn load(
        runtime: &Runtime,
        onnx: &[u8],
        spec: EmbedderSpec,
        model: ModelId,
    ) -> Result<Self, EmbedError> {
        let network = runtime.load(free_input_shape(onnx, FreeAxes::Batch)?)?;
        if network.outputs().len() != 1 {
            return Err(InferenceError::Outputs {
                expected: "one output, the embedding",
                found: format!("{} outputs", network.outputs().len()),
            }
            .into());
        }
        Ok(Self {
            network,
            model,
            spec,
        })
    }

    fn embed_batch(&self, crops: &[AlignedCrop]) -> Result<Vec<Embedding>, EmbedError> {
        let side = self.spec.crop_size;
        if let Some(crop) = crops
            .iter()
            .find(|c| (c.image.width(), c.image.height()) != (side, side))
        {
            return Err(EmbedError::CropSize {
                expected: side,
                width: crop.image.width(),
                height: crop.image.height(),
            });
        }
        let normalization = &self.spec.normalization;
        let one = side as usize * side as usize * 3;
        let mut outputs = self.network.run(
            normalization.shape(crops.len(), side, side),
            &mut |values| {
                for (crop, values) in crops.iter().zip(values.chunks_exact_mut(one)) {
                    normalization.write(&crop.image, values);
                }
            },
        )?;
        let output = outputs.swap_remove(0);
        if output.values.is_empty() || output.values.len() % crops.len() != 0 {
            return Err(InferenceError::Outputs {
                expected: "one vector for each crop",
                found: format!("{:?} for {} crops", output.shape, crops.len()),
            }
            .into());
        }
        let dim = output.values.len() / crops.len();
        output
            .values
            .chunks_exact(dim)
            .map(|values| Ok(Embedding::from_values(self.model.clone(), values.to_vec())?))
            .collect()
    }
}

impl Embedder for NetworkEmbedder {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn crop_size(&self) -> u32 {
        self.spec.crop_size
    }

    fn reference_points(&self) -> [Point; 5] {
        self.spec.reference_points()
    }

    fn embed(&self, crops: &[AlignedCrop]) -> Result<Vec<Embedding>, EmbedError> {
        let mut embeddings = Vec::with_capacity(crops.len());
        let mut rest = crops;
        while !rest.is_empty() {
            let size = BATCHES
                .into_iter()
                .find(|&size| size <= rest.len())
                .unwrap_or(1);
            let (batch, later) = rest.split_at(size);
            embeddings.extend(self.embed_batch(batch)?);
            rest = later;
        }
        Ok(embeddings)
    }
}
