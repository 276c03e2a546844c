//! Features of many samples, in memory or on disk.

use std::io;

use ndarray::ArrayView2;

/// Samples as rows of numbers, all of one length; read by many threads at once.
pub trait Rows: Sync {
    /// How many samples there are.
    fn len(&self) -> usize;

    /// How many values each has.
    fn width(&self) -> usize;

    /// Copies the values of sample `index` to `values`, which is [`Self::width`] long.
    ///
    /// # Errors
    /// What the operating system reports, for samples that lie on disk.
    fn read(&self, index: usize, values: &mut [f32]) -> io::Result<()>;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Rows for ArrayView2<'_, f32> {
    fn len(&self) -> usize {
        self.nrows()
    }

    fn width(&self) -> usize {
        self.ncols()
    }

    fn read(&self, index: usize, values: &mut [f32]) -> io::Result<()> {
        for (to, from) in values.iter_mut().zip(self.row(index)) {
            *to = *from;
        }
        Ok(())
    }
}

/// Some of the rows.
pub struct Chosen<'a> {
    /// Of these.
    pub all: &'a dyn Rows,
    /// Their places.
    pub places: Vec<usize>,
}

impl Rows for Chosen<'_> {
    fn len(&self) -> usize {
        self.places.len()
    }

    fn width(&self) -> usize {
        self.all.width()
    }

    fn read(&self, index: usize, values: &mut [f32]) -> io::Result<()> {
        self.all.read(self.places[index], values)
    }
}
