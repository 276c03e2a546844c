//! An ONNX graph that is put together node by node.

use super::protobuf::Message;

/// Version of the operators; 13 has all of them and is read by engines since 2020.
const OPSET: i64 = 13;
/// Version of the file format that goes with it.
const IR_VERSION: i64 = 7;
/// `TensorProto.DataType`.
const FLOAT: i64 = 1;
const INT64: i64 = 7;

/// A value between two nodes, by its name.
pub(super) type Value = String;

/// An attribute of a node.
pub(super) enum Attribute<'a> {
    Int(i64),
    Float(f32),
    Ints(&'a [i64]),
}

/// A graph from one input to one output.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    n_values: usize,
}

impl Graph {
    fn name(&mut self, kind: &str) -> Value {
        self.n_values += 1;
        format!("{}_{}", kind.to_lowercase(), self.n_values)
    }

    /// A tensor of numbers.
    pub(super) fn floats(&mut self, shape: &[usize], values: &[f32]) -> Value {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(FLOAT, shape, &raw)
    }

    /// A list of integers.
    pub(super) fn integers(&mut self, values: &[i64]) -> Value {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(INT64, &[values.len()], &raw)
    }

    fn constant(&mut self, kind: i64, shape: &[usize], raw: &[u8]) -> Value {
        let name = self.name("constant");
        let shape: Vec<i64> = shape.iter().map(|n| *n as i64).collect();
        self.constants.push(
            Message::default()
                .ints(1, &shape)
                .int(2, kind)
                .text(8, &name)
                .bytes(9, raw),
        );
        name
    }

    /// A node with one output.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&Value],
        attributes: &[(&str, Attribute)],
    ) -> Value {
        let output = self.name(operator);
        let mut node = Message::default();
        for input in inputs {
            node = node.text(1, input);
        }
        node = node.text(2, &output).text(3, &output).text(4, operator);
        for (name, value) in attributes {
            // Field 20 says which kind it is.
            let attribute = Message::default().text(1, name);
            let attribute = match value {
                Attribute::Float(value) => attribute.float(2, *value).int(20, 1),
                Attribute::Int(value) => attribute.int(3, *value).int(20, 2),
                Attribute::Ints(values) => attribute.ints(8, values).int(20, 7),
            };
            node = node.message(5, attribute);
        }
        self.nodes.push(node);
        output
    }

    /// The file: the batch is free, `input` and `output` are the shapes of one sample. `facts` are kept beside.
    pub(super) fn into_bytes(
        mut self,
        name: &str,
        (input, input_shape): (&str, &[usize]),
        (output, output_shape): (&str, &[usize]),
        last: &Value,
        facts: &[(&str, &str)],
    ) -> Vec<u8> {
        self.nodes.push(
            Message::default()
                .text(1, last)
                .text(2, output)
                .text(3, output)
                .text(4, "Identity"),
        );
        let mut graph = Message::default();
        for node in self.nodes {
            graph = graph.message(1, node);
        }
        graph = graph.text(2, name);
        for constant in self.constants {
            graph = graph.message(5, constant);
        }
        graph = graph
            .message(11, value_info(input, input_shape))
            .message(12, value_info(output, output_shape));
        let mut model = Message::default()
            .int(1, IR_VERSION)
            .text(2, "prosopon")
            .text(3, env!("CARGO_PKG_VERSION"))
            .message(7, graph)
            .message(8, Message::default().text(1, "").int(2, OPSET));
        for (key, value) in facts {
            model = model.message(14, Message::default().text(1, key).text(2, value));
        }
        model.into_bytes()
    }
}

fn value_info(name: &str, shape: &[usize]) -> Message {
    let batch = Message::default().text(2, "batch");
    let mut dimensions = Message::default().message(1, batch);
    for n in shape {
        dimensions = dimensions.message(1, Message::default().int(1, *n as i64));
    }
    let tensor = Message::default().int(1, FLOAT).message(2, dimensions);
    let kind = Message::default().message(1, tensor);
    Message::default().text(1, name).message(2, kind)
}
