//! The curves of the field, on the axes that it reads them on.

use crate::evaluate::rate::Interval;
use crate::evaluate::verification::{Curves, Histogram};
use crate::plot::{Axis, Chart, Color, Mark, MarkLine, Series, SeriesKind, Svg};

const WIDTH: f32 = 760.0;
const HEIGHT: f32 = 460.0;
/// DET curves are read against the diagonal, so they are about square.
const SQUARE: f32 = 600.0;

/// Names of the two rates: FMR and FNMR one to one, FPIR and FNIR one to many.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub(super) false_match: &'static str,
    pub(super) false_non_match: &'static str,
}

/// Rates one to one.
pub(super) const ONE_TO_ONE: Names = Names {
    false_match: "false match rate (FMR)",
    false_non_match: "false non-match rate (FNMR)",
};

/// Rates one to many.
pub(super) const ONE_TO_MANY: Names = Names {
    false_match: "false positive identification rate (FPIR)",
    false_non_match: "false negative identification rate (FNIR)",
};

/// Numbers of comparisons behind a curve, which say how far down it can be drawn.
#[derive(Clone, Copy)]
pub(super) struct Trials {
    pub(super) genuine: u64,
    pub(super) impostor: u64,
}

/// The smallest rate that `trials` can show, as the power of ten below it; at most 1 %.
fn lowest_rate(trials: u64) -> f64 {
    let power = -(trials.max(100) as f64).log10().ceil();
    10f64.powf(power.max(-7.0))
}

/// FNMR against FMR on normal-deviate axes (Martin et al. 1997), with the band of its 95 % intervals
/// and the operating points that were asked for.
pub(super) fn det(names: Names, curves: &Curves, trials: Trials, points: &[(f64, f64)]) -> Svg {
    let x_range = (lowest_rate(trials.impostor), 0.5);
    let y_range = (lowest_rate(trials.genuine), 0.5);
    let band = band(&curves.fnmr_band, x_range, |fnmr| {
        fnmr.clamp(y_range.0, y_range.1)
    });
    let line = clipped(&curves.operating_points, x_range, y_range);
    let from = x_range.0.max(y_range.0);
    let mut series = vec![
        series("95 % interval", band, SeriesKind::Band, 0),
        Series {
            color: crate::plot::color::GREY,
            ..series(
                "both rates equal",
                vec![(from, from), (0.5, 0.5)],
                SeriesKind::Dashed,
                0,
            )
        },
        series("all thresholds", line, SeriesKind::Line, 0),
    ];
    if !points.is_empty() {
        let shown = points
            .iter()
            .map(|(x, y)| (x.clamp(x_range.0, 0.5), y.clamp(y_range.0, 0.5)));
        series.push(self::series(
            "chosen thresholds",
            shown.collect(),
            SeriesKind::Points,
            1,
        ));
    }
    let chart = Chart {
        title: "DET: the two errors against each other".to_owned(),
        x: Axis::deviate(names.false_match, x_range),
        y: Axis::deviate(names.false_non_match, y_range),
        series,
        marks: Vec::new(),
    };
    chart.draw(SQUARE + 60.0, SQUARE)
}

/// The share of genuine comparisons accepted against FMR, on an axis of powers of ten.
pub(super) fn roc(curves: &Curves, trials: Trials) -> Svg {
    let x_range = (lowest_rate(trials.impostor), 1.0);
    let all = clipped(&curves.operating_points, x_range, (0.0, 1.0));
    let accepted: Vec<(f64, f64)> = all
        .into_iter()
        .map(|(fmr, fnmr)| (fmr, 1.0 - fnmr))
        .collect();
    let band = band(&curves.fnmr_band, x_range, |fnmr| 1.0 - fnmr);
    // Where fewer than ten impostors are accepted the curve may fall far, which says little and would
    // flatten the rest.
    let from = 10.0 / trials.impostor as f64;
    let told = || accepted.iter().chain(&band).filter(|(fmr, _)| *fmr >= from);
    let lowest = told().map(|(_, tar)| *tar).fold(1.0, f64::min);
    // Some room below, down to a round share.
    let floor = ((lowest - 0.005) * 20.0).floor().clamp(0.0, 19.0) / 20.0;
    let chart = Chart {
        title: "ROC: genuine comparisons that are accepted".to_owned(),
        x: Axis::log_share("false match rate (FMR)", x_range),
        y: Axis::share("accepted genuine comparisons (1 − FNMR)", (floor, 1.0)),
        series: vec![
            series("95 % interval", band, SeriesKind::Band, 0),
            series("all thresholds", accepted, SeriesKind::Line, 0),
        ],
        marks: Vec::new(),
    };
    chart.draw(WIDTH, HEIGHT)
}

