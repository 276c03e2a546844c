//! The format of export and import: JSON lines, to back up, move and join galleries.
//!
//! Each line is one JSON object with one key, which says what it is:
//!
//! ```json
//! {"header":{"format":"prosopon-gallery","version":1,"binding":{"model":"m@0a1b2c3d","dimension":512}}}
//! {"calibration":{"model":"m@0a1b2c3d","created_millis":1750000000000,"rates":{"fmr":0.0001},"calibration":{"source":"our people","comparisons":100000,"points":[{"fmr":0.01,"similarity":0.25},{"fmr":0.001,"similarity":0.35}]}}}
//! {"subject":{"name":"Anna","external_id":"7","metadata":{"team":"blue"},"created_millis":1750000000000}}
//! {"face":{"subject":"Anna","embedding":"BASE64","quality":{"confidence":0.99},"bounding_box":{"left":1.0,"top":2.0,"right":3.0,"bottom":4.0},"source":{"file_name":"a.jpg","sha256":"HEX"},"crop":{"media_type":"image/png","bytes":"BASE64"},"created_millis":1750000000001}}
//! {"end":{"subjects":1,"faces":1}}
//! ```
//!
//! - The header comes first; `binding` is `null` if nothing was ever enrolled.
//! - The gallery's calibration follows, if it has one; such an export is of version 2.
//! - Subjects come by name, each before its faces; faces by age.
//! - `embedding` is base64 (RFC 4648, padded) of the values as little-endian f32.
//! - What is unknown is left out: `external_id`, `metadata`, `bounding_box`, `source`, `crop`.
//! - The last line counts what came before, so that a truncated file is noticed.
//!
//! Import joins subjects by name: those that exist keep their facts and get what they lack. A face
//! that the subject has already, from the same place of the same picture or with the very same
//! embedding, is skipped. A calibration is taken over if the gallery has none. All is imported, or
//! nothing.

use std::collections::HashSet;
use std::io::{BufRead, Read as _, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use prosopon::{BoundingBox, Embedding, StoredCalibration};
use serde::{Deserialize, Serialize};

use crate::error::GalleryError;
use crate::face::{Crop, Face, FaceId, NewFace, Quality, Source};
use crate::gallery::enrol::{checked, twin};
use crate::gallery::people::embedding_of;
use crate::gallery::{Gallery, bind, now_millis};
use crate::store::{Binding, ListQuery, Reader, Writer};
use crate::subject::{NewSubject, Subject, SubjectId};

/// The name of the format, in the header.
const FORMAT: &str = "prosopon-gallery";

/// The newest version.
const VERSION: u32 = 2;

/// The version of exports without a calibration, which older releases can import.
const VERSION_WITHOUT_CALIBRATION: u32 = 1;

/// Longest line that is read: far more than an embedding and a crop need.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Most values of an embedding. A binding is for ever: one that no embedding has would make the gallery useless, one that the
/// store cannot hold would make it unreadable.
const MAX_DIMENSION: usize = 1 << 16;

/// Subjects that are read from the store at a time.
const SUBJECTS_PER_PAGE: usize = 256;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExportReport {
    /// Subjects.
    pub subjects: u64,
    /// Faces.
    pub faces: u64,
}

/// What became of the records of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ImportReport {
    /// Subjects that are new.
    pub subjects_added: u64,
    /// Subjects that were there by name.
    pub subjects_joined: u64,
    /// Faces that are new.
    pub faces_added: u64,
    /// Faces that were there.
    pub faces_skipped: u64,
    /// Whether the export's calibration was taken over.
    pub calibration_added: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Header(Header),
    Calibration(Box<StoredCalibration>),
    Subject(SubjectLine),
    Face(Box<FaceLine>),
    End(ExportReport),
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    binding: Option<Binding>,
}

