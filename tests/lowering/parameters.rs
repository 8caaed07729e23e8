//! The gradients of all parameters against central finite differences of the graph's meaning, and the buffer
//! of parameters: what stands in it is what the network computes with.

use std::collections::HashMap;
use std::sync::Arc;

use asma::cpu::CpuExecutor;
use asma::graph::{Graph, Margins, Node, NodeId, Op, Operator, ParameterId, Slopes, ops};
use asma::kernels::Params;
use asma::model::{Padding, SimpleUnet};
use asma::network::{Gradients, LoweringOptions, Network, Precision, Trainable, lower};
use asma::program::Executor;
use asma::{Shape, Tensor};
use asma_definitions::graph::{evaluate_with, parameters};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::gradient::{STEP, TOLERANCE, describe, inner, values};
use crate::memory::poison;
use crate::networks::{numbers, read, simple_unet, tensor};
use crate::random_graph::random_graph;

const TRAINING: LoweringOptions = LoweringOptions {
    precision: Precision::F32,
    gradients: Gradients::Parameters,
    preferred_largest_buffer: 1 << 27,
};

/// The graph with other numbers in its parameters, and `stand_in(id)` read where it reads `id`.
fn rebuilt(graph: &Graph, data: &[f32], stand_in: impl Fn(ParameterId) -> ParameterId) -> Graph {
    let mut copy = Graph::new(graph.input_channels());
    let mut rest = data;
    for parameter in graph.parameters() {
        let (data, after) = rest.split_at(parameter.data.len());
        copy.add_parameter(&parameter.name, &parameter.shape, data.to_vec())
            .unwrap();
        rest = after;
    }
    for Node { name, op, inputs } in &graph.nodes()[1..] {
        let mut op = op.clone();
        match &mut op {
            Op::Conv2d(ops::Conv2d { weight, bias, .. })
            | Op::ConvTranspose2d(ops::ConvTranspose2d { weight, bias, .. }) => {
                *weight = stand_in(*weight);
                *bias = bias.map(&stand_in);
            }
            Op::Slope(ops::Slope {
                slopes: Slopes::Learnt(slopes),
            }) => *slopes = stand_in(*slopes),
            Op::Affine(ops::Affine { scale, shift }) => {
                (*scale, *shift) = (stand_in(*scale), stand_in(*shift))
            }
            _ => {}
        }
        copy.add(name, op, inputs).unwrap();
    }
    copy
}

/// All numbers of all parameters.
fn flat(graph: &Graph) -> Vec<f32> {
    graph.parameters().iter().flat_map(|p| p.data.to_vec()).collect()
}

/// A random graph in which some parameters of the same shape are one.
fn graph_with_shared_parameters(seed: u64) -> (Graph, Shape) {
    let (graph, input) = random_graph(seed, 4 + seed as usize % 14);
    let mut random = StdRng::seed_from_u64(seed);
    let all = graph.parameters();
    let stand_ins: Vec<ParameterId> = (0..all.len())
        .map(|id| {
            let alike: Vec<usize> = (0..=id)
                .filter(|&other| all[other].shape == all[id].shape)
                .collect();
            match random.random_bool(0.3) {
                true => ParameterId(alike[random.random_range(0..alike.len())]),
                false => ParameterId(id),
            }
        })
        .collect();
    (rebuilt(&graph, &flat(&graph), |id| stand_ins[id.0]), input)
}

/// How often each parameter is read by nodes that the output depends on.
fn reads(graph: &Graph) -> Vec<usize> {
    let mut needed = vec![false; graph.nodes().len()];
    needed[graph.output().0] = true;
    let mut reads = vec![0; graph.parameters().len()];
    for (index, node) in graph.nodes().iter().enumerate().rev() {
        if !needed[index] {
            continue;
        }
        for (id, _) in node.op.parameters() {
            reads[id.0] += 1;
        }
        // What only lends its size passes no gradient.
        let values = match node.op {
            Op::Concat(_) | Op::Arithmetic(_) | Op::MatMul(_) => node.inputs.len(),
            _ => node.inputs.len().min(1),
        };
        for input in &node.inputs[..values] {
            needed[input.0] = true;
        }
    }
    reads
}

fn trainable(network: &Network) -> &Trainable {
    network.trainable.as_ref().expect("trainable parameters")
}

