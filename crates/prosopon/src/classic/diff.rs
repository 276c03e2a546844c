//! Where two pictures differ: structural similarity, Otsu's threshold on its map, outlines, boxes.
//!
//! The steps are those that are usual with scikit-image and `OpenCV`: `structural_similarity(full=True)`, the map
//! times 255 as 8 bits, `cv2.threshold(THRESH_BINARY_INV | THRESH_OTSU)`, `cv2.findContours(RETR_EXTERNAL)`; the
//! values are theirs. What the map has below zero is zero here, where `NumPy` would wrap it into light grey.

use super::contour::external_contours;
use super::gray::GrayImage;
use super::otsu::{otsu_threshold, thresholded};
use super::ssim::{SsimError, Window, structural_similarity};
use crate::align::{AlignError, align};
use crate::annotate::{Annotation, annotate};
use crate::geometry::{BoundingBox, Landmarks, Point};
use crate::image::{Image, ImageError, Region, ResizeFilter};
use crate::model::ARCFACE_POINTS;

/// Least area of a place that counts: the outline around the 7 × 7 pixels whose windows hold one changed
/// pixel has 6 × 6.
pub const MIN_AREA: f64 = 36.0;

/// Colour of the boxes (vermilion of Okabe and Ito 2008).
const BOX_COLOR: [u8; 3] = [213, 94, 0];

/// How pictures are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiffOptions {
    /// The neighbourhood of a pixel.
    pub window: Window,
    /// Compare red, green and blue and take the mean, instead of grey levels.
    pub in_color: bool,
    /// Level of the map, 255 for equal, up to which a place differs; Otsu's if none.
    pub level: Option<u8>,
    /// Least area of a place, in pixels as [`super::Contour::area`] counts them.
    pub min_area: f64,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self {
            window: Window::Uniform,
            in_color: false,
            level: None,
            min_area: MIN_AREA,
        }
    }
}

/// How two pictures differ.
#[derive(Debug, Clone, PartialEq)]
pub struct PictureDiff {
    /// Mean structural similarity, in [−1, 1]; 1 for equal pictures.
    pub ssim: f64,
    /// Similarity at each pixel: white where the two are alike, dark where they differ.
    pub map: GrayImage,
    /// Level of the map up to which a place differs.
    pub level: u8,
    /// Places that differ, the largest first.
    pub regions: Vec<DiffRegion>,
}

/// A place that differs, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct DiffRegion {
    /// Pixels to the left of it.
    pub left: u32,
    /// Pixels above it.
    pub top: u32,
    /// Width of the smallest rectangle around it.
    pub width: u32,
    /// Height of that rectangle.
    pub height: u32,
    /// Area within its outline.
    pub area: f64,
}

impl PictureDiff {
    /// Compares two pictures of one size.
    ///
    /// # Errors
    /// [`SsimError`] if their sizes differ or are smaller than the window.
    ///
    /// # Examples
    /// ```
    /// use prosopon::Image;
    /// use prosopon::classic::{DiffOptions, PictureDiff};
    ///
    /// let a = Image::filled(60, 40, [90; 3]);
    /// let same = PictureDiff::of(&a, &a, &DiffOptions::default())?;
    /// assert_eq!((same.ssim, same.regions.len()), (1.0, 0));
    /// # Ok::<(), prosopon::classic::SsimError>(())
    /// ```
    pub fn of(a: &Image, b: &Image, options: &DiffOptions) -> Result<Self, SsimError> {
        let compare = |a: &GrayImage, b: &GrayImage| structural_similarity(a, b, options.window);
        let (ssim, values) = if options.in_color {
            let mut mean = 0.0;
            let mut values = vec![0.0; a.width() as usize * a.height() as usize];
            for c in 0..3 {
                let found = compare(&channel(a, c), &channel(b, c))?;
                mean += found.mean / 3.0;
                let pairs = values.iter_mut().zip(&found.map);
                pairs.for_each(|(sum, value)| *sum += value / 3.0);
            }
            (mean, values)
        } else {
            let found = compare(&GrayImage::from(a), &GrayImage::from(b))?;
            (found.mean, found.map)
        };
        // `as` truncates, as NumPy does, and takes what is below zero as zero. Three thirds of one may be a
        // rounding error below it.
        let level_of = |value: &f64| (value * 255.0 + 1e-9) as u8;
        let map = GrayImage::sized(
            (a.width(), a.height()),
            values.iter().map(level_of).collect(),
        );
        let level = options.level.unwrap_or_else(|| otsu_threshold(&map));
        Ok(Self {
            ssim,
            regions: differing_regions(&map, level, options.min_area),
            level,
            map,
        })
    }

