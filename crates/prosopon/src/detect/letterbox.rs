//! Fitting a picture into a network's fixed input and mapping findings back.

use std::borrow::Cow;

use crate::geometry::{BoundingBox, Point};
use crate::image::{Image, ResizeFilter};
use crate::model::Normalization;

/// A picture scaled to lie inside an input of fixed size; the rest of the input is black.
pub(super) struct Letterbox<'a> {
    /// The scaled picture.
    scaled: Cow<'a, Image>,
    /// Input size in pixels.
    width: u32,
    height: u32,
    /// Where the scaled picture's corner lies in the input.
    offset_x: u32,
    offset_y: u32,
    /// Picture pixels for one input pixel, along x and y.
    image_per_input: Point,
}

impl<'a> Letterbox<'a> {
    /// Scales `image` to fit a `width × height` input whose `border` (a share of each side, in
    /// [0, 1)) stays empty, half of it on either side. Without border the picture lies top-left.
    pub(super) fn fit(image: &'a Image, width: u32, height: u32, border: f32) -> Self {
        let (inner_width, inner_height) = (
            (width as f32 * (1.0 - border)).max(1.0),
            (height as f32 * (1.0 - border)).max(1.0),
        );
        let scale = (inner_width / image.width() as f32).min(inner_height / image.height() as f32);
        let scaled_width = ((image.width() as f32 * scale).round() as u32).clamp(1, width);
        let scaled_height = ((image.height() as f32 * scale).round() as u32).clamp(1, height);
        let (offset_x, offset_y) = if border > 0.0 {
            ((width - scaled_width) / 2, (height - scaled_height) / 2)
        } else {
            (0, 0)
        };
        Self::scaled(
            image,
            (scaled_width, scaled_height),
            (width, height),
            (offset_x, offset_y),
        )
    }

    /// Scales `image` to fill a `width × height` input, whatever that does to its proportions.
    pub(super) fn stretch(image: &'a Image, width: u32, height: u32) -> Self {
        Self::scaled(image, (width, height), (width, height), (0, 0))
    }

    fn scaled(
        image: &'a Image,
        scaled_size: (u32, u32),
        (width, height): (u32, u32),
        (offset_x, offset_y): (u32, u32),
    ) -> Self {
        let scaled = if scaled_size == (image.width(), image.height()) {
            Cow::Borrowed(image)
        } else {
            let resized = image.resized(scaled_size.0, scaled_size.1, ResizeFilter::Area);
            Cow::Owned(resized.expect("both sides are at least one pixel"))
        };
        let image_per_input = Point::new(
            image.width() as f32 / scaled_size.0 as f32,
            image.height() as f32 / scaled_size.1 as f32,
        );
        Self {
            scaled,
            width,
            height,
            offset_x,
            offset_y,
            image_per_input,
        }
    }

    /// Shape of the input: one picture, three channels.
    pub(super) fn shape(&self, normalization: &Normalization) -> [usize; 4] {
        normalization.shape(1, self.width, self.height)
    }

    /// Writes the input's values.
    pub(super) fn fill(&self, normalization: &Normalization, values: &mut [f32]) {
        normalization.write_padded(
            &self.scaled,
            (self.width, self.height),
            (self.offset_x, self.offset_y),
            values,
        );
    }

    /// Where a point of the input lies in the picture.
    pub(super) fn point_in_image(&self, x: f32, y: f32) -> Point {
        Point::new(
            (x - self.offset_x as f32) * self.image_per_input.x,
            (y - self.offset_y as f32) * self.image_per_input.y,
        )
    }

    /// Where a box of the input lies in the picture.
    pub(super) fn box_in_image(&self, left: f32, top: f32, right: f32, bottom: f32) -> BoundingBox {
        let (a, b) = (
            self.point_in_image(left, top),
            self.point_in_image(right, bottom),
        );
        BoundingBox {
            left: a.x,
            top: a.y,
            right: b.x,
            bottom: b.y,
        }
    }
}
