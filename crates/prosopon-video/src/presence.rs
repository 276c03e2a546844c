//! Who was there when.

use std::collections::VecDeque;
use std::time::Duration;

use prosopon::{Embedding, Image, similarity};
use prosopon_gallery::SubjectId;
use serde::{Serialize, Serializer};

use crate::event::EventSubject;
use crate::evidence::Identity;

/// Rows of people without a name that are kept; the oldest are forgotten first.
const MAX_UNNAMED: usize = 200;

/// Rows of people with a name, likewise.
const MAX_NAMED: usize = 10_000;

/// Intervals of a person; beyond that the two closest become one.
const MAX_INTERVALS: usize = 1000;

/// Tracks of a person that are remembered by number.
const MAX_TRACKS: usize = 1000;

/// From one moment of a source to a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// Seconds from the start of the source.
    #[serde(serialize_with = "seconds")]
    pub start: Duration,
    /// Likewise; not before `start`.
    #[serde(serialize_with = "seconds")]
    pub end: Duration,
}

/// With milliseconds, as no frame is shorter.
fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((time.as_secs_f64() * 1000.0).round() / 1000.0)
}

impl Interval {
    /// How long it is.
    pub fn length(&self) -> Duration {
        self.end.saturating_sub(self.start)
    }
}

/// Intervals in order, apart from each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intervals(Vec<Interval>);

impl Intervals {
    /// The intervals, in order.
    pub fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    /// Something was there at `at`, later than all before; a gap of up to `gap` is none.
    pub fn see(&mut self, at: Duration, gap: Duration) {
        match self.0.last_mut() {
            Some(last) if at.saturating_sub(last.end) <= gap => last.end = last.end.max(at),
            _ => self.0.push(Interval { start: at, end: at }),
        }
        self.bound();
    }

    /// Both together.
    pub fn merge(&mut self, other: &Self, gap: Duration) {
        let mut all = std::mem::take(&mut self.0);
        all.extend_from_slice(&other.0);
        all.sort_by_key(|interval| (interval.start, interval.end));
        for interval in all {
            match self.0.last_mut() {
                Some(last) if interval.start.saturating_sub(last.end) <= gap => {
                    last.end = last.end.max(interval.end);
                }
                _ => self.0.push(interval),
            }
        }
        while self.0.len() > MAX_INTERVALS {
            self.bound();
        }
    }

    /// What of them lies before `until`, and the rest.
    pub fn divided(self, until: Duration) -> (Self, Self) {
        let (mut before, mut after) = (Vec::new(), Vec::new());
        for interval in self.0 {
            if interval.start < until {
                let end = interval.end.min(until);
                before.push(Interval { end, ..interval });
            }
            if interval.end >= until {
                let start = interval.start.max(until);
                after.push(Interval { start, ..interval });
            }
        }
        (Self(before), Self(after))
    }

    /// The sum of their lengths.
    pub fn total(&self) -> Duration {
        self.0.iter().map(Interval::length).sum()
    }

    /// Joins the two that are closest, if there are too many.
    fn bound(&mut self) {
        if self.0.len() <= MAX_INTERVALS {
            return;
        }
        let gaps = self
            .0
            .windows(2)
            .map(|pair| pair[1].start.saturating_sub(pair[0].end));
        if let Some((i, _)) = gaps.enumerate().min_by_key(|(_, gap)| *gap) {
            self.0[i].end = self.0[i + 1].end;
            self.0.remove(i + 1);
        }
    }
}

/// A face cut out of a frame, with some of what is around it.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceCrop {
    /// The pixels.
    pub image: Image,
    /// In [0, 1].
    pub quality: f32,
    /// Place in the source.
    pub at: Duration,
}

/// What a track adds to the record when it is over.
#[derive(Debug, Clone)]
pub struct Attendance<'a> {
    /// Number of the track.
    pub track: u64,
    /// What is known about who it is.
    pub identity: Identity,
    /// Who it is, if that is known.
    pub subject: Option<&'a EventSubject>,
    /// How close it is to the best candidate.
    pub similarity: Option<f32>,
    /// Its mean embedding, by which tracks of somebody without a name are put together.
    pub mean: Option<&'a Embedding>,
    /// When it was seen.
    pub intervals: &'a Intervals,
    /// Its best crop.
    pub crop: Option<&'a FaceCrop>,
}

/// Somebody who was there.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// Whether it is known who it is.
    pub identity: Identity,
    /// Who it is, if that is known.
    pub subject: Option<EventSubject>,
    /// When.
    #[serde(serialize_with = "slices")]
    pub intervals: Intervals,
    /// How long in all, in seconds.
    #[serde(serialize_with = "seconds")]
    pub seconds: Duration,
    /// The largest similarity of a track to the best candidate.
    pub similarity: Option<f32>,
    /// Numbers of the tracks.
    pub tracks: Vec<u64>,
    /// The best crop of all tracks.
    #[serde(skip)]
    pub crop: Option<FaceCrop>,
    #[serde(skip)]
    mean: Option<Embedding>,
}

fn slices<S: Serializer>(intervals: &Intervals, serializer: S) -> Result<S::Ok, S::Error> {
    intervals.0.serialize(serializer)
}

impl Person {
    /// The name, or what is said of somebody without one.
    pub fn label(&self) -> &str {
        match (&self.subject, self.identity) {
            (Some(subject), _) => &subject.name,
            (None, Identity::Undecided) => "undecided",
            (None, _) => "unknown",
        }
    }

