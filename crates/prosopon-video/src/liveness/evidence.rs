//! Evidence that a face lives, gathered over a track.

use std::collections::VecDeque;
use std::time::Duration;

use prosopon::{Attributes, Detection};
use serde::{Deserialize, Serialize};

use super::blink::BlinkCounter;
use super::parallax::{foreshortening, nose_among_the_others};

/// Frames that count: the newest of a track that lasts.
const MAX_FRAMES: usize = 300;
/// Fewer frames are not enough to judge by.
const ENOUGH_FRAMES: usize = 15;
/// Nor is less time: people blink about every four seconds, and turn their heads as often.
const ENOUGH_TIME: Duration = Duration::from_secs(2);
/// Eyes of smaller faces are too coarse to see a blink, in pixels of the face's width.
const LEAST_WIDTH_PX: f32 = 60.0;
/// From the first to the second, in degrees, a turn speaks for a head: photographs that were turned by 40° to each side
/// look turned by 2° to 7° to the pose network, which sees the face in them, and people who talk turn by 30° to 45°.
const TURN_OF_HEAD: (f32, f32) = (10.0, 20.0);
/// Faces that turn and nod by less keep still.
const STILL_DEGREES: f32 = 9.0;
/// From the first to the second a face that keeps still is foreshortened as a plane is: the logarithm of its width over
/// its height changes by 0.20 to 0.28 for photographs turned by 40°.
const FORESHORTENED: (f32, f32) = (0.12, 0.2);
/// From the first to the second a nose stands out: it wanders by 0.06 to 0.13 on photographs, which is the detector's
/// inaccuracy, and by 0.15 to 0.42 on heads that turn.
const OF_HEAD: (f32, f32) = (0.15, 0.35);

/// What was seen of one face, frame by frame.
#[derive(Debug, Clone, Default)]
pub struct LivenessEvidence {
    frames: VecDeque<Seen>,
    blinks: BlinkCounter,
    first: Option<Duration>,
    last: Duration,
    n_frames: usize,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    passive: Option<f32>,
    yaw: Option<f32>,
    pitch: Option<f32>,
    nose: Option<f32>,
    foreshortening: Option<f32>,
}

/// How live a face looks over a track.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LivenessScore {
    /// From 0, surely a picture, to 1, surely alive, as far as all evidence goes. No probability.
    pub score: f32,
    /// What it is made of.
    pub parts: LivenessParts,
    /// Frames that were looked at.
    pub n_frames: usize,
    /// Whether there was enough to see to act on the score.
    pub enough: bool,
}

/// What the score of liveness is made of.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct LivenessParts {
    /// Mean of the passive network's scores, in [0, 1].
    pub passive: Option<f32>,
    /// Blinks, if the eyes were looked at.
    pub blinks: u32,
    /// By how many degrees the face was turned from side to side.
    pub turn_degrees: Option<f32>,
    /// By how many degrees it nodded.
    pub nod_degrees: Option<f32>,
    /// How far the nose wandered from side to side among eyes and mouth, in distances of the eyes.
    pub parallax: Option<f32>,
    /// How much the logarithm of the face's width over its height changed. In a face that neither turns nor nods it is
    /// the mark of a picture that is turned.
    pub foreshortening: Option<f32>,
}

impl LivenessEvidence {
    /// Adds a frame: the face at `detection` with the [attributes](super::ATTRIBUTES) that were estimated of it.
    ///
    /// `at` is the frame's place in time, which never goes back.
    pub fn observe(&mut self, at: Duration, detection: &Detection, attributes: &Attributes) {
        self.first.get_or_insert(at);
        self.last = at;
        self.n_frames += 1;
        if let Some(eyes) = &attributes.eyes
            && detection.bounding_box.width() >= LEAST_WIDTH_PX
        {
            self.blinks.observe(at, eyes.left_open, eyes.right_open);
        }
        if self.frames.len() == MAX_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(Seen {
            passive: attributes.liveness,
            yaw: attributes.pose.map(|pose| pose.yaw),
            pitch: attributes.pose.map(|pose| pose.pitch),
            nose: detection
                .landmarks
                .as_ref()
                .and_then(nose_among_the_others)
                .map(|(x, _)| x),
            foreshortening: detection.landmarks.as_ref().and_then(foreshortening),
        });
    }

    /// How live the face looks so far; none before the first frame.
    pub fn score(&self) -> Option<LivenessScore> {
        let first = self.first?;
        let parts = self.parts();
        let long_enough = self.last.saturating_sub(first) >= ENOUGH_TIME;
        Some(LivenessScore {
            score: parts.score(),
            parts,
            n_frames: self.n_frames,
            enough: self.n_frames >= ENOUGH_FRAMES && long_enough,
        })
    }

    fn parts(&self) -> LivenessParts {
        let of = |value: fn(&Seen) -> Option<f32>| -> Vec<f32> {
            self.frames.iter().filter_map(value).collect()
        };
        let passive = of(|seen| seen.passive);
        LivenessParts {
            passive: (!passive.is_empty())
                .then(|| passive.iter().sum::<f32>() / passive.len() as f32),
            blinks: self.blinks.count(),
            turn_degrees: spread(&of(|seen| seen.yaw)),
            nod_degrees: spread(&of(|seen| seen.pitch)),
            parallax: spread(&of(|seen| seen.nose)),
            foreshortening: spread(&of(|seen| seen.foreshortening)),
        }
    }
}

impl LivenessParts {
    /// All parts in one number: logarithms of odds that add up. Their weights are a judgement: there are too few
    /// recordings of attacks here to fit them.
    fn score(&self) -> f32 {
        let passive = self.passive.unwrap_or(0.5).clamp(0.05, 0.95);
        let mut odds = (passive / (1.0 - passive)).ln();
        if self.blinks > 0 {
            odds += 1.5;
        }
        if let (Some(turn), Some(nod)) = (self.turn_degrees, self.nod_degrees) {
            let of_head = ramp(turn, TURN_OF_HEAD);
            odds += 2.0 * of_head;
            odds += of_head
                * self
                    .parallax
                    .map_or(0.0, |parallax| ramp(parallax, OF_HEAD));
            if turn.max(nod) < STILL_DEGREES {
                let plane = self.foreshortening.map_or(0.0, |f| ramp(f, FORESHORTENED));
                odds -= 4.0 * plane;
            }
        }
        1.0 / (1.0 + (-odds).exp())
    }
}

/// From 0 at the first to 1 at the second.
fn ramp(value: f32, (none, full): (f32, f32)) -> f32 {
    ((value - none) / (full - none)).clamp(0.0, 1.0)
}

/// The range of the middle nine tenths of `values`, which a few wild ones cannot change; none for fewer than five.
fn spread(values: &[f32]) -> Option<f32> {
    if values.len() < 5 {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    let outer = sorted.len() / 20;
    Some(sorted[sorted.len() - 1 - outer] - sorted[outer])
}
