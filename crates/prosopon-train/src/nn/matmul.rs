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
