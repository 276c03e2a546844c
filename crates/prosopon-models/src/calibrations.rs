//! Calibrations that the user measured for a model: one small file for each, beside the models.

use std::fs;
use std::path::PathBuf;

use prosopon::ModelId;
use prosopon::compare::{ActiveCalibration, CalibrationOrigin, StoredCalibration};

use crate::add::write_synced;
use crate::catalogue::Role;
use crate::error::{ModelsError, Result};
use crate::install::{Workspace, put};
use crate::progress::Progress;
use crate::resolve::model_id;
use crate::store::Store;

/// Largest file that is read, in bytes; a table has some hundred.
const LIMIT: u64 = 64 * 1024;

/// What is known of the error rates of an embedder.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCalibrations {
    /// The embedder.
    pub model: ModelId,
    /// What the user measured and stored.
    pub own: Option<StoredCalibration>,
    /// What comes with it, in the catalogue or in its description.
    pub shipped: Option<ActiveCalibration>,
}

impl ModelCalibrations {
    /// The one that decides: the user's own goes before the one that comes with the model.
    pub fn active(&self) -> Option<ActiveCalibration> {
        let own = self.own.clone();
        own.and_then(|own| ActiveCalibration::stored(CalibrationOrigin::Own, own, &self.model))
            .or_else(|| self.shipped.clone())
    }
}

impl Store {
    /// All calibrations of the embedder with this name, or of the default one; it need not be
    /// installed if it is the catalogue's.
    ///
    /// # Errors
    /// [`ModelsError::UnknownModel`], [`ModelsError::WrongRole`], errors of the description of a model
    /// of one's own, and those of [`Self::own_calibration`].
    pub fn calibrations(&self, embedder: Option<&str>) -> Result<ModelCalibrations> {
        let (model, shipped) = self.shipped_calibration(embedder)?;
        Ok(ModelCalibrations {
            own: self.own_calibration(&model)?,
            model,
            shipped,
        })
    }

    /// The id of the embedder with this name, or of the default one; it need not be installed if it is
    /// the catalogue's.
    ///
    /// # Errors
    /// [`ModelsError::UnknownModel`], [`ModelsError::WrongRole`], errors of the description of a model
    /// of one's own.
    pub fn embedder_id(&self, embedder: Option<&str>) -> Result<ModelId> {
        Ok(self.shipped_calibration(embedder)?.0)
    }

    fn shipped_calibration(
        &self,
        embedder: Option<&str>,
    ) -> Result<(ModelId, Option<ActiveCalibration>)> {
        let name = embedder.unwrap_or(&self.catalogue().defaults.embedder);
        match self.catalogue().file(name) {
            Some(file) if file.role == Role::Embedder => {
                let origin = CalibrationOrigin::Catalogue;
                let shipped = file.calibration.clone();
                let shipped = shipped.map(|table| ActiveCalibration::shipped(origin, table));
                Ok((model_id(name, file.sha256), shipped))
            }
            // Knows all that can be wrong with a name.
            _ => {
                let model = self.embedder_as_shipped(embedder)?;
                Ok((model.id, model.calibration))
            }
        }
    }

    /// What the user stored for `model`.
    ///
    /// # Errors
    /// [`ModelsError::Calibration`] if the file is not what was stored, errors of the file system.
    pub fn own_calibration(&self, model: &ModelId) -> Result<Option<StoredCalibration>> {
        let path = self.calibration_file(model)?;
        let unreadable = |e| ModelsError::io("read", &path, e);
        let unusable = |reason: String| ModelsError::Calibration {
            path: path.clone(),
            reason,
        };
        match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
            Ok(found) if found.len() > LIMIT => {
                return Err(unusable(format!("it has more than {LIMIT} bytes")));
            }
            Ok(_) => {}
        }
        let text = fs::read_to_string(&path).map_err(unreadable)?;
        let stored: StoredCalibration = toml::from_str(&text)
            .map_err(|error| unusable(error.message().trim().replace('\n', " ")))?;
        if stored.model != *model {
            let reason = format!("expected model `{model}`, found `{}`", stored.model);
            return Err(unusable(reason));
        }
        stored
            .check()
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Some(stored))
    }

    /// Stores a calibration, in place of an older one of the same model.
    ///
    /// # Errors
    /// [`ModelsError::Calibration`] if it makes no sense, errors of the file system; then the older one
    /// stays.
    pub fn set_calibration(
        &self,
        stored: &StoredCalibration,
        progress: &dyn Progress,
    ) -> Result<PathBuf> {
        let path = self.calibration_file(&stored.model)?;
        let unusable = |reason: String| ModelsError::Calibration {
            path: path.clone(),
            reason,
        };
        stored
            .check()
            .map_err(|error| unusable(error.to_string()))?;
        let text = toml::to_string(stored).map_err(|error| unusable(error.to_string()))?;
        let workspace = Workspace::open(self.home(), progress)?;
        let staged = workspace.staging().join("calibration");
        write_synced(&staged, &text)?;
        put(&staged, &path)?;
        Ok(path)
    }

    /// Removes what the user stored for `model`; `false` if there was nothing.
    ///
    /// # Errors
    /// An error of the file system.
    pub fn clear_calibration(&self, model: &ModelId) -> Result<bool> {
        let path = self.calibration_file(model)?;
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(ModelsError::io("remove", &path, error)),
        }
    }

    /// Where the calibration of `model` is, if there is one.
    fn calibration_file(&self, model: &ModelId) -> Result<PathBuf> {
        let folder = self.home().join("calibrations");
        // Ids of installed models always fit; others, which may come from a file, must be no paths.
        let is_file_name = |id: &str| {
            id.split_once('@').is_some_and(|(name, digits)| {
                crate::own::is_name(name) && digits.bytes().all(|b| b.is_ascii_hexdigit())
            })
        };
        if !is_file_name(model.as_str()) {
            return Err(ModelsError::Calibration {
                reason: format!("expected the id of a model, found `{model}`"),
                path: folder,
            });
        }
        Ok(folder.join(format!("{model}.toml")))
    }
}

