//! Comparison with what PyTorch computes. `make.py`, beside this file, made the numbers; the tests rebuild its
//! networks through the public interface and run them on the CPU executor, and on the GPU if there is one.

#[path = "../common/mod.rs"]
mod common;

mod attack;
mod budget;
mod gradient;
mod mixed;
mod run;
mod smallest;
mod tensors;
mod training;
mod windows;

use std::path::PathBuf;
use std::sync::Arc;

use asma::Tensor;
use asma::checkpoint::Checkpoint;
use asma::cpu::CpuExecutor;
use asma::gpu::{Capabilities, GpuExecutor, GpuOptions};
use asma::program::{Executor, Program};
use asma::tensor::Shape;

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(file)
}

fn open(name: &str) -> Checkpoint {
    Checkpoint::open(path(&format!("{name}.safetensors"))).unwrap()
}

/// A tensor of four dimensions.
fn tensor(checkpoint: &Checkpoint, name: &str) -> Tensor {
    let tensor = checkpoint.tensor(name).unwrap();
    let &[n, c, h, w] = &tensor.shape[..] else {
        panic!("{name} has shape {:?}", tensor.shape)
    };
    Tensor::new(Shape::new(n, c, h, w), tensor.data).unwrap()
}

/// Calls `check` with an executor of `program` on the CPU, and with one on the GPU if there is one.
fn on_every_executor(program: &Arc<Program>, mut check: impl FnMut(&str, &mut dyn Executor)) {
    let mut cpu = CpuExecutor::new(program.clone()).unwrap();
    check("CPU", &mut cpu);
    if let Some(gpu) = common::shared_gpu(Capabilities::Full) {
        let name = gpu.describe();
        let mut gpu = GpuExecutor::new(gpu, program, &GpuOptions::default()).unwrap();
        check(&name, &mut gpu);
    }
}

/// Checks that `|found − wanted| ≤ absolute + relative · |wanted|` everywhere.
#[track_caller]
fn assert_close(what: &str, found: &[f32], wanted: &[f32], absolute: f32, relative: f32) {
    assert_eq!(found.len(), wanted.len(), "{what}: how many numbers");
    // How much of the tolerance is used up; more than 1 is too much.
    let excess = |index: usize| {
        let (found, wanted) = (found[index], wanted[index]);
        let excess = (found - wanted).abs() / (absolute + relative * wanted.abs());
        match found == wanted {
            true => 0.0,
            false if excess.is_nan() => f32::INFINITY,
            false => excess,
        }
    };
    let worst = (0..found.len()).max_by(|&a, &b| excess(a).total_cmp(&excess(b)));
    let Some(worst) = worst else {
        panic!("{what}: nothing to compare");
    };
    let beyond = (0..found.len()).filter(|&index| excess(index) > 1.0).count();
    println!(
        "{what}: worst {:.3} of the tolerance (number {worst})",
        excess(worst)
    );
    assert!(
        beyond == 0,
        "{what}: {beyond} of {} numbers are beyond {absolute} + {relative}·|wanted|; the worst is number {worst}: \
         {} instead of {}",
        found.len(),
        found[worst],
        wanted[worst]
    );
}
