//! Pass or fail: a bound that a figure must keep, for continuous integration.
//!
//! `fnmr@fmr=1e-3<0.02`: the figure's name, for some the point at which it is read, a relation, a
//! bound. Names are those of the JSON documents.

use std::fmt;

use serde::Serialize;

/// A figure that can be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    /// Name, such as `fnmr`.
    pub name: String,
    /// What its points are called, such as `fmr`, if it has points.
    pub at: Option<&'static str>,
}

impl Metric {
    /// A figure without points.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            at: None,
        }
    }

    /// A figure that is read at points.
    pub fn at(name: impl Into<String>, at: &'static str) -> Self {
        Self {
            name: name.into(),
            at: Some(at),
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match self.at {
            Some(at) => write!(f, "@{at}=…"),
            None => Ok(()),
        }
    }
}

/// A figure that was measured: its name as [`key`] writes it, and its value.
pub type Measured = (String, f64);

/// How a figure is named together with its point: `fnmr@fmr=0.001`.
///
/// Thresholds are to be given as [`threshold_point`] gives them.
pub fn key(name: &str, point: Option<(&str, f64)>) -> String {
    match point {
        Some((at, value)) => format!("{name}@{at}={value}"),
        None => name.to_owned(),
    }
}

/// The number that a threshold reads as, which is the one that a gate is written with: 0.3, where the
/// nearest `f32` is 0.30000001….
pub fn threshold_point(threshold: f32) -> f64 {
    threshold
        .to_string()
        .parse()
        .unwrap_or(f64::from(threshold))
}

/// How a figure must lie to its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// Longer signs before those that they begin with.
const RELATIONS: [(&str, Relation); 4] = [
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("<", Relation::Below),
    (">", Relation::Above),
];

/// A bound that a figure must keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    text: String,
    name: String,
    point: Option<(&'static str, f64)>,
    relation: Relation,
    bound: f64,
}

/// A gate that asks for nothing that is measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// It does not read as a gate.
    #[error("expected `METRIC < NUMBER` (or <=, >, >=), found `{gate}`")]
    Syntax {
        /// What was given.
        gate: String,
    },
    /// There is no such figure.
    #[error("there is no metric `{metric}`; there are {known}")]
    UnknownMetric {
        /// What was asked for.
        metric: String,
        /// All there are.
        known: String,
    },
    /// The figure is read at other points, or at none.
    #[error("expected `{expected}`, found `{found}`")]
    Point {
        /// How it should be asked for.
        expected: String,
        /// What was given.
        found: String,
    },
}

impl Gate {
    /// Reads a gate about one of `known`.
    ///
    /// # Errors
    /// [`GateError`] with what there is.
    pub fn parse(text: &str, known: &[Metric]) -> Result<Self, GateError> {
        let syntax = || GateError::Syntax {
            gate: text.to_owned(),
        };
        let (at, sign, relation) = text
            .find(['<', '>'])
            .and_then(|at| {
                let relation = RELATIONS
                    .iter()
                    .find(|(sign, _)| text[at..].starts_with(sign))?;
                Some((at, relation.0, relation.1))
            })
            .ok_or_else(syntax)?;
        let bound: f64 = text[at + sign.len()..]
            .trim()
            .parse()
            .map_err(|_| syntax())?;
        if !bound.is_finite() {
            return Err(syntax());
        }
        let asked = text[..at].trim();
        let (name, point) = match asked.split_once('@') {
            Some((name, point)) => (name.trim(), Some(point.trim())),
            None => (asked, None),
        };
        // A figure may be read at points of several kinds.
        let named: Vec<&Metric> = known.iter().filter(|metric| metric.name == name).collect();
        if named.is_empty() {
            return Err(GateError::UnknownMetric {
                metric: name.to_owned(),
                known: listed(known.iter(), ", "),
            });
        }
        let point = named
            .iter()
            .find_map(|metric| match (metric.at, point) {
                (None, None) => Some(None),
                (Some(at), Some(point)) => read_point(at, point).map(|value| Some((at, value))),
                _ => None,
            })
            .ok_or_else(|| GateError::Point {
                expected: listed(named.iter().copied(), "` or `"),
                found: asked.to_owned(),
            })?;
        Ok(Self {
            text: text.trim().to_owned(),
            name: name.to_owned(),
            point,
            relation,
            bound,
        })
    }

