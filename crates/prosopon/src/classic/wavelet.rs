//! The low-pass half of `wavedec2` of `PyWavelets`, mode `symmetric`.

/// A wavelet's low-pass filter for decomposition, as `PyWavelets` has it.
pub(super) const HAAR: &[f64] = &[std::f64::consts::FRAC_1_SQRT_2; 2];
/// Daubechies' wavelet with four vanishing moments (Daubechies 1988).
pub(super) const DB4: &[f64] = &[
    -0.010_597_401_784_997_278,
    0.032_883_011_666_982_945,
    0.030_841_381_835_986_965,
    -0.187_034_811_718_881_14,
    -0.027_983_769_416_983_85,
    0.630_880_767_929_590_4,
    0.714_846_570_552_541_5,
    0.230_377_813_308_855_23,
];

/// Rows of equal length.
pub(super) type Rows = Vec<Vec<f64>>;

/// The approximation that `levels` decompositions of `rows` leave.
pub(super) fn approximation(mut rows: Rows, filter: &[f64], levels: u32) -> Rows {
    for _ in 0..levels {
        rows = low_pass_down(&rows, filter);
        rows = rows.iter().map(|row| low_pass(row, filter)).collect();
    }
    rows
}

/// Every second value of the row, convolved with the filter; beyond its ends the row is mirrored
/// with its first and last value repeated.
fn low_pass(row: &[f64], filter: &[f64]) -> Vec<f64> {
    outputs(row.len(), filter.len())
        .map(|i| {
            let terms = filter.iter().enumerate();
            terms.fold(0.0, |sum, (j, f)| {
                sum + f * row[mirrored(i as i64 - j as i64, row.len())]
            })
        })
        .collect()
}

/// The same down the columns.
fn low_pass_down(rows: &[Vec<f64>], filter: &[f64]) -> Rows {
    outputs(rows.len(), filter.len())
        .map(|i| {
            let mut sums = vec![0.0; rows[0].len()];
            for (j, f) in filter.iter().enumerate() {
                let row = &rows[mirrored(i as i64 - j as i64, rows.len())];
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += f * value;
                }
            }
            sums
        })
        .collect()
}

/// Where the filter stands for each value that is kept.
fn outputs(len: usize, filter_len: usize) -> impl Iterator<Item = usize> {
    (1..len + filter_len - 1).step_by(2)
}

/// The index inside `0..len` that position `i` mirrors.
fn mirrored(i: i64, len: usize) -> usize {
    let period = 2 * len as i64;
    let i = i.rem_euclid(period);
    i.min(period - 1 - i) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haar_halves_by_means() {
        let rows = vec![vec![1.0, 3.0, 5.0, 5.0], vec![2.0, 2.0, 7.0, 1.0]];
        let low = approximation(rows, HAAR, 1);
        // The mean of four values times two, since the filter keeps the norm.
        assert_eq!(low.len(), 1);
        for (value, expected) in low[0].iter().zip([4.0, 9.0]) {
            assert!((value - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn mirrors_repeat_the_border() {
        let indices: Vec<usize> = (-4..7).map(|i| mirrored(i, 3)).collect();
        assert_eq!(indices, [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0]);
    }

    /// The filter's values add up to √2, whatever stands beyond the border.
    #[test]
    fn constant_rows_stay_constant() {
        let low = low_pass(&[3.0; 5], DB4);
        assert_eq!(low.len(), 6);
        for value in low {
            assert!((value - 3.0 * std::f64::consts::SQRT_2).abs() < 1e-9);
        }
    }
}
