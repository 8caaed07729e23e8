//! The adjoint of an activation as part of the call before it.

use std::sync::Arc;

use super::{Builder, Call, Contents, Place};
use crate::kernels::{Params, conv2d};

impl Builder {
    /// Makes the last call that writes `gradient`, that of the values of a slope activation at `values`, multiply it by
    /// the activation's derivative, with a slope for each channel; false if it cannot.
    ///
    /// It can if it is a convolution, or the adjoint of max pooling over those values, writes the whole of it, and nothing
    /// read it since; the values must be laid out as the gradient.
    pub(super) fn gate_last_write(&mut self, gradient: Place, values: Place, slopes: &[f32]) -> bool {
        let uses = |call: &Call| call.used().any(|id| id == gradient.buffer);
        let Some(call) = self.calls.iter_mut().rev().find(|call| uses(call)) else {
            return false;
        };
        if call.writes() != [Some(gradient.buffer)] || gradient.view != values.view {
            return false;
        }
        let extent = gradient.shape.into();
        match &mut call.params {
            Params::Conv2d(params) => {
                if (params.output, params.output_extent, params.gated) != (gradient.view, extent, 0) {
                    return false;
                }
                params.gated = 1;
            }
            Params::ConvTranspose2d(params) => {
                if (params.output, params.output_extent, params.gated) != (gradient.view, extent, 0) {
                    return false;
                }
                params.gated = 1;
            }
            Params::MaxPool2dAdjoint(params) => {
                let Some((slope, others)) = slopes.split_first() else {
                    return false;
                };
                let pools_them = call.buffers[0] == Some(values.buffer) && params.input == values.view;
                let whole = (params.output, params.input_extent, params.gated) == (gradient.view, extent, 0);
                if !pools_them || !whole || others.iter().any(|other| other != slope) {
                    return false;
                }
                (params.gated, params.slope) = (1, *slope);
                return true;
            }
            _ => return false,
        }
        // Of a convolution: its own epilogue, which as an adjoint it has none of, becomes the gate's slopes.
        let padded = slopes.len().next_multiple_of(conv2d::CHANNEL_BLOCK);
        let mut epilogue = vec![0.0; 2 * padded];
        for (pair, slope) in epilogue.chunks_exact_mut(2).zip(slopes) {
            pair[1] = *slope;
        }
        call.buffers[3] = Some(values.buffer);
        let Some(coefficients) = call.buffers[2] else {
            return false;
        };
        self.buffers[coefficients.0].contents = Contents::Constant(Arc::new(epilogue));
        true
    }
}
