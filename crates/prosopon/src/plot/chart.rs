//! Charts: curves, points, bars and bands over two axes.

use super::color::{Color, GREY, INK, PALE, PAPER};
use super::probit::probit;
use super::svg::{Anchor, Place, Stroke, Svg, TextStyle, text_width};

/// How an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By powers of ten; the range must be above 0.
    Log,
    /// By quantiles of the normal distribution, as a DET curve's axes are (Martin et al. 1997): two
    /// normal distributions of scores give a straight line. The range must lie between 0 and 1.
    Deviate,
}

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it shows.
    pub label: String,
    /// How it is divided.
    pub scale: Scale,
    /// The smallest and the largest value that it shows.
    pub range: (f64, f64),
    /// Whether values are shares, which are written as percentages.
    pub percent: bool,
}

impl Axis {
    /// An even axis of numbers.
    pub fn linear(label: impl Into<String>, range: (f64, f64)) -> Self {
        Self {
            label: label.into(),
            scale: Scale::Linear,
            range,
            percent: false,
        }
    }

    /// An even axis of shares.
    pub fn share(label: impl Into<String>, range: (f64, f64)) -> Self {
        Self {
            percent: true,
            ..Self::linear(label, range)
        }
    }

    /// An axis of shares by powers of ten.
    pub fn log_share(label: impl Into<String>, range: (f64, f64)) -> Self {
        Self {
            scale: Scale::Log,
            ..Self::share(label, range)
        }
    }

    /// An axis of shares by normal deviates.
    pub fn deviate(label: impl Into<String>, range: (f64, f64)) -> Self {
        Self {
            scale: Scale::Deviate,
            ..Self::share(label, range)
        }
    }

    /// Where `value` lies: 0 at the beginning of the axis, 1 at its end; values beyond lie at the
    /// next of the two.
    fn position(&self, value: f64) -> f64 {
        let (low, high) = self.range;
        let value = value.clamp(low.min(high), low.max(high));
        let of = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
            Scale::Deviate => probit(value.clamp(1e-12, 1.0 - 1e-12)),
        };
        let (start, end) = (of(low), of(high));
        if start == end {
            0.5
        } else {
            (of(value) - start) / (end - start)
        }
    }

    /// The values that are written at the axis.
    fn ticks(&self) -> Vec<f64> {
        let (low, high) = self.range;
        let inside = |value: &f64| (low..=high).contains(value);
        match self.scale {
            Scale::Linear => {
                let step = even_step((high - low) / 8.0);
                let first = (low / step - 1e-9).ceil() as i64;
                let last = (high / step + 1e-9).floor() as i64;
                (first..=last).map(|i| i as f64 * step).collect()
            }
            Scale::Log => {
                let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
                (first..=last)
                    .map(|e| 10f64.powi(e))
                    .filter(inside)
                    .collect()
            }
            Scale::Deviate => [
                1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.99,
                0.999,
            ]
            .into_iter()
            .filter(inside)
            .collect(),
        }
    }

    fn written(&self, value: f64) -> String {
        let (value, unit) = if self.percent {
            (value * 100.0, " %")
        } else {
            (value, "")
        };
        // Steps are round, so rounding away what binary fractions add is harmless.
        let value = (value * 1e9).round() / 1e9;
        if value != 0.0 && value.abs() < 1e-4 {
            format!("{value:e}{unit}")
        } else {
            format!("{value}{unit}")
        }
    }
}

/// The next of 1, 2, 5 times a power of ten that is not below `step`.
fn even_step(step: f64) -> f64 {
    let power = 10f64.powf(step.max(1e-12).log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= step * 0.999_999);
    factor.unwrap_or(10.0) * power
}

/// How the points of a series are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesKind {
    /// Joined by a line.
    Line,
    /// Joined by a dashed line.
    Dashed,
    /// Each by a dot.
    Points,
    /// Each by a bar from zero; all are as wide as the nearest two are apart.
    Bars,
    /// As the corners of a shaded area.
    Band,
}

