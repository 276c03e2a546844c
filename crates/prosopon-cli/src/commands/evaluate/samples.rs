//! Pictures of known people as samples, with what is needed to show them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use prosopon::evaluate::all_pairs::{Pairing, Sample};
use prosopon::evaluate::report::ErrorPair;
use prosopon::{Face, FaceEngine, Image};

use crate::args::EngineArgs;
use crate::faces::{self, LabelledPictures};
use crate::failure::Failure;

/// Samples, in the order of their pictures.
#[derive(Default)]
pub(super) struct Samples {
    pub(super) faces: Vec<Sample>,
    /// Of each sample, the picture's name below its folder.
    pub(super) names: Vec<String>,
    /// Of each sample, the upright face, if it is to be shown.
    crops: Vec<Option<Image>>,
    /// Names of the pictures that could not be used.
    pub(super) failed: Vec<String>,
}

/// People by name, numbered in the order in which they come.
#[derive(Default)]
pub(super) struct Identities {
    numbers: BTreeMap<String, u32>,
    names: Vec<String>,
}

impl Identities {
    /// The number of a name; a new one if there is none.
    pub(super) fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.to_owned(), number);
        self.names.push(name.to_owned());
        number
    }

    /// The names, by number.
    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn name(&self, number: u32) -> &str {
        self.names.get(number as usize).map_or("", String::as_str)
    }
}

impl Samples {
    /// The central face of each picture below `folder`; `identity` makes of the name of the person's
    /// folder, and of the picture's own below `folder`, the one that the person is known by.
    pub(super) fn of_folder(
        folder: &Path,
        (engine, args): (&FaceEngine, &EngineArgs),
        identities: &mut Identities,
        identity: impl Fn(&str, &str) -> String,
        with_crops: bool,
    ) -> Result<Self, Failure> {
        let LabelledPictures {
            identities: people,
            pictures,
            failed,
        } = faces::labelled(folder, engine, args)?;
        let mut samples = Self {
            failed,
            ..Self::default()
        };
        for picture in pictures {
            let name = below(folder, &picture.path);
            let person = identity(&people[picture.identity], &name);
            samples.push(identities.number(&person), name, picture.face, with_crops);
        }
        Ok(samples)
    }

    fn push(&mut self, identity: u32, name: String, face: Option<Face>, with_crops: bool) {
        let (embedding, crop) = face.map(|face| (face.embedding, face.crop)).unzip();
        self.faces.push(Sample {
            identity,
            embedding,
        });
        self.names.push(name);
        self.crops
            .push(crop.filter(|_| with_crops).map(|crop| crop.image));
    }

    /// Takes over all of `others`.
    pub(super) fn extend(&mut self, others: Self) {
        self.faces.extend(others.faces);
        self.names.extend(others.names);
        self.crops.extend(others.crops);
        self.failed.extend(others.failed);
    }

    /// Number of pictures, those that could not be used included.
    pub(super) fn n_pictures(&self) -> usize {
        self.faces.len() + self.failed.len()
    }

    /// Number of samples without a face.
    pub(super) fn undetected(&self) -> usize {
        self.faces.iter().filter(|s| s.embedding.is_none()).count()
    }

    pub(super) fn crop(&self, sample: usize) -> Option<Image> {
        self.crops.get(sample).cloned().flatten()
    }

    /// Two samples as they are shown in a report.
    pub(super) fn shown(&self, pairing: &Pairing) -> ErrorPair {
        ErrorPair {
            probe: self.crop(pairing.first),
            reference: self.crop(pairing.second),
            similarity: pairing.similarity,
            captions: [pairing.first, pairing.second].map(|i| self.names[i].clone()),
        }
    }
}

/// The picture's name without the folder that was asked for, with `/` between its parts.
pub(super) fn below(folder: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(folder).unwrap_or(path).to_owned();
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}
