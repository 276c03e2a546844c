//! Made-up faces: where they are is a function of time, who they are is a direction.

use std::convert::Infallible;
use std::time::Duration;

use prosopon::{BoundingBox, Detection, Embedding, ModelId};

use super::*;
use crate::evidence::{EvidenceOptions, Sample};

/// A face at `x`, `y` of 40 × 50 pixels, and whose it is.
#[derive(Clone, Copy)]
struct Actor {
    x: f32,
    y: f32,
    who: usize,
    confidence: f32,
}

fn actor(x: f32, who: usize) -> Actor {
    Actor {
        x,
        y: 100.0,
        who,
        confidence: 0.9,
    }
}

fn embedding(who: usize) -> Embedding {
    let mut values = vec![0.05; 8];
    values[who] = 1.0;
    Embedding::from_values(ModelId::new("m@1"), values).expect("a direction")
}

struct Scene {
    tracker: Tracker,
    at: Duration,
    n_embedded: usize,
    ended: Vec<u64>,
}

impl Scene {
    fn new() -> Self {
        Self {
            tracker: Tracker::new(TrackerOptions::default(), EvidenceOptions::default()),
            at: Duration::ZERO,
            n_embedded: 0,
            ended: Vec::new(),
        }
    }

    /// Shows a frame, `millis` after the last; gives the track of each actor, 0 for tentative ones.
    fn show(&mut self, millis: u64, actors: &[Actor]) -> Vec<u64> {
        self.at += Duration::from_millis(millis);
        let detections: Vec<Detection> = actors
            .iter()
            .map(|actor| Detection {
                bounding_box: BoundingBox {
                    left: actor.x - 20.0,
                    top: actor.y - 25.0,
                    right: actor.x + 20.0,
                    bottom: actor.y + 25.0,
                },
                landmarks: None,
                confidence: actor.confidence,
            })
            .collect();
        let mut n_embedded = 0;
        let updated = self
            .tracker
            .update(self.at, &detections, |asked| {
                n_embedded = asked.len();
                let embeddings = asked.iter().map(|&i| Some(embedding(actors[i].who)));
                Ok::<_, Infallible>(embeddings.collect())
            })
            .expect("an update");
        self.n_embedded += n_embedded;
        self.ended
            .extend(updated.ended.iter().map(|ended| ended.track.id()));
        let mut tracks = vec![u64::MAX; actors.len()];
        for (track, detection) in updated.seen {
            tracks[detection] = self.tracker.tracks()[track].id();
            if let Some(embedding) = updated.embeddings[detection].clone() {
                let at = self.at;
                let track = &mut self.tracker.tracks_mut()[track];
                let sample = Sample {
                    at,
                    embedding,
                    quality: 0.8,
                };
                track
                    .evidence_mut()
                    .observe(sample, &EvidenceOptions::default());
                track.sampled(at);
            }
        }
        tracks
    }

    /// Shows frames of 40 ms; `actors` gives those of frame `i`. The tracks of the last frame.
    fn play(&mut self, frames: u32, actors: impl Fn(f32) -> Vec<Actor>) -> Vec<u64> {
        (0..frames).fold(Vec::new(), |_, i| self.show(40, &actors(i as f32)))
    }
}

#[test]
fn a_face_is_confirmed_after_a_while_at_any_frame_rate() {
    for millis in [20, 40, 200, 1000] {
        let mut scene = Scene::new();
        let tracks: Vec<u64> = (0..12)
            .map(|_| scene.show(millis, &[actor(100.0, 0)])[0])
            .collect();
        let first = tracks
            .iter()
            .position(|&track| track == 1)
            .expect("confirmed");
        let seen_for = Duration::from_millis(millis) * first as u32;
        assert!(
            first >= 2 && seen_for >= Duration::from_millis(120),
            "{millis}: {first}"
        );
        assert!(
            tracks[first..].iter().all(|&track| track == 1),
            "{millis}: {tracks:?}"
        );
    }
}

#[test]
fn a_mistake_of_the_detector_is_no_track() {
    let mut scene = Scene::new();
    for _ in 0..20 {
        scene.show(40, &[actor(100.0, 0)]);
        scene.play(15, |_| Vec::new());
    }
    assert!(scene.tracker.tracks().is_empty() && scene.ended.is_empty());
}

