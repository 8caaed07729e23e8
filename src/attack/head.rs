//! Finds the end of a network that the mask can be fused with: a last convolution of 1 × 1, and what its adjoint
//! begins with.

use std::ops::Range;

use crate::kernels::{Params, asma_head, conv2d};
use crate::program::{BufferId, Builder, Call, CallId, Contents, Network, Place};

/// The network's calls without those that the fused kernel does, and what it takes over from them.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Forward calls up to the features.
    pub(super) forward: Range<CallId>,
    /// Adjoint calls from the features' gradient on.
    pub(super) adjoint: Range<CallId>,
    /// The last convolution.
    pub(super) convolution: conv2d::Params,
    pub(super) features: BufferId,
    pub(super) weight: BufferId,
    pub(super) epilogue: BufferId,
    /// Where the features' gradient goes.
    pub(super) gradient: Place,
    /// Of the activation that the features come from, whose adjoint the call taken over does too; 1 if there is none.
    pub(super) slope: f32,
}

impl Head {
    /// The head of `network`, if it has one: its last convolution is of 1 × 1 with stride 1, without activation and
    /// with few channels, and its gradient is not added to another.
    pub(super) fn find(network: &Network<Builder>) -> Option<Head> {
        let program = &network.program;
        let last = network.forward.clone().last()?;
        let call = program.calls().get(last)?;
        let convolution = pointwise(call)?;
        let [Some(features), Some(weight), Some(epilogue), None] = call.reads() else {
            return None;
        };
        let [features, weight, epilogue] = [*features, *weight, *epilogue];
        let logits = network.logits;
        // Not a part of a concatenation, which may stand at the same place.
        let is_last = call.writes() == [Some(logits.buffer)]
            && convolution.output == logits.view
            && convolution.output_extent == logits.shape.into();
        let channels = convolution.output_extent.c;
        let mut slopes = constant(program, epilogue)?.iter().skip(1).step_by(2);
        let activated = slopes.by_ref().take(channels as usize).any(|&slope| slope != 1.0);
        if !is_last || channels > asma_head::MOST_CHANNELS || activated {
            return None;
        }

        let first = network.adjoint.start;
        let call = program.calls().get(first)?;
        let adjoint = pointwise(call)?;
        let seed = network.seed?;
        let is_its_adjoint = call.reads().first() == Some(&Some(seed.buffer))
            && adjoint.input == seed.view
            && adjoint.input_extent == seed.shape.into()
            && adjoint.output_extent == convolution.input_extent;
        let [Some(gradient)] = *call.writes() else {
            return None;
        };
        if !is_its_adjoint || gradient == features {
            return None;
        }
        let slope = match adjoint.gated {
            0 => 1.0,
            _ => {
                // The kernel has one slope, and takes the features for the gate.
                let slopes = constant(program, call.buffers[2]?)?.iter().skip(1).step_by(2);
                let mut slopes = slopes.take(convolution.input_extent.c as usize);
                let first = *slopes.next()?;
                let gated_by_features =
                    call.buffers[3] == Some(features) && adjoint.output == convolution.input;
                if !gated_by_features || slopes.any(|slope| *slope != first) {
                    return None;
                }
                first
            }
        };
        Some(Head {
            forward: network.forward.start..last,
            adjoint: first + 1..network.adjoint.end,
            convolution,
            features,
            weight,
            epilogue,
            gradient: Place {
                buffer: gradient,
                view: adjoint.output,
                shape: adjoint.output_extent.into(),
            },
            slope,
        })
    }
}

/// The parameters of a call that is a convolution of 1 × 1 with stride 1 and overwrites its output.
fn pointwise(call: &Call) -> Option<conv2d::Params> {
    match call.params {
        Params::Conv2d(params)
            if (params.kernel, params.stride, params.padding) == ([1; 2], [1; 2], [0; 2])
                && params.accumulate == 0 =>
        {
            Some(params)
        }
        _ => None,
    }
}

fn constant(program: &Builder, id: BufferId) -> Option<&[f32]> {
    match &program.buffers().get(id.0)?.contents {
        Contents::Constant(values) => Some(values),
        Contents::Zeros => None,
    }
}