    /// White where the pictures differ, black elsewhere.
    pub fn mask(&self) -> GrayImage {
        thresholded(&self.map, self.level, true)
    }

    /// A copy of `image`, one of the two, with a box around each place.
    pub fn boxed(&self, image: &Image) -> Image {
        let annotation = |region: &DiffRegion| Annotation {
            bounding_box: BoundingBox {
                left: region.left as f32,
                top: region.top as f32,
                right: (region.left + region.width) as f32,
                bottom: (region.top + region.height) as f32,
            },
            landmarks: None,
            label: None,
            color: BOX_COLOR,
        };
        let annotations: Vec<Annotation> = self.regions.iter().map(annotation).collect();
        annotate(image, &annotations)
    }
}

/// The places where a map of similarity is at or below `level` and whose outline holds at least `min_area`
/// pixels, the largest first.
pub fn differing_regions(map: &GrayImage, level: u8, min_area: f64) -> Vec<DiffRegion> {
    let contours = external_contours(&thresholded(map, level, true));
    let mut regions: Vec<DiffRegion> = contours
        .iter()
        .map(|contour| {
            let (left, top, width, height) = contour.bounding_box();
            DiffRegion {
                left,
                top,
                width,
                height,
                area: contour.area(),
            }
        })
        .filter(|region| region.area >= min_area)
        .collect();
    regions.sort_by(|a, b| b.area.total_cmp(&a.area));
    regions
}

fn channel(image: &Image, c: usize) -> GrayImage {
    let (pixels, _) = image.pixels().as_chunks::<3>();
    GrayImage::sized(
        (image.width(), image.height()),
        pixels.iter().map(|pixel| pixel[c]).collect(),
    )
}

/// The second picture in the size of the first.
///
/// # Errors
/// As [`Image::resized`].
pub fn fitted_by_resizing(a: &Image, b: &Image) -> Result<(Image, Image), ImageError> {
    let b = b.resized(a.width(), a.height(), ResizeFilter::Area)?;
    Ok((a.clone(), b))
}

/// Both pictures without what one has more than the other, at all sides alike.
///
/// # Errors
/// As [`Image::cropped`].
pub fn fitted_by_cropping(a: &Image, b: &Image) -> Result<(Image, Image), ImageError> {
    let (width, height) = (a.width().min(b.width()), a.height().min(b.height()));
    let middle = |image: &Image| {
        image.cropped(Region {
            left: (image.width() - width) / 2,
            top: (image.height() - height) / 2,
            width,
            height,
        })
    };
    Ok((middle(a)?, middle(b)?))
}

