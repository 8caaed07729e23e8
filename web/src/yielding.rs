//! The CPU executor in a worker, which hears of nothing while it computes: between submissions it lets the worker hear.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use asma::cpu::CpuExecutor;
use asma::error::{Error, Result};
use asma::program::{BufferId, CallId, Ceilings, Executor, Readback};
use js_sys::{Function, Promise, Reflect, global};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// The CPU executor with a pause before each submission.
pub struct Yielding {
    inner: CpuExecutor,
    /// The pause that it is in.
    pause: Option<JsFuture>,
}

impl Yielding {
    pub fn new(inner: CpuExecutor) -> Yielding {
        Yielding { inner, pause: None }
    }
}

/// Is there once the worker has handled its messages.
fn next_turn() -> JsFuture {
    let promise = Promise::new(&mut |resolve: Function, _: Function| {
        let timer = Reflect::get(&global(), &JsValue::from_str("setTimeout"))
            .and_then(|timer| timer.dyn_into::<Function>())
            .and_then(|timer| timer.call2(&JsValue::NULL, &resolve, &JsValue::from_f64(0.0)));
        if timer.is_err() {
            // Without a timer there is nothing to wait for.
            let _ = resolve.call0(&JsValue::NULL);
        }
    });
    JsFuture::from(promise)
}

impl Executor for Yielding {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn write_words(&mut self, buffer: BufferId, start: usize, words: &[u32]) -> Result<()> {
        self.inner.write_words(buffer, start, words)
    }

    fn submit_some(&mut self, calls: &[CallId]) -> Result<usize> {
        self.inner.submit_some(calls)
    }

    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let pause = self.pause.get_or_insert_with(next_turn);
        if Pin::new(pause).poll(context).is_pending() {
            return Poll::Pending;
        }
        self.pause = None;
        self.inner.poll_room(context)
    }

    fn request_words(&mut self, buffer: BufferId, start: usize, length: usize) -> Result<Readback> {
        self.inner.request_words(buffer, start, length)
    }

    fn time_calls(&mut self, calls: &[CallId]) -> Result<Vec<f64>> {
        self.inner.time_calls(calls)
    }

    fn variant(&self, call: CallId) -> &'static str {
        self.inner.variant(call)
    }

    fn measure_ceilings(&mut self) -> Result<Ceilings> {
        Err(Error::Device("a page does not measure its device".into()))
    }
}
