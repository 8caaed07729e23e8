//! What attacks are after.

/// What an attack is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// That the network predicts the labels given.
    Targeted,
    /// That it predicts anything else than the labels given.
    Untargeted,
}