/// Shares of similarities of both kinds, with thresholds marked.
pub(super) fn histogram(
    genuine_histogram: &Histogram,
    impostor_histogram: &Histogram,
    thresholds: &[f32],
) -> Svg {
    let bins = |histogram: &Histogram| -> Vec<(f64, f64)> {
        let center =
            |i: usize| f64::from(histogram.start) + f64::from(histogram.width) * (i as f64 + 0.5);
        histogram
            .shares
            .iter()
            .enumerate()
            .map(|(i, s)| (center(i), *s))
            .collect()
    };
    let (genuine, impostor) = (bins(genuine_histogram), bins(impostor_histogram));
    let occupied = genuine
        .iter()
        .chain(&impostor)
        .filter(|(_, share)| *share > 0.0);
    let (mut low, mut high, mut top) = (1.0f64, -1.0f64, 0.0f64);
    for &(at, share) in occupied {
        (low, high, top) = (low.min(at), high.max(at), top.max(share));
    }
    if low > high {
        (low, high) = (-1.0, 1.0);
    }
    // Bars that end at the border, on round numbers.
    let half = f64::from(genuine_histogram.width) / 2.0;
    let begin = (((low - half) * 10.0).floor() / 10.0).max(-1.0);
    let end = (((high + half) * 10.0).ceil() / 10.0).min(1.0);
    let inside = |bins: Vec<(f64, f64)>| -> Vec<(f64, f64)> {
        bins.into_iter()
            .filter(|(at, _)| (begin..=end).contains(at))
            .collect()
    };
    let chart = Chart {
        title: "Similarities of both kinds of comparison".to_owned(),
        x: Axis::linear("similarity", (begin, end)),
        y: Axis::share("share of comparisons", (0.0, (top * 1.08).max(0.01))),
        series: vec![
            series("impostor", inside(impostor), SeriesKind::Bars, 1),
            series("genuine", inside(genuine), SeriesKind::Bars, 0),
        ],
        // The labels of more would lie over each other.
        marks: thresholds
            .iter()
            .take(if thresholds.len() > 3 { 0 } else { 3 })
            .map(|threshold| Mark {
                at: MarkLine::X(f64::from(*threshold)),
                label: format!("threshold {threshold:.3}"),
            })
            .collect(),
    };
    chart.draw(WIDTH, HEIGHT * 0.85)
}

/// The share of mated probes found among the best k candidates.
pub(super) fn cmc(shares: &[f64]) -> Svg {
    let points: Vec<(f64, f64)> = (1..).map(f64::from).zip(shares.iter().copied()).collect();
    let lowest = shares.iter().copied().fold(1.0, f64::min);
    let floor = ((lowest - 0.005) * 20.0).floor().clamp(0.0, 19.0) / 20.0;
    let chart = Chart {
        title: "CMC: people found among the best candidates".to_owned(),
        x: Axis::linear("rank", (1.0, (shares.len() as f64).max(2.0))),
        y: Axis::share("identified within the rank", (floor, 1.0)),
        series: vec![series("", points, SeriesKind::Line, 0)],
        marks: Vec::new(),
    };
    chart.draw(WIDTH, HEIGHT * 0.85)
}

/// Precision against recall, and the point of the decision.
pub(super) fn precision_recall(points: &[(f64, f64)], decision: (f64, f64)) -> Svg {
    let chart = Chart {
        title: "Precision against recall".to_owned(),
        // A little room, so that the best of curves does not lie on the border.
        x: Axis::share("recall", (0.0, 1.02)),
        y: Axis::share("precision", (0.0, 1.02)),
        series: vec![
            series("all confidences", points.to_vec(), SeriesKind::Line, 0),
            series("chosen confidence", vec![decision], SeriesKind::Points, 1),
        ],
        marks: Vec::new(),
    };
    chart.draw(WIDTH * 0.8, HEIGHT)
}

