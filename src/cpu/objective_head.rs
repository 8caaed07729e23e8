//! Twin of [`kernels::objective_head`]: the twins of what it is made of, one after the other.

use std::cell::RefCell;

use super::scratch::{leave, taken};
use super::{conv2d, objective, slope_adjoint};
use crate::kernels::conv2d::CHANNEL_BLOCK;
use crate::kernels::objective::{WORKGROUP, WRITE_SEED};
use crate::kernels::objective_head::{PIXELS_PER_THREAD, Params};
use crate::kernels::{self, View};

thread_local! {
    static SEED: RefCell<Vec<f32>> = RefCell::default();
}

/// Logits, `counts` added to, and the features' gradient.
#[allow(clippy::too_many_arguments)]
pub fn run(
    params: &Params,
    features: &[f32],
    weight: &[f32],
    epilogue: &[f32],
    labels: &[u32],
    settings: &[u32],
    gradient: &mut [f32],
    counts: &mut [u32],
    logits: &mut [f32],
) {
    let feature_extent = params.feature_extent;
    let forward = kernels::conv2d::Params {
        input: params.features,
        output: params.logits,
        input_extent: feature_extent,
        output_extent: params.extent,
        kernel: [1; 2],
        stride: [1; 2],
        padding: [0; 2],
        dilation: [1; 2],
        padded_out_channels: params.padded_out_channels,
        accumulate: 0,
        gated: 0,
        groups: 1,
    };
    conv2d::run(&forward, features, weight, epilogue, &[], logits);

    let seed_view = View::dense(params.extent.into());
    let mut seed = match params.flags & WRITE_SEED {
        0 => Vec::new(),
        _ => taken(&SEED, params.extent.elements() as usize),
    };
    let mask = kernels::objective::Params {
        logits: params.logits,
        seed: seed_view,
        extent: params.extent,
        class_count: params.class_count,
        objective: params.objective,
        flags: params.flags,
        parity: params.parity,
        counts_length: params.counts_length,
        schedule_rows: params.schedule_rows,
    };
    let shared = (WORKGROUP * PIXELS_PER_THREAD) as usize;
    objective::run_with_losses_of(shared, &mask, logits, labels, settings, &mut seed, counts);
    if seed.is_empty() {
        return;
    }

    let padded = (feature_extent.c as usize).next_multiple_of(CHANNEL_BLOCK);
    let adjoint = kernels::conv2d::Params {
        input: seed_view,
        output: params.gradient,
        input_extent: params.extent,
        output_extent: feature_extent,
        padded_out_channels: padded as u32,
        ..forward
    };
    let mut transposed = vec![0.0; params.extent.c as usize * padded];
    for (i, outs) in weight
        .chunks_exact(params.padded_out_channels as usize)
        .enumerate()
    {
        for (c, &value) in outs[..params.extent.c as usize].iter().enumerate() {
            transposed[c * padded + i] = value;
        }
    }
    let plain = [0.0, 1.0].repeat(padded);
    conv2d::run(&adjoint, &seed, &transposed, &plain, &[], gradient);
    let activation = kernels::slope_adjoint::Params {
        reference: params.features,
        gradient: params.gradient,
        output: params.gradient,
        extent: feature_extent,
        in_place: 1,
        accumulate: 0,
    };
    let slopes = vec![params.slope; feature_extent.c as usize];
    slope_adjoint::run(&activation, features, &slopes, &[], gradient);
    leave(&SEED, seed);
}
