//! The tracks of one source.

use std::time::Duration;

use prosopon::{BoundingBox, Detection, Embedding};

use super::association::{Choice, Overlaps, Pair, confident, faint};
use super::kalman::Motion;
use crate::evidence::{Evidence, EvidenceOptions, Identity};
use crate::notes::Notes;

/// How detections become tracks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrackerOptions {
    /// Detections below this confidence only continue tracks, and begin none.
    pub high_confidence: f32,
    /// A track is confirmed by so many detections …
    pub confirm_detections: u32,
    /// … over so long a time: a mistake of the detector rarely stays.
    pub confirm_after: Duration,
    /// A track that nobody sees ends after this time; until then its face may come back.
    pub keep_lost: Duration,
    /// A track that is known or unknown by now gives one sample in this time; others one at each detection.
    pub sample_every: Duration,
    /// At most so many tracks; further faces wait until others have left.
    pub max_tracks: usize,
}

impl Default for TrackerOptions {
    fn default() -> Self {
        Self {
            high_confidence: 0.5,
            confirm_detections: 3,
            confirm_after: Duration::from_millis(120),
            keep_lost: Duration::from_secs(3),
            sample_every: Duration::from_millis(500),
            max_tracks: 256,
        }
    }
}

/// Where a track is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackState {
    /// Perhaps a mistake of the detector.
    Tentative,
    /// A face that is there.
    Confirmed,
    /// A face that was there and may come back.
    Lost,
}

/// For so long, or so many intervals between detections, a face that was not found is still shown, and a tentative one
/// waited for: detectors miss a frame now and then.
const PATIENCE: (Duration, u32) = (Duration::from_millis(300), 2);

/// An undecided track is embedded at each detection so many times, then as often as others: one whose sights are all too
/// poor would cost as much for ever.
const EAGER: u32 = 24;

/// One face followed through frames.
#[derive(Debug, Clone)]
pub struct Track {
    id: u64,
    state: TrackState,
    motion: Motion,
    /// The time that `motion` is for.
    moved_to: Duration,
    detection: Detection,
    n_detections: u32,
    first_seen: Duration,
    last_seen: Duration,
    /// Whether its place still says something: not after a cut.
    is_anchored: bool,
    /// Since the last sample that looked like the ones before, it may have become somebody else's.
    is_disrupted: bool,
    last_sample: Option<Duration>,
    n_embedded: u32,
    evidence: Evidence,
    pub(crate) notes: Notes,
}

impl Track {
    fn new(detection: Detection, at: Duration) -> Self {
        Self {
            id: 0,
            state: TrackState::Tentative,
            motion: Motion::new(&detection.bounding_box),
            moved_to: at,
            detection,
            n_detections: 1,
            first_seen: at,
            last_seen: at,
            is_anchored: true,
            is_disrupted: false,
            last_sample: None,
            n_embedded: 0,
            evidence: Evidence::default(),
            notes: Notes::default(),
        }
    }

    /// Its number, from 1 within one source; 0 while it is tentative.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Where it is in its life.
    pub fn state(&self) -> TrackState {
        self.state
    }

    /// Where the face is now, as far as is known.
    pub fn bounding_box(&self) -> BoundingBox {
        self.motion.bounding_box()
    }

    /// What the detector said last.
    pub fn detection(&self) -> &Detection {
        &self.detection
    }

    /// When it was seen for the first time.
    pub fn first_seen(&self) -> Duration {
        self.first_seen
    }

    /// When it was seen last.
    pub fn last_seen(&self) -> Duration {
        self.last_seen
    }

    /// What is known about who it is.
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    pub(crate) fn evidence_mut(&mut self) -> &mut Evidence {
        &mut self.evidence
    }

    pub(crate) fn is_anchored(&self) -> bool {
        self.is_anchored
    }

    /// Whether it may have become another face since the last sample that looked like the ones before.
    pub(crate) fn is_disrupted(&self) -> bool {
        self.is_disrupted
    }

    /// A sample was added to the evidence.
    pub(crate) fn sampled(&mut self, at: Duration) {
        self.last_sample = Some(at);
        self.n_embedded = self.n_embedded.saturating_add(1);
        self.is_disrupted &= self.evidence.is_doubtful();
    }

    fn predict(&mut self, at: Duration) {
        let dt = at.saturating_sub(self.moved_to);
        self.motion.predict(dt.as_secs_f64());
        self.moved_to = self.moved_to.max(at);
    }

