//! What is known of a classifier: its versions, which of them is used, and what was used before.

use serde::{Deserialize, Serialize};

use super::Which;

/// Layout of the file; another is refused.
const FORMAT: u32 = 1;

/// Events that are kept, and versions to which `rollback` can go back one after the other.
const MAX_KEPT: usize = 100;

/// Versions and labels of one classifier. There is at least one version, and `stable` is always one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    format: u32,
    /// The version that is used where none is named.
    pub stable: u32,
    /// The version that waits to be promoted.
    pub candidate: Option<u32>,
    /// All versions, oldest first.
    pub versions: Vec<Version>,
    /// What happened, oldest first; the last hundred.
    pub history: Vec<Event>,
    /// Highest number that was ever given: none is given twice.
    last: u32,
    /// What was stable before, for `rollback`; the latest is last.
    before: Vec<u32>,
}

/// A version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its number, from 1.
    pub version: u32,
    /// When it was added, in milliseconds since 1970-01-01 UTC.
    pub added_millis: i64,
}

/// Something that happened to a classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When, in milliseconds since 1970-01-01 UTC.
    pub at_millis: i64,
    /// What.
    pub action: Action,
    /// The version that it was about.
    pub version: u32,
    /// The version that was stable afterwards.
    pub stable: u32,
}

/// What can happen to a classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A version was added.
    Add,
    /// A version became stable.
    Promote,
    /// A version that had been stable before became so again.
    Rollback,
    /// A version was deleted.
    Delete,
}

