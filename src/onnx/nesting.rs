//! How an ONNX file's messages stand inside one another. The reader descends into each, and asks for as much memory as a
//! length says: a file made for it would exhaust the stack or the memory, so all lengths are checked before it begins.

/// Messages inside one another that a file may have: a network without control flow has six.
const DEEPEST: usize = 24;

/// The messages of an ONNX file that hold others.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
    TypeOfTensor,
    TypeOfSequence,
    Shape,
    /// Of texts and numbers alone.
    Flat,
}

impl Kind {
    /// What stands in a field of this number, if it is a message.
    fn inside(self, field: u64) -> Option<Kind> {
        match (self, field) {
            (Kind::Model, 7) | (Kind::Attribute, 6) => Some(Kind::Graph),
            (Kind::Model, 8 | 14) | (Kind::Tensor, 13) | (Kind::Shape, 1) => Some(Kind::Flat),
            (Kind::Graph, 1) => Some(Kind::Node),
            (Kind::Graph, 5) | (Kind::Attribute, 5) => Some(Kind::Tensor),
            (Kind::Graph, 11..=13) => Some(Kind::Value),
            (Kind::Node, 5) => Some(Kind::Attribute),
            (Kind::Value, 2) | (Kind::TypeOfSequence, 1) => Some(Kind::Type),
            (Kind::Type, 1) => Some(Kind::TypeOfTensor),
            (Kind::Type, 4) => Some(Kind::TypeOfSequence),
            (Kind::TypeOfTensor, 2) => Some(Kind::Shape),
            _ => None,
        }
    }
}

/// Checks that every message and every text ends where what it stands in does, and how deep they stand.
pub(super) fn check_nesting(bytes: &[u8]) -> Result<(), String> {
    check(bytes, Kind::Model, 0)
}

fn check(bytes: &[u8], kind: Kind, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!(
            "is no sound ONNX file: its messages stand more than {DEEPEST} deep inside one another"
        ));
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some((field, content, after)) = next_field(rest) else {
            return Err("is no sound ONNX file (it ends early, or a length in it is wrong); export or download it again".into());
        };
        rest = after;
        if let (Some(content), Some(inside)) = (content, kind.inside(field)) {
            check(content, inside, depth + 1)?;
        }
    }
    Ok(())
}

/// A field's number, its bytes if it has a length, and what stands behind it.
type Field<'b> = (u64, Option<&'b [u8]>, &'b [u8]);

/// The first field of a message.
fn next_field(bytes: &[u8]) -> Option<Field<'_>> {
    let (key, rest) = varint(bytes)?;
    let field = key >> 3;
    match key & 7 {
        _ if field == 0 => None,
        0 => varint(rest).map(|(_, rest)| (field, None, rest)),
        1 => rest.get(8..).map(|rest| (field, None, rest)),
        5 => rest.get(4..).map(|rest| (field, None, rest)),
        2 => {
            let (length, rest) = varint(rest)?;
            let (content, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some((field, Some(content), rest))
        }
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f).checked_shl(7 * index as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}