    fn wants_sample(&self, at: Duration, options: &TrackerOptions) -> bool {
        let evidence = &self.evidence;
        let eager = evidence.identity() == Identity::Undecided && self.n_embedded < EAGER;
        eager
            || evidence.is_doubtful()
            || self
                .last_sample
                .is_none_or(|last| at.saturating_sub(last) >= options.sample_every)
    }

    fn seen(&mut self, detection: &Detection, at: Duration, is_smooth: bool) {
        if is_smooth || self.bounding_box().iou(&detection.bounding_box) > 0.0 && self.is_anchored {
            self.motion.correct(&detection.bounding_box);
        } else {
            self.motion = Motion::new(&detection.bounding_box);
        }
        self.is_disrupted |= !is_smooth;
        self.is_anchored = true;
        self.detection = *detection;
        self.n_detections = self.n_detections.saturating_add(1);
        self.last_seen = at;
    }
}

/// A track that is over.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its last state. It was confirmed.
    pub track: Track,
}

/// What one frame's detections did.
#[derive(Debug, Clone, Default)]
pub struct Updated {
    /// Tracks that were seen, as positions in [`Tracker::tracks`], and in which detection.
    pub seen: Vec<(usize, usize)>,
    /// Tracks that were confirmed by it, as positions.
    pub confirmed: Vec<usize>,
    /// Embeddings of the detections, where there was reason to compute them.
    pub embeddings: Vec<Option<Embedding>>,
    /// Tracks that are over.
    pub ended: Vec<Ended>,
}

/// Follows the faces of one source.
#[derive(Debug, Default)]
pub struct Tracker {
    options: TrackerOptions,
    evidence: EvidenceOptions,
    tracks: Vec<Track>,
    last_id: u64,
    last_update: Option<Duration>,
    interval: Duration,
}

impl Tracker {
    /// A tracker without tracks.
    pub fn new(options: TrackerOptions, evidence: EvidenceOptions) -> Self {
        Self {
            options,
            evidence,
            ..Self::default()
        }
    }

