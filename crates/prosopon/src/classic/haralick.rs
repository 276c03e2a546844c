//! Texture features of Haralick, Shanmugam and Dinstein (1973): which levels stand beside which.
//!
//! Values equal those of mahotas 1.4 (`mahotas.features.haralick`) within 1e-9, relative; the two measures of
//! correlation, differences of nearly equal numbers, within 1e-6.

use nalgebra::DMatrix;

use super::gray::GrayImage;

/// Names of the features, in order.
pub const HARALICK_NAMES: [&str; 14] = [
    "angular second moment",
    "contrast",
    "correlation",
    "variance",
    "inverse difference moment",
    "sum average",
    "sum variance",
    "sum entropy",
    "entropy",
    "difference variance",
    "difference entropy",
    "information measure of correlation 1",
    "information measure of correlation 2",
    "maximal correlation coefficient",
];

/// Steps to the neighbour whose level is looked at, as (x, y): right, lower right, below, lower left.
const DIRECTIONS: [(i64, i64); 4] = [(1, 0), (1, 1), (0, 1), (-1, 1)];

/// How texture is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Haralick {
    /// Pixels from a pixel to its neighbour, along each axis.
    pub distance: u32,
    /// Whether black (0) is background, whose pairs do not count.
    pub ignore_zeros: bool,
    /// Whether to compute the fourteenth feature too: the eigenvalues it takes cost more than all others.
    pub maximal_correlation: bool,
}

/// Neighbours at distance 1, black counts, thirteen features.
impl Default for Haralick {
    fn default() -> Self {
        Self {
            distance: 1,
            ignore_zeros: false,
            maximal_correlation: false,
        }
    }
}

/// The features of a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct HaralickFeatures {
    /// For each direction (right, lower right, below, lower left) the features in the order of [`HARALICK_NAMES`]:
    /// 13, or 14.
    pub directions: [Vec<f64>; 4],
}

impl HaralickFeatures {
    /// The mean over the directions, which hardly changes when a picture is turned.
    pub fn mean(&self) -> Vec<f64> {
        self.each(|values| values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The largest value over the directions minus the smallest.
    pub fn range(&self) -> Vec<f64> {
        self.each(|values| {
            let most = values.iter().copied().fold(f64::MIN, f64::max);
            most - values.iter().copied().fold(f64::MAX, f64::min)
        })
    }

    fn each(&self, f: impl Fn([f64; 4]) -> f64) -> Vec<f64> {
        let features = 0..self.directions[0].len();
        features
            .map(|i| f([0, 1, 2, 3].map(|d| self.directions[d][i])))
            .collect()
    }
}

/// A picture without pairs of neighbours in some direction.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected neighbours at distance {distance} in every direction, found none in a picture of {width} × {height} \
     pixels (black left out: {ignore_zeros})"
)]
pub struct HaralickError {
    /// The distance that was asked for, in pixels.
    pub distance: u32,
    /// Whether black did not count.
    pub ignore_zeros: bool,
    /// Width of the picture.
    pub width: u32,
    /// Height of the picture.
    pub height: u32,
}

