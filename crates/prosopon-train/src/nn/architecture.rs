//! Networks as text: TOML with a list of layers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::activation::Activation;
use super::layer::Layer;
use super::layer_spec::{LayerSpec, MAX_SIDE, MAX_UNITS};
use super::plan::Plan;
use super::shape::Shape;
use super::summary::Summary;

/// Most layers.
const MAX_LAYERS: usize = 256;
/// Most parameters: 256 MB of them, and a trainer keeps several copies.
const MAX_PARAMETERS: usize = 64 << 20;
/// Most values between all layers for one sample, 64 MB; training keeps them twice for each of some samples.
const MAX_VALUES: usize = 16 << 20;
/// Most classes.
pub const MAX_CLASSES: usize = 65_536;

const HOBBIT: &str = include_str!("architectures/hobbit.toml");
const FER: &str = include_str!("architectures/fer.toml");
const EMBEDDER: &str = include_str!("architectures/embedder.toml");

/// A network's layers, before it is known how many classes there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// What it is called.
    pub name: String,
    /// What it looks at.
    pub input: InputShape,
    /// What values of the input are multiplied by; levels of 0 to 255 become 0 to 1 if nothing is said.
    #[serde(default = "default_scale")]
    pub scale: f32,
    /// The layers, first to last.
    pub layers: Vec<LayerSpec>,
}

fn default_scale() -> f32 {
    1.0 / 255.0
}

/// The input of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputShape {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 3 for R, G, B; 1 for grey.
    pub channels: usize,
}

/// Why an architecture cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchitectureError {
    /// The text is not TOML, or the outer fields are wrong.
    #[error("architecture is not understood: {0}")]
    Text(String),
    /// A layer's fields are wrong, or it does not fit the one before.
    #[error("layer {number} ({kind}): {reason}")]
    Layer {
        /// Counted from 1.
        number: usize,
        /// Its kind, as in the text.
        kind: String,
        /// What is wrong.
        reason: String,
    },
    /// The network as a whole is too large, or has no use.
    #[error("architecture `{name}`: {reason}")]
    Whole {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// No built-in architecture has this name.
    #[error("no built-in architecture is called `{name}`; there are {} and embedder", BUILT_IN.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
    },
}

/// Names of the architectures of classifiers that come with the program; `embedder`, which is none, comes too.
pub const BUILT_IN: [&str; 2] = ["hobbit", "fer"];

impl Architecture {
    /// Reads TOML and checks that the layers fit each other.
    ///
    /// # Errors
    /// [`ArchitectureError`] with the number of the layer that is wrong.
    pub fn parse(text: &str) -> Result<Self, ArchitectureError> {
        let broken = |error: toml::de::Error| ArchitectureError::Text(error.to_string());
        let mut table: toml::Table = text.parse().map_err(broken)?;
        // Layers one by one, so that an error can say which.
        let layers = match table.remove("layers") {
            Some(toml::Value::Array(layers)) => layers,
            Some(_) => return Err(text_error("`layers` must be a list: [[layers]]")),
            None => return Err(text_error("there are no [[layers]]")),
        };
        if layers.len() > MAX_LAYERS {
            let found = layers.len();
            return Err(text_error(&format!(
                "{found} layers; at most {MAX_LAYERS} are allowed"
            )));
        }
        table.insert("layers".to_owned(), toml::Value::Array(Vec::new()));
        let mut architecture: Self = table.try_into().map_err(broken)?;
        for (i, layer) in layers.into_iter().enumerate() {
            let kind = layer.get("kind").and_then(toml::Value::as_str);
            let kind = kind.unwrap_or("no kind").to_owned();
            let spec = LayerSpec::deserialize(layer).map_err(|error| {
                let reason = error.message().trim().to_owned();
                ArchitectureError::Layer {
                    number: i + 1,
                    kind,
                    reason,
                }
            })?;
            architecture.layers.push(spec);
        }
        architecture.build(2)?;
        Ok(architecture)
    }

    /// An architecture that comes with the program: [`BUILT_IN`].
    ///
    /// # Errors
    /// [`ArchitectureError::Unknown`], with the names that there are.
    pub fn built_in(name: &str) -> Result<Self, ArchitectureError> {
        let text = match name {
            "hobbit" => HOBBIT,
            "fer" => FER,
            "embedder" => EMBEDDER,
            _ => {
                return Err(ArchitectureError::Unknown {
                    name: name.to_owned(),
                });
            }
        };
        Self::parse(text)
    }

    /// The text that [`Self::parse`] reads.
    pub fn to_toml(&self) -> String {
        // A struct of numbers and names cannot fail to be written.
        toml::to_string(self).unwrap_or_default()
    }

