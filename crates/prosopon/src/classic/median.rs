//! Median blur.
//!
//! Equal to `cv2.medianBlur` (`OpenCV` 4.14) for 8-bit pictures, bit for bit: the outermost pixels are repeated
//! beyond the border.
//!
//! Windows of 3 × 3 and 5 × 5 go through networks of minima and maxima, the same steps for every pixel, which the
//! compiler turns into vector instructions; what windows above each other have in common is sorted once (the idea
//! of Adams, "Fast median filters using separable sorting networks", 2021). In larger ones levels are counted.

use super::blur::{BlurError, checked};
use super::border::clamped;
use super::gray::GrayImage;

/// The picture with each pixel replaced by the median of the `side` × `side` pixels around it.
///
/// # Errors
/// [`BlurError`] if `side` is even or above 255.
///
/// # Examples
/// ```
/// use prosopon::classic::{GrayImage, median_blurred};
///
/// let speck = GrayImage::new(5, 1, vec![9, 9, 255, 9, 9]).ok_or("pixels fill the sides")?;
/// assert_eq!(median_blurred(&speck, 3)?.pixels(), [9; 5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn median_blurred(gray: &GrayImage, side: u32) -> Result<GrayImage, BlurError> {
    let pixels = match checked(side)? {
        1 => return Ok(gray.clone()),
        3 => Strips::new(gray, 1).medians_of_9(),
        5 => Strips::new(gray, 2).medians_of_25(),
        side => counted(gray, side),
    };
    Ok(gray.with_pixels(pixels))
}

/// Columns that are worked on together.
const STRIP: usize = 64;
/// Columns of a strip and those beside it that its windows reach.
const LINE: usize = STRIP + 4;

/// Values of a strip: each array holds one value of every column.
type Values<const N: usize> = [[u8; STRIP]; N];

/// The picture in strips of columns from top to bottom, its border repeated at both sides.
struct Strips {
    width: usize,
    height: usize,
    /// Bytes of a row of `padded`.
    stride: usize,
    padded: Vec<u8>,
}

impl Strips {
    /// For windows that reach `reach` pixels to each side.
    fn new(gray: &GrayImage, reach: usize) -> Self {
        let (width, height) = (gray.width() as usize, gray.height() as usize);
        let stride = width.next_multiple_of(STRIP) + LINE - STRIP;
        let mut padded = Vec::with_capacity(stride * height);
        for row in gray.pixels().chunks_exact(width) {
            let end = padded.len() + stride;
            padded.resize(padded.len() + reach, row[0]);
            padded.extend(row);
            padded.resize(end, row[width - 1]);
        }
        Self {
            width,
            height,
            stride,
            padded,
        }
    }

    /// First columns of the strips.
    fn starts(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.width).step_by(STRIP)
    }

    /// The part of row `y` that windows of the strip from `left` reach.
    fn line(&self, left: usize, y: i64) -> &[u8; LINE] {
        let start = clamped(y, self.height) * self.stride + left;
        let (lines, _) = self.padded[start..].as_chunks();
        &lines[0]
    }

    fn medians_of_9(&self) -> Vec<u8> {
        let mut pixels = vec![0; self.width * self.height];
        let (mut rows, mut medians) = ([[[0; STRIP]; 3]; 3], [0; STRIP]);
        for left in self.starts() {
            sort_row(self.line(left, -1), sorted_3, &mut rows[0]);
            sort_row(self.line(left, 0), sorted_3, &mut rows[1]);
            for y in 0..self.height {
                let below = self.line(left, y as i64 + 1);
                sort_row(below, sorted_3, &mut rows[(y + 2) % 3]);
                medians_of_3_rows(&rows, &mut medians);
                self.put(left, y, &medians, &mut pixels);
            }
        }
        pixels
    }

    /// Two rows at a time, whose windows have four rows in common.
    fn medians_of_25(&self) -> Vec<u8> {
        let mut pixels = vec![0; self.width * self.height];
        let mut pairs = [const { RowPair::EMPTY }; 4];
        let mut medians = [[0; STRIP]; 2];
        for left in self.starts() {
            // Slot i modulo 4 holds rows 2 · i − 3 and 2 · i − 2.
            let rows = |i: usize| {
                let y = 2 * i as i64 - 3;
                [self.line(left, y), self.line(left, y + 1)]
            };
            for (i, pair) in pairs.iter_mut().take(3).enumerate() {
                pair.fill(rows(i));
            }
            for y in (0..self.height).step_by(2) {
                let i = y / 2;
                pairs[(i + 3) % 4].fill(rows(i + 3));
                let pair = |step: usize| &pairs[(i + step) % 4];
                let shared = [&pair(1).all, &pair(2).all];
                let own = [&pair(0).second, &pair(3).first];
                medians_of_5_rows(shared, own, &mut medians);
                self.put(left, y, &medians[0], &mut pixels);
                if y + 1 < self.height {
                    self.put(left, y + 1, &medians[1], &mut pixels);
                }
            }
        }
        pixels
    }

    fn put(&self, left: usize, y: usize, values: &[u8; STRIP], pixels: &mut [u8]) {
        let row = &mut pixels[y * self.width..][..self.width];
        let row = &mut row[left..self.width.min(left + STRIP)];
        row.copy_from_slice(&values[..row.len()]);
    }
}