    /// The point, of those called `at`, at which `name` must be measured for this gate; none if it is
    /// about something else.
    pub fn point_of(&self, name: &str, at: &str) -> Option<f64> {
        let (point, value) = self.point?;
        (self.name == name && point == at).then_some(value)
    }

    /// Whether the figure among `measured` keeps the bound; one that has no value does not.
    pub fn judge(&self, measured: &[Measured]) -> Judgement {
        let key = key(&self.name, self.point);
        let value = measured
            .iter()
            .find(|(name, value)| *name == key && value.is_finite())
            .map(|(_, value)| *value);
        let keeps = |value: f64| match self.relation {
            Relation::Below => value < self.bound,
            Relation::AtMost => value <= self.bound,
            Relation::Above => value > self.bound,
            Relation::AtLeast => value >= self.bound,
        };
        Judgement {
            gate: self.text.clone(),
            value,
            pass: value.is_some_and(keeps),
        }
    }
}

/// The value of a point written `AT=VALUE`, if it makes sense.
fn read_point(at: &str, point: &str) -> Option<f64> {
    let (_, value) = point
        .split_once('=')
        .filter(|(name, _)| name.trim() == at)?;
    let value: f64 = value.trim().parse().ok()?;
    let is_in_range = if at == "threshold" {
        (-1.0..=1.0).contains(&value)
    } else {
        value > 0.0 && value <= 1.0
    };
    is_in_range.then_some(value)
}

fn listed<'a>(metrics: impl Iterator<Item = &'a Metric>, between: &str) -> String {
    metrics
        .map(Metric::to_string)
        .collect::<Vec<_>>()
        .join(between)
}

/// What a gate says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The gate as it was given.
    pub gate: String,
    /// What was measured; none if the figure has no value.
    pub value: Option<f64>,
    /// Whether the bound is kept.
    pub pass: bool,
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.pass { "pass" } else { "FAIL" };
        write!(f, "{word}  {}", self.gate)?;
        match self.value {
            Some(value) => write!(f, ": {value:.6}"),
            None => f.write_str(": not measured"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<Metric> {
        vec![
            Metric::new("eer"),
            Metric::at("fnmr", "fmr"),
            Metric::at("fmr", "threshold"),
        ]
    }

    #[test]
    fn gates_compare_a_figure_with_a_bound() {
        let measured = [
            (key("eer", None), 0.01),
            (key("fnmr", Some(("fmr", 1e-3))), 0.02),
            (key("fmr", Some(("threshold", -0.5))), f64::NAN),
        ];
        for (text, pass) in [
            ("eer<0.02", true),
            (" eer < 1e-2 ", false),
            ("eer<=0.01", true),
            ("eer>0.005", true),
            ("eer>=0.011", false),
            ("fnmr@fmr=1e-3<0.021", true),
            ("fnmr @ fmr = 0.001 <= 0.02", true),
            ("fnmr@fmr=1e-4<1", false),
            ("fmr@threshold=-0.5<1", false),
        ] {
            let judgement = Gate::parse(text, &known()).unwrap().judge(&measured);
            assert_eq!(judgement.pass, pass, "{judgement}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let error = |text: &str| Gate::parse(text, &known()).unwrap_err();
        for text in ["", "eer", "eer<", "eer=0.1", "eer<x", "eer<nan", "eer<inf"] {
            assert!(matches!(error(text), GateError::Syntax { .. }), "{text}");
        }
        let unknown = error("errors<1");
        assert_eq!(
            unknown.to_string(),
            "there is no metric `errors`; there are eer, fnmr@fmr=…, fmr@threshold=…"
        );
        for text in [
            "eer@fmr=1<1",
            "fnmr<1",
            "fnmr@far=1<1",
            "fnmr@fmr=2<1",
            "fnmr@fmr<1",
        ] {
            assert!(matches!(error(text), GateError::Point { .. }), "{text}");
        }
    }

    #[test]
    fn points_are_known_before_measuring() {
        let gate = Gate::parse("fnmr@fmr=5e-3<0.1", &known()).unwrap();
        assert_eq!(gate.point_of("fnmr", "fmr"), Some(5e-3));
        assert_eq!(gate.point_of("fnmr", "threshold"), None);
        assert_eq!(gate.point_of("tar", "fmr"), None);
    }
}
