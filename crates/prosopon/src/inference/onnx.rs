//! Frees the sizes that an exporter froze into an ONNX file.
//!
//! Many face networks are exported for one input size and a batch of one, although their layers
//! would take any: SCRFD keeps the target sizes of its two upsampling steps, ArcFace networks the
//! batch of the last reshape. [`free_input_shape`] rewrites just those constants and leaves all
//! else in the file as it is; the results at the original size do not change.
//!
//! ONNX is a Protocol Buffers message; the field numbers are those of its schema, `onnx.proto3`.

use super::InferenceError;
use super::protobuf::{Field, Message, Value, put_varint, take_varint};

/// Which axes of a network's input may vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeAxes {
    /// Only the batch.
    Batch,
    /// The batch, and the rows and columns of a fully convolutional network.
    BatchAndSize,
}

impl FreeAxes {
    fn contains(self, axis: usize) -> bool {
        axis == 0 || (self == Self::BatchAndSize && axis >= 2)
    }
}

/// The ONNX file `model` with the `axes` of its input made variable.
///
/// # Errors
/// [`InferenceError::NotOnnx`] if the bytes are not an ONNX model with one input.
pub fn free_input_shape(model: &[u8], axes: FreeAxes) -> Result<Vec<u8>, InferenceError> {
    let edit = || {
        let mut message = Message::parse(model)?;
        let graph = message
            .fields
            .iter_mut()
            .find(|f| f.number == model::GRAPH)?;
        let edited = edit_graph(&Message::parse(graph.as_bytes()?)?, axes)?;
        graph.value = Value::Bytes(edited.encode());
        Some(message.encode())
    };
    edit().ok_or(InferenceError::NotOnnx)
}

/// Fields of `ModelProto`.
mod model {
    pub(super) const GRAPH: u32 = 7;
}

/// Fields of `GraphProto`.
mod graph {
    pub(super) const NODE: u32 = 1;
    pub(super) const INITIALIZER: u32 = 5;
    pub(super) const INPUT: u32 = 11;
    pub(super) const OUTPUT: u32 = 12;
    pub(super) const VALUE_INFO: u32 = 13;
}

/// Fields of `NodeProto`.
mod node {
    pub(super) const INPUT: u32 = 1;
    pub(super) const OP_TYPE: u32 = 4;
}

/// Fields of `TensorProto`, and the two of its data types that matter here.
mod tensor {
    pub(super) const DIMS: u32 = 1;
    pub(super) const DATA_TYPE: u32 = 2;
    pub(super) const INT64_DATA: u32 = 7;
    pub(super) const NAME: u32 = 8;
    pub(super) const RAW_DATA: u32 = 9;
    pub(super) const FLOAT: u64 = 1;
    pub(super) const INT64: u64 = 7;
}

/// Fields from `ValueInfoProto` down to one dimension of its shape.
mod value_info {
    pub(super) const NAME: u32 = 1;
    pub(super) const TYPE_TENSOR_SHAPE: [u32; 3] = [2, 1, 2];
    pub(super) const DIM: u32 = 1;
    pub(super) const DIM_PARAM: u32 = 2;
}

/// Name of the constant that replaces the frozen sizes of upsampling steps.
const DOUBLE: &str = "prosopon.double_rows_and_columns";

fn edit_graph(original: &Message, axes: FreeAxes) -> Option<Message> {
    let constants: Vec<String> = original
        .all(graph::INITIALIZER)
        .filter_map(|bytes| Some(Message::parse(bytes)?.text(tensor::NAME)?.to_owned()))
        .collect();
    let is_constant = |name: &str| constants.iter().any(|c| c == name);
    // Early versions of the format list the weights among the inputs.
    let is_input = |bytes: &[u8]| {
        Message::parse(bytes).is_some_and(|value| {
            value
                .text(value_info::NAME)
                .is_some_and(|n| !is_constant(n))
        })
    };
    if original.all(graph::INPUT).filter(|b| is_input(b)).count() != 1 {
        return None;
    }

    let mut edited = original.clone();
    // Sizes of intermediate values follow from the input; stale ones would contradict it.
    edited.fields.retain(|f| f.number != graph::VALUE_INFO);
    let mut reshape_targets = Vec::new();
    let mut doubles = false;
    for field in &mut edited.fields {
        let bytes = field.as_bytes();
        match field.number {
            graph::NODE => {
                let mut node = Message::parse(bytes?)?;
                let kind = node.text(node::OP_TYPE);
                if kind == Some("Reshape") {
                    reshape_targets.extend(node.all(node::INPUT).nth(1).map(<[u8]>::to_vec));
                } else if kind == Some("Resize")
                    && axes == FreeAxes::BatchAndSize
                    && free_resize(&mut node, is_constant).is_some()
                {
                    doubles = true;
                    field.value = Value::Bytes(node.encode());
                }
            }
            graph::INPUT if is_input(bytes?) => {
                field.value = Value::Bytes(free_dims(bytes?, |axis| axes.contains(axis))?);
            }
            graph::OUTPUT => field.value = Value::Bytes(free_dims(bytes?, |_| true)?),
            _ => {}
        }
    }
    for field in &mut edited.fields {
        if field.number == graph::INITIALIZER {
            let mut constant = Message::parse(field.as_bytes()?)?;
            let name = constant.text(tensor::NAME).unwrap_or_default().as_bytes();
            if reshape_targets.iter().any(|target| target == name)
                && free_reshape_target(&mut constant).is_some()
            {
                field.value = Value::Bytes(constant.encode());
            }
        }
    }
    if doubles {
        let constant = Field::bytes(graph::INITIALIZER, double_constant().encode());
        edited.fields.push(constant);
    }
    Some(edited)
}

