//! The forward program against the meaning of the graph, and the adjoint program against central finite
//! differences of that meaning, all in 64-bit floats so that the differences can be small enough to
//! step over no kink of an activation or a pooling.

use std::sync::Arc;

use asma::cpu::CpuExecutor;
use asma::graph::{Graph, Margins, NodeId, Op, Operator, PadMargins, Slopes, ops};
use asma::model::{Padding, SimpleUnet};
use asma::network::{LoweringOptions, lower};
use asma::{Shape, Tensor};
use asma_definitions::graph::{Values, evaluate};

use crate::memory::poison;
use crate::networks::{run, simple_unet, tensor};
use crate::random_graph::random_graph;

/// Of 32-bit sums against 64-bit ones, through some tens of layers.
pub const TOLERANCE: f64 = 2e-5;
pub const STEP: f64 = 1e-7;

pub fn values(tensor: &Tensor) -> Values {
    Values {
        shape: tensor.shape(),
        data: tensor.data().iter().map(|&v| v as f64).collect(),
    }
}

/// The sum of products and of their magnitudes.
pub fn inner(left: &[f64], right: &[f32]) -> (f64, f64) {
    left.iter()
        .zip(right)
        .map(|(&l, &r)| l * r as f64)
        .fold((0.0, 0.0), |(sum, size), product| {
            (sum + product, size + product.abs())
        })
}

/// Checks output and gradient of `graph`, lowered with `options`, and returns them.
pub fn check(what: &str, graph: &Graph, input: Shape, options: LoweringOptions) -> (Tensor, Tensor) {
    let network = lower(graph, input, options).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut executor =
        CpuExecutor::new(Arc::new(network.program.clone())).unwrap_or_else(|error| panic!("{what}: {error}"));
    let x = tensor(input, 1);
    let upstream = tensor(network.logits.shape, 2);
    poison(&mut executor, &network);
    let (logits, gradient) = run(&mut executor, &network, &x, &upstream);

    let wanted = evaluate(graph, &values(&x));
    let largest = wanted.data.iter().fold(0.0f64, |largest, v| largest.max(v.abs()));
    for (index, (&found, &wanted)) in logits.data().iter().zip(&wanted.data).enumerate() {
        assert!(
            (found as f64 - wanted).abs() <= TOLERANCE * (1.0 + largest),
            "{what}: output {index} is {found}, want {wanted}"
        );
    }

    let at = |sign: f64, direction: &[f32]| {
        let mut x = values(&x);
        for (x, &d) in x.data.iter_mut().zip(direction) {
            *x += sign * STEP * d as f64;
        }
        evaluate(graph, &x)
    };
    for seed in 3..6 {
        let direction = tensor(input, seed);
        let (after, before) = (at(1.0, direction.data()), at(-1.0, direction.data()));
        let change: Vec<f64> = after
            .data
            .iter()
            .zip(&before.data)
            .map(|(after, before)| (after - before) / (2.0 * STEP))
            .collect();
        let (wanted, terms_out) = inner(&change, upstream.data());
        let gradient: Vec<f64> = gradient.data().iter().map(|&v| v as f64).collect();
        let (found, terms_in) = inner(&gradient, direction.data());
        assert!(
            (found - wanted).abs() <= TOLERANCE * (1.0 + terms_out.max(terms_in)),
            "{what}: the derivative along direction {seed} is {found} by the adjoint and {wanted} by differences"
        );
    }
    (logits, gradient)
}

pub fn describe(graph: &Graph) -> String {
    let nodes = graph.nodes().iter().map(|node| {
        let inputs: Vec<_> = node.inputs.iter().map(|id| id.0).collect();
        format!("{}{inputs:?}", node.name)
    });
    nodes.collect::<Vec<_>>().join(" ")
}

#[test]
fn adjoint_of_random_graphs_is_their_derivative() {
    for seed in 0..400 {
        let (graph, input) = random_graph(seed, 4 + seed as usize % 14);
        let what = format!("graph {seed} of input {input}: {}", describe(&graph));
        check(&what, &graph, input, LoweringOptions::default());
    }
}

/// Joins that are copied, rather than made in place, give the same numbers.
#[test]
fn copied_joins_equal_joins_in_place() {
    for seed in 0..100 {
        let (graph, input) = random_graph(seed, 12);
        let what = format!("graph {seed} of input {input}: {}", describe(&graph));
        let in_place = check(&what, &graph, input, LoweringOptions::default());
        let copied = LoweringOptions {
            preferred_largest_buffer: 0,
            ..Default::default()
        };
        let copied = check(&what, &graph, input, copied);
        for (a, b) in [(&in_place.0, &copied.0), (&in_place.1, &copied.1)] {
            let largest = b.data().iter().fold(1.0f32, |largest, v| largest.max(v.abs()));
            let alike = a
                .data()
                .iter()
                .zip(b.data())
                .all(|(a, b)| (a - b).abs() <= 1e-5 * largest);
            assert!(alike, "{what}");
        }
    }
}

/// A graph under construction, from one input of three channels.
struct Small(Graph);

impl Small {
    fn new() -> (Small, NodeId) {
        let graph = Graph::new(3);
        let input = graph.input();
        (Small(graph), input)
    }

