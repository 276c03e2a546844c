//! A picture inside another size.

use prosopon::Image;
use prosopon::image::ResizeFilter;

/// The picture as large as `size` allows, in the middle of black; its shape is kept.
pub(crate) fn fitted(image: &Image, size: (u32, u32)) -> Image {
    let (width, height) = (size.0.max(1), size.1.max(1));
    let scale = (f64::from(width) / f64::from(image.width()))
        .min(f64::from(height) / f64::from(image.height()));
    let side = |old: u32, limit: u32| ((f64::from(old) * scale).round() as u32).clamp(1, limit);
    let (inner_width, inner_height) = (side(image.width(), width), side(image.height(), height));
    let mut canvas = Image::filled(width, height, [0; 3]);
    // Both sides are at least one pixel, which is all that can be wrong.
    let Ok(inner) = image.resized(inner_width, inner_height, ResizeFilter::Area) else {
        return canvas;
    };
    let row = inner_width as usize * 3;
    let stride = width as usize * 3;
    let left = (width - inner_width) as usize / 2 * 3;
    let top = (height - inner_height) as usize / 2;
    let lines = canvas.pixels_mut().chunks_exact_mut(stride).skip(top);
    for (line, pixels) in lines.zip(inner.pixels().chunks_exact(row)) {
        line[left..left + row].copy_from_slice(pixels);
    }
    canvas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_is_kept_and_the_rest_is_black() {
        let wide = Image::filled(8, 2, [9; 3]);
        let canvas = fitted(&wide, (4, 4));
        let levels: Vec<u8> = canvas.pixels().iter().step_by(3 * 4).copied().collect();
        assert_eq!(levels, [0, 9, 0, 0]);
        let tall = fitted(&Image::filled(2, 8, [9; 3]), (4, 4));
        assert_eq!(&tall.pixels()[..12], [0, 0, 0, 9, 9, 9, 0, 0, 0, 0, 0, 0]);
    }
}
