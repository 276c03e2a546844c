//! A challenge that no recording can know beforehand: blink, turn the head, in an order of chance.

use std::time::Duration;

use prosopon::Attributes;
use serde::{Deserialize, Serialize};

use super::blink::BlinkCounter;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeStep {
    /// Close both eyes and open them again.
    Blink,
    /// Turn the head to one's own left, which is the right of a picture that is not mirrored.
    TurnLeft,
    /// Turn the head to one's own right.
    TurnRight,
}

/// How strict a challenge is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChallengeOptions {
    /// Steps, at least 1.
    pub n_steps: usize,
    /// Time for each step.
    pub step_limit: Duration,
    /// The face may be gone for so long.
    pub gone_limit: Duration,
    /// A head is turned from here, in degrees of yaw.
    pub turned_degrees: f32,
    /// And looks ahead below this, which a step begins with.
    pub ahead_degrees: f32,
}

impl Default for ChallengeOptions {
    /// Three steps of 6 s each; 20° is a turn that everybody can make and that the network sees with certainty.
    fn default() -> Self {
        Self {
            n_steps: 3,
            step_limit: Duration::from_secs(6),
            gone_limit: Duration::from_secs(1),
            turned_degrees: 20.0,
            ahead_degrees: 12.0,
        }
    }
}

/// How a challenge stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ChallengeState {
    /// This step is to be done.
    Waiting {
        /// What to do now.
        step: ChallengeStep,
        /// Steps that are done.
        n_done: usize,
        /// All steps.
        n_steps: usize,
    },
    /// All steps were done.
    Passed,
    /// It was not answered.
    Failed {
        /// Why.
        reason: ChallengeFailure,
    },
}

/// Why a challenge was failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeFailure {
    /// A step took too long.
    TooSlow,
    /// The head was turned the other way.
    WrongWay,
    /// The face was gone, or there was more than one.
    FaceLost,
    /// It is not the person that it began with.
    OtherPerson,
}

/// One challenge of one face, fed with frames.
///
/// The caller sees to it that it is one person: it compares the face's embedding with that of the first frame and calls
/// [`Challenge::other_person`] if they differ.
#[derive(Debug, Clone)]
pub struct Challenge {
    options: ChallengeOptions,
    steps: Vec<ChallengeStep>,
    n_done: usize,
    result: Option<ChallengeState>,
    /// Since when the step at hand is asked for.
    step_since: Option<Duration>,
    seen_at: Duration,
    /// Whether the face looked ahead since the step was asked for.
    was_ahead: bool,
    blinks: BlinkCounter,
}

impl Challenge {
    /// A challenge with steps of chance, no two alike in a row.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn random(options: ChallengeOptions) -> std::io::Result<Self> {
        let mut bytes = vec![0; options.n_steps.max(1)];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self::new(steps(&bytes), options))
    }

    /// A challenge of these steps.
    pub fn new(steps: Vec<ChallengeStep>, options: ChallengeOptions) -> Self {
        Self {
            options,
            steps,
            n_done: 0,
            result: None,
            step_since: None,
            seen_at: Duration::ZERO,
            was_ahead: false,
            blinks: BlinkCounter::default(),
        }
    }

    /// What is asked for, in order.
    pub fn steps(&self) -> &[ChallengeStep] {
        &self.steps
    }

    /// How it stands.
    pub fn state(&self) -> ChallengeState {
        if let Some(result) = self.result {
            return result;
        }
        match self.steps.get(self.n_done) {
            Some(&step) => ChallengeState::Waiting {
                step,
                n_done: self.n_done,
                n_steps: self.steps.len(),
            },
            None => ChallengeState::Passed,
        }
    }

    /// Takes one more frame: the attributes of the one face in it, with eyes and pose; none if there is no face, or more
    /// than one. `at` never goes back.
    pub fn observe(&mut self, at: Duration, face: Option<&Attributes>) -> ChallengeState {
        let ChallengeState::Waiting { step, .. } = self.state() else {
            return self.state();
        };
        let Some(since) = self.step_since else {
            // Time runs from the first face.
            if face.is_some() {
                self.step_since = Some(at);
                self.seen_at = at;
            }
            return self.state();
        };
        if at.saturating_sub(since) > self.options.step_limit {
            return self.fail(ChallengeFailure::TooSlow);
        }
        let Some(face) = face else {
            if at.saturating_sub(self.seen_at) > self.options.gone_limit {
                return self.fail(ChallengeFailure::FaceLost);
            }
            return self.state();
        };
        self.seen_at = at;
        let Some(yaw) = face.pose.map(|pose| pose.yaw) else {
            return self.state();
        };
        let is_ahead = yaw.abs() <= self.options.ahead_degrees;
        let turned = |sign: f32| yaw * sign >= self.options.turned_degrees;
        match step {
            ChallengeStep::Blink => {
                // Eyes of a face from the side are not to be judged.
                if let (Some(eyes), true) = (&face.eyes, is_ahead) {
                    self.blinks.observe(at, eyes.left_open, eyes.right_open);
                }
                if self.blinks.count() > 0 {
                    self.next_step(at);
                }
            }
            ChallengeStep::TurnLeft | ChallengeStep::TurnRight => {
                let sign = if step == ChallengeStep::TurnLeft {
                    1.0
                } else {
                    -1.0
                };
                if self.was_ahead && turned(sign) {
                    self.next_step(at);
                } else if self.was_ahead && turned(-sign) {
                    return self.fail(ChallengeFailure::WrongWay);
                } else {
                    self.was_ahead |= is_ahead;
                }
            }
        }
        self.state()
    }

    /// The face is not that of the first frame any more.
    pub fn other_person(&mut self) -> ChallengeState {
        match self.state() {
            ChallengeState::Failed { .. } => self.state(),
            _ => self.fail(ChallengeFailure::OtherPerson),
        }
    }

    fn next_step(&mut self, at: Duration) {
        self.n_done += 1;
        self.step_since = Some(at);
        self.was_ahead = false;
        self.blinks = BlinkCounter::default();
    }

    fn fail(&mut self, reason: ChallengeFailure) -> ChallengeState {
        let failed = ChallengeState::Failed { reason };
        self.result = Some(failed);
        failed
    }
}

/// Steps from random bytes: each differs from the one before.
fn steps(bytes: &[u8]) -> Vec<ChallengeStep> {
    let all = [
        ChallengeStep::Blink,
        ChallengeStep::TurnLeft,
        ChallengeStep::TurnRight,
    ];
    let mut steps: Vec<ChallengeStep> = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        let left: Vec<ChallengeStep> = all
            .into_iter()
            .filter(|step| steps.last() != Some(step))
            .collect();
        steps.push(left[usize::from(byte) % left.len()]);
    }
    steps
}
