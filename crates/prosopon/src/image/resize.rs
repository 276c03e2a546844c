//! Other sizes of a picture or of a part of it, by the SIMD kernels of `fast_image_resize`.

use fast_image_resize::images::{TypedCroppedImageMut, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{Filter, FilterType, ResizeAlg, ResizeOptions, Resizer};

use super::{Image, ImageError};
use crate::geometry::BoundingBox;

/// A rectangle of whole pixels inside a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Pixels to the left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Region {
    /// The whole pixels of a box, with this share of its sides added on each side, as far as a picture of
    /// this width and height reaches; none if that is nothing.
    pub fn around(
        bounding_box: &BoundingBox,
        margin: f32,
        (width, height): (u32, u32),
    ) -> Option<Self> {
        let b = bounding_box;
        let (dx, dy) = (b.width() * margin, b.height() * margin);
        // Edges of boxes lie between pixels.
        let edge = |value: f32, side: u32| value.round().clamp(0.0, side as f32) as u32;
        let (left, right) = (edge(b.left - dx, width), edge(b.right + dx, width));
        let (top, bottom) = (edge(b.top - dy, height), edge(b.bottom + dy, height));
        (right > left && bottom > top).then(|| Self {
            left,
            top,
            width: right - left,
            height: bottom - top,
        })
    }
}

/// How new pixels are made from old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResizeFilter {
    /// Shrinking averages the pixels that a new one covers, as `cv2.INTER_AREA` does;
    /// enlarging interpolates between neighbours. What detectors and crops want.
    #[default]
    Area,
    /// A triangle that grows with the reduction, as Pillow's `BILINEAR`: a little softer.
    Triangle,
    /// The four nearest pixels whatever the reduction, as `cv2.INTER_LINEAR`: fast, but
    /// shrinking by more than two skips pixels.
    Linear,
}

impl ResizeFilter {
    fn algorithm(self, source: Region, target: Region) -> ResizeAlg {
        let shrinks = target.width <= source.width && target.height <= source.height;
        match self {
            Self::Area if shrinks => ResizeAlg::Convolution(area(source, target)),
            Self::Area | Self::Triangle => ResizeAlg::Convolution(FilterType::Bilinear),
            Self::Linear => ResizeAlg::Interpolation(FilterType::Bilinear),
        }
    }
}

/// Weights by the part of each old pixel that the new one covers.
///
/// The library's own box gives every pixel whose centre is covered the same weight, which moves
/// edges by up to half an old pixel and differs from `cv2.INTER_AREA` by 0.4 to 3.5 levels on average, these
/// weights by 0.1 to 0.4. The exact weights
/// depend on the reduction, and a filter is a plain function: so there is one for each of 16 steps.
fn area(source: Region, target: Region) -> FilterType {
    /// The part of a new pixel, one wide, that an old one of `STEPS / 16` covers at distance `x`.
    fn covered<const STEPS: usize>(x: f64) -> f64 {
        let half = STEPS as f64 / 32.0;
        ((x + half).min(0.5) - (x - half).max(-0.5)).max(0.0)
    }
    const FILTERS: [fn(f64) -> f64; 16] = [
        covered::<1>,
        covered::<2>,
        covered::<3>,
        covered::<4>,
        covered::<5>,
        covered::<6>,
        covered::<7>,
        covered::<8>,
        covered::<9>,
        covered::<10>,
        covered::<11>,
        covered::<12>,
        covered::<13>,
        covered::<14>,
        covered::<15>,
        covered::<16>,
    ];
    let ratio = |old: u32, new: u32| f64::from(new) / f64::from(old);
    let old_in_new = f64::midpoint(
        ratio(source.width, target.width),
        ratio(source.height, target.height),
    );
    let steps = (old_in_new * 16.0).round() as usize;
    // Less than one step: so many pixels are covered that the parts at the edge do not matter.
    let Some(covered) = steps.checked_sub(1).and_then(|i| FILTERS.get(i)) else {
        return FilterType::Box;
    };
    Filter::new("area", *covered, 0.5 + steps as f64 / 32.0)
        .map_or(FilterType::Box, FilterType::Custom)
}

impl Image {
    /// The whole picture as a region of itself.
    pub fn region(&self) -> Region {
        Region {
            left: 0,
            top: 0,
            width: self.width,
            height: self.height,
        }
    }

    /// The part of the picture inside `region`.
    ///
    /// # Errors
    /// [`ImageError::Region`] if the region is empty or reaches past the picture.
    pub fn cropped(&self, region: Region) -> Result<Self, ImageError> {
        self.check(region)?;
        let mut cropped = Self::filled(region.width, region.height, [0; 3]);
        let whole = cropped.region();
        self.copy_into(region, &mut cropped, whole);
        Ok(cropped)
    }

    /// The picture with other sides, in pixels.
    ///
    /// # Errors
    /// [`ImageError::Shape`] if a side is zero.
    pub fn resized(
        &self,
        width: u32,
        height: u32,
        filter: ResizeFilter,
    ) -> Result<Self, ImageError> {
        let len = width as usize * height as usize * 3;
        let mut resized = Self::from_rgb(width, height, vec![0; len])?;
        let target = resized.region();
        self.resize_into(self.region(), &mut resized, target, filter)?;
        Ok(resized)
    }

