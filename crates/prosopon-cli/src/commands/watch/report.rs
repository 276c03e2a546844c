//! What is printed: events as they happen, states, and who was there when.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use prosopon_video::source::{SourceFacts, SourceState};
use prosopon_video::{Event, EventKind, Identity, InGallery, Interval, Person, Summary, timeline};
use serde::Serialize;

use super::inputs::Input;
use super::worker::{Message, Watched};
use crate::failure::{Exit, Failure};
use crate::output::{About, Format, count, eprint, print_json, print_json_line, print_line};
use crate::progress;
use crate::threshold::{self, RuleJson};

/// One source in the document and at the end.
#[derive(Serialize)]
pub(super) struct SourceReport {
    /// What events call it.
    pub(super) name: String,
    source: String,
    is_live: bool,
    width: Option<u32>,
    height: Option<u32>,
    frames_per_second: Option<f64>,
    /// Frames that came and were not looked at, since newer ones were there.
    dropped: u64,
    /// What was wrong on the way.
    problems: Vec<String>,
    /// Wall time.
    wall_seconds: f64,
    #[serde(flatten)]
    summary: Option<Summary>,
    error: Option<Failure>,
}

/// What became of all sources.
pub(super) struct Outcome {
    pub(super) sources: Vec<SourceReport>,
    /// The first failure.
    pub(super) failure: Option<Failure>,
}

#[derive(Serialize)]
struct Document<'a> {
    sources: &'a [SourceReport],
    #[serde(flatten)]
    about: &'a About,
    #[serde(flatten)]
    rule: Option<RuleJson>,
    /// From the arrival of a frame to its event: median and 99 % in milliseconds.
    event_delay_millis: Option<(f64, f64)>,
}

/// Latencies that are remembered.
const MAX_DELAYS: usize = 10_000;

pub(super) struct Reporter {
    format: Format,
    /// Whether `--json` prints one document at the end, or events a line: live sources have no end.
    is_document: bool,
    sources: Vec<(String, String, SourceFacts)>,
    reports: Vec<Option<SourceReport>>,
    who: Option<Arc<InGallery>>,
    about: About,
    bar: Option<ProgressBar>,
    delays: Vec<Duration>,
    failure: Option<Failure>,
}

impl Reporter {
    pub(super) fn new(
        format: Format,
        inputs: &[Input],
        who: Option<&Arc<InGallery>>,
        about: About,
    ) -> Self {
        let ends = inputs.iter().all(|input| !input.facts.is_live);
        let total: Option<u64> = inputs.iter().map(|input| input.facts.n_frames).sum();
        let bar = total
            .filter(|_| ends)
            .map(|total| progress::bar(total as usize, "frames"));
        Self {
            format,
            is_document: format == Format::Json && ends,
            sources: inputs
                .iter()
                .map(|input| (input.name.clone(), input.shown.clone(), input.facts.clone()))
                .collect(),
            reports: inputs.iter().map(|_| None).collect(),
            who: who.cloned(),
            about,
            bar,
            delays: Vec::new(),
            failure: None,
        }
    }

