//! Values of all samples, in memory or on disk.

use std::io;

use ndarray::Array2;

use super::npy::NpyRows;
use crate::rows::Rows;

/// Values of all samples.
pub enum Features {
    /// In memory.
    Memory {
        /// How many values a sample has.
        width: usize,
        /// All values, sample after sample.
        values: Vec<f32>,
    },
    /// Levels from 0 to 255 in memory.
    Levels {
        /// How many values a sample has.
        width: usize,
        /// All levels, sample after sample.
        values: Vec<u8>,
    },
    /// In a file.
    Disk(NpyRows),
}

impl Features {
    /// All of them in memory, a row for each sample.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn to_array(&self) -> io::Result<Array2<f32>> {
        let mut all = Array2::zeros((self.len(), self.width()));
        for (i, mut row) in all.rows_mut().into_iter().enumerate() {
            if let Some(row) = row.as_slice_mut() {
                self.read(i, row)?;
            }
        }
        Ok(all)
    }
}

impl Rows for Features {
    fn len(&self) -> usize {
        match self {
            Self::Memory { width, values } => values.len() / width.max(&1),
            Self::Levels { width, values } => values.len() / width.max(&1),
            Self::Disk(rows) => rows.len(),
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Memory { width, .. } | Self::Levels { width, .. } => *width,
            Self::Disk(rows) => rows.width(),
        }
    }

    fn read(&self, index: usize, into: &mut [f32]) -> io::Result<()> {
        match self {
            Self::Memory { width, values } => {
                into.copy_from_slice(&values[index * width..(index + 1) * width]);
            }
            Self::Levels { width, values } => {
                let levels = &values[index * width..(index + 1) * width];
                for (to, from) in into.iter_mut().zip(levels) {
                    *to = f32::from(*from);
                }
            }
            Self::Disk(rows) => rows.read(index, into)?,
        }
        Ok(())
    }
}
