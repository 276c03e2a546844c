//! Drawing results on a picture, for people to look at.

mod canvas;
mod text;

use crate::geometry::{BoundingBox, Landmarks};
use crate::image::Image;

use canvas::{Canvas, Rect};
use text::{Text, fitting};

/// Colour of faces that belong to nobody known.
pub const UNKNOWN_COLOR: [u8; 3] = [150, 150, 150];

/// Colours that stay apart for most eyes, colour-blind ones included (Okabe and Ito 2008, with its
/// black and its pale yellow left out).
const PALETTE: [[u8; 3]; 6] = [
    [86, 180, 233],
    [230, 159, 0],
    [0, 158, 115],
    [204, 121, 167],
    [0, 114, 178],
    [213, 94, 0],
];

/// The colour of the subject at `index` of some fixed order; colours repeat after a while.
pub fn subject_color(index: usize) -> [u8; 3] {
    PALETTE[index % PALETTE.len()]
}

/// One face to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// Around the face, in pixels of the picture; it may reach past the border.
    pub bounding_box: BoundingBox,
    /// Five points to mark, in pixels of the picture.
    pub landmarks: Option<Landmarks>,
    /// A name, a confidence: a few words in Latin, Greek or Cyrillic script.
    pub label: Option<String>,
    /// Colour of the frame and of the label's plate; see [`subject_color`].
    pub color: [u8; 3],
}

/// Who a face is, to be written on the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NamedFace<'a> {
    /// Around the face, in pixels of the picture.
    pub bounding_box: BoundingBox,
    /// Name, and similarity to that person; none for an unknown face.
    pub subject: Option<(&'a str, f32)>,
    /// Whether the face is only perhaps that person's.
    pub is_uncertain: bool,
}

/// A box and a name for each face; each name has its own colour, and the unknown share one.
pub fn name_annotations(faces: &[NamedFace<'_>]) -> Vec<Annotation> {
    let mut names: Vec<&str> = faces
        .iter()
        .filter_map(|face| Some(face.subject?.0))
        .collect();
    names.sort_unstable();
    names.dedup();
    let annotation = |face: &NamedFace<'_>| {
        let index = face
            .subject
            .and_then(|(name, _)| names.binary_search(&name).ok());
        Annotation {
            bounding_box: face.bounding_box,
            landmarks: None,
            label: Some(match face.subject {
                Some((name, similarity)) if face.is_uncertain => {
                    format!("perhaps {name} {similarity:.2}")
                }
                Some((name, similarity)) => format!("{name} {similarity:.2}"),
                None => "unknown".to_owned(),
            }),
            color: index.map_or(UNKNOWN_COLOR, subject_color),
        }
    };
    faces.iter().map(annotation).collect()
}

/// A copy of `image` with every annotation drawn on it.
///
/// Lines and letters grow with the picture, so that they are as legible on a photograph of 4000
/// pixels as on one of 250. Labels stand above their box, or where they cover no other label, and
/// always inside the picture; one that is too long ends in an ellipsis.
pub fn annotate(image: &Image, annotations: &[Annotation]) -> Image {
    let mut drawn = image.clone();
    let mut canvas = Canvas::new(&mut drawn);
    let styles: Vec<Style> = annotations
        .iter()
        .map(|annotation| Style::of(&canvas, annotation))
        .collect();
    for (annotation, style) in annotations.iter().zip(&styles) {
        frame(&mut canvas, annotation, style);
    }
    for (annotation, style) in annotations.iter().zip(&styles) {
        for point in annotation.landmarks.iter().flat_map(|l| l.to_array()) {
            canvas.disc(point, style.dot * 1.5, [255; 3]);
            canvas.disc(point, style.dot, annotation.color);
        }
    }
    let mut plates = Vec::new();
    for (annotation, style) in annotations.iter().zip(&styles) {
        if let Some(text) = annotation.label.as_deref() {
            label(&mut canvas, text, annotation, style, &mut plates);
        }
    }
    drawn
}

