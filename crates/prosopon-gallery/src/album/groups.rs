//! Looking at groups and faces.

use prosopon::{BoundingBox, Embedding, Landmarks, Point};
use rusqlite::Row;

use super::types::{AlbumFace, AlbumFaceId, Group, GroupId, PictureId};
use super::{Album, AlbumError, Session, from_bytes};
use crate::face::{Crop, NewFace, PictureHash, Quality, Source};
use crate::spelling::closest;

/// Bare columns beside `max` come from the row that has it.
const GROUP_COLUMNS: &str = "groups.id, groups.name, count(*), count(DISTINCT faces.picture_id), \
    sum(faces.is_confirmed), faces.id, max(faces.confidence)";

const FACE_COLUMNS: &str = "faces.id, picture_id, pictures.name, group_id, is_confirmed, box_left, \
    box_top, box_right, box_bottom, landmarks_f32_little_endian, confidence";

impl Album {
    /// All groups: those with a name first, in its order, then by falling number of faces.
    ///
    /// # Errors
    /// [`AlbumError::Store`].
    pub fn groups(&self) -> Result<Vec<Group>, AlbumError> {
        let sql = format!(
            "SELECT {GROUP_COLUMNS} FROM groups JOIN faces ON faces.group_id = groups.id \
             GROUP BY groups.id ORDER BY groups.name IS NULL, groups.name, count(*) DESC, groups.id"
        );
        self.read(|session| session.all(&sql, [], group_from_row))
    }

    /// A group by its number.
    ///
    /// # Errors
    /// [`AlbumError::UnknownGroup`], [`AlbumError::Store`].
    pub fn group(&self, id: GroupId) -> Result<Group, AlbumError> {
        self.read(|session| session.group(id))
    }

    /// The group that `text` means: its name, or its number, also as `person-007`, which groups without a name are called.
    ///
    /// # Errors
    /// [`AlbumError::UnknownGroup`], with the closest name; [`AlbumError::Store`].
    pub fn find(&self, text: &str) -> Result<Group, AlbumError> {
        self.read(|session| {
            let named = session.group_named(text)?;
            let number = text.strip_prefix("person-").unwrap_or(text);
            let id = named.or_else(|| number.parse().ok().map(GroupId));
            match id.map(|id| session.group(id)) {
                Some(Err(AlbumError::UnknownGroup { .. })) | None => {
                    let names = session.all(
                        "SELECT name FROM groups WHERE name IS NOT NULL ORDER BY name",
                        [],
                        |row| row.get::<_, String>(0),
                    )?;
                    Err(AlbumError::UnknownGroup {
                        group: text.to_owned(),
                        closest: closest(text, names.iter().map(String::as_str)).map(str::to_owned),
                    })
                }
                Some(found) => found,
            }
        })
    }

    /// The faces of a group, in the order in which they were added.
    ///
    /// # Errors
    /// [`AlbumError::UnknownGroup`], [`AlbumError::Store`].
    pub fn faces_of(&self, group: GroupId) -> Result<Vec<AlbumFace>, AlbumError> {
        let sql = format!(
            "SELECT {FACE_COLUMNS} FROM faces JOIN pictures ON pictures.id = picture_id \
             WHERE group_id = ?1 ORDER BY faces.id"
        );
        self.read(|session| {
            session.group(group)?;
            session.all(&sql, [group.0], face_from_row)
        })
    }

    /// All faces, in the order in which they were added.
    ///
    /// # Errors
    /// [`AlbumError::Store`].
    pub fn faces(&self) -> Result<Vec<AlbumFace>, AlbumError> {
        let sql = format!(
            "SELECT {FACE_COLUMNS} FROM faces JOIN pictures ON pictures.id = picture_id \
             ORDER BY faces.id"
        );
        self.read(|session| session.all(&sql, [], face_from_row))
    }

    /// The aligned picture of a face.
    ///
    /// # Errors
    /// [`AlbumError::UnknownFace`], [`AlbumError::Store`].
    pub fn crop(&self, face: AlbumFaceId) -> Result<Crop, AlbumError> {
        self.read(|session| {
            let crop = session.one(
                "SELECT media_type, bytes FROM crops WHERE face_id = ?1",
                [face.0],
                |row| {
                    Ok(Crop {
                        media_type: row.get(0)?,
                        bytes: row.get(1)?,
                    })
                },
            )?;
            crop.ok_or(AlbumError::UnknownFace { id: face })
        })
    }