impl Haralick {
    /// The features of `gray` in four directions.
    ///
    /// # Errors
    /// [`HaralickError`] if there are no pairs of neighbours in some direction.
    ///
    /// # Examples
    /// ```
    /// use prosopon::classic::{GrayImage, Haralick};
    ///
    /// let stripes = GrayImage::new(8, 8, [0, 200].repeat(32)).ok_or("pixels fill the sides")?;
    /// let texture = Haralick::default().features(&stripes)?;
    /// let contrast = texture.directions.map(|features| features[1]);
    /// assert_eq!(contrast, [40_000.0, 40_000.0, 0.0, 40_000.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn features(&self, gray: &GrayImage) -> Result<HaralickFeatures, HaralickError> {
        let mut directions = [const { Vec::new() }; 4];
        for (features, direction) in directions.iter_mut().zip(DIRECTIONS) {
            let pairs = self.pairs(gray, direction).ok_or(HaralickError {
                distance: self.distance,
                ignore_zeros: self.ignore_zeros,
                width: gray.width(),
                height: gray.height(),
            })?;
            *features = pairs.features();
            if self.maximal_correlation {
                features.push(pairs.maximal_correlation());
            }
        }
        Ok(HaralickFeatures { directions })
    }

    /// How often each two levels are neighbours, counted both ways; `None` if there are no neighbours.
    fn pairs(self, gray: &GrayImage, (dx, dy): (i64, i64)) -> Option<Pairs> {
        let levels = usize::from(gray.pixels().iter().copied().max().unwrap_or(0)) + 1;
        let (width, height) = (gray.width() as usize, gray.height() as usize);
        let across = dx.unsigned_abs() as usize * self.distance as usize;
        let down = dy.unsigned_abs() as usize * self.distance as usize;
        let (columns, n_rows) = (width.checked_sub(across)?, height.checked_sub(down)?);
        let (start, other_start) = if dx < 0 { (across, 0) } else { (0, across) };
        let rows = gray.pixels().chunks_exact(width);
        let mut counts = vec![[0; 256]; levels];
        for (row, other) in rows.clone().zip(rows.skip(down)).take(n_rows) {
            let row = &row[start..start + columns];
            for (a, b) in row.iter().zip(&other[other_start..][..columns]) {
                counts[usize::from(*a)][usize::from(*b)] += 1;
            }
        }
        if self.ignore_zeros {
            counts[0].fill(0);
            for row in &mut counts {
                row[0] = 0;
            }
        }
        add_transposed(&mut counts);
        Pairs::new(&counts)
    }
}

/// Counts each pair the other way round as well.
fn add_transposed(counts: &mut [[u32; 256]]) {
    // In squares, so that columns of the table stay in the cache.
    const SIDE: usize = 16;
    let levels = counts.len();
    for top in (0..levels).step_by(SIDE) {
        for left in (0..=top).step_by(SIDE) {
            let rows = top..levels.min(top + SIDE);
            let pairs = rows.flat_map(|i| (left..(left + SIDE).min(i + 1)).map(move |j| (i, j)));
            for (i, j) in pairs {
                let both = counts[i][j] + counts[j][i];
                (counts[i][j], counts[j][i]) = (both, both);
            }
        }
    }
}

/// Two levels that occur as neighbours, and how probable that is.
struct Pair {
    levels: [u8; 2],
    share: f64,
}

/// All pairs that occur, row by row of the symmetric table of their probabilities.
struct Pairs {
    occurring: Vec<Pair>,
    /// Of each level, up to the highest in the picture.
    single: Vec<f64>,
    /// In bits.
    entropy: f64,
}

impl Pairs {
    /// A row of counts for each level, symmetric.
    fn new(counts: &[[u32; 256]]) -> Option<Self> {
        let levels = counts.len();
        let rows = || counts.iter().map(|row| &row[..levels]);
        let total: u64 = rows().flatten().map(|count| u64::from(*count)).sum();
        if total == 0 {
            return None;
        }
        let mut occurring = Vec::new();
        let mut single = vec![0.0; levels];
        let mut sum = 0.0;
        // Shares and terms of the sum: most counts are small and occur often, so that few logarithms are taken.
        let mut terms = [None; 512];
        for (i, (row, single)) in rows().zip(&mut single).enumerate() {
            for (j, count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
                let of = || {
                    let share = f64::from(*count) / total as f64;
                    (share, share * share.log2())
                };
                let (share, term) = terms
                    .get_mut(*count as usize)
                    .map_or_else(of, |known| *known.get_or_insert_with(of));
                *single += share;
                sum += term;
                occurring.push(Pair {
                    levels: [i as u8, j as u8],
                    share,
                });
            }
        }
        Some(Self {
            occurring,
            single,
            entropy: -sum,
        })
    }

