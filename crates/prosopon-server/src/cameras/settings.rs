//! What a camera is set to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::target::Target;
use crate::error::{ApiError, ApiResult};

/// Longest name, in characters.
const MAX_NAME: usize = 64;

/// Longest cooldown, in seconds: a day.
const MAX_COOLDOWN_SECS: u64 = 86_400;

/// Largest step between frames that are searched.
const MAX_EVERY: usize = 100;

/// What is done with a camera's pictures; the address is kept apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct CameraSettings {
    /// The gallery that people are looked for in.
    pub(crate) gallery: String,
    /// False match rate of decisions; null for the gallery's.
    pub(crate) fmr: Option<f64>,
    /// Faces are searched on each n-th frame, and followed in between.
    pub(crate) every: usize,
    /// Seconds in which the same person is not told about again.
    pub(crate) cooldown_secs: u64,
    /// Attributes to estimate and tell with events.
    pub(crate) attributes: Vec<String>,
    /// Whether only live faces are recognised.
    pub(crate) require_live: bool,
    /// Whether the camera runs.
    pub(crate) enabled: bool,
}

impl Default for CameraSettings {
    fn default() -> Self {
        let options = prosopon_video::WatchOptions::default();
        Self {
            gallery: crate::galleries::DEFAULT.to_owned(),
            fmr: None,
            every: options.every,
            cooldown_secs: options.cooldown.as_secs(),
            attributes: Vec::new(),
            require_live: false,
            enabled: true,
        }
    }
}

impl CameraSettings {
    /// Checks what has limits.
    ///
    /// # Errors
    /// `invalid_parameter`.
    pub(crate) fn check(&self) -> ApiResult<()> {
        let outside = |name: &str, range: String, found: String| {
            let message = format!("expected a number {range} as `{name}`, found {found}");
            Err(ApiError::new("invalid_parameter", message))
        };
        if let Some(fmr) = self.fmr.filter(|fmr| !(1e-12..=1.0).contains(fmr)) {
            return outside("fmr", "from 1e-12 to 1".to_owned(), fmr.to_string());
        }
        if !(1..=MAX_EVERY).contains(&self.every) {
            return outside(
                "every",
                format!("from 1 to {MAX_EVERY}"),
                self.every.to_string(),
            );
        }
        if self.cooldown_secs > MAX_COOLDOWN_SECS {
            let range = format!("from 0 to {MAX_COOLDOWN_SECS}");
            return outside("cooldown_secs", range, self.cooldown_secs.to_string());
        }
        for name in &self.attributes {
            if prosopon::AttributeKind::from_name(name).is_none() {
                let known: Vec<&str> = prosopon::AttributeKind::ALL
                    .iter()
                    .map(|kind| kind.name())
                    .collect();
                let message = format!(
                    "expected attributes out of {}, found `{name}`",
                    known.join(", ")
                );
                return Err(ApiError::new("invalid_parameter", message));
            }
        }
        Ok(())
    }
}

/// A camera: its name, where it is, and what is done with its pictures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Configured {
    pub(crate) id: i64,
    pub(crate) name: String,
    /// None if it cannot be decrypted any more.
    pub(crate) target: Option<Target>,
    pub(crate) settings: CameraSettings,
    pub(crate) created_millis: i64,
}

/// A name as people give it, without blanks around it.
///
/// # Errors
/// `invalid_name`.
pub(crate) fn checked_name(name: &str) -> ApiResult<String> {
    let name = name.trim();
    let n = name.chars().count();
    // Topics of MQTT are made of it, where these stand for something.
    let is_odd = |c: char| c.is_control() || "/+#".contains(c);
    if n == 0 || n > MAX_NAME || name.chars().any(is_odd) {
        let message = format!(
            "expected a camera's name of 1 to {MAX_NAME} characters without `/`, `+` and `#`, found {name:?}"
        );
        return Err(ApiError::new("invalid_name", message));
    }
    Ok(name.to_owned())
}