#[derive(Serialize, Deserialize)]
struct SubjectLine {
    #[serde(flatten)]
    subject: NewSubject,
    created_millis: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct FaceLine {
    subject: String,
    embedding: String,
    #[serde(default)]
    quality: Quality,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bounding_box: Option<BoundingBox>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    crop: Option<CropLine>,
    created_millis: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct CropLine {
    media_type: String,
    bytes: String,
}

impl Gallery {
    /// Writes everything to `out`, as it is at one moment, in the format of [`crate::exchange`].
    ///
    /// # Errors
    /// [`GalleryError::Stream`] if `out` fails, [`GalleryError::Store`].
    pub fn export(&self, mut out: impl Write) -> Result<ExportReport, GalleryError> {
        self.read(|reader| {
            let mut report = ExportReport::default();
            let calibration = reader.calibration()?;
            let header = Header {
                format: FORMAT.to_owned(),
                version: if calibration.is_some() {
                    VERSION
                } else {
                    VERSION_WITHOUT_CALIBRATION
                },
                binding: reader.binding()?,
            };
            write_line(&mut out, &Line::Header(header))?;
            if let Some(calibration) = calibration {
                write_line(&mut out, &Line::Calibration(Box::new(calibration)))?;
            }
            let mut query = ListQuery {
                limit: SUBJECTS_PER_PAGE,
                ..ListQuery::default()
            };
            loop {
                let page = reader.list(&query)?;
                let Some(last) = page.last() else { break };
                query.after = Some(last.subject.name.clone());
                for summary in page {
                    report.subjects += 1;
                    report.faces += export_subject(reader, summary.subject, &mut out)?;
                }
            }
            write_line(&mut out, &Line::End(report))?;
            out.flush().map_err(writing)?;
            Ok(report)
        })
    }

    /// Adds what an export holds, in one transaction.
    ///
    /// # Errors
    /// [`GalleryError::Import`] with the line at fault, [`GalleryError::NewerExport`],
    /// [`GalleryError::Stream`] if `input` fails; [`GalleryError::Store`], with
    /// [`StoreError::ModelMismatch`](crate::StoreError::ModelMismatch) for another model's export.
    /// Nothing is imported then.
    pub fn import(&self, mut input: impl BufRead) -> Result<ImportReport, GalleryError> {
        self.write(|writer| Import::new(writer).run(&mut input))
    }
}

fn export_subject(
    reader: &dyn Reader,
    subject: Subject,
    out: &mut impl Write,
) -> Result<u64, GalleryError> {
    let faces = reader.faces_of(subject.id)?;
    let line = SubjectLine {
        created_millis: Some(subject.created_millis),
        subject: NewSubject {
            name: subject.name.clone(),
            external_id: subject.external_id,
            metadata: subject.metadata,
        },
    };
    write_line(out, &Line::Subject(line))?;
    for face in &faces {
        let line = face_line(reader, face, &subject.name)?;
        write_line(out, &Line::Face(Box::new(line)))?;
    }
    Ok(faces.len() as u64)
}

fn face_line(reader: &dyn Reader, face: &Face, subject: &str) -> Result<FaceLine, GalleryError> {
    let embedding = embedding_of(reader, face)?;
    let crop = reader.crop(face.id)?.map(|crop| CropLine {
        media_type: crop.media_type,
        bytes: BASE64.encode(crop.bytes),
    });
    Ok(FaceLine {
        subject: subject.to_owned(),
        embedding: BASE64.encode(bytes_of(&embedding)),
        quality: face.quality.clone(),
        bounding_box: face.bounding_box,
        source: face.source.clone(),
        crop,
        created_millis: Some(face.created_millis),
    })
}

fn bytes_of(embedding: &Embedding) -> Vec<u8> {
    let values = embedding.values().iter();
    values.flat_map(|value| value.to_le_bytes()).collect()
}

fn writing(source: std::io::Error) -> GalleryError {
    GalleryError::Stream {
        action: "write",
        source,
    }
}

fn write_line(out: &mut impl Write, line: &Line) -> Result<(), GalleryError> {
    serde_json::to_writer(&mut *out, line).map_err(|error| writing(error.into()))?;
    out.write_all(b"\n").map_err(writing)
}

/// An import on its way.
struct Import<'a> {
    writer: &'a mut dyn Writer,
    line: u64,
    now: i64,
    binding: Option<Binding>,
    seen: ExportReport,
    report: ImportReport,
    current: Option<Current>,
}

/// The subject whose faces are being read, with the embeddings that it has.
struct Current {
    id: SubjectId,
    name: String,
    embeddings: HashSet<Vec<u8>>,
}

impl<'a> Import<'a> {
    fn new(writer: &'a mut dyn Writer) -> Self {
        Self {
            writer,
            line: 0,
            now: now_millis(),
            binding: None,
            seen: ExportReport::default(),
            report: ImportReport::default(),
            current: None,
        }
    }