impl Labels {
    /// Those of a classifier with its first version.
    pub(super) fn new(at_millis: i64) -> Self {
        let mut labels = Self {
            format: FORMAT,
            stable: 1,
            candidate: None,
            versions: Vec::new(),
            history: Vec::new(),
            last: 0,
            before: Vec::new(),
        };
        labels.add(at_millis);
        labels.candidate = None;
        labels
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, String> {
        let labels: Self = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let versions = &labels.versions;
        let is_rising = versions
            .windows(2)
            .all(|pair| pair[0].version < pair[1].version);
        let known = |version: &u32| labels.version(*version).is_some();
        if labels.format != FORMAT {
            Err(format!("format {} in place of {FORMAT}", labels.format))
        } else if !is_rising
            || versions.first().is_none_or(|first| first.version == 0)
            || versions.last().is_some_and(|v| v.version > labels.last)
        {
            Err("versions that do not rise".to_owned())
        } else if !known(&labels.stable)
            || !labels.candidate.iter().all(known)
            || !labels.before.iter().all(known)
        {
            Err("a label of a version that is not there".to_owned())
        } else {
            Ok(labels)
        }
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        // A structure of numbers can always be written.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// A version by its number.
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.iter().find(|v| v.version == number)
    }

    /// The number of the version that is meant; none if there is no such version.
    pub fn number(&self, which: Which) -> Option<u32> {
        match which {
            Which::Stable => Some(self.stable),
            Which::Candidate => self.candidate,
            Which::Number(number) => self.version(number).map(|v| v.version),
        }
    }

    /// The number that the next version gets.
    pub(super) fn next(&self) -> u32 {
        self.last + 1
    }

    /// A new version; it becomes the candidate.
    pub(super) fn add(&mut self, at_millis: i64) -> u32 {
        let version = self.next();
        self.last = version;
        self.versions.push(Version {
            version,
            added_millis: at_millis,
        });
        self.candidate = Some(version);
        self.note(at_millis, Action::Add, version);
        version
    }

    /// Makes a version that is there stable.
    pub(super) fn promote(&mut self, version: u32, at_millis: i64) {
        if self.candidate == Some(version) {
            self.candidate = None;
        }
        if self.stable == version {
            return;
        }
        self.before.push(self.stable);
        let surplus = self.before.len().saturating_sub(MAX_KEPT);
        self.before.drain(..surplus);
        self.stable = version;
        self.note(at_millis, Action::Promote, version);
    }

    /// Makes stable what was so before; the version that was stable becomes the candidate, unless there is one.
    /// False if nothing was stable before.
    pub(super) fn roll_back(&mut self, at_millis: i64) -> bool {
        let Some(version) = self.before.pop() else {
            return false;
        };
        if self.candidate.is_none_or(|candidate| candidate == version) {
            self.candidate = Some(self.stable);
        }
        self.stable = version;
        self.note(at_millis, Action::Rollback, version);
        true
    }

    /// Takes a version out. If it was stable, what was so before takes its place, else the newest. False if none
    /// would be left.
    pub(super) fn delete(&mut self, version: u32, at_millis: i64) -> bool {
        self.versions.retain(|v| v.version != version);
        let Some(newest) = self.versions.last() else {
            return false;
        };
        self.before.retain(|before| *before != version);
        if self.stable == version {
            self.stable = self.before.pop().unwrap_or(newest.version);
        }
        // Without the version between them, two promotions may lie one on the other.
        self.before.dedup();
        if self.before.last() == Some(&self.stable) {
            self.before.pop();
        }
        if self.candidate == Some(version) || self.candidate == Some(self.stable) {
            self.candidate = None;
        }
        self.note(at_millis, Action::Delete, version);
        true
    }

    fn note(&mut self, at_millis: i64, action: Action, version: u32) {
        self.history.push(Event {
            at_millis,
            action,
            version,
            stable: self.stable,
        });
        let surplus = self.history.len().saturating_sub(MAX_KEPT);
        self.history.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With versions 1 to `n`, none promoted.
    fn labels(n: u32) -> Labels {
        let mut labels = Labels::new(1);
        for i in 1..n {
            labels.add(i64::from(i));
        }
        labels
    }

    fn state(labels: &Labels) -> (u32, Option<u32>, Vec<u32>) {
        let json = labels.to_json();
        assert_eq!(Labels::from_json(&json).as_ref(), Ok(labels));
        (labels.stable, labels.candidate, labels.before.clone())
    }

    #[test]
    fn the_first_is_stable_and_the_others_are_candidates() {
        assert_eq!(state(&labels(1)), (1, None, vec![]));
        assert_eq!(state(&labels(3)), (1, Some(3), vec![]));
    }

    #[test]
    fn rolling_back_goes_back_one_promotion_after_the_other() {
        let mut labels = labels(3);
        labels.promote(2, 0);
        assert_eq!(state(&labels), (2, Some(3), vec![1]));
        labels.promote(3, 0);
        assert_eq!(state(&labels), (3, None, vec![1, 2]));
        labels.promote(3, 0);
        assert_eq!(state(&labels), (3, None, vec![1, 2]));
        assert!(labels.roll_back(0));
        assert_eq!(state(&labels), (2, Some(3), vec![1]));
        assert!(labels.roll_back(0));
        assert_eq!(state(&labels), (1, Some(3), vec![]));
        assert!(!labels.roll_back(0));
        let actions: Vec<_> = labels
            .history
            .iter()
            .map(|event| (event.action, event.stable))
            .collect();
        assert_eq!(
            actions[3..],
            [
                (Action::Promote, 2),
                (Action::Promote, 3),
                (Action::Rollback, 2),
                (Action::Rollback, 1)
            ]
        );
    }

    #[test]
    fn what_is_deleted_is_nowhere_and_its_number_is_not_given_again() {
        let mut labels = labels(3);
        labels.promote(2, 0);
        labels.promote(1, 0);
        labels.promote(3, 0);
        assert!(labels.delete(2, 0));
        assert_eq!(state(&labels), (3, None, vec![1]));
        assert!(labels.delete(3, 0));
        assert_eq!(state(&labels), (1, None, vec![]));
        assert_eq!(labels.add(0), 4);
        assert!(labels.delete(1, 0));
        assert_eq!(state(&labels), (4, None, vec![]));
        assert!(!labels.delete(4, 0));
    }

    #[test]
    fn history_does_not_grow_without_end() {
        let mut labels = labels(2);
        for _ in 0..150 {
            labels.promote(2, 0);
            labels.promote(1, 0);
        }
        assert_eq!((labels.history.len(), labels.before.len()), (100, 100));
        assert_eq!(labels.before.last(), Some(&2));
    }

    #[test]
    fn files_that_contradict_themselves_are_refused() {
        let good = String::from_utf8(labels(2).to_json()).unwrap();
        for (from, to) in [
            ("\"stable\": 1", "\"stable\": 3"),
            ("\"candidate\": 2", "\"candidate\": 9"),
            ("\"before\": []", "\"before\": [7]"),
            ("\"last\": 2", "\"last\": 1"),
            ("\"format\": 1", "\"format\": 2"),
            ("\"stable\": 1", "\"stable\": \"../1\""),
            ("\"version\": 1,", "\"version\": 0,"),
        ] {
            assert!(good.contains(from), "{from}");
            let bad = good.replacen(from, to, 1);
            assert!(Labels::from_json(bad.as_bytes()).is_err(), "{to}");
        }
        assert!(Labels::from_json(&good.as_bytes()[..good.len() / 2]).is_err());
    }
}
