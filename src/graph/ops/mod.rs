//! The operators a network is made of: one file per operator with its settings, arity, parameters, shape, forward and
//! adjoint, as an implementation of [`Operator`].
//!
//! An operator more is its file and one line in the list below; a kernel that it wants is its own four files and a line
//! in the list of kernels.

mod convolution;
mod margins;
mod normalisation;
mod operator;
mod pooling;
mod reduction;

pub use margins::Margins;
pub(crate) use operator::Misfit;
pub use operator::{MOST_SETTING, Operator, Site};

use std::ops::RangeInclusive;

use super::parameter::{Parameter, ParameterId};
use crate::error::Result;
use crate::tensor::Shape;

macro_rules! operators {
    ($($(#[$doc:meta])* $operator:ident => $module:ident),* $(,)?) => {
        $(mod $module;)*
        $(pub use $module::$operator;)*

        /// An operator. Weights are shaped as in PyTorch.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub enum Op {
            $($(#[$doc])* $operator($operator)),*
        }

        $(impl From<$operator> for Op {
            fn from(operator: $operator) -> Self { Op::$operator(operator) }
        })*

        impl Operator for Op {
            fn kind(&self) -> &'static str {
                match self { $(Op::$operator(operator) => operator.kind()),* }
            }

            fn inputs(&self) -> RangeInclusive<usize> {
                match self { $(Op::$operator(operator) => operator.inputs()),* }
            }

            fn parameters(&self) -> Vec<(ParameterId, usize)> {
                match self { $(Op::$operator(operator) => operator.parameters()),* }
            }

            fn check(&self) -> Result<(), String> {
                match self { $(Op::$operator(operator) => operator.check()),* }
            }

            fn shape(&self, inputs: &[Shape], parameters: &[Parameter]) -> Result<Shape, Misfit> {
                match self { $(Op::$operator(operator) => operator.shape(inputs, parameters)),* }
            }

            fn forward(&self, site: &mut dyn Site) -> Result<()> {
                match self { $(Op::$operator(operator) => operator.forward(site)),* }
            }

            fn adjoint(&self, site: &mut dyn Site) -> Result<()> {
                match self { $(Op::$operator(operator) => operator.adjoint(site)),* }
            }
        }
    };
}

operators! {
    /// The network's input.
    Input => input,
    /// Convolution with zeros around the input.
    Conv2d => conv2d,
    /// Transposed convolution.
    ConvTranspose2d => conv_transpose2d,
    /// ReLU, LeakyReLU, PReLU.
    Slope => slope,
    /// Max pooling.
    MaxPool2d => max_pool2d,
    /// Average pooling.
    AveragePool2d => average_pool2d,
    /// Resampling.
    Resize => resize,
    /// All inputs, one behind the other along one axis.
    Concat => concat,
    /// The centre of the first input, as large as the second.
    Crop => crop,
    /// A window of samples, channels, rows and columns.
    Slice => slice,
    /// Each pixel's channels, laid out as blocks of pixels.
    DepthToSpace => depth_to_space,
    /// Blocks of pixels, laid out as channels.
    SpaceToDepth => space_to_depth,
    /// A border.
    Pad => pad,
    /// Arithmetic with two nodes, either repeated along axes.
    Arithmetic => arithmetic,
    /// Mean, sum or largest over axes.
    Reduce => reduce,
    /// A tensor that is the same for every input.
    Constant => constant,
    /// Scale and shift per channel.
    Affine => affine,
    /// Normalisation of groups of channels.
    GroupNorm => group_norm,
    /// Normalisation over columns.
    LayerNorm => layer_norm,
    /// Other sizes for the same numbers.
    Reshape => reshape,
    /// Exchange of axes.
    Transpose => transpose,
    /// Product of two nodes as matrices.
    MatMul => mat_mul,
    /// Softmax over an axis.
    Softmax => softmax,
    /// A function of each number by itself.
    Pointwise => pointwise,
}

pub use crate::kernels::{Function, Operation};
pub use depth_to_space::BlockOrder;
pub use group_norm::NormGroups;
pub use pad::{PadMargins, PadMode};
pub use reduce::Reduction;
pub use reshape::ReshapeExtent;
pub use resize::{Coordinates, Resampling, ResizeSize, Rounding};
pub use slice::SliceSize;
pub use slope::Slopes;
