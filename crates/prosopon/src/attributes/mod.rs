//! What else can be said of a face: where its points are, which way it looks, whether its eyes are open, whether it
//! lives; and, only where it was asked for by name, expression, age and gender.
//!
//! Each kind is a file of its own with the facts about its network. [`AttributeNetworks`] runs those that were opened
//! on all faces of a picture.

mod age;
mod crop;
mod expression;
mod eyes;
mod gender;
mod landmarks;
mod liveness;
mod pose;
mod softmax;
mod ssr_net;

use serde::{Deserialize, Serialize};

use crate::detect::Detection;
use crate::geometry::Point;
use crate::image::{Image, ImageError};
use crate::inference::{InferenceError, Network, Output, Runtime};

pub use expression::{Expression, ExpressionLabel};
pub use eyes::Eyes;
pub use gender::{Gender, GenderLabel};
pub use pose::Pose;

/// Something that a network can say about a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttributeKind {
    /// One of seven facial expressions.
    Expression,
    /// Age in years.
    Age,
    /// What the network takes for a woman's or a man's face.
    Gender,
    /// Whether each eye is open.
    Eyes,
    /// Which way the head is turned.
    Pose,
    /// 68 points of the face.
    #[serde(rename = "landmarks")]
    Landmarks68,
    /// Whether the face lives or is a picture of one.
    Liveness,
}

impl AttributeKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Landmarks68,
        Self::Pose,
        Self::Eyes,
        Self::Liveness,
        Self::Age,
        Self::Gender,
        Self::Expression,
    ];

    /// As it is written in JSON and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expression => "expression",
            Self::Age => "age",
            Self::Gender => "gender",
            Self::Eyes => "eyes",
            Self::Pose => "pose",
            Self::Landmarks68 => "landmarks",
            Self::Liveness => "liveness",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the law restricts it in many places, so that it is never estimated unless it was asked for by name:
    /// expression, age and gender. `docs/attributes.md` says where.
    pub fn is_sensitive(self) -> bool {
        matches!(self, Self::Expression | Self::Age | Self::Gender)
    }
}

/// What the networks say of one face; none of what was not asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributes {
    /// Facial expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<Expression>,
    /// Age in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<f32>,
    /// Woman's or man's face, as the network takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gender: Option<Gender>,
    /// Whether the eyes are open; none without the detector's landmarks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eyes: Option<Eyes>,
    /// Which way the head is turned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pose: Option<Pose>,
    /// 68 points in pixels of the picture, in the order of iBUG 300-W: jaw 0 to 16, brows 17 to 26, nose 27 to 35, eyes
    /// 36 to 47, mouth 48 to 67, each from the left of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub landmarks: Option<Vec<Point>>,
    /// How much the face looks like a living one, in [0, 1]. Not reliable on a single picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<f32>,
}

/// The networks of some kinds, ready to run; shared by all threads.
#[derive(Default)]
pub struct AttributeNetworks {
    expression: Option<expression::ExpressionNetwork>,
    age: Option<age::AgeNetwork>,
    gender: Option<gender::GenderNetwork>,
    eyes: Option<eyes::EyeNetwork>,
    pose: Option<pose::PoseNetwork>,
    landmarks: Option<landmarks::LandmarkNetwork>,
    liveness: Option<liveness::LivenessNetwork>,
}

impl AttributeNetworks {
    /// Prepares the networks of `kinds`; `read` gives the bytes of the ONNX file of a kind.
    ///
    /// # Errors
    /// Those of `read`, and [`AttributeError::Inference`] if the runtime cannot load a network or it is of another kind.
    pub fn open<E: From<AttributeError>>(
        runtime: &Runtime,
        kinds: &[AttributeKind],
        read: impl Fn(AttributeKind) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let mut networks = Self::default();
        for &kind in kinds {
            let network = runtime.load(read(kind)?).map_err(AttributeError::from)?;
            match kind {
                AttributeKind::Expression => {
                    networks.expression = Some(expression::ExpressionNetwork(network));
                }
                AttributeKind::Age => networks.age = Some(age::AgeNetwork::new(network)?),
                AttributeKind::Gender => {
                    networks.gender = Some(gender::GenderNetwork::new(network)?);
                }
                AttributeKind::Eyes => networks.eyes = Some(eyes::EyeNetwork(network)),
                AttributeKind::Pose => networks.pose = Some(pose::PoseNetwork::new(network)?),
                AttributeKind::Landmarks68 => {
                    networks.landmarks = Some(landmarks::LandmarkNetwork(network));
                }
                AttributeKind::Liveness => {
                    networks.liveness = Some(liveness::LivenessNetwork(network));
                }
            }
        }
        Ok(networks)
    }

