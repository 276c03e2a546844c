//! Networks of 8-bit integers instead of floats: static quantisation, calibrated on pictures of the user's own.
//!
//! The integers come from ONNX Runtime's quantisation tool, which runs in a Python environment of its own below the data
//! directory and is installed only when somebody asks for it. What it makes is an ordinary ONNX file with
//! `QuantizeLinear` and `DequantizeLinear` nodes, which is added as a network of one's own: nothing uses it unless it is named.

mod inputs;
mod tool;

use std::fs;
use std::path::Path;

use prosopon::inference::InferenceError;
use prosopon::inference::onnx::{FreeAxes, free_input_shape};
use prosopon::model::{DetectorFamily, DetectorSpec, EmbedderSpec, Normalization};
use tempfile::TempDir;

use crate::add::Added;
use crate::error::{ModelsError, Result};
use crate::progress::Progress;
use crate::store::Store;

pub use inputs::CalibrationInputs;
pub use tool::Quantizer;

/// What is known about the network that is quantised, and stays true afterwards.
#[derive(Debug, Clone, PartialEq)]
pub enum QuantizedSpec {
    /// It finds faces.
    Detector(DetectorSpec),
    /// It turns an aligned face into a vector.
    Embedder(EmbedderSpec),
}

impl QuantizedSpec {
    /// Which values of a layer are still told apart.
    ///
    /// Embeddings of `fr-feature` point more nearly where they did with the 99.999th percentile than with the extremes (mean
    /// cosine 0.986 and 0.976 on 50 crops of LFW, calibrated on 128); of a detector's large maps the extremes are kept, since histograms
    /// of all of them would take gigabytes.
    fn method(&self) -> &'static str {
        match self {
            Self::Detector(_) => "minmax",
            Self::Embedder(_) => "percentile",
        }
    }

    fn free_axes(&self) -> Option<FreeAxes> {
        match self {
            Self::Embedder(_) => Some(FreeAxes::Batch),
            Self::Detector(spec) => match spec.family {
                DetectorFamily::Scrfd => Some(FreeAxes::BatchAndSize),
                // Its input has one size.
                DetectorFamily::UltraFace => None,
            },
        }
    }

    /// The description of the new network. It has no thresholds: those of the floats are not true of the integers.
    fn description(&self, name: &str, source: &str) -> String {
        let (role, fields, normalization) = match self {
            Self::Detector(spec) => {
                let family = match spec.family {
                    DetectorFamily::Scrfd => "scrfd",
                    DetectorFamily::UltraFace => "ultraface",
                };
                let fields = format!(
                    "family = \"{family}\"\nwidth = {}\nheight = {}\n",
                    spec.width, spec.height
                );
                ("detector", fields, &spec.normalization)
            }
            Self::Embedder(spec) => {
                let points = spec
                    .reference_points()
                    .map(|p| format!("[{}, {}]", p.x, p.y));
                let fields = format!(
                    "crop_size = {}\nreference_points = [{}]\n",
                    spec.crop_size,
                    points.join(", ")
                );
                ("embedder", fields, &spec.normalization)
            }
        };
        format!(
            "role = \"{role}\"\nname = \"{name}\"\n{fields}{}licence = \"that of {source}, of which this is a copy in 8-bit integers\"\n",
            normalization_fields(normalization)
        )
    }
}

fn normalization_fields(normalization: &Normalization) -> String {
    use prosopon::model::{ChannelOrder, Layout};
    let order = match normalization.channel_order {
        ChannelOrder::Rgb => "rgb",
        ChannelOrder::Bgr => "bgr",
    };
    let layout = match normalization.layout {
        Layout::Nchw => "nchw",
        Layout::Nhwc => "nhwc",
    };
    format!(
        "channel_order = \"{order}\"\nmean = {:?}\nscale = {:?}\nlayout = \"{layout}\"\n",
        normalization.mean, normalization.scale
    )
}

