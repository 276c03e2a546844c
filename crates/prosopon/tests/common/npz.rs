//! Arrays that `NumPy` stored, in C order.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// An open `.npz` file.
pub(crate) struct Npz(zip::ZipArchive<File>);

impl Npz {
    pub(crate) fn open(path: &Path) -> Self {
        let file = File::open(path).expect("a readable file");
        Self(zip::ZipArchive::new(file).expect("an archive"))
    }

    /// Shape and values of an array of `uint8`.
    pub(crate) fn bytes(&mut self, name: &str) -> (Vec<usize>, Vec<u8>) {
        self.read(name, "'|u1'")
    }

    /// Shape and values of an array of `float32`.
    pub(crate) fn floats(&mut self, name: &str) -> (Vec<usize>, Vec<f32>) {
        let (shape, bytes) = self.read(name, "'<f4'");
        let (words, _) = bytes.as_chunks::<4>();
        (
            shape,
            words.iter().map(|w| f32::from_le_bytes(*w)).collect(),
        )
    }

    /// Shape and values of an array of `float64`.
    pub(crate) fn doubles(&mut self, name: &str) -> (Vec<usize>, Vec<f64>) {
        let (shape, bytes) = self.read(name, "'<f8'");
        let (words, _) = bytes.as_chunks::<8>();
        (
            shape,
            words.iter().map(|w| f64::from_le_bytes(*w)).collect(),
        )
    }

    /// Names of all arrays.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = self.0.file_names();
        names
            .map(|name| name.trim_end_matches(".npy").to_owned())
            .collect()
    }

    fn read(&mut self, name: &str, kind: &str) -> (Vec<usize>, Vec<u8>) {
        let mut entry = self.0.by_name(&format!("{name}.npy")).expect(name);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("a whole entry");
        // Magic, version, length of the header, header: a Python dictionary.
        let len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let header = String::from_utf8_lossy(&bytes[10..10 + len]).into_owned();
        assert!(header.contains(kind), "{name}: {header}");
        assert!(
            header.contains("'fortran_order': False"),
            "{name}: {header}"
        );
        let shape = header.split(['(', ')']).nth(1).expect("a shape");
        let sides = shape.split(',').map(str::trim).filter(|s| !s.is_empty());
        let shape = sides.map(|s| s.parse().expect("a side")).collect();
        (shape, bytes.split_off(10 + len))
    }
}
