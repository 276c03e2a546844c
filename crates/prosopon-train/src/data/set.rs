//! Samples with their values: what learners and networks are trained on.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Features, Side};
use crate::input::Input;

/// Pictures whose hashes differ in at most so many of 256 bits are near-duplicates: the same picture in
/// another size, format or quality. Different photographs of one person differ in 60 and more.
const NEAR_BITS: u32 = 20;

/// A sample: one face, or one row of given numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The picture's path below the data set.
    pub name: String,
    /// Place in [`DataSet::classes`].
    pub class: usize,
    /// What the layout says of the split.
    #[serde(default)]
    pub side: Side,
    /// What it is kept together with.
    #[serde(default)]
    pub group: Option<String>,
    /// Perceptual hash of the picture, 256 bits; none for given numbers.
    #[serde(default)]
    pub(super) hash: Option<[u64; 4]>,
    /// Where its small picture lies among all of them.
    #[serde(default)]
    pub(super) thumbnail: Range<usize>,
}

/// Why a picture is not among the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipReason {
    /// It cannot be read.
    Unreadable,
    /// No face that is wanted was found.
    NoFace,
    /// Its values cannot be computed.
    Unusable,
    /// It belongs to no class.
    NoClass,
}

/// A picture that is not among the samples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its path below the data set.
    pub name: String,
    /// Why.
    pub reason: SkipReason,
    /// The same in words.
    pub message: String,
}
/// Labelled samples and their values.
pub struct DataSet {
    /// Names of the classes, in order.
    pub classes: Vec<String>,
    /// What the values were taken of.
    pub input: Input,
    /// The samples.
    pub samples: Vec<Sample>,
    /// Their values, in the same order.
    pub features: Features,
    /// Pictures that could not be used.
    pub skipped: Vec<Skipped>,
    pub(super) thumbnails: Vec<u8>,
}

