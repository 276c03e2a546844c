//! Integral images (Crow 1984; the tilted one Lienhart and Maydt 2002) of a part of a picture.
//!
//! An integral image holds at each corner between pixels the sum of all pixels above and left of it, so
//! that the sum of any rectangle is that of four corners. Sums are taken modulo 2³²: however large the
//! picture, a rectangle comes out right if its own sum is below 2³². That holds for pixels up to 16
//! megapixels and for squares of pixels up to 66,051, more than any window of a cascade has.
//!
//! Only a tile is held, a few hundred pixels wide, so that it stays in the processor's cache.

/// Corners from one row of a tile to the next.
pub(super) const STRIDE: usize = 320;

/// Room behind the last corner, so that a window anywhere in a tile can be read with 16-bit offsets.
pub(super) const REACH: usize = 1 << 16;

/// In which order the corners of a row lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnOrder {
    /// As they come.
    Plain,
    /// First the even ones, then, from the middle of the row on, the odd ones: what windows two pixels
    /// apart need lies side by side.
    EvenOdd,
}

impl ColumnOrder {
    /// Where a corner lies in its row. For windows that begin at an even column, this is also where
    /// it lies from the window's own place on.
    pub(super) fn place(self, column: usize) -> usize {
        match self {
            Self::Plain => column,
            Self::EvenOdd => column / 2 + (column % 2) * (STRIDE / 2),
        }
    }
}

/// Most pixels of a row of a tile.
pub(super) const MAX_TILE_WIDTH: usize = STRIDE - 1;

/// Integral images of one part of a picture at a time.
#[derive(Debug, Default)]
pub(super) struct IntegralTile {
    /// Sums of pixels.
    pub(super) sums: Vec<u32>,
    /// Sums of squared pixels.
    pub(super) squares: Vec<u32>,
    /// Sums of the pixels in the triangle that opens upwards from the corner, with right angles at it.
    pub(super) tilted: Vec<u32>,
    triangles: [Vec<u32>; 3],
}

impl IntegralTile {
    /// Takes in the pixels of `rows`: `pitch` from one row to the next, of which `columns`, at most
    /// [`MAX_TILE_WIDTH`], are taken from `left` on.
    pub(super) fn fill(
        &mut self,
        rows: &[u8],
        pitch: usize,
        (left, columns): (usize, usize),
        order: ColumnOrder,
        with_tilted: bool,
    ) {
        let n_rows = rows.len() / pitch;
        let len = (n_rows + 1) * STRIDE + REACH;
        for corners in [&mut self.sums, &mut self.squares] {
            if corners.len() < len {
                corners.resize(len, 0);
            }
            corners[..STRIDE].fill(0);
        }
        let lines = rows.chunks_exact(pitch).map(|row| &row[left..][..columns]);
        let sums = self.sums.as_chunks_mut::<STRIDE>().0;
        let squares = self.squares.as_chunks_mut::<STRIDE>().0;
        for (y, pixels) in lines.clone().enumerate() {
            let [above, below] = &mut sums[y..y + 2] else {
                continue;
            };
            let [above_squares, below_squares] = &mut squares[y..y + 2] else {
                continue;
            };
            match order {
                ColumnOrder::Plain => {
                    add_row(pixels, above, below, above_squares, below_squares);
                }
                ColumnOrder::EvenOdd => {
                    add_row_even_odd(pixels, above, below, above_squares, below_squares);
                }
            }
        }
        if with_tilted {
            if self.tilted.len() < len {
                self.tilted.resize(len, 0);
            }
            self.fill_tilted(lines, columns, order);
        }
    }

    /// A corner's triangle is those of the two corners diagonally above it, less the one that both
    /// contain, and the two pixels between. Beyond the sides all pixels are 0, which is where the first
    /// and the last corner get theirs from.
    fn fill_tilted<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a [u8]>,
        columns: usize,
        order: ColumnOrder,
    ) {
        for row in &mut self.triangles {
            row.clear();
            row.resize(columns + 1, 0);
        }
        self.tilted[..STRIDE].fill(0);
        let [two_above, above, here] = &mut self.triangles;
        let mut pixels_above: &[u8] = &[];
        let targets = self.tilted.as_chunks_mut::<STRIDE>().0.iter_mut().skip(1);
        for (pixels, target) in lines.zip(targets) {
            let pair = |x: usize| {
                let above = pixels_above.get(x).copied().unwrap_or(0);
                u32::from(pixels[x]) + u32::from(above)
            };
            here[0] = above[1];
            for x in 1..columns {
                here[x] = above[x - 1]
                    .wrapping_add(above[x + 1])
                    .wrapping_sub(two_above[x])
                    .wrapping_add(pair(x - 1));
            }
            here[columns] = above[columns - 1].wrapping_add(pair(columns - 1));
            for (x, value) in here.iter().enumerate() {
                target[order.place(x)] = *value;
            }
            std::mem::swap(two_above, above);
            std::mem::swap(above, here);
            pixels_above = pixels;
        }
    }
}

