//! Evidence that a face lives, gathered over a track.

use std::collections::VecDeque;
use std::time::Duration;

use prosopon::{Attributes, Detection, Image};
use serde::{Deserialize, Serialize};

use super::blink::BlinkCounter;
use super::parallax::nose_among_the_others;

/// Frames that count: the newest of a track that lasts.
const MAX_FRAMES: usize = 300;
/// Fewer frames are not enough to judge by.
const ENOUGH_FRAMES: usize = 15;
/// Nor is less time: people blink about every four seconds, and turn their heads as often.
const ENOUGH_TIME: Duration = Duration::from_secs(2);
/// A head or a picture that is turned by less, in degrees, shows too little of its shape.
const TURNED_DEGREES: f32 = 12.0;
/// How far the nose wanders among eyes and mouth for each degree of turning: half of what heads do.
const PARALLAX_OF_HEAD: f32 = 0.003;

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
    nose: Option<f32>,
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
    /// How far the nose wandered among eyes and mouth, in distances of the eyes, as the face was turned: near 0 for a
    /// picture of a face. None if the face was hardly turned.
    pub parallax: Option<f32>,
}

impl LivenessEvidence {
    /// Adds a frame: the face at `detection` with the [attributes](super::ATTRIBUTES) that were estimated of it.
    ///
    /// `at` is the frame's place in time, which never goes back.
    pub fn observe(
        &mut self,
        at: Duration,
        detection: &Detection,
        attributes: &Attributes,
        _image: &Image,
    ) {
        self.first.get_or_insert(at);
        self.last = at;
        self.n_frames += 1;
        if let Some(eyes) = &attributes.eyes {
            self.blinks.observe(at, eyes.left_open, eyes.right_open);
        }
        if self.frames.len() == MAX_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(Seen {
            passive: attributes.liveness,
            yaw: attributes.pose.map(|pose| pose.yaw),
            nose: detection
                .landmarks
                .as_ref()
                .and_then(nose_among_the_others)
                .map(|(x, _)| x),
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
        let yaws = of(|seen| seen.yaw);
        let turn_degrees = spread(&yaws);
        let turned = turn_degrees.is_some_and(|degrees| degrees >= TURNED_DEGREES);
        let parallax = turned.then(|| spread(&of(|seen| seen.nose))).flatten();
        LivenessParts {
            passive: (!passive.is_empty())
                .then(|| passive.iter().sum::<f32>() / passive.len() as f32),
            blinks: self.blinks.count(),
            turn_degrees,
            parallax,
        }
    }
}

impl LivenessParts {
    /// All parts in one number: logarithms of odds that add up.
    fn score(&self) -> f32 {
        let passive = self.passive.unwrap_or(0.5).clamp(0.05, 0.95);
        let mut odds = (passive / (1.0 - passive)).ln();
        if self.blinks > 0 {
            odds += 1.5;
        }
        if let (Some(turned), Some(parallax)) = (self.turn_degrees, self.parallax) {
            let of_head = parallax / (turned * PARALLAX_OF_HEAD);
            odds += ((of_head - 1.0) * 3.0).clamp(-3.0, 2.0);
        }
        1.0 / (1.0 + (-odds).exp())
    }
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
