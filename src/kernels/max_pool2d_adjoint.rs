//! Adjoint of max pooling: each input pixel gathers the gradient of those windows whose largest value it is.
//! Of equal values the first in row-major order has it, as in PyTorch. Recomputed from the input, so that no
//! index tensor is kept.

use super::max_pool2d::check_pooled;
use super::{
    Extent, KernelParams, Variant, View, check_flags, check_reach, check_windows, kernel,
    one_thread_per_element, samples, shader,
};

kernel! {
    "max_pool2d_adjoint", "max_pool2d_adjoint";
    parameters {
        /// Of what was pooled.
        input: View,
        /// Of the gradient of the pooled values.
        gradient: View,
        /// Of the gradient of the input.
        output: View,
        /// Of the input and its gradient.
        input_extent: Extent,
        /// Of the pooled values and their gradient.
        output_extent: Extent,
        /// Rows and columns of a window.
        kernel: [u32; 2],
        /// Distance between windows, rows and columns.
        stride: [u32; 2],
        /// Rows above and columns left of the image that windows may cover.
        padding: [u32; 2],
        /// 1: add to what `output` holds.
        accumulate: u32,
        /// 1: what was pooled are the values of a slope activation, whose adjoint follows: where they are not above 0,
        /// what `output` would hold is multiplied by `slope`.
        gated: u32,
        /// Of that activation.
        slope: f32,
    }
    reads {
        input: Real, view(input, input_extent);
        gradient: Real, view(gradient, output_extent);
    }
    writes {
        output: Real, view(output, input_extent), also_read(|call| call.accumulate == 1);
    }
}

/// Most values of a window that a thread holds.
const MOST_VALUES: u32 = 16;

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[
        Variant::<Params>::new(
            "direct",
            shader!("shared/pooling_adjoint", "max_pool2d_adjoint"),
            |call| one_thread_per_element(call.input_extent),
        ),
        // For windows that do not overlap, with a thread for each.
        Variant::<Params>::new(
            "windows",
            shader!("shared/pooling_adjoint", "max_pool2d_adjoint_windows"),
            |call| {
                let Extent { h, w, .. } = call.input_extent;
                one_thread_per_element(Extent {
                    h: h.div_ceil(call.kernel[0]),
                    w: w.div_ceil(call.kernel[1]),
                    ..call.input_extent
                })
            },
        )
        .for_calls(|call, _| {
            let [rows, columns] = call.kernel;
            call.kernel == call.stride && call.padding == [0, 0] && rows * columns <= MOST_VALUES
        })
        .with_constants(|call| {
            vec![
                ("KERNEL_ROWS", call.kernel[0]),
                ("KERNEL_COLUMNS", call.kernel[1]),
            ]
        }),
    ];

    fn check(&self) -> Result<(), String> {
        check_windows(self.kernel, self.stride, self.padding)?;
        check_reach(self.output_extent, self.kernel, self.stride, self.padding)?;
        check_reach(self.input_extent, self.kernel, self.stride, self.padding)?;
        check_pooled(self.input_extent, self.output_extent)?;
        check_flags(&[("accumulate", self.accumulate), ("gated", self.gated)])
    }

    fn work(&self) -> String {
        let Extent { n, c, h, w } = self.input_extent;
        let [rows, columns] = self.kernel;
        let added = if self.accumulate == 1 { ", added" } else { "" };
        let gated = if self.gated == 1 { ", gated" } else { "" };
        format!("max_pool2d_adjoint of {n}x{c}x{h}x{w}, kernel {rows}x{columns}{added}{gated}")
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::large_view(),
            gradient: samples::view(),
            output: samples::large_view(),
            input_extent: samples::large_extent(),
            output_extent: samples::extent(),
            kernel: [2; 2],
            stride: [2; 2],
            padding: [0; 2],
            accumulate: 0,
            gated: 0,
            slope: 1.0,
        }]
    }
}