/// Replaces the constant `sizes` of an upsampling step (fourth input) by scales (third input).
///
/// Feature pyramids double rows and columns at each step, which is the only use of `Resize` in
/// SCRFD and its relatives. `None` if the node has no constant sizes.
fn free_resize(node: &mut Message, is_constant: impl Fn(&str) -> bool) -> Option<()> {
    let inputs: Vec<usize> = (0..node.fields.len())
        .filter(|&i| node.fields[i].number == node::INPUT)
        .collect();
    let [_, _, scales, sizes] = inputs[..] else {
        return None;
    };
    let name = std::str::from_utf8(node.fields[sizes].as_bytes()?).ok()?;
    if !is_constant(name) {
        return None;
    }
    node.fields[scales].value = Value::Bytes(DOUBLE.into());
    node.fields.remove(sizes);
    Some(())
}

/// The float tensor `[1, 1, 2, 2]`.
fn double_constant() -> Message {
    let raw: Vec<u8> = [1.0f32, 1.0, 2.0, 2.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    Message {
        fields: vec![
            Field::varint(tensor::DIMS, 4),
            Field::varint(tensor::DATA_TYPE, tensor::FLOAT),
            Field::bytes(tensor::NAME, DOUBLE),
            Field::bytes(tensor::RAW_DATA, raw),
        ],
    }
}

/// Turns a reshape to `[1, −1, …]` into one to `[0, −1, …]`: a zero keeps the input's batch.
///
/// `None` if the constant is anything else.
fn free_reshape_target(constant: &mut Message) -> Option<()> {
    if constant.number(tensor::DATA_TYPE)? != tensor::INT64 {
        return None;
    }
    let free_first = |dims: &mut Vec<i64>| match dims[..] {
        [1, -1, ..] => {
            dims[0] = 0;
            Some(())
        }
        _ => None,
    };
    for field in &mut constant.fields {
        let bytes = match (field.number, &field.value) {
            (tensor::RAW_DATA, Value::Bytes(raw)) => {
                let mut dims: Vec<i64> = raw
                    .as_chunks()
                    .0
                    .iter()
                    .map(|&d| i64::from_le_bytes(d))
                    .collect();
                free_first(&mut dims)?;
                dims.iter().flat_map(|d| d.to_le_bytes()).collect()
            }
            (tensor::INT64_DATA, Value::Bytes(packed)) => {
                let mut rest = packed.as_slice();
                let mut dims = Vec::new();
                while !rest.is_empty() {
                    dims.push(take_varint(&mut rest)? as i64);
                }
                free_first(&mut dims)?;
                let mut bytes = Vec::new();
                for dim in dims {
                    put_varint(&mut bytes, dim as u64);
                }
                bytes
            }
            _ => continue,
        };
        field.value = Value::Bytes(bytes);
        return Some(());
    }
    None
}

/// Replaces fixed dimensions of a `ValueInfoProto` by names, which stand for any number.
fn free_dims(value_info: &[u8], is_free: impl Fn(usize) -> bool) -> Option<Vec<u8>> {
    edit_nested(value_info, &value_info::TYPE_TENSOR_SHAPE, &|shape| {
        let dims = shape
            .fields
            .iter_mut()
            .filter(|f| f.number == value_info::DIM);
        for (axis, dim) in dims.enumerate().filter(|(axis, _)| is_free(*axis)) {
            let name = Field::bytes(value_info::DIM_PARAM, format!("axis_{axis}"));
            dim.value = Value::Bytes(Message { fields: vec![name] }.encode());
        }
    })
}

fn edit_nested(bytes: &[u8], path: &[u32], change: &dyn Fn(&mut Message)) -> Option<Vec<u8>> {
    let mut message = Message::parse(bytes)?;
    match path {
        [] => change(&mut message),
        [number, rest @ ..] => {
            for field in message.fields.iter_mut().filter(|f| f.number == *number) {
                field.value = Value::Bytes(edit_nested(field.as_bytes()?, rest, change)?);
            }
        }
    }
    Some(message.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_model_is_refused() {
        for bytes in [&b""[..], b"not a model", &[0x3a, 0x00]] {
            assert!(matches!(
                free_input_shape(bytes, FreeAxes::Batch),
                Err(InferenceError::NotOnnx)
            ));
        }
    }

    #[test]
    fn a_reshape_keeps_the_batch() {
        let target = |dims: &[i64]| Message {
            fields: vec![
                Field::varint(tensor::DATA_TYPE, tensor::INT64),
                Field::bytes(
                    tensor::RAW_DATA,
                    dims.iter()
                        .flat_map(|d| d.to_le_bytes())
                        .collect::<Vec<u8>>(),
                ),
            ],
        };
        let mut frozen = target(&[1, -1, 4]);
        assert_eq!(free_reshape_target(&mut frozen), Some(()));
        assert_eq!(frozen, target(&[0, -1, 4]));
        let mut other = target(&[2, 3]);
        assert_eq!(free_reshape_target(&mut other), None);
        assert_eq!(other, target(&[2, 3]));
    }
}
