//! Face recognisers from before networks: LBPH, Eigenfaces, Fisherfaces.
//!
//! Each learns from grey faces of known people, all of one size and cropped alike, and says of another face whose it
//! resembles most and how far away it is. Labels and distances equal those of `OpenCV` 4.14 (contrib, module `face`);
//! where `OpenCV`'s own answer depends on rounding, each file says what is done instead. Every face gets somebody's
//! name unless a largest distance is given: distances have no common scale, so that each data set needs its own.

mod eigen;
mod file;
mod fisher;
mod lbph;
mod subspace;

pub use file::FileError;
pub use lbph::LbphOptions;
pub use subspace::Subspace;

use self::lbph::Lbph;
use super::gray::GrayImage;
use super::lbp::LbpError;

/// Sides that are allowed, in pixels: below there is no face, above nothing is gained and everything gets slow.
pub const RECOGNISER_SIDES: std::ops::RangeInclusive<u32> = 8..=1024;

/// How faces are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecogniserMethod {
    /// Histograms of local binary patterns, compared by chi-square (Ahonen, Hadid and Pietikäinen 2006). Takes new
    /// faces without training anew.
    Lbph,
    /// Distances in the space of the largest variations between all pictures (Turk and Pentland 1991).
    Eigen,
    /// Distances in the space that parts people best, by linear discriminant analysis (Belhumeur, Hespanha and
    /// Kriegman 1997).
    Fisher,
}

impl RecogniserMethod {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lbph, Self::Eigen, Self::Fisher];

    /// Its short name: `lbph`, `eigen`, `fisher`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lbph => "lbph",
            Self::Eigen => "eigen",
            Self::Fisher => "fisher",
        }
    }
}

/// What is learnt, and how finely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecogniserOptions {
    /// How faces are compared.
    pub method: RecogniserMethod,
    /// Dimensions to keep for Eigenfaces and Fisherfaces; all that carry something by default.
    pub components: Option<u32>,
    /// Patterns and grid of LBPH.
    pub lbph: LbphOptions,
}

impl RecogniserOptions {
    /// The usual options of a method, those of `OpenCV`.
    pub fn new(method: RecogniserMethod) -> Self {
        Self {
            method,
            components: None,
            lbph: LbphOptions::default(),
        }
    }
}

/// A face of a known person.
#[derive(Debug, Clone)]
pub struct FaceSample {
    /// The face, cropped, in the size of all others.
    pub picture: GrayImage,
    /// Place of the person's name in the list of names.
    pub label: u32,
}

/// Whom a face resembles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FacePrediction {
    /// Place of the person's name in the list of names.
    pub label: u32,
    /// How far away the person's nearest face is; 0 for one that was learnt, without upper bound.
    pub distance: f64,
}

/// Why a recogniser could not be trained or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecogniserError {
    /// There is nothing to learn from.
    #[error("expected pictures to learn from, found none")]
    Empty,
    /// A face has another size than the others.
    #[error("expected faces of {expected:?} pixels, found {found:?}")]
    Size {
        /// Width and height of the faces that were learnt.
        expected: (u32, u32),
        /// Width and height of this face.
        found: (u32, u32),
    },
    /// The size of the faces is out of range.
    #[error("expected faces with sides from 8 to 1024 pixels, found {found:?}")]
    Sides {
        /// Width and height.
        found: (u32, u32),
    },
    /// A label names nobody.
    #[error("expected labels below {names}, the number of names, found {label}")]
    Label {
        /// The label.
        label: u32,
        /// How many names there are.
        names: usize,
    },
    /// Fisherfaces compare people with each other, and the faces of each.
    #[error(
        "expected at least two people, one of them with two different pictures, found {people} with {pictures}"
    )]
    TooFew {
        /// How many people.
        people: usize,
        /// How many different pictures they have together.
        pictures: usize,
    },
    /// The eigenvectors of so many pictures of this size would take hours.
    #[error(
        "expected at most {most} pictures or pixels a picture, found {pictures} pictures of {pixels} pixels"
    )]
    TooMany {
        /// What is possible.
        most: usize,
        /// Number of pictures.
        pictures: usize,
        /// Pixels of each.
        pixels: usize,
    },
    /// LBPH is the only one that learns more without starting anew.
    #[error("expected a recogniser of method `lbph` to update, found `{}`", method.name())]
    NoUpdate {
        /// Its method.
        method: RecogniserMethod,
    },
    /// The patterns do not fit the size of the faces.
    #[error(transparent)]
    Patterns(#[from] LbpError),
}

/// A trained recogniser.
#[derive(Debug, Clone, PartialEq)]
pub struct Recogniser {
    names: Vec<String>,
    sides: (u32, u32),
    labels: Vec<u32>,
    model: Model,
}

#[derive(Debug, Clone, PartialEq)]
enum Model {
    Lbph(Lbph),
    Eigen(Subspace),
    Fisher(Subspace),
}