/// Two rows of a strip; the five pixels of each around a column, sorted: of the first row, of the second, of both.
struct RowPair {
    first: Values<5>,
    second: Values<5>,
    all: Values<10>,
}

impl RowPair {
    const EMPTY: Self = Self {
        first: [[0; STRIP]; 5],
        second: [[0; STRIP]; 5],
        all: [[0; STRIP]; 10],
    };

    fn fill(&mut self, [first, second]: [&[u8; LINE]; 2]) {
        sort_row(first, sorted_5, &mut self.first);
        sort_row(second, sorted_5, &mut self.second);
        for x in 0..STRIP {
            let all = merged_5(at(&self.first, x), at(&self.second, x));
            set(&mut self.all, x, all);
        }
    }
}

fn at<const N: usize>(values: &Values<N>, x: usize) -> [u8; N] {
    std::array::from_fn(|i| values[i][x])
}

fn set<const N: usize>(values: &mut Values<N>, x: usize, new: [u8; N]) {
    for (value, new) in values.iter_mut().zip(new) {
        value[x] = new;
    }
}

/// Sorts each `N` pixels of a row that follow each other.
fn sort_row<const N: usize>(
    line: &[u8; LINE],
    sort: fn([u8; N]) -> [u8; N],
    sorted: &mut Values<N>,
) {
    for x in 0..STRIP {
        set(sorted, x, sort(std::array::from_fn(|i| line[x + i])));
    }
}

/// Medians of two windows each, from the rows that both have, in halves, and the row that only one has.
fn medians_of_5_rows(shared: [&Values<10>; 2], own: [&Values<5>; 2], medians: &mut Values<2>) {
    for x in 0..STRIP {
        let middle = middle_of_20(at(shared[0], x), at(shared[1], x));
        set(medians, x, own.map(|row| median_of_11(middle, at(row, x))));
    }
}

/// The median of nine is the median of the largest of the least, the median of the middle and the least of the largest
/// of three sorted rows.
fn medians_of_3_rows(rows: &[Values<3>; 3], medians: &mut [u8; STRIP]) {
    for (x, median) in medians.iter_mut().enumerate() {
        let [a, b, c] = [at(&rows[0], x), at(&rows[1], x), at(&rows[2], x)];
        let least = a[0].max(b[0]).max(c[0]);
        let [_, middle, _] = sorted_3([a[1], b[1], c[1]]);
        let most = a[2].min(b[2]).min(c[2]);
        *median = sorted_3([least, middle, most])[1];
    }
}

fn ordered(a: u8, b: u8) -> [u8; 2] {
    [a.min(b), a.max(b)]
}

fn sorted_3([a, b, c]: [u8; 3]) -> [u8; 3] {
    let [a, b] = ordered(a, b);
    let [b, c] = ordered(b, c);
    let [a, b] = ordered(a, b);
    [a, b, c]
}

/// Nine comparisons, the fewest there are (Floyd and Knuth 1973).
fn sorted_5([a, b, c, d, e]: [u8; 5]) -> [u8; 5] {
    let ([a, b], [d, e]) = (ordered(a, b), ordered(d, e));
    let [c, e] = ordered(c, e);
    let [c, d] = ordered(c, d);
    let [b, e] = ordered(b, e);
    let [a, d] = ordered(a, d);
    let [a, c] = ordered(a, c);
    let [b, d] = ordered(b, d);
    let [b, c] = ordered(b, c);
    [a, b, c, d, e]
}

