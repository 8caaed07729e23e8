//! What both executors offer to those who drive a program.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::waiting::wait;
use super::{BufferId, CallId};
use crate::error::Result;

/// A copy of a buffer's words that was asked for and may not have arrived yet: a future of them. What it holds on the device
/// is freed with it.
///
/// Looking never blocks, and lets nothing go on either: the device's owner does, as by submitting the next frame.
pub struct Readback {
    arriving: Box<dyn Arriving>,
}

/// What an executor hands out for a copy under way.
pub trait Arriving: Send + Sync {
    /// The words, if they have arrived; else the context's waker is woken when they have. Not to be looked at again once
    /// they were handed out.
    ///
    /// # Errors
    /// If the device failed.
    fn poll_words(&mut self, context: &mut Context<'_>) -> Poll<Result<Vec<u32>>>;
}

impl Readback {
    /// Of a copy that an executor has under way.
    pub fn new(arriving: impl Arriving + 'static) -> Readback {
        Readback {
            arriving: Box::new(arriving),
        }
    }

    /// Hands the words out if they have arrived, and never waits. Not to be called again once it has.
    ///
    /// # Errors
    /// If the device failed.
    pub fn try_receive(&mut self) -> Result<Option<Vec<u32>>> {
        match self.arriving.poll_words(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(words) => words.map(Some),
            Poll::Pending => Ok(None),
        }
    }

    /// Waits for the words.
    ///
    /// # Errors
    /// As [`wait`].
    pub fn receive(self) -> Result<Vec<u32>> {
        wait(self)
    }
}

impl Future for Readback {
    type Output = Result<Vec<u32>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.arriving.poll_words(context)
    }
}

impl std::fmt::Debug for Readback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readback")
    }
}

/// What a device can do at most, as measured on it.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ceilings {
    /// Bytes read and written in a second by a copy of a buffer that no cache holds.
    pub bytes_per_second: f64,
    /// Multiplications and additions of float32 in a second: independent ones on a GPU, those of a matrix product
    /// in cache on the CPU.
    pub flops_per_second: f64,
    /// The same of float16 products on [`MatrixUnits`](crate::kernels::MatrixUnits), if kernels can use the device's.
    #[serde(default)]
    pub matrix_flops_per_second: Option<f64>,
}

/// Runs the calls of one program over buffers that it holds.
///
/// What the host writes and reads are words of 4 bytes, one for each element: those of float16 come as float32, and are
/// rounded to the nearest as they are written.
pub trait Executor {
    /// A line that says on what this runs.
    fn describe(&self) -> String;

    /// Overwrites words of a buffer, from word `start`. Takes effect before calls submitted later.
    ///
    /// # Errors
    /// If the words do not fit the buffer, or it is constant, or the device failed. A GPU writes float16 two at a time, and refuses words
    /// that begin at an odd one, or end before an odd one other than the buffer's end.
    fn write_words(&mut self, buffer: BufferId, start: usize, words: &[u32]) -> Result<()>;

    /// Submits calls in order, after all that was submitted before: as many, from the first, as there is room for now, which
    /// may be none. Returns how many, and may return before they are done; it never waits.
    ///
    /// # Errors
    /// If the device failed.
    fn submit_some(&mut self, calls: &[CallId]) -> Result<usize>;

    /// Ready when there is room for calls.
    ///
    /// # Errors
    /// If the device failed.
    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<()>>;

    /// Asks for a copy of `length` words from `start`, as they stand after all that was submitted so far.
    ///
    /// # Errors
    /// If the words do not lie in the buffer, or the device failed.
    fn request_words(&mut self, buffer: BufferId, start: usize, length: usize) -> Result<Readback>;

    /// How many batches of calls to keep submitted, so that the device is never idle while the host looks at
    /// results: 1 where calls run at once.
    fn batches_under_way(&self) -> usize {
        1
    }

    /// The seconds that each call took, run in order, each by itself: on a GPU by the device's own clock, without
    /// the overlap with its neighbours that a submission of several leaves the device free to make.
    ///
    /// # Errors
    /// If the device cannot tell, or failed.
    fn time_calls(&mut self, calls: &[CallId]) -> Result<Vec<f64>>;

    /// The name of the kernel's variant that a call runs; nothing for a call that the program does not have.
    fn variant(&self, call: CallId) -> &'static str;

    /// Measures what the device can do at most, in a second or so.
    ///
    /// # Errors
    /// As [`Executor::time_calls`].
    fn measure_ceilings(&mut self) -> Result<Ceilings>;

    /// Overwrites the floats of a buffer from its beginning.
    ///
    /// # Errors
    /// As [`Executor::write_words`].
    fn write(&mut self, buffer: BufferId, values: &[f32]) -> Result<()> {
        self.write_words(buffer, 0, bytemuck::cast_slice(values))
    }

    /// Runs calls in order, after all that was submitted before. Waits as long as there is no room for them, and may return
    /// before they are done.
    ///
    /// # Errors
    /// As [`wait`].
    fn submit(&mut self, calls: &[CallId]) -> Result<()> {
        wait(submit(self, calls))
    }

    /// Waits for everything submitted and returns the first `length` floats of a buffer.
    ///
    /// # Errors
    /// As [`Executor::request_words`] and [`wait`].
    fn read(&mut self, buffer: BufferId, length: usize) -> Result<Vec<f32>> {
        wait(read(self, buffer, length))
    }
}

/// Submits all of the calls, each as soon as there is room for it: the async form of [`Executor::submit`].
///
/// # Errors
/// If the device failed.
pub async fn submit(executor: &mut (impl Executor + ?Sized), calls: &[CallId]) -> Result<()> {
    let mut rest = calls;
    while !rest.is_empty() {
        poll_fn(|context| executor.poll_room(context)).await?;
        let submitted = executor.submit_some(rest)?;
        rest = rest.get(submitted..).unwrap_or_default();
    }
    Ok(())
}

/// The first `length` floats of a buffer, after everything submitted: the async form of [`Executor::read`].
///
/// # Errors
/// As [`Executor::request_words`].
pub async fn read(
    executor: &mut (impl Executor + ?Sized),
    buffer: BufferId,
    length: usize,
) -> Result<Vec<f32>> {
    let words = executor.request_words(buffer, 0, length)?.await?;
    Ok(bytemuck::cast_vec(words))
}