/// Sizes in pixels, for one face in one picture.
struct Style {
    /// Thickness of the frame.
    line: i32,
    /// Radius of a landmark.
    dot: f32,
    /// Height of the letters' line.
    letters: f32,
}

impl Style {
    fn of(canvas: &Canvas, annotation: &Annotation) -> Self {
        let picture = canvas.longer_side() as f32;
        let shape = &annotation.bounding_box;
        let face = shape.width().min(shape.height()).max(0.0);
        Self {
            // Thick enough for the picture, but not so thick that small faces drown in it.
            line: (picture / 400.0).min(face / 16.0).round().max(1.0) as i32,
            dot: (face / 36.0).clamp(0.7, (picture / 250.0).max(1.5)),
            letters: (face * 0.24).clamp((picture / 80.0).max(12.0), (picture / 36.0).max(14.0)),
        }
    }
}

/// A frame just outside the box, with a dark rim where it is thick enough to have one.
fn frame(canvas: &mut Canvas, annotation: &Annotation, style: &Style) {
    let shape = rect(&annotation.bounding_box);
    let outer = shape.grown(style.line);
    if style.line >= 2 {
        let rim = (style.line / 3).max(1);
        canvas.outline(outer.grown(rim), rim, [0; 3], 0.45);
        canvas.outline(shape, rim, [0; 3], 0.45);
    }
    canvas.outline(outer, style.line, annotation.color, 1.0);
}

/// A filled plate with the text, placed where it covers no earlier plate if that can be.
fn label(
    canvas: &mut Canvas,
    label: &str,
    annotation: &Annotation,
    style: &Style,
    plates: &mut Vec<Rect>,
) {
    let margin = (style.letters * 0.25).round() as i32;
    let room = canvas.bounds().width() - 2 * margin;
    let text: Text = fitting(label, style.letters, room as f32);
    let (width, height) = (text.width + 2 * margin, text.height + margin / 2);
    let face = rect(&annotation.bounding_box).grown(style.line);
    let places = [
        (face.left, face.top - height),
        (face.left, face.bottom),
        (face.right - width, face.top - height),
        (face.right - width, face.bottom),
        (face.left, face.top),
        (face.left, face.bottom - height),
    ];
    let bounds = canvas.bounds();
    let candidates = places.map(|(left, top)| {
        let moved = Rect::new(left, top, width, height);
        (moved.moved_into(bounds), moved.top)
    });
    let (plate, _) = candidates
        .iter()
        // A plate that had to move up or down would lie across the face.
        .filter(|(plate, wanted)| plate.top == *wanted)
        .find(|(plate, _)| plates.iter().all(|other| !other.overlaps(*plate)))
        .or_else(|| {
            candidates
                .iter()
                .find(|(plate, wanted)| plate.top == *wanted)
        })
        .unwrap_or(&candidates[0]);
    canvas.fill(*plate, annotation.color, 1.0);
    let ink = if luminance(annotation.color) > 0.45 {
        [0; 3]
    } else {
        [255; 3]
    };
    let baseline = plate.top as f32 + margin as f32 / 4.0 + text.ascent;
    text.draw((plate.left + margin) as f32, baseline, |x, y, coverage| {
        canvas.blend(x, y, ink, coverage);
    });
    plates.push(*plate);
}

/// The box in whole pixels; boxes far outside any picture keep their meaning.
fn rect(shape: &BoundingBox) -> Rect {
    // `as` saturates; the bound keeps later sums from overflowing.
    let pixel = |v: f32| v.round().clamp(-1e6, 1e6) as i32;
    Rect {
        left: pixel(shape.left),
        top: pixel(shape.top),
        right: pixel(shape.right),
        bottom: pixel(shape.bottom),
    }
}

