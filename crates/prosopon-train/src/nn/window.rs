//! Windows that slide over a picture: what convolution and pooling share.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::shape::Shape;

/// What happens at the border.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Windows lie within the picture; the output is smaller.
    #[default]
    Valid,
    /// As much padding that the output is the input divided by the stride, rounded up; of an odd number
    /// the larger part is right and below, as in TensorFlow.
    Same,
}

/// Square windows over pictures of one size.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Windows {
    /// The picture.
    pub(crate) input: Shape,
    /// Rows of windows.
    pub(crate) rows: usize,
    /// Windows in a row.
    pub(crate) columns: usize,
    /// Side of a window.
    pub(crate) side: usize,
    /// Pixels from one window to the next.
    pub(crate) stride: usize,
    above: usize,
    left: usize,
}

impl Windows {
    /// Windows of `side` pixels, every `stride` pixels; none if not even one fits.
    pub(crate) fn new(input: Shape, side: usize, stride: usize, padding: Padding) -> Option<Self> {
        let along = |length: usize| match padding {
            Padding::Valid => Some((length.checked_sub(side)? / stride + 1, 0)),
            Padding::Same => {
                let n = length.div_ceil(stride);
                let reach = (n - 1) * stride + side;
                Some((n, reach.saturating_sub(length) / 2))
            }
        };
        let (rows, above) = along(input.height)?;
        let (columns, left) = along(input.width)?;
        Some(Self {
            input,
            rows,
            columns,
            side,
            stride,
            above,
            left,
        })
    }

    /// Pixels that windows reach past the picture: above, left, below, right.
    pub(crate) fn padding(&self) -> [usize; 4] {
        let behind = |n: usize, before: usize, length: usize| {
            ((n - 1) * self.stride + self.side).saturating_sub(before + length)
        };
        let below = behind(self.rows, self.above, self.input.height);
        let right = behind(self.columns, self.left, self.input.width);
        [self.above, self.left, below, right]
    }

    /// Number of windows.
    pub(crate) fn len(&self) -> usize {
        self.rows * self.columns
    }

    /// The part of window `index` of `0..len` along an axis that lies in the picture: first pixel of the
    /// picture, first pixel of the window, and how many.
    fn inside(&self, index: usize, before: usize, length: usize) -> (usize, usize, usize) {
        let start = index * self.stride;
        let first = start.max(before) - before;
        let skipped = before.saturating_sub(start);
        let end = (start + self.side - before.min(start + self.side)).min(length);
        (first, skipped, end.saturating_sub(first))
    }

    /// Rows of window row `y` in the picture; see [`Self::columns_inside`].
    pub(crate) fn rows_inside(&self, y: usize) -> (usize, usize, usize) {
        self.inside(y, self.above, self.input.height)
    }

    /// Columns of window column `x`: first in the picture, first in the window, and how many.
    pub(crate) fn columns_inside(&self, x: usize) -> (usize, usize, usize) {
        self.inside(x, self.left, self.input.width)
    }

    /// Writes the windows as columns of a matrix: the transpose of what [`Self::gather`] writes. `planes` is
    /// working memory of the size of the picture.
    ///
    /// `matrixmultiply` copies the left factor of a product in pieces of one column; that takes as long as
    /// the product itself if columns do not lie in one piece.
    pub(crate) fn gather_columns(&self, picture: &[f32], planes: &mut [f32], columns: &mut [f32]) {
        let Shape {
            width,
            height,
            channels,
            ..
        } = self.input;
        for (channel, plane) in planes.chunks_exact_mut(width * height).enumerate() {
            for (to, from) in plane
                .iter_mut()
                .zip(picture[channel..].iter().step_by(channels))
            {
                *to = *from;
            }
        }
        let mut rows = columns.chunks_exact_mut(self.len());
        for place in 0..self.side * self.side {
            let (row, column) = (place / self.side, place % self.side);
            // Windows whose pixel here lies within the picture.
            let ys = self.windows_with(row, self.above, height, self.rows);
            let xs = self.windows_with(column, self.left, width, self.columns);
            for plane in planes.chunks_exact(width * height) {
                let Some(values) = rows.next() else { return };
                if ys.len() < self.rows || xs.len() < self.columns {
                    values.fill(0.0);
                }
                for y in ys.clone() {
                    let line = (y * self.stride + row - self.above) * width;
                    let first = line + xs.start * self.stride + column - self.left;
                    let to = &mut values[y * self.columns + xs.start..][..xs.len()];
                    if self.stride == 1 {
                        copy(to, &plane[first..first + xs.len()]);
                    } else {
                        for (to, from) in to
                            .iter_mut()
                            .zip(plane[first..].iter().step_by(self.stride))
                        {
                            *to = *from;
                        }
                    }
                }
            }
        }
    }