    /// Layers, shapes and numbers of parameters for `n_classes` classes.
    ///
    /// # Errors
    /// [`ArchitectureError`] if the network does not fit together.
    pub fn summary(&self, n_classes: usize) -> Result<Summary, ArchitectureError> {
        Summary::new(self, n_classes)
    }

    /// Whether it ends in softmax or sigmoid, and thus says classes, rather than in an embedding.
    pub fn is_classifier(&self) -> bool {
        matches!(
            self.last_activation(),
            Some(Activation::Softmax | Activation::Sigmoid)
        )
    }

    /// What is applied last.
    pub fn last_activation(&self) -> Option<Activation> {
        match self.layers.last()? {
            LayerSpec::Softmax => Some(Activation::Softmax),
            LayerSpec::Sigmoid => Some(Activation::Sigmoid),
            LayerSpec::Relu => Some(Activation::Relu),
            LayerSpec::Conv2d { activation, .. } | LayerSpec::Dense { activation, .. } => {
                *activation
            }
            _ => None,
        }
    }

    /// The layers, checked; a classifier says something of each class.
    pub(crate) fn plan(&self, n_classes: usize) -> Result<Plan, ArchitectureError> {
        let plan = self.build(n_classes)?;
        let n_outputs = plan.n_outputs();
        // One sigmoid tells two classes apart.
        let is_binary =
            self.last_activation() == Some(Activation::Sigmoid) && (n_outputs, n_classes) == (1, 2);
        if self.is_classifier() && n_outputs != n_classes && !is_binary {
            return Err(ArchitectureError::Whole {
                name: self.name.clone(),
                reason: format!(
                    "the last layer has {n_outputs} outputs for {n_classes} classes: write `units = \"classes\"`"
                ),
            });
        }
        Ok(plan)
    }

    /// The layers, each checked against the one before.
    pub(crate) fn build(&self, n_classes: usize) -> Result<Plan, ArchitectureError> {
        let whole = |reason: String| ArchitectureError::Whole {
            name: self.name.clone(),
            reason,
        };
        let InputShape {
            width,
            height,
            channels,
        } = self.input;
        if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
            return Err(whole(format!(
                "input of {width} × {height}; sides of 1 to {MAX_SIDE} are allowed"
            )));
        }
        if !(1..=MAX_UNITS).contains(&channels) {
            return Err(whole(format!("input of {channels} channels")));
        }
        if !self.scale.is_finite() || self.scale == 0.0 {
            return Err(whole(format!("scale is {}", self.scale)));
        }
        if !(2..=MAX_CLASSES).contains(&n_classes) {
            return Err(whole(format!(
                "{n_classes} classes; 2 to {MAX_CLASSES} are allowed"
            )));
        }
        if self.layers.is_empty() || self.layers.len() > MAX_LAYERS {
            return Err(whole(format!(
                "{} layers; 1 to {MAX_LAYERS} are allowed",
                self.layers.len()
            )));
        }
        // A vector comes as one: 1 × 1.
        let mut shape = Shape::picture(height, width, channels);
        shape.is_flat = height == 1 && width == 1;
        let mut layers: Vec<Box<dyn Layer>> = Vec::new();
        let mut ends = Vec::with_capacity(self.layers.len());
        let (mut n_parameters, mut n_values) = (0_usize, shape.size());
        for (i, spec) in self.layers.iter().enumerate() {
            let new = spec.build(shape, n_classes).map_err(|reason| {
                let (number, kind) = (i + 1, spec.kind().to_owned());
                ArchitectureError::Layer {
                    number,
                    kind,
                    reason,
                }
            })?;
            for layer in new {
                shape = layer.output();
                n_parameters = n_parameters.saturating_add(layer.n_parameters());
                n_values = n_values
                    .saturating_add(shape.size())
                    .saturating_add(layer.scratch());
                layers.push(layer);
            }
            if n_parameters > MAX_PARAMETERS || n_values > MAX_VALUES {
                let (number, kind) = (i + 1, spec.kind().to_owned());
                let reason = format!(
                    "the network gets too large here: {n_parameters} parameters and {n_values} values for one sample; {MAX_PARAMETERS} and {MAX_VALUES} are allowed"
                );
                return Err(ArchitectureError::Layer {
                    number,
                    kind,
                    reason,
                });
            }
            ends.push(layers.len());
        }
        if !shape.is_flat {
            return Err(whole(format!(
                "the last layer gives {shape}, not a vector: put `flatten` and `dense` at the end"
            )));
        }
        let input = Shape::picture(height, width, channels);
        Ok(Plan::new(input, layers, ends))
    }
}

fn text_error(reason: &str) -> ArchitectureError {
    ArchitectureError::Text(reason.to_owned())
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_toml())
    }
}
