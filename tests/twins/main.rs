//! The kernels' twins on the CPU against plain loops with f64 sums, and their adjoints against central
//! finite differences of those loops and the inner-product identity. One file per kernel and its adjoint.

mod adam;
mod asma_update;
mod average_pool2d;
mod convolution;
mod depth_to_space;
mod elementwise;
mod executor;
mod gradient;
mod loss;
mod max_pool2d;
mod minimal;
mod minimal_settle;
mod normalisation;
mod objective;
mod pad;
mod pointwise;
mod proximal;
mod rearrangement;
mod reduction;
mod resize;
mod select;
mod softmax;
mod strided;
mod sums;
mod weight_gradient;
