//! Recognisers on disk: a file of our own, compact and checked.
//!
//! All numbers are little-endian. The file begins with the eight bytes `prosrecg` and the version (`u32`), then follow
//! method, width, height (`u32` each), names (their number, then for each its length in bytes and UTF-8), labels
//! (their number, then each), and what the method has learnt; the SHA-256 of all that ends it. Strings and lists have
//! lengths of 32 bits, reals 64 bits, so that a recogniser gives the same answers after loading. Files of `OpenCV`
//! (YAML of hundreds of megabytes) are not read.

use std::io;
use std::path::Path;

use nalgebra::{DMatrix, DVector};
use sha2::{Digest, Sha256};

use super::lbph::{Counts, Lbph, LbphOptions};
use super::subspace::Subspace;
use super::{Model, RECOGNISER_SIDES, Recogniser, RecogniserMethod};
use crate::classic::lbp::Lbp;
use crate::image::write_whole;

const MAGIC: &[u8; 8] = b"prosrecg";
/// Raised with every change that older programs cannot read.
const VERSION: u32 = 1;
const DIGEST_BYTES: usize = 32;
/// Larger files are not read: they would fill the memory of small machines.
const MOST_BYTES: u64 = 2 << 30;

/// Why a recogniser could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file could not be read.
    #[error("could not read the recogniser")]
    Read(#[source] io::Error),
    /// It is too large.
    #[error("expected a recogniser of at most {most} bytes, found {bytes}")]
    TooLarge {
        /// What is read.
        most: u64,
        /// The file's size.
        bytes: u64,
    },
    /// It is something else.
    #[error("expected a recogniser of prosopon, found another kind of file")]
    NotARecogniser,
    /// A newer program wrote it.
    #[error("expected a recogniser of version {VERSION}, found version {version}")]
    Version {
        /// Its version.
        version: u32,
    },
    /// It was changed or cut off.
    #[error("expected a whole recogniser, found one that was changed or cut off")]
    Damaged,
    /// A number in it makes no sense.
    #[error("the recogniser has no valid {what}")]
    Invalid {
        /// Which part.
        what: &'static str,
    },
}

impl Recogniser {
    /// Writes the recogniser to a file, which appears whole or not at all.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        write_whole(path, &self.to_bytes())
    }

    /// Reads a recogniser from a file.
    ///
    /// # Errors
    /// [`FileError`] for what cannot be read, is no recogniser, or was damaged.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        let bytes = std::fs::metadata(path).map_err(FileError::Read)?.len();
        if bytes > MOST_BYTES {
            return Err(FileError::TooLarge {
                most: MOST_BYTES,
                bytes,
            });
        }
        Self::from_bytes(&std::fs::read(path).map_err(FileError::Read)?)
    }

    /// The recogniser as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer(MAGIC.to_vec());
        out.number(VERSION);
        out.number(match self.method() {
            RecogniserMethod::Lbph => 0,
            RecogniserMethod::Eigen => 1,
            RecogniserMethod::Fisher => 2,
        });
        out.number(self.sides.0);
        out.number(self.sides.1);
        out.number(self.names.len() as u32);
        for name in &self.names {
            out.number(name.len() as u32);
            out.0.extend(name.as_bytes());
        }
        out.numbers(&self.labels);
        match &self.model {
            Model::Lbph(lbph) => {
                let LbphOptions { lbp, grid } = lbph.options;
                for number in [lbp.radius, lbp.neighbors, grid.0, grid.1] {
                    out.number(number);
                }
                for face in &lbph.faces {
                    out.number(face.len() as u32);
                    for (bin, count) in face {
                        out.number(*bin);
                        out.number(*count);
                    }
                }
            }
            Model::Eigen(space) | Model::Fisher(space) => {
                out.number(space.values.len() as u32);
                out.reals(&space.values);
                out.reals(space.mean.as_slice());
                out.reals(space.directions.as_slice());
                out.reals(space.faces.as_slice());
            }
        }
        let digest = Sha256::digest(&out.0);
        out.0.extend(digest);
        out.0
    }

    /// The recogniser that [`Self::to_bytes`] gave.
    ///
    /// # Errors
    /// [`FileError`], whatever the bytes are.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FileError> {
        if !bytes.starts_with(MAGIC) {
            return Err(FileError::NotARecogniser);
        }
        let end = bytes
            .len()
            .checked_sub(DIGEST_BYTES)
            .ok_or(FileError::Damaged)?;
        let mut input = Reader(&bytes[MAGIC.len().min(end)..end]);
        let version = input.number("version")?;
        if version != VERSION {
            return Err(FileError::Version { version });
        }
        if Sha256::digest(&bytes[..end])[..] != bytes[end..] {
            return Err(FileError::Damaged);
        }
        // The digest keeps chance out, not malice: every number is checked all the same.
        let recogniser = input.recogniser()?;
        if !input.0.is_empty() {
            return Err(FileError::Invalid { what: "end" });
        }
        Ok(recogniser)
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    fn numbers(&mut self, numbers: &[u32]) {
        self.number(numbers.len() as u32);
        for number in numbers {
            self.number(*number);
        }
    }

    fn reals(&mut self, reals: &[f64]) {
        self.0.extend(reals.iter().flat_map(|v| v.to_le_bytes()));
    }
}

