//! Values for machines.

use serde::Serialize;

/// What is to be written, as a value: by way of text, in which float32 has as few digits as it needs.
pub(crate) fn described(object: &impl Serialize) -> serde_json::Value {
    serde_json::to_string(object)
        .and_then(|text| serde_json::from_str(&text))
        .unwrap_or_default()
}
