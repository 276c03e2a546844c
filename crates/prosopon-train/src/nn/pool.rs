//! Pooling: the largest or the mean value of each window, channel by channel.

use super::layer::{Backward, Layer, Pass};
use super::shape::Shape;
use super::window::Windows;

/// Which value stands for a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// The largest; of equal ones the first, row by row, gets the gradient.
    Max,
    /// The mean of those that lie in the picture.
    Average,
}

/// `MaxPool2D` and `AveragePool2D`.
#[derive(Debug)]
pub(crate) struct Pool2d {
    /// Where it looks.
    pub(crate) windows: Windows,
    /// What it takes.
    pub(crate) pooling: Pooling,
}

impl Pool2d {
    /// Calls `visit` with the place of each window, and that of each pixel in it, as offsets of their first
    /// channel, and the number of pixels in the window.
    #[inline]
    fn each(&self, mut visit: impl FnMut(usize, usize, usize, bool)) {
        let Windows { input, columns, .. } = self.windows;
        let channels = input.channels;
        for y in 0..self.windows.rows {
            let (top, _, n_rows) = self.windows.rows_inside(y);
            for x in 0..columns {
                let (left, _, n) = self.windows.columns_inside(x);
                let out = (y * columns + x) * channels;
                for row in top..top + n_rows {
                    for column in left..left + n {
                        let from = (row * input.width + column) * channels;
                        visit(out, from, n_rows * n, row == top && column == left);
                    }
                }
            }
        }
    }
}

/// Gives `left` to the gradients of those values that are the largest, and leaves nothing of it.
///
/// A function of its own, so that the compiler knows that the slices share nothing, and without a branch: it works
/// on several channels at once.
#[inline(never)]
fn take_largest(values: &[f32], largest: &[f32], left: &mut [f32], d_values: &mut [f32]) {
    let known = values.iter().zip(largest);
    for ((value, largest), (d_value, left)) in known.zip(d_values.iter_mut().zip(left)) {
        let d = *left * f32::from(u8::from(value == largest));
        *d_value += d;
        *left -= d;
    }
}

impl Layer for Pool2d {
    fn output(&self) -> Shape {
        let Windows { rows, columns, .. } = self.windows;
        Shape::picture(rows, columns, self.windows.input.channels)
    }

    fn forward(&self, _: &Pass, input: &[f32], output: &mut [f32], _: &mut [f32]) {
        let channels = self.windows.input.channels;
        let inputs = input.chunks_exact(self.windows.input.size());
        for (picture, out) in inputs.zip(output.chunks_exact_mut(self.output().size())) {
            self.each(|to, from, n, is_first| {
                let out = &mut out[to..to + channels];
                let values = &picture[from..from + channels];
                match self.pooling {
                    Pooling::Max if is_first => out.copy_from_slice(values),
                    Pooling::Max => {
                        for (largest, value) in out.iter_mut().zip(values) {
                            let (value, old) = (*value, *largest);
                            *largest = if value > old { value } else { old };
                        }
                    }
                    Pooling::Average => {
                        if is_first {
                            out.fill(0.0);
                        }
                        let share = 1.0 / n as f32;
                        for (mean, value) in out.iter_mut().zip(values) {
                            *mean += value * share;
                        }
                    }
                }
            });
        }
    }

    fn backward(&self, _: &Pass, back: Backward) {
        let Some(d_input) = back.d_input else { return };
        d_input.fill(0.0);
        let channels = self.windows.input.channels;
        let (n_in, n_out) = (self.windows.input.size(), self.output().size());
        // What is left of a window's gradient once its largest value has taken it.
        let (left, _) = back.scratch.split_at_mut(channels);
        for (i, d_picture) in d_input.chunks_exact_mut(n_in).enumerate() {
            let picture = &back.input[i * n_in..(i + 1) * n_in];
            let out = &back.output[i * n_out..(i + 1) * n_out];
            let d_out = &back.d_output[i * n_out..(i + 1) * n_out];
            self.each(|to, from, n, is_first| {
                let d_values = &mut d_picture[from..from + channels];
                match self.pooling {
                    Pooling::Max => {
                        if is_first {
                            left.copy_from_slice(&d_out[to..to + channels]);
                        }
                        let values = &picture[from..from + channels];
                        let largest = &out[to..to + channels];
                        take_largest(values, largest, left, d_values);
                    }
                    Pooling::Average => {
                        let share = 1.0 / n as f32;
                        for (d, d_mean) in d_values.iter_mut().zip(&d_out[to..to + channels]) {
                            *d += d_mean * share;
                        }
                    }
                }
            });
        }
    }

    fn scratch(&self) -> usize {
        self.windows.input.channels
    }
}
