//! Exchanges axes: element `p` of the output is the element of the input whose place on axis `axes[a]` is `p[a]`.

use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "transpose", "transpose_axes";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of the input.
        input_extent: Extent,
        /// Of the output: on axis `a`, the size of the input's axis `axes[a]`.
        extent: Extent,
        /// Which axes of the input become samples and channels.
        outer_axes: [u32; 2],
        /// Which axes of the input become rows and columns.
        inner_axes: [u32; 2],
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        input: Real, view(input, input_extent);
    }
    writes {
        output: Real, view(output, extent), also_read(|call| call.accumulate == 1);
    }
}

impl Params {
    /// Which axis of the input each of the output's is.
    pub(crate) fn axes(&self) -> [u32; 4] {
        let ([n, c], [h, w]) = (self.outer_axes, self.inner_axes);
        [n, c, h, w]
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("transpose"), |call| {
            one_thread_per_element(call.extent)
        })
        .with_constants(|call| {
            let [n, c, h, w] = call.axes();
            vec![("AXIS_N", n), ("AXIS_C", c), ("AXIS_H", h), ("AXIS_W", w)]
        })];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("accumulate", self.accumulate)])?;
        let axes = self.axes();
        if (0..4).any(|axis| !axes.contains(&axis)) {
            return Err(format!("{axes:?} are not the four axes"));
        }
        let Extent { n, c, h, w } = self.input_extent;
        let wanted = axes.map(|axis| [n, c, h, w][axis as usize]);
        let Extent { n, c, h, w } = self.extent;
        match wanted == [n, c, h, w] {
            true => Ok(()),
            false => Err(format!("gives {wanted:?}, not {:?}", [n, c, h, w])),
        }
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            n: 2,
            c: 16,
            h: 16,
            w: 4,
        };
        vec![Params {
            input: samples::view(),
            output: View::dense(extent.into()),
            input_extent: samples::extent(),
            extent,
            outer_axes: [0, 2],
            inner_axes: [3, 1],
            accumulate: 0,
        }]
    }
}
