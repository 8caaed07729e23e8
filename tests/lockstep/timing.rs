//! Timing single calls: what it gives, and that it computes the same.

use std::collections::BTreeMap;

use asma::Shape;
use asma::gpu::{Capabilities, GpuDevice, GpuExecutor, GpuOptions, Tuning, VariantChoice, tune};
use asma::model::{Padding, SimpleUnet};
use asma::network::{LoweringOptions, Precision, lower};
use asma::program::Executor;

use crate::common::gpu;
use crate::comparison::{assert_same_memory, memory};
use crate::network::networks;
use crate::networks::{image, simple_unet, tensor};

/// Whether the device can time; a line says so if not.
fn has_timestamps(gpu: &GpuDevice) -> bool {
    let has = gpu.device().features().contains(wgpu::Features::TIMESTAMP_QUERY);
    if !has {
        eprintln!("skipped: {} has no timestamps", gpu.info().name);
    }
    has
}

#[test]
fn timed_calls_compute_what_submitted_ones_do() {
    let Some(gpu) = gpu(Capabilities::Full) else {
        return;
    };
    if !has_timestamps(&gpu) {
        return;
    }
    for (what, network) in networks(Precision::F32) {
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
    if !has_timestamps(&gpu) {
        return;
    }
    let (_, network) = networks(Precision::F32).remove(0);
    let has_matrix_units = gpu.matrix_units().is_some();
    let mut executor = GpuExecutor::new(gpu, &network.program, &GpuOptions::default()).unwrap();
    let ceilings = executor.measure_ceilings().unwrap();
    // Between a calculator and what nobody has built.
    let on_matrix_units = ceilings.matrix_flops_per_second;
    assert_eq!(on_matrix_units.is_some(), has_matrix_units);
    let rates = [ceilings.bytes_per_second, ceilings.flops_per_second];
    for rate in rates.into_iter().chain(on_matrix_units) {
        assert!((1e6..1e17).contains(&rate), "{ceilings:?}");
    }
}

#[test]
fn a_device_without_timestamps_says_so() {
    let Some(gpu) = gpu(Capabilities::Baseline) else {
        return;
    };
    let (_, network) = networks(Precision::F32).remove(0);
    let mut executor = GpuExecutor::new(gpu, &network.program, &GpuOptions::default()).unwrap();
    let error = executor.time_calls(&[0]).unwrap_err().to_string();
    assert!(error.contains("timestamp"), "{error}");
}

/// A table has one of the variants for each kind of work that has several, an executor runs what it says, and what it
/// names wrongly or not at all runs as without it.
#[test]
fn a_tuned_executor_runs_what_was_measured() {
    let Some(gpu) = gpu(Capabilities::Full) else {
        return;
    };
    if !has_timestamps(&gpu) {
        return;
    }
    let unet = SimpleUnet::doubling(3, 4, 2, 2, Padding::Valid);
    let network = lower(
        &simple_unet(&unet, 1),
        Shape::new(1, 3, 30, 26),
        LoweringOptions::default(),
    )
    .unwrap();
    let program = network.program.clone();
    let calls: Vec<_> = network.forward.clone().chain(network.adjoint.clone()).collect();
    let tuning = tune(&gpu, &program, &calls, 1).unwrap();
    assert_eq!(tuning.device, gpu.describe());
    let text = serde_json::to_string(&tuning).unwrap();
    assert_eq!(serde_json::from_str::<Tuning>(&text).unwrap(), tuning);

    let executor = |variants| {
        let options = GpuOptions {
            variants,
            checked: false,
        };
        GpuExecutor::new(gpu.clone(), &program, &options).unwrap()
    };
    let automatic = executor(VariantChoice::Auto);
    let tuned = executor(VariantChoice::Tuned(tuning.clone()));
    let winograd: BTreeMap<_, _> = tuning
        .variants
        .keys()
        .map(|work| (work.clone(), "winograd".to_string()))
        .collect();
    let forced_variants = winograd.clone();
    let forced = executor(VariantChoice::Tuned(Tuning {
        variants: winograd,
        ..tuning.clone()
    }));
    let wrong = tuning
        .variants
        .keys()
        .map(|work| (work.clone(), "nonsense".to_string()))
        .collect();
    let wrong = executor(VariantChoice::Tuned(Tuning {
        variants: wrong,
        ..tuning.clone()
    }));
    let elsewhere = executor(VariantChoice::Tuned(Tuning {
        device: "another one".into(),
        variants: forced_variants,
    }));
    let mut measured = 0;
    for &id in &calls {
        let params = &program.calls()[id].params;
        let specialisation = program.specialisation(&program.calls()[id], gpu.matrix_units());
        assert_eq!(wrong.variant(id), automatic.variant(id));
        assert_eq!(elsewhere.variant(id), automatic.variant(id));
        let ways = params.ways(&specialisation);
        if ways.len() == 1 {
            continue;
        }
        measured += 1;
        assert_eq!(tuned.variant(id), tuning.variants[&params.work(&specialisation)]);
        let special = ways.iter().any(|way| way.name == "winograd");
        let wanted = if special {
            "winograd"
        } else {
            automatic.variant(id)
        };
        assert_eq!(forced.variant(id), wanted);
    }
    assert!(measured > 10, "{measured}");
}

#[test]
fn tables_of_two_devices_are_not_mixed() {
    let table = |device: &str, work: &str| Tuning {
        device: device.into(),
        variants: BTreeMap::from([(work.to_string(), "tiled".to_string())]),
    };
    let mut tuning = table("one", "a");
    tuning.merge(table("one", "b"));
    assert_eq!(tuning.variants.len(), 2);
    tuning.merge(table("another", "c"));
    assert_eq!(tuning, table("another", "c"));
}
