//! Data sets on disk: a folder with `features.npy`, `labels.npy`, a list and small pictures; or an archive of
//! `NumPy`.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use prosopon::image::write_whole;
use prosopon::prepare::PrepareOptions;
use serde::{Deserialize, Serialize};
use zip::ZipArchive;

use super::npy::{Kind, NpyRows, NpyWriter, Table};
use super::{DataSet, DataSetError, Features, Sample, Side, Skipped};
use crate::input::{Faces, Input, Values};
use crate::rows::Rows;

/// The list beside the tables.
#[derive(Serialize, Deserialize)]
pub(super) struct List {
    pub(super) classes: Vec<String>,
    pub(super) input: Input,
    pub(super) samples: Vec<Sample>,
    pub(super) skipped: Vec<Skipped>,
}

/// Names of the files of a saved data set.
pub(super) const FEATURES: &str = "features.npy";
const LABELS: &str = "labels.npy";
const LIST: &str = "samples.json";
const THUMBNAILS: &str = "thumbnails.bin";

/// Largest table of an archive that is read: two million embeddings. An archive of some megabytes can hold as many zeros as
/// it likes.
const MOST_MEMBER_BYTES: u64 = 4 << 30;

impl DataSet {
    /// Whether `folder` holds a saved data set.
    pub fn is_saved_in(folder: &Path) -> bool {
        folder.join(FEATURES).is_file() && folder.join(LABELS).is_file()
    }

    /// Reads a data set that [`super::DataSetBuilder::save_in`] wrote, or any folder with `features.npy` and
    /// `labels.npy` (whole numbers from 0). The values stay on disk.
    ///
    /// # Errors
    /// [`DataSetError`].
    pub fn load(folder: &Path) -> Result<Self, DataSetError> {
        let place = folder.join(FEATURES);
        let features = NpyRows::open(&place).map_err(at(&place))?;
        let labels = labels(&folder.join(LABELS))?;
        let list_place = folder.join(LIST);
        if !list_place.is_file() {
            return Self::given(folder, Features::Disk(features), &labels);
        }
        let bytes = fs::read(&list_place).map_err(at(&list_place))?;
        let invalid = |message: String| DataSetError::List {
            path: list_place.clone(),
            message,
        };
        let list: List =
            serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
        let of_list: Vec<usize> = list.samples.iter().map(|sample| sample.class).collect();
        if of_list != labels || labels.len() != features.len() {
            return Err(invalid("its labels are not those of the table".to_owned()));
        }
        if of_list.iter().any(|class| *class >= list.classes.len()) {
            return Err(invalid("a sample has a class that is not there".to_owned()));
        }
        Ok(Self {
            classes: list.classes,
            input: list.input,
            samples: list.samples,
            features: Features::Disk(features),
            skipped: list.skipped,
            // Pictures to look at are not worth an error.
            thumbnails: fs::read(folder.join(THUMBNAILS)).unwrap_or_default(),
        })
    }

    /// Reads an archive of `NumPy` with the arrays `features` (or `X`) and `labels` (or `y`).
    ///
    /// # Errors
    /// [`DataSetError`].
    pub fn load_npz(path: &Path) -> Result<Self, DataSetError> {
        let file = File::open(path).map_err(at(path))?;
        let invalid = |message: String| DataSetError::Npz {
            path: path.to_owned(),
            message,
        };
        let mut archive = ZipArchive::new(file).map_err(|error| invalid(error.to_string()))?;
        let features = member(&mut archive, ["features", "X"]).map_err(invalid)?;
        let labels = member(&mut archive, ["labels", "y"]).map_err(invalid)?;
        let labels = whole(&labels).map_err(invalid)?;
        let features = Features::Memory {
            width: features.width,
            values: features.values.iter().map(|value| *value as f32).collect(),
        };
        Self::given(path, features, &labels)
    }

    /// Numbers of which nothing else is known: classes are called by their numbers.
    fn given(path: &Path, features: Features, labels: &[usize]) -> Result<Self, DataSetError> {
        if features.len() != labels.len() {
            return Err(DataSetError::Labels {
                path: path.to_owned(),
                samples: features.len(),
                labels: labels.len(),
            });
        }
        let mut classes = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let samples = labels.iter().enumerate().map(|(i, label)| Sample {
            name: format!("row {i}"),
            class: classes.partition_point(|class| class < label),
            side: Side::Any,
            group: None,
            hash: None,
            thumbnail: 0..0,
        });
        Ok(Self {
            samples: samples.collect(),
            classes: classes.iter().map(usize::to_string).collect(),
            input: Input {
                faces: Faces::AsIs,
                prepare: PrepareOptions::default(),
                values: Values::Given {
                    length: features.width(),
                },
            },
            features,
            skipped: Vec::new(),
            thumbnails: Vec::new(),
        })
    }
}

/// The table of an archive that has the first of these names that is there.
fn member(archive: &mut ZipArchive<File>, names: [&str; 2]) -> Result<Table, String> {
    let found = names
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("{name}.npy")])
        .find(|name| archive.index_for_name(name).is_some());
    let name = found.ok_or_else(|| format!("there is no `{}`", names[0]))?;
    let file = archive.by_name(&name).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MOST_MEMBER_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_MEMBER_BYTES {
        return Err(format!(
            "expected a table of at most {MOST_MEMBER_BYTES} bytes as `{name}`, found more"
        ));
    }
    Table::read(&bytes)
}

pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> DataSetError {
    let path = path.to_owned();
    move |source| DataSetError::Io { path, source }
}

fn labels(path: &Path) -> Result<Vec<usize>, DataSetError> {
    let invalid = |message: String| DataSetError::List {
        path: path.to_owned(),
        message,
    };
    let bytes = fs::read(path).map_err(at(path))?;
    let table = Table::read(&bytes).map_err(invalid)?;
    if table.width != 1 {
        return Err(DataSetError::Labels {
            path: path.to_owned(),
            samples: table.values.len() / table.width.max(1),
            labels: table.values.len(),
        });
    }
    whole(&table).map_err(invalid)
}

/// Labels as they must be.
fn whole(table: &Table) -> Result<Vec<usize>, String> {
    let are_whole = matches!(table.kind, Kind::I32 | Kind::I64);
    let label = |y: &f64| (are_whole && *y >= 0.0).then_some(*y as usize);
    let labels: Option<Vec<usize>> = table.values.iter().map(label).collect();
    labels.ok_or_else(|| "labels are whole numbers from 0".to_owned())
}

/// Writes everything but the values.
pub(super) fn save(folder: &Path, list: &List, thumbnails: &[u8]) -> Result<(), DataSetError> {
    let place = folder.join(LABELS);
    let mut labels = NpyWriter::create(&place, Kind::I64, 1).map_err(at(&place))?;
    for sample in &list.samples {
        labels.push(&[sample.class as f32]).map_err(at(&place))?;
    }
    labels.finish().map_err(at(&place))?;
    let json = serde_json::to_vec(list).map_err(|error| DataSetError::List {
        path: folder.join(LIST),
        message: error.to_string(),
    })?;
    for (name, bytes) in [(LIST, &json[..]), (THUMBNAILS, thumbnails)] {
        let place = folder.join(name);
        write_whole(&place, bytes).map_err(at(&place))?;
    }
    Ok(())
}
