//! Puts together what one call can do, by what the calls are: which kernel, which tensors it reads and writes, and who
//! else uses them.
//!
//! - A scale and shift behind a convolution goes into its weights and bias, and one before it into its weights.
//! - An activation behind a convolution goes into its epilogue, and one behind a normalisation into its last call.
//! - The adjoint of an activation goes into the call that wrote the gradient last, or else is done in place.
//! - The mask of an attack goes into the convolution that it reads ([`fuse_mask`]).

mod calls;
mod mask;

use std::collections::{HashMap, HashSet};

use calls::{Calls, Part, Parts};

use crate::kernels::{Params, conv2d, normalise};
use crate::program::{BufferId, Builder};

pub(crate) use mask::{Middle, fuse_mask};

/// Where the small arrays come from that kernels read beside their tensors.
#[derive(Clone, Copy, Debug)]
pub(super) enum Coefficients {
    /// They are a constant.
    Constant,
    /// They are gathered from the parameters before each use.
    Gathered {
        /// Which of them, a constant.
        indices: BufferId,
    },
}

/// Rewrites the calls of `program`, of which `forward` stand before the adjoints, and returns how many do so then.
/// `pinned` buffers are written or read between calls.
pub(super) fn rewrite(
    program: &mut Builder,
    forward: usize,
    pinned: &[BufferId],
    coefficients: &HashMap<BufferId, Coefficients>,
) -> usize {
    let calls = Calls::new(program.take_calls());
    let mut rewriting = Rewriting {
        program,
        calls,
        pinned: pinned.iter().copied().collect(),
        coefficients,
        activated: HashSet::new(),
    };
    for id in 0..rewriting.calls.len() {
        let params = rewriting.calls.get(id).map(|call| call.params);
        match params {
            Some(Params::Affine(_)) => {
                let _ = rewriting.affine_into_the_convolution_before(id).is_some()
                    || rewriting.affine_into_the_convolution_behind(id).is_some();
            }
            Some(Params::Slope(_)) => {
                let _ = rewriting.activation_into_the_convolution_before(id).is_some()
                    || rewriting.activation_into_the_normalisation_before(id).is_some();
            }
            Some(Params::SlopeAdjoint(_) | Params::PointwiseAdjoint(_)) => {
                let _ = rewriting.activation_adjoint_into_the_gradient(id);
            }
            _ => {}
        }
    }
    rewriting.remove_unread_gathers();
    let before = rewriting.calls.count(..forward);
    let calls = rewriting.calls.into_remaining();
    program.put_calls(calls);
    before
}

struct Rewriting<'p> {
    program: &'p mut Builder,
    calls: Calls,
    pinned: HashSet<BufferId>,
    coefficients: &'p HashMap<BufferId, Coefficients>,
    /// Epilogues that an activation has gone into.
    activated: HashSet<BufferId>,
}

/// A convolution of any kind.
struct Convolution {
    params: conv2d::Params,
    input: BufferId,
    weight: BufferId,
    epilogue: BufferId,
    output: BufferId,
}

