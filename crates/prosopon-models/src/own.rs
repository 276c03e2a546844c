//! The description of a network of one's own: a small TOML beside the ONNX file.

use std::ops::RangeInclusive;
use std::path::Path;

use prosopon::compare::Calibration;
use prosopon::geometry::Point;
use prosopon::model::{
    ChannelOrder, DetectorFamily, DetectorSpec, EmbedderSpec, Layout, Normalization,
};
use serde::Deserialize;

use crate::catalogue::Role;
use crate::digest::Digest;
use crate::error::{ModelsError, Result};

/// A complete description, to start from.
pub const EXAMPLE: &str = r#"role = "embedder"          # or "detector"
name = "my-arcface"
crop_size = 112            # a detector has: family = "scrfd" or "ultraface", width, height
channel_order = "rgb"      # or "bgr"
mean = 127.5               # input = (byte - mean) * scale; one number, or three
scale = 0.00784313725
layout = "nchw"            # or "nhwc"
licence = "MIT"            # optional, like layout
# reference_points = [[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]]
"#;

/// Sides of crops and inputs that are taken for sensible, in pixels.
const CROP_SIZES: RangeInclusive<u32> = 16..=1024;
const INPUT_SIZES: RangeInclusive<u32> = 32..=8192;

/// A network of one's own: what it does, and how to run it.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnModel {
    /// The name to use on the command line.
    pub name: String,
    /// How to run it.
    pub spec: OwnSpec,
    /// The licence, as its owner states it.
    pub licence: Option<String>,
    /// Thresholds by false match rate, of an embedder, if they were measured.
    pub calibration: Option<Calibration>,
    /// SHA-256 of the ONNX file; written when the model is added.
    pub sha256: Option<Digest>,
}

/// How to run a network of one's own.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnSpec {
    /// It finds faces.
    Detector(DetectorSpec),
    /// It turns an aligned face into a vector.
    Embedder(EmbedderSpec),
    /// It is a Haar cascade, which needs no description.
    Cascade,
}

impl OwnModel {
    /// Detector, embedder or cascade.
    pub fn role(&self) -> Role {
        match self.spec {
            OwnSpec::Detector(_) => Role::Detector,
            OwnSpec::Embedder(_) => Role::Embedder,
            OwnSpec::Cascade => Role::Cascade,
        }
    }

    /// Whether it can be used where a model of this role is named: a cascade is a detector too.
    pub(crate) fn can_be(&self, role: Role) -> bool {
        self.role() == role || (role == Role::Detector && self.role() == Role::Cascade)
    }

    /// The ending of its file.
    pub(crate) fn file_ending(&self) -> &'static str {
        match self.spec {
            OwnSpec::Cascade => "xml",
            OwnSpec::Detector(_) | OwnSpec::Embedder(_) => "onnx",
        }
    }

    /// Reads a description; `path` is for messages only.
    ///
    /// # Errors
    /// [`ModelsError::DescriptionSyntax`] for bad TOML, an unknown field or a value of the wrong
    /// type, [`ModelsError::DescriptionField`] for a field that is missing or out of range.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        let fields: Fields = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(text.len()));
            ModelsError::DescriptionSyntax {
                path: path.to_owned(),
                line: text.get(..start).unwrap_or(text).matches('\n').count() + 1,
                message: error.message().replace('\n', " "),
            }
        })?;
        fields.check(path)
    }
}

/// The file as it is written; every field is optional here, so that a missing one gets a message
/// that says what belongs there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    role: Option<OwnRole>,
    name: Option<String>,
    family: Option<DetectorFamily>,
    width: Option<u32>,
    height: Option<u32>,
    crop_size: Option<u32>,
    channel_order: Option<ChannelOrder>,
    mean: Option<PerChannel>,
    scale: Option<PerChannel>,
    #[serde(default)]
    layout: Layout,
    reference_points: Option<[Point; 5]>,
    licence: Option<String>,
    calibration: Option<Calibration>,
    sha256: Option<Digest>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OwnRole {
    Detector,
    Embedder,
    Cascade,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "expected one number, or three in brackets")]
enum PerChannel {
    All(f32),
    Each([f32; 3]),
}

impl PerChannel {
    fn values(self) -> [f32; 3] {
        match self {
            Self::All(value) => [value; 3],
            Self::Each(values) => values,
        }
    }
}

/// Makes the errors of one description.
#[derive(Clone, Copy)]
struct Checker<'a>(&'a Path);

impl Checker<'_> {
    fn error(
        self,
        field: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> ModelsError {
        ModelsError::DescriptionField {
            path: self.0.to_owned(),
            field,
            expected: expected.into(),
            found: found.into(),
        }
    }

    fn required<T>(self, field: &'static str, expected: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| self.error(field, expected, "nothing"))
    }

    fn absent<T>(self, field: &'static str, role: &str, value: Option<&T>) -> Result<()> {
        match value {
            Some(_) => Err(self.error(field, format!("no such field for a {role}"), "one")),
            None => Ok(()),
        }
    }

    fn in_range(
        self,
        field: &'static str,
        range: RangeInclusive<u32>,
        value: Option<u32>,
    ) -> Result<u32> {
        let expected = format!("{} to {} pixels", range.start(), range.end());
        let value = self.required(field, &expected, value)?;
        if range.contains(&value) {
            return Ok(value);
        }
        Err(self.error(field, expected, value.to_string()))
    }

    fn channels(
        self,
        field: &'static str,
        expected: &str,
        value: Option<PerChannel>,
        good: impl Fn(f32) -> bool,
    ) -> Result<[f32; 3]> {
        let values = self.required(field, expected, value)?.values();
        match values.iter().find(|value| !good(**value)) {
            Some(value) => Err(self.error(field, expected, value.to_string())),
            None => Ok(values),
        }
    }
}

