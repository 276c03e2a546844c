//! Who a track is: asked of the gallery as it is now, by the rates that are in force now.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prosopon::{DecisionRequest, Embedding, ModelId};
use prosopon_video::{Answer, InGallery, Who, WhoError};

use crate::error::ApiResult;
use crate::recognise;
use crate::state::App;

/// How long what a gallery decides by is remembered: who is enrolled counts at once, other rates after this.
const REMEMBERED: Duration = Duration::from_secs(5);

/// The people of one of the server's galleries.
pub(crate) struct InServerGallery {
    app: App,
    gallery: String,
    asked: DecisionRequest,
    model: ModelId,
    current: Mutex<Option<(Instant, InGallery)>>,
}

impl InServerGallery {
    /// The people of the gallery of that name.
    ///
    /// # Errors
    /// `loading`, `unknown_gallery`, `not_calibrated`.
    pub(crate) fn new(app: &App, gallery: &str, asked: DecisionRequest) -> ApiResult<Self> {
        let who = Self {
            app: App::clone(app),
            gallery: gallery.to_owned(),
            asked,
            model: app.compute.models()?.model.clone(),
            current: Mutex::new(None),
        };
        who.current()?;
        Ok(who)
    }

    fn current(&self) -> ApiResult<InGallery> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, who)) = &*current
            && since.elapsed() < REMEMBERED
        {
            return Ok(who.clone());
        }
        let models = self.app.compute.models()?;
        let gallery = self.app.galleries.get(&self.gallery)?;
        let rule = recognise::rule(&self.app, models, &gallery, self.asked)?;
        let who = InGallery::new(gallery, rule);
        *current = Some((Instant::now(), who.clone()));
        Ok(who)
    }
}

impl Who for InServerGallery {
    fn identify(&self, embedding: &Embedding) -> Result<Answer, WhoError> {
        let who = self.current().map_err(|error| WhoError::Other {
            reason: error.message,
        })?;
        who.identify(embedding)
    }

    fn model(&self) -> &ModelId {
        &self.model
    }
}
