//! Softmax over one axis, with the largest logit subtracted first so that nothing overflows. One thread for each line along
//! the axis, or one workgroup where the axis is that of columns.

use super::{
    Extent, KernelParams, Variant, View, check_choice, fold, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "softmax", "softmax";
    parameters {
        /// Of the logits.
        input: View,
        /// Of the probabilities.
        output: View,
        /// Of both.
        extent: Extent,
        /// 0 to 3: over samples, channels, rows or columns.
        axis: u32,
    }
    reads {
        input: Real, view(input, extent);
    }
    writes {
        output: Real, view(output, extent);
    }
}

/// The axis of columns.
pub(super) const COLUMNS: u32 = 3;

/// Columns below which a thread takes a whole row.
pub(super) const FEWEST_COLUMNS: u32 = 64;

/// The lines along an axis.
pub(crate) fn lines(extent: Extent, axis: u32) -> Extent {
    match axis {
        0 => Extent { n: 1, ..extent },
        1 => Extent { c: 1, ..extent },
        2 => Extent { h: 1, ..extent },
        _ => Extent { w: 1, ..extent },
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[
        Variant::<Params>::new("direct", shader!("softmax"), |call| {
            one_thread_per_element(lines(call.extent, call.axis))
        })
        .with_constants(|call| vec![("AXIS", call.axis)]),
        Variant::<Params>::new("tree", shader!("softmax_tree"), |call| {
            let rows = lines(call.extent, COLUMNS).elements();
            let [x, y] = fold(u32::try_from(rows).unwrap_or(u32::MAX));
            [x, y, 1]
        })
        .for_hardware()
        .for_calls(|call, _| call.axis == COLUMNS)
        .suiting(|call, _| call.extent.w >= FEWEST_COLUMNS),
    ];

    fn check(&self) -> Result<(), String> {
        check_choice("axis", self.axis, COLUMNS)
    }

    fn work(&self) -> String {
        let Extent { n, c, h, w } = self.extent;
        format!("softmax of {n}x{c}x{h}x{w} over axis {}", self.axis)
    }

    fn samples() -> Vec<Params> {
        let sample = |axis| Params {
            input: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            axis,
        };
        (0..=COLUMNS).map(sample).collect()
    }
}