/// The output for `input` with these parameters, and their gradients for the gradient `seed` of the output.
fn train(
    executor: &mut CpuExecutor,
    network: &Network,
    weights: &[f32],
    input: &Tensor,
    seed: &Tensor,
) -> (Tensor, Vec<f32>) {
    let trainable = trainable(network);
    executor.write(trainable.weights, &trainable.initial).unwrap();
    executor.write(trainable.weights, weights).unwrap();
    executor.write(network.input.buffer, input.data()).unwrap();
    executor
        .submit(&network.forward.clone().collect::<Vec<_>>())
        .unwrap();
    let logits = read(executor, network, network.logits);
    executor.write(network.seed.unwrap().buffer, seed.data()).unwrap();
    executor
        .submit(&network.adjoint.clone().collect::<Vec<_>>())
        .unwrap();
    let gradient = executor.read(trainable.gradient, trainable.count).unwrap();
    (logits, gradient)
}

fn executor(network: &Network) -> CpuExecutor {
    CpuExecutor::new(Arc::new(network.program.clone())).unwrap()
}

/// Checks output and gradients of all parameters of `graph`.
fn check(what: &str, graph: &Graph, input: Shape) {
    let network = lower(graph, input, TRAINING).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(network.gradient.is_none(), "{what}: nobody asked for the input's");
    assert_eq!(
        trainable(&network).initial[..graph.parameter_count()],
        flat(graph)
    );
    assert_eq!(trainable(&network).count, graph.parameter_count());
    let x = tensor(input, 1);
    let upstream = tensor(network.logits.shape, 2);
    let (logits, gradient) = train(&mut executor(&network), &network, &flat(graph), &x, &upstream);

    let (x, numbers) = (values(&x), parameters(graph));
    let wanted = evaluate_with(graph, &numbers, &x);
    let largest = wanted.data.iter().fold(0.0f64, |largest, v| largest.max(v.abs()));
    for (index, (&found, &wanted)) in logits.data().iter().zip(&wanted.data).enumerate() {
        assert!(
            (found as f64 - wanted).abs() <= TOLERANCE * (1.0 + largest),
            "{what}: output {index} is {found}, want {wanted}"
        );
    }

    let mut first = 0;
    for (id, reads) in reads(graph).into_iter().enumerate() {
        let gradient = &gradient[first..first + numbers[id].len()];
        first += numbers[id].len();
        if reads == 0 {
            assert!(
                gradient.iter().all(|&v| v == 0.0),
                "{what}: parameter {id} does nothing"
            );
            continue;
        }
        let direction = crate::networks::numbers(3 + id as u64, gradient.len());
        let at = |step: f64| {
            let mut numbers = numbers.clone();
            for (number, &d) in numbers[id].iter_mut().zip(&direction) {
                *number += step * d as f64;
            }
            evaluate_with(graph, &numbers, &x).data
        };
        let change: Vec<f64> = at(STEP)
            .iter()
            .zip(at(-STEP))
            .map(|(after, before)| (after - before) / (2.0 * STEP))
            .collect();
        let (wanted, terms_out) = inner(&change, upstream.data());
        let gradient: Vec<f64> = gradient.iter().map(|&v| v as f64).collect();
        let (found, terms_in) = inner(&gradient, &direction);
        let shape = &graph.parameters()[id].shape;
        assert!(
            (found - wanted).abs() <= TOLERANCE * (1.0 + terms_out.max(terms_in)),
            "{what}: the derivative along a direction of parameter {id} of shape {shape:?}, read {reads} times, is \
             {found} by the adjoint and {wanted} by differences"
        );
    }
}

