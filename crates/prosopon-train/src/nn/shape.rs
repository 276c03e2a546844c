//! The size of what passes between two layers.

use std::fmt;

/// Height, width and channels of one sample; values lie row by row, channels innermost. A vector has
/// height and width 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Rows.
    pub(crate) height: usize,
    /// Columns.
    pub(crate) width: usize,
    /// Values at each place.
    pub(crate) channels: usize,
    /// Whether it is a vector: printed as one, and taken by dense layers.
    pub(crate) is_flat: bool,
}

impl Shape {
    /// Of a picture.
    pub(crate) fn picture(height: usize, width: usize, channels: usize) -> Self {
        Self {
            height,
            width,
            channels,
            is_flat: false,
        }
    }

    /// Of a vector of `n` values.
    pub(crate) fn flat(n: usize) -> Self {
        Self {
            height: 1,
            width: 1,
            channels: n,
            is_flat: true,
        }
    }

    /// Number of values.
    pub(crate) fn size(&self) -> usize {
        self.height
            .saturating_mul(self.width)
            .saturating_mul(self.channels)
    }

    /// Number of places, each of which has all channels.
    pub(crate) fn places(&self) -> usize {
        self.height * self.width
    }
}

impl fmt::Display for Shape {
    /// As Keras prints it, the batch first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_flat {
            write!(f, "(None, {})", self.channels)
        } else {
            write!(
                f,
                "(None, {}, {}, {})",
                self.height, self.width, self.channels
            )
        }
    }
}
