//! From frames to tracks to events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use prosopon::annotate::{UNKNOWN_COLOR, annotate, subject_color};
use prosopon::image::{Region, ResizeFilter};
use prosopon::{
    Annotation, AttributeError, AttributeKind, AttributeNetworks, Attributes, BoundingBox,
    DetectError, Detection, DetectorOptions, EmbedError, Embedding, FaceEngine, Image, Landmarks,
};
use prosopon_gallery::SubjectId;
use serde::Serialize;

use crate::event::{Event, EventId, EventKind, EventSubject};
use crate::evidence::{Change, Evidence, EvidenceOptions, Identity, Sample};
use crate::frame::Frame;
use crate::presence::{Attendance, FaceCrop, Person, Presence};
use crate::quality;
use crate::track::{CutDetector, Ended, Track, TrackState, Tracker, TrackerOptions};
use crate::who::{Who, WhoError};

/// Faint faces down to this share of the least confidence continue tracks.
const FAINT: f32 = 0.5;

/// Around a face in a crop, as a share of its sides: enough to be found again in it.
const CROP_MARGIN: f32 = 0.45;

/// Longer side of a crop at most, in pixels.
const CROP_SIDE: u32 = 320;

/// Quality of crops in events.
const CROP_JPEG: u8 = 90;

/// From this quality on a face looks into the camera and is sharp, so that its looks are its own.
const SEEN_WELL: f32 = 0.5;

/// A gap in sight of up to this time is none in the record of who was there.
const GAP: Duration = Duration::from_millis(500);

/// Subjects whose last sight is remembered; more than a camera meets within a cooldown.
const MAX_RECENT: usize = 10_000;

/// How to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchOptions {
    /// Faces are searched for in each n-th frame, and followed between. At least 1.
    pub every: usize,
    /// Somebody who comes back within this time after they were last seen makes no second `recognised`.
    pub cooldown: Duration,
    /// How detections become tracks.
    pub tracker: TrackerOptions,
    /// When the evidence is enough.
    pub evidence: EvidenceOptions,
    /// Nobody is `recognised` before the face looks live; see [`WatchOptions::live_from`]. Needs
    /// [`Watcher::with_attributes`] with the networks of [`ATTRIBUTES`](crate::liveness::ATTRIBUTES).
    pub require_live: bool,
    /// From this score of liveness on a face is taken for a living one.
    pub live_from: f32,
    /// Below this score `spoof_suspected` is told.
    pub spoof_below: f32,
}

impl Default for WatchOptions {
    /// Each third frame: at 25 frames a second a face moves by a fraction of its size between.
    fn default() -> Self {
        Self {
            every: 3,
            cooldown: Duration::from_mins(1),
            tracker: TrackerOptions::default(),
            evidence: EvidenceOptions::default(),
            require_live: false,
            live_from: 0.5,
            spoof_below: 0.3,
        }
    }
}

/// A track as it is to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackView {
    /// Its number, from 1 within one run of the source.
    pub id: u64,
    /// Where the face is, in pixels of the frame; predicted in frames that were not searched.
    pub bounding_box: BoundingBox,
    /// Five points of the last detection, moved along with the box; none from detectors that give only boxes.
    pub landmarks: Option<Landmarks>,
    /// Who it is, if that is known.
    pub name: Option<EventSubject>,
    /// What is known about who it is.
    pub state: Identity,
    /// How close the mean embedding is to the best candidate.
    pub similarity: Option<f32>,
    /// Quality of the best crop, in [0, 1].
    pub quality: Option<f32>,
    /// How live the face looks over the track, in [0, 1]; none if it was not looked at.
    pub liveness: Option<f32>,
}

/// What a frame showed.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Faces that are there.
    pub tracks: &'a [TrackView],
    /// What happened.
    pub events: Vec<Event>,
    /// Whether faces were searched for, or only followed.
    pub searched: bool,
}

/// Seconds that each stage took, summed over frames.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct StageSeconds {
    /// Comparing frames to find cuts.
    pub cut: f64,
    /// Searching for faces.
    pub detect: f64,
    /// Aligning and embedding faces.
    pub embed: f64,
    /// Quality, crops, attributes.
    pub assess: f64,
    /// Linking detections with tracks.
    pub link: f64,
    /// Comparing with the people enrolled.
    pub identify: f64,
}

