//! The executor that calls the kernels' twins.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytemuck::{cast_slice, cast_slice_mut};
use rayon::prelude::*;

use super::{
    adam, add, affine, asma_head, asma_mask, asma_update, channel_sums, conv_transpose2d, conv2d,
    conv2d_weight_gradient, copy, fill, gather, loss_gradient, loss_sums, max_pool2d, max_pool2d_adjoint,
    pad, pad_adjoint, sigmoid, sigmoid_adjoint, slope, slope_adjoint, softmax, softmax_adjoint, sum_partials,
    upsample, upsample_adjoint,
};
use crate::error::{Error, Result};
use crate::kernels::{Element, Params};
use crate::program::{
    BufferId, Call, CallId, Ceilings, Condition, Contents, Executor, Program, Readback, round_slice_to_half,
};

/// Runs a program on the CPU, on all threads of rayon's current pool.
///
/// Buffers of float16 are rounded as a GPU would store them, and take as much memory as others.
///
/// Constants stay shared with the program until they are overwritten; everything else is held here.
#[derive(Debug)]
pub struct CpuExecutor {
    program: Arc<Program>,
    stores: Vec<Store>,
    readbacks: HashMap<u64, Vec<u32>>,
    next_ticket: u64,
}

/// The words of one buffer. Those of integer buffers stand in the floats by their bits.
#[derive(Debug)]
enum Store {
    Own(Vec<f32>),
    Shared(Arc<Vec<f32>>),
}

impl Store {
    fn words(&self) -> &[f32] {
        match self {
            Store::Own(words) => words,
            Store::Shared(words) => words,
        }
    }

    fn words_mut(&mut self) -> &mut [f32] {
        match self {
            Store::Own(words) => words,
            Store::Shared(words) => Arc::<Vec<f32>>::make_mut(words),
        }
    }
}

/// Rounds floats to the float16 nearest to them; what is one already stays as it is.
fn round_to_halves(words: &mut [f32]) {
    words.par_chunks_mut(1 << 12).for_each(round_slice_to_half);
}

/// Zeros, unless there is no memory for them.
fn zeros(name: &str, length: usize) -> Result<Vec<f32>> {
    let mut values: Vec<f32> = Vec::new();
    if values.try_reserve_exact(length).is_err() {
        return Err(Error::Device(format!(
            "tensor `{name}` needs {} bytes, and there is not as much memory; use a smaller input or batch",
            4 * length as u64
        )));
    }
    // Through the allocator that zeroes lazily, now that it is known to have them.
    drop(values);
    Ok(vec![0.0; length])
}

impl CpuExecutor {
    /// Allocates the buffers of `program`.
    ///
    /// # Errors
    /// [`Error::Device`] if there is not enough memory, naming the tensor and its bytes. [`Error::Usage`] if a call
    /// names a buffer that is not there, has another number of buffers than its kernel takes, or writes a buffer that
    /// it also reads, writes twice, or that is constant.
    pub fn new(program: Arc<Program>) -> Result<Self> {
        for call in program.calls() {
            check(&program, call)?;
            program.check_elements(call)?;
        }
        // All of it at once first: an allocator that hands out more than there is refuses only what alone is
        // too much.
        let own = program
            .buffers()
            .iter()
            .filter(|buffer| matches!(buffer.contents, Contents::Zeros));
        let total = own.map(|buffer| buffer.length).sum();
        zeros("all buffers together", total).map(drop)?;
        let stores = program
            .buffers()
            .iter()
            .map(|buffer| match &buffer.contents {
                Contents::Zeros => zeros(&buffer.name, buffer.length).map(Store::Own),
                Contents::Constant(words) => Ok(Store::Shared(words.clone())),
            })
            .collect::<Result<_>>()?;
        Ok(CpuExecutor {
            program,
            stores,
            readbacks: HashMap::new(),
            next_ticket: 0,
        })
    }

    /// The program that this runs.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }

    /// The words of a buffer as they stand now (integers by their bits); nothing for a buffer that is not
    /// the program's.
    pub fn buffer(&self, id: BufferId) -> &[f32] {
        self.stores.get(id.0).map_or(&[], Store::words)
    }

