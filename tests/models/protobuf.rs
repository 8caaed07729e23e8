//! ONNX files written by hand, so that they may be as wrong as one likes.

/// A message under construction.
#[derive(Clone, Default)]
pub struct Message(pub Vec<u8>);

fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

impl Message {
    pub fn number(mut self, field: u64, value: i64) -> Self {
        varint(field << 3, &mut self.0);
        varint(value as u64, &mut self.0);
        self
    }

    pub fn bytes(mut self, field: u64, content: impl AsRef<[u8]>) -> Self {
        varint(field << 3 | 2, &mut self.0);
        varint(content.as_ref().len() as u64, &mut self.0);
        self.0.extend(content.as_ref());
        self
    }

    /// A field that says that it is longer than it is.
    pub fn lying(mut self, field: u64, length: u64) -> Self {
        varint(field << 3 | 2, &mut self.0);
        varint(length, &mut self.0);
        self
    }

    pub fn float(mut self, field: u64, value: f32) -> Self {
        varint(field << 3 | 5, &mut self.0);
        self.0.extend(value.to_le_bytes());
        self
    }

    fn all(self, field: u64, messages: &[Message]) -> Self {
        messages
            .iter()
            .fold(self, |message, inner| message.bytes(field, &inner.0))
    }
}

/// `TensorProto.DataType`.
pub const FLOAT: i64 = 1;
pub const INT64: i64 = 7;

/// A tensor of raw bytes.
pub fn tensor(name: &str, kind: i64, dims: &[i64], raw: &[u8]) -> Message {
    let message = dims
        .iter()
        .fold(Message::default(), |message, &dim| message.number(1, dim));
    message.number(2, kind).bytes(8, name).bytes(9, raw)
}

pub fn floats(name: &str, dims: &[i64], values: &[f32]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, FLOAT, dims, &raw)
}

/// Ones of a shape.
pub fn ones(name: &str, dims: &[i64]) -> Message {
    floats(name, dims, &vec![1.0; dims.iter().product::<i64>() as usize])
}

pub fn integers(name: &str, values: &[i64]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    tensor(name, INT64, &[values.len() as i64], &raw)
}

/// A tensor in another file.
pub fn external(name: &str, dims: &[i64], entries: &[(&str, &str)]) -> Message {
    let message = dims
        .iter()
        .fold(Message::default(), |message, &dim| message.number(1, dim));
    let message = message.number(2, FLOAT).bytes(8, name);
    let entry = |&(key, value): &(&str, &str)| Message::default().bytes(1, key).bytes(2, value);
    let entries: Vec<Message> = entries.iter().map(entry).collect();
    message.all(13, &entries).number(14, 1)
}

pub fn node(kind: &str, inputs: &[&str], outputs: &[&str], attributes: &[Message]) -> Message {
    let message = inputs
        .iter()
        .fold(Message::default(), |message, input| message.bytes(1, input));
    let message = outputs
        .iter()
        .fold(message, |message, output| message.bytes(2, output));
    message
        .bytes(3, format!("the {kind}"))
        .bytes(4, kind)
        .all(5, attributes)
}

pub fn int(name: &str, value: i64) -> Message {
    Message::default().bytes(1, name).number(3, value).number(20, 2)
}

pub fn ints(name: &str, values: &[i64]) -> Message {
    let message = Message::default().bytes(1, name);
    let message = values
        .iter()
        .fold(message, |message, &value| message.number(8, value));
    message.number(20, 7)
}

pub fn float(name: &str, value: f32) -> Message {
    Message::default().bytes(1, name).float(2, value).number(20, 1)
}

pub fn text(name: &str, value: &str) -> Message {
    Message::default().bytes(1, name).bytes(4, value).number(20, 3)
}

/// A value's name and extents; -1 is any.
pub fn value(name: &str, dims: &[i64]) -> Message {
    let dim = |&dim: &i64| match dim {
        -1 => Message::default().bytes(2, "any"),
        dim => Message::default().number(1, dim),
    };
    let dims: Vec<Message> = dims.iter().map(dim).collect();
    let shape = Message::default().all(1, &dims);
    let kind = Message::default().number(1, FLOAT).bytes(2, shape.0);
    Message::default()
        .bytes(1, name)
        .bytes(2, Message::default().bytes(1, kind.0).0)
}

/// A network that is written out.
#[derive(Clone)]
pub struct Network {
    pub opset: i64,
    pub nodes: Vec<Message>,
    pub tensors: Vec<Message>,
    pub inputs: Vec<Message>,
    pub outputs: Vec<Message>,
}

impl Network {
    /// On images `x` of two channels, giving `y`.
    pub fn new(nodes: &[Message], tensors: &[Message]) -> Self {
        Network {
            opset: 17,
            nodes: nodes.to_vec(),
            tensors: tensors.to_vec(),
            inputs: vec![value("x", &[-1, 2, -1, -1])],
            outputs: vec![value("y", &[-1, 2, -1, -1])],
        }
    }

    /// The file's bytes.
    pub fn file(&self) -> Vec<u8> {
        let graph = Message::default()
            .all(1, &self.nodes)
            .bytes(2, "network")
            .all(5, &self.tensors)
            .all(11, &self.inputs)
            .all(12, &self.outputs);
        let opset = Message::default().bytes(1, "").number(2, self.opset);
        Message::default()
            .number(1, 8)
            .bytes(2, "by hand")
            .bytes(7, graph.0)
            .bytes(8, opset.0)
            .0
    }
}
