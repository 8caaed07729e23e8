//! How deep an ONNX file's messages stand inside one another: the reader descends into each, and a file made for it
//! would exhaust the stack.

/// Messages inside one another that a file may have: a network without control flow has six.
const DEEPEST: usize = 24;

/// Fields that hold messages which may hold themselves, of any message: nodes, graphs, attributes, types.
const DESCENDED: [u64; 11] = [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// Checks how deep messages stand inside one another.
pub(super) fn check_nesting(bytes: &[u8]) -> Result<(), String> {
    match depth(bytes, 0) {
        depth if depth <= DEEPEST => Ok(()),
        _ => Err(format!(
            "is no sound ONNX file: its messages stand more than {DEEPEST} deep inside one another"
        )),
    }
}

/// The depth that reading these bytes as messages reaches, counted from `above`; not further than it may.
///
/// What is text or numbers reads as a message by chance only, and then not deep, as every level has to end where the
/// one above it does.
fn depth(bytes: &[u8], above: usize) -> usize {
    if above > DEEPEST {
        return above;
    }
    let mut deepest = above;
    let mut rest = bytes;
    while let Some((field, content, after)) = next_field(rest) {
        rest = after;
        if let Some(content) = content
            && DESCENDED.contains(&field)
            // Numbers take most of a file, and none of them a message.
            && content.len() < bytes.len()
            && content.len() > DEEPEST
            && is_whole(content)
        {
            deepest = deepest.max(depth(content, above + 1));
            if deepest > DEEPEST {
                return deepest;
            }
        }
    }
    deepest
}

/// Whether bytes begin as a message does and its first fields end inside it.
fn is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    for _ in 0..4 {
        if rest.is_empty() {
            return true;
        }
        match next_field(rest) {
            Some((_, _, after)) => rest = after,
            None => return false,
        }
    }
    true
}

/// A field's number, its bytes if it has a length, and what stands behind it.
type Field<'b> = (u64, Option<&'b [u8]>, &'b [u8]);

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