    fn run(mut self, input: &mut impl BufRead) -> Result<ImportReport, GalleryError> {
        match self.next_line(input)? {
            Some(Line::Header(header)) => self.header(header)?,
            _ => return Err(self.wrong("expected the header of an export")),
        }
        loop {
            match self.next_line(input)? {
                Some(Line::Calibration(line)) => self.calibration(&line)?,
                Some(Line::Subject(line)) => self.subject(line)?,
                Some(Line::Face(line)) => self.face(*line)?,
                Some(Line::End(counts)) if counts == self.seen => break,
                Some(Line::End(counts)) => {
                    let ExportReport { subjects, faces } = self.seen;
                    return Err(self.wrong(format!(
                        "expected {} subjects and {} faces before it, found {subjects} and {faces}",
                        counts.subjects, counts.faces
                    )));
                }
                Some(Line::Header(_)) => return Err(self.wrong("a second header")),
                None => return Err(self.wrong("the export ends too early")),
            }
        }
        match self.next_line(input)? {
            None => Ok(self.report),
            Some(_) => Err(self.wrong("something follows the end")),
        }
    }

    fn wrong(&self, what: impl Into<String>) -> GalleryError {
        GalleryError::Import {
            line: self.line,
            what: what.into(),
        }
    }

    /// The next line that is not blank.
    fn next_line(&mut self, input: &mut impl BufRead) -> Result<Option<Line>, GalleryError> {
        loop {
            let mut bytes = Vec::new();
            let n_read = input
                .take(MAX_LINE_BYTES)
                .read_until(b'\n', &mut bytes)
                .map_err(|source| GalleryError::Stream {
                    action: "read",
                    source,
                })?;
            self.line += 1;
            if n_read == 0 {
                return Ok(None);
            }
            if n_read as u64 == MAX_LINE_BYTES {
                return Err(self.wrong("the line is too long"));
            }
            if !bytes.iter().all(u8::is_ascii_whitespace) {
                // serde's message may quote the input, so only its place is passed on.
                return serde_json::from_slice(&bytes).map(Some).map_err(|error| {
                    self.wrong(format!(
                        "no record of an export (column {})",
                        error.column()
                    ))
                });
            }
        }
    }

    fn header(&mut self, header: Header) -> Result<(), GalleryError> {
        if header.format != FORMAT {
            return Err(self.wrong(format!("expected format `{FORMAT}`")));
        }
        if header.version > VERSION {
            return Err(GalleryError::NewerExport {
                found: header.version,
                supported: VERSION,
            });
        }
        if let Some(binding) = &header.binding {
            let found = binding.dimension;
            if !(1..=MAX_DIMENSION).contains(&found) {
                let message =
                    format!("expected a dimension from 1 to {MAX_DIMENSION}, found {found}");
                return Err(self.wrong(message));
            }
            bind(self.writer, binding)?;
        }
        self.binding = header.binding;
        Ok(())
    }

