//! Points, boxes, landmarks and the transforms between coordinate spaces.
//!
//! Every coordinate is in pixels with the origin at the top-left corner of the picture, x to the
//! right and y down. The centre of the first pixel is at (0.5, 0.5) for resizing and at (0, 0) for
//! alignment; the two conventions are the ones the networks were trained with.

use serde::{Deserialize, Deserializer, Serialize};

/// A position in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Distance from the left border.
    pub x: f32,
    /// Distance from the top border.
    pub y: f32,
}

impl Point {
    /// The point at (`x`, `y`).
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }
}

/// Points are written as `[x, y]`.
impl Serialize for Point {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.x, self.y].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let [x, y] = <[f32; 2]>::deserialize(deserializer)?;
        Ok(Self {
            x: finite(x)?,
            y: finite(y)?,
        })
    }
}

/// A coordinate that can be written again: JSON has no word for infinity, which a number beyond `f32` is read as.
fn finite<E: serde::de::Error>(value: f32) -> Result<f32, E> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(E::custom("expected a finite coordinate"))
    }
}

fn coordinate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
    finite(f32::deserialize(deserializer)?)
}

/// An upright rectangle around a face, in pixels of the source image; it may reach past the border.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct BoundingBox {
    /// Left edge.
    #[serde(deserialize_with = "coordinate")]
    pub left: f32,
    /// Top edge.
    #[serde(deserialize_with = "coordinate")]
    pub top: f32,
    /// Right edge; at least `left`.
    #[serde(deserialize_with = "coordinate")]
    pub right: f32,
    /// Bottom edge; at least `top`.
    #[serde(deserialize_with = "coordinate")]
    pub bottom: f32,
}

impl BoundingBox {
    /// Width in pixels.
    pub fn width(&self) -> f32 {
        self.right - self.left
    }

    /// Height in pixels.
    pub fn height(&self) -> f32 {
        self.bottom - self.top
    }

    /// Area in square pixels.
    pub fn area(&self) -> f32 {
        self.width().max(0.0) * self.height().max(0.0)
    }

    /// The middle of the box.
    pub fn center(&self) -> Point {
        Point::new(
            f32::midpoint(self.left, self.right),
            f32::midpoint(self.top, self.bottom),
        )
    }

    /// Intersection over union with `other`, in [0, 1].
    pub fn iou(&self, other: &Self) -> f32 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        let intersection = width.max(0.0) * height.max(0.0);
        let union = self.area() + other.area() - intersection;
        if union > 0.0 {
            intersection / union
        } else {
            0.0
        }
    }
}

/// Five named points of a face, in pixels of the source image.
///
/// *Left* is the left side of the picture, not of the person.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Landmarks {
    /// Centre of the eye on the left of the picture.
    pub left_eye: Point,
    /// Centre of the eye on the right of the picture.
    pub right_eye: Point,
    /// Tip of the nose.
    pub nose: Point,
    /// Corner of the mouth on the left of the picture.
    pub mouth_left: Point,
    /// Corner of the mouth on the right of the picture.
    pub mouth_right: Point,
}

impl Landmarks {
    /// The five points in the order of the fields.
    pub fn to_array(self) -> [Point; 5] {
        [
            self.left_eye,
            self.right_eye,
            self.nose,
            self.mouth_left,
            self.mouth_right,
        ]
    }

    /// Landmarks from five points in the order of the fields.
    pub fn from_array(points: [Point; 5]) -> Self {
        let [left_eye, right_eye, nose, mouth_left, mouth_right] = points;
        Self {
            left_eye,
            right_eye,
            nose,
            mouth_left,
            mouth_right,
        }
    }
}

/// Rotation, uniform scale and translation: `x' = a·x − b·y + tx`, `y' = b·x + a·y + ty`.
///
/// Name a value `target_from_source`, so that names chain:
/// `point_in_crop = crop_from_image.apply(point_in_image)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SimilarityTransform {
    /// Scale times the cosine of the angle.
    pub a: f32,
    /// Scale times the sine of the angle.
    pub b: f32,
    /// Shift to the right.
    pub tx: f32,
    /// Shift down.
    pub ty: f32,
}

impl SimilarityTransform {
    /// The transform that moves nothing.
    pub const IDENTITY: Self = Self {
        a: 1.0,
        b: 0.0,
        tx: 0.0,
        ty: 0.0,
    };

