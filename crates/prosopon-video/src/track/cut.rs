//! Where one shot of a film ends and the next begins.

use prosopon::Image;

/// Cells of the small picture that frames are compared by.
const COLUMNS: usize = 32;
const ROWS: usize = 18;

/// Pixels in a cell along each side that are looked at.
const SAMPLES: usize = 3;

/// Least mean difference of a cut, in levels of 255, and how many times the usual difference from frame to frame it is.
/// On the clip of the tests cuts differ by 18 to 40 levels, all other frames by at most 4.
const LEAST: f32 = 9.0;
const TIMES: f32 = 4.0;

/// Share of the newest difference in the usual one.
const MEMORY: f32 = 0.1;

/// Finds cuts by how much small copies of two successive frames differ.
///
/// It takes some microseconds a frame. Fades and very similar shots are missed, and a lamp that is switched on is taken
/// for a cut; neither does harm, since after a cut faces are linked by their embeddings.
#[derive(Debug, Clone, Default)]
pub struct CutDetector {
    last: Vec<f32>,
    usual: Option<f32>,
}

impl CutDetector {
    /// Whether `image` begins a new shot. The first frame does not.
    pub fn is_cut(&mut self, image: &Image) -> bool {
        let now = small(image);
        let difference = if self.last.len() == now.len() {
            let pairs = self.last.iter().zip(&now);
            pairs.map(|(a, b)| (a - b).abs()).sum::<f32>() / now.len() as f32
        } else {
            0.0
        };
        self.last = now;
        let usual = self.usual.unwrap_or(difference.min(LEAST));
        let is_cut = difference >= LEAST && difference >= usual * TIMES;
        if !is_cut {
            self.usual = Some(usual + (difference - usual) * MEMORY);
        }
        is_cut
    }
}

/// Mean colours of a grid of cells.
fn small(image: &Image) -> Vec<f32> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let pixels = image.pixels();
    let (across, down) = (COLUMNS * SAMPLES, ROWS * SAMPLES);
    let mut cells = vec![0.0; COLUMNS * ROWS * 3];
    for j in 0..down {
        let y = (2 * j + 1) * height / (2 * down);
        for i in 0..across {
            let x = (2 * i + 1) * width / (2 * across);
            let start = (y * width + x) * 3;
            let cell = (j / SAMPLES * COLUMNS + i / SAMPLES) * 3;
            for channel in 0..3 {
                cells[cell + channel] += f32::from(pixels[start + channel]);
            }
        }
    }
    for value in &mut cells {
        *value /= (SAMPLES * SAMPLES) as f32;
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripes(shift: u32, colors: [[u8; 3]; 2]) -> Image {
        let pixels = (0..90u32)
            .flat_map(|_| (0..160u32).flat_map(move |x| colors[((x + shift) / 40 % 2) as usize]));
        Image::from_rgb(160, 90, pixels.collect()).expect("a picture")
    }

    #[test]
    fn a_new_scene_is_a_cut_and_motion_is_none() {
        let mut cuts = CutDetector::default();
        let (day, night) = (
            [[200, 190, 180], [120, 160, 90]],
            [[20, 20, 30], [60, 30, 10]],
        );
        let found: Vec<bool> = (0..60)
            .map(|i| cuts.is_cut(&stripes(i, if i < 30 { day } else { night })))
            .collect();
        let at: Vec<usize> = (0..60).filter(|&i| found[i]).collect();
        assert_eq!(at, [30]);
    }

    #[test]
    fn pictures_of_any_size_are_compared() {
        let mut cuts = CutDetector::default();
        assert!(!cuts.is_cut(&Image::filled(1, 1, [0; 3])));
        assert!(cuts.is_cut(&Image::filled(3000, 2, [255; 3])));
        assert!(!cuts.is_cut(&Image::filled(7, 500, [255; 3])));
    }
}