    /// Runs one call now.
    ///
    /// # Errors
    /// If the program has no such call.
    pub fn run_call(&mut self, call: CallId) -> Result<()> {
        let program = self.program.clone();
        let Some(call) = program.calls().get(call) else {
            return Err(Error::Usage(format!(
                "call {call} was asked for, but the program has {} calls; name one of them",
                program.calls().len()
            )));
        };
        let stores = &self.stores;
        let is_left_out = |condition: &Condition| !condition.holds(stores[condition.buffer.0].words());
        if call.condition.as_ref().is_some_and(is_left_out) {
            return Ok(());
        }
        // What is written is taken out while the call runs, so that what is read can be borrowed; `new`
        // has checked that no buffer is both.
        let mut taken: Vec<Vec<f32>> = Vec::with_capacity(call.writes.len());
        for id in &call.writes {
            taken.push(match &mut self.stores[id.0] {
                Store::Own(words) => std::mem::take(words),
                Store::Shared(words) => words.to_vec(),
            });
        }
        let reads: Vec<&[f32]> = call.reads.iter().map(|id| self.stores[id.0].words()).collect();
        let mut writes: Vec<&mut [f32]> = taken.iter_mut().map(Vec::as_mut_slice).collect();
        let ran = dispatch(&call.params, &reads, &mut writes);
        for (id, mut words) in call.writes.iter().zip(taken) {
            if program.buffers()[id.0].element == Element::Half {
                round_to_halves(&mut words);
            }
            self.stores[id.0] = Store::Own(words);
        }
        if ran {
            Ok(())
        } else {
            Err(Error::Usage(format!(
                "call `{}` has another number of buffers than kernel `{}` takes; mend the program",
                call.label,
                call.params.kernel().name
            )))
        }
    }

    /// The words of `buffer` from `start`, `length` of them.
    fn range(&self, buffer: BufferId, start: usize, length: usize) -> Result<std::ops::Range<usize>> {
        let Some(description) = self.program.buffers().get(buffer.0) else {
            return Err(Error::Usage(format!(
                "buffer {} was asked for, but the program has {} buffers; name one of them",
                buffer.0,
                self.stores.len()
            )));
        };
        let held = description.length;
        match start.checked_add(length) {
            Some(end) if end <= held => Ok(start..end),
            _ => Err(Error::Usage(format!(
                "{length} words from word {start} of buffer `{}` were asked for, but it holds {held}; keep \
                 within them",
                description.name
            ))),
        }
    }
}

/// Whether `call` can be run without taking a buffer for two things at once.
fn check(program: &Program, call: &Call) -> Result<()> {
    let kernel = call.params.kernel();
    let wrong = |problem: String| {
        Err(Error::Usage(format!(
            "call `{}` of kernel `{}` {problem}; mend the program",
            call.label, kernel.name
        )))
    };
    let (reads, writes) = (kernel.reads.len(), kernel.writes.len());
    if call.reads.len() != reads || call.writes.len() != writes {
        return wrong(format!(
            "reads {} and writes {} buffers, and the kernel takes {reads} and {writes}",
            call.reads.len(),
            call.writes.len()
        ));
    }
    let condition = call.condition.iter().map(|condition| &condition.buffer);
    for id in call.reads.iter().chain(&call.writes).chain(condition) {
        if id.0 >= program.buffers().len() {
            return wrong(format!(
                "uses buffer {}, and the program has {}",
                id.0,
                program.buffers().len()
            ));
        }
    }
    for (position, id) in call.writes.iter().enumerate() {
        let buffer = &program.buffers()[id.0];
        if call.reads.contains(id) || call.writes[..position].contains(id) {
            return wrong(format!("has the written buffer `{}` bound twice", buffer.name));
        }
        if matches!(buffer.contents, Contents::Constant(_)) {
            return wrong(format!("writes the constant buffer `{}`", buffer.name));
        }
    }
    Ok(())
}

