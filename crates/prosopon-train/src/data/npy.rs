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
/// What comes before any header: magic, version, and its length in two bytes or four.
const START_BYTES: usize = 12;
/// Longest header that is read; those of `NumPy` have 118 bytes for two dimensions.
const MOST_HEADER_BYTES: u32 = 1 << 16;
/// Most numbers in a row: more than the pixels of the largest pictures that are learnt from. A row is read whole, and a table
/// without rows may claim any width.
const MOST_WIDTH: usize = 1 << 24;

/// Kind of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 8 bits, for levels of pixels.
    U8,
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point; only read.
    F64,
    /// 32-bit whole numbers; only read, for labels.
    I32,
    /// 64-bit whole numbers, for labels.
    I64,
}

impl Kind {
    fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::U8 => "|u1",
            Self::F32 => "<f4",
            Self::F64 => "<f8",
            Self::I32 => "<i4",
            Self::I64 => "<i8",
        }
    }

    /// The number in these bytes; 0 if they are not as many as it has.
    fn number(self, bytes: &[u8]) -> f64 {
        match (self, bytes) {
            (Self::U8, [byte]) => f64::from(*byte),
            (Self::F32, &[a, b, c, d]) => f64::from(f32::from_le_bytes([a, b, c, d])),
            (Self::I32, &[a, b, c, d]) => f64::from(i32::from_le_bytes([a, b, c, d])),
            (Self::F64, &[a, b, c, d, e, f, g, h]) => f64::from_le_bytes([a, b, c, d, e, f, g, h]),
            (Self::I64, &[a, b, c, d, e, f, g, h]) => {
                i64::from_le_bytes([a, b, c, d, e, f, g, h]) as f64
            }
            _ => 0.0,
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
                Kind::I32 => self.file.write_all(&(*value as i32).to_le_bytes())?,
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
        let mut start = [0; START_BYTES];
        file.read_exact(&mut start)
            .map_err(|_| invalid(TOO_SHORT.into()))?;
        let (length, at) = header_place(start).map_err(invalid)?;
        file.seek(SeekFrom::Start(at))?;
        let mut text = vec![0; length as usize];
        file.read_exact(&mut text)
            .map_err(|_| invalid(CUT_OFF.into()))?;
        let shape = parse(&String::from_utf8_lossy(&text)).map_err(invalid)?;
        let Shape {
            kind, rows, width, ..
        } = shape;
        if shape.is_by_columns {
            return Err(invalid(BY_COLUMNS.into()));
        }
        let start = at + u64::from(length);
        let expected = shape.bytes().and_then(|n| n.checked_add(start));
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

const TOO_SHORT: &str = "expected a table of NumPy, found a file that is too short";
const CUT_OFF: &str = "expected a table of NumPy, found one that is cut off";
const BY_COLUMNS: &str =
    "expected numbers in order of rows, found columns; numpy.ascontiguousarray helps";

/// Length and place of the header of the table that begins so.
fn header_place(start: [u8; START_BYTES]) -> Result<(u32, u64), String> {
    if !start.starts_with(b"\x93NUMPY") {
        return Err("expected a table of NumPy, found another kind of file".to_owned());
    }
    let [.., version, _, a, b, c, d] = start;
    // Version 1 has a length of two bytes, the others of four.
    let (length, at) = if version == 1 {
        (u32::from(u16::from_le_bytes([a, b])), 10)
    } else {
        (u32::from_le_bytes([a, b, c, d]), 12)
    };
    if length > MOST_HEADER_BYTES {
        return Err(format!(
            "expected a header of at most {MOST_HEADER_BYTES} bytes, found {length}"
        ));
    }
    Ok((length, at))
}

/// What a header tells of.
#[derive(Debug, Clone, Copy)]
struct Shape {
    kind: Kind,
    rows: usize,
    width: usize,
    /// Whether the numbers of a column follow each other, not those of a row.
    is_by_columns: bool,
}

impl Shape {
    /// How many bytes the numbers have; none if they are more than can be counted.
    fn bytes(self) -> Option<u64> {
        (self.rows as u64)
            .checked_mul(self.width as u64)
            .and_then(|n| n.checked_mul(self.kind.bytes() as u64))
    }
}

fn parse(header: &str) -> Result<Shape, String> {
    let value = |name: &str| {
        let at = header.find(name)? + name.len();
        Some(header[at..].trim_start_matches(['\'', '"', ':', ' ']))
    };
    let kinds = [Kind::U8, Kind::F32, Kind::F64, Kind::I32, Kind::I64];
    let descr = value("descr").unwrap_or_default();
    let kind = kinds
        .into_iter()
        .find(|kind| descr.starts_with(kind.name()));
    let kind = kind.ok_or("expected numbers of kind |u1, <f4, <f8, <i4 or <i8")?;
    let order = value("fortran_order").unwrap_or_default();
    let is_by_columns = !order.starts_with("False");
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
    let (rows, width) = match sides.as_deref() {
        Some([rows]) => (*rows, 1),
        Some([rows, width]) => (*rows, *width),
        Some([_, ..]) if is_by_columns => return Err(BY_COLUMNS.to_owned()),
        Some([rows, rest @ ..]) if rest.len() < 5 => {
            let width = rest.iter().try_fold(1usize, |n, side| n.checked_mul(*side));
            (*rows, width.unwrap_or(usize::MAX))
        }
        _ => return Err("expected a shape of one to five dimensions".to_owned()),
    };
    if width > MOST_WIDTH {
        return Err(format!(
            "expected at most {MOST_WIDTH} numbers in a row, found {width}"
        ));
    }
    Ok(Shape {
        kind,
        rows,
        width,
        is_by_columns,
    })
}

/// A table in memory.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) kind: Kind,
    pub(super) width: usize,
    /// Row by row.
    pub(super) values: Vec<f64>,
}

impl Table {
    /// Reads a table; of one dimension, each number is a row. What it claims to hold must be there before room is made for it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let start = bytes.first_chunk().ok_or(TOO_SHORT)?;
        let (length, at) = header_place(*start)?;
        let (at, length) = (at as usize, length as usize);
        let text = bytes.get(at..at + length).ok_or(CUT_OFF)?;
        let shape = parse(&String::from_utf8_lossy(text))?;
        let Shape {
            kind, rows, width, ..
        } = shape;
        let expected = shape.bytes().and_then(|n| usize::try_from(n).ok());
        let content = &bytes[at + length..];
        let content = expected.and_then(|expected| content.get(..expected));
        let content = content.ok_or_else(|| {
            format!("expected {rows} rows of {width} numbers, found a table that is cut off")
        })?;
        let numbers = content.chunks_exact(kind.bytes());
        let values: Vec<f64> = numbers.map(|bytes| kind.number(bytes)).collect();
        let values = if shape.is_by_columns && !values.is_empty() {
            let row = |row: usize| values.iter().skip(row).step_by(rows).copied();
            (0..rows).flat_map(row).collect()
        } else {
            values
        };
        Ok(Self {
            kind,
            width,
            values,
        })
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
            *value = self.kind.number(bytes) as f32;
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
        let mut columns = whole.clone();
        let at = columns
            .windows(5)
            .position(|word| word == b"False")
            .unwrap();
        columns[at..at + 5].copy_from_slice(b"True ");
        std::fs::write(&path, columns).unwrap();
        let error = NpyRows::open(&path).err().unwrap().to_string();
        assert!(error.contains("order of rows"), "{error}");
        assert!(parse("{'descr': '<c8', 'shape': (1,)}").is_err());
    }

    #[test]
    fn what_a_table_claims_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npy");
        for (rows, width, expected) in [
            // Nothing to read, and rows for which there is no room.
            (0, usize::MAX, "numbers in a row"),
            (0, MOST_WIDTH + 1, "numbers in a row"),
            (1 << 40, 1 << 10, "cut off"),
            (usize::MAX, 2, "cut off"),
        ] {
            let header = header(Kind::F32, rows, width);
            let error = Table::read(&header).unwrap_err();
            assert!(error.contains(expected), "{error}");
            std::fs::write(&path, &header).unwrap();
            let error = NpyRows::open(&path).err().unwrap().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let mut long = b"\x93NUMPY\x02\x00".to_vec();
        long.extend(u32::MAX.to_le_bytes());
        let error = Table::read(&long).unwrap_err();
        assert!(error.contains("a header of at most"), "{error}");
    }

    #[test]
    fn columns_are_read_in_memory() {
        let mut bytes = header(Kind::I32, 2, 3);
        let at = bytes.windows(5).position(|word| word == b"False").unwrap();
        bytes[at..at + 5].copy_from_slice(b"True ");
        for number in [1i32, 4, 2, 5, 3, -6] {
            bytes.extend(number.to_le_bytes());
        }
        let table = Table::read(&bytes).unwrap();
        assert_eq!((table.kind, table.width), (Kind::I32, 3));
        assert_eq!(table.values, [1.0, 2.0, 3.0, 4.0, 5.0, -6.0]);
    }
}
