//! Products of matrices in slices.
//!
//! `ndarray` multiplies through `matrixmultiply`, whose kernels (AVX-512, AVX2, NEON) are chosen at run time.

use ndarray::{ArrayView2, ArrayViewMut2, ShapeError, linalg::general_mat_mul};

/// A matrix in a slice, row by row; `Transposed` reads the slice's rows as columns.
#[derive(Clone, Copy)]
pub(crate) enum Matrix<'a> {
    /// As it lies.
    Plain(&'a [f32]),
    /// Rows and columns exchanged.
    Transposed(&'a [f32]),
}

impl<'a> Matrix<'a> {
    fn view(self, rows: usize, columns: usize) -> Result<ArrayView2<'a, f32>, ShapeError> {
        match self {
            Self::Plain(values) => {
                ArrayView2::from_shape((rows, columns), &values[..rows * columns])
            }
            Self::Transposed(values) => {
                ArrayView2::from_shape((columns, rows), &values[..rows * columns])
                    .map(ArrayView2::reversed_axes)
            }
        }
    }
}

/// `c ← a b + beta c`, with a of m × k, b of k × n and c of m × n.
///
/// Slices that are shorter than that are a mistake of the caller and panic, as any index would.
pub(crate) fn matmul(
    (m, k, n): (usize, usize, usize),
    a: Matrix,
    b: Matrix,
    beta: f32,
    c: &mut [f32],
) {
    let views = (
        a.view(m, k),
        b.view(k, n),
        ArrayViewMut2::from_shape((m, n), &mut c[..m * n]),
    );
    if let (Ok(a), Ok(b), Ok(mut c)) = views {
        general_mat_mul(1.0, &a, &b, beta, &mut c);
    } else {
        debug_assert!(false, "slices are cut to the size of their matrices");
    }
}

/// Writes `matrix`, which has rows of `n_columns`, with rows and columns exchanged.
pub(crate) fn transpose(matrix: &[f32], n_columns: usize, transposed: &mut [f32]) {
    /// Columns that are read at once: the part of a row that lies in one line of the cache.
    const BLOCK: usize = 16;
    let n_rows = matrix.len() / n_columns.max(1);
    if n_rows == 0 {
        return;
    }
    for (block, rows) in transposed.chunks_mut(BLOCK * n_rows).enumerate() {
        let first = block * BLOCK;
        for (i, row) in matrix.chunks_exact(n_columns).enumerate() {
            for (to, from) in rows[i..].iter_mut().step_by(n_rows).zip(&row[first..]) {
                *to = *from;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        for (rows, columns) in [(1, 1), (3, 40), (40, 3), (17, 16), (5, 33)] {
            let matrix: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
            let mut transposed = vec![-1.0; matrix.len()];
            transpose(&matrix, columns, &mut transposed);
            for i in 0..rows {
                for k in 0..columns {
                    assert_eq!(transposed[k * rows + i], matrix[i * columns + k]);
                }
            }
        }
    }

    #[test]
    fn products_are_sums_of_products() {
        let a: Vec<f32> = (0..6).map(|i| i as f32).collect(); // 2 × 3
        let b = [1.0, -1.0, 2.0, 0.5, 0.0, 3.0]; // 3 × 2
        let mut c = [10.0; 4];
        matmul((2, 3, 2), Matrix::Plain(&a), Matrix::Plain(&b), 1.0, &mut c);
        assert_eq!(c, [12.0, 16.5, 21.0, 24.0]);
        let mut turned = [0.0; 6];
        transpose(&a, 3, &mut turned);
        matmul(
            (2, 3, 2),
            Matrix::Transposed(&turned),
            Matrix::Plain(&b),
            0.0,
            &mut c,
        );
        assert_eq!(c, [2.0, 6.5, 11.0, 14.0]);
    }
}
