//! Layers as text, and the layers that it means.

use serde::{Deserialize, Serialize};

use super::activation::{Activation, ActivationLayer};
use super::batch_norm::BatchNorm;
use super::conv::Conv2d;
use super::dense::Dense;
use super::frn::{Frn, Tlu};
use super::layer::Layer;
use super::lrn::Lrn;
use super::pool::{Pool2d, Pooling};
use super::shape::Shape;
use super::simple::{Dropout, Flatten, L2Normalise};
use super::window::{Padding, Windows};

/// Largest side of the input in pixels; likewise of windows and strides.
pub(super) const MAX_SIDE: usize = 1024;
/// Most filters or units of a layer.
pub(super) const MAX_UNITS: usize = 65_536;

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
    pub(super) fn build(
        &self,
        shape: Shape,
        n_classes: usize,
    ) -> Result<Vec<Box<dyn Layer>>, String> {
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
