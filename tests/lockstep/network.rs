//! A small U-Net, forward and adjoint.

use std::sync::Arc;

use asma::Shape;
use asma::cpu::CpuExecutor;
use asma::gpu::{Capabilities, GpuExecutor, GpuOptions, VariantChoice};
use asma::kernels::Element;
use asma::model::{Padding, SimpleUnet};
use asma::network::{LoweringOptions, Network, Precision, lower};
use asma::program::{Builder, Executor};

use crate::common::shared_gpu;
use crate::comparison::{Lockstep, Mode, assert_same_memory, memory};
use crate::networks::{image, simple_unet, tensor};
use crate::setups;

/// Both paddings, and sizes that are no multiples of any tile.
pub fn networks(precision: Precision) -> Vec<(String, Network)> {
    let cases = [
        (
            SimpleUnet::doubling(3, 4, 3, 2, Padding::Valid),
            Shape::new(1, 3, 60, 60),
        ),
        (
            SimpleUnet::doubling(3, 5, 3, 3, Padding::Same),
            Shape::new(2, 3, 44, 36),
        ),
    ];
    let lowered = cases.into_iter().map(|(unet, input)| {
        let options = LoweringOptions {
            precision,
            ..LoweringOptions::default()
        };
        let network = lower(&simple_unet(&unet, 7), input, options).unwrap();
        (format!("{unet} of {input}, {precision}"), network)
    });
    lowered.collect()
}

#[test]
fn every_call_of_a_network_equals_its_twin() {
    for (setup, gpu, options) in setups() {
        let all = [Precision::F32, Precision::F16].map(networks);
        for (what, network) in all.into_iter().flatten() {
            let halves = network
                .program
                .buffers()
                .iter()
                .any(|b| b.element == Element::Half);
            if halves && !gpu.has_float16() {
                continue;
            }
            for mode in [Mode::Isolated, Mode::Running] {
                // What is rounded apart to neighbours goes on apart.
                if halves && mode == Mode::Running {
                    continue;
                }
                let mut lockstep = Lockstep::new(&network.program, gpu.clone(), &options, mode);
                lockstep.write(network.input.buffer, image(network.input.shape, 1).data());
                lockstep.run(&network.forward.clone().collect::<Vec<_>>());
                let seed = network.seed.unwrap();
                lockstep.write(seed.buffer, tensor(seed.shape, 2).data());
                lockstep.run(&network.adjoint.clone().collect::<Vec<_>>());
                lockstep.report(&format!("{setup}: {what}"));
            }
        }
    }
}

fn run(executor: &mut GpuExecutor, network: &Network) -> Vec<Vec<u32>> {
    executor
        .write(network.input.buffer, image(network.input.shape, 1).data())
        .unwrap();
    executor
        .submit(&network.forward.clone().collect::<Vec<_>>())
        .unwrap();
    let seed = network.seed.unwrap();
    executor.write(seed.buffer, tensor(seed.shape, 2).data()).unwrap();
    executor
        .submit(&network.adjoint.clone().collect::<Vec<_>>())
        .unwrap();
    memory(executor, &network.program)
}

/// The checks that clamp an access out of bounds change nothing, so there is none; and a device gives the
/// same bits again. The first network as float32, the second as float16 if the GPU has it: each text with checks is one more
/// to compile.
#[test]
fn run_time_checks_and_a_second_run_change_no_bit() {
    let Some(gpu) = shared_gpu(Capabilities::Full) else {
        return;
    };
    let mut variants = vec![
        "registers",
        "registers 3x3",
        "few registers",
        "tiled 32",
        "tiled 64",
        "winograd",
    ];
    if gpu.matrix_units().is_some() {
        variants.extend(["matrix", "split matrix"]);
    }
    let second = match gpu.has_float16() {
        true => Precision::F16,
        false => Precision::F32,
    };
    let tried = [
        networks(Precision::F32).swap_remove(0),
        networks(second).swap_remove(1),
    ];
    for variant in variants {
        let options = |checked| GpuOptions {
            variants: VariantChoice::Named(variant.into()),
            checked,
        };
        for (what, network) in &tried {
            let what = format!("{variant}: {what}");
            let mut executor = GpuExecutor::new(gpu.clone(), &network.program, &options(false)).unwrap();
            let first = run(&mut executor, network);
            let again = run(&mut executor, network);
            assert_same_memory(&format!("{what}, twice"), &network.program, &first, &again);
            let mut executor = GpuExecutor::new(gpu.clone(), &network.program, &options(true)).unwrap();
            let checked = run(&mut executor, network);
            assert_same_memory(&format!("{what}, checked"), &network.program, &first, &checked);
        }
    }
}

/// Buffers on a GPU may be longer than the program's; what lies behind those is nobody's.
#[test]
fn words_behind_a_buffer_are_out_of_reach() {
    let mut program = Builder::new();
    let buffer = program.add_buffer("three", 3);
    let program = program.finish().unwrap();
    let mut executors: Vec<Box<dyn Executor>> =
        vec![Box::new(CpuExecutor::new(Arc::new(program.clone())).unwrap())];
    if let Some(gpu) = shared_gpu(Capabilities::Full) {
        let options = GpuOptions::default();
        executors.push(Box::new(GpuExecutor::new(gpu, &program, &options).unwrap()));
    }
    for mut executor in executors {
        let what = executor.describe();
        executor.write_words(buffer, 1, &[7, 8]).unwrap();
        assert_eq!(executor.read(buffer, 3).unwrap().len(), 3, "{what}");
        for (start, length) in [(0, 4), (3, 1), (usize::MAX, 2)] {
            let words = vec![0; length];
            assert!(
                executor.write_words(buffer, start, &words).is_err(),
                "{what}: {start}"
            );
            assert!(
                executor.request_words(buffer, start, length).is_err(),
                "{what}: {start}"
            );
        }
    }
}
