//! From a name to a network that can be run.

use std::fs;
use std::path::{Path, PathBuf};

use prosopon::AttributeKind;
use prosopon::compare::{ActiveCalibration, Calibration, CalibrationOrigin};
use prosopon::detect::{self, DetectError, Detector, HaarDetector};
use prosopon::embed::ModelId;
use prosopon::inference::Runtime;
use prosopon::model::{DetectorSpec, EmbedderSpec};

use crate::catalogue::{CatalogueFile, Role};
use crate::digest::Digest;
use crate::error::{ModelsError, Result};
use crate::own::{OwnModel, OwnSpec};
use crate::store::Store;

/// An installed network and all that is needed to run it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedModel<Spec> {
    /// Its name on the command line.
    pub name: String,
    /// Its name and the first eight hexadecimal digits of its SHA-256.
    pub id: ModelId,
    /// The ONNX file.
    pub path: PathBuf,
    /// How to make its input and read its output.
    pub spec: Spec,
    /// Thresholds by false match rate, if they were measured: the user's own, else those that come
    /// with the network. Embedders only.
    pub calibration: Option<ActiveCalibration>,
}

/// How to run a detector.
#[derive(Debug, Clone, PartialEq)]
pub enum DetectorModel {
    /// A network.
    Network(DetectorSpec),
    /// A Haar cascade, whose file says all.
    Cascade,
}

impl DetectorModel {
    /// Prepares the detector in `file`, the bytes of an ONNX or XML file.
    ///
    /// # Errors
    /// As [`detect::load`]; [`DetectError::Cascade`] for a file that is no cascade.
    pub fn load(&self, runtime: &Runtime, file: &[u8]) -> Result<Box<dyn Detector>, DetectError> {
        match self {
            Self::Network(spec) => detect::load(runtime, file, spec),
            Self::Cascade => {
                let text = String::from_utf8_lossy(file);
                Ok(Box::new(HaarDetector::from_xml(&text)?))
            }
        }
    }
}

