//! The outlines of what is white in a picture, by border following (Suzuki and Abe 1985).
//!
//! Equal to `cv2.findContours(…, RETR_EXTERNAL, CHAIN_APPROX_SIMPLE)` of `OpenCV` 4.14: the same outlines with
//! the same points in the same order, and `contourArea` and `boundingRect` of them.

use super::gray::GrayImage;

/// Steps to the eight neighbours, the right one first, then against the clock (rows run downwards).
const STEPS: [(i32, i32); 8] = [
    (1, 0),
    (1, -1),
    (0, -1),
    (-1, -1),
    (-1, 0),
    (-1, 1),
    (0, 1),
    (1, 1),
];

/// The outline of one connected part; pixels that touch by a corner are connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contour {
    /// The pixels at which the outline turns, as (x, y), from its topmost pixel (the leftmost of them) downwards
    /// along its left side, against the clock.
    pub points: Vec<(u32, u32)>,
}

impl Contour {
    /// The area in pixels of the polygon through the middles of the points, as `cv2.contourArea` has it: a part of
    /// w × h pixels has (w − 1)(h − 1), one that is a pixel wide has none.
    pub fn area(&self) -> f64 {
        let next = self.points.iter().cycle().skip(1);
        let twice: i64 = self
            .points
            .iter()
            .zip(next)
            .map(|(a, b)| i64::from(a.0) * i64::from(b.1) - i64::from(b.0) * i64::from(a.1))
            .sum();
        twice.abs() as f64 / 2.0
    }

    /// The smallest rectangle of whole pixels that holds the outline: left, top, width and height, as
    /// `cv2.boundingRect` has it.
    pub fn bounding_box(&self) -> (u32, u32, u32, u32) {
        let span = |of: fn(&(u32, u32)) -> u32| {
            let least = self.points.iter().map(of).min().unwrap_or(0);
            let most = self.points.iter().map(of).max().unwrap_or(0);
            (least, most - least + 1)
        };
        let ((left, width), (top, height)) = (span(|p| p.0), span(|p| p.1));
        (left, top, width, height)
    }
}

/// The outer outlines of the parts of `gray` that are not black; what lies in a hole of another part is left out.
/// The lowest part comes first, as in `OpenCV`.
///
/// # Examples
/// ```
/// use prosopon::classic::{GrayImage, external_contours};
///
/// let dot = GrayImage::new(3, 2, vec![0, 0, 0, 0, 255, 255]).ok_or("pixels fill the sides")?;
/// let contours = external_contours(&dot);
/// assert_eq!(contours[0].bounding_box(), (1, 1, 2, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn external_contours(gray: &GrayImage) -> Vec<Contour> {
    let mut plane = Plane::of(gray);
    let mut contours = Vec::new();
    for y in 1..plane.height - 1 {
        // The last outline that was crossed in this row; to the right of an outer outline's right side we are
        // outside again.
        let mut crossed = Mark::Black;
        let mut before = Mark::Black;
        for x in 1..plane.width - 1 {
            let at = y * plane.width + x;
            if before == Mark::Black && plane.marks[at] == Mark::White && crossed != Mark::Border {
                contours.push(plane.follow(at));
            }
            before = plane.marks[at];
            if matches!(before, Mark::Border | Mark::RightBorder) {
                crossed = before;
            }
        }
    }
    contours.reverse();
    contours
}

/// What is known about a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Black,
    /// White, and on no outline that was followed.
    White,
    /// On an outline.
    Border,
    /// On an outline whose part ends here: the pixel to the right is black.
    RightBorder,
}

/// The marks of a picture with a black frame of one pixel.
struct Plane {
    width: usize,
    height: usize,
    marks: Vec<Mark>,
}

impl Plane {
    fn of(gray: &GrayImage) -> Self {
        let (width, height) = (gray.width() as usize + 2, gray.height() as usize + 2);
        let mut marks = vec![Mark::Black; width * height];
        let rows = gray.pixels().chunks_exact(gray.width() as usize);
        for (row, marks) in rows.zip(marks.chunks_exact_mut(width).skip(1)) {
            for (level, mark) in row.iter().zip(&mut marks[1..]) {
                if *level > 0 {
                    *mark = Mark::White;
                }
            }
        }
        Self {
            width,
            height,
            marks,
        }
    }

    fn neighbor(&self, at: usize, direction: usize) -> usize {
        let (x, y) = STEPS[direction];
        at.wrapping_add_signed(y as isize * self.width as isize + x as isize)
    }

    fn point(&self, at: usize) -> (u32, u32) {
        ((at % self.width - 1) as u32, (at / self.width - 1) as u32)
    }

