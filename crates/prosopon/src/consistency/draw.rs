//! The bar chart with the faces below the bars.

use super::{Consistency, FaceConsistency};
use crate::plot::color::{CATEGORIES, GREY, INK, PALE};
use crate::plot::{Anchor, Cell, Color, Stroke, Svg, TextStyle, shortened, text_width};

const MARGIN: f32 = 24.0;
const TITLE_SIZE: f32 = 20.0;
const NOTE_SIZE: f32 = 13.0;
/// All bars together are about so wide.
const BARS: f32 = 1300.0;
/// Widths of a bar with its share of the gaps.
const SLOTS: std::ops::RangeInclusive<f32> = 14.0..=92.0;
const HEIGHT: f32 = 380.0;
/// Room at the left for the numbers of the axis.
const AXIS: f32 = 56.0;
/// Room at the right for the names of the lines.
const NAMES: f32 = 176.0;
/// Longest caption, turned, below a face.
const CAPTION: f32 = 170.0;

const BAR: Color = CATEGORIES[0];
const OUTLIER: Color = CATEGORIES[1];

/// The part of the drawing that holds the bars.
struct Plot {
    left: f32,
    top: f32,
    slot: f32,
    width: f32,
    low: f64,
}

impl Plot {
    fn y(&self, value: f64) -> f32 {
        let share = (1.0 - value.clamp(self.low, 1.0)) / (1.0 - self.low);
        self.top + share as f32 * HEIGHT
    }
}

/// Draws a bar for each face, as high as its mean similarity with the others, with its spread, its
/// `mean − k·σ` as a dot, and the face below; faces that do not belong have another colour and a
/// cross. `faces` are in the order of `consistency`.
pub fn bar_chart(title: &str, consistency: &Consistency, faces: &[Cell]) -> Svg {
    let n = faces.len().min(consistency.faces.len());
    let slot = (BARS / n.max(1) as f32).clamp(*SLOTS.start(), *SLOTS.end());
    let lows = consistency.faces.iter().map(|face| face.low);
    let lowest = lows
        .chain([consistency.threshold, consistency.robust_threshold, 0.0])
        .fold(0.0, f64::min);
    let plot = Plot {
        left: MARGIN + AXIS,
        top: MARGIN + TITLE_SIZE + 2.0 * NOTE_SIZE + 44.0,
        slot,
        width: slot * n as f32,
        // Whole fifths; what lies below −1 is drawn at the border.
        low: ((lowest * 5.0).floor() / 5.0).max(-1.0),
    };
    let size = (slot * 0.5).clamp(9.0, 13.0);
    let widest = faces.iter().map(|face| text_width(&face.caption, size));
    let caption = widest.fold(0.0, f32::max).min(CAPTION);
    let width = (plot.left + plot.width + NAMES).max(760.0);
    // Whole pixels, or the last row would be half transparent.
    let height = (plot.top + HEIGHT + 16.0 + slot + caption + MARGIN).ceil();
    let mut svg = Svg::new(width.ceil(), height);
    heading(&mut svg, title, consistency);
    draw_axis(&mut svg, &plot);
    for (i, (face, values)) in faces.iter().zip(&consistency.faces).enumerate() {
        draw_bar(&mut svg, &plot, i, values);
        draw_face(&mut svg, &plot, i, face, values, size);
    }
    draw_thresholds(&mut svg, &plot, consistency);
    svg
}

fn is_odd(face: &FaceConsistency) -> bool {
    face.outlier || face.robust_outlier
}

fn heading(svg: &mut Svg, title: &str, consistency: &Consistency) {
    let room = svg.width() - 2.0 * MARGIN;
    let style = TextStyle::new(TITLE_SIZE).bold();
    let place = (MARGIN, MARGIN + TITLE_SIZE * 0.8);
    svg.text(place, &shortened(title, TITLE_SIZE, room), &style);
    let k = consistency.k;
    let notes = [
        "Bar: mean similarity of a face with all others; whisker: ± σ".to_owned(),
        format!("Dot: mean − {k}·σ; orange with a cross: below a threshold, so it does not belong"),
    ];
    let style = TextStyle::new(NOTE_SIZE).colored(GREY);
    for (i, note) in notes.iter().enumerate() {
        let y = MARGIN + TITLE_SIZE + (i + 1) as f32 * (NOTE_SIZE + 5.0);
        svg.text((MARGIN, y), &shortened(note, NOTE_SIZE, room), &style);
    }
}

fn draw_axis(svg: &mut Svg, plot: &Plot) {
    let style = TextStyle::new(12.0).anchored(Anchor::End);
    let ticks = ((plot.low * 5.0).round() as i32)..=5;
    for tick in ticks {
        let value = f64::from(tick) / 5.0;
        let y = plot.y(value);
        let color = if tick == 0 { GREY } else { PALE };
        let to = (plot.left + plot.width, y);
        svg.line((plot.left, y), to, Stroke::new(color, 1.0));
        let label = format!("{value:.1}").replace('-', "−");
        svg.text((plot.left - 8.0, y + 4.0), &label, &style);
    }
    let style = TextStyle::new(NOTE_SIZE)
        .anchored(Anchor::Middle)
        .turned(-90.0);
    let place = (MARGIN + 8.0, plot.top + HEIGHT / 2.0);
    svg.text(place, "cosine similarity", &style);
}