// Sorted values are merged as in Batcher's odd-even merge (1968): those at even and at odd indices by themselves, then
// each odd one is put in order with the even one after it. What nobody reads the compiler leaves out.

fn merged_2([a0, a1]: [u8; 2], [b0, b1]: [u8; 2]) -> [u8; 4] {
    let ([e0, e1], [o0, o1]) = (ordered(a0, b0), ordered(a1, b1));
    let [m1, m2] = ordered(o0, e1);
    [e0, m1, m2, o1]
}

fn merged_3([a0, a1, a2]: [u8; 3], [b0, b1, b2]: [u8; 3]) -> [u8; 6] {
    let [e0, e1, e2, e3] = merged_2([a0, a2], [b0, b2]);
    let [o0, o1] = ordered(a1, b1);
    let ([m1, m2], [m3, m4]) = (ordered(o0, e1), ordered(o1, e2));
    [e0, m1, m2, m3, m4, e3]
}

fn merged_5(a: [u8; 5], b: [u8; 5]) -> [u8; 10] {
    let even = merged_3([a[0], a[2], a[4]], [b[0], b[2], b[4]]);
    let odd = merged_2([a[1], a[3]], [b[1], b[3]]);
    let ([m1, m2], [m3, m4]) = (ordered(odd[0], even[1]), ordered(odd[1], even[2]));
    let ([m5, m6], [m7, m8]) = (ordered(odd[2], even[3]), ordered(odd[3], even[4]));
    [even[0], m1, m2, m3, m4, m5, m6, m7, m8, even[5]]
}

/// Indices 7 to 12 of twenty values, from two halves that are sorted: with five more, no other can be the median.
fn middle_of_20(a: [u8; 10], b: [u8; 10]) -> [u8; 6] {
    let half = |v: [u8; 10], i: usize| [v[i], v[i + 2], v[i + 4], v[i + 6], v[i + 8]];
    let (even, odd) = (
        merged_5(half(a, 0), half(b, 0)),
        merged_5(half(a, 1), half(b, 1)),
    );
    let ([m7, m8], [m9, m10]) = (ordered(odd[3], even[4]), ordered(odd[4], even[5]));
    let [m11, m12] = ordered(odd[5], even[6]);
    [m7, m8, m9, m10, m11, m12]
}

/// The median of six and five values that are sorted: the least that some six of them, the lowest of either, reach.
fn median_of_11(a: [u8; 6], b: [u8; 5]) -> u8 {
    let reached = a[0].max(b[4]).min(a[1].max(b[3])).min(a[2].max(b[2]));
    reached.min(a[3].max(b[1])).min(a[4].max(b[0])).min(a[5])
}

/// Medians of windows of any side.
fn counted(gray: &GrayImage, side: usize) -> Vec<u8> {
    let (width, height) = (gray.width() as usize, gray.height() as usize);
    let reach = side as i64 / 2;
    let rank = (side * side / 2) as u32;
    let mut pixels = Vec::with_capacity(gray.pixels().len());
    for y in 0..height as i64 {
        let rows: Vec<&[u8]> = (y - reach..=y + reach)
            .map(|y| &gray.pixels()[clamped(y, height) * width..][..width])
            .collect();
        // The counts of the window move along the row with it (Huang, Yang and Tang 1979).
        let mut window = Levels::default();
        for x in -reach..=reach {
            window.enter(&rows, clamped(x, width));
        }
        for x in 0..width as i64 {
            pixels.push(window.at_rank(rank));
            window.leave(&rows, clamped(x - reach, width));
            window.enter(&rows, clamped(x + reach + 1, width));
        }
    }
    pixels
}

/// How many pixels of a window have each level, and each range of 16 levels.
struct Levels {
    fine: [u32; 256],
    coarse: [u32; 16],
}

impl Default for Levels {
    fn default() -> Self {
        Self {
            fine: [0; 256],
            coarse: [0; 16],
        }
    }
}

impl Levels {
    fn enter(&mut self, rows: &[&[u8]], x: usize) {
        for row in rows {
            self.fine[usize::from(row[x])] += 1;
            self.coarse[usize::from(row[x] >> 4)] += 1;
        }
    }

    fn leave(&mut self, rows: &[&[u8]], x: usize) {
        for row in rows {
            self.fine[usize::from(row[x])] -= 1;
            self.coarse[usize::from(row[x] >> 4)] -= 1;
        }
    }

