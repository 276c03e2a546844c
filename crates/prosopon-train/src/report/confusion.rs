//! The confusion matrix as a drawing.

use prosopon::plot::color::{GREY, PALE, sequential};
use prosopon::plot::{Anchor, Color, Stroke, Svg, TextStyle, shortened, text_width};

use crate::metrics::Confusion;

/// All cells together are about so wide, in pixels.
const CELLS: f32 = 560.0;
/// Sides of a cell: as small as can be seen, as large as looks good.
const SIDES: std::ops::RangeInclusive<f32> = 4.0..=84.0;
/// Counts are written into cells of at least this side.
const READABLE: f32 = 20.0;
/// Names stand beside cells of at least this side.
const NAMED: f32 = 9.0;
/// Names are cut off at this width.
const NAME_WIDTH: f32 = 180.0;
const MARGIN: f32 = 20.0;
const TITLE_SIZE: f32 = 17.0;
const LABEL_SIZE: f32 = 13.0;

/// Draws how often samples of each class (rows) are taken for each (columns). Colours are shares of the row, so that classes
/// with few samples are seen too; a diagonal in bright yellow is a perfect classifier.
pub fn confusion_matrix(confusion: &Confusion) -> Svg {
    let n = confusion.classes.len();
    let side = (CELLS / n.max(1) as f32).clamp(*SIDES.start(), *SIDES.end());
    let side = if side > 8.0 { side.floor() } else { side };
    let name_size = (side * 0.55).clamp(8.0, 13.0);
    let is_named = side >= NAMED;
    let names: Vec<_> = confusion
        .classes
        .iter()
        .map(|class| shortened(class, name_size, NAME_WIDTH))
        .collect();
    let widest = names
        .iter()
        .map(|name| text_width(name, name_size))
        .fold(0.0, f32::max);
    // Names below stand upright if they are wider than a cell.
    let is_turned = widest + 6.0 > side;
    let beside = if is_named { widest + 8.0 } else { 4.0 };
    let below = match (is_named, is_turned) {
        (false, _) => 4.0,
        (true, true) => widest + 12.0,
        (true, false) => name_size + 12.0,
    };
    let (left, top) = (
        MARGIN + LABEL_SIZE + 8.0 + beside,
        MARGIN + TITLE_SIZE + 18.0,
    );
    let cells = side * n as f32;
    let width = (left + cells + MARGIN).max(320.0);
    let mut svg = Svg::new(
        width.ceil(),
        (top + cells + below + LABEL_SIZE + MARGIN).ceil(),
    );
    let title = TextStyle::new(TITLE_SIZE).bold();
    svg.text(
        (MARGIN, MARGIN + TITLE_SIZE * 0.8),
        "Confusion matrix",
        &title,
    );
    let axis = TextStyle::new(LABEL_SIZE).anchored(Anchor::Middle);
    let middle = cells / 2.0;
    svg.text(
        (MARGIN + LABEL_SIZE * 0.8, top + middle),
        "true class",
        &axis.turned(-90.0),
    );
    svg.text(
        (left + middle, top + cells + below + 12.0),
        "predicted class",
        &axis,
    );
    for (i, (name, row)) in names.iter().zip(&confusion.counts).enumerate() {
        let at = i as f32 * side;
        if is_named {
            let style = TextStyle::new(name_size).colored(GREY);
            let place = (left - 8.0, top + at + side / 2.0 + name_size * 0.35);
            svg.text(place, name, &style.anchored(Anchor::End));
            if is_turned {
                let place = (left + at + side / 2.0 + name_size * 0.35, top + cells + 8.0);
                svg.text(place, name, &style.anchored(Anchor::End).turned(-90.0));
            } else {
                let place = (left + at + side / 2.0, top + cells + name_size + 6.0);
                svg.text(place, name, &style.anchored(Anchor::Middle));
            }
        }
        draw_row(&mut svg, (left, top + at), side, row);
    }
    svg.frame((left, top, cells, cells), Stroke::new(GREY, 1.0));
    svg
}

fn draw_row(svg: &mut Svg, (left, y): (f32, f32), side: f32, row: &[usize]) {
    let total: usize = row.iter().sum();
    // A hair of overlap hides the seams that renderers leave between rectangles.
    let gap = if side >= READABLE { -1.0 } else { 0.3 };
    for (j, count) in row.iter().enumerate() {
        let x = left + j as f32 * side;
        let color = match total {
            0 => PALE,
            total => sequential(*count as f32 / total as f32),
        };
        svg.rect((x, y, side + gap, side + gap), color);
        if side >= READABLE {
            let text = count.to_string();
            let size = (side * 0.38).clamp(8.0, 20.0);
            // Large counts must not leave their cell.
            let size = size.min(size * (side - 4.0) / text_width(&text, size).max(1.0));
            let ink = if *count == 0 {
                faint(color)
            } else {
                color.text_on()
            };
            let style = TextStyle::new(size).anchored(Anchor::Middle).colored(ink);
            let place = (x + side / 2.0 - 0.5, y + side / 2.0 + size * 0.35);
            svg.text(place, &text, &style);
        }
    }
}

/// Zeros stand back.
fn faint(ground: Color) -> Color {
    if ground == PALE {
        GREY
    } else {
        Color::rgb(0x8a, 0x95, 0xb0)
    }
}