#[cfg(test)]
mod tests {
    use prosopon::compare::{Calibration, CalibrationPoint, Rates};

    use super::*;
    use crate::Silent;
    use crate::testing::temp;

    fn stored(model: &ModelId) -> StoredCalibration {
        let point = |fmr, similarity| CalibrationPoint {
            false_matches: Some(12),
            fmr_interval: Some([fmr / 2.0, fmr * 2.0]),
            ..CalibrationPoint::new(fmr, similarity)
        };
        StoredCalibration {
            model: model.clone(),
            created_millis: 1_750_000_000_000,
            rates: Rates {
                fmr: Some(1e-4),
                uncertain_fmr: None,
            },
            calibration: Calibration {
                source: "our \"own\" people".to_owned(),
                comparisons: 123_456,
                points: vec![point(1e-2, 0.2442), point(1e-3, 0.3376)],
            },
        }
    }

    #[test]
    fn the_users_own_goes_before_the_catalogues() {
        let dir = temp();
        let store = Store::at(dir.path()).unwrap();
        let before = store.calibrations(None).unwrap();
        assert_eq!(before.own, None);
        let origin = |found: &ModelCalibrations| found.active().unwrap().origin;
        assert_eq!(origin(&before), CalibrationOrigin::Catalogue);

        let mine = stored(&before.model);
        let path = store.set_calibration(&mine, &Silent).unwrap();
        assert!(path.ends_with(format!("calibrations/{}.toml", before.model)));
        let after = store.calibrations(None).unwrap();
        assert_eq!(after.own, Some(mine.clone()));
        assert_eq!(origin(&after), CalibrationOrigin::Own);
        assert_eq!(after.active().unwrap().rates, mine.rates);
        assert_eq!(after.shipped, before.shipped);

        assert!(store.clear_calibration(&before.model).unwrap());
        assert!(!store.clear_calibration(&before.model).unwrap());
        assert_eq!(store.calibrations(None).unwrap(), before);
    }

    #[test]
    fn files_that_are_not_what_was_stored_are_errors() {
        let dir = temp();
        let store = Store::at(dir.path()).unwrap();
        let model = store.calibrations(None).unwrap().model;
        let path = store.set_calibration(&stored(&model), &Silent).unwrap();
        let good = fs::read_to_string(&path).unwrap();
        let changed = |from: &str, to: &str| {
            assert!(good.contains(from), "{good}");
            good.replacen(from, to, 1)
        };
        for (text, reason) in [
            (changed(model.as_str(), "other@00000000"), "expected model"),
            (changed("comparisons", "comparison"), "unknown field"),
            (changed("fmr = 0.01", "fmr = 0.0001"), "rates must fall"),
            (good[..good.len() / 2].to_owned(), ""),
            ("x".repeat(70_000), "more than"),
        ] {
            fs::write(&path, &text).unwrap();
            let error = store.own_calibration(&model).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            assert!(error.hint().unwrap().contains("calibrate clear"));
            assert_eq!(store.embedder_id(None).unwrap(), model);
        }
    }

    #[test]
    fn ids_are_no_paths() {
        let dir = temp();
        let store = Store::at(dir.path()).unwrap();
        for id in ["../x@00", "x", "x@../y", "", "x@zz"] {
            assert!(store.own_calibration(&ModelId::new(id)).is_err(), "{id}");
        }
    }
}