fn draw_bar(svg: &mut Svg, plot: &Plot, i: usize, values: &FaceConsistency) {
    let x = plot.left + i as f32 * plot.slot;
    let middle = x + plot.slot / 2.0;
    let (zero, mean) = (plot.y(0.0), plot.y(values.mean));
    let color = if is_odd(values) { OUTLIER } else { BAR };
    let inset = plot.slot * 0.14;
    let area = (
        x + inset,
        zero.min(mean),
        plot.slot - 2.0 * inset,
        (zero - mean).abs(),
    );
    svg.rect(area, color);
    let stroke = Stroke::new(INK, 1.3);
    let (upper, lower) = (
        plot.y(values.mean + values.std),
        plot.y(values.mean - values.std),
    );
    svg.line((middle, upper), (middle, lower), stroke);
    let cap = (plot.slot * 0.12).min(5.0);
    for y in [upper, lower] {
        svg.line((middle - cap, y), (middle + cap, y), stroke);
    }
    svg.circle(
        (middle, plot.y(values.low)),
        (plot.slot * 0.12).min(4.0),
        INK,
    );
    if is_odd(values) {
        let (y, arm) = (upper - 12.0, (plot.slot * 0.18).min(6.0));
        let stroke = Stroke::new(OUTLIER, 2.4);
        svg.line((middle - arm, y - arm), (middle + arm, y + arm), stroke);
        svg.line((middle - arm, y + arm), (middle + arm, y - arm), stroke);
    }
}

fn draw_face(
    svg: &mut Svg,
    plot: &Plot,
    i: usize,
    face: &Cell,
    values: &FaceConsistency,
    size: f32,
) {
    let x = plot.left + i as f32 * plot.slot + 1.5;
    let (y, side) = (plot.top + HEIGHT + 12.0, plot.slot - 3.0);
    svg.picture(&face.image, (x, y, side, side));
    let mut style = TextStyle::new(size).anchored(Anchor::End).turned(-90.0);
    if is_odd(values) {
        svg.frame((x, y, side, side), Stroke::new(OUTLIER, 3.0));
        style = style.bold();
    }
    let caption = shortened(&face.caption, size, CAPTION);
    let place = (x + side / 2.0 + size * 0.35, y + side + 6.0);
    svg.text(place, &caption, &style);
}

/// Both lines with their names at the right, which give way to each other.
fn draw_thresholds(svg: &mut Svg, plot: &Plot, consistency: &Consistency) {
    let lines = [
        (consistency.threshold, "mean − k·σ", false),
        (consistency.robust_threshold, "median − k·MAD", true),
    ];
    let right = plot.left + plot.width;
    let mut taken: Option<f32> = None;
    let mut in_order = lines;
    in_order.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (value, name, is_robust) in in_order {
        let y = plot.y(value);
        let stroke = Stroke::new(INK, 1.8);
        let stroke = if is_robust { stroke.dashed() } else { stroke };
        svg.line((plot.left, y), (right + 6.0, y), stroke);
        let label_y = taken.map_or(y + 4.0, |last| (y + 4.0).max(last + 17.0));
        taken = Some(label_y);
        let value = format!("{value:.3}").replace('-', "−");
        let style = TextStyle::new(NOTE_SIZE);
        svg.text((right + 12.0, label_y), &format!("{name}: {value}"), &style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::{Embedding, ModelId};
    use crate::image::Image;
    use crate::matrix::SimilarityMatrix;

    #[test]
    fn every_face_has_a_bar_and_odd_ones_a_cross() {
        let embeddings: Vec<Embedding> = (0..8)
            .map(|i| {
                let values = if i == 7 {
                    vec![0.0, 0.0, 1.0]
                } else {
                    vec![1.0, 0.05 * i as f32, 0.1]
                };
                Embedding::from_values(ModelId::new("m"), values).unwrap()
            })
            .collect();
        let matrix = SimilarityMatrix::new(&embeddings).unwrap();
        let consistency = Consistency::new(&matrix, 5.0).unwrap();
        let face = Cell::new(Image::filled(4, 4, [9, 9, 9]), "anna.jpg");
        let svg = bar_chart("Faces", &consistency, &vec![face; 8]).to_svg();
        assert_eq!(svg.matches("<image").count(), 8);
        assert_eq!(svg.matches("<circle").count(), 8);
        let orange = OUTLIER.to_string();
        // Bar, two strokes of the cross, frame.
        assert_eq!(svg.matches(&orange).count(), 4);
    }
}
