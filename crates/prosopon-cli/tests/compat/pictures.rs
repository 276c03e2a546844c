//! Pictures of the shared data.

use std::path::PathBuf;

use prosopon::{DecodeLimits, Image};

use crate::common::shared;

/// Picture `i` of somebody with several pictures, each with one face, 250 × 250 pixels.
pub(crate) fn person(name: &str, i: usize) -> Option<Vec<u8>> {
    let folder = shared("data/lfw/images")?.join(name);
    let files = std::fs::read_dir(folder).expect("a folder");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    Some(std::fs::read(&files[i]).expect("a picture"))
}

/// People with at least two pictures.
pub(crate) const ANNA: &str = "Anna_Kournikova";
pub(crate) const AMELIA: &str = "Amelia_Vega";
pub(crate) const AZRA: &str = "Azra_Akin";

/// Two pictures side by side, the second enlarged by a half.
pub(crate) fn side_by_side(small: &[u8], large: &[u8]) -> Vec<u8> {
    let decode = |bytes| Image::decode(bytes, &DecodeLimits::default()).expect("a picture");
    let (small, large) = (decode(small), decode(large));
    let large = large
        .resized(375, 375, Default::default())
        .expect("a picture");
    let mut both = Image::filled(625, 375, [0; 3]);
    for (image, left) in [(&small, 0), (&large, 250)] {
        let width = image.width() as usize * 3;
        let rows = both.pixels_mut().chunks_exact_mut(625 * 3);
        for (row, part) in rows.zip(image.pixels().chunks_exact(width)) {
            row[left * 3..left * 3 + width].copy_from_slice(part);
        }
    }
    both.encode_png().expect("a picture")
}

/// A picture with nobody on it.
pub(crate) fn nobody() -> Vec<u8> {
    let image = Image::filled(200, 200, [90, 120, 90]);
    image.encode_png().expect("a picture")
}
