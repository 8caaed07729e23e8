//! The CPU twins, kernel by kernel, in the calls of an attack that cost them most:
//!
//!     cargo bench --bench twins
//!
//! Criterion keeps the last run under `target/criterion` and says what has changed since.

use std::collections::BTreeMap;

use asma::attack::{AsmaConfig, Attack, AttackInput, Snapshots};
use asma::cpu::CpuExecutor;
use asma::kernels::Specialisation;
use asma::model::{Padding, SimpleUnet};
use asma::train::initial_graph;
use asma::{LabelMap, Shape, Tensor};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn twins(criterion: &mut Criterion) {
    let unet = SimpleUnet::doubling(3, 16, 4, 2, Padding::Valid);
    let blank = unet.blank().expect("a network");
    let graph = initial_graph(&blank, 1).expect("a network");
    let input = Shape::new(1, 3, 268, 268);
    let attack = Attack::new(&graph, input, AsmaConfig::default(), false).expect("an attack");
    let mut executor = CpuExecutor::new(attack.program().clone()).expect("memory");
    let source = Tensor::from_fn(input, |_, c, y, x| {
        0.5 + 0.4 * ((3 * c + 7 * y + 11 * x) as f32).sin()
    });
    let output = attack.logits().shape;
    let target = LabelMap::from_fn(output.h, output.w, |y, x| u8::from(y.abs_diff(x) < 20)).expect("labels");
    let input = AttackInput {
        source: &source,
        targets: &[target],
        regions: &[],
        snapshots: Snapshots::None,
    };
    attack.prepare(&mut executor, input).expect("inputs that fit");

    // Of each kernel the call with the most operations, or the most bytes where none are counted.
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    let size = |call: usize| {
        let params = &attack.program().calls()[call].params;
        (params.flops(), params.bytes_moved(&Specialisation::default()))
    };
    for &call in attack.calls() {
        executor.run_call(call).expect("a call");
        let largest = calls
            .entry(attack.program().calls()[call].params.kernel().entry_point)
            .or_insert(call);
        if size(call) > size(*largest) {
            *largest = call;
        }
    }
    let mut group = criterion.benchmark_group("twins");
    group.sample_size(10);
    for (kernel, call) in calls {
        let (flops, bytes) = size(call);
        group.throughput(match flops {
            0 => Throughput::Bytes(bytes),
            _ => Throughput::Elements(flops),
        });
        group.bench_function(kernel, |bencher| {
            bencher.iter(|| executor.run_call(call).expect("a call"))
        });
    }
    group.finish();
}

criterion_group!(benches, twins);
criterion_main!(benches);
