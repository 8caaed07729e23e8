//! Every kernel's shader on a GPU (lavapipe will do) against its twin on the CPU: random shapes with odd
//! sizes, one pixel, one channel and batches; strided views; all modes and flags. Whole buffers are compared,
//! so that a write outside the view shows, and about a third of the cases also run with naga's bounds checks
//! on, so that a read outside a buffer shows.

#[path = "../common/mod.rs"]
mod common;
mod support;

mod adam;
mod affine;
mod arithmetic;
mod asma_decisions;
mod asma_update;
mod attack_step;
mod average_pool2d;
mod average_pool2d_adjoint;
mod channel_sums;
mod combine_moments;
mod conv2d;
mod conv2d_weight_gradient;
mod conv_transpose2d;
mod copy;
mod depth_to_space;
mod depthwise_conv2d;
mod depthwise_conv_transpose2d;
mod fill;
mod gather;
mod largest_position;
mod loss_gradient;
mod loss_sums;
mod mat_mul;
mod max_pool2d;
mod max_pool2d_adjoint;
mod minimal;
mod minimal_settle;
mod moments;
mod normalise;
mod normalise_adjoint;
mod normalise_sums;
mod objective;
mod objective_head;
mod pad;
mod pad_adjoint;
mod pointwise;
mod pointwise_adjoint;
mod prediction;
mod proximal_clip;
mod proximal_rounds;
mod proximal_search;
mod reduce;
mod reshape;
mod resize;
mod resize_adjoint;
mod select;
mod slope;
mod slope_adjoint;
mod softmax;
mod softmax_adjoint;
mod spread;
mod sum_partials;
mod transpose;