/// Calls the twin, with slices in the order of the kernel's binding table; false if there are more or fewer
/// of them than it takes.
fn dispatch(params: &Params, reads: &[&[f32]], writes: &mut [&mut [f32]]) -> bool {
    macro_rules! twin {
        ($module:ident($params:ident; $($read:ident),*; $output:ident)) => {
            match (reads, writes) {
                ([$($read),*], [$output]) => $module::run($params, $($read,)* $output),
                _ => return false,
            }
        };
    }
    match params {
        Params::Conv2d(params) => twin!(conv2d(params; input, weight, epilogue, gate; output)),
        Params::ConvTranspose2d(params) => {
            twin!(conv_transpose2d(params; input, weight, epilogue, gate; output))
        }
        Params::Slope(params) => twin!(slope(params; input, slopes; output)),
        Params::SlopeAdjoint(params) => twin!(slope_adjoint(params; reference, slopes, gradient; output)),
        Params::MaxPool2d(params) => twin!(max_pool2d(params; input; output)),
        Params::MaxPool2dAdjoint(params) => twin!(max_pool2d_adjoint(params; input, gradient; output)),
        Params::Upsample(params) => twin!(upsample(params; input; output)),
        Params::UpsampleAdjoint(params) => twin!(upsample_adjoint(params; gradient; output)),
        Params::Copy(params) => twin!(copy(params; input; output)),
        Params::Pad(params) => twin!(pad(params; input; output)),
        Params::PadAdjoint(params) => twin!(pad_adjoint(params; gradient; output)),
        Params::Add(params) => twin!(add(params; left, right; output)),
        Params::Affine(params) => twin!(affine(params; input, coefficients; output)),
        Params::Softmax(params) => twin!(softmax(params; input; output)),
        Params::SoftmaxAdjoint(params) => twin!(softmax_adjoint(params; probabilities, gradient; output)),
        Params::Sigmoid(params) => twin!(sigmoid(params; input; output)),
        Params::SigmoidAdjoint(params) => twin!(sigmoid_adjoint(params; probabilities, gradient; output)),
        Params::Fill(params) => twin!(fill(params; ; output)),
        Params::Gather(params) => match (reads, writes) {
            ([source, indices], [output]) => gather::run(params, source, cast_slice(indices), output),
            _ => return false,
        },
        Params::Conv2dWeightGradient(params) => {
            twin!(conv2d_weight_gradient(params; input, gradient; partials))
        }
        Params::ChannelSums(params) => twin!(channel_sums(params; input, gradient; partials)),
        Params::SumPartials(params) => twin!(sum_partials(params; partials; output)),
        Params::LossSums(params) => match (reads, writes) {
            ([logits, labels, class_weights], [partials]) => {
                loss_sums::run(params, logits, cast_slice(labels), class_weights, partials)
            }
            _ => return false,
        },
        Params::LossGradient(params) => match (reads, writes) {
            ([logits, labels, class_weights, totals], [output]) => {
                loss_gradient::run(params, logits, cast_slice(labels), class_weights, totals, output)
            }
            _ => return false,
        },
        Params::Adam(params) => match (reads, writes) {
            ([gradient, squared_norm, rates], [weights, first_moment, second_moment]) => adam::run(
                params,
                gradient,
                squared_norm,
                rates,
                weights,
                first_moment,
                second_moment,
            ),
            _ => return false,
        },
        Params::AsmaMask(params) => match (reads, writes) {
            ([logits, target, classes], [seed, counts]) => asma_mask::run(
                params,
                logits,
                cast_slice(target),
                cast_slice(classes),
                seed,
                cast_slice_mut(counts),
            ),
            _ => return false,
        },
        Params::AsmaHead(params) => match (reads, writes) {
            ([features, weight, epilogue, target, classes], [gradient, counts, logits]) => asma_head::run(
                params,
                features,
                weight,
                epilogue,
                cast_slice(target),
                cast_slice(classes),
                gradient,
                cast_slice_mut(counts),
                logits,
            ),
            _ => return false,
        },
        Params::AsmaUpdate(params) => match (reads, writes) {
            ([gradient, source, region, classes], [adversarial, best, counts, ledger]) => asma_update::run(
                params,
                gradient,
                source,
                cast_slice(region),
                cast_slice(classes),
                adversarial,
                best,
                cast_slice_mut(counts),
                cast_slice_mut(ledger),
            ),
            _ => return false,
        },
    }
    true
}

impl Executor for CpuExecutor {
    fn describe(&self) -> String {
        let threads = rayon::current_num_threads();
        format!("CPU, {threads} thread{}", if threads == 1 { "" } else { "s" })
    }

    fn write_words(&mut self, buffer: BufferId, start: usize, words: &[u32]) -> Result<()> {
        let range = self.range(buffer, start, words.len())?;
        let target = &mut self.stores[buffer.0].words_mut()[range];
        target.copy_from_slice(cast_slice(words));
        if self.program.buffers()[buffer.0].element == Element::Half {
            round_to_halves(target);
        }
        Ok(())
    }

    fn submit(&mut self, calls: &[CallId]) -> Result<()> {
        calls.iter().try_for_each(|&call| self.run_call(call))
    }

    fn time_calls(&mut self, calls: &[CallId]) -> Result<Vec<f64>> {
        calls
            .iter()
            .map(|&call| {
                let start = Instant::now();
                self.run_call(call)?;
                Ok(start.elapsed().as_secs_f64())
            })
            .collect()
    }

    fn variant(&self, call: CallId) -> &'static str {
        match self.program.calls().get(call) {
            Some(_) => "twin",
            None => "",
        }
    }

    fn measure_ceilings(&mut self) -> Result<Ceilings> {
        Ok(super::ceilings::measure())
    }

    fn request_words(&mut self, buffer: BufferId, start: usize, length: usize) -> Result<Readback> {
        let range = self.range(buffer, start, length)?;
        let words = cast_slice(self.stores[buffer.0].words())[range].to_vec();
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.readbacks.insert(ticket, words);
        Ok(Readback { ticket })
    }

    fn receive_words(&mut self, readback: Readback) -> Result<Vec<u32>> {
        self.readbacks.remove(&readback.ticket).ok_or_else(|| {
            Error::Usage(String::from(
                "a readback was waited for on an executor that did not hand it out; wait on the one that was \
                 asked",
            ))
        })
    }
}
