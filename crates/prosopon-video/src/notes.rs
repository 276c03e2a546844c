//! What is kept of a track beside its motion and its evidence.

use std::time::Duration;

use prosopon::Attributes;

use crate::liveness::{LivenessEvidence, LivenessScore};
use crate::presence::{FaceCrop, Intervals};

/// Crops of a track that are kept.
const MAX_CROPS: usize = 3;

/// Between two of them, so that they show different moments.
const APART: Duration = Duration::from_millis(700);

/// How much better a crop must be to be worth the copy.
const BETTER: f32 = 1.03;

/// When a track was seen, and its best crops.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    intervals: Intervals,
    /// Best first.
    crops: Vec<FaceCrop>,
    /// Of the best crop.
    attributes: Option<Attributes>,
    liveness: LivenessEvidence,
    /// Whether somebody who is known has to look live before that is told.
    waits: bool,
    /// Whether a spoof has been told of.
    is_suspected: bool,
}

impl Notes {
    pub(crate) fn intervals(&self) -> &Intervals {
        &self.intervals
    }

    pub(crate) fn crops(&self) -> &[FaceCrop] {
        &self.crops
    }

    pub(crate) fn see(&mut self, at: Duration, gap: Duration) {
        self.intervals.see(at, gap);
    }

    pub(crate) fn liveness_mut(&mut self) -> &mut LivenessEvidence {
        &mut self.liveness
    }

    /// How live the face looks; none if that was not looked at.
    pub(crate) fn liveness(&self) -> Option<LivenessScore> {
        self.liveness.score()
    }

    /// What attributes say, by name, without the many points that nobody reads in an event.
    pub(crate) fn attributes(&self) -> serde_json::Map<String, serde_json::Value> {
        let Some(Ok(serde_json::Value::Object(mut map))) =
            self.attributes.as_ref().map(serde_json::to_value)
        else {
            return serde_json::Map::new();
        };
        map.remove("landmarks");
        map
    }

    pub(crate) fn set_attributes(&mut self, attributes: Option<Attributes>) {
        self.attributes = attributes;
    }

    pub(crate) fn wait(&mut self) {
        self.waits = true;
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.waits
    }

    /// Whether it waited.
    pub(crate) fn stop_waiting(&mut self) -> bool {
        std::mem::take(&mut self.waits)
    }

    /// Whether this is the first suspicion.
    pub(crate) fn suspect(&mut self) -> bool {
        !std::mem::replace(&mut self.is_suspected, true)
    }

    /// The kept crop that one of this moment would have to replace; none if there is room.
    fn rival(&self, at: Duration) -> Option<usize> {
        let close = self
            .crops
            .iter()
            .position(|crop| at.abs_diff(crop.at) < APART);
        close.or_else(|| (self.crops.len() >= MAX_CROPS).then(|| self.crops.len() - 1))
    }

    /// Whether a crop of this quality would be kept.
    pub(crate) fn wants_crop(&self, at: Duration, quality: f32) -> bool {
        self.rival(at)
            .is_none_or(|rival| quality > self.crops[rival].quality * BETTER)
    }

    pub(crate) fn keep(&mut self, crop: FaceCrop) {
        if let Some(rival) = self.rival(crop.at) {
            self.crops.remove(rival);
        }
        let better = |kept: &FaceCrop| kept.quality >= crop.quality;
        let place = self.crops.iter().take_while(|kept| better(kept)).count();
        self.crops.insert(place, crop);
    }

    /// What lies before `until`, and the rest.
    pub(crate) fn divided(self, until: Duration) -> (Self, Self) {
        let (before, after) = self.intervals.divided(until);
        let (old, new) = self.crops.into_iter().partition(|crop| crop.at < until);
        let notes = |intervals, crops| Self {
            intervals,
            crops,
            ..Self::default()
        };
        (
            Self {
                attributes: self.attributes,
                liveness: self.liveness,
                ..notes(before, old)
            },
            notes(after, new),
        )
    }
}