    fn features(&self) -> Vec<f64> {
        let single = &self.single;
        let levels = single.len();
        let (mut sums, mut differences) = (vec![0.0; 2 * levels], vec![0.0; levels]);
        // The entropies that there would be if neighbours were independent.
        let (logs, independent) = self.logs_of_products();
        let mut crossed = 0.0;
        let (mut energy, mut product, mut similar) = (0.0, 0.0, 0.0);
        for Pair { levels: at, share } in &self.occurring {
            let [i, j] = at.map(usize::from);
            let difference = i.abs_diff(j);
            sums[i + j] += share;
            differences[difference] += share;
            energy += share * share;
            product += (i * j) as f64 * share;
            similar += share / (1 + difference * difference) as f64;
            crossed -= share * logs[i][j];
        }
        let mean = moment(single, 1);
        let variance = moment(single, 2) - mean * mean;
        let deviation = variance.sqrt();
        let correlation = if deviation == 0.0 {
            1.0
        } else {
            1.0 / deviation / deviation * (product - mean * mean)
        };
        let sum_average = moment(&sums, 1);
        let joint = self.entropy;
        let marginal = entropy(single);
        let information = if marginal == 0.0 {
            joint - crossed
        } else {
            (joint - crossed) / marginal
        };
        vec![
            energy,
            moment(&differences, 2),
            correlation,
            variance,
            similar,
            sum_average,
            // The paper's formula takes the sum entropy here by mistake; this is the variance that it names.
            moment(&sums, 2) - sum_average * sum_average,
            entropy(&sums),
            joint,
            // The variance of the shares of all differences, as mahotas reads the paper.
            spread(&differences),
            entropy(&differences),
            information,
            (1.0 - (-2.0 * (independent - joint)).exp()).max(0.0).sqrt(),
        ]
    }

    /// For each two levels the logarithm of the probability of being neighbours that they would have if neighbours were
    /// independent; and the entropy of these probabilities.
    fn logs_of_products(&self) -> (Vec<[f64; 256]>, f64) {
        let mut logs = vec![[0.0; 256]; self.single.len()];
        let mut sum = 0.0;
        for (i, a) in self.single.iter().enumerate() {
            for (j, b) in self.single.iter().enumerate() {
                let product = a * b;
                if product > 0.0 {
                    // The table is symmetric.
                    let log = if j < i { logs[i][j] } else { product.log2() };
                    (logs[i][j], logs[j][i]) = (log, log);
                    sum += product * log;
                }
            }
        }
        (logs, -sum)
    }

    /// The square root of the second largest eigenvalue of the correlations between the rows of levels that occur, as
    /// mahotas computes it; 0 for two levels or fewer.
    fn maximal_correlation(&self) -> f64 {
        let levels = 0..self.single.len();
        let present: Vec<usize> = levels.filter(|i| self.single[*i] > 0.0).collect();
        let n = present.len();
        if n <= 2 {
            return 0.0;
        }
        let mut rows = DMatrix::zeros(n, n);
        for Pair { levels, share } in &self.occurring {
            let [i, j] = levels.map(|level| present.partition_point(|l| *l < usize::from(level)));
            rows[(i, j)] = *share;
        }
        let means = rows.column_sum() / n as f64;
        let centered = DMatrix::from_fn(n, n, |i, j| rows[(i, j)] - means[i]);
        let products = &centered * centered.transpose();
        let length = |i: usize| products[(i, i)].sqrt();
        // A row without variance correlates with nothing.
        let correlations = DMatrix::from_fn(n, n, |i, j| {
            let scale = length(i) * length(j);
            if scale > 0.0 {
                products[(i, j)] / scale
            } else {
                0.0
            }
        });
        let mut values: Vec<f64> = correlations
            .symmetric_eigenvalues()
            .iter()
            .copied()
            .collect();
        values.sort_by(f64::total_cmp);
        values[n - 2].max(0.0).sqrt()
    }
}

/// Mean of the index to some power.
fn moment(shares: &[f64], power: i32) -> f64 {
    let terms = shares.iter().enumerate();
    terms.map(|(i, share)| (i as f64).powi(power) * share).sum()
}

/// Entropy in bits.
fn entropy(shares: &[f64]) -> f64 {
    let present = shares.iter().filter(|share| **share > 0.0);
    -present.map(|share| share * share.log2()).sum::<f64>()
}