impl Store {
    /// The detector with this name, of the catalogue or one's own; the default one without a name. Names of
    /// cascades are those of [`Store::resolve_cascade`].
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`] if pulling would help, [`ModelsError::UnknownModel`],
    /// [`ModelsError::WrongRole`], or an error of the description of a model of one's own.
    pub fn resolve_detector(&self, name: Option<&str>) -> Result<ResolvedModel<DetectorModel>> {
        if let Some(name) = name
            && let Some(cascade) = self.resolve_cascade(name)?
        {
            return Ok(ResolvedModel {
                name: cascade.name,
                id: cascade.id,
                path: cascade.path,
                spec: DetectorModel::Cascade,
                calibration: None,
            });
        }
        let name = name.unwrap_or(&self.catalogue().defaults.detector);
        self.resolve(
            name,
            Role::Detector,
            |file| file.detector.clone().map(DetectorModel::Network),
            |spec| match spec {
                OwnSpec::Detector(spec) => Some(DetectorModel::Network(spec)),
                OwnSpec::Cascade => Some(DetectorModel::Cascade),
                OwnSpec::Embedder(_) => None,
            },
        )
    }

    /// The embedder with this name, of the catalogue or one's own; the default one without a name.
    ///
    /// # Errors
    /// As [`Self::resolve_detector`], and [`ModelsError::Calibration`] if a calibration was stored for
    /// it that cannot be used.
    pub fn resolve_embedder(&self, name: Option<&str>) -> Result<ResolvedModel<EmbedderSpec>> {
        let mut model = self.embedder_as_shipped(name)?;
        if let Some(own) = self.own_calibration(&model.id)? {
            let origin = CalibrationOrigin::Own;
            model.calibration = ActiveCalibration::stored(origin, own, &model.id);
        }
        Ok(model)
    }

    /// The ONNX file of the network that estimates `kind`.
    ///
    /// # Errors
    /// [`ModelsError::NotInstalled`] if pulling would help.
    pub fn resolve_attribute(&self, kind: AttributeKind) -> Result<PathBuf> {
        self.file(match kind {
            AttributeKind::Expression => "fr-expression",
            AttributeKind::Age => "fr-age",
            AttributeKind::Gender => "fr-gender",
            AttributeKind::Eyes => "fr-eye",
            AttributeKind::Pose => "fr-pose",
            AttributeKind::Landmarks68 => "fr-landmark",
            AttributeKind::Liveness => "fr-liveness",
        })
    }

    /// The id of the network of the catalogue that is installed at `path`.
    pub fn id_at(&self, path: &Path) -> Option<ModelId> {
        let mut files = self.catalogue().files.iter();
        let file = files.find(|file| self.home().join(&file.install) == path)?;
        Some(model_id(&file.id, file.sha256))
    }

    /// The embedder with the calibration that comes with it.
    pub(crate) fn embedder_as_shipped(
        &self,
        name: Option<&str>,
    ) -> Result<ResolvedModel<EmbedderSpec>> {
        let name = name.unwrap_or(&self.catalogue().defaults.embedder);
        self.resolve(
            name,
            Role::Embedder,
            |file| file.embedder.clone(),
            |spec| match spec {
                OwnSpec::Embedder(spec) => Some(spec),
                OwnSpec::Detector(_) | OwnSpec::Cascade => None,
            },
        )
    }

    fn resolve<Spec>(
        &self,
        name: &str,
        role: Role,
        of_file: impl Fn(&CatalogueFile) -> Option<Spec>,
        of_own: impl Fn(OwnSpec) -> Option<Spec>,
    ) -> Result<ResolvedModel<Spec>> {
        let wrong_role = |found| ModelsError::WrongRole {
            name: name.to_owned(),
            expected: role,
            found,
        };
        if let Some(file) = self.catalogue().file(name) {
            let spec = of_file(file).ok_or_else(|| wrong_role(file.role))?;
            return Ok(ResolvedModel {
                name: name.to_owned(),
                id: model_id(name, file.sha256),
                path: self.file(name)?,
                spec,
                calibration: shipped(CalibrationOrigin::Catalogue, file.calibration.clone()),
            });
        }
        let Some((own, path)) = self.own_model(name)? else {
            return Err(self.unknown(name, role));
        };
        let found = own.role();
        let digest = match own.sha256 {
            Some(digest) => digest,
            None => Digest::of_file(&path).map_err(|e| ModelsError::io("read", &path, e))?,
        };
        Ok(ResolvedModel {
            name: name.to_owned(),
            id: model_id(name, digest),
            path,
            spec: of_own(own.spec).ok_or_else(|| wrong_role(found))?,
            calibration: shipped(CalibrationOrigin::Description, own.calibration),
        })
    }

    /// The model of one's own with this name, and its file.
    pub(crate) fn own_model(&self, name: &str) -> Result<Option<(OwnModel, PathBuf)>> {
        if !crate::own::is_name(name) {
            return Ok(None);
        }
        let dir = self.own_dir().join(name);
        if !dir.is_dir() {
            return Ok(None);
        }
        read_own(&dir, name).map(Some)
    }

    /// All models of one's own, by name: what each is and its file, or why that cannot be told. One that is damaged
    /// does not hide the others.
    ///
    /// # Errors
    /// An error of the file system.
    #[expect(
        clippy::type_complexity,
        reason = "a list of names with results says what it is"
    )]
    pub fn own_models(&self) -> Result<Vec<(String, Result<(OwnModel, PathBuf)>)>> {
        let dir = self.own_dir();
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ModelsError::io("read", &dir, error)),
        };
        let mut names: Vec<_> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| crate::own::is_name(name))
            .collect();
        names.sort();
        let read = |name: String| {
            let model = read_own(&dir.join(&name), &name);
            (name, model)
        };
        Ok(names.into_iter().map(read).collect())
    }

    fn unknown(&self, name: &str, role: Role) -> ModelsError {
        let own = self.own_models().unwrap_or_default();
        let files = self.catalogue().files.iter();
        ModelsError::UnknownModel {
            what: if role == Role::Detector {
                "detector"
            } else {
                "embedder"
            },
            name: name.to_owned(),
            known: files
                .filter(|file| file.role == role)
                .map(|file| file.id.clone())
                .chain(
                    own.into_iter()
                        .filter_map(|(_, model)| model.ok())
                        .filter(|(model, _)| model.can_be(role))
                        .map(|(model, _)| model.name),
                )
                .chain(if role == Role::Detector {
                    self.cascade_names()
                } else {
                    Vec::new()
                })
                .collect(),
        }
    }
}

fn read_own(dir: &Path, name: &str) -> Result<(OwnModel, PathBuf)> {
    let description = dir.join(format!("{name}.toml"));
    let text =
        fs::read_to_string(&description).map_err(|e| ModelsError::io("read", &description, e))?;
    let model = OwnModel::parse(&text, &description)?;
    let file = format!("{name}.{}", model.file_ending());
    Ok((model, dir.join(file)))
}

fn shipped(
    origin: CalibrationOrigin,
    calibration: Option<Calibration>,
) -> Option<ActiveCalibration> {
    calibration.map(|table| ActiveCalibration::shipped(origin, table))
}

pub(crate) fn model_id(name: &str, digest: Digest) -> ModelId {
    ModelId::new(format!("{name}@{}", digest.short()))
}