/// Counts what a graph tests.
fn count_features(graph: &Graph, counts: &mut HashMap<&'static str, usize>) {
    let mut count = |what, yes: bool| *counts.entry(what).or_default() += yes as usize;
    let reads = reads(graph);
    let operator = |id: NodeId| &graph.nodes()[id.0].op;
    let negative = |id: ParameterId| graph.parameters()[id.0].data.iter().any(|&slope| slope < 0.0);
    for node in graph.nodes() {
        let of_use = node.op.parameters().iter().all(|(id, _)| reads[id.0] > 0);
        if !of_use {
            continue;
        }
        let input = node.inputs.first().map(|&id| operator(id));
        let after_convolution = matches!(
            input,
            Some(Op::Conv2d(ops::Conv2d { .. }) | Op::ConvTranspose2d(ops::ConvTranspose2d { .. }))
        );
        count("concatenation", matches!(node.op, Op::Concat(_)));
        count("crop", matches!(node.op, Op::Crop(_)));
        match node.op {
            Op::Conv2d(ops::Conv2d {
                bias,
                stride,
                padding,
                dilation,
                groups,
                ..
            }) => {
                count("dilated convolution", dilation != [1, 1]);
                count("convolution in groups", groups > 1);
                count("convolution without bias", bias.is_none());
                count("convolution with bias", bias.is_some());
                count("strided convolution", stride != [1, 1]);
                count("padded convolution", padding != Margins::NONE);
                count(
                    "convolution of the input",
                    matches!(input, Some(Op::Input(ops::Input { .. }))),
                );
                count(
                    "convolution of an affine",
                    matches!(input, Some(Op::Affine(ops::Affine { .. }))),
                );
            }
            Op::ConvTranspose2d(ops::ConvTranspose2d {
                bias,
                stride,
                output_padding,
                dilation,
                groups,
                ..
            }) => {
                count("dilated transposed convolution", dilation != [1, 1]);
                count("transposed convolution in groups", groups > 1);
                count("transposed convolution without bias", bias.is_none());
                count("transposed convolution with bias", bias.is_some());
                count("strided transposed convolution", stride != [1, 1]);
                count("output padding", output_padding != [0, 0]);
            }
            Op::Affine(ops::Affine { .. }) => {
                count(
                    "affine of the input",
                    matches!(input, Some(Op::Input(ops::Input { .. }))),
                );
                count("affine of a convolution", after_convolution);
                count("affine alone", !after_convolution);
            }
            Op::Constant(_) => count("constant", true),
            Op::GroupNorm(ops::GroupNorm { scale, shift, .. }) => {
                count("scale of a norm of channels", scale.is_some());
                count("shift of a norm of channels", shift.is_some());
            }
            Op::LayerNorm(ops::LayerNorm { scale, shift, .. }) => {
                count("scale of a norm of columns", scale.is_some());
                count("shift of a norm of columns", shift.is_some());
            }
            Op::Slope(ops::Slope {
                slopes: Slopes::Learnt(id),
            }) => {
                let length = graph.parameters()[id.0].data.len();
                count("one slope", length == 1);
                count("slopes of channels", length > 1);
                count("negative slope", negative(id));
                count("slope of a convolution", after_convolution);
            }
            Op::Slope(ops::Slope {
                slopes: Slopes::Same(_),
            }) => count("activation of a convolution", after_convolution),
            _ => {}
        }
    }
    count("shared parameter", reads.iter().any(|&reads| reads > 1));
    count("parameter of no use", reads.contains(&0));
}

#[test]
fn gradients_of_random_graphs_are_their_derivatives() {
    let mut counts = HashMap::new();
    for seed in 1000..1500 {
        let (graph, input) = graph_with_shared_parameters(seed);
        let what = format!("graph {seed} of input {input}: {}", describe(&graph));
        count_features(&graph, &mut counts);
        check(&what, &graph, input);
    }
    for (what, count) in counts {
        assert!(count >= 10, "only {count} × {what}");
    }
}

/// More pixels than one chunk of any sum has, so that partial sums are added up.
#[test]
fn gradients_of_a_unet_are_its_derivatives() {
    for padding in [Padding::Valid, Padding::Same] {
        let unet = SimpleUnet::doubling(2, 3, 2, 2, padding);
        let graph = simple_unet(&unet, 1);
        let smallest = (48..)
            .find(|&size| graph.output_shape(Shape::new(1, 2, size, size)).is_ok())
            .unwrap();
        let input = Shape::new(3, 2, smallest, smallest);
        let network = lower(&graph, input, TRAINING).unwrap();
        let sums = network
            .program
            .calls()
            .iter()
            .filter_map(|call| match call.params {
                Params::SumPartials(params) => Some(params.chunks),
                _ => None,
            });
        assert!(sums.filter(|&chunks| chunks > 1).count() > 10, "{padding:?}");
        check(&format!("U-Net, {padding:?}"), &graph, input);
    }
}

/// Copied joins, rather than joins in place, take other ways through the adjoints.
#[test]
fn copied_joins_give_the_same_gradients() {
    for seed in 1400..1460 {
        let (graph, input) = graph_with_shared_parameters(seed);
        let run = |options| {
            let network = lower(&graph, input, options).unwrap();
            let (x, upstream) = (tensor(input, 1), tensor(network.logits.shape, 2));
            train(&mut executor(&network), &network, &flat(&graph), &x, &upstream).1
        };
        let in_place = run(TRAINING);
        let copied = run(LoweringOptions {
            preferred_largest_buffer: 0,
            ..TRAINING
        });
        let largest = copied.iter().fold(1.0f32, |largest, v| largest.max(v.abs()));
        for (index, (a, b)) in in_place.iter().zip(&copied).enumerate() {
            let what = format!("graph {seed}, number {index}: {}", describe(&graph));
            assert!((a - b).abs() <= 1e-5 * largest, "{what}: {a} and {b}");
        }
    }
}