/// Some of a chart's data.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend; without one it is not there.
    pub name: String,
    /// Values of both axes.
    pub points: Vec<(f64, f64)>,
    /// How they are shown.
    pub kind: SeriesKind,
    /// Their colour.
    pub color: Color,
}

/// A value that is marked by a line across the chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Which value.
    pub at: MarkLine,
    /// What stands beside the line.
    pub label: String,
}

/// Where a mark lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MarkLine {
    /// At this value of the x axis, from bottom to top.
    X(f64),
    /// At this value of the y axis, from left to right.
    Y(f64),
}

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// From left to right.
    pub x: Axis,
    /// From bottom to top.
    pub y: Axis,
    /// The data; later series lie on top.
    pub series: Vec<Series>,
    /// Values to point out.
    pub marks: Vec<Mark>,
}

const TITLE_SIZE: f32 = 17.0;
const LABEL_SIZE: f32 = 13.0;
const TICK_SIZE: f32 = 12.0;
const LEGEND_ROW: f32 = 20.0;

/// The rectangle in which the data lie.
struct Plot<'a> {
    chart: &'a Chart,
    left: f32,
    top: f32,
    width: f32,
    height: f32,
}

impl Plot<'_> {
    /// In pixels of the rectangle.
    fn inner(&self, (x, y): (f64, f64)) -> Place {
        (
            self.chart.x.position(x) as f32 * self.width,
            (1.0 - self.chart.y.position(y)) as f32 * self.height,
        )
    }

    /// In pixels of the whole drawing.
    fn place(&self, value: (f64, f64)) -> Place {
        let (x, y) = self.inner(value);
        (self.left + x, self.top + y)
    }
}

impl Chart {
    /// The chart as a drawing of this size in pixels.
    pub fn draw(&self, width: f32, height: f32) -> Svg {
        let mut svg = Svg::new(width, height);
        let written: Vec<String> = self.y.ticks().iter().map(|&t| self.y.written(t)).collect();
        let widest = written
            .iter()
            .map(|text| text_width(text, TICK_SIZE))
            .fold(0.0, f32::max);
        let left = 22.0 + LABEL_SIZE + widest;
        let legend_rows = self.legend(&mut svg, left, width);
        let top = 40.0 + legend_rows as f32 * LEGEND_ROW;
        let plot = Plot {
            chart: self,
            left,
            top,
            width: (width - left - 24.0).max(10.0),
            height: (height - top - 56.0).max(10.0),
        };
        svg.text(
            (left, 24.0),
            &self.title,
            &TextStyle::new(TITLE_SIZE).bold(),
        );
        self.draw_axes(&mut svg, &plot);
        let mut data = Svg::new(plot.width, plot.height);
        for series in &self.series {
            draw_series(&mut data, &plot, series);
        }
        svg.append(&data, (plot.left, plot.top));
        self.draw_marks(&mut svg, &plot);
        svg
    }

    /// Draws the names of the series below the title; how many rows they take.
    fn legend(&self, svg: &mut Svg, left: f32, width: f32) -> usize {
        let named: Vec<&Series> = self.series.iter().filter(|s| !s.name.is_empty()).collect();
        if named.is_empty() {
            return 0;
        }
        let (mut x, mut row) = (left, 0);
        for series in named {
            let room = 30.0 + text_width(&series.name, TICK_SIZE) + 16.0;
            if x > left && x + room > width {
                (x, row) = (left, row + 1);
            }
            let y = 44.0 + row as f32 * LEGEND_ROW;
            let stroke = Stroke::new(series.color, 3.0);
            let sample = [(x, y - 4.0), (x + 22.0, y - 4.0)];
            match series.kind {
                SeriesKind::Line => svg.polyline(&sample, stroke),
                SeriesKind::Dashed => svg.polyline(&sample, stroke.dashed()),
                SeriesKind::Points => svg.circle((x + 11.0, y - 4.0), 4.0, series.color),
                SeriesKind::Bars | SeriesKind::Band => {
                    let corners = [(x, y - 10.0), (x + 22.0, y - 10.0), (x + 22.0, y), (x, y)];
                    svg.polygon(&corners, series.color, fill_opacity(series.kind));
                }
            }
            svg.text((x + 28.0, y), &series.name, &TextStyle::new(TICK_SIZE));
            x += room;
        }
        row + 1
    }