/// A network of integers that is not installed yet.
pub struct Quantized {
    /// The ONNX file.
    pub onnx: Vec<u8>,
    name: String,
    description: String,
}

impl Quantizer {
    /// Makes a network of integers named `name` out of `onnx`, the file of `source`, whose layers take the values that they
    /// have for `inputs`.
    ///
    /// # Errors
    /// [`ModelsError::Quantizer`] if the tool fails, or `onnx` cannot be read; errors of the file system.
    pub fn quantize(
        &self,
        onnx: &[u8],
        spec: &QuantizedSpec,
        (source, name): (&str, &str),
        inputs: &CalibrationInputs,
    ) -> Result<Quantized> {
        let folder = scratch()?;
        let [from, to] = ["floats.onnx", "integers.onnx"].map(|file| folder.path().join(file));
        let freed = match spec.free_axes() {
            Some(axes) => free_input_shape(onnx, axes).map_err(|e| unreadable(&e))?,
            None => onnx.to_vec(),
        };
        fs::write(&from, freed).map_err(|e| ModelsError::io("write", &from, e))?;
        self.run(&from, inputs.folder(), spec.method(), &to)?;
        Ok(Quantized {
            onnx: fs::read(&to).map_err(|e| ModelsError::io("read", &to, e))?,
            name: name.to_owned(),
            description: spec.description(name, source),
        })
    }
}

impl Quantized {
    /// Adds it to the networks of one's own.
    ///
    /// # Errors
    /// As [`Store::add`].
    pub fn add_to(&self, store: &Store, progress: &dyn Progress) -> Result<Vec<Added>> {
        let folder = scratch()?;
        let write = |path: &Path, bytes: &[u8]| {
            fs::write(path, bytes).map_err(|e| ModelsError::io("write", path, e))
        };
        let onnx = folder.path().join(format!("{}.onnx", self.name));
        write(&onnx, &self.onnx)?;
        let description = folder.path().join(format!("{}.toml", self.name));
        write(&description, self.description.as_bytes())?;
        store.add(&onnx, progress)
    }
}

fn unreadable(error: &InferenceError) -> ModelsError {
    ModelsError::Quantizer {
        step: "read the network",
        reason: error.to_string(),
    }
}

fn scratch() -> Result<TempDir> {
    tempfile::tempdir().map_err(|e| ModelsError::io("write", &std::env::temp_dir(), e))
}

#[cfg(test)]
mod tests {
    use prosopon::model::{ChannelOrder, Layout};

    use super::*;
    use crate::own::{OwnModel, OwnSpec};

    #[test]
    fn descriptions_are_read_back_as_they_were() {
        let normalization = Normalization {
            channel_order: ChannelOrder::Bgr,
            mean: [127.5, 1.0, -3.25],
            scale: [0.007_812_5, 1.0, 2.0],
            layout: Layout::Nhwc,
        };
        let embedder = EmbedderSpec {
            crop_size: 96,
            normalization,
            reference_points: None,
        };
        let text = QuantizedSpec::Embedder(embedder.clone()).description("small", "fr-feature");
        let read = OwnModel::parse(&text, Path::new("small.toml")).unwrap();
        let OwnSpec::Embedder(spec) = read.spec else {
            panic!("expected an embedder, found {:?}", read.spec);
        };
        assert_eq!(spec.normalization, normalization);
        assert_eq!(spec.reference_points(), embedder.reference_points());
        assert_eq!(read.calibration, None);

        let detector = DetectorSpec {
            family: DetectorFamily::Scrfd,
            width: 640,
            height: 480,
            normalization,
        };
        let text = QuantizedSpec::Detector(detector.clone()).description("quick", "scrfd");
        let read = OwnModel::parse(&text, Path::new("quick.toml")).unwrap();
        assert_eq!(read.spec, OwnSpec::Detector(detector));
        assert_eq!(read.name, "quick");
    }
}