impl Rewriting<'_> {
    /// The convolution that call `id` is, if it is one without gate.
    fn convolution(&self, id: usize) -> Option<Convolution> {
        let call = self.calls.get(id)?;
        let params = match call.params {
            Params::Conv2d(params) => params,
            Params::ConvTranspose2d(params) => params.plain(),
            Params::DepthwiseConv2d(params) => params.plain(),
            Params::DepthwiseConvTranspose2d(params) => params.plain(),
            _ => return None,
        };
        let [Some(input), Some(weight), Some(epilogue), None, Some(output)] = call.buffers[..] else {
            return None;
        };
        (params.gated == 0).then_some(Convolution {
            params,
            input,
            weight,
            epilogue,
            output,
        })
    }

    /// Overwrites the parameters of convolution `id`.
    fn set_convolution(&mut self, id: usize, params: conv2d::Params) {
        if let Some(call) = self.calls.get_mut(id) {
            call.params = match call.params {
                Params::ConvTranspose2d(_) => Params::ConvTranspose2d(params.into()),
                Params::DepthwiseConv2d(_) => Params::DepthwiseConv2d(params.into()),
                Params::DepthwiseConvTranspose2d(_) => Params::DepthwiseConvTranspose2d(params.into()),
                _ => params.into(),
            };
        }
    }

    /// The convolution that alone writes all of `place`, which nothing but call `reader` reads.
    fn only_writer(&self, place: &Part, reader: usize) -> Option<(usize, Convolution)> {
        let [writer, other] = self.calls.uses(place.buffer)[..] else {
            return None;
        };
        let convolution = self.convolution(writer)?;
        let params = &convolution.params;
        let whole = (params.output, params.output_extent) == (place.view, place.extent);
        let alone = other == reader && writer < reader && !self.pinned.contains(&place.buffer);
        let plain = params.accumulate == 0 && !self.activated.contains(&convolution.epilogue);
        (whole && alone && plain && convolution.output == place.buffer).then_some((writer, convolution))
    }

    /// The numbers of a constant that only call `user` reads.
    fn own_constant(&self, id: BufferId, user: usize) -> Option<&[f32]> {
        let constant = matches!(self.coefficients.get(&id), Some(Coefficients::Constant));
        (constant && self.calls.uses(id) == [user])
            .then(|| self.program.constant(id))
            .flatten()
    }

    /// Whether what call `reader` writes to `place` may be written by convolution `writer` before it: nothing in between
    /// uses what stands there, nor does the convolution read it.
    fn can_write_earlier(
        &self,
        convolution: &Convolution,
        writer: usize,
        place: &Part,
        reader: usize,
    ) -> bool {
        convolution.input != place.buffer && !self.calls.uses_between(place, writer + 1..reader)
    }

    /// Lets convolution `id` write to `place` instead.
    fn write_to(&mut self, id: usize, convolution: Convolution, place: Part) -> Option<()> {
        self.set_convolution(
            id,
            conv2d::Params {
                output: place.view,
                ..convolution.params
            },
        );
        *self.calls.get_mut(id)?.buffers.last_mut()? = Some(place.buffer);
        Some(())
    }

    fn affine_into_the_convolution_before(&mut self, id: usize) -> Option<()> {
        let call = self.calls.get(id)?;
        let Params::Affine(params) = call.params else {
            return None;
        };
        let [input, output] = [call.part(0)?, call.part(2)?];
        let pairs = self.own_constant(call.buffers[1]?, id)?.to_vec();
        let (writer, convolution) = self.only_writer(&input, id)?;
        if params.accumulate == 1 || !self.can_write_earlier(&convolution, writer, &output, id) {
            return None;
        }
        self.own_constant(convolution.weight, writer)?;
        self.own_constant(convolution.epilogue, writer)?;
        let padded = convolution.params.padded_out_channels as usize;
        let weights = self.program.constant_mut(convolution.weight)?;
        for outs in weights.chunks_exact_mut(padded) {
            for (weight, pair) in outs.iter_mut().zip(pairs.chunks_exact(2)) {
                *weight *= pair[0];
            }
        }
        let epilogue = self.program.constant_mut(convolution.epilogue)?;
        for (own, pair) in epilogue.chunks_exact_mut(2).zip(pairs.chunks_exact(2)) {
            own[0] = own[0] * pair[0] + pair[1];
        }
        self.write_to(writer, convolution, output)?;
        self.calls.remove(id);
        Some(())
    }

    fn affine_into_the_convolution_behind(&mut self, id: usize) -> Option<()> {
        let call = self.calls.get(id)?;
        let Params::Affine(params) = call.params else {
            return None;
        };
        let [input, output] = [call.part(0)?, call.part(2)?];
        let pairs = self.own_constant(call.buffers[1]?, id)?.to_vec();
        let [_, reader] = self.calls.uses(output.buffer)[..] else {
            return None;
        };
        let convolution = self.convolution(reader)?;
        let read =
            (convolution.params.input, convolution.params.input_extent) == (output.view, output.extent);
        let shifts = pairs.chunks_exact(2).any(|pair| pair[1] != 0.0);
        if params.accumulate == 1
            || shifts
            || !read
            || reader < id
            || convolution.input != output.buffer
            || convolution.output == input.buffer
            || self.pinned.contains(&output.buffer)
            || self.calls.writes_between(&input, id + 1..reader)
        {
            return None;
        }
        self.own_constant(convolution.weight, reader)?;
        let conv2d::Params {
            input_extent,
            output_extent,
            kernel,
            groups,
            padded_out_channels,
            ..
        } = convolution.params;
        let [ins, outs] = [input_extent.c, output_extent.c].map(|channels| (channels / groups) as usize);
        let weights = self.program.constant_mut(convolution.weight)?;
        for (tap, weights) in weights.chunks_exact_mut(padded_out_channels as usize).enumerate() {
            let i = tap / (kernel[0] * kernel[1]) as usize;
            for (out, weight) in weights[..output_extent.c as usize].iter_mut().enumerate() {
                *weight *= pairs[2 * (out / outs * ins + i)];
            }
        }
        self.set_convolution(
            reader,
            conv2d::Params {
                input: input.view,
                ..convolution.params
            },
        );
        *self.calls.get_mut(reader)?.buffers.first_mut()? = Some(input.buffer);
        self.calls.remove(id);
        Some(())
    }

    fn activation_into_the_convolution_before(&mut self, id: usize) -> Option<()> {
        let call = self.calls.get(id)?;
        let [input, output] = [call.part(0)?, call.part(2)?];
        let slopes = call.buffers[1]?;
        let (writer, convolution) = self.only_writer(&input, id)?;
        if !self.can_write_earlier(&convolution, writer, &output, id) {
            return None;
        }
        // Numbers or, where they are gathered, indices of them: the epilogue takes them over alike.
        let source = |id: BufferId| match self.coefficients.get(&id)? {
            Coefficients::Constant => Some((id, false)),
            Coefficients::Gathered { indices } => Some((*indices, true)),
        };
        let ((from, gathered), (to, also)) = (source(slopes)?, source(convolution.epilogue)?);
        if gathered != also {
            return None;
        }
        let slopes = self.program.constant(from)?.to_vec();
        let epilogue = self.program.constant_mut(to)?;
        for (pair, slope) in epilogue.chunks_exact_mut(2).zip(slopes) {
            pair[1] = slope;
        }
        self.activated.insert(convolution.epilogue);
        self.write_to(writer, convolution, output)?;
        self.calls.remove(id);
        Some(())
    }

    /// Only of slopes that are constant: gathered ones are gathered after the normalisation.
    fn activation_into_the_normalisation_before(&mut self, id: usize) -> Option<()> {
        let call = self.calls.get(id)?;
        let [input, output] = [call.part(0)?, call.part(2)?];
        let slopes = call.buffers[1]?;
        let [writer, other] = self.calls.uses(input.buffer)[..] else {
            return None;
        };
        let normalisation = self.calls.get(writer)?;
        let Params::Normalise(params) = normalisation.params else {
            return None;
        };
        let whole = (params.output, params.extent) == (input.view, input.extent);
        let constant = matches!(self.coefficients.get(&slopes), Some(Coefficients::Constant));
        if !whole
            || !constant
            || params.activated == 1
            || other != id
            || writer >= id
            || self.pinned.contains(&input.buffer)
            || normalisation.used().any(|used| used == output.buffer)
            || self.calls.uses_between(&output, writer + 1..id)
        {
            return None;
        }
        let call = self.calls.get_mut(writer)?;
        call.params = normalise::Params {
            output: output.view,
            activated: 1,
            ..params
        }
        .into();
        (call.buffers[3], call.buffers[4]) = (Some(slopes), Some(output.buffer));
        self.calls.remove(id);
        Some(())
    }

    /// The adjoint of an activation reads a gradient that nobody needs afterwards. The call that wrote it last can
    /// multiply it by the derivative at once; where it cannot, it is done in place.
    fn activation_adjoint_into_the_gradient(&mut self, id: usize) -> Option<()> {
        let call = self.calls.get(id)?;
        // Where its own buffers of gradients stand, and what it takes from them.
        let (gradient, accumulate, slopes) = match call.params {
            Params::SlopeAdjoint(params) => (2, params.accumulate, Some(call.buffers[1]?)),
            Params::PointwiseAdjoint(params) => (1, params.accumulate, None),
            _ => return None,
        };
        let [signs, before, after] = [call.part(0)?, call.part(gradient)?, call.part(gradient + 1)?];
        if accumulate == 1
            || signs.buffer == before.buffer
            || self.pinned.contains(&after.buffer)
            || self.calls.uses_between(&before, id + 1..self.calls.len())
            || !self.calls.can_be_renamed(&after, id + 1)
            || self.calls.share_a_call(after.buffer, before.buffer, id)
        {
            return None;
        }
        let gated = slopes.is_some_and(|slopes| self.gate(id, &signs, &before, slopes).is_some());
        if gated {
            self.calls.remove(id);
        } else {
            let call = self.calls.get_mut(id)?;
            match &mut call.params {
                Params::SlopeAdjoint(params) => (params.in_place, params.output) = (1, before.view),
                Params::PointwiseAdjoint(params) => (params.in_place, params.output) = (1, before.view),
                _ => return None,
            }
            (call.buffers[gradient], call.buffers[gradient + 1]) = (None, Some(before.buffer));
        }
        self.calls.rename(&after, &before, id + 1);
        Some(())
    }

    /// Makes the call that wrote `gradient` last before call `id` multiply it by an activation's derivative, which
    /// follows from the signs at `signs`.
    fn gate(&mut self, id: usize, signs: &Part, gradient: &Part, slopes: BufferId) -> Option<()> {
        let slopes = self.own_constant(slopes, id)?.to_vec();
        let writer = self.calls.last_write(gradient, id)?;
        if self.calls.uses_between(gradient, writer + 1..id)
            || self.calls.writes_between(signs, writer..id)
            || (signs.view, signs.extent) != (gradient.view, gradient.extent)
        {
            return None;
        }
        let written = self.calls.get(writer)?.written_part(gradient.buffer)?;
        if (written.view, written.extent) != (gradient.view, gradient.extent) {
            return None;
        }
        if let Some(convolution) = self.convolution(writer) {
            let epilogue = self.own_constant(convolution.epilogue, writer)?;
            // What it does itself would come before the gate: nothing.
            let channels = gradient.extent.c as usize;
            let own = epilogue.chunks_exact(2).take(channels);
            if own.clone().any(|pair| pair != [0.0, 1.0]) {
                return None;
            }
            let epilogue = self.program.constant_mut(convolution.epilogue)?;
            for (pair, slope) in epilogue.chunks_exact_mut(2).zip(&slopes) {
                pair[1] = *slope;
            }
            self.activated.insert(convolution.epilogue);
            self.set_convolution(
                writer,
                conv2d::Params {
                    gated: 1,
                    ..convolution.params
                },
            );
            self.calls.get_mut(writer)?.buffers[3] = Some(signs.buffer);
            return Some(());
        }
        let call = self.calls.get_mut(writer)?;
        let Params::MaxPool2dAdjoint(params) = &mut call.params else {
            return None;
        };
        let (slope, others) = slopes.split_first()?;
        let pools_them = call.buffers[0] == Some(signs.buffer) && params.input == signs.view;
        if !pools_them || params.gated == 1 || others.iter().any(|other| other != slope) {
            return None;
        }
        (params.gated, params.slope) = (1, *slope);
        Some(())
    }

    /// Leaves out what gathers numbers that no call reads any more.
    fn remove_unread_gathers(&mut self) {
        for id in 0..self.calls.len() {
            let gathered = self.calls.get(id).and_then(|call| match call.params {
                Params::Gather(_) => call.writes()[0],
                _ => None,
            });
            if gathered.is_some_and(|buffer| self.calls.uses(buffer) == [id]) {
                self.calls.remove(id);
            }
        }
    }
}