/// Why there is no data set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataSetError {
    /// Files cannot be read or written.
    #[error("could not read or write the samples: {source}: {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The report.
        source: io::Error,
    },
    /// The table of an archive cannot be read.
    #[error("expected an .npz with the arrays `features` (or `X`) and `labels` (or `y`): {message}: {}", path.display())]
    Npz {
        /// The archive.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Values and labels do not belong together.
    #[error("expected a label for each of {samples} rows, found {labels}: {}", path.display())]
    Labels {
        /// The folder or archive.
        path: PathBuf,
        /// Rows of values.
        samples: usize,
        /// Labels.
        labels: usize,
    },
    /// The list of samples is not one of ours.
    #[error("the list of samples cannot be read: {message}: {}", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}
impl DataSet {
    /// The class of each sample.
    pub fn labels(&self) -> Vec<usize> {
        self.samples.iter().map(|sample| sample.class).collect()
    }

    /// How many samples each class has.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for sample in &self.samples {
            counts[sample.class] += 1;
        }
        counts
    }

    /// The small picture of a sample, a JPEG; none if there is none.
    pub fn thumbnail(&self, sample: usize) -> Option<&[u8]> {
        let range = self.samples[sample].thumbnail.clone();
        self.thumbnails.get(range).filter(|bytes| !bytes.is_empty())
    }

    /// A number for each sample, the same for those that must stay together: near-duplicates, and those
    /// that the data set itself groups.
    pub fn groups(&self) -> Vec<usize> {
        let mut groups = Joined::new(self.samples.len());
        let mut first_of = HashMap::new();
        for (i, sample) in self.samples.iter().enumerate() {
            if let Some(group) = &sample.group {
                groups.join(*first_of.entry(group).or_insert(i), i);
            }
        }
        for (i, a) in self.samples.iter().enumerate() {
            let Some(a) = &a.hash else { continue };
            for (j, b) in self.samples.iter().enumerate().skip(i + 1) {
                if b.hash.as_ref().is_some_and(|b| distance(a, b) <= NEAR_BITS) {
                    groups.join(i, j);
                }
            }
        }
        (0..self.samples.len()).map(|i| groups.root(i)).collect()
    }

    /// Leaves out classes without samples; gives their names.
    pub fn drop_empty_classes(&mut self) -> Vec<String> {
        let counts = self.counts();
        let mut places = Vec::with_capacity(counts.len());
        let (mut kept, mut dropped) = (Vec::new(), Vec::new());
        for (name, count) in self.classes.drain(..).zip(&counts) {
            places.push(kept.len());
            if *count > 0 {
                kept.push(name);
            } else {
                dropped.push(name);
            }
        }
        for sample in &mut self.samples {
            sample.class = places[sample.class];
        }
        self.classes = kept;
        dropped
    }
}
/// Bits in which two hashes differ.
fn distance(a: &[u64; 4], b: &[u64; 4]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// Sets of samples that were joined.
struct Joined(Vec<usize>);

impl Joined {
    fn new(n: usize) -> Self {
        Self((0..n).collect())
    }

    fn root(&mut self, mut i: usize) -> usize {
        while self.0[i] != i {
            self.0[i] = self.0[self.0[i]];
            i = self.0[i];
        }
        i
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        self.0[high] = low;
    }
}
#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use prosopon::Image;

    use super::*;
    use crate::data::{DataSetBuilder, Listed, Seen};
    use crate::input::{FaceValues, Faces, Values};

    fn input(values: Values) -> Input {
        Input {
            faces: Faces::AsIs,
            prepare: prosopon::prepare::PrepareOptions::default(),
            values,
        }
    }

    fn listed(name: &str, class: usize, group: Option<&str>) -> Listed {
        Listed {
            path: PathBuf::from(name),
            name: name.to_owned(),
            class,
            side: Side::Any,
            group: group.map(str::to_owned),
        }
    }

    /// A picture that looks like no other of another seed.
    fn picture(seed: u64, side: u32) -> Image {
        let mut random = fastrand::Rng::with_seed(seed);
        let cells: Vec<u8> = (0..64).map(|_| random.u8(..)).collect();
        let pixels = (0..side * side).flat_map(|i| {
            let (x, y) = (i % side * 8 / side, i / side * 8 / side);
            [cells[(y * 8 + x) as usize]; 3]
        });
        Image::from_rgb(side, side, pixels.collect()).unwrap()
    }

    fn fill(mut builder: DataSetBuilder) -> DataSet {
        let pictures = [
            ("a/1", 0, None, picture(1, 64)),
            ("a/2", 0, Some("ann"), picture(2, 64)),
            ("b/1", 1, None, picture(1, 96)),
            ("b/2", 1, Some("ann"), picture(3, 64)),
            ("b/3", 1, None, picture(4, 64)),
        ];
        for (i, (name, class, group, image)) in pictures.into_iter().enumerate() {
            let face = FaceValues {
                detection: None,
                crop: image.clone(),
                values: vec![i as f32, 200.0],
            };
            builder
                .add(&listed(name, class, group), Seen::new(&image, face))
                .unwrap();
        }
        builder.skip(Skipped {
            name: "b/4".to_owned(),
            reason: SkipReason::NoFace,
            message: "no face".to_owned(),
        });
        builder.finish().unwrap()
    }

    #[test]
    fn samples_are_the_same_in_memory_and_on_disk() {
        let classes = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        for values in [
            Values::Given { length: 2 },
            Values::Levels {
                width: 2,
                height: 1,
                gray: true,
            },
        ] {
            let folder = tempfile::tempdir().unwrap();
            let place = folder.path().join("samples");
            let (classes, input) = (classes.clone(), input(values));
            let memory = fill(DataSetBuilder::in_memory(classes.clone(), input.clone()));
            fill(DataSetBuilder::save_in(&place, classes, input).unwrap());
            assert!(DataSet::is_saved_in(&place));
            let disk = DataSet::load(&place).unwrap();
            assert_eq!(disk.samples, memory.samples);
            assert_eq!(disk.skipped, memory.skipped);
            assert_eq!(disk.input, memory.input);
            let arrays = [&memory, &disk].map(|set| set.features.to_array().unwrap());
            assert_eq!(arrays[0], arrays[1]);
            assert_eq!(arrays[0].row(3).to_vec(), [3.0, 200.0]);
            assert_eq!(disk.thumbnail(2), memory.thumbnail(2));
            assert!(
                Image::decode(
                    disk.thumbnail(2).unwrap(),
                    &prosopon::DecodeLimits::default()
                )
                .is_ok()
            );
        }
    }

    #[test]
    fn copies_and_groups_stay_together() {
        let classes = vec!["a".to_owned(), "b".to_owned()];
        let set = fill(DataSetBuilder::in_memory(
            classes,
            input(Values::Given { length: 2 }),
        ));
        // The first and the third show the same, whatever their labels say; the second and the fourth are of Ann.
        assert_eq!(set.groups(), [0, 1, 0, 1, 4]);
    }

    #[test]
    fn classes_that_nobody_is_in_are_dropped() {
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        let mut set = fill(DataSetBuilder::in_memory(
            classes,
            input(Values::Given { length: 2 }),
        ));
        for sample in &mut set.samples {
            sample.class *= 2;
        }
        assert_eq!(set.drop_empty_classes(), ["b"]);
        assert_eq!(set.classes, ["a", "c"]);
        assert_eq!(set.labels(), [0, 0, 1, 1, 1]);
    }

    #[test]
    fn tables_of_others_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.npz");
        let mut archive = ndarray_npy::NpzWriter::new(File::create(&path).unwrap());
        let x = ndarray::array![[1.0f64, 2.0], [3.0, 4.0], [5.0, 6.0]];
        archive.add_array("X", &x).unwrap();
        archive
            .add_array("y", &ndarray::array![7i32, 3, 7])
            .unwrap();
        archive.finish().unwrap();
        let set = DataSet::load_npz(&path).unwrap();
        assert_eq!(set.classes, ["3", "7"]);
        assert_eq!(set.labels(), [1, 0, 1]);
        assert_eq!(set.features.to_array().unwrap().row(2).to_vec(), [5.0, 6.0]);
        // A folder of tables too, with the same rule.
        let place = folder.path().join("tables");
        fs::create_dir(&place).unwrap();
        ndarray_npy::write_npy(place.join("features.npy"), &x.mapv(|v| v as f32)).unwrap();
        let given = |y: &ndarray::Array1<f64>| {
            ndarray_npy::write_npy(place.join("labels.npy"), y).unwrap();
            DataSet::load(&place).err().unwrap().to_string()
        };
        for labels in [[0.0, 0.5, 1.0], [0.0, 1.0, 1.0]] {
            let error = given(&ndarray::Array1::from_vec(labels.to_vec()));
            assert!(error.contains("labels are whole numbers from 0"), "{error}");
        }
        for (labels, are_good) in [([0i64, -1, 1], false), ([0, 1 << 40, (1 << 40) + 1], true)] {
            let labels = ndarray::Array1::from_vec(labels.to_vec());
            ndarray_npy::write_npy(place.join("labels.npy"), &labels).unwrap();
            let set = DataSet::load(&place);
            assert_eq!(
                set.ok().map(|set| set.labels()),
                are_good.then(|| vec![0, 1, 2])
            );
        }
        fs::write(&path, "no archive").unwrap();
        let error = DataSet::load_npz(&path).err().unwrap().to_string();
        assert!(
            error.starts_with("expected an .npz with the arrays"),
            "{error}"
        );
    }
}
