//! Numbers that a network has learnt.

use std::sync::Arc;

/// The number of a parameter in its [`Graph`](super::Graph).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct ParameterId(pub usize);

/// Numbers that a network has learnt.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name in the checkpoint.
    pub name: String,
    /// Its shape, as PyTorch has it.
    pub shape: Vec<usize>,
    /// Its numbers in row-major order.
    pub data: Arc<Vec<f32>>,
}

/// Where a number comes from that a kernel reads beside its tensors.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// Number of a parameter.
    Parameter(ParameterId, usize),
    /// Always this.
    Fixed(f32),
}