    /// Follows the outline that starts at `start`, whose left neighbour is black, and marks it.
    fn follow(&mut self, start: usize) -> Contour {
        // Clockwise from the left neighbour to the first white one: the pixel that will be last.
        let last = (1..8)
            .map(|turn| (4 + 8 - turn) % 8)
            .find(|direction| self.marks[self.neighbor(start, *direction)] != Mark::Black);
        let Some(mut from) = last else {
            self.marks[start] = Mark::RightBorder;
            return Contour {
                points: vec![self.point(start)],
            };
        };
        let last = self.neighbor(start, from);
        let mut points = Vec::new();
        let mut at = start;
        let mut heading = from ^ 4;
        loop {
            // Against the clock from where we came; some neighbour is white, at the latest that one.
            let turn = (1..=8)
                .find(|turn| self.marks[self.neighbor(at, (from + turn) % 8)] != Mark::Black)
                .unwrap_or(8);
            let to = (from + turn) % 8;
            // Where the right neighbour was passed on the way it is black.
            if from + turn > 8 {
                self.marks[at] = Mark::RightBorder;
            } else if self.marks[at] == Mark::White {
                self.marks[at] = Mark::Border;
            }
            if to != heading {
                points.push(self.point(at));
                heading = to;
            }
            let next = self.neighbor(at, to);
            if next == start && at == last {
                return Contour { points };
            }
            at = next;
            from = (to + 4) % 8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{digest, formula, noise};
    use crate::classic::{gaussian_blurred, otsu_threshold, thresholded};

    fn drawn(rows: &[&str]) -> GrayImage {
        let white = |b: u8| if b == b'#' { 255 } else { 0 };
        let pixels = rows.iter().flat_map(|row| row.bytes().map(white));
        GrayImage::new(rows[0].len() as u32, rows.len() as u32, pixels.collect()).unwrap()
    }

    /// Points of `cv2.findContours(a, RETR_EXTERNAL, CHAIN_APPROX_SIMPLE)`, `OpenCV` 4.14.
    #[test]
    fn points_are_those_of_opencv() {
        let picture = drawn(&[
            "####...#", //
            "#..#..#.", "#.##....", "####.###", "........", "..#.....",
        ]);
        let points: Vec<Vec<(u32, u32)>> = external_contours(&picture)
            .into_iter()
            .map(|c| c.points)
            .collect();
        let expected: Vec<Vec<(u32, u32)>> = vec![
            vec![(2, 5)],
            vec![(5, 3), (7, 3)],
            vec![(7, 0), (6, 1)],
            vec![(0, 0), (0, 3), (3, 3), (3, 0)],
        ];
        assert_eq!(points, expected);
    }

    /// Number of outlines, and the digest of all points (`x`, `y` as 32 bits, little-endian, and 2³² − 1 after
    /// each outline), in `OpenCV`'s order.
    #[test]
    fn outlines_of_random_pictures_are_those_of_opencv() {
        for ((width, height), parts, (count, expected)) in [
            ((64, 64), false, (2, "00891405ae512e76")),
            ((101, 67), false, (3, "e17beaa2e09cecee")),
            ((64, 64), true, (58, "c7aa5e79ce912078")),
            ((101, 67), true, (86, "edffd18fcd55e5a8")),
        ] {
            let picture = formula(width, height);
            let picture = if parts {
                // The lowest bit but four: many small parts, holes and parts in holes.
                picture.mapped(|level| level & 16)
            } else {
                let picture = gaussian_blurred(&picture, 5, 0.0).unwrap();
                thresholded(&picture, otsu_threshold(&picture), false)
            };
            let contours = external_contours(&picture);
            let mut bytes = Vec::new();
            for contour in &contours {
                for (x, y) in &contour.points {
                    bytes.extend(x.to_le_bytes());
                    bytes.extend(y.to_le_bytes());
                }
                bytes.extend(u32::MAX.to_le_bytes());
            }
            assert_eq!((contours.len(), digest(&bytes).as_str()), (count, expected));
        }
    }

    #[test]
    fn areas_and_boxes_have_closed_forms() {
        let contours = external_contours(&drawn(&["......", ".####.", ".####.", ".####."]));
        assert_eq!(contours.len(), 1);
        assert_eq!(contours[0].area(), 6.0);
        assert_eq!(contours[0].bounding_box(), (1, 1, 4, 3));
        let dot = external_contours(&drawn(&["#"]));
        assert_eq!((dot[0].area(), dot[0].bounding_box()), (0.0, (0, 0, 1, 1)));
        assert!(external_contours(&drawn(&["..."])).is_empty());
    }

    /// What is in a hole has no outline of its own, what is beside does.
    #[test]
    fn parts_in_holes_are_left_out() {
        let ring = drawn(&["#####.", "#...##", "#.#.#.", "#...#.", "#####."]);
        assert_eq!(external_contours(&ring).len(), 1);
        let beside = drawn(&["###.#", "#.#..", "###.#"]);
        assert_eq!(external_contours(&beside).len(), 3);
    }

    #[test]
    fn boxes_hold_every_white_pixel_and_every_point() {
        for seed in 0..40 {
            let picture = noise(seed, 24, 18).mapped(|level| if level > 180 { 255 } else { 0 });
            let contours = external_contours(&picture);
            let boxes: Vec<_> = contours.iter().map(Contour::bounding_box).collect();
            let holds = |(left, top, width, height): (u32, u32, u32, u32), (x, y): (u32, u32)| {
                (left..left + width).contains(&x) && (top..top + height).contains(&y)
            };
            for (contour, bounds) in contours.iter().zip(&boxes) {
                assert!(contour.points.iter().all(|p| holds(*bounds, *p)));
                assert!(contour.area() <= f64::from(bounds.2 * bounds.3));
            }
            for (i, level) in picture.pixels().iter().enumerate() {
                let point = (i as u32 % 24, i as u32 / 24);
                assert!(
                    *level == 0 || boxes.iter().any(|b| holds(*b, point)),
                    "{point:?}"
                );
            }
        }
    }
}
