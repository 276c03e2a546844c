//! A network as an ONNX file.

use super::graph::Attribute::{Float, Int, Ints};
use super::graph::{Graph, Value};
use crate::nn::Network;
use crate::nn::internals::{Activation, LayerSpec, Shape, Windows};

/// The ONNX file of a network.
///
/// `input` is `[batch, height, width, channels]`: levels of 0 to 255, as in [`Network::probabilities`], whose values
/// come out. `classes` are kept in the file's metadata, one a line. A network without softmax or sigmoid at
/// its end gives what its last layer gives.
pub fn network(network: &Network, classes: &[String]) -> Vec<u8> {
    let architecture = network.architecture();
    let (width, height, channels) = network.input();
    let mut shape = Shape::picture(height, width, channels);
    let mut export = Export {
        graph: Graph::default(),
        network,
        layer: 0,
    };
    let scale = export.graph.floats(&[], &[architecture.scale]);
    let scaled = export.node("Mul", &[&"input".to_owned(), &scale]);
    // Channels come first in ONNX, and last here.
    let mut value = if height * width == 1 {
        shape = Shape::flat(channels);
        export.reshaped(&scaled, &[0, -1])
    } else {
        export.transposed(&scaled, &[0, 3, 1, 2])
    };
    for spec in &architecture.layers {
        (value, shape) = export.layer(spec, &value, shape);
    }
    value = export.probabilities(value, shape);
    let n_outputs = if architecture.is_classifier() {
        network.n_classes()
    } else {
        shape.size()
    };
    export.graph.into_bytes(
        &architecture.name,
        ("input", &[height, width, channels]),
        ("probabilities", &[n_outputs]),
        &value,
        &[("classes", &classes.join("\n"))],
    )
}

struct Export<'n> {
    graph: Graph,
    network: &'n Network,
    /// Layers of the plan that are behind.
    layer: usize,
}

