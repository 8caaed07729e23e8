//! Twin of [`kernels::depthwise_conv_transpose2d`](crate::kernels::depthwise_conv_transpose2d).

use rayon::prelude::*;

use super::matrix::Epilogue;
use super::rows::{planes, row, sizes};
use crate::kernels::depthwise_conv_transpose2d::Params;

/// `output = slope(bias + weight ∗ᵀ input)`, or added to `output`; or gated. Row by row: each tap adds a multiple of a row
/// of the input to places a stride apart.
pub fn run(
    params: &Params,
    input: &[f32],
    weight: &[f32],
    epilogue: &[f32],
    gate: &[f32],
    output: &mut [f32],
) {
    let [_, in_channels, in_h, in_w] = sizes(params.input_extent);
    let [_, out_channels, _, w] = sizes(params.output_extent);
    let groups = params.groups as usize;
    let [ins, outs] = [in_channels / groups, out_channels / groups];
    let [kernel_rows, kernel_columns] = params.kernel.map(|size| size as usize);
    let [stride_rows, stride_columns] = params.stride.map(|stride| stride as usize);
    let [above, left] = params.padding.map(|padding| padding as usize);
    let [down, across] = params.dilation.map(|dilation| dilation as usize);
    let padded = params.padded_out_channels as usize;
    let epilogue = Epilogue {
        coefficients: epilogue,
        gate: (params.gated == 1).then_some(gate),
        accumulate: params.accumulate != 0,
    };
    let pitch = (params.output.row as usize).max(w);
    planes(output, params.output, params.output_extent)
        .into_par_iter()
        .for_each_init(Vec::new, |sums, plane| {
            sums.resize(w, 0.0);
            let first = plane.c / outs * ins;
            for (y, out) in plane.values.chunks_mut(pitch).enumerate() {
                sums.fill(0.0);
                for (i, ky) in (0..ins).flat_map(|i| (0..kernel_rows).map(move |ky| (i, ky))) {
                    let Some(place) = (y + above).checked_sub(ky * down) else {
                        continue;
                    };
                    if !place.is_multiple_of(stride_rows) || place / stride_rows >= in_h {
                        continue;
                    }
                    let values = row(input, params.input, plane.n, first + i, place / stride_rows, in_w);
                    let tap = (i * kernel_rows + ky) * kernel_columns;
                    for kx in 0..kernel_columns {
                        let factor = weight[(tap + kx) * padded + plane.c];
                        // The first value whose place is not cut off, and that place.
                        let begin = left.saturating_sub(kx * across).div_ceil(stride_columns);
                        let place = begin * stride_columns + kx * across - left;
                        if begin < in_w && place < w {
                            let places = sums[place..].iter_mut().step_by(stride_columns);
                            for (sum, value) in places.zip(&values[begin..]) {
                                *sum += factor * value;
                            }
                        }
                    }
                }
                let index = params.output.at(plane.n, plane.c, y, 0);
                epilogue.apply(plane.c, sums, &mut out[..w], index, 1);
            }
        });
}
