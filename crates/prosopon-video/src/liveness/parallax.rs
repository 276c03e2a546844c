//! Whether the points of a face move as a head's or as those of a picture of it.
//!
//! Seen from far enough, a plane that is moved and turned is mapped by an affine transform: whatever lies between eyes
//! and mouth corners keeps its place among them. A nose stands out, so that it wanders between them when a head is
//! turned.

use prosopon::{Landmarks, Point};

/// Where the nose lies among eyes and mouth: (0, 0) at the left eye, (1, 0) at the right one, (0.5, 1) between the
/// corners of the mouth. A plane keeps it, however it is turned.
///
/// None if the points span no area.
pub(super) fn nose_among_the_others(landmarks: &Landmarks) -> Option<(f32, f32)> {
    let eyes = (landmarks.left_eye, landmarks.right_eye);
    let mouth = (
        f32::midpoint(landmarks.mouth_left.x, landmarks.mouth_right.x),
        f32::midpoint(landmarks.mouth_left.y, landmarks.mouth_right.y),
    );
    let middle = (
        f32::midpoint(eyes.0.x, eyes.1.x),
        f32::midpoint(eyes.0.y, eyes.1.y),
    );
    // The basis: from eye to eye, and from their middle to the mouth's.
    let across = (eyes.1.x - eyes.0.x, eyes.1.y - eyes.0.y);
    let down = (mouth.0 - middle.0, mouth.1 - middle.1);
    let nose = (landmarks.nose.x - middle.0, landmarks.nose.y - middle.1);
    let area = across.0 * down.1 - across.1 * down.0;
    let x = (nose.0 * down.1 - nose.1 * down.0) / area + 0.5;
    let y = (across.0 * nose.1 - across.1 * nose.0) / area;
    (x.is_finite() && y.is_finite()).then_some((x, y))
}

/// The logarithm of the distance of the eyes over that from eyes to mouth: a plane that is turned shortens one of them.
pub(super) fn foreshortening(landmarks: &Landmarks) -> Option<f32> {
    let middle = |a: Point, b: Point| Point::new(f32::midpoint(a.x, b.x), f32::midpoint(a.y, b.y));
    let distance = |a: Point, b: Point| (a.x - b.x).hypot(a.y - b.y);
    let across = distance(landmarks.left_eye, landmarks.right_eye);
    let down = distance(
        middle(landmarks.left_eye, landmarks.right_eye),
        middle(landmarks.mouth_left, landmarks.mouth_right),
    );
    Some((across / down).ln()).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACE: [[f32; 3]; 5] = [
        [-32.0, -30.0, 0.0],
        [32.0, -30.0, 0.0],
        [0.0, 5.0, 25.0],
        [-24.0, 38.0, 2.0],
        [24.0, 38.0, 2.0],
    ];

    /// The face turned by so many degrees; `depth` is how much of its depth it has, 0 for a picture of it.
    fn turned(degrees: f32, depth: f32) -> Landmarks {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Landmarks::from_array(
            FACE.map(|[x, y, z]| Point::new(200.0 + x * cos + z * depth * sin, 150.0 + y)),
        )
    }

    #[test]
    fn a_turned_plane_keeps_its_nose_in_place() {
        let straight = nose_among_the_others(&turned(0.0, 0.0)).unwrap();
        assert!((straight.0 - 0.5).abs() < 1e-6, "{straight:?}");
        for degrees in [-50.0, -20.0, 10.0, 40.0] {
            let (x, y) = nose_among_the_others(&turned(degrees, 0.0)).unwrap();
            assert!((x - straight.0).abs() < 1e-4 && (y - straight.1).abs() < 1e-4);
        }
    }

    #[test]
    fn a_turned_head_moves_its_nose_the_way_it_turns() {
        let x = |degrees| nose_among_the_others(&turned(degrees, 1.0)).unwrap().0;
        assert!(x(20.0) - x(-20.0) > 0.25, "{} {}", x(20.0), x(-20.0));
        assert!(x(10.0) > 0.5 && x(-10.0) < 0.5);
    }

    #[test]
    fn turning_shortens_the_width() {
        let of = |degrees| foreshortening(&turned(degrees, 0.0)).unwrap();
        assert!((of(0.0) - of(40.0) - 0.2665).abs() < 1e-3);
        assert_eq!(foreshortening(&Landmarks::default()), None);
    }

    #[test]
    fn points_without_area_say_nothing() {
        assert_eq!(nose_among_the_others(&Landmarks::default()), None);
    }
}
