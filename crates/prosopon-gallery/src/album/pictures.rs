//! Photographs in and out.

use rusqlite::{Row, params};

use super::types::{NewPicture, Picture, PictureId};
use super::{Album, AlbumError, Session, to_bytes};
use crate::face::PictureHash;
use crate::gallery::now_millis;

const COLUMNS: &str = "id, name, sha256, width, height";

impl Album {
    /// Whether a photograph with these bytes is in the album. If so, `path` is noted as one of the
    /// places where it is.
    ///
    /// # Errors
    /// [`AlbumError::Store`].
    pub fn knows(&self, sha256: &PictureHash, path: &str) -> Result<bool, AlbumError> {
        let known = self.read(|session| {
            let picture = session.picture_of(sha256)?;
            let at = session.one(
                "SELECT picture_id FROM paths WHERE path = ?1",
                [path],
                |row| row.get(0).map(PictureId),
            )?;
            Ok(picture.map(|picture| (picture, at == Some(picture))))
        })?;
        match known {
            Some((picture, false)) => self.write(|session| session.add_path(path, picture))?,
            Some((_, true)) => {}
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Adds photographs in one transaction. New faces are in no group until
    /// [`Album::regroup`]; a photograph that is known already is left as it is.
    ///
    /// # Errors
    /// [`AlbumError::Store`], with [`StoreError::ModelMismatch`](crate::StoreError::ModelMismatch)
    /// for another model's embeddings; then none is added.
    pub fn add(&self, pictures: &[NewPicture]) -> Result<Vec<PictureId>, AlbumError> {
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        self.write(|session| {
            pictures
                .iter()
                .map(|picture| session.add_picture(picture))
                .collect()
        })
    }

    /// All photographs, in the order in which they were added.
    ///
    /// # Errors
    /// [`AlbumError::Store`].
    pub fn pictures(&self) -> Result<Vec<Picture>, AlbumError> {
        let sql = format!("SELECT {COLUMNS} FROM pictures ORDER BY id");
        self.read(|session| session.all(&sql, [], from_row))
    }

    /// Photographs in which no face was found, in the order in which they were added.
    ///
    /// # Errors
    /// [`AlbumError::Store`].
    pub fn pictures_without_faces(&self) -> Result<Vec<Picture>, AlbumError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM pictures \
             WHERE id NOT IN (SELECT picture_id FROM faces) ORDER BY id"
        );
        self.read(|session| session.all(&sql, [], from_row))
    }

    /// All places where each photograph was seen, by photograph and then by path.
    ///
    /// # Errors
    /// [`AlbumError::Store`].
    pub fn paths(&self) -> Result<Vec<(PictureId, String)>, AlbumError> {
        let sql = "SELECT picture_id, path FROM paths ORDER BY picture_id, path";
        self.read(|session| session.all(sql, [], |row| Ok((PictureId(row.get(0)?), row.get(1)?))))
    }
}

impl Session<'_> {
    fn picture_of(&self, sha256: &PictureHash) -> Result<Option<PictureId>, AlbumError> {
        let sql = "SELECT id FROM pictures WHERE sha256 = ?1";
        self.one(sql, [sha256.0], |row| row.get(0).map(PictureId))
    }

    /// Notes that `picture` is at `path` now.
    fn add_path(&self, path: &str, picture: PictureId) -> Result<(), AlbumError> {
        self.execute(
            "INSERT INTO paths (path, picture_id) VALUES (?1, ?2) \
             ON CONFLICT (path) DO UPDATE SET picture_id = ?2",
            params![path, picture.0],
        )
    }

    fn add_picture(&self, picture: &NewPicture) -> Result<PictureId, AlbumError> {
        if let Some(known) = self.picture_of(&picture.sha256)? {
            self.add_path(&picture.path, known)?;
            return Ok(known);
        }
        let id = PictureId(self.insert(
            "INSERT INTO pictures (sha256, name, width, height, added_millis) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                picture.sha256.0,
                picture.path,
                picture.width,
                picture.height,
                now_millis()
            ],
        )?);
        self.add_path(&picture.path, id)?;
        for face in &picture.faces {
            self.bind(&face.embedding)?;
            let bounding_box = &face.bounding_box;
            let landmarks = face.landmarks.map(|landmarks| {
                to_bytes(landmarks.to_array().into_iter().flat_map(|p| [p.x, p.y]))
            });
            let id = self.insert(
                "INSERT INTO faces (picture_id, group_id, is_confirmed, confidence, box_left, \
                 box_top, box_right, box_bottom, landmarks_f32_little_endian) \
                 VALUES (?1, NULL, 0, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    id.0,
                    face.confidence,
                    bounding_box.left,
                    bounding_box.top,
                    bounding_box.right,
                    bounding_box.bottom,
                    landmarks
                ],
            )?;
            self.execute(
                "INSERT INTO embeddings (face_id, f32_little_endian) VALUES (?1, ?2)",
                params![id, to_bytes(face.embedding.values().iter().copied())],
            )?;
            self.execute(
                "INSERT INTO crops (face_id, media_type, bytes) VALUES (?1, ?2, ?3)",
                params![id, face.crop.media_type, face.crop.bytes],
            )?;
        }
        Ok(id)
    }
}

fn from_row(row: &Row) -> rusqlite::Result<Picture> {
    Ok(Picture {
        id: PictureId(row.get(0)?),
        name: row.get(1)?,
        sha256: PictureHash(row.get(2)?),
        width: row.get(3)?,
        height: row.get(4)?,
    })
}
