//! What is kept of a picture to find its copies.

use sha2::{Digest, Sha256};

use super::overlap::Place;
use crate::classic::GrayImage;
use crate::classic::hash::{HashMethod, perceptual_hash_of_gray};
use crate::image::{Image, ResizeFilter};

/// The longer side of the grey picture that is kept, in pixels: 16 KB at most for each picture.
const THUMBNAIL: u32 = 128;

/// Sides of the windows, as shares of the picture's: between them lie copies with up to a tenth
/// cut off at each side, or more at one.
const WINDOW_SIDES: [f32; 2] = [0.92, 0.84];
/// Where windows lie: at both ends and in the middle of each axis.
const WINDOW_SHIFTS: [f32; 3] = [0.0, 0.5, 1.0];

/// SHA-256 of a file.
pub type Sha256Digest = [u8; 32];

/// What a picture looks like, in a few kilobytes.
#[derive(Clone)]
pub struct Fingerprint {
    pub(super) sha256: Sha256Digest,
    pub(super) bytes: u64,
    width: u32,
    height: u32,
    pub(super) thumbnail: GrayImage,
    /// pHash and dHash of the whole picture, then of each of [`windows`].
    codes: Vec<u128>,
}

/// Leaves out what the picture looks like.
impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Fingerprint({} × {})", self.width, self.height)
    }
}

impl Fingerprint {
    /// Of a picture and the file that it was decoded from.
    pub fn new(file: &[u8], image: &Image) -> Self {
        let (width, height) = (image.width(), image.height());
        let scale = f64::from(THUMBNAIL) / f64::from(width.max(height));
        let side = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        let small = image
            .resized(side(width), side(height), ResizeFilter::Area)
            .unwrap_or_else(|_| image.clone());
        let thumbnail = GrayImage::from(&small);
        let codes = windows().map(|window| code(&window.cut(&thumbnail)));
        Self {
            sha256: Sha256::digest(file).into(),
            bytes: file.len() as u64,
            width,
            height,
            codes: codes.collect(),
            thumbnail,
        }
    }

    /// SHA-256 of the file.
    pub fn sha256(&self) -> &Sha256Digest {
        &self.sha256
    }

    /// Size of the file.
    pub fn file_bytes(&self) -> u64 {
        self.bytes
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// How many pixels the picture has.
    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// The whole picture, then the windows of it.
fn windows() -> impl Iterator<Item = Place> {
    let parts = WINDOW_SIDES.into_iter().flat_map(|side| {
        let shifts = WINDOW_SHIFTS.map(|shift| shift * (1.0 - side));
        let place = move |left, top| Place {
            left,
            top,
            width: side,
            height: side,
        };
        shifts
            .into_iter()
            .flat_map(move |top| shifts.map(|left| place(left, top)))
    });
    std::iter::once(Place::WHOLE).chain(parts)
}

/// pHash and dHash, 64 bits each: the first says what the large shapes are, the second where they
/// grow brighter; their errors are nearly independent.
fn code(gray: &GrayImage) -> u128 {
    let bits = |method| {
        perceptual_hash_of_gray(gray, method, 8).map_or(0, |hash| u128::from(hash.words()[0]))
    };
    bits(HashMethod::Perceptual) << 64 | bits(HashMethod::Difference)
}

/// Two pictures that may be copies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    /// The window of the outer picture that looks like the inner one.
    pub(super) window: Place,
    /// Whether the second picture is the outer one.
    pub(super) swapped: bool,
}

/// The window of one picture whose bits are nearest to those of the whole other, if at most
/// `max_distance` differ.
pub(super) fn candidate(a: &Fingerprint, b: &Fingerprint, max_distance: u32) -> Option<Candidate> {
    let mut nearest = (max_distance + 1, 0, false);
    for (outer, inner, swapped) in [(a, b, false), (b, a, true)] {
        for (i, code) in outer.codes.iter().enumerate() {
            let distance = (code ^ inner.codes[0]).count_ones();
            if distance < nearest.0 {
                nearest = (distance, i, swapped);
            }
        }
    }
    let (distance, i, swapped) = nearest;
    (distance <= max_distance).then(|| Candidate {
        window: windows().nth(i).unwrap_or(Place::WHOLE),
        swapped,
    })
}
