//! Operators that a graph spells out become one node each, with the same numbers; and only where nobody else reads what
//! lies between.

use std::sync::Arc;

use asma::Shape;
use asma::cpu::CpuExecutor;
use asma::graph::ops::{self, Function, NormGroups, Operation, Reduction};
use asma::graph::{Graph, NodeId, Op, Raised, raised};
use asma::network::{LoweringOptions, lower};

use crate::networks::{run, tensor};

const CHANNELS: usize = 6;
const COLUMNS: usize = 10;

/// A graph under construction.
struct Spelling(Graph);

impl Spelling {
    fn add(&mut self, op: impl Into<Op>, inputs: &[NodeId]) -> NodeId {
        let name = format!("node {}", self.0.nodes().len());
        self.0.add(name, op, inputs).unwrap()
    }

    fn constant(&mut self, shape: [usize; 4], values: &[f32]) -> NodeId {
        let name = format!("values {}", self.0.parameters().len());
        let values = self.0.add_parameter(name, &shape, values.to_vec()).unwrap();
        self.add(ops::Constant { values }, &[])
    }

    fn number(&mut self, value: f32) -> NodeId {
        self.constant([1; 4], &[value])
    }

    fn of(&mut self, operation: Operation, left: NodeId, right: NodeId) -> NodeId {
        self.add(ops::Arithmetic { operation }, &[left, right])
    }

    fn with(&mut self, operation: Operation, left: NodeId, right: f32) -> NodeId {
        let right = self.number(right);
        self.of(operation, left, right)
    }

    fn function(&mut self, function: Function, of: NodeId) -> NodeId {
        self.add(ops::Pointwise { function }, &[of])
    }

    fn affine(&mut self, of: NodeId, scale: &[f32], shift: &[f32]) -> NodeId {
        let mut parameter = |what: &str, values: &[f32]| {
            let name = format!("{what} {}", self.0.parameters().len());
            let values = values.to_vec();
            self.0.add_parameter(name, &[CHANNELS], values).unwrap()
        };
        let (scale, shift) = (parameter("scale", scale), parameter("shift", shift));
        self.add(ops::Affine { scale, shift }, &[of])
    }

    fn group_norm(&mut self, of: NodeId) -> NodeId {
        let norm = ops::GroupNorm {
            groups: NormGroups::Groups(3),
            scale: None,
            shift: None,
            epsilon: 1e-3,
        };
        self.add(norm, &[of])
    }

    fn mean(&mut self, of: NodeId) -> NodeId {
        let mean = ops::Reduce {
            function: Reduction::Mean,
            axes: [false, false, false, true],
        };
        self.add(mean, &[of])
    }

    /// `1 + erf(x/√2)`
    fn gaussian(&mut self, x: NodeId) -> NodeId {
        let argument = self.with(Operation::Divide, x, std::f32::consts::SQRT_2);
        let error = self.function(Function::Erf, argument);
        self.with(Operation::Add, error, 1.0)
    }
}

fn different(seed: usize) -> Vec<f32> {
    (0..CHANNELS)
        .map(|c| 0.5 + ((c * 7 + seed * 3) % 5) as f32 * 0.3)
        .collect()
}

/// Raises what `spell` makes of a scaled input, with a layer after it; checks that it computes the same, and gives it.
fn raise(kept: &[NodeId], spell: impl Fn(&mut Spelling, NodeId) -> NodeId) -> (Graph, Raised) {
    let mut spelling = Spelling(Graph::new(CHANNELS));
    let input = spelling.0.input();
    let x = spelling.function(Function::Tanh, input);
    let x = spelling.with(Operation::Multiply, x, 3.0);
    let last = spell(&mut spelling, x);
    spelling.function(Function::Sigmoid, last);
    let graph = spelling.0;
    let raised = raised(&graph, kept);

    let shape = Shape::new(2, CHANNELS, 4, COLUMNS);
    let results = [&graph, &raised.graph].map(|graph| {
        let network = lower(graph, shape, LoweringOptions::default()).unwrap();
        let mut executor = CpuExecutor::new(Arc::new(network.program.clone())).unwrap();
        run(&mut executor, &network, &tensor(shape, 3), &tensor(shape, 4))
    });
    let [(logits, gradient), (raised_logits, raised_gradient)] = results;
    for (before, after) in [(logits, raised_logits), (gradient, raised_gradient)] {
        let largest = before.data().iter().fold(0.0f32, |a, b| a.max(b.abs()));
        for (before, after) in before.data().iter().zip(after.data()) {
            assert!((before - after).abs() <= 2e-5 * largest, "{before} and {after}");
        }
    }
    (graph, raised)
}

/// The kinds of the nodes between the two at the beginning and the one at the end.
fn kinds(graph: &Graph) -> Vec<&Op> {
    let nodes = graph.nodes();
    let named = nodes.iter().map(|node| &node.op);
    let named: Vec<&Op> = named.filter(|op| !matches!(op, Op::Constant(_))).collect();
    named[3..named.len() - 1].to_vec()
}

fn function(function: Function) -> Op {
    ops::Pointwise { function }.into()
}