    /// Says something on standard error without disturbing the progress bar.
    pub(super) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprint(text)),
            None => eprint(text),
        }
    }

    pub(super) fn take(&mut self, message: Message) -> Result<(), Failure> {
        match message {
            Message::Frame => {
                if let Some(bar) = &self.bar {
                    bar.inc(1);
                }
            }
            Message::State { number, state } => self.state(number, &state),
            Message::Event { event, delay } => {
                if !delay.is_zero() && self.delays.len() < MAX_DELAYS {
                    self.delays.push(delay);
                }
                return self.event(&event);
            }
            Message::Ended { number, result } => self.ended(number, result),
        }
        Ok(())
    }

    fn state(&self, number: usize, state: &SourceState) {
        let (name, _, facts) = &self.sources[number];
        match state {
            SourceState::Lost { reason, retry_in } => self.note(&format!(
                "{name}: lost: {reason}; again in {:.0} s",
                retry_in.as_secs_f64().max(1.0)
            )),
            SourceState::Running {
                size: (width, height),
                frames_per_second,
            } if facts.is_live => {
                let rate = frames_per_second
                    .map(|rate| format!(", {rate:.1} frames a second"))
                    .unwrap_or_default();
                self.note(&format!(
                    "{name}: frames of {width} × {height} pixels{rate}"
                ));
            }
            SourceState::Running { .. } | SourceState::Connecting | SourceState::Ended => {}
        }
    }

    fn event(&self, event: &Event) -> Result<(), Failure> {
        let print = || match self.format {
            _ if self.is_document => Ok(()),
            Format::Text => print_line(&self.describe(event)),
            Format::Json | Format::JsonLines => print_json_line(event),
        };
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// `0:02.836  recognised  Anna  0.71  track 3`.
    fn describe(&self, event: &Event) -> String {
        let source = self.sources.iter().find(|(name, ..)| *name == event.camera);
        let is_live = source.is_some_and(|(_, _, facts)| facts.is_live);
        let time = if is_live {
            format!("{:.0}", event.at)
        } else {
            clock(Duration::from_secs_f64(event.position.max(0.0)))
        };
        let mut text = format!("{time}  ");
        if self.sources.len() > 1 {
            text += &format!("{}  ", event.camera);
        }
        let kind = event.kind.name().replace('_', " ");
        text += &format!("{kind:<10}  track {}", event.track);
        if let Some(subject) = &event.subject {
            text += &format!("  {}", subject.name);
        }
        if let (EventKind::Recognised | EventKind::Unknown, Some(similarity)) =
            (event.kind, event.similarity)
        {
            text += &format!("  {similarity:.2}");
        }
        if let Some(liveness) = event.liveness {
            text += &format!("  live {liveness:.2}");
        }
        for (name, value) in &event.attributes {
            text += &format!("  {name} {}", short(value));
        }
        text
    }

    fn ended(&mut self, number: usize, result: Result<Box<Watched>, Failure>) {
        let (name, shown, facts) = self.sources[number].clone();
        let mut report = SourceReport {
            name,
            source: shown,
            is_live: facts.is_live,
            width: None,
            height: None,
            frames_per_second: None,
            dropped: 0,
            problems: Vec::new(),
            wall_seconds: 0.0,
            summary: None,
            error: None,
        };
        match result {
            Ok(watched) => {
                let Watched {
                    facts,
                    dropped,
                    problems,
                    summary,
                    seconds,
                } = *watched;
                (report.width, report.height) = facts.size.unzip();
                report.frames_per_second = facts.frames_per_second;
                for problem in &problems {
                    self.note(&format!("{}: {problem}", report.name));
                }
                (report.dropped, report.problems) = (dropped, problems);
                report.wall_seconds = seconds;
                report.summary = Some(summary);
            }
            Err(failure) => {
                // The only source's failure ends the program, and is printed then.
                if self.sources.len() > 1 {
                    self.note(&failure.to_string());
                }
                report.error = Some(failure.clone());
                self.failure.get_or_insert(failure);
            }
        }
        self.reports[number] = Some(report);
    }

    /// Prints who was there when.
    pub(super) fn finish(mut self) -> Result<Outcome, Failure> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        self.bar = None;
        let sources: Vec<SourceReport> = self.reports.drain(..).flatten().collect();
        let only_failed = self.failure.is_some() && sources.len() == 1;
        if only_failed {
            return Ok(Outcome {
                sources,
                failure: self.failure,
            });
        }
        if self.is_document {
            print_json(&Document {
                sources: &sources,
                about: &self.about,
                rule: self.who.as_ref().map(|who| RuleJson::from(who.rule())),
                event_delay_millis: delays(&mut self.delays),
            })?;
        } else if self.format.is_text() {
            for report in &sources {
                print_line(&report.describe())?;
            }
            if let Some(who) = &self.who {
                let rule = who.rule();
                print_line(&format!(
                    "names by {}, one comparison a track{}",
                    threshold::describe(rule),
                    threshold::remarks(rule)
                ))?;
            }
        } else {
            for report in &sources {
                eprint(&report.totals());
            }
        }
        Ok(Outcome {
            sources,
            failure: self.failure,
        })
    }
}

impl SourceReport {
    fn describe(&self) -> String {
        let Some(summary) = &self.summary else {
            return String::new();
        };
        let mut text = self.totals();
        for person in &summary.people {
            text += &format!("\n  {}", describe_person(person));
        }
        text
    }