    /// Windows of `n` along an axis of `length` pixels whose pixel `offset` lies in the picture; they are
    /// neighbours.
    fn windows_with(&self, offset: usize, before: usize, length: usize, n: usize) -> Range<usize> {
        let first = before.saturating_sub(offset).div_ceil(self.stride).min(n);
        let end = (length + before)
            .saturating_sub(offset)
            .div_ceil(self.stride);
        first..end.clamp(first, n)
    }

    /// Writes each window as a row of `side × side × channels` values, zeros where it leaves the picture.
    pub(crate) fn gather(&self, picture: &[f32], rows: &mut [f32]) {
        let channels = self.input.channels;
        let line = self.side * channels;
        let size = self.side * line;
        for y in 0..self.rows {
            let (top, skipped_rows, n_rows) = self.rows_inside(y);
            for x in 0..self.columns {
                let (left, skipped, n) = self.columns_inside(x);
                let index = y * self.columns + x;
                let window = &mut rows[index * size..(index + 1) * size];
                if n_rows < self.side || n < self.side {
                    window.fill(0.0);
                }
                for row in 0..n_rows {
                    let from = ((top + row) * self.input.width + left) * channels;
                    let to = (skipped_rows + row) * line + skipped * channels;
                    copy(
                        &mut window[to..to + n * channels],
                        &picture[from..from + n * channels],
                    );
                }
            }
        }
    }

    /// Adds each window's row to where [`Self::gather`] took it from.
    pub(crate) fn scatter(&self, rows: &[f32], picture: &mut [f32]) {
        picture.fill(0.0);
        let channels = self.input.channels;
        let line = self.side * channels;
        let size = self.side * line;
        for y in 0..self.rows {
            let (top, skipped_rows, n_rows) = self.rows_inside(y);
            for x in 0..self.columns {
                let (left, skipped, n) = self.columns_inside(x);
                let index = y * self.columns + x;
                let window = &rows[index * size..(index + 1) * size];
                for row in 0..n_rows {
                    let to = ((top + row) * self.input.width + left) * channels;
                    let from = (skipped_rows + row) * line + skipped * channels;
                    for (sum, value) in picture[to..to + n * channels]
                        .iter_mut()
                        .zip(&window[from..from + n * channels])
                    {
                        *sum += value;
                    }
                }
            }
        }
    }
}

/// Copies a few values; a call of `memcpy` costs more than three of them.
fn copy(to: &mut [f32], from: &[f32]) {
    if to.len() > 16 {
        to.copy_from_slice(from);
    } else {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_counted_as_tensorflow_counts_them() {
        // tf.nn.max_pool2d 2.21 gives these sizes.
        for (length, side, stride, padding, expected) in [
            (40, 3, 1, Padding::Valid, 38),
            (38, 2, 2, Padding::Valid, 19),
            (17, 2, 2, Padding::Valid, 8),
            (5, 3, 2, Padding::Same, 3),
            (6, 3, 2, Padding::Same, 3),
            (4, 1, 3, Padding::Same, 2),
        ] {
            let input = Shape::picture(length, length, 1);
            let windows = Windows::new(input, side, stride, padding).unwrap();
            assert_eq!(windows.rows, expected, "{length} {side} {stride}");
        }
        assert!(Windows::new(Shape::picture(2, 2, 1), 3, 1, Padding::Valid).is_none());
    }

    #[test]
    fn same_padding_puts_the_odd_pixel_below_and_right() {
        let input = Shape::picture(2, 2, 1);
        let windows = Windows::new(input, 2, 1, Padding::Same).unwrap();
        let mut rows = vec![9.0; 16];
        windows.gather(&[1.0, 2.0, 3.0, 4.0], &mut rows);
        let expected = [
            1.0, 2.0, 3.0, 4.0, 2.0, 0.0, 4.0, 0.0, 3.0, 4.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0,
        ];
        assert_eq!(rows, expected);
        let mut picture = vec![7.0; 4];
        windows.scatter(&rows, &mut picture);
        assert_eq!(picture, [1.0, 4.0, 6.0, 16.0]); // Each value as often as windows have it.
    }

    #[test]
    fn columns_are_the_transpose_of_rows() {
        for (side, stride, padding) in [
            (3, 1, Padding::Valid),
            (3, 1, Padding::Same),
            (2, 3, Padding::Same),
            (5, 2, Padding::Same),
            (4, 2, Padding::Valid),
            (1, 3, Padding::Same),
        ] {
            let input = Shape::picture(6, 5, 2);
            let windows = Windows::new(input, side, stride, padding).unwrap();
            let picture: Vec<f32> = (1..=60).map(|i| i as f32).collect();
            let (n, size) = (windows.len(), side * side * 2);
            let (mut rows, mut columns) = (vec![-1.0; n * size], vec![-1.0; n * size]);
            windows.gather(&picture, &mut rows);
            windows.gather_columns(&picture, &mut [0.0; 60], &mut columns);
            for i in 0..n {
                for k in 0..size {
                    assert_eq!(
                        rows[i * size + k],
                        columns[k * n + i],
                        "{side} {stride} {padding:?}"
                    );
                }
            }
        }
    }
}