/// Variance of the values themselves.
fn spread(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classic::testing::{formula, noise};

    fn transposed(gray: &GrayImage) -> GrayImage {
        let (width, height) = (gray.width() as usize, gray.height() as usize);
        let columns = (0..width).flat_map(|x| (0..height).map(move |y| y * width + x));
        let pixels = columns.map(|i| gray.pixels()[i]).collect();
        GrayImage::new(gray.height(), gray.width(), pixels).unwrap()
    }

    fn close(a: &[f64], b: &[f64], tolerance: f64) -> bool {
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| (a - b).abs() <= tolerance * b.abs().max(1e-3))
    }

    /// `mahotas.features.haralick(a, distance=…, ignore_zeros=…, compute_14th_feature=True, return_mean=True)`,
    /// mahotas 1.4.19.
    #[test]
    #[allow(clippy::unreadable_literal, reason = "as the reference prints them")]
    fn options_are_those_of_mahotas() {
        for (distance, ignore_zeros, expected) in [
            (
                1,
                false,
                [
                    0.006043637372241466,
                    17.97295647920648,
                    0.8375383658397425,
                    55.317880210947386,
                    0.460116096343719,
                    31.084210346710346,
                    203.29856436458314,
                    5.795770790197708,
                    7.6503270957234255,
                    0.007132523901885986,
                    2.1740932705386293,
                    -0.42599492278515305,
                    0.991946654510384,
                    2.569898466575795,
                ],
            ),
            (
                1,
                true,
                [
                    0.006235190568658574,
                    9.939464621221019,
                    0.9046317560992267,
                    52.100124558728076,
                    0.46447862190051314,
                    31.378296866950734,
                    198.46103361369146,
                    5.768126843329113,
                    7.5937399950051025,
                    0.007264886487203574,
                    2.1184807558849226,
                    -0.42321938344086346,
                    0.9914108536601056,
                    2.5409123110746883,
                ],
            ),
            (
                3,
                false,
                [
                    0.00498891265763257,
                    27.074592134150954,
                    0.7444276960385304,
                    53.06082919225478,
                    0.36334827547449544,
                    31.49940097660686,
                    185.1687246348681,
                    5.738384128859381,
                    7.935351346738518,
                    0.005603660086900468,
                    2.5119350993121192,
                    -0.3593319788128821,
                    0.9818208851415637,
                    2.802046006563703,
                ],
            ),
        ] {
            let haralick = Haralick {
                distance,
                ignore_zeros,
                maximal_correlation: true,
            };
            let picture = formula(37, 45).mapped(|v| v / 8);
            let found = haralick.features(&picture).unwrap().mean();
            assert!(close(&found, &expected, 1e-9), "{distance} {found:?}");
        }
    }

    /// Turning rows into columns exchanges right and below, and keeps the diagonals: the one along which it turns, and,
    /// since pairs count both ways, the other.
    #[test]
    fn transposed_pictures_exchange_directions() {
        for seed in 0..10 {
            let picture = noise(seed, 13, 9).mapped(|v| v / 16);
            let haralick = Haralick::default();
            let found = haralick.features(&picture).unwrap().directions;
            let turned = haralick.features(&transposed(&picture)).unwrap().directions;
            for (here, there) in [(0, 2), (1, 1), (2, 0), (3, 3)] {
                assert!(close(&found[here], &turned[there], 1e-9));
            }
        }
    }

    #[test]
    fn flat_pictures_have_no_texture() {
        let flat = GrayImage::new(4, 4, vec![9; 16]).unwrap();
        let found = Haralick {
            maximal_correlation: true,
            ..Haralick::default()
        };
        let found = found.features(&flat).unwrap();
        let mean = found.mean();
        assert_eq!(mean.len(), HARALICK_NAMES.len());
        // One pair of levels: certain, without contrast, at the sum of 18.
        assert_eq!(
            (mean[0], mean[1], mean[2], mean[5], mean[8]),
            (1.0, 0.0, 1.0, 18.0, 0.0)
        );
        assert!(found.range().iter().all(|v| *v == 0.0));
    }

    #[test]
    fn pictures_without_neighbours_are_refused() {
        let dot = GrayImage::new(1, 5, vec![1; 5]).unwrap();
        let error = Haralick::default().features(&dot).unwrap_err();
        assert!(error.to_string().contains("1 × 5"), "{error}");
        let black = GrayImage::new(3, 3, vec![0; 9]).unwrap();
        let haralick = Haralick {
            ignore_zeros: true,
            ..Haralick::default()
        };
        let error = haralick.features(&black).unwrap_err();
        assert!(error.to_string().contains("left out: true"), "{error}");
        let far = Haralick {
            distance: u32::MAX,
            ..Haralick::default()
        };
        assert!(far.features(&noise(1, 9, 9)).is_err());
    }
}