    /// `clip.mp4: 275 frames, 9.2 s, 3 tracks, …`.
    fn totals(&self) -> String {
        let Some(summary) = &self.summary else {
            return format!("{}: failed", self.name);
        };
        let mut parts = vec![
            count(summary.frames as usize, "frame", "frames"),
            format!("{:.1} s", summary.seconds),
            count(summary.tracks as usize, "track", "tracks"),
            count(
                summary.identity_switches as usize,
                "identity switch",
                "identity switches",
            ),
        ];
        if self.dropped > 0 {
            parts.push(format!(
                "{} dropped",
                count(self.dropped as usize, "frame", "frames")
            ));
        }
        if summary.failed_looks > 0 {
            parts.push(format!(
                "the gallery could not be asked {} times",
                summary.failed_looks
            ));
        }
        if self.wall_seconds > 0.0 {
            parts.push(format!(
                "{:.1} frames a second",
                summary.frames as f64 / self.wall_seconds
            ));
        }
        format!("{}: {}", self.name, parts.join(", "))
    }
}

/// `Anna  3.2 s  0:00.000–0:02.100, 0:04.000–0:05.100  0.71`.
fn describe_person(person: &Person) -> String {
    /// Intervals that fit on a line.
    const SHOWN: usize = 8;
    let intervals = person.intervals.as_slice();
    let mut shown: Vec<String> = intervals
        .iter()
        .take(SHOWN)
        .map(|&Interval { start, end }| format!("{}–{}", clock(start), clock(end)))
        .collect();
    if intervals.len() > SHOWN {
        shown.push(format!("and {} more", intervals.len() - SHOWN));
    }
    let similarity = person
        .similarity
        .filter(|_| person.identity == Identity::Known)
        .map(|similarity| format!("  {similarity:.2}"))
        .unwrap_or_default();
    format!(
        "{}{similarity}  {:.1} s  {}",
        person.label(),
        person.seconds.as_secs_f64(),
        shown.join(", ")
    )
}

/// `1:02:03.500`, or `2:03.500`.
fn clock(time: Duration) -> String {
    let millis = time.as_millis();
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    if minutes < 60 {
        format!("{minutes}:{seconds:02}.{millis:03}")
    } else {
        format!(
            "{}:{:02}:{seconds:02}.{millis:03}",
            minutes / 60,
            minutes % 60
        )
    }
}

/// An attribute in a few letters.
fn short(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Number(number) => number
            .as_f64()
            .map_or_else(String::new, |number| format!("{number:.1}")),
        serde_json::Value::Object(map) => match map.get("label").and_then(|label| label.as_str()) {
            Some(label) => label.to_owned(),
            None => value.to_string(),
        },
        value => value.to_string(),
    }
}

/// Median and 99 %, in milliseconds.
fn delays(delays: &mut [Duration]) -> Option<(f64, f64)> {
    delays.sort_unstable();
    let at = |share: f64| {
        let position = ((delays.len() as f64 * share) as usize).min(delays.len().checked_sub(1)?);
        Some((delays[position].as_secs_f64() * 1e5).round() / 100.0)
    };
    Some((at(0.5)?, at(0.99)?))
}

impl Outcome {
    /// Draws who was there when, for each source.
    pub(super) fn draw(&self, path: &Path) -> Result<(), Failure> {
        let rows: Vec<timeline::Shown<'_>> = self
            .sources
            .iter()
            .filter_map(|report| {
                let summary = report.summary.as_ref()?;
                Some(timeline::Shown {
                    title: &report.name,
                    length: Duration::from_secs_f64(summary.seconds),
                    people: &summary.people,
                })
            })
            .collect();
        timeline::draw(&rows).save(path).map_err(|error| {
            Failure::new(Exit::Storage, "unwritable_file", error)
                .at(path.display())
                .with_hint("name a file that ends in .png or .svg, in a folder that exists")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_easily() {
        assert_eq!(clock(Duration::from_millis(62_030)), "1:02.030");
        assert_eq!(clock(Duration::from_millis(3_723_500)), "1:02:03.500");
    }

    #[test]
    fn the_delay_of_nothing_is_none() {
        assert_eq!(delays(&mut []), None);
        let mut millis: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(delays(&mut millis), Some((51.0, 100.0)));
    }
}
