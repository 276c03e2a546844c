//! Drawn faces whose colour says who they are, through the real engine with fake networks.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use prosopon::{Embedding, EngineOptions, FaceEngine, Image, ModelId, Threshold, testing};
use prosopon_gallery::{Gallery, GalleryOptions, NewFace};

use super::{WatchOptions, Watcher};
use crate::event::{Event, EventKind};
use crate::evidence::EvidenceOptions;
use crate::frame::Frame;
use crate::who::{InGallery, Who, WhoError};

const RED: [u8; 3] = [220, 40, 40];
const BLUE: [u8; 3] = [40, 40, 220];
const GREEN: [u8; 3] = [40, 200, 60];

fn engine() -> Arc<FaceEngine> {
    Arc::new(FaceEngine::new(
        Box::new(testing::detector()),
        Box::new(testing::embedder()),
        EngineOptions::default(),
    ))
}

/// Faces of these colours, on a ground of this lightness; small enough that their coming and going is no cut.
fn picture(faces: &[(u32, [u8; 3])], ground: u8) -> Image {
    let mut image = Image::filled(480, 270, [ground; 3]);
    for &(left, skin) in faces {
        testing::draw_face(&mut image, (left, 60, 64, 80), skin);
    }
    image
}

/// Anna is red.
fn anna() -> (tempfile::TempDir, Arc<dyn Who>) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = GalleryOptions::default();
    let gallery = Gallery::open(folder.path().join("g.db"), options).expect("a gallery");
    let faces = engine()
        .analyze(&picture(&[(100, RED)], 255))
        .expect("a face");
    gallery
        .enrol("Anna", NewFace::new(faces[0].embedding.clone()))
        .expect("enrolled");
    let rule = Threshold::from_similarity(ModelId::new("fake@00000000"), 0.8, None).into();
    (folder, Arc::new(InGallery::new(Arc::new(gallery), rule)))
}

struct Film {
    watcher: Watcher,
    index: u64,
    /// When the system's clock says that it began, in seconds since 1970.
    start: i64,
    events: Vec<Event>,
}

const START: i64 = 1_700_000_000;

impl Film {
    fn new(who: Option<Arc<dyn Who>>, every: usize) -> Self {
        // Drawn faces are as flat as no real one is.
        let evidence = EvidenceOptions {
            least_quality: 0.0,
            ..EvidenceOptions::default()
        };
        let options = WatchOptions {
            every,
            evidence,
            ..WatchOptions::default()
        };
        Self {
            watcher: Watcher::new("door", engine(), who, options),
            index: 0,
            start: START,
            events: Vec::new(),
        }
    }

    /// Shows this picture for so many frames of 40 ms.
    fn show(&mut self, image: &Image, frames: u32) -> &mut Self {
        for _ in 0..frames {
            let position = Duration::from_millis(40) * self.index as u32;
            let start = Timestamp::from_second(self.start).expect("a time");
            let frame = Frame {
                image: image.clone(),
                index: self.index,
                position,
                at: start + SignedDuration::try_from(position).expect("a time"),
            };
            self.index += 1;
            let seen = self.watcher.look(&frame).expect("a look");
            self.events.extend(seen.events);
        }
        self
    }

    fn finish(&mut self) -> &mut Self {
        let last = self.watcher.finish();
        self.events.extend(last);
        self
    }

    fn kinds(&self) -> Vec<(EventKind, u64)> {
        self.events
            .iter()
            .map(|event| (event.kind, event.track))
            .collect()
    }

    fn count(&self, kind: EventKind) -> usize {
        self.events
            .iter()
            .filter(|event| event.kind == kind)
            .count()
    }
}

#[test]
fn somebody_appears_is_recognised_and_leaves() {
    let (_folder, who) = anna();
    let mut film = Film::new(Some(who), 2);
    film.show(&picture(&[(100, RED)], 255), 50);
    film.show(&picture(&[], 255), 100).finish();
    assert_eq!(
        film.kinds(),
        [
            (EventKind::Appeared, 1),
            (EventKind::Recognised, 1),
            (EventKind::Left, 1)
        ]
    );
    let recognised = &film.events[1];
    assert_eq!(recognised.subject.as_ref().expect("a name").name, "Anna");
    assert!(recognised.similarity > Some(0.9) && recognised.threshold == Some(0.8));
    assert_eq!(
        recognised.since,
        Timestamp::from_second(START).expect("a time")
    );
    let crop = recognised.crop.as_deref().expect("a crop");
    assert!(crop.starts_with(&[0xff, 0xd8]));
    // Told when it is sure, and dated when it happened: frame 48 was the last that was searched.
    let left = &film.events[2];
    assert!((left.position - 1.92).abs() < 1e-6, "{}", left.position);
    let summary = film.watcher.summary();
    assert_eq!(
        (summary.frames, summary.tracks, summary.identity_switches),
        (150, 1, 0)
    );
    let interval = summary.people[0].intervals.as_slice()[0];
    assert_eq!(
        (interval.start.as_millis(), interval.end.as_millis()),
        (0, 1920)
    );
}

#[test]
fn without_a_record_only_those_who_are_there_are_kept() {
    let (_folder, who) = anna();
    let mut film = Film::new(Some(who), 2);
    film.watcher.options.keep_record = false;
    film.show(&picture(&[(100, RED)], 255), 50);
    assert_eq!(film.watcher.summary().people.len(), 1);
    film.show(&picture(&[], 255), 100).finish();
    assert_eq!(film.count(EventKind::Left), 1);
    assert_eq!(film.watcher.summary().people.len(), 0);
}

