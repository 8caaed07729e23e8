//! What both executors offer to those who drive a program.

use super::{BufferId, CallId};
use crate::error::Result;

/// A copy of a buffer's words that was asked for and may not have arrived yet. What it holds on the device is freed with
/// it.
pub struct Readback {
    arriving: Box<dyn Arriving>,
}

/// What an executor hands out for a copy under way.
pub trait Arriving: Send + Sync {
    /// Waits for the words.
    ///
    /// # Errors
    /// If the device failed.
    fn receive(self: Box<Self>) -> Result<Vec<u32>>;
}

impl Readback {
    /// Of a copy that an executor has under way.
    pub fn new(arriving: impl Arriving + 'static) -> Readback {
        Readback {
            arriving: Box::new(arriving),
        }
    }

    /// Waits for the words.
    ///
    /// # Errors
    /// If the device failed.
    pub fn receive(self) -> Result<Vec<u32>> {
        self.arriving.receive()
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

    /// Runs calls in order, after all that was submitted before. May return before they are done.
    ///
    /// # Errors
    /// If the device failed.
    fn submit(&mut self, calls: &[CallId]) -> Result<()>;

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

    /// Waits for everything submitted and returns the first `length` floats of a buffer.
    ///
    /// # Errors
    /// As [`Executor::request_words`].
    fn read(&mut self, buffer: BufferId, length: usize) -> Result<Vec<f32>> {
        let readback = self.request_words(buffer, 0, length)?;
        Ok(bytemuck::cast_vec(readback.receive()?))
    }
}
