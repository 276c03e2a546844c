//! Curves of a training.

use prosopon::plot::color::{CATEGORIES, GREY, INK};
use prosopon::plot::{
    Anchor, Axis, Chart, Color, Mark, MarkLine, Series, SeriesKind, Stroke, Svg, TextStyle,
    shortened, text_width,
};

use super::Importance;
use crate::metrics::{Calibration, RocCurve};
use crate::nn::History;

const WIDTH: f32 = 760.0;
const HEIGHT: f32 = 420.0;
/// Charts that are read against the diagonal are about square.
const SQUARE: f32 = 560.0;
/// Curves of classes that are drawn at most: as many as there are colours to tell them apart.
const MOST_CURVES: usize = 7;

fn series(name: &str, points: Vec<(f64, f64)>, kind: SeriesKind, color: Color) -> Series {
    Series {
        name: name.to_owned(),
        points,
        kind,
        color,
    }
}

/// The true positive rate against the false positive rate of each class, of the worst seven if there are more.
pub(super) fn roc(curves: &[RocCurve]) -> Svg {
    let mut shown: Vec<&RocCurve> = curves.iter().filter(|curve| curve.auc.is_some()).collect();
    if shown.len() > MOST_CURVES {
        shown.sort_by(|a, b| a.auc.unwrap_or(1.0).total_cmp(&b.auc.unwrap_or(1.0)));
        shown.truncate(MOST_CURVES);
    }
    let diagonal = vec![(0.0, 0.0), (1.0, 1.0)];
    let mut all = vec![series("chance", diagonal, SeriesKind::Dashed, GREY)];
    all.extend(shown.iter().enumerate().map(|(i, curve)| {
        let name = shortened(&curve.class, 12.0, 150.0);
        let name = format!("{name} ({:.3})", curve.auc.unwrap_or_default());
        series(
            &name,
            curve.points.clone(),
            SeriesKind::Line,
            Color::category(i),
        )
    }));
    let chart = Chart {
        title: "ROC: each class against all others".to_owned(),
        x: Axis::share("others that are taken for the class", (0.0, 1.0)),
        // A little room, so that the best of curves does not lie on the border.
        y: Axis::share("pictures of the class that are found", (0.0, 1.02)),
        series: all,
        marks: Vec::new(),
    };
    let rows = shown.len().div_ceil(3) as f32;
    chart.draw(SQUARE + 60.0, SQUARE + rows * 20.0 - 20.0)
}

/// The share of right predictions against their confidence, with 95 % intervals.
pub(super) fn reliability(calibration: &Calibration) -> Svg {
    let blue = CATEGORIES[0];
    let diagonal = vec![(0.0, 0.0), (1.0, 1.0)];
    let mut all = vec![series(
        "as confident as right",
        diagonal,
        SeriesKind::Dashed,
        GREY,
    )];
    for (i, bin) in calibration.bins.iter().enumerate() {
        let ends = bin.interval.map(|end| (bin.confidence, end)).to_vec();
        let name = if i == 0 { "95 % interval" } else { "" };
        all.push(series(name, ends, SeriesKind::Line, CATEGORIES[4]));
    }
    let points: Vec<(f64, f64)> = calibration
        .bins
        .iter()
        .map(|bin| (bin.confidence, bin.accuracy))
        .collect();
    all.push(series("", points.clone(), SeriesKind::Line, blue));
    all.push(series(
        "predictions by confidence",
        points,
        SeriesKind::Points,
        blue,
    ));
    let chart = Chart {
        title: "Reliability: is confidence what it says?".to_owned(),
        x: Axis::share("mean confidence", (0.0, 1.0)),
        y: Axis::share("right", (0.0, 1.02)),
        series: all,
        marks: Vec::new(),
    };
    chart.draw(SQUARE + 60.0, SQUARE)
}

/// Loss and accuracy by epoch.
pub(super) fn learning_curves(history: &History) -> [Svg; 2] {
    let epochs = &history.epochs;
    let points = |of: &dyn Fn(usize) -> Option<f64>| -> Vec<(f64, f64)> {
        let known = (0..epochs.len()).filter_map(|i| Some((epochs[i].epoch as f64, of(i)?)));
        known.filter(|(_, value)| value.is_finite()).collect()
    };
    let last = epochs.last().map_or(1, |epoch| epoch.epoch).max(2) as f64;
    let draw = |title: &str, y: Axis, training, validation| {
        let chart = Chart {
            title: title.to_owned(),
            x: Axis::linear("epoch", (1.0, last)),
            y,
            series: vec![
                series("training", training, SeriesKind::Line, CATEGORIES[0]),
                series("validation", validation, SeriesKind::Line, CATEGORIES[1]),
            ],
            marks: (history.best_epoch > 0)
                .then(|| Mark {
                    at: MarkLine::X(history.best_epoch as f64),
                    label: format!("best: epoch {}", history.best_epoch),
                })
                .into_iter()
                .collect(),
        };
        chart.draw(WIDTH, HEIGHT * 0.85)
    };
    let loss = points(&|i| Some(epochs[i].loss));
    let validation = points(&|i| epochs[i].validation_loss);
    let top = loss
        .iter()
        .chain(&validation)
        .map(|(_, loss)| *loss)
        .fold(0.0, f64::max);
    let axis = Axis::linear("loss", (0.0, (top * 1.05).max(1e-6)));
    let loss = draw("Loss by epoch", axis, loss, validation);
    let accuracy = draw(
        "Accuracy by epoch",
        Axis::share("accuracy", (0.0, 1.02)),
        points(&|i| Some(epochs[i].accuracy)),
        points(&|i| epochs[i].validation_accuracy),
    );
    [loss, accuracy]
}

/// The importances as bars, the largest on top.
pub(super) fn importances(importances: &[Importance]) -> Svg {
    const ROW: f32 = 24.0;
    const SIZE: f32 = 13.0;
    const TITLE: f32 = 17.0;
    let names: Vec<_> = importances
        .iter()
        .map(|i| shortened(&i.feature, SIZE, 220.0))
        .collect();
    let widest = names
        .iter()
        .map(|name| text_width(name, SIZE))
        .fold(0.0, f32::max);
    let (left, top) = (20.0 + widest + 10.0, 52.0);
    let room = WIDTH - left - 90.0;
    let largest = importances
        .first()
        .map_or(1.0, |i| i.importance)
        .max(f64::MIN_POSITIVE);
    let mut svg = Svg::new(WIDTH, top + importances.len() as f32 * ROW + 16.0);
    let title = TextStyle::new(TITLE).bold();
    svg.text((20.0, 32.0), "Features that matter most", &title);
    for (i, (name, importance)) in names.iter().zip(importances).enumerate() {
        let y = top + i as f32 * ROW;
        let text = TextStyle::new(SIZE).colored(INK);
        let width = (importance.importance / largest) as f32 * room;
        svg.text((left - 10.0, y + 13.0), name, &text.anchored(Anchor::End));
        svg.rect((left, y, width.max(1.0), ROW - 7.0), CATEGORIES[0]);
        let share = prosopon::evaluate::report::percent(importance.importance);
        svg.text((left + width + 8.0, y + 13.0), &share, &text.colored(GREY));
    }
    svg.line(
        (left, top - 4.0),
        (left, top + importances.len() as f32 * ROW),
        Stroke::new(GREY, 1.0),
    );
    svg
}
