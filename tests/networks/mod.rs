//! Small networks and inputs for tests, all from a seed.
#![allow(dead_code)]

use asma::checkpoint::{Checkpoint, WeightTensor};
use asma::cpu::CpuExecutor;
use asma::graph::Graph;
use asma::model::SimpleUnet;
use asma::network::Network;
use asma::program::{Executor, Place};
use asma::{LabelMap, Shape, Tensor};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// `count` numbers between −1 and 1.
pub fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..count).map(|_| random.random_range(-1.0..1.0)).collect()
}

/// Numbers between −1 and 1.
pub fn tensor(shape: Shape, seed: u64) -> Tensor {
    Tensor::new(shape, numbers(seed, shape.elements())).unwrap()
}

/// Pixel values between 0 and 1.
pub fn image(shape: Shape, seed: u64) -> Tensor {
    let values = numbers(seed, shape.elements());
    Tensor::new(shape, values.into_iter().map(|v| 0.5 + 0.5 * v).collect()).unwrap()
}

/// Weights of a variance that keeps values of the same size through the layers.
fn weights(seed: u64, shape: &[usize]) -> Vec<f32> {
    let count = shape.iter().product();
    let scale = match *shape {
        [_, channels, rows, columns] if rows > 2 => (6.0 / (channels * rows * columns) as f32).sqrt(),
        [_, channels, ..] => (3.0 / channels as f32).sqrt(),
        _ => 0.1,
    };
    numbers(seed, count).into_iter().map(|v| v * scale).collect()
}

/// A member of the family with seeded weights, the logits `scale` times as large.
pub fn simple_unet_scaled(unet: &SimpleUnet, seed: u64, scale: f32) -> Graph {
    let mut layer = seed * 1000;
    unet.build(|name, shape| {
        layer += 1;
        let scale = if name.starts_with("conv_final") {
            scale
        } else {
            1.0
        };
        Ok(weights(layer, shape).into_iter().map(|v| v * scale).collect())
    })
    .unwrap()
}

/// A member of the family with seeded weights.
pub fn simple_unet(unet: &SimpleUnet, seed: u64) -> Graph {
    simple_unet_scaled(unet, seed, 1.0)
}

/// The same as a checkpoint.
pub fn checkpoint_of(unet: &SimpleUnet, with_metadata: bool) -> Checkpoint {
    let tensors = unet.tensors().into_iter().zip(0..).map(|((name, shape), seed)| {
        let data = weights(seed, &shape);
        (name, WeightTensor::new(shape, data).unwrap())
    });
    let metadata = if with_metadata {
        unet.metadata()
    } else {
        Default::default()
    };
    Checkpoint::from_tensors(tensors, metadata).unwrap()
}

/// Labels in which a rectangle of `class` stands on background, at another place for each seed.
pub fn target(height: usize, width: usize, class: u8, seed: u64) -> LabelMap {
    let (top, left) = (height / 4 + seed as usize % 3, width / 5 + seed as usize % 2);
    LabelMap::from_fn(height, width, |y, x| {
        let inside = (top..top + height / 2).contains(&y) && (left..left + width / 2).contains(&x);
        if inside { class } else { 0 }
    })
    .unwrap()
}

/// The tensor at `place` of an executor, and nothing around it.
pub fn read(executor: &mut dyn Executor, network: &Network, place: Place) -> Tensor {
    let length = network.program.buffers()[place.buffer.0].length;
    let words = executor.read(place.buffer, length).unwrap();
    Tensor::from_fn(place.shape, |n, c, y, x| words[place.view.at(n, c, y, x)])
}

/// The output for `input`, and the gradient of the input for the gradient `seed` of the output.
pub fn run(executor: &mut CpuExecutor, network: &Network, input: &Tensor, seed: &Tensor) -> (Tensor, Tensor) {
    executor.write(network.input.buffer, input.data()).unwrap();
    executor
        .submit(&network.forward.clone().collect::<Vec<_>>())
        .unwrap();
    let logits = read(executor, network, network.logits);
    executor.write(network.seed.unwrap().buffer, seed.data()).unwrap();
    executor
        .submit(&network.adjoint.clone().collect::<Vec<_>>())
        .unwrap();
    let gradient = read(executor, network, network.gradient.unwrap());
    (logits, gradient)
}