/// The corners below a row of pixels, from those above it.
fn add_row(
    pixels: &[u8],
    above: &[u32; STRIDE],
    below: &mut [u32; STRIDE],
    above_squares: &[u32; STRIDE],
    below_squares: &mut [u32; STRIDE],
) {
    let (mut sum, mut square) = (0_u32, 0_u32);
    below[0] = 0;
    below_squares[0] = 0;
    let sums = below[1..].iter_mut().zip(&above[1..]);
    let squares = below_squares[1..].iter_mut().zip(&above_squares[1..]);
    for ((pixel, (below, above)), (below_square, above_square)) in
        pixels.iter().zip(sums).zip(squares)
    {
        let pixel = u32::from(*pixel);
        sum += pixel;
        square += pixel * pixel;
        *below = above.wrapping_add(sum);
        *below_square = above_square.wrapping_add(square);
    }
}

/// The same for corners whose even ones come first.
fn add_row_even_odd(
    pixels: &[u8],
    above: &[u32; STRIDE],
    below: &mut [u32; STRIDE],
    above_squares: &[u32; STRIDE],
    below_squares: &mut [u32; STRIDE],
) {
    const HALF: usize = STRIDE / 2;
    let (mut sum, mut square) = (0_u32, 0_u32);
    below[0] = 0;
    below_squares[0] = 0;
    let mut add = |pixel: u8, place: usize| {
        let pixel = u32::from(pixel);
        sum += pixel;
        square += pixel * pixel;
        below[place] = above[place].wrapping_add(sum);
        below_squares[place] = above_squares[place].wrapping_add(square);
    };
    let (pairs, rest) = pixels.as_chunks::<2>();
    let pairs = pairs.iter().take(HALF - 1);
    let n_pairs = pairs.len();
    for (i, [first, second]) in pairs.enumerate() {
        add(*first, HALF + i);
        add(*second, i + 1);
    }
    if let Some(pixel) = rest.first() {
        add(*pixel, HALF + n_pairs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic pixels.
    fn pixels(n: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(n).collect()
    }

    #[test]
    fn corners_hold_what_is_above_and_left() {
        const PITCH: usize = 13;
        let rows = pixels(PITCH * 9, 1);
        for (left, columns) in [(0, 13), (2, 7), (3, 8)] {
            for order in [ColumnOrder::Plain, ColumnOrder::EvenOdd] {
                let mut tile = IntegralTile::default();
                // Something is left over from an earlier part.
                tile.fill(&pixels(30 * 30, 2), 30, (0, 30), order, true);
                tile.fill(&rows, PITCH, (left, columns), order, true);
                let pixel = |x: i64, y: i64| {
                    let inside = (0..columns as i64).contains(&x);
                    let at = y * PITCH as i64 + left as i64 + x;
                    u32::from(if inside { rows[at as usize] } else { 0 })
                };
                for bottom in 0..=9_i64 {
                    for right in 0..=columns as i64 {
                        let all = |inside: &dyn Fn(i64, i64) -> bool, squared: bool| -> u32 {
                            let places = (0..bottom).flat_map(|y| (0..40).map(move |x| (x, y)));
                            let places = places.filter(|(x, y)| inside(*x, *y));
                            let values = places.map(|(x, y)| pixel(x, y));
                            values.map(|v| if squared { v * v } else { v }).sum()
                        };
                        let place = bottom as usize * STRIDE + order.place(right as usize);
                        assert_eq!(tile.sums[place], all(&|x, _| x < right, false));
                        assert_eq!(tile.squares[place], all(&|x, _| x < right, true));
                        let triangle = |x: i64, y: i64| (x - right + 1).abs() < bottom - y;
                        let expected = all(&triangle, false);
                        assert_eq!(tile.tilted[place], expected, "{right} {bottom} {order:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn sums_beyond_32_bits_do_not_spoil_rectangles() {
        // 300 × 300 squares of 255 are 5.9e9, more than 2³².
        let mut tile = IntegralTile::default();
        tile.fill(
            &vec![255; 300 * 300],
            300,
            (0, 300),
            ColumnOrder::Plain,
            false,
        );
        let corner = |x: usize, y: usize| tile.squares[y * STRIDE + x];
        let sum = corner(300, 300)
            .wrapping_sub(corner(276, 300))
            .wrapping_sub(corner(300, 276))
            .wrapping_add(corner(276, 276));
        assert_eq!(sum, 24 * 24 * 255 * 255);
    }
}
