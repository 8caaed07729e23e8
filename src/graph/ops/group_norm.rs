//! Normalisation of groups of channels, each sample by itself.

use super::normalisation::Normalisation;
use super::operator::{Misfit, Operator, Site, first, per_channel};
use crate::error::Result;
use crate::graph::parameter::{Parameter, ParameterId};
use crate::tensor::Shape;

/// Which channels are normalised together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum NormGroups {
    /// So many groups of neighbouring channels.
    Groups(usize),
    /// Each channel by itself: instance normalisation.
    Instance,
}

/// `(x − mean)/√(variance + epsilon) · scale + shift` with mean and variance of all pixels of a group of channels, each
/// sample by itself (Wu and He, 2018; Ulyanov, Vedaldi and Lempitsky, 2016).
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GroupNorm {
    /// Which channels are normalised together.
    pub groups: NormGroups,
    /// One number per channel; 1 if there is none.
    pub scale: Option<ParameterId>,
    /// One number per channel; 0 if there is none.
    pub shift: Option<ParameterId>,
    /// What is added to the variance, above 0.
    pub epsilon: f32,
}

/// Refuses what is added to a variance if it may leave nothing to divide by.
pub(super) fn check_epsilon(epsilon: f32) -> Result<(), String> {
    match epsilon > 0.0 && epsilon.is_finite() {
        true => Ok(()),
        false => Err(format!("has an epsilon of {epsilon}; want a finite one above 0")),
    }
}

impl GroupNorm {
    fn normalisation(&self, input: Shape) -> Normalisation {
        let groups = match self.groups {
            NormGroups::Groups(groups) => groups,
            NormGroups::Instance => input.c,
        };
        Normalisation {
            blocks: Shape::new(input.n, groups, 1, 1),
            per_column: false,
            scale: self.scale,
            shift: self.shift,
            epsilon: self.epsilon,
        }
    }
}

impl Operator for GroupNorm {
    fn kind(&self) -> &'static str {
        match self.groups {
            NormGroups::Groups(_) => "group norm",
            NormGroups::Instance => "instance norm",
        }
    }

    fn parameters(&self) -> Vec<(ParameterId, usize)> {
        let ids = [self.scale, self.shift].into_iter().flatten();
        ids.map(|id| (id, 1)).collect()
    }

    fn check(&self) -> Result<(), String> {
        match self.groups {
            NormGroups::Groups(0) => Err("has 0 groups; want at least 1".into()),
            _ => check_epsilon(self.epsilon),
        }
    }

    fn shape(&self, inputs: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit> {
        let input = first(inputs)?;
        for id in [self.scale, self.shift].into_iter().flatten() {
            per_channel(parameters, id, input.c)?;
        }
        match self.groups {
            NormGroups::Groups(groups) if groups == 0 || input.c % groups != 0 => {
                Err(Misfit::Other(format!(
                    "has {groups} groups, and its input's {} channels do not fall into as many",
                    input.c
                )))
            }
            _ => Ok(input),
        }
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
