//! What wgpu finds wrong with what it is told to do.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::error::{Error, Result};

/// What is still to be heard of work that was done.
type Verdict = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

/// Verdicts that were not known at once, as in a browser, of whatever is done on one device.
#[derive(Clone, Default)]
pub(super) struct Verdicts {
    outstanding: Arc<Mutex<Vec<Verdict>>>,
}

impl std::fmt::Debug for Verdicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verdicts")
    }
}

impl Verdicts {
    /// Runs `work` and turns any error that wgpu raises on this thread meanwhile into an `Err`: at once where wgpu knows at
    /// once, else from [`Verdicts::heard`].
    pub(super) fn catch<T>(
        &self,
        device: &wgpu::Device,
        name: &str,
        what: &str,
        work: impl FnOnce() -> T,
    ) -> Result<T> {
        let scopes = [
            wgpu::ErrorFilter::Internal,
            wgpu::ErrorFilter::OutOfMemory,
            wgpu::ErrorFilter::Validation,
        ]
        .map(|filter| device.push_error_scope(filter));
        let value = work();
        // Scopes close in the reverse order of their opening, and at once, whenever their errors are heard of.
        let [internal, out_of_memory, validation] = scopes;
        let errors = (validation.pop(), out_of_memory.pop(), internal.pop());
        let (name, what) = (name.to_owned(), what.to_owned());
        let mut verdict: Verdict = Box::pin(async move {
            let validation = errors.0.await;
            let out_of_memory = errors.1.await;
            let internal = errors.2.await;
            match internal.or(out_of_memory).or(validation) {
                Some(error) => Err(said(error, &name, &what)),
                None => Ok(()),
            }
        });
        match verdict.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(verdict) => verdict?,
            Poll::Pending => self.lock().push(verdict),
        }
        Ok(value)
    }

    /// What has been heard meanwhile.
    ///
    /// # Errors
    /// The first error of any work on the device that was not known of before.
    pub(super) fn heard(&self, context: &mut Context<'_>) -> Result<()> {
        let mut heard = Ok(());
        self.lock()
            .retain_mut(|verdict| match verdict.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(verdict) => {
                    if heard.is_ok() {
                        heard = verdict;
                    }
                    false
                }
            });
        heard
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Verdict>> {
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn said(error: wgpu::Error, name: &str, what: &str) -> Error {
    if let wgpu::Error::OutOfMemory { .. } = error {
        return Error::Device(format!(
            "{name} ran out of memory while {what}; use a smaller input or batch, or the CPU"
        ));
    }
    // wgpu explains itself over several lines; an error of ours is one.
    let problem = error.to_string();
    let problem: Vec<&str> = problem.split_whitespace().collect();
    Error::Device(format!("{what} on {name}: {}", problem.join(" ")))
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn what_is_heard_late_is_told_once_and_in_order() {
        let verdicts = Verdicts::default();
        let is_known = Arc::new(AtomicBool::new(false));
        let known = is_known.clone();
        let late = std::future::poll_fn(move |_| match known.load(Ordering::Relaxed) {
            true => Poll::Ready(Err(Error::Device("late".into()))),
            false => Poll::Pending,
        });
        let in_order: [Verdict; 3] = [
            Box::pin(late),
            Box::pin(ready(Ok(()))),
            Box::pin(ready(Err(Error::Device("later".into())))),
        ];
        verdicts.lock().extend(in_order);
        let mut context = Context::from_waker(Waker::noop());
        let mut heard = || verdicts.heard(&mut context).map_err(|error| error.to_string());
        assert!(heard().is_err_and(|error| error.contains("later")));
        assert_eq!(heard(), Ok(()));
        is_known.store(true, Ordering::Relaxed);
        assert!(heard().is_err_and(|error| error.contains("late")));
        assert_eq!(heard(), Ok(()));
        assert!(verdicts.lock().is_empty());
    }
}
