//! Networks forward and backward: the output for an input, and the input's gradient for a random gradient of
//! the output.

use std::sync::Arc;

use asma::Tensor;
use asma::graph::Graph;
use asma::model::Model;
use asma::network::{LoweringOptions, lower};
use asma::program::{Executor, Place};

use super::{assert_close, mixed, on_every_executor, open, tensor, tensors};

/// The tensor at `place`.
fn read(executor: &mut dyn Executor, length: usize, place: Place) -> Tensor {
    let words = executor.read(place.buffer, length).unwrap();
    Tensor::from_fn(place.shape, |n, c, y, x| words[place.view.at(n, c, y, x)])
}

/// How far a number may be off, relative to itself plus the largest one of its tensor. PyTorch's own float32
/// results are up to 1.2e-6 from what it computes in float64.
const TOLERANCE: f32 = 2e-6;

/// What PyTorch computes: an input, the output for it, a gradient of the output and that of the input for it.
pub const PARTS: [&str; 4] = ["input", "output", "upstream", "gradient"];

/// Runs `graph` on the input in `NAME_results` and compares output and gradient.
fn check(name: &str, graph: &Graph) {
    let golden = open(&format!("{name}_results"));
    compare(name, graph, &PARTS.map(|part| tensor(&golden, part)));
}

/// Runs `graph` on the input of `parts`, which are as [`PARTS`] says, and compares output and gradient.
pub fn compare(name: &str, graph: &Graph, [input, output, upstream, gradient]: &[Tensor; 4]) {
    let network = lower(graph, input.shape(), LoweringOptions::default()).unwrap();
    let program = Arc::new(network.program);
    let (seed, gradient_place) = (network.seed.unwrap(), network.gradient.unwrap());
    on_every_executor(&program, |device, executor| {
        executor.write(network.input.buffer, input.data()).unwrap();
        executor
            .submit(&network.forward.clone().collect::<Vec<_>>())
            .unwrap();
        let compare = |executor: &mut dyn Executor, what: &str, place: Place, wanted: &Tensor| {
            let length = program.buffers()[place.buffer.0].length;
            let found = read(executor, length, place);
            assert_eq!(found.shape(), wanted.shape(), "{name}, {what}");
            let largest = wanted
                .data()
                .iter()
                .fold(0.0f32, |largest, v| largest.max(v.abs()));
            let what = format!("{name}, {what} on {device}");
            assert_close(&what, found.data(), wanted.data(), TOLERANCE * largest, TOLERANCE);
        };
        compare(executor, "output", network.logits, output);
        executor.write(seed.buffer, upstream.data()).unwrap();
        executor
            .submit(&network.adjoint.clone().collect::<Vec<_>>())
            .unwrap();
        compare(executor, "gradient", gradient_place, gradient);
    });
}

#[test]
fn simple_unet_with_valid_convolutions() {
    let model = Model::from_checkpoint(&open("unet_valid")).unwrap();
    check("unet_valid", &model.graph);
}

#[test]
fn simple_unet_with_same_convolutions() {
    let model = Model::from_checkpoint(&open("unet_same")).unwrap();
    check("unet_same", &model.graph);
}

#[test]
fn every_other_operator() {
    check("mixed", &mixed::graph(&open("mixed")).unwrap());
}

#[test]
fn operators_between_tensors_and_functions() {
    let input = tensor(&open("tensors_results"), "input").shape();
    check("tensors", &tensors::graph(&open("tensors"), input).unwrap());
}