    /// The kinds that were opened.
    pub fn kinds(&self) -> Vec<AttributeKind> {
        let is_open = |kind: &AttributeKind| match kind {
            AttributeKind::Expression => self.expression.is_some(),
            AttributeKind::Age => self.age.is_some(),
            AttributeKind::Gender => self.gender.is_some(),
            AttributeKind::Eyes => self.eyes.is_some(),
            AttributeKind::Pose => self.pose.is_some(),
            AttributeKind::Landmarks68 => self.landmarks.is_some(),
            AttributeKind::Liveness => self.liveness.is_some(),
        };
        AttributeKind::ALL.into_iter().filter(is_open).collect()
    }

    /// Runs all opened networks on the faces at `detections`; output `i` belongs to detection `i`.
    ///
    /// # Errors
    /// [`AttributeError::Inference`] if a network fails.
    pub fn estimate(
        &self,
        image: &Image,
        detections: &[Detection],
    ) -> Result<Vec<Attributes>, AttributeError> {
        detections
            .iter()
            .map(|detection| self.estimate_one(image, detection))
            .collect()
    }

    fn estimate_one(
        &self,
        image: &Image,
        detection: &Detection,
    ) -> Result<Attributes, AttributeError> {
        let face = &detection.bounding_box;
        let mut found = Attributes::default();
        if let Some(network) = &self.landmarks {
            found.landmarks = Some(network.estimate(image, face)?);
        }
        if let Some(network) = &self.pose {
            found.pose = Some(network.estimate(image, face)?);
        }
        if let (Some(network), Some(points)) = (&self.eyes, &detection.landmarks) {
            found.eyes = Some(network.estimate(image, points)?);
        }
        if let Some(network) = &self.liveness {
            found.liveness = Some(network.estimate(image, face)?);
        }
        if let Some(network) = &self.age {
            found.age = Some(network.estimate(image, face)?);
        }
        if let Some(network) = &self.gender {
            found.gender = Some(network.estimate(image, face)?);
        }
        if let Some(network) = &self.expression {
            found.expression = Some(network.estimate(image, face)?);
        }
        Ok(found)
    }
}

/// Why nothing can be said of a face.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttributeError {
    /// The network failed, or is of another kind.
    #[error("could not estimate attributes: {0}")]
    Inference(#[from] InferenceError),
    /// The face could not be cut out.
    #[error("could not estimate attributes: {0}")]
    Image(#[from] ImageError),
}

/// The single output of `network`, which has to have `N` values.
fn run_one<const N: usize>(
    network: &dyn Network,
    shape: [usize; 4],
    expected: &'static str,
    fill: &mut dyn FnMut(&mut [f32]),
) -> Result<[f32; N], AttributeError> {
    let outputs = network.run(shape, fill)?;
    match &outputs[..] {
        [output] => values(output, expected),
        _ => Err(InferenceError::Outputs {
            expected,
            found: format!("{} outputs", outputs.len()),
        }
        .into()),
    }
}

/// The values of an output that has to have `N`.
fn values<const N: usize>(
    output: &Output,
    expected: &'static str,
) -> Result<[f32; N], AttributeError> {
    let found = || InferenceError::Outputs {
        expected,
        found: format!("an output of shape {:?}", output.shape),
    };
    Ok(<[f32; N]>::try_from(&output.values[..]).map_err(|_| found())?)
}

/// Places of the outputs of these names in what `network` gives.
fn places<const N: usize>(
    network: &dyn Network,
    names: [&str; N],
    expected: &'static str,
) -> Result<[usize; N], InferenceError> {
    let mut found = [0; N];
    for (place, name) in found.iter_mut().zip(names) {
        let position = network.outputs().iter().position(|output| output == name);
        *place = position.ok_or_else(|| InferenceError::Outputs {
            expected,
            found: network.outputs().join(", "),
        })?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_names_that_json_has() {
        for kind in AttributeKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(AttributeKind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(AttributeKind::from_name("mood"), None);
    }

    #[test]
    fn what_was_not_asked_for_is_left_out_of_json() {
        let attributes = Attributes {
            age: Some(31.0),
            ..Attributes::default()
        };
        let json = serde_json::to_string(&attributes).unwrap();
        assert_eq!(json, r#"{"age":31.0}"#);
        assert_eq!(
            serde_json::from_str::<Attributes>(&json).unwrap(),
            attributes
        );
    }

    #[test]
    fn without_networks_nothing_is_said() {
        let networks = AttributeNetworks::default();
        assert!(networks.kinds().is_empty());
        let detection = Detection {
            bounding_box: crate::BoundingBox::default(),
            landmarks: None,
            confidence: 1.0,
        };
        let found = networks.estimate(&Image::filled(2, 2, [0; 3]), &[detection]);
        assert_eq!(found.unwrap(), [Attributes::default()]);
    }
}
