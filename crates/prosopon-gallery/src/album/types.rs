//! What an album keeps.

use std::fmt;

use prosopon::image::ImageError;
use prosopon::{BoundingBox, Embedding, Landmarks};
use serde::{Deserialize, Serialize};

use crate::face::{CROP_QUALITY, Crop, PictureHash};

macro_rules! id {
    ($(#[$about:meta])* $name:ident) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// Number of a photograph within its album; never used again.
    PictureId
}
id! {
    /// Number of a face within its album; never used again.
    AlbumFaceId
}
id! {
    /// Number of a group within its album; never used again, and kept while the group has faces.
    GroupId
}

/// A photograph to add, with the faces that were found in it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPicture {
    /// Where it is: a path, or the name that it was uploaded with.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: PictureHash,
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// Its faces; none is fine.
    pub faces: Vec<NewAlbumFace>,
}

/// A face of a [`NewPicture`].
#[derive(Debug, Clone, PartialEq)]
pub struct NewAlbumFace {
    /// Where it is, in pixels of the picture.
    pub bounding_box: BoundingBox,
    /// Its landmarks, in pixels of the picture.
    pub landmarks: Option<Landmarks>,
    /// The detector's confidence, in [0, 1].
    pub confidence: f32,
    /// The vector to group it by.
    pub embedding: Embedding,
    /// The aligned face, to show.
    pub crop: Crop,
}

impl NewAlbumFace {
    /// All that an album keeps of an analysed face.
    ///
    /// # Errors
    /// [`ImageError::Encode`] if the crop cannot be encoded.
    pub fn of(face: &prosopon::Face) -> Result<Self, ImageError> {
        Ok(Self {
            bounding_box: face.detection.bounding_box,
            landmarks: face.detection.landmarks,
            confidence: face.detection.confidence,
            embedding: face.embedding.clone(),
            crop: Crop {
                media_type: "image/jpeg".to_owned(),
                bytes: face.crop.image.encode_jpeg(CROP_QUALITY)?,
            },
        })
    }
}

/// A photograph of an album.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// Number within the album.
    pub id: PictureId,
    /// The path that it was first seen at.
    pub name: String,
    /// SHA-256 of its bytes.
    pub sha256: PictureHash,
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
}

/// A face of an album.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlbumFace {
    /// Number within the album.
    pub id: AlbumFaceId,
    /// The picture that shows it.
    pub picture: PictureId,
    /// The path that the picture was first seen at.
    pub picture_name: String,
    /// The group that it is in; none before it was grouped.
    pub group: Option<GroupId>,
    /// Whether the user has decided that it is in this group.
    pub is_confirmed: bool,
    /// Where it is, in pixels of the picture.
    pub bounding_box: BoundingBox,
    /// Its landmarks, in pixels of the picture.
    pub landmarks: Option<Landmarks>,
    /// The detector's confidence, in [0, 1].
    pub confidence: f32,
}

/// The faces of one person, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Number within the album.
    pub id: GroupId,
    /// The person's name, if the user has given one.
    pub name: Option<String>,
    /// How many faces it has.
    pub n_faces: u64,
    /// How many pictures they are in.
    pub n_pictures: u64,
    /// How many of the faces the user has confirmed.
    pub n_confirmed: u64,
    /// The face with the highest confidence, to show the group by.
    pub cover: AlbumFaceId,
}

/// How many records an album has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AlbumCounts {
    /// Photographs.
    pub pictures: u64,
    /// Of these, without a face.
    pub pictures_without_faces: u64,
    /// Faces.
    pub faces: u64,
    /// Groups of faces.
    pub groups: u64,
    /// Of these, with a name.
    pub named: u64,
}

/// What a user can decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DecisionKind {
    /// A group got a name, or lost it.
    Name,
    /// Groups were found to be one person.
    Merge,
    /// Faces of a group were found to be somebody else.
    Split,
    /// Two groups were found not to be the same person.
    Apart,
    /// Faces were put into another group.
    Move,
}

impl DecisionKind {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Merge => "merge",
            Self::Split => "split",
            Self::Apart => "apart",
            Self::Move => "move",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::Name,
            Self::Merge,
            Self::Split,
            Self::Apart,
            Self::Move,
        ];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A decision of the user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// Number within the album.
    pub id: i64,
    /// What was decided.
    pub kind: DecisionKind,
    /// The same for people, in one line.
    pub summary: String,
    /// Whether it was taken back.
    pub is_undone: bool,
    /// When, in milliseconds since 1970-01-01 UTC.
    pub decided_millis: i64,
}
