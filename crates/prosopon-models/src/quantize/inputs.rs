//! Inputs of a network, kept as files for the tool that looks at what its layers make of them.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use super::scratch;
use crate::error::{ModelsError, Result};

/// A temporary folder of inputs; it goes when this does.
#[derive(Debug)]
pub struct CalibrationInputs {
    folder: TempDir,
    n: AtomicUsize,
}

impl CalibrationInputs {
    /// No inputs yet.
    ///
    /// # Errors
    /// [`ModelsError::Io`] if there is no place for temporary files.
    pub fn create() -> Result<Self> {
        Ok(Self {
            folder: scratch()?,
            n: AtomicUsize::new(0),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.n.load(Ordering::Relaxed)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keeps one input: its values, row-major, as little-endian floats.
    ///
    /// # Errors
    /// [`ModelsError::DiskFull`] and the like.
    pub fn push(&self, shape: [usize; 4], values: &[f32]) -> Result<()> {
        let n = self.n.fetch_add(1, Ordering::Relaxed);
        let [batch, a, b, c] = shape;
        let name = format!("{n:06}-{batch}x{a}x{b}x{c}.f32");
        let path = self.folder.path().join(name);
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        fs::write(&path, bytes).map_err(|e: io::Error| ModelsError::io("write", &path, e))
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_the_shape() {
        let inputs = CalibrationInputs::create().unwrap();
        assert!(inputs.is_empty());
        inputs.push([1, 1, 1, 2], &[1.0, -0.5]).unwrap();
        let path = inputs.folder().join("000000-1x1x1x2.f32");
        assert_eq!(fs::read(path).unwrap(), [0, 0, 0x80, 0x3f, 0, 0, 0, 0xbf]);
        assert_eq!(inputs.len(), 1);
    }
}
