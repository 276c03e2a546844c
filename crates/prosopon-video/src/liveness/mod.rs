//! Whether a face lives: evidence over a track, and a challenge to answer.
//!
//! A single picture says little. A track says more, since a printed photograph does not blink, and a plane that is turned
//! moves its points otherwise than a head. A video on a screen
//! does both; [`Challenge`] asks for what no recording can know beforehand. Neither is proof.

mod blink;
mod challenge;
mod evidence;
mod parallax;

pub use blink::BlinkCounter;
pub use challenge::{Challenge, ChallengeFailure, ChallengeOptions, ChallengeState, ChallengeStep};
pub use evidence::{LivenessEvidence, LivenessParts, LivenessScore};

use prosopon::AttributeKind;

/// What has to be estimated of each frame for [`LivenessEvidence`] and [`Challenge`].
pub const ATTRIBUTES: [AttributeKind; 3] = [
    AttributeKind::Liveness,
    AttributeKind::Eyes,
    AttributeKind::Pose,
];

#[cfg(test)]
mod tests;