    fn convolution(&mut self, x: NodeId, channels: [usize; 2], padding: usize) -> NodeId {
        let [from, to] = channels;
        let seed = 100 + self.0.nodes().len() as u64;
        let data = crate::networks::numbers(seed, to * from * 9);
        let weight = self.0.add_parameter("weight", &[to, from, 3, 3], data).unwrap();
        let op = ops::Conv2d {
            weight,
            bias: None,
            stride: [1, 1],
            padding: Margins::same([padding; 2]),
            dilation: [1, 1],
            groups: 1,
        };
        let x = self.0.add("convolution", op, &[x]).unwrap();
        let relu = ops::Slope {
            slopes: Slopes::Same(0.0),
        };
        self.0.add("relu", relu, &[x]).unwrap()
    }

    fn node(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        let op = op.into();
        self.0.add(op.kind(), op, inputs).unwrap()
    }

    fn check(&self, what: &str) {
        check(what, &self.0, Shape::new(2, 3, 9, 7), LoweringOptions::default());
    }
}

#[test]
fn output_may_be_a_join_in_place() {
    let (mut graph, input) = Small::new();
    let a = graph.convolution(input, [3, 4], 1);
    let b = graph.convolution(input, [3, 2], 1);
    graph.node(ops::Concat::CHANNELS, &[a, b]);
    graph.check("the output is a concatenation");
}

#[test]
fn output_may_be_a_crop() {
    let (mut graph, input) = Small::new();
    let a = graph.convolution(input, [3, 4], 1);
    let b = graph.convolution(input, [3, 4], 0);
    graph.node(ops::Crop, &[a, b]);
    graph.check("the output is a crop");
    let (mut graph, input) = Small::new();
    let a = graph.convolution(input, [3, 4], 1);
    graph.node(ops::Crop, &[a, input]);
    graph.check("the output is a crop of nothing");
}

#[test]
fn part_of_a_join_may_be_used_after_it() {
    let (mut graph, input) = Small::new();
    let a = graph.convolution(input, [3, 4], 1);
    // The input cannot stand in place and is copied.
    let joined = graph.node(ops::Concat::CHANNELS, &[a, input]);
    let b = graph.convolution(joined, [7, 4], 1);
    graph.node(ops::Arithmetic::from(ops::Operation::Add), &[a, b]);
    graph.check("a part of a concatenation is added to what follows it");
}

#[test]
fn join_may_be_cropped() {
    let (mut graph, input) = Small::new();
    let a = graph.convolution(input, [3, 4], 1);
    let b = graph.convolution(input, [3, 2], 1);
    let joined = graph.node(ops::Concat::CHANNELS, &[a, b]);
    let small = graph.convolution(joined, [6, 4], 0);
    graph.node(ops::Crop, &[joined, small]);
    let cropped = graph.0.output();
    graph.node(ops::Concat::CHANNELS, &[cropped, small]);
    graph.check("a concatenation is cropped");
}

#[test]
fn cropped_part_may_be_used_whole() {
    let (mut graph, input) = Small::new();
    let a = graph.convolution(input, [3, 4], 1);
    let small = graph.convolution(a, [4, 4], 0);
    let cropped = graph.node(ops::Crop, &[a, small]);
    let joined = graph.node(ops::Concat::CHANNELS, &[small, cropped]);
    let again = graph.convolution(joined, [8, 3], 2);
    let whole = graph.node(ops::Concat::CHANNELS, &[again, input]);
    let back = graph.node(ops::Crop, &[a, whole]);
    graph.node(ops::Concat::CHANNELS, &[whole, back, back]);
    graph.check("a skip is joined cropped, cropped again and used whole");
}

#[test]
fn a_border_around_a_network_has_its_adjoint() {
    let margins = PadMargins::Fixed(Margins {
        top: 1,
        right: 3,
        ..Margins::NONE
    });
    for (padding, cut_back, input) in [
        (Padding::Same, true, Shape::new(2, 3, 15, 13)),
        (Padding::Valid, false, Shape::new(1, 3, 21, 19)),
    ] {
        let graph = simple_unet(&SimpleUnet::doubling(3, 2, 2, 2, padding), 5).with_border(margins, cut_back);
        let (logits, _) = check(&format!("{padding}"), &graph, input, LoweringOptions::default());
        assert_eq!(logits.shape().h == input.h, cut_back);
    }
}

/// Two crops of one row each cut none above; one crop of two rows cuts one.
#[test]
fn crop_of_a_crop_cuts_what_each_cuts() {
    let (mut graph, input) = Small::new();
    let whole = graph.convolution(input, [3, 4], 1);
    let pooled = |rows: usize| ops::MaxPool2d {
        kernel: [rows, rows],
        stride: [1, 1],
        padding: Margins::NONE,
        ceil: false,
    };
    let one_less = graph.node(pooled(2), &[input]);
    let two_less = graph.node(pooled(3), &[input]);
    let once = graph.node(ops::Crop, &[whole, one_less]);
    let twice = graph.node(ops::Crop, &[once, two_less]);
    let part = graph.convolution(two_less, [3, 2], 1);
    graph.node(ops::Concat::CHANNELS, &[twice, part]);
    graph.check("a crop of a crop is joined");
}
