//! Networks whose values between input and output are float16.

use std::sync::Arc;

use asma::Shape;
use asma::cpu::CpuExecutor;
use asma::graph::ops::Function;
use asma::kernels::{Element, View, objective, pointwise};
use asma::model::{Padding, SimpleUnet};
use asma::network::{LoweringOptions, Network, Precision, lower};
use asma::program::{BufferId, Builder, Contents, Executor};

use crate::networks::{run, simple_unet, simple_unet_scaled, tensor};
use crate::random_graph::random_graph;

fn lowered(graph: &asma::graph::Graph, input: Shape, precision: Precision) -> Network {
    let options = LoweringOptions {
        precision,
        ..Default::default()
    };
    lower(graph, input, options).unwrap()
}

#[test]
fn all_but_input_output_and_coefficients_is_half() {
    let unet = SimpleUnet::doubling(3, 8, 3, 2, Padding::Same);
    let graph = simple_unet(&unet, 3);
    let input = Shape::new(1, 3, 32, 32);
    let [words, halves] = [Precision::F32, Precision::F16].map(|p| lowered(&graph, input, p));
    let seen = [
        halves.input.buffer,
        halves.logits.buffer,
        halves.seed.unwrap().buffer,
        halves.gradient.unwrap().buffer,
    ];
    for (index, buffer) in halves.program.buffers().iter().enumerate() {
        let coefficients = buffer.name.starts_with("bias") || buffer.name.contains("slope");
        let wanted = match seen.contains(&BufferId(index)) || coefficients {
            true => Element::Word,
            false => Element::Half,
        };
        assert_eq!(buffer.element, wanted, "{}", buffer.name);
    }
    let share = halves.program.bytes() as f64 / words.program.bytes() as f64;
    assert!((0.5..0.56).contains(&share), "{share}");
}

/// Outputs of any graph are those of float32 but for roundings of 2⁻¹¹ here and there.
#[test]
fn outputs_are_near_those_of_float32() {
    let mut differ = 0;
    for seed in 400..460 {
        let (graph, input) = random_graph(seed, 4 + seed as usize % 10);
        let outputs = [Precision::F32, Precision::F16].map(|precision| {
            let network = lowered(&graph, input, precision);
            let mut executor = CpuExecutor::new(Arc::new(network.program.clone())).unwrap();
            let seed = tensor(network.logits.shape, 2);
            run(&mut executor, &network, &tensor(input, 1), &seed).0
        });
        let [words, halves] = outputs;
        let largest = words
            .data()
            .iter()
            .fold(1.0f32, |largest, v| largest.max(v.abs()));
        for (a, b) in halves.data().iter().zip(words.data()) {
            assert!(
                (a - b).abs() <= 2e-2 * largest,
                "graph {seed}: {a} and {b}, of {largest} at most"
            );
        }
        differ += usize::from(words != halves);
    }
    assert!(differ > 30, "only {differ} of 60 graphs are any different");
}

#[test]
fn weights_beyond_float16_stay_float32() {
    // The last weights 1e7 times as large.
    let graph = simple_unet_scaled(&SimpleUnet::doubling(1, 8, 1, 2, Padding::Same), 3, 1e7);
    let network = lowered(&graph, Shape::new(1, 1, 16, 16), Precision::F16);
    let [mut large, mut small] = [0, 0];
    for buffer in network.program.buffers() {
        if let Contents::Constant(values) = &buffer.contents
            && buffer.name.starts_with("weights")
        {
            let beyond = values.iter().any(|value| value.abs() >= 65520.0);
            *(if beyond { &mut large } else { &mut small }) += 1;
            let wanted = if beyond { Element::Word } else { Element::Half };
            assert_eq!(buffer.element, wanted, "{}", buffer.name);
        }
    }
    assert!(large > 0 && small > 0, "{large} and {small}");
}

fn sigmoid(input: View, output: View, shape: Shape) -> pointwise::Params {
    pointwise::Params {
        input,
        output,
        extent: shape.into(),
        function: Function::Sigmoid.number(),
        a: 0.0,
        b: 0.0,
    }
}

#[test]
fn a_kernel_for_words_refuses_halves() {
    let shape = Shape::new(1, 2, 4, 4);
    let mut program = Builder::new();
    let input = program.add_tensor("input", shape);
    let logits = program.add_tensor("logits", shape);
    let seed = program.add_tensor("seed", shape);
    let labels = program.add_buffer("labels", 16);
    let classes = program.add_buffer("classes", 2);
    let counts = program.add_buffer("counts", 16);
    let params = sigmoid(input.view, logits.view, shape);
    program.add_call("sigmoid", params, &[input.buffer], &[logits.buffer]);
    program.store_as_halves(&[labels, classes, counts]);
    let params = objective::Params {
        logits: logits.view,
        seed: seed.view,
        extent: shape.into(),
        class_count: 2,
        objective: objective::LOGIT,
        flags: objective::WRITE_SEED,
        parity: 0,
        counts_length: 8,
        schedule_rows: 0,
    };
    let reads = [logits.buffer, labels, classes];
    program.add_call("mask", params, &reads, &[seed.buffer, counts]);
    let problem = program.finish().unwrap_err().to_string();
    for part in ["`mask`", "`logits`", "float16"] {
        assert!(problem.contains(part), "{problem}");
    }
}

/// What is written is rounded as the device would store it, and read back so.
#[test]
fn words_written_to_halves_are_rounded() {
    let shape = Shape::new(1, 1, 1, 5);
    let mut program = Builder::new();
    let [input, output] = ["input", "output"].map(|name| program.add_tensor(name, shape));
    let params = sigmoid(input.view, output.view, shape);
    program.add_call("sigmoid", params, &[input.buffer], &[output.buffer]);
    program.store_as_halves(&[]);
    let program = program.finish().unwrap();
    // 2⁻¹² above 1 is below half a step; 65520 is nearer to 2¹⁶ than to the largest float16.
    let written = [0.1, 1.0 + 1.0 / 4096.0, -2.5, 65519.0, 65520.0];
    let wanted = [0.099975586, 1.0, -2.5, 65504.0, f32::INFINITY];
    let mut executors: Vec<Box<dyn Executor>> =
        vec![Box::new(CpuExecutor::new(Arc::new(program.clone())).unwrap())];
    let gpu = crate::common::shared_gpu(asma::gpu::Capabilities::Full);
    if let Some(gpu) = gpu.filter(|gpu| gpu.has_float16()) {
        let executor = asma::gpu::GpuExecutor::new(gpu, &program, &Default::default()).unwrap();
        executors.push(Box::new(executor));
        // Its copies are of two elements at a time.
        let odd = executors[1].write(input.buffer, &[1.0]).unwrap_err().to_string();
        assert!(odd.contains("even"), "{odd}");
    }
    for mut executor in executors {
        let what = executor.describe();
        executor.write(input.buffer, &written).unwrap();
        assert_eq!(executor.read(input.buffer, 5).unwrap(), wanted, "{what}");
        for (start, length) in [(0, 1), (1, 1), (1, 3), (3, 2), (4, 1)] {
            let readback = executor.request_words(input.buffer, start, length).unwrap();
            let words = readback.receive().unwrap();
            let bits: Vec<u32> = wanted[start..start + length]
                .iter()
                .map(|v| v.to_bits())
                .collect();
            assert_eq!(words, bits, "{what}: {length} from {start}");
        }
    }
}
