//! What a classic method makes of a picture, drawn for people to look at.

use std::fmt;
use std::str::FromStr;

use super::blur::gaussian_blurred;
use super::clahe::Clahe;
use super::contour::external_contours;
use super::equalize::equalized;
use super::gradient::{GradientOperator, Gradients};
use super::gray::GrayImage;
use super::lbp::lbp_picture;
use super::median::median_blurred;
use super::otsu::{otsu_threshold, thresholded};
use super::strokes::strokes;
use super::wavelet_face::{WAVELET_FACE_LEVELS, wavelet_face};
use crate::image::Image;

/// Side of the neighbourhood of [`View::Gaussian`] and [`View::Median`], in pixels.
const BLUR_SIDE: u32 = 5;

/// Colour of outlines (vermilion of Okabe and Ito 2008).
const OUTLINE: [u8; 3] = [213, 94, 0];

/// A way to look at a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// Levels of grey.
    Gray,
    /// Levels spread evenly over the whole range.
    Equalised,
    /// Levels spread within tiles, with limited contrast.
    Clahe,
    /// Means weighted by a Gaussian of 5 × 5 pixels.
    Gaussian,
    /// The median of 5 × 5 pixels.
    Median,
    /// Local binary patterns: which of eight neighbours are at least as bright.
    Lbp,
    /// The wavelet face: details of all scales without the coarsest levels.
    Wavelet,
    /// Change along the rows.
    GradientX,
    /// Change down the columns.
    GradientY,
    /// Length of the gradient.
    Magnitude,
    /// Direction of the gradient, as a hue.
    Orientation,
    /// Oriented gradients of cells, as strokes.
    Hog,
    /// Two levels, parted by Otsu's threshold.
    Otsu,
    /// Outlines of what is light after a blur and Otsu's threshold.
    Contours,
}

