//! Records in and out of the tables.

use prosopon::{BoundingBox, ModelId, StoredCalibration};
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::open::Place;
use crate::face::{Crop, Face, FaceId, NewFace, PictureHash, Quality, Source};
use crate::store::{
    Binding, Change, Changes, Counts, EachName, EachTemplate, ListQuery, Reader, Revision,
    StoreError, Writer,
};
use crate::subject::{Metadata, NewSubject, Subject, SubjectId, SubjectSummary};

const SUBJECT_COLUMNS: &str = "subjects.id, name, external_id, metadata, subjects.created_millis";

const FACE_COLUMNS: &str = "id, subject_id, model, confidence, face_width_px, measures, box_left, \
    box_top, box_right, box_bottom, source_file_name, source_sha256, created_millis";

/// One transaction.
pub(super) struct Session<'a> {
    connection: &'a Connection,
    place: &'a Place,
    has_deleted: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(connection: &'a Connection, place: &'a Place) -> Self {
        Self {
            connection,
            place,
            has_deleted: false,
        }
    }

    /// Whether biometric data was removed.
    pub(super) fn has_deleted(&self) -> bool {
        self.has_deleted
    }

    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        from_row: impl FnOnce(&Row) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(params, from_row).optional())
            .map_err(|error| self.place.error("read", error))
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        from_row: impl FnMut(&Row) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map(params, from_row)?.collect())
            .map_err(|error| self.place.error("read", error))
    }

    fn execute(&self, sql: &str, params: impl Params) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(params))
            .map_err(|error| self.place.error("write", error))
            .map(|_| ())
    }

    /// A number from a statement that always gives one.
    fn number(&self, sql: &str) -> Result<i64, StoreError> {
        let number = self.one(sql, [], |row| row.get::<_, Option<i64>>(0))?;
        Ok(number.flatten().unwrap_or(0))
    }

    fn values<'b>(
        &self,
        blob: &'b [u8],
    ) -> Result<impl Iterator<Item = f32> + use<'b>, StoreError> {
        let (numbers, rest) = blob.as_chunks::<4>();
        if !rest.is_empty() || numbers.is_empty() {
            return Err(self.place.damaged("an embedding is not made of f32 values"));
        }
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)))
    }
}

