//! Adjoint of softmax over one axis, from the probabilities: `p (dp − Σ p dp)`, the sum along the axis. One thread for each
//! line along the axis, or one workgroup where the axis is that of columns.

use super::softmax::{COLUMNS, FEWEST_COLUMNS, lines};
use super::{
    Extent, KernelParams, Variant, View, check_choice, check_flags, fold, kernel, one_thread_per_element,
    samples, shader,
};

kernel! {
    "softmax_adjoint", "softmax_adjoint";
    parameters {
        /// Of the probabilities.
        probabilities: View,
        /// Of their gradient.
        gradient: View,
        /// Of the gradient of the logits.
        output: View,
        /// Of all three.
        extent: Extent,
        /// 0 to 3: over samples, channels, rows or columns.
        axis: u32,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        probabilities: Real, view(probabilities, extent);
        gradient: Real, view(gradient, extent);
    }
    writes {
        output: Real, view(output, extent), also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[
        Variant::<Params>::new("direct", shader!("softmax_adjoint"), |call| {
            one_thread_per_element(lines(call.extent, call.axis))
        })
        .with_constants(|call| vec![("AXIS", call.axis)]),
        Variant::<Params>::new("tree", shader!("softmax_adjoint_tree"), |call| {
            let rows = lines(call.extent, COLUMNS).elements();
            let [x, y] = fold(u32::try_from(rows).unwrap_or(u32::MAX));
            [x, y, 1]
        })
        .for_hardware()
        .for_calls(|call, _| call.axis == COLUMNS)
        .suiting(|call, _| call.extent.w >= FEWEST_COLUMNS),
    ];

    fn check(&self) -> Result<(), String> {
        check_choice("axis", self.axis, COLUMNS)?;
        check_flags(&[("accumulate", self.accumulate)])
    }

    fn work(&self) -> String {
        let Extent { n, c, h, w } = self.extent;
        format!("softmax_adjoint of {n}x{c}x{h}x{w} over axis {}", self.axis)
    }

    fn samples() -> Vec<Params> {
        let sample = |axis| Params {
            probabilities: samples::view(),
            gradient: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            axis,
            accumulate: 0,
        };
        (0..=COLUMNS).map(sample).collect()
    }
}