impl View {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 14] = [
        Self::Gray,
        Self::Equalised,
        Self::Clahe,
        Self::Gaussian,
        Self::Median,
        Self::Lbp,
        Self::Wavelet,
        Self::GradientX,
        Self::GradientY,
        Self::Magnitude,
        Self::Orientation,
        Self::Hog,
        Self::Otsu,
        Self::Contours,
    ];

    /// The gradients.
    pub const GRADIENTS: [Self; 4] = [
        Self::GradientX,
        Self::GradientY,
        Self::Magnitude,
        Self::Orientation,
    ];

    /// Its short name: `gray`, `equalised`, `gradient_x` …
    pub fn name(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Equalised => "equalised",
            Self::Clahe => "clahe",
            Self::Gaussian => "gaussian",
            Self::Median => "median",
            Self::Lbp => "lbp",
            Self::Wavelet => "wavelet",
            Self::GradientX => "gradient_x",
            Self::GradientY => "gradient_y",
            Self::Magnitude => "magnitude",
            Self::Orientation => "orientation",
            Self::Hog => "hog",
            Self::Otsu => "otsu",
            Self::Contours => "contours",
        }
    }

    /// What it shows, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Gray => "Grey",
            Self::Equalised => "Equalised histogram",
            Self::Clahe => "CLAHE",
            Self::Gaussian => "Gaussian blur",
            Self::Median => "Median blur",
            Self::Lbp => "Local binary patterns",
            Self::Wavelet => "Wavelets",
            Self::GradientX => "Gradient along x",
            Self::GradientY => "Gradient along y",
            Self::Magnitude => "Gradient magnitude",
            Self::Orientation => "Gradient orientation",
            Self::Hog => "Oriented gradients (HOG)",
            Self::Otsu => "Otsu's threshold",
            Self::Contours => "Contours",
        }
    }

    /// What it shows, in a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::Gray => "Brightness alone: what most of these methods start from.",
            Self::Equalised => "Levels are spread evenly over the whole range.",
            Self::Clahe => {
                "Levels are spread within 8 × 8 tiles, and contrast is limited, so that noise stays low."
            }
            Self::Gaussian => {
                "Means of 5 × 5 pixels, weighted by a Gaussian: noise goes, edges soften."
            }
            Self::Median => "The median of 5 × 5 pixels: specks go, edges stay.",
            Self::Lbp => {
                "Which of its eight neighbours are at least as bright as a pixel, as a number of eight bits: the same in any light."
            }
            Self::Wavelet => {
                "Details of all scales without the coarse levels; dark sides of edges wrap around to light."
            }
            Self::GradientX => {
                "Light where the picture brightens to the right, dark where it darkens."
            }
            Self::GradientY => {
                "Light where the picture brightens downwards, dark where it darkens."
            }
            Self::Magnitude => "How fast brightness changes: edges are light.",
            Self::Orientation => {
                "The hue is the direction in which the picture brightens: red to the right, cyan to the left."
            }
            Self::Hog => {
                "In each cell a stroke along each direction of edges, brighter for more: what HOG counts."
            }
            Self::Otsu => "Two levels, parted where their means differ most.",
            Self::Contours => "Outlines of what is light, after a blur and Otsu's threshold.",
        }
    }

    /// Draws it: a picture of the same size, but that patterns are two pixels smaller and wavelets at most a pixel
    /// larger on each axis. Gradients are Sobel's. What a picture is too small for is black.
    pub fn draw(self, image: &Image) -> Image {
        self.draw_with(image, GradientOperator::Sobel)
    }

    /// As [`Self::draw`], with gradients by `operator`.
    pub fn draw_with(self, image: &Image, operator: GradientOperator) -> Image {
        let gray = GrayImage::from(image);
        let gradients = || Gradients::of(&gray, operator);
        // The side is odd, so that nothing refuses it.
        let blurred = || gaussian_blurred(&gray, BLUR_SIDE, 0.0).unwrap_or_else(|_| gray.clone());
        match self {
            Self::Gray => gray.to_rgb(),
            Self::Equalised => equalized(&gray).to_rgb(),
            Self::Clahe => Clahe::default().apply(&gray).to_rgb(),
            Self::Gaussian => blurred().to_rgb(),
            Self::Median => {
                let median = median_blurred(&gray, BLUR_SIDE);
                median.unwrap_or_else(|_| gray.clone()).to_rgb()
            }
            Self::Lbp => lbp_picture(&gray).map_or_else(|_| black(image), |p| p.to_rgb()),
            Self::Wavelet => {
                let face = wavelet_face(image, WAVELET_FACE_LEVELS);
                face.map_or_else(|_| black(image), |p| p.to_rgb())
            }
            Self::GradientX => gradients().x_image().to_rgb(),
            Self::GradientY => gradients().y_image().to_rgb(),
            Self::Magnitude => gradients().magnitude_image().to_rgb(),
            Self::Orientation => gradients().orientation_image(),
            Self::Hog => strokes(&gray).to_rgb(),
            Self::Otsu => thresholded(&gray, otsu_threshold(&gray), false).to_rgb(),
            Self::Contours => outlined(&gray, &blurred()),
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no view's.
#[derive(Debug, thiserror::Error)]
#[error("expected the name of a view, found `{name}`")]
pub struct UnknownView {
    /// What was found.
    pub name: String,
}

impl FromStr for View {
    type Err = UnknownView;

    fn from_str(name: &str) -> Result<Self, UnknownView> {
        let view = Self::ALL.into_iter().find(|view| view.name() == name);
        view.ok_or_else(|| UnknownView {
            name: name.to_owned(),
        })
    }
}

fn black(image: &Image) -> Image {
    Image::filled(image.width(), image.height(), [0; 3])
}

/// The picture in pale grey with the outlines of what is light in `blurred` on it.
fn outlined(gray: &GrayImage, blurred: &GrayImage) -> Image {
    let mut drawn = gray.to_rgb();
    for level in drawn.pixels_mut() {
        *level = 128 + *level / 2;
    }
    let light = thresholded(blurred, otsu_threshold(blurred), false);
    let (width, height) = (drawn.width(), drawn.height());
    // As thick as can be seen when the picture is shown in a column of a page.
    let reach = i64::from((width.max(height) / 500).min(4));
    for contour in external_contours(&light) {
        let next = contour.points.iter().cycle().skip(1);
        for (from, to) in contour.points.iter().zip(next) {
            line(&mut drawn, *from, *to, reach);
        }
    }
    drawn
}

/// A line between two turns of an outline, which is straight or exactly diagonal; `reach` pixels thick at each side.
fn line(image: &mut Image, from: (u32, u32), to: (u32, u32), reach: i64) {
    let (dx, dy) = (
        i64::from(to.0) - i64::from(from.0),
        i64::from(to.1) - i64::from(from.1),
    );
    let (width, height) = (i64::from(image.width()), i64::from(image.height()));
    for step in 0..=dx.abs().max(dy.abs()) {
        let (x, y) = (
            i64::from(from.0) + step * dx.signum(),
            i64::from(from.1) + step * dy.signum(),
        );
        for y in (y - reach).max(0)..=(y + reach).min(height - 1) {
            for x in (x - reach).max(0)..=(x + reach).min(width - 1) {
                let at = (y * width + x) as usize * 3;
                image.pixels_mut()[at..at + 3].copy_from_slice(&OUTLINE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_keeps_the_size_and_has_a_name_of_its_own() {
        for (width, height) in [(1, 1), (2, 3), (37, 20)] {
            let pixels = (0..width * height * 3).map(|i| (i * 37 % 251) as u8);
            let image = Image::from_rgb(width, height, pixels.collect()).unwrap();
            for view in View::ALL {
                let drawn = view.draw(&image);
                let differs = |a: u32, b: u32| match view {
                    View::Lbp => b - a > 2,
                    View::Wavelet => a - b > 1,
                    _ => a != b,
                };
                assert!(!differs(drawn.width(), width), "{view} {drawn:?}");
                assert!(!differs(drawn.height(), height), "{view} {drawn:?}");
            }
        }
        for (i, view) in View::ALL.into_iter().enumerate() {
            assert_eq!(view.name().parse::<View>().unwrap(), view);
            assert!(
                View::ALL[..i]
                    .iter()
                    .all(|other| other.title() != view.title())
            );
        }
        let error = "sobel".parse::<View>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected the name of a view, found `sobel`"
        );
    }

    #[test]
    fn outlines_run_around_what_is_light() {
        let mut pixels = vec![20; 40 * 40];
        for y in 10..30 {
            for x in 10..30 {
                pixels[y * 40 + x] = 220;
            }
        }
        let image = GrayImage::new(40, 40, pixels).unwrap().to_rgb();
        let drawn = View::Contours.draw(&image);
        let is_outline = |x: usize, y: usize| {
            let at = (y * 40 + x) * 3;
            drawn.pixels()[at..at + 3] == OUTLINE
        };
        assert!(is_outline(10, 20) && is_outline(29, 20) && is_outline(20, 10));
        assert!(!is_outline(20, 20) && !is_outline(5, 5));
    }
}
