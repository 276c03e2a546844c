//! A picture of who was there when.

use std::time::Duration;

use prosopon::plot::color::{Color, GREY, INK, PALE};
use prosopon::plot::{Anchor, Stroke, Svg, TextStyle, shortened};

use crate::evidence::Identity;
use crate::presence::Person;

/// One source to draw.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Its name.
    pub title: &'a str,
    /// How long it is.
    pub length: Duration,
    /// Who was there, a row each.
    pub people: &'a [Person],
}

const MARGIN: f32 = 28.0;
/// Side of a face.
const FACE: f32 = 56.0;
const ROW: f32 = 68.0;
/// Room for a name.
const LABEL: f32 = 210.0;
/// Width of the time axis.
const AXIS: f32 = 820.0;
const BAR: f32 = 22.0;
/// A moment can be seen too.
const LEAST_BAR: f32 = 2.5;
const TITLE: f32 = 22.0;
const NAME: f32 = 16.0;
const NOTE: f32 = 13.0;
/// Between two sources.
const BETWEEN: f32 = 26.0;
/// Rows beyond that are counted, not drawn.
const MAX_ROWS: usize = 60;

/// The people of each source as rows, their intervals as bars over its time. Faces of people without a name have grey
/// bars.
pub fn draw(sources: &[Shown<'_>]) -> Svg {
    let height_of = |shown: &Shown<'_>| {
        TITLE + 24.0 + shown.people.len().clamp(1, MAX_ROWS) as f32 * ROW + 44.0
    };
    let height: f32 = sources.iter().map(|shown| height_of(shown) + BETWEEN).sum();
    let width = MARGIN * 2.0 + FACE + 14.0 + LABEL + AXIS;
    let mut svg = Svg::new(width, (MARGIN * 2.0 + height - BETWEEN).max(80.0));
    let mut top = MARGIN;
    for shown in sources {
        draw_one(&mut svg, shown, top);
        top += height_of(shown) + BETWEEN;
    }
    svg
}

fn draw_one(svg: &mut Svg, shown: &Shown<'_>, top: f32) {
    let left = MARGIN + FACE + 14.0 + LABEL;
    let seconds = shown.length.as_secs_f32().max(0.1);
    let x = |time: f32| left + (time / seconds).clamp(0.0, 1.0) * AXIS;
    let title = shortened(shown.title, TITLE, MARGIN + AXIS);
    svg.text(
        (MARGIN, top + TITLE * 0.8),
        &title,
        &TextStyle::new(TITLE).bold(),
    );
    let first = top + TITLE + 24.0;
    let people = &shown.people[..shown.people.len().min(MAX_ROWS)];
    let bottom = first + people.len().max(1) as f32 * ROW;

    let step = tick(seconds);
    for i in 0..=(seconds / step + 1e-3) as u32 {
        let time = i as f32 * step;
        svg.line(
            (x(time), first - 8.0),
            (x(time), bottom),
            Stroke::new(PALE, 1.0),
        );
        let style = TextStyle::new(NOTE).anchored(Anchor::Middle).colored(GREY);
        svg.text((x(time), bottom + 18.0), &tick_label(time, step), &style);
    }
    if people.is_empty() {
        let style = TextStyle::new(NAME).anchored(Anchor::Middle).colored(GREY);
        svg.text(
            (left + AXIS / 2.0, first + ROW * 0.55),
            "nobody was seen",
            &style,
        );
    }
    let mut n_named = 0;
    for (i, person) in people.iter().enumerate() {
        let y = first + i as f32 * ROW;
        let color = if person.identity == Identity::Known {
            n_named += 1;
            Color::category(n_named - 1)
        } else {
            GREY
        };
        draw_row(svg, person, (y, color), x);
    }
    if shown.people.len() > people.len() {
        let more = format!("and {} more", shown.people.len() - people.len());
        svg.text(
            (MARGIN, bottom + 18.0),
            &more,
            &TextStyle::new(NOTE).colored(GREY),
        );
    }
}

fn draw_row(svg: &mut Svg, person: &Person, (y, color): (f32, Color), x: impl Fn(f32) -> f32) {
    let middle = y + ROW / 2.0;
    if let Some(crop) = &person.crop {
        let (width, height) = (crop.image.width() as f32, crop.image.height() as f32);
        let scale = FACE / width.max(height);
        let (w, h) = (width * scale, height * scale);
        let area = (MARGIN + (FACE - w) / 2.0, middle - h / 2.0, w, h);
        svg.picture(&crop.image, area);
        svg.frame(area, Stroke::new(color, 2.0));
    }
    let text_left = MARGIN + FACE + 14.0;
    let name = shortened(person.label(), NAME, LABEL - 18.0);
    let ink = if person.identity == Identity::Known {
        INK
    } else {
        GREY
    };
    svg.text(
        (text_left, middle - 1.0),
        &name,
        &TextStyle::new(NAME).colored(ink),
    );
    let note = format!("{:.1} s", person.seconds.as_secs_f64());
    svg.text(
        (text_left, middle + NOTE + 5.0),
        &note,
        &TextStyle::new(NOTE).colored(GREY),
    );
    svg.line(
        (x(0.0), middle),
        (x(f32::MAX), middle),
        Stroke::new(PALE, 1.0),
    );
    for interval in person.intervals.as_slice() {
        let (start, end) = (
            x(interval.start.as_secs_f32()),
            x(interval.end.as_secs_f32()),
        );
        let width = (end - start).max(LEAST_BAR);
        svg.rect((start, middle - BAR / 2.0, width, BAR), color);
    }
}

/// A round number of seconds, so that there are at most ten.
fn tick(seconds: f32) -> f32 {
    const STEPS: [f32; 17] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0,
        3600.0, 7200.0,
    ];
    let fits = |step: &f32| seconds / step <= 10.0;
    STEPS
        .into_iter()
        .find(fits)
        .unwrap_or_else(|| (seconds / 10.0 / 7200.0).ceil() * 7200.0)
}

fn tick_label(time: f32, step: f32) -> String {
    if step < 1.0 {
        return format!("{time:.1} s");
    }
    let seconds = time.round() as u64;
    let (minutes, rest) = (seconds / 60, seconds % 60);
    if minutes >= 60 {
        format!("{}:{:02}:{rest:02}", minutes / 60, minutes % 60)
    } else if step >= 60.0 || minutes > 0 {
        format!("{minutes}:{rest:02}")
    } else {
        format!("{seconds} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_few_ticks_at_any_length() {
        for seconds in [0.1, 0.9, 9.2, 61.0, 3600.0, 86_400.0, 1e6] {
            let n = seconds / tick(seconds);
            assert!((0.9..=10.1).contains(&n), "{seconds}: {n}");
        }
        assert_eq!(tick_label(61.0, 10.0), "1:01");
        assert_eq!(tick_label(0.5, 0.5), "0.5 s");
    }

    #[test]
    fn nobody_and_nothing_can_be_drawn() {
        let empty = Shown {
            title: "clip",
            length: Duration::ZERO,
            people: &[],
        };
        assert!(draw(&[empty, empty]).to_image(1.0).is_ok());
        assert!(draw(&[]).to_image(1.0).is_ok());
    }
}
