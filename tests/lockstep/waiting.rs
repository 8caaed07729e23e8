//! A host with a loop of its own, in which nothing may block.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use asma::attack::StopReason;
use asma::gpu::{Capabilities, GpuDevice, GpuExecutor, GpuOptions};
use asma::program::Executor;
use asma::wgpu;

use crate::attack::{Case, cases};
use crate::common::gpu;

fn executor(gpu: &GpuDevice, case: &Case) -> GpuExecutor {
    GpuExecutor::new(gpu.clone(), case.attack.program(), &GpuOptions::default()).unwrap()
}

/// Looks at a future once in each frame, and says how many frames it took.
fn frames<T>(gpu: &GpuDevice, future: impl Future<Output = T>) -> (T, u32) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for frame in 1.. {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return (value, frame);
        }
        gpu.device().poll(wgpu::PollType::Poll).unwrap();
    }
    unreachable!("more frames than there are numbers")
}

#[test]
fn an_attack_from_frame_to_frame_equals_one_that_blocks() {
    let Some(gpu) = gpu(Capabilities::Full) else {
        return;
    };
    for (what, case) in cases(2) {
        let blocking = case.run(&mut executor(&gpu, &case));
        let mut executor = executor(&gpu, &case);
        let mut progress = |_: asma::attack::Progress<'_>| ControlFlow::Continue(());
        let attack = case.attack.run_async(&mut executor, case.input(), &mut progress);
        let (outcomes, frames) = frames(&gpu, attack);
        // What waited inside would be done at the first look. A fast device answers all but the last request while the next
        // is made.
        assert!(frames > 1, "{what}: done after {frames} frames");
        for (one, other) in outcomes.unwrap().iter().zip(&blocking) {
            assert_eq!(one.trace, other.trace, "{what}");
            assert_eq!(one.last, other.last, "{what}");
            assert_eq!(one.best, other.best, "{what}");
        }
    }
}

#[test]
fn a_look_at_what_has_not_arrived_does_not_wait_for_it() {
    let Some(gpu) = gpu(Capabilities::Full) else {
        return;
    };
    let [(_, case), _] = cases(1);
    let mut executor = executor(&gpu, &case);
    let logits = case.attack.logits();
    let words = logits.shape.elements();
    for call in case.attack.prepare(&mut executor, case.input()).unwrap().take(3) {
        executor.submit(&call).unwrap();
    }
    let mut readback = executor.request_words(logits.buffer, 0, words).unwrap();
    // Nobody has let the device tell of anything since.
    assert_eq!(readback.try_receive().unwrap(), None);
    let given_up = executor.request_words(logits.buffer, 0, words).unwrap();
    drop(given_up);
    let received = loop {
        gpu.device().poll(wgpu::PollType::Poll).unwrap();
        if let Some(words) = readback.try_receive().unwrap() {
            break words;
        }
    };
    let read: Vec<u32> = bytemuck::cast_vec(executor.read(logits.buffer, words).unwrap());
    assert_eq!(received, read);
}

#[test]
fn whoever_waits_for_a_lost_device_is_told() {
    let Some(gpu) = gpu(Capabilities::Full) else {
        return;
    };
    let [(_, case), _] = cases(1);
    let mut executor = executor(&gpu, &case);
    let calls = case.attack.forward();
    executor.submit(&calls).unwrap();
    let logits = case.attack.logits();
    gpu.device().destroy();
    let start = Instant::now();
    let told = executor
        .submit(&calls)
        .and_then(|()| executor.read(logits.buffer, 1).map(drop));
    assert!(told.is_err());
    let asked = executor.request_words(logits.buffer, 0, 1);
    assert!(asked.and_then(|readback| readback.receive()).is_err());
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn who_has_stopped_an_attack_is_told_no_more() {
    let Some(gpu) = gpu(Capabilities::Full) else {
        return;
    };
    for (what, case) in cases(1) {
        let mut told = 0;
        let mut stop_at_once = |_: asma::attack::Progress<'_>| {
            told += 1;
            ControlFlow::Break(())
        };
        let mut executor = executor(&gpu, &case);
        let outcomes = case.attack.run(&mut executor, case.input(), &mut stop_at_once);
        assert_eq!(told, 1, "{what}");
        assert_eq!(outcomes.unwrap()[0].stop, StopReason::Interrupted, "{what}");
    }
}
