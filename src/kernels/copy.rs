//! Copies or adds one strided tensor to another: what a concatenation or a second use of a tensor needs
//! where it cannot be a view.

use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "copy", "copy";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of both.
        extent: Extent,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        input: Real, view(input, extent);
    }
    writes {
        output: Real, view(output, extent), also_read(|call| call.accumulate == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("copy"), |call| {
            one_thread_per_element(call.extent)
        })];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("accumulate", self.accumulate)])
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            input: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            accumulate: 0,
        }]
    }
}
