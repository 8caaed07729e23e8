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

impl Purpose {
    /// How far an attack got, 0 to 1, whose prediction has this intersection over union with the labels: the IoU itself, or
    /// what it lacks to 1.
    pub fn success(self, iou: f32) -> f32 {
        match self {
            Purpose::Targeted => iou,
            Purpose::Untargeted => 1.0 - iou,
        }
    }

    /// What the labels are called that its predictions are compared with.
    pub fn compared_with(self) -> &'static str {
        match self {
            Purpose::Targeted => "the target",
            Purpose::Untargeted => "the label",
        }
    }
}