impl Reader for Session<'_> {
    fn binding(&self) -> Result<Option<Binding>, StoreError> {
        self.one("SELECT model, dimension FROM binding", [], |row| {
            Ok(Binding {
                model: ModelId::new(row.get_ref(0)?.as_str()?),
                dimension: usize::try_from(row.get::<_, i64>(1)?)
                    .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(1, 0))?,
            })
        })
    }

    fn calibration(&self) -> Result<Option<StoredCalibration>, StoreError> {
        let sql = "SELECT model, created_millis, rates, points FROM calibration";
        let stored = self.one(sql, [], |row| {
            Ok(StoredCalibration {
                model: ModelId::new(row.get_ref(0)?.as_str()?),
                created_millis: row.get(1)?,
                rates: row.get::<_, Json<_>>(2)?.0,
                calibration: row.get::<_, Json<_>>(3)?.0,
            })
        })?;
        if let Some(stored) = &stored {
            let damaged = |error: prosopon::CompareError| self.place.damaged(error.to_string());
            stored.check().map_err(damaged)?;
        }
        Ok(stored)
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        Ok(Counts {
            subjects: self.number("SELECT count(*) FROM subjects")? as u64,
            faces: self.number("SELECT count(*) FROM faces")? as u64,
        })
    }

    fn revision(&self) -> Result<Revision, StoreError> {
        self.number("SELECT max(seq) FROM sqlite_sequence WHERE name = 'changes'")
            .map(Revision)
    }

    fn changes_since(&self, revision: Revision) -> Result<Changes, StoreError> {
        let newest = self.revision()?;
        if revision == newest {
            return Ok(Changes::Known(Vec::new()));
        }
        let oldest = self.one("SELECT min(revision) FROM changes", [], |row| {
            row.get::<_, Option<i64>>(0)
        })?;
        // A revision of the future comes from another file, put in place of the one before.
        let is_remembered = revision < newest
            && oldest
                .flatten()
                .is_some_and(|oldest| oldest <= revision.0 + 1);
        if !is_remembered {
            return Ok(Changes::Forgotten);
        }
        self.all(
            "SELECT DISTINCT subject_id, face_id FROM changes WHERE revision > ?1",
            [revision.0],
            |row| {
                Ok(match row.get::<_, Option<i64>>(0)? {
                    Some(subject) => Change::Subject(SubjectId(subject)),
                    None => Change::Face(FaceId(row.get(1)?)),
                })
            },
        )
        .map(Changes::Known)
    }

    fn subject(&self, id: SubjectId) -> Result<Option<Subject>, StoreError> {
        let sql = format!("SELECT {SUBJECT_COLUMNS} FROM subjects WHERE id = ?1");
        self.one(&sql, [id.0], subject_from_row)
    }

    fn subject_named(&self, name: &str) -> Result<Option<Subject>, StoreError> {
        let sql = format!("SELECT {SUBJECT_COLUMNS} FROM subjects WHERE name = ?1");
        self.one(&sql, [name], subject_from_row)
    }

    fn list(&self, query: &ListQuery) -> Result<Vec<SubjectSummary>, StoreError> {
        let sql = format!(
            "SELECT {SUBJECT_COLUMNS}, \
             (SELECT count(*) FROM faces WHERE subject_id = subjects.id), \
             (SELECT min(id) FROM faces WHERE subject_id = subjects.id) \
             FROM subjects WHERE name > ?1 AND instr(name_folded, ?2) > 0 ORDER BY name LIMIT ?3"
        );
        // Every name follows the empty one, since none is empty; every name contains it.
        let after = query.after.as_deref().unwrap_or_default();
        let part = folded(query.name_contains.as_deref().unwrap_or_default());
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        self.all(&sql, params![after, part, limit], |row| {
            Ok(SubjectSummary {
                subject: subject_from_row(row)?,
                n_faces: row.get::<_, i64>(5)? as u64,
                cover: row.get::<_, Option<i64>>(6)?.map(FaceId),
            })
        })
    }

    fn each_name(&self, take: EachName) -> Result<(), StoreError> {
        let failed = |error| self.place.error("read", error);
        let mut statement = self
            .connection
            .prepare_cached("SELECT id, name FROM subjects ORDER BY id")
            .map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let id = SubjectId(row.get(0).map_err(failed)?);
            let name = row.get_ref(1).map_err(failed)?;
            take(id, name.as_str().map_err(|error| failed(error.into()))?)?;
        }
        Ok(())
    }

    fn face(&self, id: FaceId) -> Result<Option<Face>, StoreError> {
        let sql = format!("SELECT {FACE_COLUMNS} FROM faces WHERE id = ?1");
        self.one(&sql, [id.0], face_from_row)
    }

    fn faces_of(&self, subject: SubjectId) -> Result<Vec<Face>, StoreError> {
        let sql = format!("SELECT {FACE_COLUMNS} FROM faces WHERE subject_id = ?1 ORDER BY id");
        self.all(&sql, [subject.0], face_from_row)
    }

    fn faces(
        &self,
        subject: Option<SubjectId>,
        offset: usize,
        limit: usize,
    ) -> Result<Vec<Face>, StoreError> {
        let number = |n| i64::try_from(n).unwrap_or(i64::MAX);
        let (offset, limit) = (number(offset), number(limit));
        let page = "ORDER BY id LIMIT ?1 OFFSET ?2";
        if let Some(subject) = subject {
            let sql = format!("SELECT {FACE_COLUMNS} FROM faces WHERE subject_id = ?3 {page}");
            self.all(&sql, [limit, offset, subject.0], face_from_row)
        } else {
            let sql = format!("SELECT {FACE_COLUMNS} FROM faces {page}");
            self.all(&sql, [limit, offset], face_from_row)
        }
    }

    fn faces_of_picture(&self, picture: &PictureHash) -> Result<Vec<Face>, StoreError> {
        let sql = format!("SELECT {FACE_COLUMNS} FROM faces WHERE source_sha256 = ?1 ORDER BY id");
        self.all(&sql, [picture.0], face_from_row)
    }

    fn embedding(&self, face: FaceId) -> Result<Option<Vec<f32>>, StoreError> {
        let blob = self.one(
            "SELECT f32_little_endian FROM embeddings WHERE face_id = ?1",
            [face.0],
            |row| Ok(row.get_ref(0)?.as_blob()?.to_vec()),
        )?;
        blob.map(|blob| Ok(self.values(&blob)?.collect()))
            .transpose()
    }

    fn crop(&self, face: FaceId) -> Result<Option<Crop>, StoreError> {
        self.one(
            "SELECT media_type, bytes FROM crops WHERE face_id = ?1",
            [face.0],
            |row| {
                Ok(Crop {
                    media_type: row.get(0)?,
                    bytes: row.get(1)?,
                })
            },
        )
    }

    fn each_template(&self, take: EachTemplate) -> Result<(), StoreError> {
        let failed = |error| self.place.error("read", error);
        // Two scans in step, both in the order in which the file has them: quicker than a join.
        let mut faces = self
            .connection
            .prepare_cached("SELECT id, subject_id FROM faces ORDER BY id")
            .map_err(failed)?;
        let mut embeddings = self
            .connection
            .prepare_cached("SELECT face_id, f32_little_endian FROM embeddings ORDER BY face_id")
            .map_err(failed)?;
        let mut faces = faces.query([]).map_err(failed)?;
        let mut embeddings = embeddings.query([]).map_err(failed)?;
        loop {
            let (face, embedding) = (
                faces.next().map_err(failed)?,
                embeddings.next().map_err(failed)?,
            );
            let (Some(face), Some(embedding)) = (face, embedding) else {
                return if face.is_none() && embedding.is_none() {
                    Ok(())
                } else {
                    Err(self.place.damaged("faces and embeddings do not pair up"))
                };
            };
            let id: i64 = face.get(0).map_err(failed)?;
            if id != embedding.get::<_, i64>(0).map_err(failed)? {
                return Err(self.place.damaged("faces and embeddings do not pair up"));
            }
            let subject = SubjectId(face.get(1).map_err(failed)?);
            let ValueRef::Blob(blob) = embedding.get_ref(1).map_err(failed)? else {
                return Err(self.place.damaged("an embedding is not made of f32 values"));
            };
            take(FaceId(id), subject, &mut self.values(blob)?)?;
        }
    }
}

