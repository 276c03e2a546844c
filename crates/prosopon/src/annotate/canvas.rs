//! Pixels to draw on; everything outside is left out silently.

use crate::geometry::Point;
use crate::image::Image;

/// A rectangle of whole pixels; right and bottom lie outside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
}

impl Rect {
    pub(super) fn new(left: i32, top: i32, width: i32, height: i32) -> Self {
        Self {
            left,
            top,
            right: left + width,
            bottom: top + height,
        }
    }

    pub(super) fn width(self) -> i32 {
        self.right - self.left
    }

    /// With `by` more pixels on each side.
    pub(super) fn grown(self, by: i32) -> Self {
        Self {
            left: self.left - by,
            top: self.top - by,
            right: self.right + by,
            bottom: self.bottom + by,
        }
    }

    /// Shifted, as little as possible, to lie inside `bounds`; to its top left if it is too large.
    pub(super) fn moved_into(self, bounds: Self) -> Self {
        let shift = |start: i32, end: i32, low: i32, high: i32| {
            let back = (high - end).min(0);
            back.max(low - start)
                .max(if start < low { low - start } else { back })
        };
        let x = shift(self.left, self.right, bounds.left, bounds.right);
        let y = shift(self.top, self.bottom, bounds.top, bounds.bottom);
        Self {
            left: self.left + x,
            top: self.top + y,
            right: self.right + x,
            bottom: self.bottom + y,
        }
    }

    pub(super) fn overlaps(self, other: Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// A picture that is drawn on.
pub(super) struct Canvas<'a> {
    width: i32,
    height: i32,
    pixels: &'a mut [u8],
}

impl<'a> Canvas<'a> {
    pub(super) fn new(image: &'a mut Image) -> Self {
        Self {
            width: image.width() as i32,
            height: image.height() as i32,
            pixels: image.pixels_mut(),
        }
    }

    pub(super) fn bounds(&self) -> Rect {
        Rect::new(0, 0, self.width, self.height)
    }

    pub(super) fn longer_side(&self) -> i32 {
        self.width.max(self.height)
    }

    /// Mixes `color` into one pixel, with `opacity` in 0 ..= 1.
    pub(super) fn blend(&mut self, x: i32, y: i32, color: [u8; 3], opacity: f32) {
        if !(0..self.width).contains(&x) || !(0..self.height).contains(&y) {
            return;
        }
        let start = (y as usize * self.width as usize + x as usize) * 3;
        for (old, new) in self.pixels[start..start + 3].iter_mut().zip(color) {
            let mixed = f32::from(*old) + (f32::from(new) - f32::from(*old)) * opacity;
            *old = mixed.round() as u8;
        }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, rect: Rect, color: [u8; 3], opacity: f32) {
        for y in rect.top.max(0)..rect.bottom.min(self.height) {
            for x in rect.left.max(0)..rect.right.min(self.width) {
                self.blend(x, y, color, opacity);
            }
        }
    }

    /// Fills the `thickness` outermost pixels of a rectangle.
    pub(super) fn outline(&mut self, rect: Rect, thickness: i32, color: [u8; 3], opacity: f32) {
        let Rect {
            left,
            top,
            right,
            bottom,
        } = rect;
        let (inner_top, inner_bottom) = (top + thickness, bottom - thickness);
        for side in [
            Rect {
                bottom: inner_top,
                ..rect
            },
            Rect {
                top: inner_bottom,
                ..rect
            },
            Rect {
                top: inner_top,
                right: left + thickness,
                bottom: inner_bottom,
                left,
            },
            Rect {
                top: inner_top,
                left: right - thickness,
                bottom: inner_bottom,
                right,
            },
        ] {
            self.fill(side, color, opacity);
        }
    }

    /// Fills a circle, its edge smoothed.
    pub(super) fn disc(&mut self, center: Point, radius: f32, color: [u8; 3]) {
        let reach = radius + 1.0;
        let range = |c: f32, side: i32| {
            ((c - reach).max(0.0) as i32)..((c + reach).ceil().min(side as f32) as i32)
        };
        for y in range(center.y, self.height) {
            for x in range(center.x, self.width) {
                let distance = (x as f32 - center.x).hypot(y as f32 - center.y);
                let coverage = (radius + 0.5 - distance).clamp(0.0, 1.0);
                if coverage > 0.0 {
                    self.blend(x, y, color, coverage);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rectangles_move_into_their_bounds() {
        let bounds = Rect::new(0, 0, 100, 50);
        for (rect, expected) in [
            (Rect::new(10, 10, 20, 20), Rect::new(10, 10, 20, 20)),
            (Rect::new(-5, 40, 20, 20), Rect::new(0, 30, 20, 20)),
            (Rect::new(95, -3, 20, 20), Rect::new(80, 0, 20, 20)),
            (Rect::new(30, 10, 200, 20), Rect::new(0, 10, 200, 20)),
        ] {
            assert_eq!(rect.moved_into(bounds), expected);
        }
    }
}
