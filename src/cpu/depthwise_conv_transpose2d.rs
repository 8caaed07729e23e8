//! Twin of [`kernels::depthwise_conv_transpose2d`](crate::kernels::depthwise_conv_transpose2d).

use super::convolution::Convolution;
use super::matrix::Epilogue;
use crate::kernels::depthwise_conv_transpose2d::Params;

/// `output = slope(bias + weight ∗ᵀ input)`, or added to `output`; or gated.
pub fn run(
    params: &Params,
    input: &[f32],
    weight: &[f32],
    epilogue: &[f32],
    gate: &[f32],
    output: &mut [f32],
) {
    let convolution = Convolution {
        params: params.plain(),
        transposed: true,
        input,
        weight,
        epilogue: Epilogue {
            coefficients: epilogue,
            gate: (params.gated == 1).then_some(gate),
            accumulate: params.accumulate != 0,
        },
    };
    convolution.run(output);
}
