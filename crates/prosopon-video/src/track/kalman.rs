//! Where a face will be: a Kalman filter with constant velocity for each coordinate of its box.
//!
//! A box is centre, height and aspect, as in SORT (Bewley et al. 2016; it has area in place of height). The noise of
//! one coordinate does not depend on another's, so the filter of seven numbers falls apart into small ones of a value
//! and its velocity, whose equations are short. Time is in seconds: frame rates differ, and frames are left out.

use prosopon::BoundingBox;

/// Spread of a detected centre or height around the true one, in heights of the box: 1/20, as in `DeepSORT`
/// (Wojke et al. 2017).
const MEASUREMENT: f64 = 0.05;

/// How fast heads change their velocity: spectral density of the acceleration as a standard deviation, in heights of the
/// box for a second to the 3/2. Chosen so that somebody who stops within a third of a second is not lost; not measured.
const AGILITY: f64 = 3.0;

/// How fast they come nearer or go away, likewise; slower than they move.
const APPROACH: f64 = 1.0;

/// Spread of a detected aspect, and how far the true one wanders in a second: heads turn.
const ASPECT: (f64, f64) = (0.05, 0.2);

/// Spread of the velocity of a new track, in heights of the box in a second.
const FIRST_VELOCITY: f64 = 2.0;

/// A value and its velocity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    value: f64,
    /// Units in a second.
    velocity: f64,
    /// Variance of the value, covariance, variance of the velocity.
    covariance: (f64, f64, f64),
}

impl Axis {
    pub(crate) fn new(value: f64, spread: f64, velocity_spread: f64) -> Self {
        Self {
            value,
            velocity: 0.0,
            covariance: (spread * spread, 0.0, velocity_spread * velocity_spread),
        }
    }

    /// Moves on by `dt` seconds, in which white acceleration of density `agility`² acts.
    pub(crate) fn predict(&mut self, dt: f64, agility: f64) {
        self.value += self.velocity * dt;
        let (p, c, v) = self.covariance;
        let q = agility * agility;
        self.covariance = (
            p + dt * (2.0 * c + dt * v) + q * dt.powi(3) / 3.0,
            c + dt * v + q * dt * dt / 2.0,
            v + q * dt,
        );
    }

    /// Takes in a measurement with this standard deviation.
    pub(crate) fn correct(&mut self, measured: f64, spread: f64) {
        let (p, c, v) = self.covariance;
        let total = p + spread * spread;
        if total <= 0.0 {
            return;
        }
        let (gain, velocity_gain) = (p / total, c / total);
        let surprise = measured - self.value;
        self.value += gain * surprise;
        self.velocity += velocity_gain * surprise;
        self.covariance = (
            p * (1.0 - gain),
            c * (1.0 - gain),
            (v - velocity_gain * c).max(0.0),
        );
    }
}

/// A moving box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Motion {
    x: Axis,
    y: Axis,
    height: Axis,
    /// Width by height.
    aspect: Axis,
}

impl Motion {
    pub(crate) fn new(shape: &BoundingBox) -> Self {
        let (x, y, height, aspect) = parts(shape);
        let (spread, velocity) = (MEASUREMENT * height, FIRST_VELOCITY * height);
        Self {
            x: Axis::new(x, spread, velocity),
            y: Axis::new(y, spread, velocity),
            height: Axis::new(height, spread, velocity / 2.0),
            aspect: Axis::new(aspect, ASPECT.0, 0.0),
        }
    }

    /// Moves on by `dt` seconds.
    pub(crate) fn predict(&mut self, dt: f64) {
        let height = self.height.value.max(1.0);
        self.x.predict(dt, AGILITY * height);
        self.y.predict(dt, AGILITY * height);
        self.height.predict(dt, APPROACH * height);
        // Aspects have no velocity: a random walk.
        self.aspect.covariance.0 += ASPECT.1 * ASPECT.1 * dt;
        // A track that nobody sees must not shrink away or turn inside out.
        self.height.value = self.height.value.max(height / 2.0);
    }

    pub(crate) fn correct(&mut self, shape: &BoundingBox) {
        let (x, y, height, aspect) = parts(shape);
        let spread = MEASUREMENT * height;
        self.x.correct(x, spread);
        self.y.correct(y, spread);
        self.height.correct(height, spread);
        self.aspect.correct(aspect, ASPECT.0);
    }

    /// Stands still from now on: what was lost for long is not where it was going.
    pub(crate) fn halt(&mut self) {
        for axis in [&mut self.x, &mut self.y, &mut self.height] {
            axis.velocity = 0.0;
        }
    }

