//! The installed networks, on every backend of this machine.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::{Path, PathBuf};

use prosopon::inference::{BackendChoice, InferenceOptions, Precision, Runtime};
use prosopon::model::{
    ChannelOrder, DetectorFamily, DetectorSpec, EmbedderSpec, Layout, Normalization,
};
use prosopon::{DecodeLimits, Detector, Image, ModelId, NetworkEmbedder, detect};

use crate::common::model_home;

/// The installed files.
pub(crate) struct Models {
    home: PathBuf,
}

impl Models {
    /// `None`, and a line that says so, without installed models.
    pub(crate) fn find() -> Option<Self> {
        Some(Self {
            home: model_home()?,
        })
    }

    pub(crate) fn scrfd(&self) -> Vec<u8> {
        self.read("models/scrfd/scrfd.onnx")
    }

    pub(crate) fn fr_feature(&self) -> Vec<u8> {
        self.read("models/fr-feature/fr_feature.onnx")
    }

    pub(crate) fn fr_detect(&self) -> Vec<u8> {
        self.read("models/fr-detect/fr_detect.onnx")
    }

    /// The photograph of 1927 with 29 people.
    pub(crate) fn solvay(&self) -> Image {
        open(&self.home.join("pictures/solvay_conference_1927.jpg"))
    }

    fn read(&self, relative: &str) -> Vec<u8> {
        let path = self.home.join(relative);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Options for `backend`; the libraries of `OpenVINO` are the installed ones.
    pub(crate) fn options(&self, backend: BackendChoice, precision: Precision) -> InferenceOptions {
        let runtimes = std::fs::read_dir(self.home.join("runtime"));
        let openvino_dir = runtimes
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("a readable folder").path())
            .find(|path| path.is_dir());
        InferenceOptions {
            backend,
            precision,
            openvino_dir,
            ..InferenceOptions::default()
        }
    }

    /// Every backend with every arithmetic that this machine has. rten is always first and serves
    /// as the reference.
    pub(crate) fn backends(&self) -> Vec<InferenceOptions> {
        let all = [
            self.options(BackendChoice::Rten, Precision::F32),
            self.options(BackendChoice::OpenVino, Precision::F32),
            self.options(BackendChoice::OpenVino, Precision::Bf16),
        ];
        all.into_iter()
            .filter(|options| match Runtime::open(options) {
                Ok(_) => true,
                // Only the libraries that are not installed may be left out.
                Err(error) if options.openvino_dir.is_some() && !is_bf16(options) => {
                    panic!("{error}")
                }
                Err(error) => {
                    eprintln!("left out: {error}");
                    false
                }
            })
            .collect()
    }

    /// The fastest backend in f32, which differs from the reference by rounding only.
    pub(crate) fn runtime(&self) -> Runtime {
        Runtime::open(&self.options(BackendChoice::Auto, Precision::F32)).expect("an engine")
    }

    pub(crate) fn load_scrfd(&self, runtime: &Runtime) -> Box<dyn Detector> {
        let spec = DetectorSpec {
            family: DetectorFamily::Scrfd,
            width: 640,
            height: 640,
            normalization: normalization(ChannelOrder::Rgb, 127.5),
        };
        detect::load(runtime, &self.scrfd(), &spec).expect("SCRFD")
    }

    pub(crate) fn load_fr_detect(&self, runtime: &Runtime) -> Box<dyn Detector> {
        let spec = DetectorSpec {
            family: DetectorFamily::UltraFace,
            width: 320,
            height: 240,
            normalization: normalization(ChannelOrder::Rgb, 127.0),
        };
        detect::load(runtime, &self.fr_detect(), &spec).expect("UltraFace")
    }

    pub(crate) fn load_fr_feature(&self, runtime: &Runtime) -> NetworkEmbedder {
        let spec = EmbedderSpec {
            crop_size: 112,
            normalization: normalization(ChannelOrder::Bgr, 127.0),
            reference_points: None,
        };
        let id = ModelId::new("fr-feature@87aacdfe");
        NetworkEmbedder::load(runtime, &self.fr_feature(), spec, id).expect("fr-feature")
    }
}

/// Whether `options` ask for bf16, which not every processor has.
pub(crate) fn is_bf16(options: &InferenceOptions) -> bool {
    options.precision == Precision::Bf16
}

/// The picture at `path`.
pub(crate) fn open(path: &Path) -> Image {
    Image::open(path, &DecodeLimits::default())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn normalization(channel_order: ChannelOrder, mean: f32) -> Normalization {
    Normalization {
        channel_order,
        mean: [mean; 3],
        scale: [1.0 / 128.0; 3],
        layout: Layout::Nchw,
    }
}

/// Cosine of the angle between two vectors.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y));
        products.sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The largest difference between two values at the same place.
pub(crate) fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let differences = a.iter().zip(b).map(|(x, y)| (x - y).abs());
    differences.fold(0.0, f32::max)
}
