//! Data sets that grow picture by picture.

use std::fs;
use std::path::{Path, PathBuf};

use prosopon::Image;
use prosopon::classic::{HashMethod, perceptual_hash};
use prosopon::image::ResizeFilter;

use super::npy::{Kind, NpyRows, NpyWriter};
use super::saved::{FEATURES, List, at, save};
use super::{DataSet, DataSetError, Features, Listed, Sample, Skipped};
use crate::input::{FaceValues, Input, Values};

/// Side of the hashes by which near-duplicates are found, in bits.
const HASH_SIDE: u32 = 16;
/// Longer side of the pictures that reports show, in pixels.
const THUMBNAIL_SIDE: u32 = 72;
const THUMBNAIL_QUALITY: u8 = 80;

/// Where values go as they come.
enum Sink {
    /// They wait until their width is known.
    Memory(Vec<f32>),
    Levels(Vec<u8>),
    Disk(Option<NpyWriter>),
}

/// Gathers samples one by one.
pub struct DataSetBuilder {
    classes: Vec<String>,
    input: Input,
    samples: Vec<Sample>,
    skipped: Vec<Skipped>,
    thumbnails: Vec<u8>,
    width: usize,
    sink: Sink,
    folder: Option<PathBuf>,
}

impl DataSetBuilder {
    /// Gathers samples in memory.
    pub fn in_memory(classes: Vec<String>, input: Input) -> Self {
        let sink = match input.values {
            Values::Levels { .. } => Sink::Levels(Vec::new()),
            _ => Sink::Memory(Vec::new()),
        };
        Self {
            classes,
            input,
            samples: Vec::new(),
            skipped: Vec::new(),
            thumbnails: Vec::new(),
            width: 0,
            sink,
            folder: None,
        }
    }

    /// Gathers samples in `folder`, which is made if it is missing: their values never are in memory
    /// together.
    ///
    /// # Errors
    /// [`DataSetError::Io`].
    pub fn save_in(
        folder: &Path,
        classes: Vec<String>,
        input: Input,
    ) -> Result<Self, DataSetError> {
        fs::create_dir_all(folder).map_err(at(folder))?;
        Ok(Self {
            sink: Sink::Disk(None),
            folder: Some(folder.to_owned()),
            ..Self::in_memory(classes, input)
        })
    }

    /// Adds what was seen of a picture.
    ///
    /// # Errors
    /// [`DataSetError::Io`] if it cannot be written.
    pub fn add(&mut self, listed: &Listed, seen: Seen) -> Result<(), DataSetError> {
        let values = &seen.values[..];
        if self.samples.is_empty() {
            self.width = values.len();
        }
        match &mut self.sink {
            Sink::Memory(all) => all.extend(values),
            Sink::Levels(all) => all.extend(values.iter().map(|level| *level as u8)),
            Sink::Disk(writer) => {
                let folder = self.folder.as_deref().unwrap_or(Path::new(""));
                let place = folder.join(FEATURES);
                let writer = if let Some(writer) = writer {
                    writer
                } else {
                    let made = NpyWriter::create(&place, kind(&self.input), self.width);
                    writer.insert(made.map_err(at(&place))?)
                };
                writer.push(values).map_err(at(&place))?;
            }
        }
        let start = self.thumbnails.len();
        self.thumbnails.extend(&seen.thumbnail);
        self.samples.push(Sample {
            name: listed.name.clone(),
            class: listed.class,
            side: listed.side,
            group: listed.group.clone(),
            hash: seen.hash,
            thumbnail: start..self.thumbnails.len(),
        });
        Ok(())
    }

    /// Notes a picture that cannot be used.
    pub fn skip(&mut self, skipped: Skipped) {
        self.skipped.push(skipped);
    }

    /// How many samples there are.
    pub fn len(&self) -> usize {
        self.samples.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The samples, whole; those of a folder are written there.
    ///
    /// # Errors
    /// [`DataSetError::Io`].
    pub fn finish(self) -> Result<DataSet, DataSetError> {
        let width = self.width;
        let features = match self.sink {
            Sink::Memory(values) => Features::Memory { width, values },
            Sink::Levels(values) => Features::Levels { width, values },
            Sink::Disk(writer) => {
                let folder = self.folder.as_deref().unwrap_or(Path::new(""));
                let list = List {
                    classes: self.classes.clone(),
                    input: self.input.clone(),
                    samples: self.samples.clone(),
                    skipped: self.skipped.clone(),
                };
                save(folder, &list, &self.thumbnails)?;
                let place = folder.join(FEATURES);
                let writer = match writer {
                    Some(writer) => writer,
                    None => NpyWriter::create(&place, kind(&self.input), 0).map_err(at(&place))?,
                };
                // It comes last: a folder that has it has the others.
                writer.finish().map_err(at(&place))?;
                Features::Disk(NpyRows::open(&place).map_err(at(&place))?)
            }
        };
        Ok(DataSet {
            classes: self.classes,
            input: self.input,
            samples: self.samples,
            features,
            skipped: self.skipped,
            thumbnails: self.thumbnails,
        })
    }
}

/// What remains of a picture.
pub struct Seen {
    values: Vec<f32>,
    hash: Option<[u64; 4]>,
    thumbnail: Vec<u8>,
}

impl Seen {
    /// Of a picture and the face in it.
    pub fn new(image: &Image, face: FaceValues) -> Self {
        let hash = perceptual_hash(image, HashMethod::Perceptual, HASH_SIDE).ok();
        Self {
            hash: hash.and_then(|hash| hash.words().try_into().ok()),
            thumbnail: thumbnail(&face.crop),
            values: face.values,
        }
    }
}

fn kind(input: &Input) -> Kind {
    match input.values {
        Values::Levels { .. } => Kind::U8,
        _ => Kind::F32,
    }
}
/// A face as small as reports show it; empty if it cannot be made.
fn thumbnail(crop: &Image) -> Vec<u8> {
    let scale = f64::from(THUMBNAIL_SIDE) / f64::from(crop.width().max(crop.height()));
    let side = |side: u32| ((f64::from(side) * scale.min(1.0)).round() as u32).max(1);
    let small = crop.resized(side(crop.width()), side(crop.height()), ResizeFilter::Area);
    small
        .and_then(|small| small.encode_jpeg(THUMBNAIL_QUALITY))
        .unwrap_or_default()
}