    pub(crate) fn bounding_box(&self) -> BoundingBox {
        let height = self.height.value.max(1.0);
        let width = height * self.aspect.value.max(0.1);
        BoundingBox {
            left: (self.x.value - width / 2.0) as f32,
            top: (self.y.value - height / 2.0) as f32,
            right: (self.x.value + width / 2.0) as f32,
            bottom: (self.y.value + height / 2.0) as f32,
        }
    }
}

/// Centre, height, aspect.
fn parts(shape: &BoundingBox) -> (f64, f64, f64, f64) {
    let center = shape.center();
    let (width, height) = (f64::from(shape.width()), f64::from(shape.height()));
    let height = height.max(1.0);
    (
        f64::from(center.x),
        f64::from(center.y),
        height,
        width.max(1.0) / height,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Least squares through `(time, value)`, in closed form: value at the last time, and slope.
    fn line(points: &[(f64, f64)]) -> (f64, f64) {
        let n = points.len() as f64;
        let (t, v) = points
            .iter()
            .fold((0.0, 0.0), |(t, v), p| (t + p.0 / n, v + p.1 / n));
        let slope = points.iter().map(|p| (p.0 - t) * (p.1 - v)).sum::<f64>()
            / points.iter().map(|p| (p.0 - t).powi(2)).sum::<f64>();
        (v + slope * (points.last().expect("a point").0 - t), slope)
    }

    #[test]
    fn without_acceleration_it_is_the_line_of_least_squares() {
        // Uneven steps: frame rates differ.
        let points = [
            (0.0, 10.0),
            (0.1, 12.5),
            (0.4, 17.0),
            (0.45, 19.0),
            (1.0, 31.0),
        ];
        // Nothing is known before the first point.
        let mut axis = Axis::new(0.0, 1e5, 1e5);
        let mut now = 0.0;
        for (time, value) in points {
            axis.predict(time - now, 0.0);
            axis.correct(value, 0.5);
            now = time;
        }
        let (value, slope) = line(&points);
        assert!((axis.value - value).abs() < 1e-3, "{axis:?} {value}");
        assert!((axis.velocity - slope).abs() < 1e-3, "{axis:?} {slope}");
    }

    #[test]
    fn two_short_steps_are_one_long_step() {
        let start = Axis {
            value: 3.0,
            velocity: -2.0,
            covariance: (2.0, 0.3, 5.0),
        };
        let (mut once, mut twice) = (start, start);
        once.predict(0.5, 1.7);
        twice.predict(0.2, 1.7);
        twice.predict(0.3, 1.7);
        assert!((once.value - twice.value).abs() < 1e-12);
        let (a, b) = (once.covariance, twice.covariance);
        assert!(
            (a.0 - b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12 && (a.2 - b.2).abs() < 1e-12
        );
    }

    #[test]
    fn the_gain_settles_at_the_closed_form() {
        // For white acceleration that is constant over a step (q·dt matched) the gain has a closed form (Kalata 1984);
        // for a continuous one the covariance equation is checked instead: it must map onto itself.
        let mut axis = Axis::new(0.0, 1.0, 1.0);
        for _ in 0..500 {
            axis.predict(0.1, 2.0);
            axis.correct(0.0, 0.3);
        }
        let settled = axis.covariance;
        axis.predict(0.1, 2.0);
        axis.correct(0.0, 0.3);
        let (a, b) = (settled, axis.covariance);
        assert!(
            (a.0 - b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12 && (a.2 - b.2).abs() < 1e-12
        );
        assert!(a.0 < 0.09, "better than one measurement: {a:?}");
    }

    #[test]
    fn a_box_comes_back_and_moves_with_its_velocity() {
        let at = |x: f32| BoundingBox {
            left: x,
            top: 50.0,
            right: x + 40.0,
            bottom: 100.0,
        };
        let mut motion = Motion::new(&at(0.0));
        assert!(motion.bounding_box().iou(&at(0.0)) > 0.999);
        for i in 1..=20 {
            motion.predict(0.04);
            motion.correct(&at(4.0 * i as f32));
        }
        motion.predict(0.2);
        assert!(motion.bounding_box().iou(&at(100.0)) > 0.9, "{motion:?}");
    }

    #[test]
    fn boxes_that_make_no_sense_stay_boxes() {
        let mut motion = Motion::new(&BoundingBox::default());
        motion.predict(1000.0);
        let shape = motion.bounding_box();
        assert!(shape.width() > 0.0 && shape.height() > 0.0);
    }
}