/// What a source showed so far.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Frames that were looked at.
    pub frames: u64,
    /// Those of them in which faces were searched for.
    pub searched: u64,
    /// Faces found in them.
    pub detections: u64,
    /// Embeddings that were computed.
    pub embeddings: u64,
    /// Confirmed tracks.
    pub tracks: u64,
    /// Cuts between shots.
    pub cuts: u64,
    /// How often a track had to be divided, since its face had become another person's.
    pub identity_switches: u64,
    /// How often the people enrolled could not be asked.
    pub failed_looks: u64,
    /// Seconds from the start of the source to the last frame.
    pub seconds: f64,
    /// Seconds by stage.
    pub stage_seconds: StageSeconds,
    /// Who was there when: those with names first.
    pub people: Vec<Person>,
    /// Rows of people that were forgotten, since there were too many.
    pub forgotten: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    frames: u64,
    searched: u64,
    detections: u64,
    embeddings: u64,
    tracks: u64,
    cuts: u64,
    switches: u64,
    failed_looks: u64,
}

/// Watches one source.
pub struct Watcher {
    camera: String,
    engine: Arc<FaceEngine>,
    who: Option<Arc<dyn Who>>,
    options: WatchOptions,
    attributes: Option<Arc<AttributeNetworks>>,
    cuts: CutDetector,
    tracker: Tracker,
    /// When each person was last seen, for the cooldown.
    recent: BTreeMap<SubjectId, Timestamp>,
    presence: Presence,
    views: Vec<TrackView>,
    since_search: Option<usize>,
    clock: Clock,
    counts: Counts,
    seconds: StageSeconds,
}

/// The last frame's place in the source, its time and its size.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    position: Duration,
    at: Timestamp,
    size: (u32, u32),
}

impl Clock {
    /// The time of an earlier place of the source.
    fn time_of(&self, position: Duration) -> Timestamp {
        let ago = self.position.saturating_sub(position);
        SignedDuration::try_from(ago)
            .ok()
            .and_then(|ago| self.at.checked_sub(ago).ok())
            .unwrap_or(self.at)
    }
}

impl Watcher {
    /// Watches the source named `camera`. Without `who` nobody is named, and nobody is called unknown.
    pub fn new(
        camera: &str,
        engine: Arc<FaceEngine>,
        who: Option<Arc<dyn Who>>,
        options: WatchOptions,
    ) -> Self {
        let tracker = TrackerOptions {
            high_confidence: engine.options().detector.min_confidence,
            ..options.tracker
        };
        Self {
            camera: camera.to_owned(),
            engine,
            who,
            tracker: Tracker::new(tracker, options.evidence),
            options,
            attributes: None,
            cuts: CutDetector::default(),
            recent: BTreeMap::new(),
            presence: Presence::default(),
            views: Vec::new(),
            since_search: None,
            clock: Clock::default(),
            counts: Counts::default(),
            seconds: StageSeconds::default(),
        }
    }

    /// Estimates what `networks` can tell of the faces, and with the network of liveness gathers evidence of it.
    #[must_use]
    pub fn with_attributes(self, networks: Arc<AttributeNetworks>) -> Self {
        Self {
            attributes: Some(networks),
            ..self
        }
    }

    /// Takes over who was seen lately from events of an earlier run, so that a restart does not announce everybody
    /// again.
    pub fn remember(&mut self, recent: &[Event]) {
        for event in recent {
            if let Some(subject) = &event.subject {
                self.saw(subject.id, event.at);
            }
        }
    }

