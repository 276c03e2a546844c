//! Embeddings to look at: each face beside the line of its values.

use crate::embed::Embedding;
use crate::plot::color::{CATEGORIES, GREY, INK, PALE};
use crate::plot::{Anchor, Cell, Stroke, Svg, TextStyle, shortened};

const MARGIN: f32 = 24.0;
const TITLE_SIZE: f32 = 20.0;
const NOTE_SIZE: f32 = 13.0;
/// Side of a face.
const FACE: f32 = 96.0;
/// Between rows.
const GAP: f32 = 42.0;
/// Width of a line plot.
const PLOT: f32 = 860.0;
/// Room for the numbers of an axis.
const AXIS: f32 = 52.0;

/// Draws a row for each face: the face with its caption, and the values of its embedding as a line.
///
/// All rows have one scale, so that lines of one person can be seen to agree; `faces` and
/// `embeddings` belong together one by one.
pub fn signatures(title: &str, faces: &[Cell], embeddings: &[Embedding]) -> Svg {
    let width = 2.0 * MARGIN + FACE + AXIS + PLOT;
    let top = MARGIN + TITLE_SIZE + NOTE_SIZE + 34.0;
    let rows = faces.len().min(embeddings.len());
    let height = top + rows as f32 * (FACE + GAP) + MARGIN;
    let mut svg = Svg::new(width, height);
    let room = width - 2.0 * MARGIN;
    let style = TextStyle::new(TITLE_SIZE).bold();
    let place = (MARGIN, MARGIN + TITLE_SIZE * 0.8);
    svg.text(place, &shortened(title, TITLE_SIZE, room), &style);
    let values = embeddings.iter().flat_map(Embedding::values);
    let largest = values.fold(0.0f32, |largest, v| largest.max(v.abs()));
    let reach = (largest * 20.0).ceil().max(1.0) / 20.0;
    let n = embeddings.first().map_or(0, |e| e.values().len());
    let note = format!("The {n} values of each embedding, all on one scale");
    let style = TextStyle::new(NOTE_SIZE).colored(GREY);
    svg.text(
        (MARGIN, MARGIN + TITLE_SIZE + NOTE_SIZE + 6.0),
        &note,
        &style,
    );
    for (i, (face, embedding)) in faces.iter().zip(embeddings).enumerate() {
        let y = top + i as f32 * (FACE + GAP);
        svg.picture(&face.image, (MARGIN, y, FACE, FACE));
        let caption = shortened(&face.caption, NOTE_SIZE, FACE + AXIS + PLOT);
        svg.text(
            (MARGIN, y + FACE + NOTE_SIZE + 7.0),
            &caption,
            &TextStyle::new(NOTE_SIZE),
        );
        draw_line(&mut svg, embedding.values(), reach, y);
    }
    svg
}

fn draw_line(svg: &mut Svg, values: &[f32], reach: f32, top: f32) {
    let left = MARGIN + FACE + AXIS;
    let place = |value: f32| top + FACE / 2.0 - value / reach * FACE / 2.0;
    let style = TextStyle::new(11.0).anchored(Anchor::End).colored(GREY);
    // The outer numbers stand inside, away from the captions.
    for (value, drop) in [(reach, 9.0), (0.0, 4.0), (-reach, 0.0)] {
        let color = if value == 0.0 { GREY } else { PALE };
        let y = place(value);
        svg.line((left, y), (left + PLOT, y), Stroke::new(color, 1.0));
        let label = format!("{value:.2}").replace('-', "−");
        svg.text((left - 8.0, y + drop), &label, &style);
    }
    let step = PLOT / values.len().max(2) as f32;
    let points: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(i, value)| (left + (i as f32 + 0.5) * step, place(*value)))
        .collect();
    svg.polyline(&points, Stroke::new(CATEGORIES[0], 1.1));
    let frame = (left, top, PLOT, FACE);
    svg.frame(frame, Stroke::new(INK, 0.6));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embed::ModelId;
    use crate::image::Image;

    #[test]
    fn each_face_has_its_line() {
        let embedding =
            |values: Vec<f32>| Embedding::from_values(ModelId::new("m"), values).unwrap();
        let embeddings = [
            embedding(vec![0.6, -0.8, 0.0]),
            embedding(vec![0.0, 0.0, 1.0]),
        ];
        let face = Cell::new(Image::filled(4, 4, [9, 9, 9]), "anna.jpg");
        let svg = signatures("Faces", &[face.clone(), face], &embeddings).to_svg();
        assert_eq!(svg.matches("<image").count(), 2);
        assert!(svg.contains("The 3 values"));
        assert!(svg.contains(">−1.00</text>"));
        assert!(signatures("None", &[], &[]).to_image(1.0).is_ok());
    }
}
