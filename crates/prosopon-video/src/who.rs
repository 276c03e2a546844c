//! Who somebody is: the question that a track asks, and who answers it.

use std::sync::Arc;

use prosopon::{DecisionRule, Embedding, ModelId};
use prosopon_gallery::{Gallery, GalleryError, IdentifyOptions, Metadata, TemplateKind};

use crate::event::EventSubject;

/// The person closest to a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// The person. Metadata is there only if it is a match.
    pub subject: EventSubject,
    /// How close, in [−1, 1]; higher is closer.
    pub similarity: f32,
}

/// The answer to "who is this?".
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The closest person; none where nobody is enrolled.
    pub best: Option<Best>,
    /// Least similarity of a match.
    pub threshold: f32,
    /// The false match rate of one comparison that the threshold stands for, if it is known.
    pub fmr: Option<f64>,
    /// Whether `best` is that person.
    pub is_match: bool,
}

/// Knows people; shared by all threads.
pub trait Who: Send + Sync {
    /// The person closest to `embedding`, and whether that is close enough.
    ///
    /// # Errors
    /// [`WhoError`] if it cannot be told.
    fn identify(&self, embedding: &Embedding) -> Result<Answer, WhoError>;

    /// The model whose embeddings are compared.
    fn model(&self) -> &ModelId;
}

/// The people of a gallery. Who is enrolled or renamed meanwhile, by this process or another, is known from the next
/// question on.
#[derive(Debug, Clone)]
pub struct InGallery {
    gallery: Arc<Gallery>,
    rule: DecisionRule,
    template: TemplateKind,
}

impl InGallery {
    /// People of `gallery`, each compared by the mean of their faces; a match is what `rule` accepts. Uncertain
    /// answers are none: a track goes on gathering evidence.
    pub fn new(gallery: Arc<Gallery>, rule: DecisionRule) -> Self {
        Self {
            gallery,
            rule,
            template: TemplateKind::Mean,
        }
    }

    /// The same, comparing with other templates.
    #[must_use]
    pub fn with_template(self, template: TemplateKind) -> Self {
        Self { template, ..self }
    }

    /// What it decides by.
    pub fn rule(&self) -> &DecisionRule {
        &self.rule
    }
}

impl Who for InGallery {
    fn identify(&self, embedding: &Embedding) -> Result<Answer, WhoError> {
        let options = IdentifyOptions {
            max_candidates: 1,
            template: self.template,
        };
        let candidates = self.gallery.identify(embedding, options)?;
        let threshold = &self.rule.threshold;
        let best = candidates.into_iter().next();
        let is_match = best
            .as_ref()
            .is_some_and(|best| threshold.accepts(best.similarity));
        let best = best.map(|best| {
            let subject = EventSubject {
                id: best.subject,
                name: best.name.to_string(),
                metadata: Metadata::new(),
            };
            let subject = if is_match {
                self.with_metadata(subject)?
            } else {
                subject
            };
            Ok::<_, WhoError>(Best {
                subject,
                similarity: best.similarity.value(),
            })
        });
        Ok(Answer {
            best: best.transpose()?,
            threshold: threshold.similarity,
            fmr: threshold.fmr,
            is_match,
        })
    }

    fn model(&self) -> &ModelId {
        &self.rule.threshold.model
    }
}

impl InGallery {
    fn with_metadata(&self, subject: EventSubject) -> Result<EventSubject, WhoError> {
        match self.gallery.show(subject.id) {
            Ok(details) => Ok(EventSubject {
                metadata: details.subject.metadata,
                ..subject
            }),
            // Deleted between the two questions.
            Err(GalleryError::UnknownSubjectId { .. }) => Ok(subject),
            Err(error) => Err(error.into()),
        }
    }
}

/// Why nobody can say who it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WhoError {
    /// The gallery cannot be asked.
    #[error(transparent)]
    Gallery(#[from] GalleryError),
    /// Somebody else who was asked failed.
    #[error("could not say who it is: {reason}")]
    Other {
        /// What is wrong.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use prosopon::Threshold;
    use prosopon_gallery::{GalleryOptions, NewFace};

    fn embedding(values: &[f32]) -> Embedding {
        Embedding::from_values(ModelId::new("m@1"), values.to_vec()).expect("a direction")
    }

    #[test]
    fn the_closest_person_is_a_match_from_the_threshold_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("g.db");
        let gallery = Arc::new(Gallery::open(path, GalleryOptions::default()).expect("a gallery"));
        let rule = Threshold::from_similarity(ModelId::new("m@1"), 0.7, None).into();
        let who = InGallery::new(Arc::clone(&gallery), rule);
        let nobody = who.identify(&embedding(&[1.0, 0.0])).expect("an answer");
        assert_eq!((nobody.best, nobody.is_match), (None, false));

        gallery
            .enrol("Anna", NewFace::new(embedding(&[1.0, 0.0])))
            .expect("enrolled");
        let near = who.identify(&embedding(&[1.0, 0.9])).expect("an answer");
        assert!(near.is_match);
        assert_eq!(near.best.expect("somebody").subject.name, "Anna");
        let far = who.identify(&embedding(&[1.0, 1.1])).expect("an answer");
        assert!(!far.is_match && far.best.is_some());
    }
}