    fn is(&self, subject: SubjectId) -> bool {
        self.subject.as_ref().is_some_and(|own| own.id == subject)
    }
}

/// All who were there. Its size has a bound.
#[derive(Debug, Clone, Default)]
pub struct Presence {
    named: VecDeque<Person>,
    unnamed: VecDeque<Person>,
    n_forgotten: u64,
}

impl Presence {
    /// Adds a track. Tracks of one person become one row, those of somebody without a name if they are as similar as
    /// `same`; gaps of up to `gap` are none.
    pub fn add(&mut self, attendance: &Attendance<'_>, same: f32, gap: Duration) {
        let like = |person: &Person| {
            let pair = person.mean.as_ref().zip(attendance.mean);
            pair.and_then(|(a, b)| Some(similarity(a, b).ok()?.value()))
                .unwrap_or(-1.0)
        };
        let (rows, position, max) = if let Some(subject) = attendance.subject {
            let position = self.named.iter().position(|person| person.is(subject.id));
            (&mut self.named, position, MAX_NAMED)
        } else {
            let rows = self.unnamed.iter().enumerate();
            let best = rows
                .map(|(i, person)| (i, like(person)))
                .max_by(|a, b| a.1.total_cmp(&b.1));
            let position = best.filter(|best| best.1 >= same).map(|best| best.0);
            (&mut self.unnamed, position, MAX_UNNAMED)
        };
        if let Some(person) = position.and_then(|i| rows.get_mut(i)) {
            person.add(attendance, gap);
            return;
        }
        if rows.len() >= max {
            rows.pop_front();
            self.n_forgotten += 1;
        }
        let mut person = Person {
            identity: attendance.identity,
            subject: attendance.subject.cloned(),
            intervals: Intervals::default(),
            seconds: Duration::ZERO,
            similarity: None,
            tracks: Vec::new(),
            crop: None,
            mean: attendance.mean.cloned(),
        };
        person.add(attendance, gap);
        rows.push_back(person);
    }

    /// Everybody: those with names first, the longest there before others.
    pub fn people(&self) -> Vec<Person> {
        let mut people: Vec<Person> = self.named.iter().chain(&self.unnamed).cloned().collect();
        people.sort_by_key(|person| {
            let rank = match person.identity {
                Identity::Known => 0,
                Identity::Unknown => 1,
                Identity::Undecided => 2,
            };
            (rank, std::cmp::Reverse(person.seconds))
        });
        people
    }

    /// How many rows were forgotten, since there were too many.
    pub fn n_forgotten(&self) -> u64 {
        self.n_forgotten
    }
}

impl Person {
    fn add(&mut self, attendance: &Attendance<'_>, gap: Duration) {
        if attendance.identity == Identity::Unknown && self.subject.is_none() {
            self.identity = Identity::Unknown;
        }
        self.intervals.merge(attendance.intervals, gap);
        self.seconds = self.intervals.total();
        if attendance.similarity > self.similarity {
            self.similarity = attendance.similarity;
        }
        if self.tracks.len() < MAX_TRACKS {
            self.tracks.push(attendance.track);
        }
        let quality = |crop: Option<&FaceCrop>| crop.map_or(-1.0, |crop| crop.quality);
        if quality(attendance.crop) > quality(self.crop.as_ref()) {
            self.crop = attendance.crop.cloned();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    #[test]
    fn short_gaps_are_none_and_long_ones_divide() {
        let mut intervals = Intervals::default();
        for time in [0, 100, 200, 900, 1000] {
            intervals.see(millis(time), millis(500));
        }
        let found: Vec<_> = intervals
            .as_slice()
            .iter()
            .map(|i| (i.start.as_millis(), i.end.as_millis()))
            .collect();
        assert_eq!(found, [(0, 200), (900, 1000)]);
        assert_eq!(intervals.total(), millis(300));
        let (before, after) = intervals.clone().divided(millis(950));
        assert_eq!((before.total(), after.total()), (millis(250), millis(50)));
        let mut both = after;
        both.merge(&before, millis(10));
        assert_eq!(both, intervals);
    }

    #[test]
    fn intervals_have_a_bound_and_lose_no_time() {
        let mut intervals = Intervals::default();
        for i in 0..3 * MAX_INTERVALS as u64 {
            intervals.see(millis(i * 1000), millis(10));
            intervals.see(millis(i * 1000 + 5), millis(10));
        }
        let found = intervals.as_slice();
        assert_eq!(found.len(), MAX_INTERVALS);
        assert!(found.windows(2).all(|pair| pair[0].end < pair[1].start));
        let last = found.last().expect("an interval");
        assert_eq!(last.end, millis((3 * MAX_INTERVALS as u64 - 1) * 1000 + 5));
    }

    #[test]
    fn rows_have_a_bound() {
        let mut presence = Presence::default();
        let intervals = Intervals::default();
        for track in 0..500 {
            let attendance = Attendance {
                track,
                identity: Identity::Unknown,
                subject: None,
                similarity: None,
                mean: None,
                intervals: &intervals,
                crop: None,
            };
            presence.add(&attendance, 0.3, millis(500));
        }
        assert_eq!(presence.people().len(), MAX_UNNAMED);
        assert_eq!(presence.n_forgotten(), 500 - MAX_UNNAMED as u64);
    }
}
