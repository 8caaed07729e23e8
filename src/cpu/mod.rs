//! Runs programs on the CPU. One file per kernel holds its twin: a plain function over slices with the
//! parameters and the binding order of the kernel's contract, and the definition of what the shader of
//! the same name must compute.

mod executor;
mod matrix;
mod rows;

pub mod adam;
pub mod add;
pub mod affine;
pub mod asma_head;
pub mod asma_mask;
pub mod asma_update;
mod ceilings;
pub mod channel_sums;
pub mod conv2d;
pub mod conv2d_weight_gradient;
pub mod conv_transpose2d;
pub mod copy;
pub mod fill;
pub mod gather;
pub mod loss_gradient;
pub mod loss_sums;
pub mod max_pool2d;
pub mod max_pool2d_adjoint;
pub mod pad;
pub mod pad_adjoint;
pub mod sigmoid;
pub mod sigmoid_adjoint;
pub mod slope;
pub mod slope_adjoint;
pub mod softmax;
pub mod softmax_adjoint;
pub mod sum_partials;
pub mod upsample;
pub mod upsample_adjoint;

pub use executor::CpuExecutor;