/// One way to spell an operator out.
type Spelled<'a> = &'a dyn Fn(&mut Spelling, NodeId) -> NodeId;

#[test]
fn gates_become_one_function() {
    let silu = function(Function::Silu);
    for first in [true, false] {
        let (_, raised) = raise(&[], |spelling, x| {
            let gate = spelling.function(Function::Sigmoid, x);
            let [left, right] = if first { [x, gate] } else { [gate, x] };
            spelling.of(Operation::Multiply, left, right)
        });
        assert_eq!(kinds(&raised.graph), [&silu]);
        assert_eq!(raised.found, [("SiLU", 1)]);
    }
}

#[test]
fn hard_swish_in_four_spellings() {
    let hard_swish = function(Function::HardSwish);
    let six = |spelling: &mut Spelling, x| {
        let more = spelling.with(Operation::Add, x, 3.0);
        spelling.function(Function::Clip { low: 0.0, high: 6.0 }, more)
    };
    let spellings: [Spelled<'_>; 4] = [
        &|spelling, x| {
            let (alpha, beta) = (1.0 / 6.0, 0.5);
            let gate = spelling.function(Function::HardSigmoid { alpha, beta }, x);
            spelling.of(Operation::Multiply, x, gate)
        },
        &|spelling, x| {
            let gate = six(spelling, x);
            let gate = spelling.with(Operation::Divide, gate, 6.0);
            spelling.of(Operation::Multiply, gate, x)
        },
        &|spelling, x| {
            let gate = six(spelling, x);
            let product = spelling.of(Operation::Multiply, x, gate);
            spelling.with(Operation::Divide, product, 6.0)
        },
        &|spelling, x| {
            let gate = spelling.affine(x, &[1.0 / 6.0; CHANNELS], &[0.5; CHANNELS]);
            let gate = spelling.function(Function::Clip { low: 0.0, high: 1.0 }, gate);
            spelling.of(Operation::Multiply, x, gate)
        },
    ];
    for spell in spellings {
        let (_, raised) = raise(&[], spell);
        assert_eq!(kinds(&raised.graph), [&hard_swish]);
    }
    // Another slope is another function.
    let (graph, raised) = raise(&[], |spelling, x| {
        let (alpha, beta) = (0.2, 0.5);
        let gate = spelling.function(Function::HardSigmoid { alpha, beta }, x);
        spelling.of(Operation::Multiply, x, gate)
    });
    assert!(raised.graph.has_layers_of(&graph));
}

#[test]
fn gelu_in_the_order_of_each_export() {
    let gelu = function(Function::Gelu);
    let spellings: [Spelled<'_>; 4] = [
        &|spelling, x| {
            let gate = spelling.gaussian(x);
            let product = spelling.of(Operation::Multiply, x, gate);
            spelling.with(Operation::Multiply, product, 0.5)
        },
        &|spelling, x| {
            let half = spelling.with(Operation::Divide, x, 2.0);
            let gate = spelling.gaussian(x);
            spelling.of(Operation::Multiply, half, gate)
        },
        &|spelling, x| {
            let gate = spelling.gaussian(x);
            let half = spelling.affine(gate, &[0.5; CHANNELS], &[0.0; CHANNELS]);
            spelling.of(Operation::Multiply, half, x)
        },
        &|spelling, x| {
            let argument = spelling.affine(x, &[0.707_106_77; CHANNELS], &[0.0; CHANNELS]);
            let error = spelling.function(Function::Erf, argument);
            let gate = spelling.affine(error, &[0.5; CHANNELS], &[0.5; CHANNELS]);
            spelling.of(Operation::Multiply, x, gate)
        },
    ];
    for spell in spellings {
        let (_, raised) = raise(&[], spell);
        assert_eq!(kinds(&raised.graph), [&gelu]);
        assert_eq!(raised.found, [("GELU", 1)]);
    }
    // Without the half, and with the error function of another number.
    for (factor, divisor) in [(1.0, std::f32::consts::SQRT_2), (0.5, 1.4)] {
        let (graph, raised) = raise(&[], |spelling, x| {
            let argument = spelling.with(Operation::Divide, x, divisor);
            let error = spelling.function(Function::Erf, argument);
            let gate = spelling.with(Operation::Add, error, 1.0);
            let product = spelling.of(Operation::Multiply, x, gate);
            spelling.with(Operation::Multiply, product, factor)
        });
        assert!(raised.graph.has_layers_of(&graph));
    }
}

/// LayerNorm as it is exported where the format has none.
fn layer_norm(spelling: &mut Spelling, x: NodeId, product: bool) -> NodeId {
    let mean = spelling.mean(x);
    let centred = spelling.of(Operation::Subtract, x, mean);
    let square = match product {
        true => spelling.of(Operation::Multiply, centred, centred),
        false => spelling.function(Function::Power { exponent: 2.0 }, centred),
    };
    let variance = spelling.mean(square);
    let variance = spelling.with(Operation::Add, variance, 1e-4);
    let deviation = spelling.function(Function::Sqrt, variance);
    spelling.of(Operation::Divide, centred, deviation)
}

