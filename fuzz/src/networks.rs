//! Networks of any operators with any numbers.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use asma::cpu::CpuExecutor;
use asma::graph::{
    BlockOrder, Coordinates, Graph, Margins, NodeId, Op, PadMargins, PadMode, ParameterId, Resampling,
    ResizeSize, Rounding, SliceSize, Slopes, ops,
};
use asma::network::{Gradients, LoweringOptions, Precision, lower};
use asma::program::Executor;
use asma::{Shape, Tensor};

use super::settings::number;

/// More bytes of buffers than this are not run.
const MOST_BYTES: u64 = 1 << 18;

/// Lowers the network for the image in each way, and runs it there and back where it is small.
pub fn run(graph: &Graph, image: &Tensor) {
    for (gradients, precision) in [
        (Gradients::Input, Precision::F32),
        (Gradients::Parameters, Precision::F16),
    ] {
        let options = LoweringOptions {
            gradients,
            precision,
            ..LoweringOptions::default()
        };
        let Ok(network) = lower(graph, image.shape(), options) else {
            continue;
        };
        if network.program.bytes() > MOST_BYTES {
            continue;
        }
        let calls: Vec<usize> = (0..network.program.calls().len()).collect();
        let (input, logits) = (network.input.buffer, network.logits);
        let length = network.program.buffers()[logits.buffer.0].length;
        let Ok(mut executor) = CpuExecutor::new(Arc::new(network.program)) else {
            continue;
        };
        executor
            .write(input, image.data())
            .expect("an image of the network's size");
        executor.submit(&calls).expect("a program that was proved");
        let words = executor.read(logits.buffer, length).expect("logits");
        assert_eq!(logits.gather(&words).shape(), logits.shape);
    }
}

/// A network of up to eight operators at any size.
pub fn graph(bytes: &[u8]) {
    let _ = try_graph(&mut Unstructured::new(bytes));
}

fn try_graph(bytes: &mut Unstructured<'_>) -> Result<()> {
    let mut graph = Graph::new(number(bytes)?);
    for index in 0..bytes.int_in_range(0..=7)? {
        let op = operator(&mut graph, bytes)?;
        let node = |bytes: &mut Unstructured<'_>| -> Result<NodeId> {
            // Mostly one that stands, and mostly the last.
            Ok(NodeId(match bytes.arbitrary::<u8>()? {
                0..=170 => graph.nodes().len() - 1,
                171..=245 => bytes.choose_index(graph.nodes().len())?,
                _ => number(bytes)?,
            }))
        };
        let inputs: Vec<NodeId> = (0..bytes.int_in_range(0..=2)?)
            .map(|_| node(bytes))
            .collect::<Result<_>>()?;
        let _ = graph.add(format!("layer {index}"), op, &inputs);
    }
    let shape = Shape::new(number(bytes)?, number(bytes)?, number(bytes)?, number(bytes)?);
    let _ = graph.shapes(shape);
    let _ = graph.nearest_sizes(shape);
    let small = Shape::new(1, graph.input_channels(), 1 + shape.h % 12, 1 + shape.w % 12);
    let _ = lower(&graph, shape, LoweringOptions::default());
    if graph.output_shape(small).is_ok() && small.elements() < 1 << 10 {
        run(
            &graph,
            &Tensor::from_fn(small, |_, c, y, x| ((c + y + 2 * x) % 5) as f32 - 1.0),
        );
    }
    Ok(())
}

fn parameter(graph: &mut Graph, bytes: &mut Unstructured<'_>, sides: usize) -> Result<ParameterId> {
    let mut shape = Vec::new();
    for _ in 0..sides {
        shape.push(number(bytes)?);
    }
    let count = shape
        .iter()
        .try_fold(1usize, |count, &side| count.checked_mul(side));
    // A number of numbers that does not fit the shape must be refused too.
    let count = match count {
        Some(count) if count < 1 << 10 => count,
        _ => 1,
    };
    let data = (0..count).map(|index| (index % 7) as f32 / 7.0 - 0.4).collect();
    match graph.add_parameter("numbers", &shape, data) {
        Ok(id) => Ok(id),
        Err(_) => Ok(ParameterId(number(bytes)?)),
    }
}

fn pair(bytes: &mut Unstructured<'_>) -> Result<[usize; 2]> {
    Ok([number(bytes)?, number(bytes)?])
}

fn margins(bytes: &mut Unstructured<'_>) -> Result<Margins> {
    Ok(Margins {
        top: number(bytes)?,
        bottom: number(bytes)?,
        left: number(bytes)?,
        right: number(bytes)?,
    })
}

