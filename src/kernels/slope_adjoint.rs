//! Adjoint of the slope activation: `dx = dy` where the reference is positive, `slope_c · dy` elsewhere (the
//! slope at 0 is that of the negative side, as in PyTorch). The reference may be the activation's input or,
//! for slopes of at least 0, its output, whose sign is the same.

use super::{
    Extent, KernelParams, Variant, View, check_flags, kernel, one_thread_per_element, samples, shader,
};

kernel! {
    "slope_adjoint", "slope_adjoint";
    parameters {
        /// Of the reference.
        reference: View,
        /// Of the gradient of the activation's output.
        gradient: View,
        /// Of the gradient of the activation's input.
        output: View,
        /// Of all three.
        extent: Extent,
        /// 1: the incoming gradient stands in `output` and is replaced there.
        in_place: u32,
        /// 1: add to what `output` holds. Not together with `in_place`.
        accumulate: u32,
    }
    reads {
        reference: Real, view(reference, extent);
        // One for each channel.
        slopes: Float, first(|call| call.extent.c.into());
        gradient: Real, view(gradient, extent), when(|call| call.in_place == 0);
    }
    writes {
        output: Real, view(output, extent), also_read(|call| (call.in_place | call.accumulate) == 1);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[Variant::<Params>::new(
        "direct",
        shader!("slope_adjoint"),
        |call| one_thread_per_element(call.extent),
    )];

    fn check(&self) -> Result<(), String> {
        check_flags(&[("in_place", self.in_place), ("accumulate", self.accumulate)])?;
        match self.in_place + self.accumulate {
            2 => Err("it would both replace and add to what `output` holds".into()),
            _ => Ok(()),
        }
    }

    fn samples() -> Vec<Params> {
        vec![Params {
            reference: samples::view(),
            gradient: samples::view(),
            output: samples::view(),
            extent: samples::extent(),
            in_place: 0,
            accumulate: 0,
        }]
    }
}
