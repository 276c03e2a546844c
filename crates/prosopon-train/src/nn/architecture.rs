//! Networks as text: TOML with a list of layers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::activation::{Activation, ActivationLayer};
use super::batch_norm::BatchNorm;
use super::conv::Conv2d;
use super::dense::Dense;
use super::frn::{Frn, Tlu};
use super::layer::Layer;
use super::lrn::Lrn;
use super::plan::Plan;
use super::pool::{Pool2d, Pooling};
use super::shape::Shape;
use super::simple::{Dropout, Flatten, L2Normalise};
use super::summary::Summary;
use super::window::{Padding, Windows};

/// Largest side of the input in pixels; likewise of windows and strides.
const MAX_SIDE: usize = 1024;
/// Most filters or units of a layer.
const MAX_UNITS: usize = 65_536;
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

/// One layer. Names and defaults are those of Keras where it has the layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LayerSpec {
    /// Convolution with square windows.
    Conv2d {
        /// Output channels.
        filters: usize,
        /// Side of a window.
        #[serde(default = "three")]
        kernel: usize,
        /// Pixels from one window to the next.
        #[serde(default = "one")]
        stride: usize,
        /// What happens at the border.
        #[serde(default)]
        padding: Padding,
        /// Whether a bias is added.
        #[serde(default = "yes")]
        bias: bool,
        /// What is applied to the output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activation: Option<Activation>,
    },
    /// The largest value of each window.
    MaxPool2d {
        /// Side of a window.
        #[serde(default = "two")]
        size: usize,
        /// Pixels from one window to the next; the side if nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
        /// What happens at the border.
        #[serde(default)]
        padding: Padding,
    },
    /// The mean of each window.
    AveragePool2d {
        /// Side of a window.
        #[serde(default = "two")]
        size: usize,
        /// Pixels from one window to the next; the side if nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stride: Option<usize>,
        /// What happens at the border.
        #[serde(default)]
        padding: Padding,
    },
    /// Picture to vector.
    Flatten,
    /// Every output from every input.
    Dense {
        /// Outputs: a number, or `"classes"`.
        units: Units,
        /// Whether a bias is added.
        #[serde(default = "yes")]
        bias: bool,
        /// What is applied to the output.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activation: Option<Activation>,
    },
    /// Drops values while training.
    Dropout {
        /// Share that is dropped.
        rate: f32,
    },
    /// `max(x, 0)`.
    Relu,
    /// `1 / (1 + e⁻ˣ)`.
    Sigmoid,
    /// Probabilities.
    Softmax,
    /// Batch normalisation.
    BatchNorm {
        /// How much of the running statistics stays at each step.
        #[serde(default = "batch_norm_momentum")]
        momentum: f32,
        /// Added to the variance.
        #[serde(default = "batch_norm_epsilon")]
        epsilon: f32,
    },
    /// Filter response normalisation.
    Frn {
        /// Added to the mean square; the paper's 1e-6 if nothing is said.
        #[serde(default = "frn_epsilon")]
        epsilon: f32,
    },
    /// Thresholded linear unit, which follows `frn`.
    Tlu,
    /// Local response normalisation, with the paper's numbers if nothing is said.
    Lrn {
        /// Channels in a sum; an odd number.
        #[serde(default = "lrn_size")]
        size: usize,
        /// k.
        #[serde(default = "lrn_bias")]
        bias: f32,
        /// α.
        #[serde(default = "lrn_alpha")]
        alpha: f32,
        /// β.
        #[serde(default = "lrn_beta")]
        beta: f32,
    },
    /// Each sample divided by its length: the end of an embedding network.
    L2Normalise,
}

/// Number of outputs of a dense layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Units {
    /// As many.
    Number(usize),
    /// One for each class.
    PerClass(Classes),
}

/// The word `"classes"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Classes {
    /// The word itself.
    Classes,
}