    fn calibration(&mut self, stored: &StoredCalibration) -> Result<(), GalleryError> {
        if let Err(error) = stored.check() {
            return Err(self.wrong(error.to_string()));
        }
        // Of an empty gallery's export only the calibration says for which model it is.
        let fits = |bound: Binding| bound.model == stored.model;
        if self.writer.calibration()?.is_none() && self.writer.binding()?.is_none_or(fits) {
            self.writer.set_calibration(Some(stored))?;
            self.report.calibration_added = true;
        }
        Ok(())
    }

    fn subject(&mut self, line: SubjectLine) -> Result<(), GalleryError> {
        let SubjectLine {
            subject: new,
            created_millis,
        } = line;
        checked(&new.name)?;
        self.seen.subjects += 1;
        let id = if let Some(old) = self.writer.subject_named(&new.name)? {
            let mut metadata = new.metadata;
            metadata.extend(old.metadata.clone());
            let external_id = old.external_id.clone().or(new.external_id);
            if metadata != old.metadata || external_id != old.external_id {
                let external_id = external_id.as_deref();
                self.writer
                    .update_subject(old.id, &new.name, external_id, &metadata)?;
            }
            self.report.subjects_joined += 1;
            old.id
        } else {
            self.report.subjects_added += 1;
            self.writer
                .add_subject(&new, created_millis.unwrap_or(self.now))?
        };
        self.enter(id, new.name)
    }

    /// Makes a subject the one whose faces are read.
    fn enter(&mut self, id: SubjectId, name: String) -> Result<(), GalleryError> {
        let mut embeddings = HashSet::new();
        for face in self.writer.faces_of(id)? {
            embeddings.insert(self.stored_bytes(face.id)?);
        }
        self.current = Some(Current {
            id,
            name,
            embeddings,
        });
        Ok(())
    }

    fn stored_bytes(&self, face: FaceId) -> Result<Vec<u8>, GalleryError> {
        let values = self.writer.embedding(face)?.unwrap_or_default();
        Ok(values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect())
    }

    fn face(&mut self, line: FaceLine) -> Result<(), GalleryError> {
        self.seen.faces += 1;
        if self.current.as_ref().is_none_or(|c| c.name != line.subject) {
            let Some(subject) = self.writer.subject_named(&line.subject)? else {
                return Err(self.wrong("a face of a subject that did not come before"));
            };
            self.enter(subject.id, subject.name)?;
        }
        let created_millis = line.created_millis.unwrap_or(self.now);
        let face = self.new_face(line)?;
        let bytes = bytes_of(&face.embedding);
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        let id = current.id;
        let is_there = !current.embeddings.insert(bytes);
        if is_there || twin(&*self.writer, id, &face)?.is_some() {
            self.report.faces_skipped += 1;
        } else {
            self.writer.add_face(id, &face, created_millis)?;
            self.report.faces_added += 1;
        }
        Ok(())
    }

    fn new_face(&self, line: FaceLine) -> Result<NewFace, GalleryError> {
        let Some(binding) = &self.binding else {
            return Err(self.wrong("a face, but the header names no model"));
        };
        let bytes = BASE64
            .decode(line.embedding)
            .map_err(|_| self.wrong("the embedding is no base64"))?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() || numbers.len() != binding.dimension {
            let dimension = binding.dimension;
            return Err(self.wrong(format!("expected an embedding of {dimension} values")));
        }
        let values = numbers.iter().map(|n| f32::from_le_bytes(*n)).collect();
        let embedding = Embedding::from_values(binding.model.clone(), values)
            .map_err(|error| self.wrong(error.to_string()))?;
        let crop = match line.crop {
            Some(crop) => Some(Crop {
                media_type: crop.media_type,
                bytes: BASE64
                    .decode(crop.bytes)
                    .map_err(|_| self.wrong("the crop is no base64"))?,
            }),
            None => None,
        };
        Ok(NewFace {
            embedding,
            quality: line.quality,
            bounding_box: line.bounding_box,
            source: line.source,
            crop,
        })
    }
}
