//! One halving of a plane by a filter, and the way back, along the rows or down the columns.

use super::plane::{Plane, Real};
use crate::classic::border::mirrored;

impl<T: Real> Plane<T> {
    /// Every second value of the rows, convolved with the filter; beyond their ends rows are mirrored with the
    /// outermost value repeated.
    pub(super) fn halved_along(&self, filter: &[T]) -> Self {
        let width = halved(self.width, filter.len());
        let mut values = Vec::with_capacity(width * self.height);
        for y in 0..self.height {
            let row = self.row(y);
            values.extend((0..width).map(|x| {
                let terms = filter
                    .iter()
                    .zip((0..=2 * x as i64 + 1).rev().chain((1..).map(|i| -i)));
                terms.fold(T::default(), |sum, (f, i)| {
                    sum + *f * row[mirrored(i, self.width)]
                })
            }));
        }
        Self {
            width,
            height: self.height,
            values,
        }
    }

    /// The same down the columns.
    pub(super) fn halved_down(&self, filter: &[T]) -> Self {
        let mut out = Self::zeros(self.width, halved(self.height, filter.len()));
        for (y, sums) in out.values.chunks_exact_mut(self.width).enumerate() {
            for (j, f) in filter.iter().enumerate() {
                let row = self.row(mirrored(2 * y as i64 + 1 - j as i64, self.height));
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum = *sum + *f * *value;
                }
            }
        }
        out
    }

    /// Adds the rows of `part` with a zero after each value, convolved with the filter.
    pub(super) fn add_doubled_along(&mut self, part: &Self, filter: &[T]) {
        let (width, taps) = (self.width, filter.len() / 2);
        for (y, out) in self.values.chunks_exact_mut(width).enumerate() {
            let row = part.row(y);
            for (x, pair) in out.chunks_exact_mut(2).enumerate() {
                for (parity, out) in pair.iter_mut().enumerate() {
                    let terms = (0..taps).map(|j| filter[2 * j + parity] * row[x + taps - 1 - j]);
                    *out = *out + terms.fold(T::default(), |sum, term| sum + term);
                }
            }
        }
    }

    /// The same down the columns.
    pub(super) fn add_doubled_down(&mut self, part: &Self, filter: &[T]) {
        let (width, taps) = (self.width, filter.len() / 2);
        for (y, out) in self.values.chunks_exact_mut(width).enumerate() {
            let mut sums = vec![T::default(); width];
            for j in 0..taps {
                let f = filter[2 * j + y % 2];
                for (sum, value) in sums.iter_mut().zip(part.row(y / 2 + taps - 1 - j)) {
                    *sum = *sum + f * *value;
                }
            }
            for (out, sum) in out.iter_mut().zip(sums) {
                *out = *out + sum;
            }
        }
    }
}

/// Values that a decomposition keeps of `len`.
fn halved(len: usize, filter: usize) -> usize {
    (len + filter - 1) / 2
}
