//! Turning a face upright: from landmarks to a crop in the pose that embedders were trained on.

use crate::geometry::{Landmarks, Point, SimilarityTransform};
use crate::image::Image;

/// A face warped to the canonical pose.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignedCrop {
    /// The crop, a square.
    pub image: Image,
    /// Takes a point of the picture to the crop.
    pub crop_from_image: SimilarityTransform,
}

/// Warps the face at `landmarks` so that they come to lie on `reference_points`, in a square of
/// `crop_size` pixels.
///
/// The transform is the least-squares similarity (rotation, scale, shift) onto the reference
/// points; pixels are interpolated bilinearly, black outside the picture, as the embedders'
/// training crops were made.
///
/// # Errors
/// [`AlignError`] if the landmarks coincide or are not finite.
pub fn align(
    image: &Image,
    landmarks: &Landmarks,
    reference_points: &[Point; 5],
    crop_size: u32,
) -> Result<AlignedCrop, AlignError> {
    let crop_from_image =
        SimilarityTransform::fit(&landmarks.to_array(), reference_points).ok_or(AlignError {
            landmarks: *landmarks,
        })?;
    let image = warp(image, crop_from_image.inverse(), crop_size);
    Ok(AlignedCrop {
        image,
        crop_from_image,
    })
}

/// Landmarks that span no area.
#[derive(Debug, thiserror::Error)]
#[error("expected five distinct landmarks, found {landmarks:?}")]
pub struct AlignError {
    /// The landmarks.
    pub landmarks: Landmarks,
}

/// Samples `image` at `image_from_crop` of each pixel of a square of `size`.
fn warp(image: &Image, image_from_crop: SimilarityTransform, size: u32) -> Image {
    let mut crop = Image::filled(size, size, [0; 3]);
    let rows = crop.pixels_mut().chunks_exact_mut(size as usize * 3);
    for (y, row) in rows.enumerate() {
        for (x, pixel) in row.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let at = image_from_crop.apply(Point::new(x as f32, y as f32));
            *pixel = sample(image, at);
        }
    }
    crop
}

/// The colour at `at`, interpolated between the four pixels around it; black outside.
fn sample(image: &Image, at: Point) -> [u8; 3] {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (x0, y0) = (at.x.floor(), at.y.floor());
    // One pixel beyond the border still blends into black.
    if !(x0 >= -1.0 && y0 >= -1.0 && x0 < width as f32 && y0 < height as f32) {
        return [0; 3];
    }
    let (fx, fy) = (at.x - x0, at.y - y0);
    let corners = if x0 >= 0.0 && y0 >= 0.0 && x0 < (width - 1) as f32 && y0 < (height - 1) as f32 {
        let start = (y0 as usize * width + x0 as usize) * 3;
        let upper = &image.pixels()[start..start + 6];
        let lower = &image.pixels()[start + width * 3..start + width * 3 + 6];
        [&upper[..3], &upper[3..], &lower[..3], &lower[3..]].map(pixel_of)
    } else {
        let (x, y) = (x0 as i64, y0 as i64);
        [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)].map(|(x, y)| {
            if x < 0 || y < 0 || x >= width as i64 || y >= height as i64 {
                return [0.0; 3];
            }
            let start = (y as usize * width + x as usize) * 3;
            pixel_of(&image.pixels()[start..start + 3])
        })
    };
    std::array::from_fn(|c| {
        let upper = corners[0][c] + (corners[1][c] - corners[0][c]) * fx;
        let lower = corners[2][c] + (corners[3][c] - corners[2][c]) * fx;
        (upper + (lower - upper) * fy + 0.5) as u8
    })
}

fn pixel_of(bytes: &[u8]) -> [f32; 3] {
    [bytes[0], bytes[1], bytes[2]].map(f32::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ARCFACE_POINTS;

    fn gradient(width: u32, height: u32) -> Image {
        let pixels = (0..height)
            .flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 77]))
            .collect();
        Image::from_rgb(width, height, pixels).unwrap()
    }

    #[test]
    fn landmarks_on_the_reference_points_leave_the_picture_as_it_is() {
        let image = gradient(112, 112);
        let landmarks = Landmarks::from_array(ARCFACE_POINTS);
        let crop = align(&image, &landmarks, &ARCFACE_POINTS, 112).unwrap();
        assert_eq!(crop.image, image);
    }

    #[test]
    fn a_shifted_face_comes_back_with_black_outside_the_picture() {
        let image = gradient(112, 112);
        let shifted = ARCFACE_POINTS.map(|p| Point::new(p.x + 20.0, p.y));
        let crop = align(
            &image,
            &Landmarks::from_array(shifted),
            &ARCFACE_POINTS,
            112,
        )
        .unwrap();
        assert_eq!(crop.image.pixels()[..3], [20, 0, 77]);
        let last = crop.image.pixels().last_chunk::<3>().unwrap();
        assert_eq!(last, &[0; 3]);
    }

    #[test]
    fn landmarks_that_coincide_are_refused() {
        let landmarks = Landmarks::from_array([Point::new(5.0, 5.0); 5]);
        assert!(align(&gradient(10, 10), &landmarks, &ARCFACE_POINTS, 112).is_err());
    }
}
