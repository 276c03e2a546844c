//! Just enough of the Protocol Buffers wire format to change a message and keep all that is
//! not understood.

/// A message as the list of its fields, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Message {
    pub(super) fields: Vec<Field>,
}

/// One field: its number in the schema, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Field {
    pub(super) number: u32,
    pub(super) value: Value,
}

/// A value by its wire type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Varint(u64),
    Fixed64([u8; 8]),
    /// Text, bytes, a nested message, or packed numbers.
    Bytes(Vec<u8>),
    Fixed32([u8; 4]),
}

impl Field {
    pub(super) fn varint(number: u32, value: u64) -> Self {
        Self {
            number,
            value: Value::Varint(value),
        }
    }

    pub(super) fn bytes(number: u32, value: impl Into<Vec<u8>>) -> Self {
        Self {
            number,
            value: Value::Bytes(value.into()),
        }
    }

    /// The value if it is of the kind that holds text and messages.
    pub(super) fn as_bytes(&self) -> Option<&[u8]> {
        match &self.value {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

impl Message {
    /// Splits `bytes` into fields; `None` if they are no message.
    pub(super) fn parse(mut bytes: &[u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let tag = take_varint(&mut bytes)?;
            let number = u32::try_from(tag >> 3).ok().filter(|&n| n > 0)?;
            let value = match tag & 7 {
                0 => Value::Varint(take_varint(&mut bytes)?),
                1 => Value::Fixed64(*take_array(&mut bytes)?),
                2 => {
                    let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
                    let (value, rest) = bytes.split_at_checked(length)?;
                    bytes = rest;
                    Value::Bytes(value.to_vec())
                }
                5 => Value::Fixed32(*take_array(&mut bytes)?),
                _ => return None,
            };
            fields.push(Field { number, value });
        }
        Some(Self { fields })
    }

    /// The bytes of the message.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for field in &self.fields {
            let tag = u64::from(field.number) << 3;
            match &field.value {
                Value::Varint(value) => {
                    put_varint(&mut bytes, tag);
                    put_varint(&mut bytes, *value);
                }
                Value::Fixed64(value) => {
                    put_varint(&mut bytes, tag | 1);
                    bytes.extend_from_slice(value);
                }
                Value::Bytes(value) => {
                    put_varint(&mut bytes, tag | 2);
                    put_varint(&mut bytes, value.len() as u64);
                    bytes.extend_from_slice(value);
                }
                Value::Fixed32(value) => {
                    put_varint(&mut bytes, tag | 5);
                    bytes.extend_from_slice(value);
                }
            }
        }
        bytes
    }

    /// The values of all fields with this number, of the kind that holds text and messages.
    pub(super) fn all(&self, number: u32) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |f| f.number == number)
            .filter_map(Field::as_bytes)
    }

    /// The last text with this number.
    pub(super) fn text(&self, number: u32) -> Option<&str> {
        self.all(number)
            .last()
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// The last number with this field number.
    pub(super) fn number(&self, number: u32) -> Option<u64> {
        self.fields.iter().rev().find_map(|f| match f.value {
            Value::Varint(value) if f.number == number => Some(value),
            _ => None,
        })
    }
}

/// Takes seven bits a byte, lowest first, from the front of `bytes`.
pub(super) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Appends `value`, seven bits a byte, lowest first.
pub(super) fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take_array<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (array, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_field_survives() {
        let message = Message {
            fields: vec![
                Field::varint(1, u64::MAX),
                Field::bytes(700, "text"),
                Field {
                    number: 2,
                    value: Value::Fixed64([1; 8]),
                },
                Field {
                    number: 3,
                    value: Value::Fixed32([2; 4]),
                },
            ],
        };
        assert_eq!(Message::parse(&message.encode()), Some(message));
    }

    #[test]
    fn damaged_bytes_are_no_message() {
        let whole = Message {
            fields: vec![Field::bytes(1, "twelve bytes")],
        }
        .encode();
        for end in 1..whole.len() {
            assert_eq!(Message::parse(&whole[..end]), None, "first {end} bytes");
        }
        assert_eq!(Message::parse(&[0xff; 20]), None);
        assert_eq!(Message::parse(b"\x00\x00"), None);
    }
}