impl Recogniser {
    /// Learns the faces of `samples`, whose labels are places in `names`.
    ///
    /// # Errors
    /// [`RecogniserError`] says what is missing or does not fit.
    ///
    /// # Examples
    /// ```
    /// use prosopon::classic::GrayImage;
    /// use prosopon::classic::recogniser::{
    ///     FaceSample, Recogniser, RecogniserMethod, RecogniserOptions,
    /// };
    ///
    /// let stripes = |across: bool| {
    ///     let level = |i: u32| if (if across { i % 16 } else { i / 16 }) % 4 < 2 { 40 } else { 220 };
    ///     GrayImage::new(16, 16, (0..256).map(level).collect())
    /// };
    /// let [anna, bert] = [true, false].map(|across| stripes(across).expect("16 × 16 pixels"));
    /// let samples = [anna.clone(), bert].into_iter().zip(0..);
    /// let samples: Vec<FaceSample> =
    ///     samples.map(|(picture, label)| FaceSample { picture, label }).collect();
    /// let names = vec!["anna".to_owned(), "bert".to_owned()];
    /// let recogniser =
    ///     Recogniser::train(&RecogniserOptions::new(RecogniserMethod::Lbph), names, &samples)?;
    /// let found = recogniser.predict(&anna)?;
    /// assert_eq!((recogniser.name(found.label), found.distance), ("anna", 0.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn train(
        options: &RecogniserOptions,
        names: Vec<String>,
        samples: &[FaceSample],
    ) -> Result<Self, RecogniserError> {
        let first = samples.first().ok_or(RecogniserError::Empty)?;
        let sides = (first.picture.width(), first.picture.height());
        if !RECOGNISER_SIDES.contains(&sides.0) || !RECOGNISER_SIDES.contains(&sides.1) {
            return Err(RecogniserError::Sides { found: sides });
        }
        check(samples, sides, &names)?;
        let model = match options.method {
            RecogniserMethod::Lbph => {
                let mut lbph = Lbph::new(options.lbph, sides);
                lbph.learn(samples)?;
                Model::Lbph(lbph)
            }
            RecogniserMethod::Eigen => Model::Eigen(eigen::train(samples, options.components)?),
            RecogniserMethod::Fisher => Model::Fisher(fisher::train(samples, options.components)?),
        };
        Ok(Self {
            names,
            sides,
            labels: samples.iter().map(|sample| sample.label).collect(),
            model,
        })
    }

    /// Learns more faces; labels are places in [`Self::names`], after which `new_names` are put.
    ///
    /// # Errors
    /// [`RecogniserError::NoUpdate`] unless the method is LBPH; else as [`Self::train`]. Nothing has changed then.
    pub fn update(
        &mut self,
        new_names: Vec<String>,
        samples: &[FaceSample],
    ) -> Result<(), RecogniserError> {
        let method = self.method();
        let Model::Lbph(lbph) = &mut self.model else {
            return Err(RecogniserError::NoUpdate { method });
        };
        let names = [self.names.clone(), new_names].concat();
        check(samples, self.sides, &names)?;
        lbph.learn(samples)?;
        self.labels
            .extend(samples.iter().map(|sample| sample.label));
        self.names = names;
        Ok(())
    }

    /// Whose learnt face is nearest; of several as near the one that was learnt first.
    ///
    /// # Errors
    /// [`RecogniserError::Size`] for a face of another size.
    pub fn predict(&self, picture: &GrayImage) -> Result<FacePrediction, RecogniserError> {
        let mut best = FacePrediction {
            label: 0,
            distance: f64::INFINITY,
        };
        for (label, distance) in self.labels.iter().zip(self.distances(picture)?) {
            if distance < best.distance {
                best = FacePrediction {
                    label: *label,
                    distance,
                };
            }
        }
        Ok(best)
    }

    /// Everybody with the distance of their nearest face, the nearest first.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn candidates(&self, picture: &GrayImage) -> Result<Vec<FacePrediction>, RecogniserError> {
        let mut nearest = vec![f64::INFINITY; self.names.len()];
        for (label, distance) in self.labels.iter().zip(self.distances(picture)?) {
            let nearest = &mut nearest[*label as usize];
            *nearest = nearest.min(distance);
        }
        let people = (0..)
            .zip(nearest)
            .filter(|(_, distance)| distance.is_finite());
        let mut people: Vec<FacePrediction> = people
            .map(|(label, distance)| FacePrediction { label, distance })
            .collect();
        people.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        Ok(people)
    }

    /// The distance to each learnt face, in the order of learning.
    fn distances(&self, picture: &GrayImage) -> Result<Vec<f64>, RecogniserError> {
        let found = (picture.width(), picture.height());
        if found != self.sides {
            return Err(RecogniserError::Size {
                expected: self.sides,
                found,
            });
        }
        match &self.model {
            Model::Lbph(lbph) => lbph.distances(picture),
            Model::Eigen(space) | Model::Fisher(space) => Ok(space.distances(picture)),
        }
    }

    /// How faces are compared.
    pub fn method(&self) -> RecogniserMethod {
        match self.model {
            Model::Lbph(_) => RecogniserMethod::Lbph,
            Model::Eigen(_) => RecogniserMethod::Eigen,
            Model::Fisher(_) => RecogniserMethod::Fisher,
        }
    }

    /// Names of the people.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Name of a label; empty for one that is none.
    pub fn name(&self, label: u32) -> &str {
        self.names.get(label as usize).map_or("", String::as_str)
    }

    /// Width and height of the faces, in pixels.
    pub fn sides(&self) -> (u32, u32) {
        self.sides
    }

    /// Label of each learnt face.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// Mean face and directions of Eigenfaces and Fisherfaces; LBPH has none.
    pub fn subspace(&self) -> Option<&Subspace> {
        match &self.model {
            Model::Lbph(_) => None,
            Model::Eigen(space) | Model::Fisher(space) => Some(space),
        }
    }
}

fn check(
    samples: &[FaceSample],
    expected: (u32, u32),
    names: &[String],
) -> Result<(), RecogniserError> {
    for sample in samples {
        let found = (sample.picture.width(), sample.picture.height());
        if found != expected {
            return Err(RecogniserError::Size { expected, found });
        }
        if sample.label as usize >= names.len() {
            return Err(RecogniserError::Label {
                label: sample.label,
                names: names.len(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