#[test]
fn layer_norm_with_its_scale_and_shift() {
    let of_columns = |spelling: &mut Spelling, base: f32| {
        let values: Vec<f32> = (0..COLUMNS).map(|x| base + 0.1 * x as f32).collect();
        spelling.constant([1, 1, 1, COLUMNS], &values)
    };
    for product in [false, true] {
        let (_, raised) = raise(&[], |spelling, x| {
            let normal = layer_norm(spelling, x, product);
            let scale = of_columns(spelling, 0.4);
            let scaled = spelling.of(Operation::Multiply, normal, scale);
            let shift = of_columns(spelling, -0.3);
            spelling.of(Operation::Add, shift, scaled)
        });
        assert!(
            matches!(
                kinds(&raised.graph)[..],
                [Op::LayerNorm(ops::LayerNorm {
                    scale: Some(_),
                    shift: Some(_),
                    epsilon: 1e-4,
                })]
            ),
            "{:?}",
            raised.found
        );
    }
    // A shift before the scale is no LayerNorm's own.
    let (_, raised) = raise(&[], |spelling, x| {
        let normal = layer_norm(spelling, x, false);
        let shift = of_columns(spelling, -0.3);
        let shifted = spelling.of(Operation::Add, shift, normal);
        let scale = of_columns(spelling, 0.4);
        spelling.of(Operation::Multiply, shifted, scale)
    });
    assert_eq!(kinds(&raised.graph).len(), 2);
    // Of a mean that is not the input's own.
    let (graph, raised) = raise(&[], |spelling, x| {
        let other = spelling.function(Function::Tanh, x);
        let mean = spelling.mean(other);
        let centred = spelling.of(Operation::Subtract, x, mean);
        let square = spelling.function(Function::Power { exponent: 2.0 }, centred);
        let variance = spelling.mean(square);
        let variance = spelling.with(Operation::Add, variance, 1e-4);
        let deviation = spelling.function(Function::Sqrt, variance);
        spelling.of(Operation::Divide, centred, deviation)
    });
    assert!(raised.graph.has_layers_of(&graph));
}

#[test]
fn scales_and_shifts_go_into_one() {
    let (_, raised) = raise(&[], |spelling, x| {
        let normal = spelling.group_norm(x);
        let once = spelling.affine(normal, &different(1), &different(2));
        let twice = spelling.function(Function::Tanh, once);
        let twice = spelling.affine(twice, &different(3), &different(4));
        spelling.affine(twice, &different(5), &different(6))
    });
    assert_eq!(
        raised.found,
        [
            ("scale and shift of a GroupNorm", 1),
            ("scale and shift twice", 1)
        ]
    );
    let nodes = kinds(&raised.graph);
    assert!(matches!(
        nodes[..],
        [
            Op::GroupNorm(ops::GroupNorm {
                scale: Some(_),
                shift: Some(_),
                ..
            }),
            Op::Pointwise(_),
            Op::Affine(_)
        ]
    ));
}

#[test]
fn what_somebody_else_reads_stays() {
    // Another node reads the gate.
    let (graph, raised) = raise(&[], |spelling, x| {
        let gate = spelling.function(Function::Sigmoid, x);
        let product = spelling.of(Operation::Multiply, x, gate);
        spelling.of(Operation::Add, product, gate)
    });
    assert!(raised.graph.has_layers_of(&graph));
    assert!(raised.found.is_empty());

    // The caller keeps what stands between; what follows keeps its place by its new number.
    let twice = |spelling: &mut Spelling, x: NodeId| {
        let gate = spelling.function(Function::Sigmoid, x);
        let product = spelling.of(Operation::Multiply, x, gate);
        let once = spelling.affine(product, &different(1), &different(2));
        spelling.affine(once, &different(3), &different(4))
    };
    // Nodes: input, tanh, 3, product, sigmoid, product, affine, affine, sigmoid.
    let once = NodeId(6);
    let (graph, raised) = raise(&[once], twice);
    assert!(matches!(graph.nodes()[once.0].op, Op::Affine(_)));
    assert_eq!(raised.found, [("SiLU", 1)]);
    assert_eq!(raised.kept, [NodeId(5)]);
    assert_eq!(
        raised.graph.nodes()[5].op,
        graph.nodes()[once.0].op,
        "the node that is kept"
    );
    let (graph, raised) = raise(&[NodeId(4)], twice);
    assert_eq!(raised.found, [("scale and shift twice", 1)]);
    assert_eq!(raised.kept, [NodeId(4)]);
    assert_eq!(raised.graph.nodes()[4].op, graph.nodes()[4].op);

    // The output stands between.
    let mut spelling = Spelling(Graph::new(CHANNELS));
    let input = spelling.0.input();
    let gate = spelling.function(Function::Sigmoid, input);
    spelling.of(Operation::Multiply, input, gate);
    spelling.0.set_output(gate).unwrap();
    let graph = spelling.0;
    assert!(asma::graph::raised(&graph, &[]).graph.has_layers_of(&graph));
}
