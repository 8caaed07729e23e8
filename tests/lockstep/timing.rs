//! Timing single calls: what it gives, and that it computes the same.

use asma::gpu::{Capabilities, GpuExecutor, GpuOptions, optional_features};
use asma::program::Executor;

use crate::common::gpu;
use crate::comparison::{assert_same_memory, memory};
use crate::network::networks;
use crate::networks::{image, tensor};

#[test]
fn timed_calls_compute_what_submitted_ones_do() {
    let Some(gpu) = gpu(Capabilities::Full) else {
        return;
    };
    if !gpu.device().features().contains(optional_features()) {
        eprintln!("skipped: {} has no timestamps", gpu.info().name);
        return;
    }
    for (what, network) in networks() {
        let calls: Vec<_> = network.forward.clone().chain(network.adjoint.clone()).collect();
        let [submitted, timed] = [false, true].map(|timed| {
            let mut executor =
                GpuExecutor::new(gpu.clone(), &network.program, &GpuOptions::default()).unwrap();
            executor
                .write(network.input.buffer, image(network.input.shape, 1).data())
                .unwrap();
            let seed = network.seed.unwrap();
            executor.write(seed.buffer, tensor(seed.shape, 2).data()).unwrap();
            if timed {
                let seconds = executor.time_calls(&calls).unwrap();
                assert_eq!(seconds.len(), calls.len());
                // Each takes some time, and none of these small ones a minute.
                assert!(seconds.iter().all(|s| (0.0..60.0).contains(s)), "{seconds:?}");
                assert!(seconds.iter().sum::<f64>() > 0.0);
            } else {
                executor.submit(&calls).unwrap();
            }
            memory(&mut executor, &network.program)
        });
        assert_same_memory(&what, &network.program, &submitted, &timed);
    }
}

#[test]
fn ceilings_are_measured() {
    let Some(gpu) = gpu(Capabilities::Full) else {
        return;
    };
    let (_, network) = networks().remove(0);
    let mut executor = GpuExecutor::new(gpu, &network.program, &GpuOptions::default()).unwrap();
    let ceilings = executor.measure_ceilings().unwrap();
    // Between a calculator and what nobody has built.
    for rate in [ceilings.bytes_per_second, ceilings.flops_per_second] {
        assert!((1e6..1e17).contains(&rate), "{ceilings:?}");
    }
}

#[test]
fn a_device_without_timestamps_says_so() {
    let Some(gpu) = gpu(Capabilities::Baseline) else {
        return;
    };
    let (_, network) = networks().remove(0);
    let mut executor = GpuExecutor::new(gpu, &network.program, &GpuOptions::default()).unwrap();
    let error = executor.time_calls(&[0]).unwrap_err().to_string();
    assert!(error.contains("timestamp"), "{error}");
}