    fn draw_axes(&self, svg: &mut Svg, plot: &Plot) {
        let (right, bottom) = (plot.left + plot.width, plot.top + plot.height);
        let grid = Stroke::new(PALE, 1.0);
        let style = TextStyle::new(TICK_SIZE).colored(GREY);
        let mut free_from = f32::NEG_INFINITY;
        for tick in self.x.ticks() {
            let (x, _) = plot.place((tick, self.y.range.0));
            svg.line((x, plot.top), (x, bottom), grid);
            let text = self.x.written(tick);
            let half = text_width(&text, TICK_SIZE) / 2.0;
            // Numbers that would touch their neighbour are left out, not their line.
            if x - half > free_from {
                svg.text((x, bottom + 18.0), &text, &style.anchored(Anchor::Middle));
                free_from = x + half + 4.0;
            }
        }
        for tick in self.y.ticks() {
            let (_, y) = plot.place((self.x.range.0, tick));
            svg.line((plot.left, y), (right, y), grid);
            let text = self.y.written(tick);
            svg.text(
                (plot.left - 8.0, y + 4.0),
                &text,
                &style.anchored(Anchor::End),
            );
        }
        let axis = Stroke::new(GREY, 1.0);
        svg.line((plot.left, bottom), (right, bottom), axis);
        svg.line((plot.left, plot.top), (plot.left, bottom), axis);
        let style = TextStyle::new(LABEL_SIZE).anchored(Anchor::Middle);
        let middle = (plot.left + plot.width / 2.0, bottom + 42.0);
        svg.text(middle, &self.x.label, &style);
        let middle = (18.0, plot.top + plot.height / 2.0);
        svg.text(middle, &self.y.label, &style.turned(-90.0));
    }

    fn draw_marks(&self, svg: &mut Svg, plot: &Plot) {
        let (right, bottom) = (plot.left + plot.width, plot.top + plot.height);
        let stroke = Stroke::new(INK, 1.2).dashed();
        let style = TextStyle::new(TICK_SIZE);
        for (i, mark) in self.marks.iter().enumerate() {
            match mark.at {
                MarkLine::X(value) => {
                    let (x, _) = plot.place((value, self.y.range.0));
                    svg.line((x, plot.top), (x, bottom), stroke);
                    // Each label lies lower than the one before, so that near marks can be read.
                    let y = plot.top + 14.0 + (i % 8) as f32 * 16.0;
                    let fits = x + 6.0 + text_width(&mark.label, TICK_SIZE) < right;
                    let (x, anchor) = if fits {
                        (x + 6.0, Anchor::Start)
                    } else {
                        (x - 6.0, Anchor::End)
                    };
                    outlined(svg, (x, y), &mark.label, &style.anchored(anchor));
                }
                MarkLine::Y(value) => {
                    let (_, y) = plot.place((self.x.range.0, value));
                    svg.line((plot.left, y), (right, y), stroke);
                    let above = if y > plot.top + 18.0 {
                        y - 5.0
                    } else {
                        y + 14.0
                    };
                    outlined(
                        svg,
                        (right - 6.0, above),
                        &mark.label,
                        &style.anchored(Anchor::End),
                    );
                }
            }
        }
    }
}

/// Text with a pale rim, so that lines below it do not cross it.
fn outlined(svg: &mut Svg, at: Place, text: &str, style: &TextStyle) {
    svg.text(at, text, &style.colored(PAPER).outlined(4.0));
    svg.text(at, text, style);
}

fn fill_opacity(kind: SeriesKind) -> f32 {
    if kind == SeriesKind::Band { 0.2 } else { 0.6 }
}

