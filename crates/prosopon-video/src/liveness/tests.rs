use std::time::Duration;

use prosopon::attributes::{Eyes, Pose};
use prosopon::{Attributes, BoundingBox, Detection, Landmarks, Point};

use super::*;

/// Eyes, nose and corners of the mouth in space, in thirds of the eyes' distance; the nose stands out.
const FACE: [[f32; 3]; 5] = [
    [-32.0, -30.0, 0.0],
    [32.0, -30.0, 0.0],
    [0.0, 5.0, 25.0],
    [-24.0, 38.0, 2.0],
    [24.0, 38.0, 2.0],
];

/// The face turned by `yaw` degrees; `depth` is 1 for a head and 0 for a picture of one.
fn detection(yaw: f32, depth: f32) -> Detection {
    let (sin, cos) = yaw.to_radians().sin_cos();
    let points = FACE.map(|[x, y, z]| Point::new(320.0 + x * cos + z * depth * sin, 180.0 + y));
    Detection {
        bounding_box: BoundingBox {
            left: 260.0,
            top: 110.0,
            right: 380.0,
            bottom: 260.0,
        },
        landmarks: Some(Landmarks::from_array(points)),
        confidence: 0.9,
    }
}

fn attributes(yaw: f32, open: f32, liveness: f32) -> Attributes {
    Attributes {
        liveness: Some(liveness),
        pose: Some(Pose {
            yaw,
            ..Pose::default()
        }),
        eyes: Some(Eyes {
            left_open: open,
            right_open: open,
        }),
        ..Attributes::default()
    }
}

fn at(frame: u64) -> Duration {
    Duration::from_millis(40 * frame)
}

/// Three seconds of a face that turns by as many degrees to each side, and blinks in the middle if it does.
fn track(turn: f32, depth: f32, liveness: f32, blinks: bool) -> LivenessScore {
    let mut evidence = LivenessEvidence::default();
    for frame in 0..75u64 {
        let yaw = turn * (frame as f32 / 12.0).sin();
        let open = if blinks && (38..42).contains(&frame) {
            0.1
        } else {
            0.95
        };
        // What is seen in a picture of a face hardly turns with it.
        let attributes = attributes(yaw * depth.max(0.1), open, liveness);
        evidence.observe(at(frame), &detection(yaw, depth), &attributes);
    }
    evidence.score().expect("a score")
}

#[test]
fn a_head_that_turns_and_blinks_lives() {
    let alive = track(20.0, 1.0, 0.7, true);
    assert!(alive.enough && alive.score > 0.9, "{alive:?}");
    assert_eq!((alive.n_frames, alive.parts.blinks), (75, 1));
    let turned = alive.parts.turn_degrees.expect("a turn");
    assert!((36.0..=40.0).contains(&turned), "{turned}");
}

#[test]
fn a_picture_that_is_turned_does_not_however_real_it_looks() {
    let picture = track(40.0, 0.0, 0.8, false);
    assert!(picture.enough && picture.score < 0.3, "{picture:?}");
    assert!(picture.parts.turn_degrees.expect("angles") < 10.0);
    assert!(picture.parts.foreshortening.expect("points") > 0.2);
    // The same, but it is a head.
    let head = track(40.0, 1.0, 0.8, false);
    assert!(
        head.score > 0.9 && head.parts.parallax.expect("points") > 0.2,
        "{head:?}"
    );
}

#[test]
fn a_face_that_keeps_still_is_judged_by_the_network() {
    let still = track(1.0, 1.0, 0.3, false);
    assert!((still.score - 0.3).abs() < 0.01, "{still:?}");
    assert!(track(1.0, 1.0, 0.3, true).score > still.score);
}

#[test]
fn little_is_not_enough() {
    let mut evidence = LivenessEvidence::default();
    assert_eq!(evidence.score(), None);
    evidence.observe(at(0), &detection(0.0, 1.0), &attributes(0.0, 1.0, 1.0));
    let score = evidence.score().expect("one frame was seen");
    assert!(!score.enough && score.n_frames == 1);
    // Nothing was estimated: neither this nor that.
    let mut blind = LivenessEvidence::default();
    blind.observe(at(0), &detection(0.0, 1.0), &Attributes::default());
    assert_eq!(blind.score().expect("a score").score, 0.5);
}

