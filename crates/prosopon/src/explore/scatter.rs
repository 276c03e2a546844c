//! Faces as points of the plane.

use crate::image::Image;
use crate::plot::color::{GREY, INK, PALE};
use crate::plot::{Color, Stroke, Svg, TextStyle, shortened, text_width};

const WIDTH: f32 = 1040.0;
const HEIGHT: f32 = 760.0;
const MARGIN: f32 = 20.0;
const TITLE_SIZE: f32 = 18.0;
const NOTE_SIZE: f32 = 13.0;
/// People whose colours are explained; more have no colours of their own anyway.
const LEGEND: usize = 7;
/// Sides of faces, in pixels: smaller for many.
const FACES: std::ops::RangeInclusive<f32> = 14.0..=34.0;

/// One face of a scatter plot.
pub struct ScatterPoint<'a> {
    /// Where it lies; any scale.
    pub at: [f32; 2],
    /// The face.
    pub image: &'a Image,
    /// Whose it is, which decides its colour.
    pub identity: usize,
    /// Whether its label is doubted.
    pub doubtful: bool,
}

/// Draws faces where they lie, framed in the colour of their person; doubted ones lie on top in a
/// second, dark frame. `note` says what the axes are.
pub fn scatter(title: &str, note: &str, names: &[String], points: &[ScatterPoint]) -> Svg {
    let mut svg = Svg::new(WIDTH, HEIGHT);
    let style = TextStyle::new(TITLE_SIZE).bold();
    svg.text((MARGIN, MARGIN + TITLE_SIZE * 0.8), title, &style);
    let style = TextStyle::new(NOTE_SIZE).colored(GREY);
    let note = shortened(note, NOTE_SIZE, WIDTH - 2.0 * MARGIN);
    svg.text(
        (MARGIN, MARGIN + TITLE_SIZE + NOTE_SIZE + 4.0),
        &note,
        &style,
    );
    let has_colors = names.len() <= LEGEND;
    let mut top = MARGIN + TITLE_SIZE + NOTE_SIZE + 16.0;
    if has_colors {
        legend(&mut svg, names, top);
        top += 26.0;
    }
    let side = (520.0 / (points.len().max(1) as f32).sqrt()).clamp(*FACES.start(), *FACES.end());
    let area = (MARGIN, top, WIDTH - 2.0 * MARGIN, HEIGHT - top - MARGIN);
    svg.frame(area, Stroke::new(PALE, 1.0));
    let place = fitted(points, area, side);
    // Doubted faces last, so that none covers them.
    let (clear, doubtful): (Vec<_>, Vec<_>) = points.iter().partition(|p| !p.doubtful);
    for point in clear.into_iter().chain(doubtful) {
        let (x, y) = place(point.at);
        let face = (x - side / 2.0, y - side / 2.0, side, side);
        svg.picture(point.image, face);
        let color = if has_colors {
            Color::category(point.identity)
        } else {
            GREY
        };
        svg.frame(face, Stroke::new(color, 2.4));
        if point.doubtful {
            let around = (face.0 - 3.0, face.1 - 3.0, side + 6.0, side + 6.0);
            svg.frame(around, Stroke::new(INK, 2.6));
        }
    }
    svg
}

fn legend(svg: &mut Svg, names: &[String], top: f32) {
    let mut x = MARGIN;
    for (i, name) in names.iter().enumerate() {
        let name = shortened(name, NOTE_SIZE, 180.0);
        svg.frame(
            (x + 1.5, top + 1.5, 11.0, 11.0),
            Stroke::new(Color::category(i), 3.0),
        );
        svg.text((x + 20.0, top + 11.5), &name, &TextStyle::new(NOTE_SIZE));
        x += 38.0 + text_width(&name, NOTE_SIZE);
    }
}

/// From places on any scale into the area, with room for half a face at its borders.
fn fitted(
    points: &[ScatterPoint],
    (left, top, width, height): (f32, f32, f32, f32),
    side: f32,
) -> impl Fn([f32; 2]) -> (f32, f32) {
    let range = |axis: usize| {
        let values = points.iter().map(|p| p.at[axis]);
        let (low, high) = values.fold((f32::MAX, f32::MIN), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        (low, (high - low).max(f32::MIN_POSITIVE))
    };
    let (x_range, y_range) = (range(0), range(1));
    let inset = side / 2.0 + 8.0;
    move |at| {
        let share = |value: f32, (low, len): (f32, f32)| ((value - low) / len).clamp(0.0, 1.0);
        (
            left + inset + share(at[0], x_range) * (width - 2.0 * inset),
            // Upwards, as charts have it.
            top + inset + (1.0 - share(at[1], y_range)) * (height - 2.0 * inset),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_face_lies_inside_and_doubted_ones_have_a_second_frame() {
        let image = Image::filled(4, 4, [9, 9, 9]);
        let points: Vec<ScatterPoint> = (0..20)
            .map(|i| ScatterPoint {
                at: [i as f32 * 1e3, (i * i) as f32 - 50.0],
                image: &image,
                identity: i % 3,
                doubtful: i == 7,
            })
            .collect();
        let names = ["anna", "ben", "cem"].map(str::to_owned);
        let svg = scatter("Faces", "any axes", &names, &points);
        let text = svg.to_svg();
        assert_eq!(text.matches("<image").count(), 20);
        // Area, legend, faces, the doubted one.
        assert_eq!(text.matches("fill=\"none\"").count(), 1 + 3 + 20 + 1);
        let place = fitted(&points, (0.0, 0.0, 100.0, 80.0), 20.0);
        for point in &points {
            let (x, y) = place(point.at);
            assert!((10.0..=90.0).contains(&x) && (10.0..=70.0).contains(&y));
        }
        assert!(scatter("None", "", &[], &[]).to_image(1.0).is_ok());
    }
}