/// The bytes that are left. Nothing is reserved before they are seen to be there.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], FileError> {
        let (taken, rest) = self
            .0
            .split_at_checked(len)
            .ok_or(FileError::Invalid { what })?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, what: &'static str) -> Result<u32, FileError> {
        let bytes = self.take(4, what)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | u32::from(*byte)))
    }

    /// `len` numbers.
    fn numbers(&mut self, len: usize, what: &'static str) -> Result<Vec<u32>, FileError> {
        let bytes = self.take(len.saturating_mul(4), what)?;
        let (words, _) = bytes.as_chunks::<4>();
        Ok(words.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    /// `len` reals, all finite.
    fn reals(&mut self, len: usize, what: &'static str) -> Result<Vec<f64>, FileError> {
        let bytes = self.take(len.saturating_mul(8), what)?;
        let (words, _) = bytes.as_chunks::<8>();
        let reals: Vec<f64> = words.iter().map(|word| f64::from_le_bytes(*word)).collect();
        let finite = reals.iter().all(|v| v.is_finite());
        finite.then_some(reals).ok_or(FileError::Invalid { what })
    }

    fn recogniser(&mut self) -> Result<Recogniser, FileError> {
        let invalid = |what| FileError::Invalid { what };
        let method = self.number("method")?;
        let sides = (self.number("width")?, self.number("height")?);
        if !RECOGNISER_SIDES.contains(&sides.0) || !RECOGNISER_SIDES.contains(&sides.1) {
            return Err(invalid("size"));
        }
        let n_names = self.number("names")?;
        let mut names = Vec::new();
        for _ in 0..n_names {
            let len = self.number("names")? as usize;
            let name = str::from_utf8(self.take(len, "names")?).map_err(|_| invalid("names"))?;
            names.push(name.to_owned());
        }
        let n_labels = self.number("labels")? as usize;
        let labels = self.numbers(n_labels, "labels")?;
        if labels.is_empty() || labels.iter().any(|label| *label as usize >= names.len()) {
            return Err(invalid("labels"));
        }
        let model = match method {
            0 => Model::Lbph(self.lbph(sides, labels.len())?),
            1 => Model::Eigen(self.subspace(sides, labels.len())?),
            2 => Model::Fisher(self.subspace(sides, labels.len())?),
            _ => return Err(invalid("method")),
        };
        Ok(Recogniser {
            names,
            sides,
            labels,
            model,
        })
    }

    fn lbph(&mut self, sides: (u32, u32), n_faces: usize) -> Result<Lbph, FileError> {
        let options = LbphOptions {
            lbp: Lbp {
                radius: self.number("radius")?,
                neighbors: self.number("neighbours")?,
            },
            grid: (self.number("grid")?, self.number("grid")?),
        };
        let bins = options
            .bins(sides)
            .ok_or(FileError::Invalid { what: "patterns" })?;
        let mut lbph = Lbph::new(options, sides);
        for _ in 0..n_faces {
            let len = self.number("histograms")? as usize;
            let words = self.numbers(len.saturating_mul(2), "histograms")?;
            let (pairs, _) = words.as_chunks::<2>();
            let face: Counts = pairs.iter().map(|[bin, count]| (*bin, *count)).collect();
            let is_valid = face.is_sorted_by(|a, b| a.0 < b.0)
                && face.iter().all(|(bin, count)| *bin < bins && *count > 0);
            if !is_valid {
                return Err(FileError::Invalid { what: "histograms" });
            }
            lbph.faces.push(face);
        }
        Ok(lbph)
    }

    fn subspace(&mut self, sides: (u32, u32), n_faces: usize) -> Result<Subspace, FileError> {
        let pixels = sides.0 as usize * sides.1 as usize;
        let n = self.number("directions")? as usize;
        let size = |a: usize, b: usize| a.saturating_mul(b);
        Ok(Subspace {
            sides,
            values: self.reals(n, "directions")?,
            mean: DVector::from_vec(self.reals(pixels, "mean face")?),
            directions: DMatrix::from_vec(pixels, n, self.reals(size(pixels, n), "directions")?),
            faces: DMatrix::from_vec(n, n_faces, self.reals(size(n, n_faces), "faces")?),
        })
    }
}