    /// Draws `source` of this picture into `target` of `canvas`, scaled to fit; the rest of the
    /// canvas stays as it is.
    ///
    /// # Errors
    /// [`ImageError::Region`] if a region is empty or reaches past its picture.
    pub fn resize_into(
        &self,
        source: Region,
        canvas: &mut Self,
        target: Region,
        filter: ResizeFilter,
    ) -> Result<(), ImageError> {
        self.check(source)?;
        canvas.check(target)?;
        if (source.width, source.height) == (target.width, target.height) {
            self.copy_into(source, canvas, target);
            return Ok(());
        }
        let outside = canvas.outside(target);
        let from = TypedImageRef::<U8x3>::from_buffer(self.width, self.height, &self.pixels)
            .map_err(|_| self.outside(source))?;
        let into = TypedImage::<U8x3>::from_buffer(canvas.width, canvas.height, &mut canvas.pixels);
        let (Ok(into), options) = (into, options(source, target, filter)) else {
            return Err(outside);
        };
        let Region {
            left,
            top,
            width,
            height,
        } = target;
        TypedCroppedImageMut::new(into, left, top, width, height)
            .ok()
            .and_then(|mut into| Resizer::new().resize_typed(&from, &mut into, &options).ok())
            .ok_or(outside)
    }

    fn copy_into(&self, source: Region, canvas: &mut Self, target: Region) {
        let row = |image: &Self, region: Region, y: u32| {
            let start = (region.top + y) as usize * image.width as usize + region.left as usize;
            start * 3..(start + region.width as usize) * 3
        };
        for y in 0..source.height {
            let to = row(canvas, target, y);
            canvas.pixels[to].copy_from_slice(&self.pixels[row(self, source, y)]);
        }
    }

    fn check(&self, region: Region) -> Result<(), ImageError> {
        let fits = |start: u32, len: u32, side: u32| {
            len > 0 && start.checked_add(len).is_some_and(|end| end <= side)
        };
        let inside = fits(region.left, region.width, self.width)
            && fits(region.top, region.height, self.height);
        inside.then_some(()).ok_or_else(|| self.outside(region))
    }

    fn outside(&self, region: Region) -> ImageError {
        ImageError::Region {
            width: self.width,
            height: self.height,
            left: region.left,
            top: region.top,
            region_width: region.width,
            region_height: region.height,
        }
    }
}

fn options(source: Region, target: Region, filter: ResizeFilter) -> ResizeOptions {
    ResizeOptions::new()
        .resize_alg(filter.algorithm(source, target))
        .crop(
            f64::from(source.left),
            f64::from(source.top),
            f64::from(source.width),
            f64::from(source.height),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient(width: u32, height: u32) -> Image {
        let pixels = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [(x * 2) as u8, (y * 2) as u8, 9]))
            .collect();
        Image::from_rgb(width, height, pixels).unwrap()
    }

    #[test]
    fn halving_averages_four_pixels() {
        let picture =
            Image::from_rgb(2, 2, vec![0, 0, 0, 10, 20, 30, 20, 40, 60, 30, 60, 90]).unwrap();
        let half = picture.resized(1, 1, ResizeFilter::Area).unwrap();
        assert_eq!(half.pixels(), [15, 30, 45]);
    }

    #[test]
    fn one_colour_stays_that_colour() {
        let picture = Image::filled(37, 23, [200, 100, 50]);
        for filter in [
            ResizeFilter::Area,
            ResizeFilter::Triangle,
            ResizeFilter::Linear,
        ] {
            for (width, height) in [(1, 1), (13, 7), (100, 90), (50, 10)] {
                let resized = picture.resized(width, height, filter).unwrap();
                assert!(
                    resized == Image::filled(width, height, [200, 100, 50]),
                    "{filter:?}"
                );
            }
        }
    }

    #[test]
    fn a_region_lands_in_a_region_and_nothing_else_changes() {
        let picture = gradient(100, 80);
        let source = Region {
            left: 10,
            top: 20,
            width: 40,
            height: 40,
        };
        for side in [40, 20, 60] {
            let mut canvas = Image::filled(64, 72, [1, 2, 3]);
            let target = Region {
                left: 3,
                top: 5,
                width: side,
                height: side,
            };
            picture
                .resize_into(source, &mut canvas, target, ResizeFilter::Area)
                .unwrap();
            let alone = {
                let mut part = Image::filled(side, side, [0; 3]);
                let whole = part.region();
                picture
                    .resize_into(source, &mut part, whole, ResizeFilter::Area)
                    .unwrap();
                part
            };
            for y in 0..72 {
                for x in 0..64 {
                    let at = |image: &Image, x: u32, y: u32| {
                        let start = (y * image.width() + x) as usize * 3;
                        image.pixels()[start..start + 3].to_vec()
                    };
                    let inside = (3..3 + side).contains(&x) && (5..5 + side).contains(&y);
                    let expected = if inside {
                        at(&alone, x - 3, y - 5)
                    } else {
                        vec![1, 2, 3]
                    };
                    assert_eq!(at(&canvas, x, y), expected, "({x}, {y})");
                }
            }
            // The middle of the region is the middle of the gradient.
            let middle = (side / 2 * side + side / 2) as usize * 3;
            assert!(alone.pixels()[middle].abs_diff(60) <= 1);
        }
    }

    #[test]
    fn regions_outside_are_refused() {
        let picture = gradient(10, 10);
        let mut canvas = gradient(10, 10);
        let whole = picture.region();
        for region in [
            Region { width: 11, ..whole },
            Region { left: 1, ..whole },
            Region { height: 0, ..whole },
            Region {
                left: u32::MAX,
                ..whole
            },
        ] {
            let error = picture
                .resize_into(region, &mut canvas, whole, ResizeFilter::Area)
                .unwrap_err();
            assert_eq!(error.code(), "outside_picture");
            assert!(
                picture
                    .resize_into(whole, &mut canvas, region, ResizeFilter::Area)
                    .is_err()
            );
        }
        assert_eq!(
            picture
                .resized(0, 5, ResizeFilter::Area)
                .unwrap_err()
                .code(),
            "wrong_shape"
        );
    }
}
