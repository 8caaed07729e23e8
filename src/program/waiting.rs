//! Waiting on the host: the one place where a thread stands still for what an executor has under way.
//!
//! What takes a while is a future, whose leaves only look. A program with a frame loop or a browser drives such futures its
//! own way; [`wait`] is for everyone else.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use crate::error::{Error, Result};

/// What a future that is not ready waits for.
pub trait Awaited {
    /// Lets what is under way go on, without waiting for it; true if nothing is under way.
    ///
    /// # Errors
    /// If it can go on no more.
    fn drive(&self) -> Result<bool>;

    /// The error where nothing is under way and still nothing has arrived.
    fn lost(&self) -> Error;
}

/// What the future that a thread waits for has said that it waits for.
type Said = Option<Box<dyn Awaited>>;

thread_local! {
    /// Of the innermost [`wait`] on this thread; nothing where none is.
    static SAID: RefCell<Option<Said>> = const { RefCell::new(None) };
}

/// Says what a future waits for that is about to tell that it is not ready, so that [`wait`] can drive it. Forgotten where
/// nobody waits.
pub fn awaits<A: Awaited + Clone + 'static>(awaited: &A) {
    SAID.with_borrow_mut(|said| {
        if let Some(said) = said {
            *said = Some(Box::new(awaited.clone()));
        }
    });
}

/// For as long as a thread waits.
struct Waiting {
    /// Of the wait around this one.
    around: Option<Said>,
}

impl Waiting {
    fn begin() -> Waiting {
        Waiting {
            around: SAID.replace(Some(None)),
        }
    }

    fn said(&self) -> Said {
        SAID.with_borrow_mut(|said| said.as_mut().and_then(Option::take))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        SAID.set(self.around.take());
    }
}

/// Blocks the thread until a future of this library is ready.
///
/// # Errors
/// The future's own; [`Error::Device`] if the device is lost, or, in a browser, answers only once the caller has
/// returned: await the call's async form there.
pub fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut future = pin!(future);
    let waker = pause::waker();
    let mut context = Context::from_waker(&waker);
    let waiting = Waiting::begin();
    let mut idle_looks = 0;
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
        let said = waiting.said();
        let Some(awaited) = said.filter(|_| pause::IS_POSSIBLE) else {
            return Err(Error::Device(
                "what was waited for comes only once the caller has returned; await the call's async form"
                    .into(),
            ));
        };
        idle_looks = if awaited.drive()? { idle_looks + 1 } else { 0 };
        // Another thread may have taken it from the device and be about to hand it over.
        if idle_looks > MOST_IDLE_LOOKS {
            return Err(awaited.lost());
        }
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
        pause::pause();
    }
}

/// Looks at an idle device after which what has not arrived is lost.
const MOST_IDLE_LOOKS: usize = 10_000;

#[cfg(not(target_arch = "wasm32"))]
mod pause {
    use std::sync::Arc;
    use std::task::{Wake, Waker};
    use std::thread::{self, Thread};
    use std::time::Duration;

    /// Time between two looks at the device, if nobody wakes the thread before.
    const PAUSE: Duration = Duration::from_micros(200);

    pub(super) const IS_POSSIBLE: bool = true;

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    pub(super) fn waker() -> Waker {
        Arc::new(Unpark(thread::current())).into()
    }

    pub(super) fn pause() {
        thread::park_timeout(PAUSE);
    }
}

/// A browser runs what has been submitted only between its own events.
#[cfg(target_arch = "wasm32")]
mod pause {
    pub(super) const IS_POSSIBLE: bool = false;

    pub(super) fn waker() -> std::task::Waker {
        std::task::Waker::noop().clone()
    }

    pub(super) fn pause() {}
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::rc::Rc;

    use super::*;

    /// Something under way that another thread drives to its end, or nobody does.
    #[derive(Clone)]
    struct Stuck;

    impl Awaited for Stuck {
        fn drive(&self) -> Result<bool> {
            Ok(false)
        }

        fn lost(&self) -> Error {
            Error::Device("lost".into())
        }
    }

    #[derive(Clone)]
    struct Counted(Rc<std::cell::Cell<u32>>);

    impl Awaited for Counted {
        fn drive(&self) -> Result<bool> {
            self.0.set(self.0.get() + 1);
            Ok(true)
        }

        fn lost(&self) -> Error {
            Error::Device("lost".into())
        }
    }

    #[test]
    fn what_is_awaited_is_driven_until_it_is_ready() {
        let looks = Rc::new(std::cell::Cell::new(0));
        let awaited = Counted(looks.clone());
        let value = wait(poll_fn(|_| {
            if looks.get() == 3 {
                return Poll::Ready(Ok(7));
            }
            awaits(&awaited);
            Poll::Pending
        }));
        assert_eq!(value.ok(), Some(7));
    }

    #[test]
    fn nothing_is_waited_for_that_nobody_drives() {
        let never = wait(poll_fn(|_| Poll::<Result<()>>::Pending));
        assert!(never.is_err_and(|error| error.to_string().contains("async form")));
    }

    #[test]
    fn what_arrives_no_more_is_lost() {
        let awaited = Counted(Rc::default());
        let never = wait(poll_fn(|_| {
            awaits(&awaited);
            Poll::<Result<()>>::Pending
        }));
        assert!(never.is_err_and(|error| error.to_string().contains("lost")));
        assert!(awaited.0.get() > 1000);
    }

    #[test]
    fn a_wait_inside_another_leaves_it_alone_and_nothing_is_kept_where_nobody_waits() {
        let outer = Counted(Rc::default());
        let mut polls = 0;
        let done = wait(poll_fn(|_| {
            polls += 1;
            if polls == 2 {
                return Poll::Ready(Ok(()));
            }
            awaits(&outer);
            wait(async { Ok(()) })?;
            Poll::Pending
        }));
        assert!(done.is_ok());
        assert_eq!(outer.0.get(), 1);
        awaits(&outer);
        assert_eq!(Rc::strong_count(&outer.0), 1);
    }

    #[test]
    fn another_thread_wakes_the_one_that_waits() {
        let state = std::sync::Arc::new(std::sync::Mutex::new((false, None::<std::task::Waker>)));
        let other = state.clone();
        let thread = std::thread::spawn(move || {
            loop {
                let mut state = other.lock().unwrap();
                if let Some(waker) = state.1.take() {
                    state.0 = true;
                    waker.wake();
                    return;
                }
                drop(state);
                std::thread::yield_now();
            }
        });
        let arrived = wait(poll_fn(|context| {
            let mut state = state.lock().unwrap();
            if state.0 {
                return Poll::Ready(Ok(()));
            }
            state.1 = Some(context.waker().clone());
            awaits(&Stuck);
            Poll::Pending
        }));
        assert!(arrived.is_ok());
        thread.join().unwrap();
    }
}