    /// The level of the pixel that has `rank` others before it in order.
    fn at_rank(&self, rank: u32) -> u8 {
        let mut before = 0;
        let mut reaches = |count: &u32| {
            let reached = before + count > rank;
            if !reached {
                before += count;
            }
            reached
        };
        let range = self.coarse.iter().position(&mut reaches).unwrap_or(15);
        let fine = &self.fine[range * 16..];
        (range * 16 + fine.iter().position(&mut reaches).unwrap_or(15)) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{digest, formula, noise};

    /// `hashlib.sha256(cv2.medianBlur(a, side)).hexdigest()[:16]`, `OpenCV` 4.14.
    #[test]
    fn median_pixels_are_those_of_opencv() {
        for ((width, height), side, expected) in [
            ((64, 64), 3, "d92f6996159fab3a"),
            ((37, 45), 5, "9457190d4003683f"),
            ((37, 45), 9, "1744a9f6ec67f69f"),
            ((7, 5), 15, "040781178469eed2"),
        ] {
            let found = median_blurred(&formula(width, height), side).unwrap();
            assert_eq!(digest(found.pixels()), expected, "{side}");
        }
    }

    #[test]
    fn flat_pictures_and_windows_of_one_change_nothing() {
        let picture = noise(2, 19, 11);
        assert_eq!(median_blurred(&picture, 1).unwrap(), picture);
        let flat = GrayImage::new(6, 5, vec![201; 30]).unwrap();
        for side in [3, 5, 31, 255] {
            assert_eq!(median_blurred(&flat, side).unwrap(), flat);
        }
    }

    fn median_of_sorting(picture: &GrayImage, x: i64, y: i64, reach: i64) -> u8 {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut window: Vec<u8> = (y - reach..=y + reach)
            .flat_map(|y| (x - reach..=x + reach).map(move |x| (x, y)))
            .map(|(x, y)| picture.pixels()[clamped(y, height) * width + clamped(x, width)])
            .collect();
        window.sort_unstable();
        window[window.len() / 2]
    }

    #[test]
    fn medians_are_those_of_sorting() {
        for (seed, (width, height)) in [
            (1, 1),
            (1, 9),
            (9, 1),
            (13, 8),
            (64, 5),
            (65, 2),
            (63, 3),
            (130, 7),
            (2, 66),
        ]
        .into_iter()
        .enumerate()
        {
            let picture = noise(seed as u64, width, height);
            for side in [3, 5, 7] {
                let found = median_blurred(&picture, side).unwrap();
                for (i, median) in found.pixels().iter().enumerate() {
                    let (x, y) = ((i as u32 % width).into(), (i as u32 / width).into());
                    let expected = median_of_sorting(&picture, x, y, i64::from(side) / 2);
                    assert_eq!(*median, expected, "{width} × {height}, {side}: ({x}, {y})");
                }
            }
        }
    }

    /// All sorted values of 0 and 1: a network that works on them works on any (Knuth's 0-1 principle).
    fn steps<const N: usize>() -> impl Iterator<Item = [u8; N]> {
        (0..=N).map(|zeros| std::array::from_fn(|i| u8::from(i >= zeros)))
    }

    fn joined(a: &[u8], b: &[u8]) -> Vec<u8> {
        let mut all = [a, b].concat();
        all.sort_unstable();
        all
    }

    #[test]
    fn networks_sort() {
        for bits in 0..32u8 {
            let values: [u8; 5] = std::array::from_fn(|i| bits >> i & 1);
            assert_eq!(sorted_5(values)[..], joined(&values, &[]));
            let values = [values[0], values[1], values[2]];
            assert_eq!(sorted_3(values)[..], joined(&values, &[]));
        }
    }

    #[test]
    fn networks_merge() {
        for a in steps() {
            for b in steps() {
                assert_eq!(merged_5(a, b)[..], joined(&a, &b));
            }
        }
        for a in steps() {
            for b in steps() {
                assert_eq!(middle_of_20(a, b)[..], joined(&a, &b)[7..13]);
            }
        }
        for a in steps() {
            for b in steps() {
                assert_eq!(median_of_11(a, b), joined(&a, &b)[5]);
            }
        }
    }

    #[test]
    fn even_and_huge_windows_are_refused() {
        for side in [0, 2, 256, 257, u32::MAX] {
            assert!(median_blurred(&noise(1, 4, 4), side).is_err());
        }
    }
}
