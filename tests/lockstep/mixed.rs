//! Calls up to any one on one executor and the rest on the other.

use asma::gpu::{Capabilities, GpuDevice, GpuOptions};
use asma::network::Precision;
use asma::program::{Buffer, BufferId, Contents, Executor, Program};

use crate::common::shared_gpu;
use crate::comparison::{Lockstep, Mode, memory};
use crate::network::networks;
use crate::networks::image;

/// Hands all memory that calls may change from one executor to the other.
fn hand_over(program: &Program, memory: &[Vec<u32>], to: &mut dyn Executor) {
    let changing = |buffer: &Buffer| matches!(buffer.contents, Contents::Zeros);
    let buffers = memory.iter().zip(program.buffers()).enumerate();
    for (index, (words, _)) in buffers.filter(|(_, (_, buffer))| changing(buffer)) {
        to.write_words(BufferId(index), 0, words).unwrap();
    }
}

#[test]
fn executors_can_take_over_from_each_other_at_any_call() {
    let Some(gpu) = shared_gpu(Capabilities::Full) else {
        return;
    };
    take_over(gpu.clone(), Precision::F32, 5e-5);
    if gpu.has_float16() {
        take_over(gpu, Precision::F16, 2e-3);
    }
}

fn take_over(gpu: GpuDevice, precision: Precision, tolerance: f32) {
    let (what, network) = networks(precision).swap_remove(0);
    let calls: Vec<_> = network.forward.clone().collect();
    let mut executors = Lockstep::new(&network.program, gpu, &GpuOptions::default(), Mode::Running);
    let input = image(network.input.shape, 1);
    executors.write(network.input.buffer, input.data());
    executors.cpu.submit(&calls).unwrap();
    let wanted = crate::networks::read(&mut executors.cpu, &network, network.logits);
    for switch in (0..=calls.len()).step_by(5) {
        for gpu_first in [true, false] {
            executors.write(network.input.buffer, input.data());
            let Lockstep { cpu, gpu, .. } = &mut executors;
            let (first, second): (&mut dyn Executor, &mut dyn Executor) =
                if gpu_first { (gpu, cpu) } else { (cpu, gpu) };
            first.submit(&calls[..switch]).unwrap();
            hand_over(&network.program, &memory(first, &network.program), second);
            second.submit(&calls[switch..]).unwrap();
            let found = crate::networks::read(second, &network, network.logits);
            for (a, b) in found.data().iter().zip(wanted.data()) {
                assert!(
                    (a - b).abs() <= tolerance + tolerance * b.abs(),
                    "{what}, switched at call {switch}, GPU first {gpu_first}: {a}, want {b}"
                );
            }
        }
    }
}