fn assert_alike(what: &str, found: &Tensor, wanted: &Tensor) {
    let largest = wanted
        .data()
        .iter()
        .fold(1.0f32, |largest, v| largest.max(v.abs()));
    for (index, (a, b)) in found.data().iter().zip(wanted.data()).enumerate() {
        assert!(
            (a - b).abs() <= 2e-5 * largest,
            "{what}, number {index}: {a} and {b}"
        );
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// A network that was lowered with some parameters and then given others computes what one lowered with the
/// others does, to the bit; and what one lowered without training does, which folds and fuses more.
#[test]
fn parameters_may_change_between_runs() {
    for seed in 1500..1600 {
        let (graph, input) = graph_with_shared_parameters(seed);
        let network = lower(&graph, input, TRAINING).unwrap();
        let other_numbers: Vec<f32> = flat(&graph)
            .iter()
            .zip(numbers(seed, graph.parameter_count()))
            .map(|(old, new)| 0.5 * (old + new))
            .collect();
        let other_graph = rebuilt(&graph, &other_numbers, |id| id);
        let (x, upstream) = (tensor(input, 1), tensor(network.logits.shape, 2));

        let mut changing = executor(&network);
        let before = train(&mut changing, &network, &flat(&graph), &x, &upstream);
        let changed = train(&mut changing, &network, &other_numbers, &x, &upstream);
        let back = train(&mut changing, &network, &flat(&graph), &x, &upstream);
        let other = lower(&other_graph, input, TRAINING).unwrap();
        let lowered = train(&mut executor(&other), &other, &other_numbers, &x, &upstream);
        let what = format!("graph {seed} of input {input}: {}", describe(&graph));
        for (case, found, wanted) in [("changed", &changed, &lowered), ("changed back", &back, &before)] {
            assert_eq!(
                bits(found.0.data()),
                bits(wanted.0.data()),
                "{case}, output of {what}"
            );
            assert_eq!(bits(&found.1), bits(&wanted.1), "{case}, gradients of {what}");
        }

        for (graph, found) in [(&graph, &before.0), (&other_graph, &changed.0)] {
            for gradients in [Gradients::None, Gradients::Input] {
                let options = LoweringOptions {
                    gradients,
                    ..TRAINING
                };
                // A graph of which nothing depends on the input has no gradient of it.
                let Ok(ordinary) = lower(graph, input, options) else {
                    continue;
                };
                assert!(ordinary.trainable.is_none());
                let mut executor = executor(&ordinary);
                executor.write(ordinary.input.buffer, x.data()).unwrap();
                executor
                    .submit(&ordinary.forward.clone().collect::<Vec<_>>())
                    .unwrap();
                let wanted = read(&mut executor, &ordinary, ordinary.logits);
                assert_alike(&format!("{gradients:?}, {what}"), found, &wanted);
            }
        }
    }
}

#[test]
fn no_call_reads_what_this_run_has_not_written() {
    for seed in 1600..1800 {
        let (graph, input) = graph_with_shared_parameters(seed);
        let network = lower(&graph, input, TRAINING).unwrap();
        let mut executor = executor(&network);
        let (x, upstream) = (tensor(input, 1), tensor(network.logits.shape, 2));
        let run = |executor: &mut CpuExecutor| train(executor, &network, &flat(&graph), &x, &upstream);
        let clean = run(&mut executor);
        let again = run(&mut executor);
        poison(&mut executor, &network);
        let poisoned = run(&mut executor);
        // The gradient of a parameter that does nothing is never written: it stays as it was.
        let written: Vec<bool> = graph
            .parameters()
            .iter()
            .zip(reads(&graph))
            .flat_map(|(parameter, reads)| vec![reads > 0; parameter.data.len()])
            .collect();
        let gradient = |run: &(Tensor, Vec<f32>)| -> Vec<u32> {
            let both = bits(&run.1).into_iter().zip(&written);
            both.filter(|(_, written)| **written)
                .map(|(bits, _)| bits)
                .collect()
        };
        for (what, other) in [
            ("a second run", &again),
            ("a run on memory full of NaN", &poisoned),
        ] {
            let what = format!("{what} of graph {seed}: {}", describe(&graph));
            assert_eq!(bits(clean.0.data()), bits(other.0.data()), "output in {what}");
            assert_eq!(gradient(&clean), gradient(other), "gradients in {what}");
        }
    }
}
