//! Who a track is: the people enrolled are asked, tracks are divided, and names are told once.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use prosopon_gallery::SubjectId;

use super::Watcher;
use crate::event::{Event, EventKind};
use crate::evidence::{Change, Evidence};
use crate::who::WhoError;

/// From this quality on a face looks into the camera and is sharp, so that its looks are its own.
const SEEN_WELL: f32 = 0.5;

/// Subjects whose last sight is remembered; more than a camera meets within a cooldown.
const MAX_RECENT: usize = 10_000;

impl Watcher {
    /// Asks who the track at this position is, if there is reason to.
    pub(super) fn decide(&mut self, position: usize, events: &mut Vec<Event>) {
        let started = Instant::now();
        self.part_with_somebody_else(position, events);
        let Some(who) = self.who.clone() else { return };
        // The second time for what remains after a division.
        for _ in 0..2 {
            let at = self.clock.position;
            let options = self.options.evidence;
            let track = &mut self.tracker.tracks_mut()[position];
            let change = match track.evidence_mut().look(at, &*who, &options) {
                Ok(change) => change,
                Err(error) => {
                    self.failed(&error);
                    Change::Nothing
                }
            };
            match change {
                Change::Contradicted => {
                    let evidence = self.tracker.tracks()[position].evidence().undecided();
                    self.divide(position, at, evidence, events);
                    continue;
                }
                Change::Recognised => self.recognised(position, events),
                Change::Unknown => {
                    let track = &self.tracker.tracks()[position];
                    events.extend(self.event(EventKind::Unknown, track));
                }
                Change::Nothing => {}
            }
            break;
        }
        self.seconds.identify += started.elapsed().as_secs_f64();
        // Whoever waits until the face looks live has not been announced: a cooldown must not swallow it.
        if self.tracker.tracks()[position].notes.is_waiting() {
            return;
        }
        let subject = self.tracker.tracks()[position].evidence().subject();
        if let Some(id) = subject.map(|subject| subject.id) {
            self.saw(id, self.clock.at);
        }
    }

    /// Divides the track if its last samples are another person's. Without a sign that it may have become another face, and
    /// without good sights, a change of looks alone is none of person: heads turn.
    fn part_with_somebody_else(&mut self, position: usize, events: &mut Vec<Event>) {
        let track = &self.tracker.tracks()[position];
        let Some((since, other)) = track.evidence().somebody_else(&self.options.evidence) else {
            return;
        };
        let own = track.evidence().subject().map(|subject| subject.id);
        let is_disrupted = track.is_disrupted();
        let other_is = self.who.as_ref().and_then(|who| {
            let answer = who.identify(other.mean()?);
            match answer {
                Ok(answer) => answer.best.filter(|_| answer.is_match),
                Err(_) => None,
            }
        });
        let other_is = other_is.map(|best| best.subject.id);
        let is_seen_well = other.recent().all(|sample| sample.quality >= SEEN_WELL);
        let is_other_person = match (own, other_is) {
            (Some(own), Some(other)) => own != other,
            _ => is_disrupted || is_seen_well,
        };
        if is_other_person {
            self.divide(position, since, other, events);
        } else if own.is_none() && other_is.is_some() {
            // The face turned, and this side of it can be named.
            *self.tracker.tracks_mut()[position].evidence_mut() = other;
        }
    }

    fn divide(
        &mut self,
        position: usize,
        until: Duration,
        evidence: Evidence,
        events: &mut Vec<Event>,
    ) {
        self.counts.switches += 1;
        self.counts.tracks += 1;
        let mut ended = self.tracker.divide(position, until, evidence);
        let track = &mut self.tracker.tracks_mut()[position];
        (ended.track.notes, track.notes) = std::mem::take(&mut track.notes).divided(until);
        self.end(&ended, events);
        let track = &self.tracker.tracks()[position];
        events.extend(self.event(EventKind::Appeared, track));
    }

    fn recognised(&mut self, position: usize, events: &mut Vec<Event>) {
        let track = &self.tracker.tracks()[position];
        let Some(subject) = track.evidence().subject() else {
            return;
        };
        let last = self.recent.get(&subject.id);
        let is_back = |last: &Timestamp| self.is_within_cooldown(*last, self.clock.at);
        if last.is_some_and(is_back) {
            return;
        }
        let live = track.notes.liveness();
        let is_live = live.is_some_and(|live| live.enough && live.score >= self.options.live_from);
        if self.options.require_live && !is_live {
            self.tracker.tracks_mut()[position].notes.wait();
        } else {
            events.extend(self.event(EventKind::Recognised, track));
        }
    }

    pub(super) fn saw(&mut self, subject: SubjectId, at: Timestamp) {
        let known = self.recent.get(&subject);
        if known.is_none_or(|known| at > *known || !self.is_within_cooldown(*known, at)) {
            self.recent.insert(subject, at);
        }
        if self.recent.len() > MAX_RECENT {
            let oldest = self.recent.iter().min_by_key(|(_, at)| **at);
            if let Some(oldest) = oldest.map(|(id, _)| *id) {
                self.recent.remove(&oldest);
            }
        }
    }

    /// Whether two times are so close that whoever was seen at both has not been away. A time that is yet to come
    /// is judged like one that has passed: after a clock was set back it would keep people silent until then.
    fn is_within_cooldown(&self, a: Timestamp, b: Timestamp) -> bool {
        a.duration_since(b).unsigned_abs() < self.options.cooldown
    }

    fn failed(&mut self, error: &WhoError) {
        if self.counts.failed_looks == 0 {
            tracing::warn!(camera = %self.camera, %error, "could not ask who it is");
        }
        self.counts.failed_looks += 1;
    }

    /// Tells of a face that looks like a picture, and of somebody whose face had to look live first.
    pub(super) fn judge_liveness(&mut self, position: usize, events: &mut Vec<Event>) {
        let track = &mut self.tracker.tracks_mut()[position];
        let Some(score) = track.notes.liveness().filter(|score| score.enough) else {
            return;
        };
        let is_spoof = score.score < self.options.spoof_below && track.notes.suspect();
        let is_live = score.score >= self.options.live_from;
        let was_waiting = is_live && track.notes.stop_waiting();
        let track = &self.tracker.tracks()[position];
        if is_spoof {
            events.extend(self.event(EventKind::SpoofSuspected, track));
        }
        if was_waiting && track.evidence().subject().is_some() {
            events.extend(self.event(EventKind::Recognised, track));
        }
    }
}
