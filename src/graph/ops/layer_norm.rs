//! Normalisation over the last axis.

use super::group_norm::check_epsilon;
use super::normalisation::Normalisation;
use super::operator::{Misfit, Operator, Site, first};
use crate::error::Result;
use crate::graph::parameter::{Parameter, ParameterId};
use crate::tensor::Shape;

/// `(x − mean)/√(variance + epsilon) · scale + shift` with mean and variance of each row: of the columns, which for
/// tokens are their features (Ba, Kiros and Hinton, 2016).
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LayerNorm {
    /// One number per column; 1 if there is none.
    pub scale: Option<ParameterId>,
    /// One number per column; 0 if there is none.
    pub shift: Option<ParameterId>,
    /// What is added to the variance, above 0.
    pub epsilon: f32,
}

impl LayerNorm {
    fn normalisation(&self, input: Shape) -> Normalisation {
        Normalisation {
            blocks: Shape { w: 1, ..input },
            per_column: true,
            scale: self.scale,
            shift: self.shift,
            epsilon: self.epsilon,
        }
    }
}

impl Operator for LayerNorm {
    fn kind(&self) -> &'static str {
        "layer norm"
    }

    fn parameters(&self) -> Vec<(ParameterId, usize)> {
        let ids = [self.scale, self.shift].into_iter().flatten();
        ids.map(|id| (id, 1)).collect()
    }

    fn check(&self) -> Result<(), String> {
        check_epsilon(self.epsilon)
    }

    fn shape(&self, inputs: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        for id in [self.scale, self.shift].into_iter().flatten() {
            let found = parameters.get(id.0).map_or(0, |parameter| parameter.data.len());
            if found != input.w {
                return Err(Misfit::Other(format!(
                    "has {found} numbers per column, but its input has {} columns",
                    input.w
                )));
            }
        }
        Ok(input)
    }

    fn forward(&self, site: &mut dyn Site) -> Result<()> {
        let input = site.input(0)?.shape;
        self.normalisation(input).forward(site)
    }

    fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
        let input = site.input(0)?.shape;
        self.normalisation(input).adjoint(site)
    }
}