impl Export<'_> {
    fn node(&mut self, operator: &str, inputs: &[&Value]) -> Value {
        self.graph.node(operator, inputs, &[])
    }

    fn transposed(&mut self, value: &Value, order: &[i64]) -> Value {
        let order = [("perm", Ints(order))];
        self.graph.node("Transpose", &[value], &order)
    }

    fn reshaped(&mut self, value: &Value, shape: &[i64]) -> Value {
        let shape = self.graph.integers(shape);
        self.node("Reshape", &[value, &shape])
    }

    /// One number for each channel, in a shape that goes with values of `shape`.
    fn per_channel(&mut self, shape: Shape, values: &[f32]) -> Value {
        if shape.is_flat {
            self.graph.floats(&[values.len()], values)
        } else {
            self.graph.floats(&[values.len(), 1, 1], values)
        }
    }

    /// Adds a layer behind `input`, which is of `shape`; gives the output and its shape.
    #[allow(clippy::too_many_lines, reason = "one arm for each kind of layer")]
    fn layer(&mut self, spec: &LayerSpec, input: &Value, shape: Shape) -> (Value, Shape) {
        let plan = self.network.plan();
        let parameters = &self.network.parameters()[plan.parameters_of(self.layer)];
        let output = plan.layers[self.layer].output();
        let value = match *spec {
            LayerSpec::Conv2d {
                kernel,
                stride,
                padding,
                bias,
                ..
            } => {
                let windows = Windows::new(shape, kernel, stride, padding);
                self.conv(input, windows, output.channels, bias, parameters)
            }
            LayerSpec::MaxPool2d {
                size,
                stride,
                padding,
            } => {
                let windows = Windows::new(shape, size, stride.unwrap_or(size), padding);
                self.pool("MaxPool", input, windows)
            }
            LayerSpec::AveragePool2d {
                size,
                stride,
                padding,
            } => {
                let windows = Windows::new(shape, size, stride.unwrap_or(size), padding);
                self.pool("AveragePool", input, windows)
            }
            LayerSpec::Flatten if shape.is_flat => input.clone(),
            LayerSpec::Flatten => {
                let value = self.transposed(input, &[0, 2, 3, 1]);
                self.reshaped(&value, &[0, -1])
            }
            LayerSpec::Dense { bias, .. } => {
                let (n, units) = (shape.size(), output.size());
                let (weights, biases) = parameters.split_at(n * units);
                let weights = self.graph.floats(&[n, units], weights);
                let value = self.node("MatMul", &[input, &weights]);
                if bias {
                    let biases = self.graph.floats(&[units], biases);
                    self.node("Add", &[&value, &biases])
                } else {
                    value
                }
            }
            LayerSpec::Dropout { .. } => input.clone(),
            LayerSpec::Relu => self.activation(Activation::Relu, input),
            LayerSpec::Sigmoid => self.activation(Activation::Sigmoid, input),
            LayerSpec::Softmax => self.activation(Activation::Softmax, input),
            LayerSpec::BatchNorm { epsilon, .. } => {
                let statistics = &self.network.statistics()[plan.statistics_of(self.layer)];
                let (scale, offset) = parameters.split_at(shape.channels);
                let (mean, variance) = statistics.split_at(shape.channels);
                let numbers = [scale, offset, mean, variance];
                let [scale, offset, mean, variance] =
                    numbers.map(|values| self.graph.floats(&[values.len()], values));
                let inputs = [input, &scale, &offset, &mean, &variance];
                let epsilon = [("epsilon", Float(epsilon))];
                self.graph.node("BatchNormalization", &inputs, &epsilon)
            }
            LayerSpec::Frn { epsilon } => self.frn(input, shape, epsilon, parameters),
            LayerSpec::Tlu => {
                let threshold = self.per_channel(shape, parameters);
                self.node("Max", &[input, &threshold])
            }
            LayerSpec::Lrn {
                size,
                bias,
                alpha,
                beta,
            } => {
                // ONNX divides alpha by the size, and wants a picture.
                let attributes = [
                    ("size", Int(size as i64)),
                    ("bias", Float(bias)),
                    ("alpha", Float(alpha * size as f32)),
                    ("beta", Float(beta)),
                ];
                if shape.is_flat {
                    let picture = self.reshaped(input, &[0, -1, 1, 1]);
                    let value = self.graph.node("LRN", &[&picture], &attributes);
                    self.reshaped(&value, &[0, -1])
                } else {
                    self.graph.node("LRN", &[input], &attributes)
                }
            }
            LayerSpec::L2Normalise => {
                let axes: &[i64] = if shape.is_flat { &[1] } else { &[1, 2, 3] };
                let axes = [("axes", Ints(axes)), ("keepdims", Int(1))];
                let length = self.graph.node("ReduceL2", &[input], &axes);
                let least = self.graph.floats(&[], &[1e-6]); // The root of the layer's own.
                let length = self.node("Max", &[&length, &least]);
                self.node("Div", &[input, &length])
            }
        };
        self.layer += 1;
        if let LayerSpec::Conv2d {
            activation: Some(activation),
            ..
        }
        | LayerSpec::Dense {
            activation: Some(activation),
            ..
        } = spec
        {
            self.layer += 1;
            return (self.activation(*activation, &value), output);
        }
        (value, output)
    }

    fn activation(&mut self, activation: Activation, input: &Value) -> Value {
        match activation {
            Activation::Relu => self.node("Relu", &[input]),
            Activation::Sigmoid => self.node("Sigmoid", &[input]),
            Activation::Softmax => self.graph.node("Softmax", &[input], &[("axis", Int(1))]),
        }
    }

    fn conv(
        &mut self,
        input: &Value,
        windows: Option<Windows>,
        filters: usize,
        has_bias: bool,
        parameters: &[f32],
    ) -> Value {
        let Some(windows) = windows else {
            return input.clone(); // The network has been checked: there is one.
        };
        let (side, channels) = (windows.side, windows.input.channels);
        let (weights, bias) = parameters.split_at(side * side * channels * filters);
        // [row, column, channel, filter] as [filter, channel, row, column].
        let mut turned = Vec::with_capacity(weights.len());
        for filter in 0..filters {
            for channel in 0..channels {
                for place in 0..side * side {
                    turned.push(weights[(place * channels + channel) * filters + filter]);
                }
            }
        }
        let weights = self.graph.floats(&[filters, channels, side, side], &turned);
        let bias = has_bias.then(|| self.graph.floats(&[filters], bias));
        let mut inputs = vec![input, &weights];
        inputs.extend(&bias);
        let (side, stride, pads) = sizes(&windows);
        let attributes = [
            ("kernel_shape", Ints(&side)),
            ("strides", Ints(&stride)),
            ("pads", Ints(&pads)),
        ];
        self.graph.node("Conv", &inputs, &attributes)
    }

    fn pool(&mut self, operator: &str, input: &Value, windows: Option<Windows>) -> Value {
        let Some(windows) = windows else {
            return input.clone(); // As above.
        };
        let (side, stride, pads) = sizes(&windows);
        // Without `count_include_pad` padding does not count, as here.
        let attributes = [
            ("kernel_shape", Ints(&side)),
            ("strides", Ints(&stride)),
            ("pads", Ints(&pads)),
        ];
        self.graph.node(operator, &[input], &attributes)
    }

    fn frn(&mut self, input: &Value, shape: Shape, epsilon: f32, parameters: &[f32]) -> Value {
        let (scale, offset) = parameters.split_at(shape.channels);
        let mut squares = self.node("Mul", &[input, input]);
        if !shape.is_flat {
            let axes = [("axes", Ints(&[2, 3])), ("keepdims", Int(1))];
            squares = self.graph.node("ReduceMean", &[&squares], &axes);
        }
        let epsilon = self.graph.floats(&[], &[epsilon]);
        let sum = self.node("Add", &[&squares, &epsilon]);
        let norm = self.node("Sqrt", &[&sum]);
        let value = self.node("Div", &[input, &norm]);
        let scale = self.per_channel(shape, scale);
        let value = self.node("Mul", &[&value, &scale]);
        let offset = self.per_channel(shape, offset);
        self.node("Add", &[&value, &offset])
    }

    /// Outputs of sigmoids as probabilities that add up to 1; others as they are.
    fn probabilities(&mut self, value: Value, shape: Shape) -> Value {
        if self.network.architecture().last_activation() != Some(Activation::Sigmoid) {
            return value;
        }
        if shape.size() == 1 {
            let one = self.graph.floats(&[], &[1.0]);
            let first = self.node("Sub", &[&one, &value]);
            return self
                .graph
                .node("Concat", &[&first, &value], &[("axis", Int(1))]);
        }
        let axes = self.graph.integers(&[1]);
        let sum = self
            .graph
            .node("ReduceSum", &[&value, &axes], &[("keepdims", Int(1))]);
        self.node("Div", &[&value, &sum])
    }
}

/// Side, stride and padding (above, left, below, right) of windows.
fn sizes(windows: &Windows) -> ([i64; 2], [i64; 2], [i64; 4]) {
    let pads = windows.padding().map(|n| n as i64);
    ([windows.side as i64; 2], [windows.stride as i64; 2], pads)
}