impl Fields {
    fn check(self, path: &Path) -> Result<OwnModel> {
        let checker = Checker(path);
        let role = checker.required(
            "role",
            "\"detector\", \"embedder\" or \"cascade\"",
            self.role,
        )?;
        let name_rule = "1 to 64 of a-z, 0-9, `-`, `_` and `.`, beginning with a letter or digit";
        let name = checker.required("name", name_rule, self.name.clone())?;
        if !is_name(&name) {
            return Err(checker.error("name", name_rule, format!("`{name}`")));
        }
        let spec = match role {
            OwnRole::Detector => {
                OwnSpec::Detector(self.detector(checker, self.normalization(checker)?)?)
            }
            OwnRole::Embedder => {
                OwnSpec::Embedder(self.embedder(checker, self.normalization(checker)?)?)
            }
            OwnRole::Cascade => OwnSpec::Cascade,
        };
        if let Some(calibration) = &self.calibration {
            check_calibration(calibration, checker)?;
        }
        Ok(OwnModel {
            name,
            spec,
            licence: self.licence,
            calibration: self.calibration,
            sha256: self.sha256,
        })
    }

    fn normalization(&self, checker: Checker<'_>) -> Result<Normalization> {
        let mean = "a byte value, or three, from -255 to 255";
        let scale = "a factor, or three, not 0 and from -255 to 255";
        Ok(Normalization {
            channel_order: checker.required(
                "channel_order",
                "\"rgb\" or \"bgr\"",
                self.channel_order,
            )?,
            mean: checker.channels("mean", mean, self.mean, |v| v.abs() <= 255.0)?,
            scale: checker
                .channels("scale", scale, self.scale, |v| v.abs() <= 255.0 && v != 0.0)?,
            layout: self.layout,
        })
    }

    fn detector(&self, checker: Checker<'_>, normalization: Normalization) -> Result<DetectorSpec> {
        checker.absent("crop_size", "detector", self.crop_size.as_ref())?;
        checker.absent(
            "reference_points",
            "detector",
            self.reference_points.as_ref(),
        )?;
        checker.absent("calibration", "detector", self.calibration.as_ref())?;
        let family = checker.required("family", "\"scrfd\" or \"ultraface\"", self.family)?;
        let side = |field, value| {
            let value = checker.in_range(field, INPUT_SIZES, value)?;
            // SCRFD's coarsest map has one cell for 32 pixels.
            if family == DetectorFamily::Scrfd && value % 32 != 0 {
                return Err(checker.error(field, "a multiple of 32", value.to_string()));
            }
            Ok(value)
        };
        Ok(DetectorSpec {
            family,
            width: side("width", self.width)?,
            height: side("height", self.height)?,
            normalization,
        })
    }

    fn embedder(&self, checker: Checker<'_>, normalization: Normalization) -> Result<EmbedderSpec> {
        checker.absent("family", "embedder", self.family.as_ref())?;
        checker.absent("width", "embedder", self.width.as_ref())?;
        checker.absent("height", "embedder", self.height.as_ref())?;
        let crop_size = checker.in_range("crop_size", CROP_SIZES, self.crop_size)?;
        if let Some(points) = &self.reference_points {
            check_points(points, crop_size, checker)?;
        }
        Ok(EmbedderSpec {
            crop_size,
            normalization,
            reference_points: self.reference_points,
        })
    }
}

/// Whether `name` can be a name on the command line and a directory on every system.
pub(crate) fn is_name(name: &str) -> bool {
    let first = name.as_bytes().first();
    first.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b))
}

fn check_points(points: &[Point; 5], crop_size: u32, checker: Checker<'_>) -> Result<()> {
    let side = crop_size as f32;
    let inside = |point: &Point| (0.0..=side).contains(&point.x) && (0.0..=side).contains(&point.y);
    if let Some(point) = points.iter().find(|point| !inside(point)) {
        return Err(checker.error(
            "reference_points",
            format!("points inside the crop of {crop_size} x {crop_size}"),
            format!("[{}, {}]", point.x, point.y),
        ));
    }
    // Eyes left of each other the right way round, and above the mouth: a swapped order would align
    // faces upside down without any other sign.
    let [left_eye, right_eye, _, mouth_left, mouth_right] = points;
    let upright = left_eye.x < right_eye.x
        && mouth_left.x < mouth_right.x
        && left_eye.y < mouth_left.y
        && right_eye.y < mouth_right.y;
    if upright {
        return Ok(());
    }
    Err(checker.error(
        "reference_points",
        "left eye, right eye, nose, mouth left, mouth right of an upright face, as seen",
        "another order",
    ))
}

fn check_calibration(calibration: &Calibration, checker: Checker<'_>) -> Result<()> {
    let points = &calibration.points;
    let falling = points
        .windows(2)
        .all(|pair| pair[0].fmr > pair[1].fmr && pair[0].similarity <= pair[1].similarity);
    let valid = points
        .iter()
        .all(|point| point.fmr > 0.0 && point.fmr <= 1.0 && point.similarity.abs() <= 1.0);
    if falling && valid && !points.is_empty() && calibration.comparisons > 0 {
        return Ok(());
    }
    Err(checker.error(
            "calibration",
            "comparisons above 0, and points with fmr falling in (0, 1] and similarity rising in [-1, 1]",
            "others",
    ))
}

#[cfg(test)]
mod tests;