#[test]
fn strangers_are_unknown_and_without_people_nobody_is() {
    let (_folder, who) = anna();
    let mut film = Film::new(Some(who), 2);
    film.show(&picture(&[(100, BLUE)], 255), 60);
    assert_eq!(
        film.kinds(),
        [(EventKind::Appeared, 1), (EventKind::Unknown, 1)]
    );
    assert!(film.events[1].subject.is_none());
    assert!(!film.watcher.crops(1).is_empty());
    let mut film = Film::new(None, 2);
    film.show(&picture(&[(100, BLUE)], 255), 60);
    assert_eq!(film.kinds(), [(EventKind::Appeared, 1)]);
}

#[test]
fn who_comes_back_within_the_cooldown_is_not_announced_again() {
    let (_folder, who) = anna();
    let (here, away) = (picture(&[(100, RED)], 255), picture(&[], 255));
    let mut film = Film::new(Some(who), 2);
    film.show(&here, 50).show(&away, 200).show(&here, 50);
    assert_eq!(film.count(EventKind::Recognised), 1);
    assert_eq!(film.count(EventKind::Appeared), 2);
    // Sixty seconds are 1500 frames.
    film.show(&away, 1600).show(&here, 50);
    assert_eq!(film.count(EventKind::Recognised), 2);
}

#[test]
fn the_cooldown_lasts_over_restarts() {
    let (_folder, who) = anna();
    let here = picture(&[(100, RED)], 255);
    let mut before = Film::new(Some(Arc::clone(&who)), 2);
    before.show(&here, 50).finish();
    let mut after = Film::new(Some(who), 2);
    after.watcher.remember(&before.events);
    after.show(&here, 50);
    assert_eq!(after.kinds(), [(EventKind::Appeared, 1)]);
}

#[test]
fn a_clock_that_is_set_back_silences_nobody() {
    const YEAR: i64 = 365 * 24 * 3600;
    let (_folder, who) = anna();
    let (here, away) = (picture(&[(100, RED)], 255), picture(&[], 255));
    let mut film = Film::new(Some(Arc::clone(&who)), 2);
    film.start = START + YEAR;
    film.show(&here, 50).show(&away, 1600);
    film.start = START;
    film.show(&here, 50);
    assert_eq!(film.count(EventKind::Recognised), 2);
    // The cooldown goes on by the new time.
    film.show(&away, 200).show(&here, 50);
    assert_eq!(film.count(EventKind::Recognised), 2);
    film.show(&away, 1600).show(&here, 50);
    assert_eq!(film.count(EventKind::Recognised), 3);
    // Over a restart as well.
    let mut before = Film::new(Some(Arc::clone(&who)), 2);
    before.start = START + YEAR;
    before.show(&here, 50).finish();
    let mut after = Film::new(Some(who), 2);
    after.watcher.remember(&before.events);
    after.show(&here, 50);
    assert_eq!(after.count(EventKind::Recognised), 1);
}

#[test]
fn a_cut_to_somebody_else_at_the_same_place_is_another_track() {
    let (_folder, who) = anna();
    let mut film = Film::new(Some(who), 1);
    film.show(&picture(&[(100, RED)], 255), 40);
    film.show(&picture(&[(100, GREEN)], 40), 60).finish();
    let mut named = film.events.iter().filter(|event| event.subject.is_some());
    assert!(named.all(|event| event.track == 1), "{:?}", film.kinds());
    let summary = film.watcher.summary();
    assert_eq!((summary.cuts, summary.people.len()), (1, 2));
    let anna = &summary.people[0];
    assert_eq!(anna.intervals.as_slice().len(), 1);
    assert_eq!(anna.seconds, Duration::from_millis(1560));
}

#[test]
fn between_searches_tracks_are_followed() {
    let (_folder, who) = anna();
    let mut film = Film::new(Some(who), 5);
    for i in 0..50 {
        film.show(&picture(&[(60 + 4 * i, RED)], 255), 1);
        if i > 25 {
            let views = &film.watcher.views;
            assert_eq!(views.len(), 1, "frame {i}");
            let error = views[0].bounding_box.left - (60 + 4 * i) as f32;
            assert!(error.abs() < 12.0, "frame {i}: {error}");
        }
    }
    let summary = film.watcher.summary();
    assert!(summary.searched <= 12, "{}", summary.searched);
}

#[test]
fn a_gallery_that_fails_is_asked_again_and_ends_nothing() {
    struct Broken;
    impl Who for Broken {
        fn identify(&self, _: &Embedding) -> Result<crate::Answer, WhoError> {
            Err(WhoError::Other {
                reason: "it is on fire".to_owned(),
            })
        }
        fn model(&self) -> &ModelId {
            unreachable!("nobody asks")
        }
    }
    let mut film = Film::new(Some(Arc::new(Broken)), 1);
    film.show(&picture(&[(100, RED)], 255), 30).finish();
    assert_eq!(
        film.kinds(),
        [(EventKind::Appeared, 1), (EventKind::Left, 1)]
    );
    assert!(film.watcher.summary().failed_looks > 3);
}

#[test]
fn nothing_grows_with_time() {
    let (_folder, who) = anna();
    let mut film = Film::new(Some(who), 1);
    let (here, away) = (picture(&[(100, BLUE)], 255), picture(&[], 255));
    for _ in 0..12 {
        film.show(&here, 30).show(&away, 90);
    }
    let summary = film.watcher.summary();
    assert_eq!(summary.tracks, 12);
    // One stranger is one row, however often they come.
    assert_eq!(summary.people.len(), 1);
    assert_eq!(summary.people[0].intervals.as_slice().len(), 12);
}
