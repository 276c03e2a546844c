//! Cutting a face out for a network: around a point, scaled to the network's input, black outside the picture.

use crate::classic::GrayImage;
use crate::geometry::{BoundingBox, Point};
use crate::image::{Image, ImageError, Region, ResizeFilter};

/// A rectangle of a picture by its middle and its sides, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Frame {
    pub(super) center: Point,
    pub(super) width: f32,
    pub(super) height: f32,
}

impl Frame {
    /// The square around `face` whose side is the longer side of the box times `scale`.
    pub(super) fn square(face: &BoundingBox, scale: f32) -> Self {
        let side = face.width().max(face.height()) * scale;
        Self {
            center: face.center(),
            width: side,
            height: side,
        }
    }

    /// The box with its sides times `scale`.
    pub(super) fn scaled(face: &BoundingBox, scale: f32) -> Self {
        Self {
            center: face.center(),
            width: face.width() * scale,
            height: face.height() * scale,
        }
    }

    /// Where a point in parts of the rectangle lies in the picture.
    pub(super) fn at(&self, x: f32, y: f32) -> Point {
        Point::new(
            self.center.x + (x - 0.5) * self.width,
            self.center.y + (y - 0.5) * self.height,
        )
    }

    /// The part of `image` in the rectangle, scaled to `size` × `size` pixels.
    pub(super) fn cut(&self, image: &Image, size: u32) -> Result<Image, ImageError> {
        let mut canvas = Image::filled(size, size, [0; 3]);
        let columns = span(self.center.x, self.width, image.width(), size);
        let rows = span(self.center.y, self.height, image.height(), size);
        if let (Some((left, width)), Some((top, height))) = (columns, rows) {
            let region = |(left, width): (u32, u32), (top, height): (u32, u32)| Region {
                left,
                top,
                width,
                height,
            };
            image.resize_into(
                region(left, top),
                &mut canvas,
                region(width, height),
                ResizeFilter::Area,
            )?;
        }
        Ok(canvas)
    }

    /// [`Frame::cut`] in grey levels.
    pub(super) fn cut_gray(&self, image: &Image, size: u32) -> Result<GrayImage, ImageError> {
        Ok(GrayImage::with_opencv_luma(&self.cut(image, size)?))
    }
}

/// Along one axis: start and length of what lies inside the picture, and where it goes in the crop; none if nothing
/// does.
fn span(center: f32, length: f32, side: u32, size: u32) -> Option<((u32, u32), (u32, u32))> {
    let length = length.max(1.0);
    let (start, end) = (center - length / 2.0, center + length / 2.0);
    let inside = |value: f32| value.round().clamp(0.0, side as f32);
    let (from, to) = (inside(start), inside(end));
    let in_crop = |value: f32| {
        ((value - start) / length * size as f32)
            .round()
            .clamp(0.0, size as f32)
    };
    // An edge inside the picture is the edge of the crop, however it was rounded.
    let crop_from = if start > 0.0 { 0.0 } else { in_crop(from) };
    let crop_to = if end < side as f32 {
        size as f32
    } else {
        in_crop(to)
    };
    (to > from && crop_to > crop_from).then_some({
        (
            (from as u32, (to - from) as u32),
            (crop_from as u32, (crop_to - crop_from) as u32),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Column numbers as red, row numbers as green.
    fn ramp(width: u32, height: u32) -> Image {
        let pixels = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 200]))
            .collect();
        Image::from_rgb(width, height, pixels).unwrap()
    }

    fn pixel(image: &Image, x: u32, y: u32) -> [u8; 3] {
        let start = ((y * image.width() + x) * 3) as usize;
        [0, 1, 2].map(|c| image.pixels()[start + c])
    }

    #[test]
    fn a_rectangle_inside_is_cut_and_scaled() {
        let face = BoundingBox {
            left: 20.0,
            top: 30.0,
            right: 40.0,
            bottom: 70.0,
        };
        let square = Frame::square(&face, 1.0).cut(&ramp(100, 100), 40).unwrap();
        assert_eq!(pixel(&square, 0, 0), [10, 30, 200]);
        assert_eq!(pixel(&square, 39, 39), [49, 69, 200]);
        let frame = Frame::scaled(&face, 2.0);
        assert_eq!((frame.width, frame.height), (40.0, 80.0));
        assert_eq!(frame.at(0.0, 1.0), Point::new(10.0, 90.0));
    }

    #[test]
    fn outside_the_picture_is_black() {
        let corner = BoundingBox {
            left: -10.0,
            top: -10.0,
            right: 10.0,
            bottom: 10.0,
        };
        let cut = Frame::square(&corner, 1.0).cut(&ramp(50, 50), 20).unwrap();
        assert_eq!(pixel(&cut, 9, 9), [0; 3]);
        assert_eq!(pixel(&cut, 10, 10), [0, 0, 200]);
        assert_eq!(pixel(&cut, 19, 12), [9, 2, 200]);
        let far = BoundingBox {
            left: 500.0,
            right: 510.0,
            top: 0.0,
            bottom: 10.0,
        };
        let cut = Frame::square(&far, 1.0).cut(&ramp(50, 50), 4).unwrap();
        assert!(cut.pixels().iter().all(|&byte| byte == 0));
        let empty = Frame::square(&BoundingBox::default(), 1.0);
        assert_eq!(empty.cut(&ramp(5, 5), 4).unwrap().width(), 4);
    }
}