fn one() -> usize {
    1
}
fn two() -> usize {
    2
}
fn three() -> usize {
    3
}
fn yes() -> bool {
    true
}
fn batch_norm_momentum() -> f32 {
    0.99 // Keras 3, as the next.
}
fn batch_norm_epsilon() -> f32 {
    1e-3
}
fn frn_epsilon() -> f32 {
    1e-6
}
fn lrn_size() -> usize {
    5
}
fn lrn_bias() -> f32 {
    2.0
}
fn lrn_alpha() -> f32 {
    1e-4
}
fn lrn_beta() -> f32 {
    0.75
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

impl LayerSpec {
    /// The name in the text.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Conv2d { .. } => "conv2d",
            Self::MaxPool2d { .. } => "max_pool2d",
            Self::AveragePool2d { .. } => "average_pool2d",
            Self::Flatten => "flatten",
            Self::Dense { .. } => "dense",
            Self::Dropout { .. } => "dropout",
            Self::Relu => "relu",
            Self::Sigmoid => "sigmoid",
            Self::Softmax => "softmax",
            Self::BatchNorm { .. } => "batch_norm",
            Self::Frn { .. } => "frn",
            Self::Tlu => "tlu",
            Self::Lrn { .. } => "lrn",
            Self::L2Normalise => "l2_normalise",
        }
    }

    /// The layer for an input of `shape`, and the activation behind it if it names one.
    #[allow(clippy::too_many_lines, reason = "one arm for each kind of layer")]
    fn build(&self, shape: Shape, n_classes: usize) -> Result<Vec<Box<dyn Layer>>, String> {
        let layer: Box<dyn Layer> = match *self {
            Self::Conv2d {
                filters,
                kernel,
                stride,
                padding,
                bias,
                ..
            } => Box::new(Conv2d {
                windows: windows(shape, kernel, stride, padding)?,
                filters: within("filters", filters, MAX_UNITS)?,
                has_bias: bias,
            }),
            Self::MaxPool2d {
                size,
                stride,
                padding,
            } => Box::new(Pool2d {
                windows: windows(shape, size, stride.unwrap_or(size), padding)?,
                pooling: Pooling::Max,
            }),
            Self::AveragePool2d {
                size,
                stride,
                padding,
            } => Box::new(Pool2d {
                windows: windows(shape, size, stride.unwrap_or(size), padding)?,
                pooling: Pooling::Average,
            }),
            Self::Flatten => Box::new(Flatten { size: shape.size() }),
            Self::Dense { units, bias, .. } => {
                if !shape.is_flat {
                    return Err(format!(
                        "takes a vector and gets {shape}: put `flatten` before it"
                    ));
                }
                let units = match units {
                    Units::Number(units) => units,
                    Units::PerClass(_) => n_classes,
                };
                Box::new(Dense {
                    n_inputs: shape.size(),
                    units: within("units", units, MAX_UNITS)?,
                    has_bias: bias,
                })
            }
            Self::Dropout { rate } => {
                if !(0.0..1.0).contains(&rate) {
                    return Err(format!(
                        "`rate` is {rate}; at least 0 and below 1 is allowed"
                    ));
                }
                Box::new(Dropout { shape, rate })
            }
            Self::Relu => activation(shape, Activation::Relu),
            Self::Sigmoid => activation(shape, Activation::Sigmoid),
            Self::Softmax => activation(shape, Activation::Softmax),
            Self::BatchNorm { momentum, epsilon } => {
                if !(0.0..1.0).contains(&momentum) {
                    return Err(format!(
                        "`momentum` is {momentum}; at least 0 and below 1 is allowed"
                    ));
                }
                let epsilon = positive("epsilon", epsilon)?;
                Box::new(BatchNorm {
                    shape,
                    momentum,
                    epsilon,
                })
            }
            Self::Frn { epsilon } => Box::new(Frn {
                shape,
                epsilon: positive("epsilon", epsilon)?,
            }),
            Self::Tlu => Box::new(Tlu { shape }),
            Self::Lrn {
                size,
                bias,
                alpha,
                beta,
            } => {
                if size % 2 == 0 || size > MAX_UNITS {
                    return Err(format!("`size` is {size}; an odd number is allowed"));
                }
                if !alpha.is_finite() || alpha < 0.0 || !beta.is_finite() {
                    return Err(format!("`alpha` is {alpha} and `beta` is {beta}"));
                }
                let bias = positive("bias", bias)?;
                Box::new(Lrn {
                    shape,
                    size,
                    bias,
                    alpha,
                    beta,
                })
            }
            Self::L2Normalise => Box::new(L2Normalise { shape }),
        };
        let shape = layer.output();
        let mut layers = vec![layer];
        if let Self::Conv2d {
            activation: Some(of),
            ..
        }
        | Self::Dense {
            activation: Some(of),
            ..
        } = self
        {
            layers.push(activation(shape, *of));
        }
        Ok(layers)
    }
}

fn activation(shape: Shape, activation: Activation) -> Box<dyn Layer> {
    Box::new(ActivationLayer { shape, activation })
}

fn windows(shape: Shape, side: usize, stride: usize, padding: Padding) -> Result<Windows, String> {
    if shape.is_flat {
        return Err(format!("takes a picture and gets the vector {shape}"));
    }
    let side = within("side of the window", side, MAX_SIDE)?;
    let stride = within("stride", stride, MAX_SIDE)?;
    Windows::new(shape, side, stride, padding).ok_or_else(|| {
        let (height, width) = (shape.height, shape.width);
        format!(
            "a window of {side} × {side} does not fit into {height} × {width}: take a smaller one, a larger input or padding = \"same\""
        )
    })
}

fn within(what: &str, value: usize, most: usize) -> Result<usize, String> {
    if (1..=most).contains(&value) {
        Ok(value)
    } else {
        Err(format!("{what}: {value}; 1 to {most} is allowed"))
    }
}

fn positive(what: &str, value: f32) -> Result<f32, String> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(format!("`{what}` is {value}; it must be above 0"))
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_toml())
    }
}
