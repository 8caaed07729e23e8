//! What cannot be run is refused before anything is allocated, in one line that names it.

use asma::gpu::{Capabilities, GpuExecutor, GpuOptions, check_limits, required_limits};
use asma::graph::{Graph, Margins, ops};
use asma::model::{Padding, SimpleUnet};
use asma::network::{LoweringOptions, lower};
use asma::{Error, Shape};

use crate::common::shared_gpu;
use crate::networks::simple_unet;

/// One layer whose values need 160 MiB, more than the 128 MiB that every device allows.
fn too_large() -> asma::network::Network {
    let mut graph = Graph::new(1);
    let weight = graph
        .add_parameter("weight", &[40, 1, 1, 1], vec![1.0; 40])
        .unwrap();
    let op = ops::Conv2d {
        weight,
        bias: None,
        stride: [1, 1],
        padding: Margins::NONE,
        dilation: [1, 1],
        groups: 1,
    };
    graph.add("wide", op, &[graph.input()]).unwrap();
    lower(&graph, Shape::new(1, 1, 1024, 1024), LoweringOptions::default()).unwrap()
}

fn assert_names_the_tensor(refused: asma::Result<()>) {
    match refused {
        Err(Error::Limit {
            ref tensor,
            bytes,
            limit,
            limit_name,
        }) => {
            assert!(tensor.contains("wide"), "{tensor}");
            assert_eq!(bytes, 160 << 20);
            assert_eq!(limit, 128 << 20);
            assert_eq!(limit_name, "max_storage_buffer_binding_size");
            let text = refused.unwrap_err().to_string();
            for part in ["wide", "167772160", "134217728", "the CPU"] {
                assert!(text.contains(part), "{part} is not in: {text}");
            }
        }
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn size_of_a_program_is_known_before_it_is_allocated() {
    let network = too_large();
    // Input, values and their two gradients, and some weights.
    let values = (2 * 40 + 2) * 4 * (1 << 20);
    assert!(
        (values..values + 4096).contains(&network.program.bytes()),
        "{}",
        network.program.bytes()
    );
    assert_names_the_tensor(check_limits(&network.program, &wgpu::Limits::default()));
    let enough = required_limits(&network.program);
    assert!(check_limits(&network.program, &enough).is_ok());
    assert_eq!(enough.max_storage_buffer_binding_size, 160 << 20);
}

#[test]
fn device_of_baseline_limits_refuses_what_does_not_fit() {
    let Some(gpu) = shared_gpu(Capabilities::Baseline) else {
        return;
    };
    let network = too_large();
    let refused = GpuExecutor::new(gpu, &network.program, &GpuOptions::default());
    assert_names_the_tensor(refused.map(|_| ()));
}

fn refusal(unet: &SimpleUnet, h: usize, w: usize) -> String {
    let graph = simple_unet(unet, 1);
    let refused = lower(&graph, Shape::new(1, 3, h, w), LoweringOptions::default());
    let text = refused.expect_err("a refusal").to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

/// With valid convolutions a size is too small, or the upward half does not meet the skip of its level.
#[test]
fn size_that_a_network_cannot_take_names_the_nearest_that_it_can() {
    let valid = SimpleUnet::doubling(3, 4, 3, 2, Padding::Valid);
    let text = refusal(&valid, 20, 20);
    assert!(text.contains("20×20") && text.contains("too small"), "{text}");
    let graph = simple_unet(&valid, 1);
    let smallest = (1..)
        .find(|&s| graph.output_shape(Shape::new(1, 3, s, s)).is_ok())
        .unwrap();
    assert!(
        text.contains(&format!("nearest sizes it takes: {smallest}×{smallest}")),
        "{text}"
    );

    // A sum of a path that halves and doubles with one that does not takes even sizes only.
    let mut graph = Graph::new(3);
    let x = graph.input();
    let pool = ops::MaxPool2d {
        kernel: [2, 2],
        stride: [2, 2],
        padding: Margins::NONE,
        ceil: false,
    };
    let half = graph.add("pool", pool, &[x]).unwrap();
    let up = ops::Resize {
        mode: asma::graph::Resampling::NEAREST,
        size: asma::graph::ResizeSize::Factor(2),
    };
    let back = graph.add("up", up, &[half]).unwrap();
    graph
        .add("sum", ops::Arithmetic::from(ops::Operation::Add), &[x, back])
        .unwrap();
    let refused = lower(&graph, Shape::new(1, 3, 9, 11), LoweringOptions::default());
    let text = refused.expect_err("a refusal").to_string();
    assert!(text.contains("`sum`") && text.contains("8×10, 10×12"), "{text}");
}

#[test]
fn wrong_number_of_channels_is_refused_without_sizes() {
    let graph = simple_unet(&SimpleUnet::doubling(3, 4, 2, 2, Padding::Same), 1);
    let refused = lower(&graph, Shape::new(1, 1, 32, 32), LoweringOptions::default());
    let text = refused.expect_err("a refusal").to_string();
    assert_eq!(text, "the network takes 3 channels, but the input has 1");
}
