//! The matrix as a picture.

use super::SimilarityMatrix;
use crate::plot::color::{GREY, INK, sequential};
use crate::plot::{Anchor, Cell, Stroke, Svg, TextStyle, shortened, text_width};

/// The cells of all faces together are about so wide, in pixels.
const CELLS: f32 = 1560.0;
/// Sides of a cell: as small as can be seen, as large as looks good.
const SIDES: std::ops::RangeInclusive<f32> = 2.0..=84.0;
/// Percentages are written into cells of at least this side.
const READABLE: f32 = 21.0;
/// Faces and names stand beside cells of at least this side.
const FACES: f32 = 10.0;
const MARGIN: f32 = 24.0;
const TITLE_SIZE: f32 = 20.0;
const NOTE_SIZE: f32 = 13.0;
/// Names are cut off at this width.
const NAME_WIDTH: f32 = 240.0;

/// Where things lie, in pixels.
struct Layout {
    side: f32,
    left: f32,
    top: f32,
    name_size: f32,
}

/// Draws the matrix with the faces and their captions along both axes.
///
/// `faces` are in the order of the matrix. Percentages are written while they can be read; those at
/// or above `threshold`, if there is one, are bold, and a line in the colour scale marks it.
pub fn heat_map(
    title: &str,
    matrix: &SimilarityMatrix,
    faces: &[Cell],
    threshold: Option<f32>,
) -> Svg {
    let n = matrix.n_faces();
    let side = (CELLS / n.max(1) as f32).clamp(*SIDES.start(), *SIDES.end());
    let side = if side > 4.0 { side.floor() } else { side };
    let has_faces = side >= FACES;
    let name_size = (side * 0.5).clamp(8.0, 14.0);
    let widest = faces
        .iter()
        .enumerate()
        .map(|(i, face)| text_width(&name(i, face), name_size))
        .fold(0.0, f32::max);
    let (beside, above) = if has_faces {
        (widest.min(NAME_WIDTH) + 10.0 + side, name_size + 8.0 + side)
    } else {
        (0.0, 0.0)
    };
    let layout = Layout {
        side,
        left: MARGIN + beside + 6.0,
        top: MARGIN + TITLE_SIZE + NOTE_SIZE + 24.0 + above + 6.0,
        name_size,
    };
    let cells = side * n as f32;
    let width = (layout.left + cells + MARGIN).max(620.0);
    // Whole pixels, or the last row would be half transparent.
    let height = (layout.top + cells + 78.0).ceil();
    let mut svg = Svg::new(width.ceil(), height);
    heading(&mut svg, title, n, side >= READABLE, threshold);
    if has_faces {
        draw_faces(&mut svg, faces, &layout);
    }
    draw_cells(&mut svg, matrix, &layout, threshold);
    draw_scale(&mut svg, &layout, cells, threshold);
    svg
}

fn name(i: usize, face: &Cell) -> String {
    format!("{} · {}", face.caption, i + 1)
}

fn heading(svg: &mut Svg, title: &str, n: usize, readable: bool, threshold: Option<f32>) {
    let room = svg.width() - 2.0 * MARGIN;
    let title = shortened(title, TITLE_SIZE, room);
    let style = TextStyle::new(TITLE_SIZE).bold();
    svg.text((MARGIN, MARGIN + TITLE_SIZE * 0.8), &title, &style);
    let mut note = format!("Cosine similarity of {n} faces");
    if readable {
        note += ", in per cent";
    }
    if let (true, Some(threshold)) = (readable, threshold) {
        note += &format!("; bold from the threshold {threshold:.3} on");
    }
    let style = TextStyle::new(NOTE_SIZE).colored(GREY);
    let place = (MARGIN, MARGIN + TITLE_SIZE + NOTE_SIZE + 6.0);
    svg.text(place, &shortened(&note, NOTE_SIZE, room), &style);
}

/// Faces at the left with names and numbers, at the top with numbers.
fn draw_faces(svg: &mut Svg, faces: &[Cell], layout: &Layout) {
    let Layout {
        side,
        left,
        top,
        name_size,
    } = *layout;
    let inset = (side * 0.04).min(2.0);
    let inner = side - 2.0 * inset;
    let row_style = TextStyle::new(name_size).anchored(Anchor::End);
    let column_style = TextStyle::new(name_size).anchored(Anchor::Middle);
    for (i, face) in faces.iter().enumerate() {
        let at = i as f32 * side;
        let x = left - 6.0 - side + inset;
        svg.picture(&face.image, (x, top + at + inset, inner, inner));
        let number = format!(" · {}", i + 1);
        let room = NAME_WIDTH - text_width(&number, name_size);
        let text = shortened(&face.caption, name_size, room).into_owned() + &number;
        let middle = at + side / 2.0;
        svg.text(
            (x - 6.0, top + middle + name_size * 0.35),
            &text,
            &row_style,
        );
        let y = top - 6.0 - side + inset;
        svg.picture(&face.image, (left + at + inset, y, inner, inner));
        let number = (i + 1).to_string();
        svg.text((left + middle, y - 6.0), &number, &column_style);
    }
}