    /// The faces of a group, to be enrolled in a gallery.
    ///
    /// # Errors
    /// [`AlbumError::UnknownGroup`], [`AlbumError::Store`].
    pub fn faces_to_enrol(&self, group: GroupId) -> Result<Vec<NewFace>, AlbumError> {
        let faces = self.faces_of(group)?;
        self.read(|session| {
            faces
                .iter()
                .map(|face| session.to_enrol(face))
                .collect::<Result<_, _>>()
        })
    }
}

impl Session<'_> {
    pub(super) fn group(&self, id: GroupId) -> Result<Group, AlbumError> {
        let sql = format!(
            "SELECT {GROUP_COLUMNS} FROM groups JOIN faces ON faces.group_id = groups.id \
             WHERE groups.id = ?1 GROUP BY groups.id"
        );
        let group = self.one(&sql, [id.0], group_from_row)?;
        group.ok_or_else(|| AlbumError::UnknownGroup {
            group: id.to_string(),
            closest: None,
        })
    }

    pub(super) fn group_named(&self, name: &str) -> Result<Option<GroupId>, AlbumError> {
        let sql = "SELECT id FROM groups WHERE name = ?1";
        self.one(sql, [name], |row| row.get(0).map(GroupId))
    }

    fn to_enrol(&self, face: &AlbumFace) -> Result<NewFace, AlbumError> {
        let binding = self
            .binding()?
            .ok_or_else(|| self.damaged("faces without a model"))?;
        let record = self.one(
            "SELECT f32_little_endian, sha256, media_type, crops.bytes FROM faces \
             JOIN embeddings ON embeddings.face_id = faces.id \
             JOIN crops ON crops.face_id = faces.id \
             JOIN pictures ON pictures.id = faces.picture_id WHERE faces.id = ?1",
            [face.id.0],
            |row| {
                let crop = Crop {
                    media_type: row.get(2)?,
                    bytes: row.get(3)?,
                };
                Ok((row.get::<_, Vec<u8>>(0)?, PictureHash(row.get(1)?), crop))
            },
        )?;
        let damaged = || self.damaged("a face without an embedding");
        let (values, sha256, crop) = record.ok_or_else(damaged)?;
        let values = from_bytes(&values).ok_or_else(damaged)?;
        let embedding = Embedding::from_values(binding.model, values).map_err(|_| damaged())?;
        Ok(NewFace {
            embedding,
            quality: Quality {
                confidence: Some(face.confidence),
                face_width_px: Some(face.bounding_box.width()),
                ..Quality::default()
            },
            bounding_box: Some(face.bounding_box),
            source: Some(Source {
                file_name: face.picture_name.clone(),
                sha256,
            }),
            crop: Some(crop),
        })
    }
}

fn group_from_row(row: &Row) -> rusqlite::Result<Group> {
    Ok(Group {
        id: GroupId(row.get(0)?),
        name: row.get(1)?,
        n_faces: row.get::<_, i64>(2)? as u64,
        n_pictures: row.get::<_, i64>(3)? as u64,
        n_confirmed: row.get::<_, i64>(4)? as u64,
        cover: AlbumFaceId(row.get(5)?),
    })
}

fn face_from_row(row: &Row) -> rusqlite::Result<AlbumFace> {
    let landmarks = row.get::<_, Option<Vec<u8>>>(9)?.and_then(|bytes| {
        let values: [f32; 10] = from_bytes(&bytes)?.try_into().ok()?;
        let (points, _) = values.as_chunks::<2>();
        let points: Vec<Point> = points.iter().map(|&[x, y]| Point { x, y }).collect();
        Some(Landmarks::from_array(points.try_into().ok()?))
    });
    Ok(AlbumFace {
        id: AlbumFaceId(row.get(0)?),
        picture: PictureId(row.get(1)?),
        picture_name: row.get(2)?,
        group: row.get::<_, Option<i64>>(3)?.map(GroupId),
        is_confirmed: row.get(4)?,
        bounding_box: BoundingBox {
            left: row.get(5)?,
            top: row.get(6)?,
            right: row.get(7)?,
            bottom: row.get(8)?,
        },
        landmarks,
        confidence: row.get(10)?,
    })
}
