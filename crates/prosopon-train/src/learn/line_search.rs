//! How far to go along a direction (Moré & Thuente 1994, "Line search algorithms with guaranteed sufficient decrease").
//!
//! It ends at a step that goes down enough and where the slope has become flat enough (strong Wolfe conditions).
//! Trial steps come from cubic and quadratic interpolation, in an interval that always holds such a step. Names of the paper: the
//! function along the direction is f, its slope g, the interval's better end x, its other end y.

/// Share of the first slope by which a step must go down at least. This and the next two are those of L-BFGS-B
/// (Zhu, Byrd, Lu & Nocedal 1997).
const SUFFICIENT_DECREASE: f64 = 1e-3;
/// Share of the first slope that may be left at the end.
const CURVATURE: f64 = 0.9;
/// An interval is narrow enough once its width is this share of its upper end.
const NARROW: f64 = 0.1;
/// Longest step.
const LONGEST: f64 = 1e10;
/// Least and largest share by which a step is prolonged while there is no interval (section 4 of the paper).
const PROLONGED: (f64, f64) = (1.1, 4.0);
/// An interval that shrinks by less than this in two trials is halved.
const SHRINK: f64 = 0.66;
/// Steps that are tried, as in L-BFGS-B.
const MOST_TRIALS: usize = 20;

/// A step, and function and slope there.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    at: f64,
    f: f64,
    g: f64,
}

/// What was found.
#[derive(Debug, PartialEq)]
pub(super) struct Found<T> {
    /// How far.
    pub(super) step: f64,
    /// What `evaluate` gave there.
    pub(super) there: T,
}

/// The step from `f` with slope `g` (below 0) that is tried first is `first`. `evaluate` gives function, slope, and
/// what the caller wants back of the accepted step. None if no step was found that goes down.
pub(super) fn search<T>(
    f: f64,
    g: f64,
    first: f64,
    mut evaluate: impl FnMut(f64) -> (f64, f64, T),
) -> Option<Found<T>> {
    let needed = SUFFICIENT_DECREASE * g;
    let start = Place { at: 0.0, f, g };
    let mut interval = Interval {
        x: start,
        y: start,
        is_bracketed: false,
    };
    let (mut width, mut width_before) = (LONGEST, 2.0 * LONGEST);
    let (mut lower, mut upper) = (0.0, first + PROLONGED.1 * first);
    let mut step = first;
    let mut is_first_stage = true;
    for _ in 0..MOST_TRIALS {
        let (value, slope, there) = evaluate(step);
        let trial = Place {
            at: step,
            f: value,
            g: slope,
        };
        let allowed = f + step * needed;
        if value <= allowed && slope >= 0.0 {
            is_first_stage = false;
        }
        let is_stuck = interval.is_bracketed
            && (step <= lower || step >= upper || upper - lower <= NARROW * upper);
        let is_at_limit = step >= LONGEST && value <= allowed && slope <= needed;
        if (value <= allowed && slope.abs() <= CURVATURE * -g) || is_stuck || is_at_limit {
            return (value < f || value <= allowed).then_some(Found { step, there });
        }
        // Until a step goes down enough, intervals are chosen for the function less the decrease that is needed.
        let is_shifted = is_first_stage && value <= interval.x.f && value > allowed;
        let shift = if is_shifted { needed } else { 0.0 };
        interval = interval.tilted(-shift);
        step = interval.next(trial.tilted(-shift), lower, upper);
        interval = interval.tilted(shift);
        if interval.is_bracketed {
            let new_width = (interval.y.at - interval.x.at).abs();
            if new_width >= SHRINK * width_before {
                step = interval.x.at + 0.5 * (interval.y.at - interval.x.at);
            }
            (width_before, width) = (width, new_width);
            lower = interval.x.at.min(interval.y.at);
            upper = interval.x.at.max(interval.y.at);
        } else {
            lower = step + PROLONGED.0 * (step - interval.x.at);
            upper = step + PROLONGED.1 * (step - interval.x.at);
        }
        step = step.clamp(0.0, LONGEST);
        if interval.is_bracketed
            && (step <= lower || step >= upper || upper - lower <= NARROW * upper)
        {
            step = interval.x.at;
        }
    }
    None
}

impl Place {
    /// Of the function plus `slope` times the step.
    fn tilted(self, slope: f64) -> Self {
        Self {
            at: self.at,
            f: self.f + slope * self.at,
            g: self.g + slope,
        }
    }
}

/// Where the step is looked for.
#[derive(Debug, Clone, Copy)]
struct Interval {
    /// The best step so far.
    x: Place,
    /// The other end.
    y: Place,
    /// Whether a step that is wanted lies between them.
    is_bracketed: bool,
}

impl Interval {
    fn tilted(self, slope: f64) -> Self {
        Self {
            x: self.x.tilted(slope),
            y: self.y.tilted(slope),
            ..self
        }
    }