fn draw_cells(svg: &mut Svg, matrix: &SimilarityMatrix, layout: &Layout, threshold: Option<f32>) {
    let side = layout.side;
    let size = (side * 0.4).clamp(8.5, 22.0);
    // A hair of overlap hides the seams that renderers leave between rectangles.
    let gap = if side >= READABLE { -1.0 } else { 0.3 };
    for (i, row) in matrix.rows().enumerate() {
        for (j, &value) in row.iter().enumerate() {
            let x = layout.left + j as f32 * side;
            let y = layout.top + i as f32 * side;
            let color = sequential(value);
            svg.rect((x, y, side + gap, side + gap), color);
            if side >= READABLE {
                let mut style = TextStyle::new(size)
                    .anchored(Anchor::Middle)
                    .colored(color.text_on());
                if threshold.is_some_and(|threshold| value >= threshold) {
                    style = style.bold();
                }
                let place = (x + side / 2.0 - 0.5, y + side / 2.0 + size * 0.34);
                svg.text(place, &percent(value), &style);
            }
        }
    }
}

/// `37`, `−4`: whole per cent.
fn percent(value: f32) -> String {
    let rounded = (value * 100.0).round() as i32;
    if rounded < 0 {
        format!("−{}", -rounded)
    } else {
        rounded.to_string()
    }
}

/// What the colours mean.
fn draw_scale(svg: &mut Svg, layout: &Layout, cells: f32, threshold: Option<f32>) {
    let width = cells.clamp(240.0, 420.0);
    let (x, y, height) = (layout.left, layout.top + cells + 26.0, 14.0);
    let steps = 100;
    for i in 0..steps {
        let share = i as f32 / steps as f32;
        let area = (x + share * width, y, width / steps as f32 + 0.4, height);
        svg.rect(area, sequential(share));
    }
    let style = TextStyle::new(12.0).anchored(Anchor::Middle);
    for tick in [0, 20, 40, 60, 80, 100] {
        let at = x + width * tick as f32 / 100.0;
        svg.line(
            (at, y + height),
            (at, y + height + 4.0),
            Stroke::new(INK, 1.0),
        );
        let label = match tick {
            0 => "≤ 0".to_owned(),
            100 => "100 %".to_owned(),
            tick => tick.to_string(),
        };
        svg.text((at, y + height + 17.0), &label, &style);
    }
    if let Some(threshold) = threshold.filter(|t| (0.0..=1.0).contains(t)) {
        let at = x + width * threshold;
        svg.line((at, y - 5.0), (at, y + height + 4.0), Stroke::new(INK, 2.0));
        svg.text((at, y - 9.0), "threshold", &style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::{Embedding, ModelId};
    use crate::image::Image;

    fn drawn(n: usize) -> Svg {
        let embeddings: Vec<Embedding> = (0..n)
            .map(|i| {
                let angle = i as f32 * 0.7;
                let values = vec![angle.cos(), angle.sin(), 0.2];
                Embedding::from_values(ModelId::new("m"), values).unwrap()
            })
            .collect();
        let matrix = SimilarityMatrix::new(&embeddings).unwrap();
        let face = Cell::new(Image::filled(8, 8, [90, 60, 40]), "people/<anna>.jpg");
        heat_map("Faces", &matrix, &vec![face; n], Some(0.338))
    }

    #[test]
    fn few_faces_have_percentages_many_only_colours() {
        let few = drawn(5).to_svg();
        assert_eq!(few.matches("<image").count(), 10);
        assert!(few.contains(">100</text>") && few.contains("threshold 0.338"));
        assert!(few.contains("people/&lt;anna&gt;.jpg"));
        let sixty = drawn(60).to_svg();
        assert_eq!(sixty.matches("<image").count(), 120);
        assert!(sixty.contains(">100</text>"));
        let many = drawn(300).to_svg();
        assert_eq!(many.matches("<image").count(), 0);
        assert!(!many.contains(">100</text>"));
    }

    #[test]
    fn a_single_face_and_none_are_drawn() {
        for n in [0, 1] {
            assert!(drawn(n).to_image(1.0).is_ok());
        }
    }

    #[test]
    fn negative_percentages_have_a_minus_sign() {
        assert_eq!(percent(-0.04), "−4");
        assert_eq!(percent(-0.004), "0");
        assert_eq!(percent(0.376), "38");
    }
}