    /// Looks at the next frame.
    ///
    /// # Errors
    /// [`WatchError`] if a network fails; the frame is lost then, and the next may be looked at. A gallery that cannot be
    /// asked is no error: it is asked again later, and [`Summary::failed_looks`] counts.
    pub fn look(&mut self, frame: &Frame) -> Result<Seen<'_>, WatchError> {
        let size = (frame.image.width(), frame.image.height());
        let resized = self.counts.frames > 0 && size != self.clock.size;
        self.clock = Clock {
            position: frame.position,
            at: frame.at,
            size,
        };
        self.counts.frames += 1;
        let started = Instant::now();
        let is_cut = self.cuts.is_cut(&frame.image) || resized;
        self.seconds.cut += started.elapsed().as_secs_f64();
        if is_cut {
            self.counts.cuts += 1;
            self.tracker.cut();
        }
        let searched = is_cut
            || self
                .since_search
                .is_none_or(|since| since + 1 >= self.options.every.max(1));
        let mut events = Vec::new();
        if searched {
            self.search(frame, &mut events)?;
            self.since_search = Some(0);
        } else {
            self.since_search = self.since_search.map(|since| since + 1);
            self.tracker.predict(frame.position);
        }
        self.views = self.visible();
        Ok(Seen {
            tracks: &self.views,
            events,
            searched,
        })
    }

    /// The source was interrupted: faces are where they were only by chance.
    pub fn gap(&mut self) {
        self.tracker.cut();
        self.cuts = CutDetector::default();
        self.since_search = None;
    }

    /// Ends all tracks: the source is over.
    pub fn finish(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for ended in self.tracker.finish() {
            self.end(&ended, &mut events);
        }
        self.views.clear();
        events
    }

    /// What the source showed so far, tracks that go on included.
    pub fn summary(&self) -> Summary {
        let mut presence = self.presence.clone();
        for track in self.tracker.tracks() {
            if track.state() != TrackState::Tentative {
                presence.add(
                    &attendance(track),
                    self.options.evidence.same,
                    self.gap_of_record(),
                );
            }
        }
        let counts = self.counts;
        Summary {
            frames: counts.frames,
            searched: counts.searched,
            detections: counts.detections,
            embeddings: counts.embeddings,
            tracks: counts.tracks,
            cuts: counts.cuts,
            identity_switches: counts.switches,
            failed_looks: counts.failed_looks,
            seconds: self.clock.position.as_secs_f64(),
            stage_seconds: self.seconds,
            people: presence.people(),
            forgotten: presence.n_forgotten(),
        }
    }

    /// The best crops of a track that is there, best first; each from another moment.
    pub fn crops(&self, track: u64) -> &[FaceCrop] {
        let tracks = self.tracker.tracks().iter();
        tracks
            .filter(|candidate| candidate.id() == track && track > 0)
            .map(|track| track.notes.crops())
            .next()
            .unwrap_or_default()
    }

    fn search(&mut self, frame: &Frame, events: &mut Vec<Event>) -> Result<(), WatchError> {
        let own = self.engine.options().detector;
        let options = DetectorOptions {
            min_confidence: own.min_confidence * FAINT,
            ..own
        };
        let started = Instant::now();
        let detections = self.engine.detect_with(&frame.image, &options)?;
        self.seconds.detect += started.elapsed().as_secs_f64();
        self.counts.searched += 1;
        let is_high = |d: &&Detection| d.confidence >= own.min_confidence;
        self.counts.detections += detections.iter().filter(is_high).count() as u64;

        let started = Instant::now();
        let mut embedding_seconds = 0.0;
        let engine = Arc::clone(&self.engine);
        let mut n_embedded = 0;
        let updated = self.tracker.update(frame.position, &detections, |asked| {
            let started = Instant::now();
            let embedded = embed(&engine, &frame.image, &detections, asked);
            embedding_seconds = started.elapsed().as_secs_f64();
            n_embedded = asked.len() as u64;
            embedded
        })?;
        self.seconds.embed += embedding_seconds;
        self.seconds.link += started.elapsed().as_secs_f64() - embedding_seconds;
        self.counts.embeddings += n_embedded;

        for ended in &updated.ended {
            self.end(ended, events);
        }
        for &(track, detection) in &updated.seen {
            let embedding = updated.embeddings[detection].clone();
            self.note(frame, track, &detections[detection], embedding)?;
        }
        for position in updated.confirmed {
            self.counts.tracks += 1;
            let track = &self.tracker.tracks()[position];
            events.extend(self.event(EventKind::Appeared, track));
        }
        for (position, _) in updated.seen {
            if self.tracker.tracks()[position].state() == TrackState::Confirmed {
                self.decide(position, events);
                self.judge_liveness(position, events);
            }
        }
        Ok(())
    }

    /// Notes what a frame shows of a track: that it is there, and where it was embedded how good the sight is.
    fn note(
        &mut self,
        frame: &Frame,
        track: usize,
        detection: &Detection,
        embedding: Option<Embedding>,
    ) -> Result<(), WatchError> {
        let started = Instant::now();
        let gap = self.gap_of_record();
        let (at, image) = (frame.position, &frame.image);
        let is_sample = embedding.is_some();
        let attributes = self.attributes_of(image, detection, is_sample)?;
        let track = &mut self.tracker.tracks_mut()[track];
        track.notes.see(at, gap);
        if let Some(attributes) = &attributes {
            let liveness = track.notes.liveness_mut();
            if attributes.liveness.is_some() {
                liveness.observe(at, detection, attributes, image);
            }
        }
        let Some(embedding) = embedding else {
            self.seconds.assess += started.elapsed().as_secs_f64();
            return Ok(());
        };
        let quality = quality::of(image, detection, attributes.as_ref());
        if track.notes.wants_crop(at, quality)
            && let Some(image) = crop(image, &detection.bounding_box)
        {
            if track
                .notes
                .crops()
                .first()
                .is_none_or(|best| best.quality < quality)
            {
                track.notes.set_attributes(attributes);
            }
            track.notes.keep(FaceCrop { image, quality, at });
        }
        self.seconds.assess += started.elapsed().as_secs_f64();
        let sample = Sample {
            at,
            embedding,
            quality,
        };
        track.evidence_mut().observe(sample, &self.options.evidence);
        track.sampled(at);
        Ok(())
    }

    /// Attributes of a face: of samples, or of every sight if blinks are to be seen.
    fn attributes_of(
        &self,
        image: &Image,
        detection: &Detection,
        is_sample: bool,
    ) -> Result<Option<Attributes>, WatchError> {
        let Some(networks) = &self.attributes else {
            return Ok(None);
        };
        if !is_sample && !networks.kinds().contains(&AttributeKind::Liveness) {
            return Ok(None);
        }
        let found = networks.estimate(image, std::slice::from_ref(detection))?;
        Ok(found.into_iter().next())
    }

    /// Tells of a face that looks like a picture, and of somebody whose face had to look live first.
    fn judge_liveness(&mut self, position: usize, events: &mut Vec<Event>) {
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

    /// Asks who the track at this position is, if there is reason to.
    fn decide(&mut self, position: usize, events: &mut Vec<Event>) {
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

    fn saw(&mut self, subject: SubjectId, at: Timestamp) {
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

    fn end(&mut self, ended: &Ended, events: &mut Vec<Event>) {
        let track = &ended.track;
        let gap = self.gap_of_record();
        self.presence
            .add(&attendance(track), self.options.evidence.same, gap);
        let left = self.event(EventKind::Left, track).map(|event| Event {
            at: self.clock.time_of(track.last_seen()),
            position: track.last_seen().as_secs_f64(),
            ..event
        });
        events.extend(left);
    }

    fn gap_of_record(&self) -> Duration {
        GAP.max(self.tracker.interval() * 2)
    }

    fn failed(&mut self, error: &WhoError) {
        if self.counts.failed_looks == 0 {
            tracing::warn!(camera = %self.camera, %error, "could not ask who it is");
        }
        self.counts.failed_looks += 1;
    }

    /// An event about a track now; none only if the system has no random numbers.
    fn event(&self, kind: EventKind, track: &Track) -> Option<Event> {
        let evidence = track.evidence();
        let answer = evidence.answer();
        let best = track.notes.crops().first();
        let id = EventId::random()
            .inspect_err(|error| tracing::error!(%error, "an event was lost"))
            .ok()?;
        Some(Event {
            id,
            kind,
            camera: self.camera.clone(),
            track: track.id(),
            at: self.clock.at,
            position: self.clock.position.as_secs_f64(),
            since: self.clock.time_of(track.first_seen()),
            subject: evidence.subject().cloned(),
            similarity: answer.and_then(|answer| Some(answer.best.as_ref()?.similarity)),
            threshold: answer.map(|answer| answer.threshold),
            fmr: answer.and_then(|answer| answer.fmr),
            model: answer.and_then(|_| Some(evidence.mean()?.model().clone())),
            liveness: track.notes.liveness().map(|live| live.score),
            quality: best.map(|best| best.quality),
            attributes: track.notes.attributes(),
            bounding_box: track.detection().bounding_box,
            frame_size: self.clock.size,
            crop: best.and_then(|best| best.image.encode_jpeg(CROP_JPEG).ok()),
        })
    }

    fn visible(&self) -> Vec<TrackView> {
        let tracks = self.tracker.tracks().iter();
        tracks
            .filter(|track| self.tracker.is_visible(track, self.clock.position))
            .map(view)
            .collect()
    }
}

fn view(track: &Track) -> TrackView {
    let evidence = track.evidence();
    let shape = track.bounding_box();
    TrackView {
        id: track.id(),
        bounding_box: shape,
        landmarks: moved(track.detection(), &shape),
        name: evidence.subject().cloned(),
        state: evidence.identity(),
        similarity: evidence
            .answer()
            .and_then(|answer| Some(answer.best.as_ref()?.similarity)),
        quality: track.notes.crops().first().map(|crop| crop.quality),
        liveness: track.notes.liveness().map(|live| live.score),
    }
}

/// The detection's landmarks where they are when its box has become `shape`.
fn moved(detection: &Detection, shape: &BoundingBox) -> Option<Landmarks> {
    let old = detection.bounding_box;
    let scale = |new: f32, old: f32| if old > 0.0 { new / old } else { 1.0 };
    let (sx, sy) = (
        scale(shape.width(), old.width()),
        scale(shape.height(), old.height()),
    );
    let points = detection.landmarks?.to_array().map(|point| {
        prosopon::Point::new(
            shape.left + (point.x - old.left) * sx,
            shape.top + (point.y - old.top) * sy,
        )
    });
    Some(Landmarks::from_array(points))
}

fn attendance(track: &Track) -> Attendance<'_> {
    let evidence = track.evidence();
    Attendance {
        track: track.id(),
        identity: evidence.identity(),
        subject: evidence.subject(),
        similarity: evidence
            .answer()
            .and_then(|answer| Some(answer.best.as_ref()?.similarity)),
        mean: evidence.mean(),
        intervals: track.notes.intervals(),
        crop: track.notes.crops().first(),
    }
}

/// The embeddings of the faces at these positions, none for one that cannot be aligned.
fn embed(
    engine: &FaceEngine,
    image: &Image,
    detections: &[Detection],
    asked: &[usize],
) -> Result<Vec<Option<Embedding>>, EmbedError> {
    let crops: Vec<_> = asked
        .iter()
        .map(|&i| engine.align(image, &detections[i]).ok())
        .collect();
    let whole: Vec<_> = crops.iter().flatten().cloned().collect();
    let mut embeddings = if whole.is_empty() {
        Vec::new()
    } else {
        engine.embed(&whole)?
    }
    .into_iter();
    Ok(crops
        .iter()
        .map(|crop| crop.as_ref().and_then(|_| embeddings.next()))
        .collect())
}

/// The face with some of what is around it, not larger than an event may carry.
fn crop(image: &Image, shape: &BoundingBox) -> Option<Image> {
    let region = Region::around(shape, CROP_MARGIN, (image.width(), image.height()))?;
    let crop = image.cropped(region).ok()?;
    let longer = crop.width().max(crop.height());
    if longer <= CROP_SIDE {
        return Some(crop);
    }
    let scaled = |side: u32| (side * CROP_SIDE / longer).max(1);
    crop.resized(
        scaled(crop.width()),
        scaled(crop.height()),
        ResizeFilter::default(),
    )
    .ok()
}

/// A copy of the frame with a box and a name around each face. The colour belongs to the person.
pub fn draw(image: &Image, tracks: &[TrackView]) -> Image {
    let annotations: Vec<Annotation> = tracks
        .iter()
        .map(|track| Annotation {
            bounding_box: track.bounding_box,
            landmarks: None,
            label: match (&track.name, track.state) {
                (Some(subject), _) => Some(subject.name.clone()),
                (None, Identity::Unknown) => Some("unknown".to_owned()),
                (None, _) => None,
            },
            color: track.name.as_ref().map_or(UNKNOWN_COLOR, |subject| {
                subject_color(subject.id.0.unsigned_abs() as usize)
            }),
        })
        .collect();
    annotate(image, &annotations)
}

/// Why a frame could not be looked at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// Faces could not be searched for.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// Faces could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Attributes could not be estimated.
    #[error(transparent)]
    Attributes(#[from] AttributeError),
}

#[cfg(test)]
mod tests;