#[test]
fn crossing_people_keep_their_tracks() {
    // They meet in the middle, and their boxes lie on each other for some frames.
    let mut scene = Scene::new();
    let walk = |i: f32| vec![actor(50.0 + 5.0 * i, 0), actor(350.0 - 5.0 * i, 1)];
    let before = scene.play(20, walk);
    let after = scene.play(40, |i| walk(i + 20.0));
    assert_eq!(before, after);
    assert_eq!(scene.tracker.tracks().len(), 2);
}

#[test]
fn people_who_meet_and_turn_back_keep_their_tracks() {
    // Velocity says that they cross; only their faces say that they do not.
    let mut scene = Scene::new();
    let bounce = |i: f32| {
        let way = if i < 30.0 { i } else { 60.0 - i };
        vec![actor(50.0 + 5.0 * way, 0), actor(350.0 - 4.8 * way, 1)]
    };
    let before = scene.play(20, bounce);
    let after = scene.play(40, |i| bounce(i + 20.0));
    assert_eq!(before, after);
}

#[test]
fn somebody_who_was_hidden_comes_back_as_the_same() {
    let mut scene = Scene::new();
    let before = scene.play(20, |i| vec![actor(100.0 + 4.0 * i, 0)]);
    scene.play(40, |_| Vec::new());
    // Where nobody would expect them.
    let after = scene.play(5, |_| vec![actor(500.0, 0)]);
    assert_eq!(before, after);
}

#[test]
fn somebody_else_at_the_same_place_is_another_track() {
    let mut scene = Scene::new();
    let before = scene.play(20, |_| vec![actor(100.0, 0)]);
    scene.play(15, |_| Vec::new());
    let after = scene.play(10, |_| vec![actor(100.0, 1)]);
    assert_ne!(before, after);
}

#[test]
fn a_cut_links_by_face_and_not_by_place() {
    let mut scene = Scene::new();
    let before = scene.play(20, |_| vec![actor(100.0, 0), actor(300.0, 1)]);
    scene.tracker.cut();
    // A third person where the first was, and the first where the second was.
    let after = scene.play(10, |_| vec![actor(100.0, 2), actor(300.0, 0)]);
    assert_eq!(after[1], before[0]);
    assert!(!before.contains(&after[0]));
}

#[test]
fn faint_faces_continue_tracks_and_begin_none() {
    let mut scene = Scene::new();
    let faint = |x: f32| Actor {
        confidence: 0.3,
        ..actor(x, 0)
    };
    scene.play(20, |_| vec![faint(100.0)]);
    assert!(scene.tracker.tracks().is_empty());
    let before = scene.play(10, |_| vec![actor(100.0, 0)]);
    let after = scene.play(50, |i| vec![faint(100.0 + i)]);
    assert_eq!(before, after);
}

#[test]
fn tracks_end_after_a_time_and_their_numbers_are_not_given_again() {
    let mut scene = Scene::new();
    scene.play(20, |_| vec![actor(100.0, 0)]);
    scene.play(100, |_| Vec::new());
    assert_eq!(scene.ended, [1]);
    assert_eq!(scene.play(20, |_| vec![actor(100.0, 0)]), [2]);
}

#[test]
fn a_head_that_turns_is_no_other_person() {
    let mut scene = Scene::new();
    let before = scene.play(20, |_| vec![actor(100.0, 0)]);
    // The embedding of a profile may be as far away as a stranger's.
    let after = scene.play(40, |_| vec![actor(101.0, 1)]);
    assert_eq!(before, after);
}

#[test]
fn a_face_alone_is_embedded_rarely() {
    let mut scene = Scene::new();
    scene.play(250, |_| vec![actor(100.0, 0)]);
    // 24 at once, then one each half second of the remaining nine.
    assert!(
        (24..=45).contains(&scene.n_embedded),
        "{}",
        scene.n_embedded
    );
}

#[test]
fn there_are_never_more_tracks_than_allowed() {
    let options = TrackerOptions {
        max_tracks: 3,
        ..TrackerOptions::default()
    };
    let mut scene = Scene::new();
    scene.tracker = Tracker::new(options, EvidenceOptions::default());
    let crowd: Vec<Actor> = (0..10u8).map(|i| actor(f32::from(i) * 60.0, 0)).collect();
    scene.play(10, |_| crowd.clone());
    assert_eq!(scene.tracker.tracks().len(), 3);
}