/// The faces of both pictures upright, in squares of `side` pixels, their eyes, noses and mouths at the same
/// places as far as turning, scaling and shifting can bring them there.
///
/// # Errors
/// [`AlignError`] if landmarks coincide.
pub fn fitted_by_landmarks(
    (a, a_landmarks): (&Image, &Landmarks),
    (b, b_landmarks): (&Image, &Landmarks),
    side: u32,
) -> Result<(Image, Image), AlignError> {
    let scale = side as f32 / 112.0;
    let points = ARCFACE_POINTS.map(|p| Point::new(p.x * scale, p.y * scale));
    let upright = |image, landmarks| align(image, landmarks, &points, side).map(|crop| crop.image);
    Ok((upright(a, a_landmarks)?, upright(b, b_landmarks)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waves in every colour, so that no window is flat.
    fn waves(width: u32, height: u32) -> Image {
        let pixels = (0..height).flat_map(|y| {
            (0..width).flat_map(move |x| {
                let wave = |step: f64| (f64::from(x * 3 + y * y / 7) / step).sin();
                [5.0, 7.0, 11.0].map(|step| (128.0 + 90.0 * wave(step)) as u8)
            })
        });
        Image::from_rgb(width, height, pixels.collect()).unwrap()
    }

    fn with_patch(image: &Image, (left, top): (u32, u32), side: u32, color: [u8; 3]) -> Image {
        let mut image = image.clone();
        let width = image.width();
        for y in top..top + side {
            for x in left..left + side {
                let at = (y * width + x) as usize * 3;
                image.pixels_mut()[at..at + 3].copy_from_slice(&color);
            }
        }
        image
    }

    #[test]
    fn a_changed_place_is_found_and_boxed() {
        let a = waves(120, 90);
        let b = with_patch(&with_patch(&a, (20, 30), 16, [255; 3]), (80, 10), 9, [0; 3]);
        for in_color in [false, true] {
            let options = DiffOptions {
                in_color,
                ..DiffOptions::default()
            };
            let diff = PictureDiff::of(&a, &b, &options).unwrap();
            assert!(diff.ssim < 0.99, "{}", diff.ssim);
            let [large, small] = &diff.regions[..] else {
                panic!("{:?}", diff.regions);
            };
            // Windows reach three pixels past what changed.
            let close = |found: u32, expected: u32| found.abs_diff(expected) <= 3;
            assert!(close(large.left, 20) && close(large.top, 30), "{large:?}");
            assert!(close(large.left + large.width, 36), "{large:?}");
            assert!(close(small.left, 80) && close(small.top, 10), "{small:?}");
            assert!(large.area > small.area);
            assert!(diff.boxed(&b) != b);
            let inside = (35 * 120 + 25) as usize;
            assert_eq!(diff.mask().pixels()[inside], 255);
            let back = PictureDiff::of(&b, &a, &options).unwrap();
            assert!((back.ssim - diff.ssim).abs() < 1e-12);
        }
    }

    #[test]
    fn equal_pictures_have_no_places_whatever_the_options() {
        let a = waves(40, 30);
        for window in [Window::Uniform, Window::Gaussian] {
            for in_color in [false, true] {
                let options = DiffOptions {
                    window,
                    in_color,
                    min_area: 0.0,
                    ..DiffOptions::default()
                };
                let diff = PictureDiff::of(&a, &a, &options).unwrap();
                assert!((diff.ssim - 1.0).abs() < 1e-12);
                assert!(diff.regions.is_empty(), "{:?}", diff.regions);
            }
        }
    }

    #[test]
    fn colours_of_one_grey_differ_only_in_colour() {
        // 90 in grey, both of them.
        let red = Image::filled(30, 30, [255, 14, 50]);
        let gray = GrayImage::from(&red).pixels()[0];
        let b = with_patch(&red, (8, 8), 12, [gray; 3]);
        let in_gray = PictureDiff::of(&red, &b, &DiffOptions::default()).unwrap();
        assert!(in_gray.regions.is_empty());
        let options = DiffOptions {
            in_color: true,
            ..DiffOptions::default()
        };
        let in_color = PictureDiff::of(&red, &b, &options).unwrap();
        assert_eq!(in_color.regions.len(), 1);
    }

    #[test]
    fn small_places_and_a_level_of_ones_own() {
        let a = waves(60, 60);
        let b = with_patch(&a, (20, 20), 12, [255; 3]);
        let options = DiffOptions {
            min_area: 1e6,
            ..DiffOptions::default()
        };
        assert!(
            PictureDiff::of(&a, &b, &options)
                .unwrap()
                .regions
                .is_empty()
        );
        let options = DiffOptions {
            level: Some(254),
            min_area: 0.0,
            ..DiffOptions::default()
        };
        let diff = PictureDiff::of(&a, &b, &options).unwrap();
        assert_eq!(diff.level, 254);
        // Every window that holds a changed pixel: three pixels more at each side.
        assert_eq!(diff.regions.len(), 1);
        assert!(diff.regions[0].width >= 17 && diff.regions[0].width <= 18);
    }

    #[test]
    fn pictures_are_brought_to_one_size() {
        let (a, b) = (waves(40, 30), waves(30, 36));
        let (x, y) = fitted_by_resizing(&a, &b).unwrap();
        assert_eq!((x.width(), y.width(), y.height()), (40, 40, 30));
        let (x, y) = fitted_by_cropping(&a, &b).unwrap();
        assert_eq!((x.width(), x.height()), (30, 30));
        assert_eq!((y.width(), y.height()), (30, 30));
        assert!(matches!(
            PictureDiff::of(&a, &b, &DiffOptions::default()),
            Err(SsimError::Sizes { .. })
        ));
        let landmarks = |dx: f32| {
            Landmarks::from_array(ARCFACE_POINTS.map(|p| Point::new(p.x / 4.0 + dx, p.y / 4.0)))
        };
        let (x, y) = fitted_by_landmarks((&a, &landmarks(0.0)), (&a, &landmarks(0.0)), 56).unwrap();
        assert_eq!(x.width(), 56);
        assert!(x == y);
    }
}
