//! The mask of an attack as part of the convolution that it reads.

use super::calls::Parts;
use crate::kernels::{Params, conv2d, objective, objective_head};
use crate::program::{BufferId, Builder, Call, CallId};

/// Calls in the order in which they run: up to the mask, and after it.
pub(crate) struct Middle {
    /// Those before the mask.
    pub before: Vec<CallId>,
    /// The mask, by itself or with what is fused with it.
    pub mask: CallId,
    /// Those after it.
    pub after: Vec<CallId>,
}

/// Adds a call that does what `mask`, which runs between `before` and `after`, does together with the convolution that
/// gives its logits and the one that alone reads its seed, where they are such as the kernel
/// [`objective_head`](crate::kernels::objective_head) can do: of 1 × 1 with stride 1, the first without activation and with few
/// channels, the second added to nothing. Returns the calls without those.
pub(crate) fn fuse_mask(program: &mut Builder, middle: Middle) -> Middle {
    match fused(program, &middle) {
        Some((call, convolution, adjoint)) => {
            let mask = program.calls().len();
            program.put_calls([call]);
            Middle {
                before: without(middle.before, Some(convolution)),
                mask,
                after: without(middle.after, adjoint),
            }
        }
        None => middle,
    }
}

fn without(mut calls: Vec<CallId>, left_out: Option<CallId>) -> Vec<CallId> {
    calls.retain(|call| Some(*call) != left_out);
    calls
}

/// The call, the convolution that it takes over, and the adjoint if there is one.
fn fused(program: &Builder, middle: &Middle) -> Option<(Call, CallId, Option<CallId>)> {
    let mask = program.calls().get(middle.mask)?;
    let Params::Objective(params) = mask.params else {
        return None;
    };
    let [Some(logits), target, classes, seed, counts] = mask.buffers[..] else {
        return None;
    };
    let call = |id: &CallId| program.calls().get(*id);
    let writes = |id: &CallId, buffer| call(id).is_some_and(|call| call.writes().contains(&Some(buffer)));

    let convolution = *middle.before.iter().rfind(|id| writes(id, logits))?;
    let forward = call(&convolution)?;
    let head = pointwise(forward)?;
    let [features, weight, epilogue, None] = *forward.reads() else {
        return None;
    };
    let whole = (head.output, head.output_extent) == (params.logits, params.extent);
    let activated = constant_slopes(program, epilogue?, head.output_extent.c)?.any(|slope| slope != 1.0);
    // Nothing else may read the logits on the way.
    let read_elsewhere = middle
        .before
        .iter()
        .chain(&middle.after)
        .any(|id| call(id).is_some_and(|call| call.reads().contains(&Some(logits))));
    if !whole || activated || read_elsewhere || head.output_extent.c > objective_head::MOST_CHANNELS {
        return None;
    }
    let mut fused = objective_head::Params {
        features: head.input,
        logits: head.output,
        gradient: head.input,
        feature_extent: head.input_extent,
        extent: head.output_extent,
        padded_out_channels: head.padded_out_channels,
        class_count: params.class_count,
        objective: params.objective,
        flags: params.flags,
        parity: params.parity,
        counts_length: params.counts_length,
        schedule_rows: params.schedule_rows,
        slope: 1.0,
    };
    let (mut adjoint, mut gradient) = (None, None);
    if params.flags & objective::WRITE_SEED != 0 {
        let (id, place, slope) = adjoint_of(program, middle, &params, seed?, features?, &head)?;
        let [Some(output)] = *call(&id)?.writes() else {
            return None;
        };
        if Some(output) == features {
            return None;
        }
        (fused.gradient, fused.slope) = (place, slope);
        (adjoint, gradient) = (Some(id), Some(output));
    }
    let call = Call {
        label: "asma head".into(),
        params: fused.into(),
        buffers: vec![
            features,
            weight,
            epilogue,
            target,
            classes,
            gradient,
            counts,
            Some(logits),
        ],
        condition: None,
    };
    Some((call, convolution, adjoint))
}