    /// All tracks that are not over.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    pub(crate) fn tracks_mut(&mut self) -> &mut [Track] {
        &mut self.tracks
    }

    /// Time from one detection to the next, by the last two.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether a track is to be shown: confirmed, and seen just now.
    pub fn is_visible(&self, track: &Track, at: Duration) -> bool {
        track.state != TrackState::Tentative
            && track.is_anchored
            && at.saturating_sub(track.last_seen) <= self.patience()
    }

    fn patience(&self) -> Duration {
        PATIENCE.0.max(self.interval * PATIENCE.1)
    }

    /// Moves all tracks to where they should be at `at`.
    pub fn predict(&mut self, at: Duration) {
        let patience = self.patience();
        for track in &mut self.tracks {
            if at.saturating_sub(track.last_seen) > patience {
                track.motion.halt();
            }
            track.predict(at);
        }
    }

    /// A new shot begins: no face is where it was.
    pub fn cut(&mut self) {
        for track in &mut self.tracks {
            track.is_anchored = false;
            track.is_disrupted = true;
            if track.state == TrackState::Confirmed {
                track.state = TrackState::Lost;
            }
        }
        self.tracks
            .retain(|track| track.state != TrackState::Tentative);
    }

    /// Takes in the detections of the frame at `at`. `embed` computes the embeddings of those at the given positions, in
    /// their order, none for a face that cannot be aligned; it is called at most once.
    ///
    /// # Errors
    /// That of `embed`; then nothing has changed.
    pub fn update<E>(
        &mut self,
        at: Duration,
        detections: &[Detection],
        embed: impl FnOnce(&[usize]) -> Result<Vec<Option<Embedding>>, E>,
    ) -> Result<Updated, E> {
        self.predict(at);
        let interval = self
            .last_update
            .map_or(Duration::ZERO, |last| at.saturating_sub(last));
        let is_high = |d: &&Detection| d.confidence >= self.options.high_confidence;
        let positions = |high: bool| -> Vec<usize> {
            let fits = |i: &usize| is_high(&&detections[*i]) == high;
            (0..detections.len()).filter(fits).collect()
        };
        let (high, low) = (positions(true), positions(false));
        let at_positions = |positions: &[usize]| -> Vec<&Detection> {
            positions.iter().map(|&i| &detections[i]).collect()
        };
        let high_detections = at_positions(&high);
        let overlaps = Overlaps::new(&self.tracks, &high_detections);

        let wanted: Vec<usize> = (0..high.len())
            .filter(|&d| {
                overlaps
                    .clear(&self.tracks, d, (at, interval))
                    .is_none_or(|t| self.tracks[t].wants_sample(at, &self.options))
            })
            .collect();
        let mut embeddings = vec![None; high.len()];
        if !wanted.is_empty() {
            let asked: Vec<usize> = wanted.iter().map(|&d| high[d]).collect();
            for (d, embedding) in wanted.into_iter().zip(embed(&asked)?) {
                embeddings[d] = embedding;
            }
        }
        self.last_update = Some(at);
        self.interval = interval;

        let mut choice = Choice {
            detections: &high_detections,
            embeddings: &embeddings,
            at,
            interval,
            options: &self.evidence,
        };
        let first = confident(&self.tracks, &overlaps, &choice);
        let free: Vec<usize> = (0..self.tracks.len())
            .filter(|t| first.iter().all(|pair| pair.track != *t))
            .collect();
        let low_detections = at_positions(&low);
        choice.detections = &low_detections;
        let second = faint(&self.tracks, &free, &choice);

        let mut updated = Updated::default();
        updated.embeddings.resize(detections.len(), None);
        for (d, embedding) in high.iter().zip(embeddings) {
            updated.embeddings[*d] = embedding;
        }
        let mut taken = vec![false; detections.len()];
        let both = [(first, &high), (second, &low)];
        for (pairs, positions) in both {
            for Pair {
                track,
                detection,
                is_smooth,
            } in pairs
            {
                let detection = positions[detection];
                taken[detection] = true;
                self.tracks[track].seen(&detections[detection], at, is_smooth);
                updated.seen.push((track, detection));
            }
        }
        for detection in high.into_iter().filter(|&d| !taken[d]) {
            if self.tracks.len() < self.options.max_tracks {
                updated.seen.push((self.tracks.len(), detection));
                self.tracks.push(Track::new(detections[detection], at));
            }
        }
        self.age(at, &mut updated);
        Ok(updated)
    }

    /// Confirms, loses and ends tracks.
    fn age(&mut self, at: Duration, updated: &mut Updated) {
        let patience = self.patience();
        // Where a frame comes every few seconds, one that is missed ends nothing.
        let keep_lost = self.options.keep_lost.max(self.interval * PATIENCE.1);
        let mut moved_to = Vec::with_capacity(self.tracks.len());
        let mut kept = Vec::with_capacity(self.tracks.len());
        for mut track in std::mem::take(&mut self.tracks) {
            let unseen = at.saturating_sub(track.last_seen);
            let is_over = match track.state {
                TrackState::Tentative => unseen > patience,
                TrackState::Confirmed | TrackState::Lost => unseen > keep_lost,
            };
            if is_over {
                moved_to.push(None);
                if track.state != TrackState::Tentative {
                    updated.ended.push(Ended { track });
                }
                continue;
            }
            let span = track.last_seen.saturating_sub(track.first_seen);
            match track.state {
                TrackState::Tentative
                    if track.n_detections >= self.options.confirm_detections
                        && span >= self.options.confirm_after =>
                {
                    self.last_id += 1;
                    track.id = self.last_id;
                    track.state = TrackState::Confirmed;
                    updated.confirmed.push(kept.len());
                }
                TrackState::Confirmed if unseen > patience => track.state = TrackState::Lost,
                TrackState::Lost if unseen.is_zero() => track.state = TrackState::Confirmed,
                _ => {}
            }
            moved_to.push(Some(kept.len()));
            kept.push(track);
        }
        self.tracks = kept;
        updated.seen = updated
            .seen
            .drain(..)
            .filter_map(|(track, detection)| Some((moved_to[track]?, detection)))
            .collect();
    }

    /// Ends the track at this position as it was at `until`, and goes on with the same face under another number and
    /// with other evidence. Gives the ended one.
    pub(crate) fn divide(&mut self, position: usize, until: Duration, evidence: Evidence) -> Ended {
        self.last_id += 1;
        let track = &mut self.tracks[position];
        let mut ended = track.clone();
        ended.last_seen = ended.last_seen.min(until);
        track.id = self.last_id;
        track.first_seen = until;
        track.is_disrupted = false;
        track.n_embedded = 0;
        track.evidence = evidence;
        Ended { track: ended }
    }

    /// Ends all tracks.
    pub(crate) fn finish(&mut self) -> Vec<Ended> {
        let tracks = std::mem::take(&mut self.tracks);
        tracks
            .into_iter()
            .filter(|track| track.state != TrackState::Tentative)
            .map(|track| Ended { track })
            .collect()
    }
}
