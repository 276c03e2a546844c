//! Tables of numbers in `NumPy`'s `.npy` files, written row by row and read row by row, so that a table may
//! be larger than memory.
//!
//! Format: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>, version 1.0, in order
//! of rows (C), of `<f4`, `<f8` or `|u1`.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::rows::Rows;

const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";
/// Header that every writer makes: room for any shape, and a multiple of 64 as the format asks.
const HEADER_BYTES: usize = 128;

/// Kind of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 8 bits, for levels of pixels.
    U8,
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point; only read.
    F64,
    /// 64-bit whole numbers; only read, for labels.
    I64,
}

impl Kind {
    fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::U8 => "|u1",
            Self::F32 => "<f4",
            Self::F64 => "<f8",
            Self::I64 => "<i8",
        }
    }
}

/// A table that grows by rows.
pub struct NpyWriter {
    file: BufWriter<File>,
    path: PathBuf,
    kind: Kind,
    width: usize,
    rows: usize,
}

impl NpyWriter {
    /// Begins a table of rows with `width` numbers each. It lies beside `path`, with the ending `.part`,
    /// until [`Self::finish`] gives it its name.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn create(path: &Path, kind: Kind, width: usize) -> io::Result<Self> {
        let mut file = BufWriter::new(File::create(part(path))?);
        file.write_all(&header(kind, 0, width))?;
        Ok(Self {
            file,
            path: path.to_owned(),
            kind,
            width,
            rows: 0,
        })
    }

    /// Appends a row. Of [`Kind::U8`] numbers are cut to 0 to 255.
    ///
    /// # Errors
    /// What the operating system reports; `InvalidInput` for a row of another length.
    pub fn push(&mut self, row: &[f32]) -> io::Result<()> {
        if row.len() != self.width {
            let message = format!(
                "expected a row of {} numbers, found {}",
                self.width,
                row.len()
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        for value in row {
            match self.kind {
                Kind::U8 => self.file.write_all(&[*value as u8])?,
                Kind::F32 => self.file.write_all(&value.to_le_bytes())?,
                Kind::F64 => self.file.write_all(&f64::from(*value).to_le_bytes())?,
                Kind::I64 => self.file.write_all(&(*value as i64).to_le_bytes())?,
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Ends the table: from here on it is there, whole.
    ///
    /// # Errors
    /// What the operating system reports.
    pub fn finish(self) -> io::Result<()> {
        let mut file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header(self.kind, self.rows, self.width))?;
        file.sync_all()?;
        std::fs::rename(part(&self.path), &self.path)
    }
}

fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

fn header(kind: Kind, rows: usize, width: usize) -> Vec<u8> {
    let text = format!(
        "{{'descr': '{}', 'fortran_order': False, 'shape': ({rows}, {width}), }}",
        kind.name()
    );
    let length = HEADER_BYTES - MAGIC.len() - 2;
    let mut header = MAGIC.to_vec();
    header.extend((length as u16).to_le_bytes());
    header.extend(format!("{text:<0$}\n", length - 1).into_bytes());
    header
}

/// A table on disk.
pub struct NpyRows {
    file: Mutex<File>,
    kind: Kind,
    start: u64,
    rows: usize,
    width: usize,
}

impl NpyRows {
    /// Opens a table; of one dimension, each number is a row.
    ///
    /// # Errors
    /// What the operating system reports; `InvalidData` for what is no table of these kinds, or shorter
    /// than it says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
        let mut file = File::open(path)?;
        let mut start = [0; 12];
        file.read_exact(&mut start).map_err(|_| {
            invalid("expected a table of NumPy, found a file that is too short".into())
        })?;
        if !start.starts_with(b"\x93NUMPY") {
            return Err(invalid(
                "expected a table of NumPy, found another kind of file".into(),
            ));
        }
        // Version 1 has a length of two bytes, the others of four.
        let (length, at) = if start[6] == 1 {
            (u32::from(u16::from_le_bytes([start[8], start[9]])), 10)
        } else {
            (
                u32::from_le_bytes([start[8], start[9], start[10], start[11]]),
                12,
            )
        };
        if length > 1 << 16 {
            return Err(invalid(format!(
                "expected a header of at most 65536 bytes, found {length}"
            )));
        }
        file.seek(SeekFrom::Start(at))?;
        let mut text = vec![0; length as usize];
        file.read_exact(&mut text)
            .map_err(|_| invalid("expected a table of NumPy, found one that is cut off".into()))?;
        let text = String::from_utf8_lossy(&text);
        let (kind, rows, width) = parse(&text).map_err(invalid)?;
        let start = at + u64::from(length);
        let expected = (rows as u64)
            .checked_mul(width as u64)
            .and_then(|n| n.checked_mul(kind.bytes() as u64))
            .and_then(|n| n.checked_add(start));
        let found = file.metadata()?.len();
        if expected.is_none_or(|expected| found < expected) {
            return Err(invalid(format!(
                "expected {rows} rows of {width} numbers, found a file that is cut off"
            )));
        }
        Ok(Self {
            file: Mutex::new(file),
            kind,
            start,
            rows,
            width,
        })
    }

    /// Of what kind the numbers are.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// Kind, rows and width that a header tells of.
fn parse(header: &str) -> Result<(Kind, usize, usize), String> {
    let value = |name: &str| {
        let at = header.find(name)? + name.len();
        Some(header[at..].trim_start_matches(['\'', '"', ':', ' ']))
    };
    let kinds = [Kind::U8, Kind::F32, Kind::F64, Kind::I64];
    let descr = value("descr").unwrap_or_default();
    let kind = kinds
        .into_iter()
        .find(|kind| descr.starts_with(kind.name()));
    let kind = kind.ok_or("expected numbers of kind |u1, <f4, <f8 or <i8")?;
    if !value("fortran_order").is_some_and(|order| order.starts_with("False")) {
        return Err(
            "expected numbers in order of rows, found columns; numpy.ascontiguousarray helps"
                .to_owned(),
        );
    }
    let shape = value("shape").and_then(|shape| shape.strip_prefix('(')?.split(')').next());
    let sides: Option<Vec<usize>> = shape.map(|shape| {
        let sides = shape
            .split(',')
            .map(str::trim)
            .filter(|side| !side.is_empty());
        sides
            .map(|side| side.parse().unwrap_or(usize::MAX))
            .collect()
    });
    match sides.as_deref() {
        Some([rows]) => Ok((kind, *rows, 1)),
        Some([rows, width]) => Ok((kind, *rows, *width)),
        Some([rows, rest @ ..]) if rest.len() < 5 => {
            let width = rest.iter().try_fold(1usize, |n, side| n.checked_mul(*side));
            Ok((kind, *rows, width.unwrap_or(usize::MAX)))
        }
        _ => Err("expected a shape of one to five dimensions".to_owned()),
    }
}

impl Rows for NpyRows {
    fn len(&self) -> usize {
        self.rows
    }

    fn width(&self) -> usize {
        self.width
    }

    fn read(&self, index: usize, values: &mut [f32]) -> io::Result<()> {
        let bytes_per_row = self.width * self.kind.bytes();
        let mut bytes = vec![0; bytes_per_row];
        {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(self.start + (index * bytes_per_row) as u64))?;
            file.read_exact(&mut bytes)?;
        }
        let numbers = bytes.chunks_exact(self.kind.bytes());
        for (value, bytes) in values.iter_mut().zip(numbers) {
            *value = match (self.kind, bytes) {
                (Kind::U8, [byte]) => f32::from(*byte),
                (Kind::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
                (Kind::F64, &[a, b, c, d, e, f, g, h]) => {
                    f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
                }
                (Kind::I64, &[a, b, c, d, e, f, g, h]) => {
                    i64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
                }
                _ => 0.0,
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        for (kind, rows) in [
            (Kind::F32, [[1.5, -2.0, 3.25], [0.0, 1e9, -0.125]]),
            (Kind::U8, [[0.0, 255.0, 7.0], [1.0, 2.0, 3.0]]),
        ] {
            let mut writer = NpyWriter::create(&path, kind, 3).unwrap();
            for row in &rows {
                writer.push(row).unwrap();
            }
            assert!(writer.push(&[1.0]).is_err());
            writer.finish().unwrap();
            let read = NpyRows::open(&path).unwrap();
            assert_eq!((read.len(), read.width(), read.kind()), (2, 3, kind));
            let mut row = [0.0; 3];
            for (i, expected) in rows.iter().enumerate() {
                read.read(i, &mut row).unwrap();
                assert_eq!(&row, expected);
            }
            // Another program reads the same.
            let file = File::open(&path).unwrap();
            if kind == Kind::F32 {
                let array: ndarray::Array2<f32> = ndarray_npy::ReadNpyExt::read_npy(file).unwrap();
                assert_eq!(array.row(1).to_vec(), rows[1]);
            }
        }
    }

    #[test]
    fn what_is_no_table_is_said_to_be_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        let mut whole = header(Kind::F32, 2, 2);
        whole.extend([0; 16]);
        for (bytes, expected) in [
            (&b"no"[..], "too short"),
            (&b"something else entirely"[..], "another kind of file"),
            (&whole[..60], "cut off"),
            (&whole[..whole.len() - 1], "cut off"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let error = NpyRows::open(&path).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let columns = String::from_utf8_lossy(&whole[10..]).replace("False", "True");
        assert!(parse(&columns).unwrap_err().contains("order of rows"));
        assert!(parse("{'descr': '<c8', 'shape': (1,)}").is_err());
    }
}