/// Feeds a challenge with (yaw, eyes open) at 25 frames a second.
fn answer(challenge: &mut Challenge, from: u64, series: &[(f32, f32)]) -> ChallengeState {
    for (&(yaw, open), frame) in series.iter().zip(from..) {
        challenge.observe(at(frame), Some(&attributes(yaw, open, 0.9)));
    }
    challenge.state()
}

fn challenge() -> Challenge {
    let steps = vec![ChallengeStep::TurnLeft, ChallengeStep::Blink];
    Challenge::new(steps, ChallengeOptions::default())
}

const FAILED: fn(ChallengeFailure) -> ChallengeState = |reason| ChallengeState::Failed { reason };

#[test]
fn who_does_what_is_asked_for_passes() {
    let mut challenge = challenge();
    let waiting = |step, n_done| ChallengeState::Waiting {
        step,
        n_done,
        n_steps: 2,
    };
    assert_eq!(challenge.state(), waiting(ChallengeStep::TurnLeft, 0));
    let turned = answer(
        &mut challenge,
        0,
        &[(0.0, 1.0), (2.0, 1.0), (15.0, 1.0), (26.0, 1.0)],
    );
    assert_eq!(turned, waiting(ChallengeStep::Blink, 1));
    let passed = answer(
        &mut challenge,
        4,
        &[(5.0, 0.9), (4.0, 0.1), (3.0, 0.1), (2.0, 0.9)],
    );
    assert_eq!(passed, ChallengeState::Passed);
    // It stays so.
    assert_eq!(challenge.observe(at(900), None), ChallengeState::Passed);
}

#[test]
fn the_wrong_way_too_late_and_out_of_sight_fail() {
    let wrong = answer(&mut challenge(), 0, &[(0.0, 1.0), (0.0, 1.0), (-30.0, 1.0)]);
    assert_eq!(wrong, FAILED(ChallengeFailure::WrongWay));
    let slow = answer(&mut challenge(), 0, &[(0.0, 1.0); 160]);
    assert_eq!(slow, FAILED(ChallengeFailure::TooSlow));

    let mut gone = challenge();
    answer(&mut gone, 0, &[(0.0, 1.0); 3]);
    assert!(matches!(
        gone.observe(at(20), None),
        ChallengeState::Waiting { .. }
    ));
    assert_eq!(
        gone.observe(at(40), None),
        FAILED(ChallengeFailure::FaceLost)
    );

    let mut swapped = challenge();
    answer(&mut swapped, 0, &[(0.0, 1.0); 3]);
    assert_eq!(
        swapped.other_person(),
        FAILED(ChallengeFailure::OtherPerson)
    );
    assert_eq!(
        swapped.observe(at(5), None),
        FAILED(ChallengeFailure::OtherPerson)
    );
}

#[test]
fn a_face_that_was_turned_from_the_start_has_not_turned() {
    let state = answer(&mut challenge(), 0, &[(30.0, 1.0); 20]);
    assert!(
        matches!(state, ChallengeState::Waiting { n_done: 0, .. }),
        "{state:?}"
    );
}

#[test]
fn nobody_waits_before_a_face_is_there() {
    let mut challenge = challenge();
    assert!(matches!(
        challenge.observe(at(10_000), None),
        ChallengeState::Waiting { .. }
    ));
}

#[test]
fn steps_of_chance_differ_from_those_before() {
    let options = ChallengeOptions {
        n_steps: 40,
        ..ChallengeOptions::default()
    };
    let challenge = Challenge::random(options).expect("random numbers");
    assert_eq!(challenge.steps().len(), 40);
    assert!(challenge.steps().windows(2).all(|pair| pair[0] != pair[1]));
    let other = Challenge::random(options).expect("random numbers");
    assert_ne!(challenge.steps(), other.steps());
}