impl Writer for Session<'_> {
    fn bind(&mut self, binding: &Binding) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO binding (only_row, model, dimension) VALUES (1, ?1, ?2)",
            params![binding.model.as_str(), binding.dimension as i64],
        )
    }

    fn set_calibration(
        &mut self,
        calibration: Option<&StoredCalibration>,
    ) -> Result<(), StoreError> {
        let Some(stored) = calibration else {
            return self.execute("DELETE FROM calibration", []);
        };
        self.execute(
            "INSERT OR REPLACE INTO calibration (only_row, model, created_millis, rates, points) \
             VALUES (1, ?1, ?2, ?3, ?4)",
            params![
                stored.model.as_str(),
                stored.created_millis,
                json(&stored.rates),
                json(&stored.calibration),
            ],
        )
    }

    fn add_subject(
        &mut self,
        subject: &NewSubject,
        created_millis: i64,
    ) -> Result<SubjectId, StoreError> {
        self.execute(
            "INSERT INTO subjects (name, name_folded, external_id, metadata, created_millis) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                subject.name,
                folded(&subject.name),
                subject.external_id,
                json(&subject.metadata),
                created_millis,
            ],
        )?;
        Ok(SubjectId(self.connection.last_insert_rowid()))
    }

    fn update_subject(
        &mut self,
        id: SubjectId,
        name: &str,
        external_id: Option<&str>,
        metadata: &Metadata,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE subjects SET name = ?2, name_folded = ?3, external_id = ?4, metadata = ?5 \
             WHERE id = ?1",
            params![id.0, name, folded(name), external_id, json(metadata)],
        )
    }

    fn delete_subject(&mut self, id: SubjectId) -> Result<(), StoreError> {
        self.has_deleted = true;
        self.execute("DELETE FROM subjects WHERE id = ?1", [id.0])
    }

    fn add_face(
        &mut self,
        subject: SubjectId,
        face: &NewFace,
        created_millis: i64,
    ) -> Result<FaceId, StoreError> {
        let bounding_box = face.bounding_box.as_ref();
        // JSON has no infinity; a measure without a value is left out.
        let mut measures = face.quality.measures.clone();
        measures.retain(|_, value| value.is_finite());
        let source = face.source.as_ref();
        self.execute(
            "INSERT INTO faces (subject_id, model, confidence, face_width_px, measures, box_left, \
             box_top, box_right, box_bottom, source_file_name, source_sha256, created_millis) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![
                subject.0,
                face.embedding.model().as_str(),
                face.quality.confidence,
                face.quality.face_width_px,
                json(&measures),
                bounding_box.map(|b| b.left),
                bounding_box.map(|b| b.top),
                bounding_box.map(|b| b.right),
                bounding_box.map(|b| b.bottom),
                source.map(|s| &s.file_name),
                source.map(|s| s.sha256.0),
                created_millis,
            ],
        )?;
        let id = self.connection.last_insert_rowid();
        let bytes: Vec<u8> = face
            .embedding
            .values()
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.execute(
            "INSERT INTO embeddings (face_id, f32_little_endian) VALUES (?1, ?2)",
            params![id, bytes],
        )?;
        if let Some(crop) = &face.crop {
            self.execute(
                "INSERT INTO crops (face_id, media_type, bytes) VALUES (?1, ?2, ?3)",
                params![id, crop.media_type, crop.bytes],
            )?;
        }
        Ok(FaceId(id))
    }

    fn move_face(&mut self, face: FaceId, subject: SubjectId) -> Result<(), StoreError> {
        self.execute(
            "UPDATE faces SET subject_id = ?2 WHERE id = ?1",
            [face.0, subject.0],
        )
    }

    fn delete_face(&mut self, face: FaceId) -> Result<(), StoreError> {
        self.has_deleted = true;
        self.execute("DELETE FROM faces WHERE id = ?1", [face.0])
    }
}

