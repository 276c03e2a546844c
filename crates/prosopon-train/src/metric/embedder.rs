//! A head as part of an embedder, so that whatever takes embeddings takes those of the head.

use prosopon::{AlignedCrop, EmbedError, Embedder, Embedding, ModelId, Point};

use super::head::{Head, HeadError};

/// An embedder with a head behind it.
pub struct WithHead<E> {
    embedder: E,
    head: Head,
    model: ModelId,
}

impl<E: Embedder> WithHead<E> {
    /// `head` behind `embedder`.
    ///
    /// # Errors
    /// [`HeadError::Model`] if the head takes embeddings of another model.
    pub fn new(embedder: E, head: Head) -> Result<Self, HeadError> {
        if head.takes() != embedder.model().as_str() {
            return Err(HeadError::Model {
                expected: head.takes().to_owned(),
                found: embedder.model().to_string(),
            });
        }
        Ok(Self {
            model: head.model(),
            embedder,
            head,
        })
    }
}

impl<E: Embedder> Embedder for WithHead<E> {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn crop_size(&self) -> u32 {
        self.embedder.crop_size()
    }

    fn reference_points(&self) -> [Point; 5] {
        self.embedder.reference_points()
    }

    fn embed(&self, crops: &[AlignedCrop]) -> Result<Vec<Embedding>, EmbedError> {
        let embeddings = self.embedder.embed(crops)?;
        embeddings
            .iter()
            .map(|embedding| {
                let values = self.head.network().outputs(embedding.values());
                Ok(Embedding::from_values(self.model.clone(), values)?)
            })
            .collect()
    }
}
