//! What a measurement says, as text and as JSON.

use prosopon::Calibration;
use prosopon::evaluate::calibrate::{HeldOut, ImpostorPair, Measured};
use serde::Serialize;

use super::faces::Found;
use super::keep::Stored;
use crate::output::{About, count};

#[derive(Serialize)]
pub(super) struct Document {
    calibration: Calibration,
    lowest_supported_fmr: f64,
    people: usize,
    faces: usize,
    without_face: usize,
    failed: usize,
    /// The most similar faces of different people.
    worst: Vec<WorstPair>,
    /// Null unless it was asked for.
    check: Option<Vec<Part>>,
    /// Null unless it was asked for.
    pub(super) stored: Option<Stored>,
    #[serde(flatten)]
    about: About,
}

#[derive(Serialize)]
struct WorstPair {
    similarity: f32,
    faces: [Place; 2],
}

#[derive(Serialize)]
struct Place {
    path: String,
    person: String,
}

/// People that were held out, and what they met.
#[derive(Serialize)]
struct Part {
    #[serde(rename = "part")]
    number: usize,
    people: usize,
    comparisons: u64,
    rates: Vec<MetRate>,
}

#[derive(Serialize)]
struct MetRate {
    fmr: f64,
    threshold: f32,
    fmr_interval: Option<[f64; 2]>,
    fmr_met: f64,
    false_matches: u64,
    holds: bool,
}

impl From<HeldOut> for Part {
    fn from(held_out: HeldOut) -> Self {
        let points = held_out.calibration.iter().flat_map(|c| &c.points);
        let rate = |(i, point): (usize, &prosopon::CalibrationPoint)| MetRate {
            fmr: point.fmr,
            threshold: point.similarity,
            fmr_interval: point.fmr_interval,
            fmr_met: held_out.met_fmr(i),
            false_matches: held_out.met[i],
            holds: held_out.holds(i),
        };
        Self {
            number: held_out.part,
            people: held_out.people,
            comparisons: held_out.comparisons,
            rates: points.enumerate().map(rate).collect(),
        }
    }
}

impl Document {
    pub(super) fn new(
        measured: Measured,
        check: Option<Vec<HeldOut>>,
        found: &Found,
        stored: Option<Stored>,
        about: About,
    ) -> Self {
        let place = |face: usize| {
            let (path, person) = found.places[face].clone();
            Place { path, person }
        };
        let pair = |pair: &ImpostorPair| WorstPair {
            similarity: pair.similarity,
            faces: [place(pair.face), place(pair.other)],
        };
        Self {
            lowest_supported_fmr: measured.calibration.lowest_supported_fmr(),
            worst: measured.worst.iter().map(pair).collect(),
            calibration: measured.calibration,
            people: measured.people,
            faces: found.faces.len(),
            without_face: found.without_face,
            failed: found.failed,
            check: check.map(|parts| parts.into_iter().map(Part::from).collect()),
            stored,
            about,
        }
    }

    /// For people; if nothing was stored, as TOML for a network's description.
    pub(super) fn describe(&self) -> String {
        let mut text = format!(
            "{} of {} people, {} without a face; {}, {}\n{} comparisons of different people\n\n{}",
            count(self.faces, "face", "faces"),
            self.people,
            self.without_face,
            self.about.model.as_deref().unwrap_or_default(),
            self.about.backend,
            self.calibration.comparisons,
            table(&self.calibration, Some(self.people)),
        );
        if !self.worst.is_empty() {
            text +=
                "\n\nmost similar faces of different people (one person? then correct the names):";
            for WorstPair { similarity, faces } in &self.worst {
                let [a, b] = faces;
                text += &format!("\n{similarity:.3}  {}  {}", a.path, b.path);
            }
        }
        if let Some(parts) = &self.check {
            text += "\n\n";
            text += &describe_check(parts);
        }
        match &self.stored {
            Some(stored) => text + "\n\n" + &stored.describe(),
            None => format!("{}\n{}", commented(&text), toml(&self.calibration)),
        }
    }
}

/// The table for people; `others` is the size of the group that its intervals are for.
pub(super) fn table(calibration: &Calibration, others: Option<usize>) -> String {
    let announced = others.map_or_else(
        || "as many other people".to_owned(),
        |n| format!("{n} other people"),
    );
    let mut rows = vec![[
        "rate".to_owned(),
        "threshold".to_owned(),
        "false matches".to_owned(),
        format!("on {announced} (95 %)"),
    ]];
    let mut is_weak = false;
    for point in &calibration.points {
        let is_supported = point.fmr >= calibration.lowest_supported_fmr();
        is_weak |= !is_supported;
        let mark = if is_supported { "" } else { " *" };
        rows.push([
            format!("{:e}{mark}", point.fmr),
            format!("{:.4}", point.similarity),
            point
                .false_matches
                .map_or("-".to_owned(), |n| n.to_string()),
            point.fmr_interval.map_or("-".to_owned(), interval),
        ]);
    }
    let mut text = aligned(&rows);
    if is_weak {
        text += "\n* fewer than 30 false matches: not to be relied on";
    }
    text
}

fn describe_check(parts: &[Part]) -> String {
    let mut rows = vec![
        [
            "held out",
            "rate",
            "threshold",
            "announced (95 %)",
            "met",
            "",
        ]
        .map(str::to_owned),
    ];
    let (mut held, mut all) = (0, 0);
    for part in parts {
        for rate in &part.rates {
            all += 1;
            held += usize::from(rate.holds);
            rows.push([
                format!("part {}, {} people", part.number, part.people),
                format!("{:e}", rate.fmr),
                format!("{:.4}", rate.threshold),
                rate.fmr_interval.map_or("-".to_owned(), interval),
                self::rate(rate.fmr_met),
                if rate.holds { "holds" } else { "does not hold" }.to_owned(),
            ]);
        }
    }
    format!(
        "thresholds of all other parts, on a part that was held out\n{}\n{held} of {all} hold",
        aligned(&rows)
    )
}

/// `8.10e-4 to 1.23e-3`.
fn interval([low, high]: [f64; 2]) -> String {
    format!("{} to {}", rate(low), rate(high))
}

fn rate(rate: f64) -> String {
    if rate > 0.0 {
        format!("{rate:.2e}")
    } else {
        "0".to_owned()
    }
}

/// Columns that stand below each other, two blanks apart.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn commented(text: &str) -> String {
    let line = |line: &str| format!("# {line}").trim_end().to_owned();
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// The table for a network's description, or the catalogue.
fn toml(calibration: &Calibration) -> String {
    let Calibration {
        source,
        comparisons,
        points,
    } = calibration;
    let mut text =
        format!("[calibration]\nsource = {source:?}\ncomparisons = {comparisons}\npoints = [");
    for point in points {
        text += &format!(
            "\n  {{ fmr = {:e}, similarity = {:.4}",
            point.fmr, point.similarity
        );
        if let Some(false_matches) = point.false_matches {
            text += &format!(", false_matches = {false_matches}");
        }
        if let Some([low, high]) = point.fmr_interval {
            text += &format!(", fmr_interval = [{low:.3e}, {high:.3e}]");
        }
        text += " },";
    }
    text + "\n]"
}