/// Living faces refused against copies that pass, and the point of the decision.
pub(super) fn presentation(points: &[(f64, f64)], decision: Option<(f64, f64)>) -> Svg {
    let chosen = decision.into_iter().collect();
    let chart = Chart {
        title: "Errors on living faces and on copies".to_owned(),
        // A little room, so that the best of curves does not lie on the border.
        x: Axis::share("copies of the worst attack that pass (APCER)", (0.0, 1.02)),
        y: Axis::share("living faces refused (BPCER)", (0.0, 1.02)),
        series: vec![
            series("all thresholds", points.to_vec(), SeriesKind::Line, 0),
            series("chosen threshold", chosen, SeriesKind::Points, 1),
        ],
        marks: Vec::new(),
    };
    chart.draw(WIDTH * 0.8, HEIGHT)
}

fn series(name: &str, points: Vec<(f64, f64)>, kind: SeriesKind, color: usize) -> Series {
    Series {
        name: name.to_owned(),
        points,
        kind,
        color: Color::category(color),
    }
}

/// The corners of a band: its lower edge from left to right, then its upper edge back.
fn band(
    intervals: &[(f64, Interval)],
    x_range: (f64, f64),
    value: impl Fn(f64) -> f64,
) -> Vec<(f64, f64)> {
    let inside = || {
        intervals
            .iter()
            .filter(|(x, _)| (x_range.0..=x_range.1).contains(x))
    };
    let lower = inside().map(|(x, [low, _])| (*x, value(*low)));
    let upper = inside().rev().map(|(x, [_, high])| (*x, value(*high)));
    lower.chain(upper).collect()
}

/// The part of a curve from top left to bottom right that lies within the axes, with its ends on their
/// borders.
fn clipped(
    points: &[(f64, f64)],
    (x_low, x_high): (f64, f64),
    (y_low, y_high): (f64, f64),
) -> Vec<(f64, f64)> {
    // Of the points before the axes begin, the last; of those behind their end, the first.
    let first = points.partition_point(|(x, y)| *x < x_low || *y > y_high);
    let behind = points.partition_point(|(x, y)| *x <= x_high && *y >= y_low);
    let range = first.saturating_sub(1)..(behind + 1).min(points.len());
    points
        .get(range)
        .unwrap_or_default()
        .iter()
        .map(|(x, y)| (x.clamp(x_low, x_high), y.clamp(y_low, y_high)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_end_at_the_axes() {
        let points = [
            (0.0, 1.0),
            (0.0, 0.4),
            (0.05, 0.4),
            (0.05, 0.2),
            (0.3, 0.0),
            (1.0, 0.0),
        ];
        assert_eq!(
            clipped(&points, (0.01, 0.5), (0.1, 0.5)),
            [(0.01, 0.4), (0.05, 0.4), (0.05, 0.2), (0.3, 0.1)]
        );
        assert!(clipped(&[], (0.01, 0.5), (0.1, 0.5)).is_empty());
        // A perfect system lies in the corner.
        let perfect = [(0.0, 1.0), (0.0, 0.0), (1.0, 0.0)];
        let clipped = clipped(&perfect, (0.01, 0.5), (0.1, 0.5));
        assert!(
            clipped.iter().all(|(x, y)| *x >= 0.01 && *y >= 0.1),
            "{clipped:?}"
        );
    }

    #[test]
    fn axes_reach_as_far_as_the_data() {
        assert_eq!(lowest_rate(8), 0.01);
        assert!((lowest_rate(2_687_149) - 1e-7).abs() < 1e-12);
        assert!((lowest_rate(900) - 1e-3).abs() < 1e-12);
    }

    #[test]
    fn bands_go_there_and_back() {
        let intervals = [(0.1, [0.2, 0.3]), (0.2, [0.1, 0.2]), (0.9, [0.0, 0.1])];
        let corners = band(&intervals, (0.0, 0.5), |v| v);
        assert_eq!(corners, [(0.1, 0.2), (0.2, 0.1), (0.2, 0.2), (0.1, 0.3)]);
    }
}
