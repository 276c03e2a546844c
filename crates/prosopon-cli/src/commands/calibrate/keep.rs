//! Storing a table, so that it decides from now on.

use std::path::PathBuf;

use prosopon::{Calibration, ModelId, Rates, StoredCalibration};
use prosopon_gallery::{Gallery, GalleryError, StoreError};
use prosopon_models::Store;
use serde::Serialize;

use super::Target;
use crate::args::GalleryArgs;
use crate::commands::keys::now_millis;
use crate::failure::Failure;
use crate::progress::Downloads;
use crate::session;

/// A place for a table.
pub(super) enum Keeper {
    Gallery(Box<Gallery>, PathBuf),
    Model(Box<Store>),
}

/// Where a table was stored, and with which rates.
#[derive(Debug, Serialize)]
pub(super) struct Stored {
    /// `gallery` or `model`.
    #[serde(rename = "for")]
    target: &'static str,
    path: String,
    #[serde(flatten)]
    rates: Rates,
}

impl Keeper {
    /// Opens the place, and sees whether a table of `model` may be there.
    pub(super) fn open(
        target: Target,
        args: &GalleryArgs,
        model: &ModelId,
    ) -> Result<Self, Failure> {
        match target {
            Target::Gallery => {
                let gallery = session::open_gallery(args, false)?;
                if let Some(bound) = gallery.binding()?.filter(|bound| bound.model != *model) {
                    let mismatch = StoreError::ModelMismatch {
                        bound: bound.model,
                        given: model.clone(),
                    };
                    return Err(GalleryError::from(mismatch).into());
                }
                Ok(Self::Gallery(
                    Box::new(gallery),
                    session::gallery_path(args)?,
                ))
            }
            Target::Model => Ok(Self::Model(Box::new(Store::open()?))),
        }
    }

    /// Stores the table in place of an older one.
    pub(super) fn keep(
        self,
        model: &ModelId,
        calibration: &Calibration,
        rates: Rates,
    ) -> Result<Stored, Failure> {
        let stored = StoredCalibration {
            model: model.clone(),
            created_millis: now_millis(),
            rates,
            calibration: calibration.clone(),
        };
        let (target, path) = match self {
            Self::Gallery(gallery, path) => {
                gallery.set_calibration(Some(&stored))?;
                ("gallery", path)
            }
            Self::Model(store) => {
                let path = store.set_calibration(&stored, &Downloads::default())?;
                ("model", path)
            }
        };
        Ok(Stored {
            target,
            path: path.display().to_string(),
            rates,
        })
    }
}

impl Stored {
    /// `stored for the gallery; it decides from now on, by default at false match rate 1e-4: FILE`.
    pub(super) fn describe(&self) -> String {
        let rates = super::show::describe_rates(self.rates);
        format!(
            "stored for the {}, which decides by it from now on{rates}: {}",
            self.target, self.path
        )
    }
}