fn draw_series(svg: &mut Svg, plot: &Plot, series: &Series) {
    let points: Vec<Place> = series.points.iter().map(|&p| plot.inner(p)).collect();
    let stroke = Stroke::new(series.color, 2.2);
    match series.kind {
        SeriesKind::Line => svg.polyline(&points, stroke),
        SeriesKind::Dashed => svg.polyline(&points, stroke.dashed()),
        SeriesKind::Points => points
            .iter()
            .for_each(|&p| svg.circle(p, 3.5, series.color)),
        SeriesKind::Band => svg.polygon(&points, series.color, fill_opacity(series.kind)),
        SeriesKind::Bars => {
            // Values beyond the range lie on its border, one upon the other.
            let gaps = points.windows(2).map(|w| (w[1].0 - w[0].0).abs());
            let apart = gaps.filter(|&gap| gap > 0.1).reduce(f32::min);
            let apart = apart.unwrap_or(20.0);
            let half = (apart * 0.46).max(0.5);
            let (_, zero) = plot.inner((plot.chart.x.range.0, 0.0));
            for &(x, y) in &points {
                let corners = [
                    (x - half, zero),
                    (x - half, y),
                    (x + half, y),
                    (x + half, zero),
                ];
                svg.polygon(&corners, series.color, fill_opacity(series.kind));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_run_from_the_beginning_to_the_end() {
        let axes = [
            Axis::linear("", (-1.0, 1.0)),
            Axis::log_share("", (1e-6, 1.0)),
            Axis::deviate("", (1e-4, 0.5)),
        ];
        for axis in axes {
            let (low, high) = axis.range;
            assert_eq!((axis.position(low), axis.position(high)), (0.0, 1.0));
            assert_eq!(axis.position(high * 2.0), 1.0, "beyond");
            let positions: Vec<f64> = axis.ticks().iter().map(|&t| axis.position(t)).collect();
            assert!(positions.len() >= 3);
            assert!(positions.windows(2).all(|w| w[0] < w[1]), "{positions:?}");
        }
        let log = Axis::log_share("", (1e-4, 1.0));
        assert!((log.position(1e-2) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn ticks_are_round() {
        let axis = Axis::linear("", (-0.2, 1.0));
        let written: Vec<String> = axis.ticks().iter().map(|&t| axis.written(t)).collect();
        assert_eq!(written, ["-0.2", "0", "0.2", "0.4", "0.6", "0.8", "1"]);
        let share = Axis::log_share("", (1e-7, 1.0));
        assert_eq!(share.written(1e-3), "0.1 %");
        assert_eq!(share.written(1e-7), "1e-5 %");
        assert_eq!(share.ticks().len(), 8);
    }

    #[test]
    fn every_kind_of_series_is_drawn() {
        let kinds = [
            SeriesKind::Line,
            SeriesKind::Dashed,
            SeriesKind::Points,
            SeriesKind::Bars,
            SeriesKind::Band,
        ];
        let series = kinds.into_iter().enumerate().map(|(i, kind)| Series {
            name: format!("{kind:?}"),
            points: vec![(0.1, 0.2), (0.2, 0.5), (0.3, 0.4)],
            kind,
            color: Color::category(i),
        });
        let chart = Chart {
            title: "A test".to_owned(),
            x: Axis::linear("x", (0.0, 0.5)),
            y: Axis::share("y", (0.0, 1.0)),
            series: series.collect(),
            marks: vec![
                Mark {
                    at: MarkLine::X(0.25),
                    label: "here".to_owned(),
                },
                Mark {
                    at: MarkLine::Y(0.6),
                    label: "there".to_owned(),
                },
            ],
        };
        let svg = chart.draw(480.0, 360.0);
        let text = svg.to_svg();
        for expected in ["A test", "Line", "Band", "here", "there", "40 %"] {
            assert!(text.contains(expected), "{expected}");
        }
        assert!(svg.to_image(1.0).is_ok());
    }
}
