//! The threads that work is spread over: rayon's global pool, started where it can be seen whether that works.
//!
//! Left alone, rayon starts its threads at its first use and panics where the system allows no more of them.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{Builder, available_parallelism};

use rayon::{ThreadBuilder, ThreadPoolBuilder};

use crate::error::{Error, Result};

/// How many threads work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// As many as there are; 1 where it is only the one that called.
    pub started: usize,
    /// As many as there should be: one for each processor, or what `RAYON_NUM_THREADS` says.
    pub wanted: usize,
}

/// What the first call started, and the process in which it did.
static STARTED: Mutex<Option<(Threads, u32)>> = Mutex::new(None);

/// Starts as many of the threads as the system allows. Where the global pool stands already, it stays; calls after the
/// first that succeeded change nothing.
///
/// # Errors
/// If the system allows none, or this process was forked from one that had started them.
pub fn start() -> Result<Threads> {
    check_process()?;
    start_with(false).ok_or_else(|| {
        Error::Device("the system allows no thread to compute on; allow more, see `ulimit -u`".into())
    })
}

/// The same for a program that computes on the calling thread alone: where the system allows no threads, this one does
/// all the work from then on. No other thread may then call what is spread over threads: it would wait for ever.
pub fn start_or_use_this_one() -> Threads {
    start_with(true).unwrap_or(Threads {
        started: 1,
        wanted: 1,
    })
}

fn start_with(this_one: bool) -> Option<Threads> {
    let mut held = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    if held.is_none() {
        *held = build(this_one).map(|threads| (threads, this_process()));
    }
    held.map(|(threads, _)| threads)
}

/// Refuses a process that was forked from one that had computed: neither its threads nor what it had open on a GPU came along,
/// and whoever waits for them waits for ever.
fn check_process() -> Result<()> {
    let held = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
    match *held {
        Some((_, process)) if process != this_process() => Err(Error::Device(
            "this process was forked from one in which asma had computed already, whose threads and GPU stayed there; fork \
             before the first computation, or start processes afresh (of Python's multiprocessing: \"spawn\")"
                .into(),
        )),
        _ => Ok(()),
    }
}

/// The number of this process; a page has none, and is never forked.
fn this_process() -> u32 {
    match cfg!(target_arch = "wasm32") {
        true => 0,
        false => std::process::id(),
    }
}

fn build(this_one: bool) -> Option<Threads> {
    // A page has no threads, and rayon uses the one that there is.
    if cfg!(target_arch = "wasm32") {
        return Some(Threads {
            started: 1,
            wanted: 1,
        });
    }
    let wanted = wanted();
    // Threads first, the pool of as many after: a pool that fails on the way leaves no second try.
    let mut waiting: Vec<Sender<ThreadBuilder>> = (0..wanted).map_while(|_| waiting_thread()).collect();
    let started = waiting.len().max(1);
    let pool = ThreadPoolBuilder::new().num_threads(started);
    let built = match waiting.len() {
        0 if this_one => pool.use_current_thread().build_global(),
        0 => return None,
        _ => pool
            .spawn_handler(move |thread| {
                let handed_over = waiting.pop().is_some_and(|waiting| waiting.send(thread).is_ok());
                match handed_over {
                    true => Ok(()),
                    false => Err(std::io::Error::other("a thread of the pool has ended")),
                }
            })
            .build_global(),
    };
    Some(match built {
        Ok(()) => Threads { started, wanted },
        // Somebody else's stands.
        Err(_) => {
            let standing = rayon::current_num_threads();
            Threads {
                started: standing,
                wanted: standing,
            }
        }
    })
}

fn wanted() -> usize {
    let named = std::env::var("RAYON_NUM_THREADS").ok();
    let named = named
        .and_then(|number| number.parse().ok())
        .filter(|&number| number > 0);
    named.unwrap_or_else(|| available_parallelism().map_or(1, |number| number.get()))
}

/// A thread that waits for its place in the pool, and ends if there will be none.
fn waiting_thread() -> Option<Sender<ThreadBuilder>> {
    let (sender, receiver) = channel::<ThreadBuilder>();
    let work = move || {
        if let Ok(thread) = receiver.recv() {
            thread.run();
        }
    };
    Builder::new()
        .name("asma".into())
        .spawn(work)
        .ok()
        .map(|_| sender)
}