    /// Takes in a trial, and gives the next step: the four cases of section 4 of the paper.
    fn next(&mut self, trial: Place, lower: f64, upper: f64) -> f64 {
        let (x, t) = (self.x, trial);
        let has_turned = t.g * x.g.signum() < 0.0;
        let step;
        if t.f > x.f {
            // Higher: the minimum lies between; the cubic's if it is nearer to the better end, else half-way.
            let cubic = cubic(x, t);
            let quadratic =
                x.at + ((x.g / ((x.f - t.f) / (t.at - x.at) + x.g)) / 2.0) * (t.at - x.at);
            step = if (cubic - x.at).abs() < (quadratic - x.at).abs() {
                cubic
            } else {
                cubic + (quadratic - cubic) / 2.0
            };
            self.is_bracketed = true;
        } else if has_turned {
            // Lower, and past a minimum: whichever of cubic and secant is farther from the trial.
            let (cubic, secant) = (cubic(t, x), secant(t, x));
            step = if (cubic - t.at).abs() > (secant - t.at).abs() {
                cubic
            } else {
                secant
            };
            self.is_bracketed = true;
        } else if t.g.abs() < x.g.abs() {
            // Lower, and flatter: the cubic if it goes on and has a minimum there.
            let secant = secant(t, x);
            let cubic = cubic_beyond(x, t).unwrap_or(if t.at > x.at { upper } else { lower });
            let is_nearer = (cubic - t.at).abs() < (secant - t.at).abs();
            if self.is_bracketed {
                let chosen = if is_nearer { cubic } else { secant };
                // Not too near to the other end.
                let limit = t.at + SHRINK * (self.y.at - t.at);
                step = if t.at > x.at {
                    chosen.min(limit)
                } else {
                    chosen.max(limit)
                };
            } else {
                let chosen = if is_nearer { secant } else { cubic };
                step = chosen.clamp(lower.min(upper), upper.max(lower));
            }
        } else if self.is_bracketed {
            // Lower, and not flatter.
            step = cubic(t, self.y);
        } else {
            step = if t.at > x.at { upper } else { lower };
        }
        if t.f > x.f {
            self.y = t;
        } else {
            if has_turned {
                self.y = x;
            }
            self.x = t;
        }
        step
    }
}

/// θ, and the root under which the minimum of the cubic through two places lies; none if it has none.
fn cubic_parts(a: Place, b: Place) -> Option<(f64, f64)> {
    let theta = 3.0 * (a.f - b.f) / (b.at - a.at) + a.g + b.g;
    let scale = theta.abs().max(a.g.abs()).max(b.g.abs());
    let under = (theta / scale).powi(2) - (a.g / scale) * (b.g / scale);
    (under >= 0.0).then_some((theta, scale * under.max(0.0).sqrt()))
}

/// The minimum of the cubic through values and slopes of `a` and `b`, one of which goes down towards the other.
fn cubic(a: Place, b: Place) -> f64 {
    let (theta, root) = cubic_parts(a, b).unwrap_or((0.0, 0.0));
    let gamma = if b.at < a.at { -root } else { root };
    let r = ((gamma - a.g) + theta) / (((gamma - a.g) + gamma) + b.g);
    a.at + r * (b.at - a.at)
}

/// The minimum of the cubic if it lies beyond `t`, seen from `x`.
fn cubic_beyond(x: Place, t: Place) -> Option<f64> {
    let (theta, root) =
        cubic_parts(x, t).unwrap_or((3.0 * (x.f - t.f) / (t.at - x.at) + x.g + t.g, 0.0));
    let gamma = if t.at > x.at { -root } else { root };
    let r = ((gamma - t.g) + theta) / ((gamma + (x.g - t.g)) + gamma);
    (r < 0.0 && gamma != 0.0).then_some(t.at + r * (x.at - t.at))
}

/// Where the line through the slopes of `a` and `b` is zero.
fn secant(a: Place, b: Place) -> f64 {
    a.at + (a.g / (a.g - b.g)) * (b.at - a.at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test function 1 of the paper; a bowl that is flat at its bottom; one that wobbles.
    type Function = fn(f64) -> (f64, f64);
    const FUNCTIONS: [Function; 3] = [
        |a| {
            let b = a * a + 2.0;
            (-a / b, (a * a - 2.0) / (b * b))
        },
        |a| ((a - 3.0).powi(4), 4.0 * (a - 3.0).powi(3)),
        |a| {
            let wobble = (0.05 * (20.0 * a).sin(), (20.0 * a).cos());
            ((a - 1.0).powi(2) + wobble.0, 2.0 * (a - 1.0) + wobble.1)
        },
    ];

    #[test]
    fn the_step_goes_down_enough_and_is_flat_enough() {
        for function in FUNCTIONS {
            let (f, g) = function(0.0);
            for first in [1e-3, 0.1, 1.0, 10.0, 1e3] {
                let mut n = 0;
                let found = search(f, g, first, |step| {
                    n += 1;
                    let (f, g) = function(step);
                    (f, g, ())
                })
                .expect("a step");
                let (value, slope) = function(found.step);
                assert!(value <= f + SUFFICIENT_DECREASE * found.step * g, "{first}");
                assert!(
                    slope.abs() <= CURVATURE * -g,
                    "{first}: {slope} at {}",
                    found.step
                );
                assert!(n <= 12, "{first}: {n} trials");
            }
        }
    }

    #[test]
    fn the_minimum_of_a_parabola_is_found_by_the_first_interpolation() {
        // From 0, (a - 1)²; the step 4 is too far, and the cubic through both ends has its minimum at 1.
        let mut steps = Vec::new();
        let found = search(1.0, -2.0, 4.0, |a| {
            steps.push(a);
            ((a - 1.0).powi(2), 2.0 * (a - 1.0), a)
        });
        let found = found.expect("a step");
        assert_eq!(steps.len(), 2);
        assert!((found.step - 1.0).abs() < 1e-12 && found.there == found.step);
    }

    #[test]
    fn a_direction_that_leads_up_gives_nothing() {
        let found = search(0.0, -1.0, 1.0, |a| (a, 1.0, ()));
        assert_eq!(found, None);
    }
}
