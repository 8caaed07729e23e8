//! The executor that calls the kernels' twins.

use bytemuck::cast_slice;
use rayon::prelude::*;
use std::sync::Arc;
use std::task::{Context, Poll};
use web_time::Instant;

use crate::error::{Error, Result};
use crate::kernels::{self, Element, Params};
use crate::program::{
    Arriving, Buffer, BufferId, CallId, Ceilings, Condition, Contents, Executor, Program, Readback,
    no_such_buffer, round_slice_to_half,
};

/// Runs a program on the CPU, on all threads of rayon's current pool.
///
/// Buffers of float16 are rounded as a GPU would store them, and take as much memory as others.
///
/// Constants stay shared with the program until they are overwritten; everything else is held here, but for what a thread needs
/// while it computes and keeps for the next call.
#[derive(Debug)]
pub struct CpuExecutor {
    program: Arc<Program>,
    stores: Vec<Store>,
}

/// Words that have arrived.
struct Arrived(Vec<u32>);

impl Arriving for Arrived {
    fn poll_words(&mut self, _: &mut Context<'_>) -> Poll<Result<Vec<u32>>> {
        Poll::Ready(Ok(std::mem::take(&mut self.0)))
    }
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
    /// [`Error::Device`] if there is not enough memory, naming the tensor and its bytes, or no thread to compute on.
    pub fn new(program: Arc<Program>) -> Result<Self> {
        crate::threads::start()?;
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
        Ok(CpuExecutor { program, stores })
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
        // What is written is taken out while the call runs, so that what is read can be borrowed; the program is
        // proved to bind no written buffer twice.
        let mut taken: Vec<Vec<f32>> = Vec::with_capacity(call.writes().len());
        for id in call.writes() {
            taken.push(match id.map(|id| &mut self.stores[id.0]) {
                Some(Store::Own(words)) => std::mem::take(words),
                Some(Store::Shared(words)) => words.to_vec(),
                None => Vec::new(),
            });
        }
        let words_of = |id: &Option<BufferId>| id.map_or(&[][..], |id| self.stores[id.0].words());
        let reads: Vec<&[f32]> = call.reads().iter().map(words_of).collect();
        let mut writes: Vec<&mut [f32]> = taken.iter_mut().map(Vec::as_mut_slice).collect();
        let ran = dispatch(&call.params, &reads, &mut writes);
        for (id, mut words) in call.writes().iter().zip(taken) {
            let Some(id) = id else { continue };
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

    fn description(&self, id: BufferId) -> Result<&Buffer> {
        let buffers = self.program.buffers();
        buffers.get(id.0).ok_or_else(|| no_such_buffer(id, buffers.len()))
    }
}

/// Calls the twin, with slices in the order of the kernel's binding table; false if there are more or fewer
/// of them than it takes.
macro_rules! dispatch {
    ($($(#[$doc:meta])* $variant:ident => $module:ident),* $(,)?) => {
        fn dispatch(params: &Params, reads: &[&[f32]], writes: &mut [&mut [f32]]) -> bool {
            match params {
                $(Params::$variant(params) => {
                    kernels::$module::call_twin(params, reads, writes, super::$module::run)
                })*
            }
        }
    };
}
kernels::for_each_kernel!(dispatch);

/// A line that says on what any CPU executor runs.
pub fn describe() -> String {
    let threads = rayon::current_num_threads();
    format!("CPU, {threads} thread{}", if threads == 1 { "" } else { "s" })
}

impl Executor for CpuExecutor {
    fn describe(&self) -> String {
        describe()
    }

    fn write_words(&mut self, buffer: BufferId, start: usize, words: &[u32]) -> Result<()> {
        let description = self.description(buffer)?;
        description.check_range(start, words.len())?;
        description.check_writable()?;
        let target = &mut self.stores[buffer.0].words_mut()[start..start + words.len()];
        target.copy_from_slice(cast_slice(words));
        if self.program.buffers()[buffer.0].element == Element::Half {
            round_to_halves(target);
        }
        Ok(())
    }

    /// On one of the pool's threads, or each call would wake one and wait for it. Computes them before it returns.
    fn submit_some(&mut self, calls: &[CallId]) -> Result<usize> {
        rayon::scope(|_| calls.iter().try_for_each(|&call| self.run_call(call)))?;
        Ok(calls.len())
    }

    fn poll_room(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn time_calls(&mut self, calls: &[CallId]) -> Result<Vec<f64>> {
        let mut time = |&call| {
            let start = Instant::now();
            self.run_call(call)?;
            Ok(start.elapsed().as_secs_f64())
        };
        rayon::scope(|_| calls.iter().map(&mut time).collect())
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
        self.description(buffer)?.check_range(start, length)?;
        let words = cast_slice(self.stores[buffer.0].words())[start..start + length].to_vec();
        Ok(Readback::new(Arrived(words)))
    }
}
