//! Whether anybody is before a camera.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{Event, EventKind};

/// Who is before which camera, by what events say.
#[derive(Debug)]
pub(super) struct Presence {
    /// What happened earlier is history: an outbox may hold the events of yesterday.
    since: Timestamp,
    cameras: BTreeMap<String, Tracks>,
}

#[derive(Debug, Default)]
struct Tracks {
    there: BTreeSet<u64>,
    greatest: u64,
}

impl Presence {
    /// Nobody is anywhere at `since`.
    pub(super) fn new(since: Timestamp) -> Self {
        Self {
            since,
            cameras: BTreeMap::new(),
        }
    }

    /// Takes note of an event; `true` if it changes whether anybody is there.
    pub(super) fn see(&mut self, event: &Event) -> bool {
        if event.at < self.since {
            return false;
        }
        let was = self.is_anybody(&event.camera);
        let tracks = self.cameras.entry(event.camera.clone()).or_default();
        if event.kind == EventKind::Left {
            tracks.there.remove(&event.track);
        } else {
            // Numbers rise within a run of the camera: after a restart nobody of the last run is there.
            if event.kind == EventKind::Appeared && event.track <= tracks.greatest {
                tracks.there.clear();
                tracks.greatest = 0;
            }
            tracks.there.insert(event.track);
            tracks.greatest = tracks.greatest.max(event.track);
        }
        was != self.is_anybody(&event.camera)
    }

    pub(super) fn is_anybody(&self, camera: &str) -> bool {
        self.cameras
            .get(camera)
            .is_some_and(|tracks| !tracks.there.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn somebody_is_there_from_the_first_to_the_last() {
        let mut presence = Presence::new(Timestamp::UNIX_EPOCH);
        let mut see = |track, kind| presence.see(&testing::event("hall", track, kind));
        assert!(see(1, EventKind::Appeared));
        assert!(!see(1, EventKind::Recognised));
        assert!(!see(2, EventKind::Appeared));
        assert!(!see(1, EventKind::Left));
        assert!(see(2, EventKind::Left));
        // A restart without `left`.
        assert!(see(3, EventKind::Appeared));
        assert!(!see(1, EventKind::Appeared));
        assert!(see(1, EventKind::Left));
        assert!(!presence.is_anybody("hall") && !presence.is_anybody("door"));
    }

    #[test]
    fn history_is_not_the_present() {
        let mut presence = Presence::new(Timestamp::MAX);
        assert!(!presence.see(&testing::event("hall", 1, EventKind::Appeared)));
        assert!(!presence.is_anybody("hall"));
    }
}
