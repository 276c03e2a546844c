//! How good the sight of a face is, and what is kept of it: attributes, crops, a sample of evidence.

use std::time::Instant;

use prosopon::image::{Region, ResizeFilter};
use prosopon::{AttributeKind, Attributes, BoundingBox, Detection, Embedding, Image};

use super::{WatchError, Watcher};
use crate::evidence::Sample;
use crate::frame::Frame;
use crate::presence::FaceCrop;
use crate::quality;

/// Around a face in a crop, as a share of its sides: enough to be found again in it.
const CROP_MARGIN: f32 = 0.45;

/// Longer side of a crop at most, in pixels.
const CROP_SIDE: u32 = 320;

impl Watcher {
    /// Notes what a frame shows of a track: that it is there, and where it was embedded how good the sight is.
    pub(super) fn note(
        &mut self,
        frame: &Frame,
        track: usize,
        detection: &Detection,
        embedding: Option<Embedding>,
    ) -> Result<(), WatchError> {
        let started = Instant::now();
        let gap = self.gap_of_record();
        let (at, image) = (frame.position, &frame.image);
        let is_sample = embedding.is_some();
        let attributes = self.attributes_of(image, detection, is_sample)?;
        let track = &mut self.tracker.tracks_mut()[track];
        track.notes.see(at, gap);
        if let Some(attributes) = &attributes {
            let liveness = track.notes.liveness_mut();
            if attributes.liveness.is_some() {
                liveness.observe(at, detection, attributes);
            }
        }
        let Some(embedding) = embedding else {
            self.seconds.assess += started.elapsed().as_secs_f64();
            return Ok(());
        };
        let quality = quality::of(image, detection, attributes.as_ref());
        if track.notes.wants_crop(at, quality)
            && let Some(image) = crop(image, &detection.bounding_box)
        {
            if track
                .notes
                .crops()
                .first()
                .is_none_or(|best| best.quality < quality)
            {
                track.notes.set_attributes(attributes);
            }
            track.notes.keep(FaceCrop { image, quality, at });
        }
        self.seconds.assess += started.elapsed().as_secs_f64();
        let sample = Sample {
            at,
            embedding,
            quality,
        };
        track.evidence_mut().observe(sample, &self.options.evidence);
        track.sampled(at);
        Ok(())
    }

    /// Attributes of a face: of samples, or of every sight if blinks are to be seen.
    fn attributes_of(
        &self,
        image: &Image,
        detection: &Detection,
        is_sample: bool,
    ) -> Result<Option<Attributes>, WatchError> {
        let Some(networks) = &self.attributes else {
            return Ok(None);
        };
        if !is_sample && !networks.kinds().contains(&AttributeKind::Liveness) {
            return Ok(None);
        }
        let found = networks.estimate(image, std::slice::from_ref(detection))?;
        Ok(found.into_iter().next())
    }
}

/// The face with some of what is around it, not larger than an event may carry.
fn crop(image: &Image, shape: &BoundingBox) -> Option<Image> {
    let region = Region::around(shape, CROP_MARGIN, (image.width(), image.height()))?;
    let crop = image.cropped(region).ok()?;
    let longer = crop.width().max(crop.height());
    if longer <= CROP_SIDE {
        return Some(crop);
    }
    let scaled = |side: u32| (side * CROP_SIDE / longer).max(1);
    crop.resized(
        scaled(crop.width()),
        scaled(crop.height()),
        ResizeFilter::default(),
    )
    .ok()
}