    /// The least-squares transform that takes `source` onto `target`
    /// (Umeyama 1991, restricted to rotations, in closed form for the plane).
    ///
    /// Returns `None` when the source points coincide or a coordinate is not finite.
    pub fn fit(source: &[Point], target: &[Point]) -> Option<Self> {
        let n = source.len().min(target.len()) as f64;
        let mean = |points: &[Point]| {
            let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| {
                (x + f64::from(p.x), y + f64::from(p.y))
            });
            (x / n, y / n)
        };
        let (source_mean, target_mean) = (mean(source), mean(target));
        let (mut variance, mut dot, mut cross) = (0.0, 0.0, 0.0);
        for (s, t) in source.iter().zip(target) {
            let (sx, sy) = (
                f64::from(s.x) - source_mean.0,
                f64::from(s.y) - source_mean.1,
            );
            let (tx, ty) = (
                f64::from(t.x) - target_mean.0,
                f64::from(t.y) - target_mean.1,
            );
            variance += sx * sx + sy * sy;
            dot += sx * tx + sy * ty;
            cross += sx * ty - sy * tx;
        }
        let (a, b) = (dot / variance, cross / variance);
        let fitted = Self {
            a: a as f32,
            b: b as f32,
            tx: (target_mean.0 - a * source_mean.0 + b * source_mean.1) as f32,
            ty: (target_mean.1 - b * source_mean.0 - a * source_mean.1) as f32,
        };
        (fitted.scale() > 0.0
            && [fitted.a, fitted.b, fitted.tx, fitted.ty]
                .iter()
                .all(|v| v.is_finite()))
        .then_some(fitted)
    }

    /// Where `point` of the source lies in the target.
    pub fn apply(&self, point: Point) -> Point {
        Point::new(
            self.a * point.x - self.b * point.y + self.tx,
            self.b * point.x + self.a * point.y + self.ty,
        )
    }

    /// Size in the target of one source pixel.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }

    /// The transform back: `source_from_target`.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let squared = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / squared, -self.b / squared);
        Self {
            a,
            b,
            tx: -a * self.tx + b * self.ty,
            ty: -b * self.tx - a * self.ty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_is_one_with_itself_and_zero_apart() {
        let square = BoundingBox {
            left: 0.0,
            top: 0.0,
            right: 2.0,
            bottom: 2.0,
        };
        let shifted = BoundingBox {
            left: 1.0,
            right: 3.0,
            ..square
        };
        let apart = BoundingBox {
            left: 5.0,
            right: 7.0,
            ..square
        };
        assert_eq!(square.iou(&square), 1.0);
        assert_eq!(square.iou(&shifted), 1.0 / 3.0);
        assert_eq!(square.iou(&apart), 0.0);
        assert_eq!(BoundingBox::default().iou(&BoundingBox::default()), 0.0);
    }

    #[test]
    fn coordinates_beyond_f32_are_refused() {
        let written = r#"{"left":1,"top":2.5,"right":3,"bottom":4}"#;
        assert!(serde_json::from_str::<BoundingBox>(written).is_ok());
        let beyond = written.replace("2.5", "1e39");
        let error = serde_json::from_str::<BoundingBox>(&beyond).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("expected a finite coordinate"),
            "{error}"
        );
        assert!(serde_json::from_str::<Point>("[1, -1e39]").is_err());
    }

    #[test]
    fn fit_recovers_a_known_transform() {
        let expected = SimilarityTransform {
            a: 0.8,
            b: -0.3,
            tx: 12.0,
            ty: -7.5,
        };
        let source = [
            Point::new(0.0, 0.0),
            Point::new(10.0, 3.0),
            Point::new(-4.0, 25.0),
            Point::new(7.0, 7.0),
        ];
        let target = source.map(|p| expected.apply(p));
        let fitted = SimilarityTransform::fit(&source, &target).unwrap();
        for (s, t) in source.iter().zip(&target) {
            let moved = fitted.apply(*s);
            assert!((moved.x - t.x).abs() < 1e-4 && (moved.y - t.y).abs() < 1e-4);
            let back = fitted.inverse().apply(*t);
            assert!((back.x - s.x).abs() < 1e-4 && (back.y - s.y).abs() < 1e-4);
        }
    }

    #[test]
    fn fit_refuses_points_that_coincide() {
        let same = [Point::new(3.0, 3.0); 5];
        assert_eq!(SimilarityTransform::fit(&same, &same), None);
    }
}
