//! `calibrate show` and `calibrate clear`: whose table decides, and taking a stored one away.

use prosopon::{Calibration, CalibrationOrigin, Rates};
use prosopon_gallery::{Gallery, GalleryOptions};
use prosopon_models::Store;
use serde::Serialize;
use serde_json::json;

use super::{Target, report};
use crate::args::GalleryArgs;
use crate::commands::audit::utc;
use crate::failure::{Exit, Failure};
use crate::output::{Format, print_value};
use crate::session;

/// Show whose calibration decides, and what it says
#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Embedder; the default one without it
    #[arg(long, value_name = "NAME")]
    embedder: Option<String>,
}

/// Remove a stored calibration; the next in line decides again
#[derive(Debug, clap::Args)]
pub(super) struct ClearArgs {
    /// Whose
    #[arg(long = "for", value_enum, value_name = "WHAT")]
    target: Target,
    /// Embedder; the default one without it
    #[arg(long, value_name = "NAME")]
    embedder: Option<String>,
}

/// Tables, the one that decides first.
#[derive(Serialize)]
struct Tables {
    model: String,
    calibrations: Vec<Table>,
}

#[derive(Serialize)]
struct Table {
    origin: CalibrationOrigin,
    #[serde(flatten)]
    rates: Rates,
    /// When it was stored; null for one that comes with the model.
    created_millis: Option<i64>,
    lowest_supported_fmr: f64,
    calibration: Calibration,
}

impl ShowArgs {
    pub(super) fn run(&self, gallery: &GalleryArgs, format: Format) -> Result<Exit, Failure> {
        let of_model = Store::open()?.calibrations(self.embedder.as_deref())?;
        let path = session::gallery_path(gallery)?;
        // Without a default gallery there is none to ask; one that was named must be there.
        let of_gallery = if gallery.gallery.is_some() || path.exists() {
            prosopon_gallery::calibration_of(&path)?
        } else {
            None
        };
        let of_gallery = of_gallery.filter(|stored| stored.model == of_model.model);
        let stored = [
            (CalibrationOrigin::Gallery, of_gallery),
            (CalibrationOrigin::Own, of_model.own),
        ];
        let mut calibrations: Vec<Table> = stored
            .into_iter()
            .filter_map(|(origin, stored)| {
                let stored = stored?;
                let created = Some(stored.created_millis);
                Some(Table::new(
                    origin,
                    stored.calibration,
                    stored.rates,
                    created,
                ))
            })
            .collect();
        calibrations.extend(
            of_model.shipped.map(|shipped| {
                Table::new(shipped.origin, shipped.calibration, shipped.rates, None)
            }),
        );
        let tables = Tables {
            model: of_model.model.to_string(),
            calibrations,
        };
        print_value(format, &tables, || tables.describe())?;
        Ok(Exit::Success)
    }
}

impl Table {
    fn new(
        origin: CalibrationOrigin,
        calibration: Calibration,
        rates: Rates,
        created_millis: Option<i64>,
    ) -> Self {
        Self {
            origin,
            rates,
            created_millis,
            lowest_supported_fmr: calibration.lowest_supported_fmr(),
            calibration,
        }
    }

    /// `the gallery's own, of 2026-11-22: our people, 12345 comparisons`.
    fn title(&self) -> String {
        let whose = match self.origin {
            CalibrationOrigin::Gallery => "the gallery's own",
            CalibrationOrigin::Own => "your own for the model",
            CalibrationOrigin::Description => "the model's description",
            CalibrationOrigin::Catalogue => "the catalogue's",
        };
        let date = self.created_millis.map(|millis| {
            let time = utc(millis);
            format!(", of {}", time.split('T').next().unwrap_or(&time))
        });
        format!(
            "{whose}{}: {}, {} comparisons{}",
            date.unwrap_or_default(),
            self.calibration.source,
            self.calibration.comparisons,
            describe_rates(self.rates)
        )
    }
}

impl Tables {
    fn describe(&self) -> String {
        let Some((first, others)) = self.calibrations.split_first() else {
            return format!(
                "{}: no calibration; `--fmr` is refused until there is one",
                self.model
            );
        };
        let mut text = format!("{} decides by {}\n", self.model, first.title());
        text += &report::table(&first.calibration, None);
        for other in others {
            text += &format!("\npassed over: {}", other.title());
        }
        text
    }
}

/// `, by default at false match rate 1e-4, uncertain from 1e-2`; nothing without chosen rates.
pub(super) fn describe_rates(rates: Rates) -> String {
    let mut text = String::new();
    if let Some(fmr) = rates.fmr {
        text += &format!(", by default at false match rate {fmr:e}");
    }
    match rates.uncertain_fmr {
        Some(uncertain) if uncertain > 0.0 => text += &format!(", uncertain from {uncertain:e}"),
        Some(_) => text += ", never uncertain",
        None => {}
    }
    text
}

impl ClearArgs {
    pub(super) fn run(&self, gallery: &GalleryArgs, format: Format) -> Result<Exit, Failure> {
        let (target, cleared) = match self.target {
            Target::Gallery => {
                let path = session::gallery_path(gallery)?;
                let cleared = prosopon_gallery::calibration_of(&path)?.is_some();
                if cleared {
                    let options = GalleryOptions {
                        create: false,
                        ..GalleryOptions::default()
                    };
                    Gallery::open(&path, options)?.set_calibration(None)?;
                }
                ("gallery", cleared)
            }
            Target::Model => {
                let store = Store::open()?;
                let model = store.embedder_id(self.embedder.as_deref())?;
                ("model", store.clear_calibration(&model)?)
            }
        };
        let document = json!({ "for": target, "cleared": cleared });
        print_value(format, &document, || {
            if cleared {
                format!("removed the calibration of the {target}")
            } else {
                format!("the {target} has no calibration of its own")
            }
        })?;
        Ok(Exit::Success)
    }
}