fn resampling(bytes: &mut Unstructured<'_>) -> Result<Resampling> {
    let coordinates = *bytes.choose(&[
        Coordinates::HalfPixel,
        Coordinates::PytorchHalfPixel,
        Coordinates::AlignCorners,
        Coordinates::Asymmetric,
    ])?;
    let rounding = [
        Rounding::Floor,
        Rounding::Ceil,
        Rounding::PreferFloor,
        Rounding::PreferCeil,
    ];
    Ok(match bytes.arbitrary()? {
        true => Resampling::Nearest(coordinates, *bytes.choose(&rounding)?),
        false => Resampling::Linear(coordinates),
    })
}

fn slice_size(bytes: &mut Unstructured<'_>) -> Result<SliceSize> {
    Ok(match bytes.int_in_range(0..=2)? {
        0 => SliceSize::Rest,
        1 => SliceSize::Exactly(number(bytes)?),
        _ => SliceSize::Less(number(bytes)?),
    })
}

fn operator(graph: &mut Graph, bytes: &mut Unstructured<'_>) -> Result<Op> {
    Ok(match bytes.int_in_range(0..=17)? {
        0 => Op::Conv2d(ops::Conv2d {
            weight: parameter(graph, bytes, 4)?,
            bias: match bytes.arbitrary()? {
                true => Some(parameter(graph, bytes, 1)?),
                false => None,
            },
            stride: pair(bytes)?,
            padding: margins(bytes)?,
            dilation: pair(bytes)?,
            groups: number(bytes)?,
        }),
        1 => Op::ConvTranspose2d(ops::ConvTranspose2d {
            weight: parameter(graph, bytes, 4)?,
            bias: match bytes.arbitrary()? {
                true => Some(parameter(graph, bytes, 1)?),
                false => None,
            },
            stride: pair(bytes)?,
            padding: margins(bytes)?,
            output_padding: pair(bytes)?,
            dilation: pair(bytes)?,
            groups: number(bytes)?,
        }),
        2 => Op::Slope(ops::Slope {
            slopes: match bytes.arbitrary()? {
                true => Slopes::Same(bytes.arbitrary()?),
                false => Slopes::Learnt(parameter(graph, bytes, 1)?),
            },
        }),
        3 => Op::MaxPool2d(ops::MaxPool2d {
            kernel: pair(bytes)?,
            stride: pair(bytes)?,
            padding: margins(bytes)?,
            ceil: bytes.arbitrary()?,
        }),
        4 => Op::Resize(ops::Resize {
            mode: resampling(bytes)?,
            size: match bytes.int_in_range(0..=3)? {
                0 => ResizeSize::Factor(number(bytes)?),
                1 => ResizeSize::Exactly(pair(bytes)?),
                2 => ResizeSize::Scale(bytes.arbitrary()?),
                _ => ResizeSize::Like,
            },
        }),
        5 => Op::Concat(ops::Concat { axis: number(bytes)? }),
        6 => Op::Crop(ops::Crop),
        7 => Op::Pad(ops::Pad {
            mode: match bytes.int_in_range(0..=2)? {
                0 => PadMode::Constant(bytes.arbitrary()?),
                1 => PadMode::Replicate,
                _ => PadMode::Reflect,
            },
            margins: match bytes.int_in_range(0..=2)? {
                0 => PadMargins::Fixed(margins(bytes)?),
                1 => PadMargins::LikeCentred,
                _ => PadMargins::LikeBottomRight,
            },
        }),
        8 => Op::Arithmetic(ops::Operation::Add.into()),
        9 => Op::Affine(ops::Affine {
            scale: parameter(graph, bytes, 1)?,
            shift: parameter(graph, bytes, 1)?,
        }),
        10 => Op::Softmax(ops::Softmax { axis: 1 }),
        11 => Op::Pointwise(ops::Function::Sigmoid.into()),
        12 => Op::Input(ops::Input {
            channels: number(bytes)?,
            size: None,
        }),
        13 => Op::AveragePool2d(ops::AveragePool2d {
            kernel: pair(bytes)?,
            stride: pair(bytes)?,
            padding: margins(bytes)?,
            ceil: bytes.arbitrary()?,
            count_padding: bytes.arbitrary()?,
        }),
        14 => Op::Slice(ops::Slice {
            begin: [number(bytes)?, number(bytes)?, number(bytes)?, number(bytes)?],
            size: [
                slice_size(bytes)?,
                slice_size(bytes)?,
                slice_size(bytes)?,
                slice_size(bytes)?,
            ],
        }),
        15 => Op::DepthToSpace(ops::DepthToSpace {
            block: number(bytes)?,
            order: *bytes.choose(&[BlockOrder::DepthFirst, BlockOrder::ColumnFirst])?,
        }),
        16 => Op::SpaceToDepth(ops::SpaceToDepth {
            block: number(bytes)?,
        }),
        _ => Op::Slope(ops::Slope {
            slopes: Slopes::Same(0.0),
        }),
    })
}