/// Perceived brightness in 0 ..= 1 (ITU-R BT.601 weights).
fn luminance([r, g, b]: [u8; 3]) -> f32 {
    (0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    fn annotation(left: f32, top: f32, side: f32, label: &str) -> Annotation {
        Annotation {
            bounding_box: BoundingBox {
                left,
                top,
                right: left + side,
                bottom: top + side,
            },
            landmarks: None,
            label: (!label.is_empty()).then(|| label.to_owned()),
            color: [10, 200, 30],
        }
    }

    fn pixel(image: &Image, x: u32, y: u32) -> [u8; 3] {
        let start = (y * image.width() + x) as usize * 3;
        [0, 1, 2].map(|i| image.pixels()[start + i])
    }

    #[test]
    fn frames_lie_just_outside_the_box() {
        let image = Image::filled(200, 200, [0; 3]);
        let drawn = annotate(&image, &[annotation(50.0, 60.0, 40.0, "")]);
        assert_eq!(pixel(&drawn, 49, 59), [10, 200, 30]);
        assert_eq!(pixel(&drawn, 90, 100), [10, 200, 30]);
        assert_eq!(pixel(&drawn, 50, 60), [0; 3]);
        assert_eq!(pixel(&drawn, 48, 58), [0; 3]);
        assert_eq!(pixel(&image, 49, 59), [0; 3]);
    }

    #[test]
    fn landmarks_are_marked() {
        let mut one = annotation(50.0, 50.0, 100.0, "");
        one.landmarks = Some(Landmarks::from_array([Point::new(100.0, 100.0); 5]));
        let drawn = annotate(&Image::filled(200, 200, [0; 3]), &[one]);
        assert_eq!(pixel(&drawn, 100, 100), [10, 200, 30]);
    }

    /// Number of pixels of the plate's colour inside, and whether any lies at the border.
    fn plate_pixels(image: &Image) -> usize {
        image
            .pixels()
            .as_chunks::<3>()
            .0
            .iter()
            .filter(|p| **p == [10, 200, 30])
            .count()
    }

    #[test]
    fn labels_stay_inside_wherever_the_box_is() {
        let image = Image::filled(250, 250, [0; 3]);
        let alone = {
            let far = annotation(100.0, 100.0, 40.0, "Anna");
            plate_pixels(&annotate(&image, &[far]))
                - plate_pixels(&annotate(&image, &[annotation(100.0, 100.0, 40.0, "")]))
        };
        for (left, top) in [
            (0.0, 0.0),
            (210.0, 0.0),
            (0.0, 210.0),
            (210.0, 210.0),
            (-20.0, -20.0),
            (235.0, 100.0),
        ] {
            let with = plate_pixels(&annotate(&image, &[annotation(left, top, 40.0, "Anna")]));
            let without = plate_pixels(&annotate(&image, &[annotation(left, top, 40.0, "")]));
            // The plate may cover a part of its own frame.
            assert!(
                with + 90 >= without + alone,
                "({left}, {top}): {with} {without} {alone}"
            );
        }
    }

    #[test]
    fn odd_input_draws_something_and_never_panics() {
        let long = "A very long name that fits nowhere ".repeat(20);
        for side in [1, 2, 10, 250] {
            let image = Image::filled(side, side, [40; 3]);
            for annotation in [
                annotation(0.0, 0.0, 1.0, &long),
                annotation(-1e9, 1e9, 1e12, "x"),
                annotation(
                    f32::NAN,
                    f32::NAN,
                    f32::NAN,
                    "Ωμέγα Ёлка 漢字 \u{1f600}\n\t",
                ),
                annotation(5.0, 5.0, -3.0, " "),
            ] {
                let drawn = annotate(&image, &[annotation.clone(), annotation]);
                assert_eq!((drawn.width(), drawn.height()), (side, side));
            }
        }
    }

    #[test]
    fn neighbours_have_other_colours() {
        assert_ne!(subject_color(0), subject_color(1));
        assert_eq!(
            subject_color(usize::MAX),
            subject_color(usize::MAX % PALETTE.len())
        );
    }
}
