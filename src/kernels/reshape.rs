//! The same numbers in the same order, row by row, channel by channel, sample by sample, with other sizes.

use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "reshape", "reshape";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of the input.
        input_extent: Extent,
        /// Of the output, of as many elements.
        extent: Extent,
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

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("shared/blocks", "reshape"),
        |call| one_thread_per_element(call.extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("accumulate", self.accumulate)])?;
        let [input, output] = [self.input_extent, self.extent].map(Extent::elements);
        match input == output {
            true => Ok(()),
            false => Err(format!("{input} elements are to become {output}")),
        }
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            n: 1,
            c: 8,
            h: 8,
            w: 32,
        };
        vec![Params {
            input: samples::view(),
            output: View::dense(extent.into()),
            input_extent: samples::extent(),
            extent,
            accumulate: 0,
        }]
    }
}
