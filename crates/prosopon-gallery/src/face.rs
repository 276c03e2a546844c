//! Faces: what a gallery keeps of each enrolled picture.

use std::collections::BTreeMap;
use std::fmt;

use prosopon::image::ImageError;
use prosopon::{BoundingBox, Embedding, ModelId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::subject::SubjectId;

/// Number of a face within its gallery; never used again after a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FaceId(pub i64);

impl fmt::Display for FaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// SHA-256 of a picture file's bytes: tells whether the same picture was enrolled before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PictureHash(pub [u8; 32]);

impl PictureHash {
    /// The hash of a picture file's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The hash from 64 hexadecimal digits; `None` if they are not that.
    pub fn from_hex(digits: &str) -> Option<Self> {
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for PictureHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PictureHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Written as 64 hexadecimal digits.
impl Serialize for PictureHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PictureHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        Self::from_hex(&digits)
            .ok_or_else(|| serde::de::Error::custom("expected 64 hexadecimal digits"))
    }
}

/// Where a face came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Name of the picture file, as the user gave it.
    pub file_name: String,
    /// SHA-256 of the file's bytes.
    pub sha256: PictureHash,
}

/// How good a face is for recognition; what was not measured is left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Quality {
    /// The detector's confidence, in [0, 1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Width of the face in pixels of the source picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub face_width_px: Option<f32>,
    /// Further measures by name, such as `sharpness` or `yaw_degrees`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub measures: BTreeMap<String, f64>,
}

impl Quality {
    /// Adds what was measured: `quality`, and each of its parts as `quality_size`, `quality_sharpness` and so on.
    pub fn add(&mut self, quality: &prosopon::Quality) {
        let score = f64::from(quality.score);
        self.measures.insert("quality".to_owned(), score);
        for (name, part) in quality.parts.named() {
            let name = format!("quality_{name}");
            self.measures.insert(name, f64::from(part));
        }
    }
}

/// A small encoded picture of an aligned face.
#[derive(Clone, PartialEq, Eq)]
pub struct Crop {
    /// Media type of the bytes, such as `image/png`.
    pub media_type: String,
    /// The encoded picture.
    pub bytes: Vec<u8>,
}

/// Leaves the bytes out, so that pictures never reach a log.
impl fmt::Debug for Crop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crop({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

/// A face to enrol.
#[derive(Debug, Clone, PartialEq)]
pub struct NewFace {
    /// The vector to recognise the face by.
    pub embedding: Embedding,
    /// How good the face is.
    pub quality: Quality,
    /// Where in the source picture the face is, in its pixels.
    pub bounding_box: Option<BoundingBox>,
    /// The picture that shows it; without one, no duplicate is noticed.
    pub source: Option<Source>,
    /// The aligned face, to show later; `None` to keep no picture.
    pub crop: Option<Crop>,
}

impl NewFace {
    /// A face of which only the embedding is known.
    pub fn new(embedding: Embedding) -> Self {
        Self {
            embedding,
            quality: Quality::default(),
            bounding_box: None,
            source: None,
            crop: None,
        }
    }
}

/// JPEG quality of the crops in a gallery: about 5 kB each.
pub(crate) const CROP_QUALITY: u8 = 90;

impl NewFace {
    /// All that is kept of an analysed face; its picture only with `keep_crop`.
    ///
    /// # Errors
    /// [`ImageError::Encode`] if the crop cannot be encoded.
    pub fn of(
        face: &prosopon::Face,
        source: Option<Source>,
        keep_crop: bool,
    ) -> Result<Self, ImageError> {
        let encoded = keep_crop.then(|| face.crop.image.encode_jpeg(CROP_QUALITY));
        Ok(Self {
            embedding: face.embedding.clone(),
            quality: Quality {
                confidence: Some(face.detection.confidence),
                face_width_px: Some(face.detection.bounding_box.width()),
                ..Quality::default()
            },
            bounding_box: Some(face.detection.bounding_box),
            source,
            crop: encoded.transpose()?.map(|bytes| Crop {
                media_type: "image/jpeg".to_owned(),
                bytes,
            }),
        })
    }
}

/// An enrolled face, without its embedding and crop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Face {
    /// Number within the gallery.
    pub id: FaceId,
    /// Whose face it is.
    pub subject: SubjectId,
    /// The model that made its embedding.
    pub model: ModelId,
    /// How good it is.
    pub quality: Quality,
    /// Where in the source picture the face is, in its pixels.
    pub bounding_box: Option<BoundingBox>,
    /// The picture that shows it.
    pub source: Option<Source>,
    /// When it was enrolled, in milliseconds since 1970-01-01 UTC.
    pub created_millis: i64,
}

/// Overlap (intersection over union) from which two boxes in one picture are the same face.
///
/// 0.5 is the customary limit of a detection that hits (PASCAL VOC).
const SAME_FACE_IOU: f32 = 0.5;

impl Face {
    /// Whether the other comes from the same place of the same picture; whose they are does not matter.
    pub fn is_same_as(&self, other: &NewFace) -> bool {
        is_same_face(
            (self.source.as_ref(), self.bounding_box.as_ref()),
            (other.source.as_ref(), other.bounding_box.as_ref()),
        )
    }
}

/// Whether two faces come from the same place of the same picture.
///
/// A face without a box counts as the picture's only one.
pub(crate) fn is_same_face(
    a: (Option<&Source>, Option<&BoundingBox>),
    b: (Option<&Source>, Option<&BoundingBox>),
) -> bool {
    let same_picture = matches!((a.0, b.0), (Some(a), Some(b)) if a.sha256 == b.sha256);
    let same_place = match (a.1, b.1) {
        (Some(a), Some(b)) => a == b || a.iou(b) >= SAME_FACE_IOU,
        _ => true,
    };
    same_picture && same_place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_survive_text() {
        let hash = PictureHash::of(b"abc");
        let text = hash.to_string();
        assert_eq!(
            text,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(PictureHash::from_hex(&text), Some(hash));
        assert_eq!(PictureHash::from_hex(&text[1..]), None);
        assert_eq!(PictureHash::from_hex(&"é".repeat(32)), None);
    }
}