/// A name as it is searched: in small letters.
fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// JSON of values that always have one.
fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "{}".to_owned())
}

/// A column that holds JSON.
struct Json<T>(T);

impl<T: serde::de::DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?)
            .map(Json)
            .map_err(|error| rusqlite::types::FromSqlError::Other(Box::new(error)))
    }
}

fn subject_from_row(row: &Row) -> rusqlite::Result<Subject> {
    Ok(Subject {
        id: SubjectId(row.get(0)?),
        name: row.get(1)?,
        external_id: row.get(2)?,
        metadata: row.get::<_, Json<Metadata>>(3)?.0,
        created_millis: row.get(4)?,
    })
}

fn face_from_row(row: &Row) -> rusqlite::Result<Face> {
    let edges: [Option<f32>; 4] = [row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?];
    let bounding_box = match edges {
        [Some(left), Some(top), Some(right), Some(bottom)] => Some(BoundingBox {
            left,
            top,
            right,
            bottom,
        }),
        _ => None,
    };
    let source = match (row.get(10)?, row.get::<_, Option<[u8; 32]>>(11)?) {
        (Some(file_name), Some(sha256)) => Some(Source {
            file_name,
            sha256: PictureHash(sha256),
        }),
        _ => None,
    };
    Ok(Face {
        id: FaceId(row.get(0)?),
        subject: SubjectId(row.get(1)?),
        model: ModelId::new(row.get_ref(2)?.as_str()?),
        quality: Quality {
            confidence: row.get(3)?,
            face_width_px: row.get(4)?,
            measures: row.get::<_, Json<_>>(5)?.0,
        },
        bounding_box,
        source,
        created_millis: row.get(12)?,
    })
}
