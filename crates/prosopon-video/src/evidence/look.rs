//! Asking who a track is: when there is reason to, and what the answers change.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Evidence, EvidenceOptions};
use crate::who::{Answer, Who, WhoError};

/// The similarity that a single sample must have to the person of the mean, as a share of the threshold, to agree. Two
/// thirds of a threshold for 1e-3 (0.338) is met by about one stranger in a hundred (0.244), and by nearly all single faces
/// of the person.
const AGREES_FROM: f32 = 0.67;

/// Below this share of the threshold a name is doubted that was given before.
const DOUBTED_BELOW: f32 = 0.67;

/// Looks that must speak against a name one after another, each with half as many samples more.
const DOUBTS: u32 = 2;

/// Growth of the number of samples from look to look.
pub(super) const GROWTH: f64 = 1.5;

/// However few samples came, somebody may have been enrolled since the last look. The mean hardly differs, so this is
/// hardly another chance.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// What is known about who a track is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Not enough has been seen.
    #[default]
    Undecided,
    /// Somebody who is enrolled.
    Known,
    /// Nobody who is enrolled.
    Unknown,
}

/// What a look at the evidence changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Nothing,
    /// It is known now who it is.
    Recognised,
    /// It is nobody who is enrolled.
    Unknown,
    /// A name that was given is wrong: the track must be divided, since names do not change.
    Contradicted,
}

impl Evidence {
    /// Asks `who` whether there is reason to.
    ///
    /// # Errors
    /// Those of `who`; the evidence stays as it was, and is asked about again later.
    pub fn look(
        &mut self,
        at: Duration,
        who: &dyn Who,
        options: &EvidenceOptions,
    ) -> Result<Change, WhoError> {
        let enough = self.n >= options.min_samples.max(1) as u64;
        let Some(mean) = self.mean.as_ref().filter(|_| enough) else {
            return Ok(Change::Nothing);
        };
        let unknown_due = self.identity == Identity::Undecided && self.is_long_enough(at, options);
        let old = self
            .last_look
            .is_none_or(|last| at.saturating_sub(last) >= LOOK_AGAIN);
        if self.n < self.next_look && !old {
            // The last look's answer has had its time.
            return Ok(if unknown_due && self.answer.is_some() {
                self.identity = Identity::Unknown;
                Change::Unknown
            } else {
                Change::Nothing
            });
        }
        let answer = who.identify(mean)?;
        let grown = self.n >= self.next_look;
        if grown {
            // One more at least, so that it always grows.
            self.next_look = ((self.n as f64 * GROWTH) as u64).max(self.n + 1);
        }
        self.last_look = Some(at);
        if self.identity == Identity::Known {
            return Ok(self.confirm(answer, grown));
        }
        let is_match = answer.is_match && self.agrees(&answer, who, options)?;
        self.answer = Some(answer);
        if is_match {
            self.identity = Identity::Known;
            self.doubts = 0;
            return Ok(Change::Recognised);
        }
        if unknown_due {
            self.identity = Identity::Unknown;
            return Ok(Change::Unknown);
        }
        Ok(Change::Nothing)
    }

    fn is_long_enough(&self, at: Duration, options: &EvidenceOptions) -> bool {
        self.n >= options.unknown_samples as u64
            && self
                .first
                .is_some_and(|first| at.saturating_sub(first) >= options.unknown_after)
    }

    /// Whether enough of the last samples, each for itself, are closest to the person that the mean matches.
    fn agrees(
        &self,
        answer: &Answer,
        who: &dyn Who,
        options: &EvidenceOptions,
    ) -> Result<bool, WhoError> {
        let Some(best) = &answer.best else {
            return Ok(false);
        };
        let mut n_agree = 0;
        for sample in &self.recent {
            let own = who.identify(&sample.embedding)?.best;
            n_agree += usize::from(own.is_some_and(|own| {
                own.subject.id == best.subject.id
                    && own.similarity >= answer.threshold * AGREES_FROM
            }));
        }
        Ok(n_agree as f32 >= options.agreement * self.recent.len() as f32)
    }

    /// A further look at somebody who has a name: it stays, unless several looks speak against it.
    fn confirm(&mut self, answer: Answer, grown: bool) -> Change {
        let named = self.subject().map(|subject| subject.id);
        let same = answer
            .best
            .as_ref()
            .is_some_and(|best| Some(best.subject.id) == named);
        let weak = answer
            .best
            .as_ref()
            .is_none_or(|best| best.similarity < answer.threshold * DOUBTED_BELOW);
        if same && !weak {
            self.doubts = 0;
            let metadata = self
                .answer
                .take()
                .and_then(|old| Some(old.best?.subject.metadata));
            self.answer = Some(answer);
            // Only matches come with metadata.
            if let Some(best) = self.answer.as_mut().and_then(|answer| answer.best.as_mut())
                && best.subject.metadata.is_empty()
            {
                best.subject.metadata = metadata.unwrap_or_default();
            }
            return Change::Nothing;
        }
        // Somebody else who is not a match either is no reason to doubt.
        let against = weak || answer.is_match;
        self.doubts += u32::from(against && grown);
        if self.doubts >= DOUBTS {
            Change::Contradicted
        } else {
            Change::Nothing
        }
    }
}
