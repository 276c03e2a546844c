//! A picture of oriented gradients, as they are usually shown: in each cell a stroke along each direction of
//! edges, the brighter the more of them there are (Dalal and Triggs 2005, figure 6).

use super::gradient::{GradientOperator, Gradients};
use super::gray::GrayImage;

/// Directions that are told apart, over half a turn.
const DIRECTIONS: usize = 9;
/// Side of a cell in pixels.
const CELL: usize = 8;
/// Cells along the longer side at most: in larger pictures cells grow, or strokes could not be seen.
const MOST_CELLS: usize = 60;

/// Draws the strokes of a picture; what is left at the right and lower border because cells are whole stays
/// black.
pub(super) fn strokes(gray: &GrayImage) -> GrayImage {
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let cell = CELL.max(width.max(height).div_ceil(MOST_CELLS));
    let (columns, rows) = (width / cell, height / cell);
    let gradients = Gradients::of(gray, GradientOperator::Central);
    let mut counts = vec![[0f32; DIRECTIONS]; columns * rows];
    for y in 0..rows * cell {
        for x in 0..columns * cell {
            let at = y * width + x;
            let (dx, dy) = (gradients.x[at], gradients.y[at]);
            let turn = dy.atan2(dx).rem_euclid(std::f32::consts::PI) / std::f32::consts::PI;
            let direction = ((turn * DIRECTIONS as f32) as usize).min(DIRECTIONS - 1);
            counts[y / cell * columns + x / cell][direction] += dx.hypot(dy);
        }
    }
    let most = counts.iter().flatten().fold(0f32, |most, n| most.max(*n));
    let mut levels = vec![0u8; width * height];
    for (i, counts) in counts.iter().enumerate() {
        let center = [i % columns, i / columns].map(|place| (place * cell + cell / 2) as f32);
        for (direction, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0.0) {
            // The root lifts weak edges, which would be lost in the dark.
            let level = ((n / most).sqrt() * 255.0).round() as u8;
            // Edges run across the gradient.
            let angle = (direction as f32 + 0.5) / DIRECTIONS as f32 * std::f32::consts::PI;
            let (along_x, along_y) = (-angle.sin(), angle.cos());
            let reach = (cell as f32 / 2.0 - 1.0).max(1.0);
            let steps = (2.0 * reach) as i32;
            for step in -steps..=steps {
                let share = step as f32 / steps as f32 * reach;
                let x = (center[0] + along_x * share).round() as usize;
                let y = (center[1] + along_y * share).round() as usize;
                if x < width && y < height {
                    let old = &mut levels[y * width + x];
                    *old = level.max(*old);
                }
            }
        }
    }
    GrayImage::sized((gray.width(), gray.height()), levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How bright the strokes are along the rows and down the columns.
    fn brightness(picture: &GrayImage) -> (u64, u64) {
        let width = picture.width() as usize;
        let level = |x: usize, y: usize| u64::from(picture.pixels()[y * width + x]);
        // Three pixels from the middle of each cell, to the right and below.
        let middles = (4..60)
            .step_by(8)
            .flat_map(|y| (4..60).step_by(8).map(move |x| (x, y)));
        middles.fold((0, 0), |(along, down), (x, y)| {
            (along + level(x + 3, y), down + level(x, y + 3))
        })
    }

    #[test]
    fn strokes_run_along_edges() {
        let stripes = |of: fn(usize, usize) -> usize| {
            let pixels = (0..64 * 64).map(|i| if of(i % 64, i / 64) % 8 < 4 { 20 } else { 200 });
            strokes(&GrayImage::new(64, 64, pixels.collect()).unwrap())
        };
        let (along, down) = brightness(&stripes(|_, y| y));
        assert!(along > 0 && along > 3 * down, "{along} {down}");
        let (along, down) = brightness(&stripes(|x, _| x));
        assert!(down > 0 && down > 3 * along, "{along} {down}");
    }

    #[test]
    fn plain_and_tiny_pictures_are_black() {
        for side in [1, 7, 20] {
            let plain = GrayImage::new(side, side, vec![90; (side * side) as usize]).unwrap();
            assert!(strokes(&plain).pixels().iter().all(|level| *level == 0));
        }
    }
}
