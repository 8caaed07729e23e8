//! Buffers that share memory: nothing reads what it has not written in the same run.

use std::sync::Arc;

use asma::Shape;
use asma::cpu::CpuExecutor;
use asma::kernels::fill;
use asma::network::{Gradients, LoweringOptions, Network, lower};
use asma::program::{BufferId, Builder, Condition, Contents, Executor, Place};

use crate::networks::{run, tensor};
use crate::random_graph::random_graph;

/// Fills all memory that calls write with NaN.
pub fn poison(executor: &mut CpuExecutor, network: &Network) {
    for (index, buffer) in network.program.buffers().iter().enumerate() {
        if matches!(buffer.contents, Contents::Zeros) {
            let poison = vec![f32::NAN; buffer.length];
            executor.write(BufferId(index), &poison).unwrap();
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn no_call_reads_what_this_run_has_not_written() {
    for seed in 200..400 {
        let (graph, input) = random_graph(seed, 4 + seed as usize % 14);
        let network = lower(&graph, input, LoweringOptions::default()).unwrap();
        let mut executor = CpuExecutor::new(Arc::new(network.program.clone())).unwrap();
        let (x, upstream) = (tensor(input, 1), tensor(network.logits.shape, 2));
        let clean = run(&mut executor, &network, &x, &upstream);
        let again = run(&mut executor, &network, &x, &upstream);
        poison(&mut executor, &network);
        let poisoned = run(&mut executor, &network, &x, &upstream);
        for (what, other) in [
            ("a second run", &again),
            ("a run on memory full of NaN", &poisoned),
        ] {
            assert_eq!(
                bits(clean.0.data()),
                bits(other.0.data()),
                "output of graph {seed} in {what}"
            );
            assert_eq!(
                bits(clean.1.data()),
                bits(other.1.data()),
                "gradient of graph {seed} in {what}"
            );
        }
    }
}

/// Forward calls alone reuse more, and give the same output.
#[test]
fn forward_alone_is_smaller_and_equal() {
    for seed in 300..330 {
        let (graph, input) = random_graph(seed, 12);
        let both = lower(&graph, input, LoweringOptions::default()).unwrap();
        let options = LoweringOptions {
            gradients: Gradients::None,
            ..Default::default()
        };
        let alone = lower(&graph, input, options).unwrap();
        assert!(alone.seed.is_none() && alone.gradient.is_none() && alone.adjoint.is_empty());
        assert!(alone.program.bytes() < both.program.bytes(), "graph {seed}");
        let (x, upstream) = (tensor(input, 1), tensor(both.logits.shape, 2));
        let mut executor = CpuExecutor::new(Arc::new(both.program.clone())).unwrap();
        let (wanted, _) = run(&mut executor, &both, &x, &upstream);
        let mut executor = CpuExecutor::new(Arc::new(alone.program.clone())).unwrap();
        poison(&mut executor, &alone);
        executor.write(alone.input.buffer, x.data()).unwrap();
        executor
            .submit(&alone.forward.clone().collect::<Vec<_>>())
            .unwrap();
        let found = crate::networks::read(&mut executor, &alone, alone.logits);
        let largest = wanted
            .data()
            .iter()
            .fold(1.0f32, |largest, v| largest.max(v.abs()));
        for (a, b) in found.data().iter().zip(wanted.data()) {
            assert!((a - b).abs() <= 1e-5 * largest, "graph {seed}: {a} and {b}");
        }
    }
}

/// What a call's condition stands on is used by it, though it neither reads nor writes it.
#[test]
fn the_words_of_a_condition_stay_until_it_is_decided() {
    let shape = Shape::new(1, 1, 1, 4);
    let mut program = Builder::new();
    let [flag, other, output] = ["flag", "other", "output"].map(|name| program.add_tensor(name, shape));
    let fill = |place: Place| fill::Params {
        output: place.view,
        extent: shape.into(),
        value: 1.0,
    };
    program.add_call("flag", fill(flag), [None; 0], [flag.buffer]);
    program.add_call("other", fill(other), [None; 0], [other.buffer]);
    let call = program.add_call("output", fill(output), [None; 0], [output.buffer]);
    let condition = Condition {
        buffer: flag.buffer,
        view: flag.view,
        extent: shape.into(),
    };
    program.repeat_if(&[call], condition);
    let (program, moved) = program.share_memory(&[output.buffer]);
    assert_ne!(moved[&flag.buffer], moved[&other.buffer]);
    let program = program.finish().unwrap();
    let condition = program.calls().last().unwrap().condition.unwrap();
    assert_eq!(condition.buffer, moved[&flag.buffer]);
}