/// The call that takes the seed to the gradient of `features`, where that goes, and the slope of the activation that the
/// features come from, whose adjoint it does too; 1 if there is none.
fn adjoint_of(
    program: &Builder,
    middle: &Middle,
    mask: &objective::Params,
    seed: BufferId,
    features: BufferId,
    head: &conv2d::Params,
) -> Option<(CallId, crate::kernels::View, f32)> {
    let reads_seed = |id: &&CallId| {
        program
            .calls()
            .get(**id)
            .is_some_and(|call| call.used().any(|used| used == seed))
    };
    let mut readers = middle.after.iter().filter(reads_seed);
    let (Some(id), None) = (readers.next(), readers.next()) else {
        return None;
    };
    let call = program.calls().get(*id)?;
    let adjoint = pointwise(call)?;
    let reads = call.part(0)?;
    let of_seed = reads.buffer == seed && (reads.view, reads.extent) == (mask.seed, mask.extent);
    if !of_seed || adjoint.output_extent != head.input_extent || !is_transposed(program, call, middle, head) {
        return None;
    }
    let slope = match adjoint.gated {
        0 => 1.0,
        _ => {
            // The kernel has one slope, and takes the features for the gate.
            let mut slopes = constant_slopes(program, call.buffers[2]?, adjoint.output_extent.c)?;
            let first = slopes.next()?;
            let gated_by_features = call.buffers[3] == Some(features) && adjoint.output == head.input;
            if !gated_by_features || slopes.any(|slope| slope != first) {
                return None;
            }
            first
        }
    };
    Some((*id, adjoint.output, slope))
}

/// Whether the weights of `adjoint` are those of the convolution before the mask with channels exchanged: the kernel
/// reads only the latter.
fn is_transposed(program: &Builder, adjoint: &Call, middle: &Middle, head: &conv2d::Params) -> bool {
    let forward = middle.before.iter().rev().find_map(|id| {
        let call = program.calls().get(*id)?;
        (call.params == Params::Conv2d(*head)).then_some(call)
    });
    let weights = |call: &Call| program.constant(call.buffers[1]?);
    let (Some(forward), Some(backward)) = (forward.and_then(weights), weights(adjoint)) else {
        return false;
    };
    let (ins, outs) = (head.input_extent.c as usize, head.output_extent.c as usize);
    let [padded_outs, padded_ins] =
        [outs, ins].map(|channels| channels.next_multiple_of(conv2d::CHANNEL_BLOCK));
    (0..ins).all(|i| {
        (0..outs).all(|out| {
            let pair = (
                forward.get(i * padded_outs + out),
                backward.get(out * padded_ins + i),
            );
            matches!(pair, (Some(a), Some(b)) if a.to_bits() == b.to_bits())
        })
    })
}

/// The parameters of a call that is a convolution of 1 × 1 with stride 1 and overwrites its output.
fn pointwise(call: &Call) -> Option<conv2d::Params> {
    match call.params {
        Params::Conv2d(params)
            if (params.kernel, params.stride, params.padding) == ([1; 2], [1; 2], [0; 2])
                && params.groups == 1
                && same_pixels(&params)
                && params.accumulate == 0 =>
        {
            Some(params)
        }
        _ => None,
    }
}

/// Whether there is an output pixel for each input pixel.
fn same_pixels(params: &conv2d::Params) -> bool {
    let (input, output) = (params.input_extent, params.output_extent);
    (input.h, input.w) == (output.h, output.w)
}

/// The slopes of an epilogue's channels.
fn constant_slopes(
    program: &Builder,
    epilogue: BufferId,
    channels: u32,
) -> Option<impl Iterator<Item = f32>> {
    let slopes = program.constant(epilogue)?.iter().skip(1).step_by(2);
    Some(slopes.take(channels as usize).copied())
}
