//! Operators that slide windows or move pixels, each by itself, as `windows.py` has them.

use asma::checkpoint::Checkpoint;
use asma::graph::{
    BlockOrder, Coordinates, Graph, Margins, Op, PadMargins, PadMode, ParameterId, Resampling, ResizeSize,
    Rounding, ops,
};

use super::gradient::{PARTS, compare};
use super::{open, tensor};

/// Compares the operator that `make` makes for a graph with the case of this name.
fn check(name: &str, make: impl FnOnce(&mut Graph, &dyn Fn(&mut Graph, &str) -> ParameterId) -> Op) {
    let golden: Checkpoint = open("windows");
    let parts = PARTS.map(|part| tensor(&golden, &format!("{name}.{part}")));
    let mut graph = Graph::new(parts[0].shape().c);
    let parameter = |graph: &mut Graph, part: &str| {
        let name = format!("{name}.{part}");
        let found = golden.tensor(&name).unwrap();
        graph.add_parameter(name, &found.shape, found.data).unwrap()
    };
    let op = make(&mut graph, &parameter);
    graph.add(name, op, &[graph.input()]).unwrap();
    compare(name, &graph, &parts);
}

/// The settings of a convolution of 3 × 3 that keeps sizes.
const SAME: Settings = Settings {
    stride: [1, 1],
    padding: Margins::same([1, 1]),
    dilation: [1, 1],
    groups: 1,
    output_padding: [0, 0],
};

struct Settings {
    stride: [usize; 2],
    padding: Margins,
    dilation: [usize; 2],
    groups: usize,
    output_padding: [usize; 2],
}

fn check_convolution(name: &str, settings: Settings) {
    check(name, |graph, parameter| {
        Op::from(ops::Conv2d {
            weight: parameter(graph, "weight"),
            bias: Some(parameter(graph, "bias")),
            stride: settings.stride,
            padding: settings.padding,
            dilation: settings.dilation,
            groups: settings.groups,
        })
    });
}

fn check_transposed(name: &str, settings: Settings) {
    check(name, |graph, parameter| {
        Op::from(ops::ConvTranspose2d {
            weight: parameter(graph, "weight"),
            bias: Some(parameter(graph, "bias")),
            stride: settings.stride,
            padding: settings.padding,
            output_padding: settings.output_padding,
            dilation: settings.dilation,
            groups: settings.groups,
        })
    });
}

fn check_operator(name: &str, op: impl Into<Op>) {
    check(name, |_, _| op.into());
}

#[test]
fn convolutions_in_groups_dilated_and_padded_unevenly() {
    check_convolution("depthwise", Settings { groups: 4, ..SAME });
    check_convolution(
        "depthwise_strided",
        Settings {
            stride: [2, 2],
            padding: Margins::same([2, 2]),
            groups: 4,
            ..SAME
        },
    );
    check_convolution("groups", Settings { groups: 2, ..SAME });
    check_convolution(
        "dilated",
        Settings {
            padding: Margins::same([2, 6]),
            dilation: [2, 3],
            ..SAME
        },
    );
    check_convolution(
        "uneven",
        Settings {
            stride: [2, 1],
            padding: Margins {
                top: 0,
                bottom: 3,
                left: 2,
                right: 1,
            },
            ..SAME
        },
    );
}

#[test]
fn transposed_convolutions_in_groups() {
    check_transposed(
        "transposed_groups",
        Settings {
            stride: [2, 3],
            output_padding: [1, 0],
            groups: 2,
            dilation: [1, 2],
            ..SAME
        },
    );
    check_transposed(
        "transposed_depthwise",
        Settings {
            stride: [2, 2],
            groups: 4,
            ..SAME
        },
    );
}

#[test]
fn pools_with_incomplete_windows() {
    let max = |kernel, padding| ops::MaxPool2d {
        kernel,
        stride: [2, 2],
        padding,
        ceil: true,
    };
    check_operator("max_pool_ceil", max([3, 3], Margins::NONE));
    check_operator("max_pool_ceil_padded", max([2, 3], Margins::same([1, 1])));
    let average = |ceil, count_padding| ops::AveragePool2d {
        kernel: [3, 3],
        stride: [2, 2],
        padding: Margins::same([1, 1]),
        ceil,
        count_padding,
    };
    check_operator("average_pool", average(false, false));
    check_operator("average_pool_ceil", average(true, true));
    let large = ops::AveragePool2d {
        kernel: [4, 6],
        stride: [3, 2],
        padding: Margins::NONE,
        ceil: true,
        count_padding: true,
    };
    check_operator("average_pool_large", large);
}

#[test]
fn resampling() {
    let check = |name: &str, mode, size| check_operator(name, ops::Resize { mode, size });
    let exact = Resampling::Nearest(Coordinates::HalfPixel, Rounding::PreferCeil);
    check("nearest", Resampling::NEAREST, ResizeSize::Exactly([17, 4]));
    check("nearest_exact", exact, ResizeSize::Exactly([12, 5]));
    check("bilinear", Resampling::BILINEAR, ResizeSize::Exactly([4, 20]));
    check(
        "bilinear_scale",
        Resampling::BILINEAR,
        ResizeSize::Scale([1.7, 0.6]),
    );
    check(
        "aligned",
        Resampling::BILINEAR_ALIGNED,
        ResizeSize::Scale([16.0, 1.0]),
    );
    check("of_one_pixel", Resampling::BILINEAR, ResizeSize::Exactly([5, 4]));
}

#[test]
fn borders() {
    let check = |name: &str, mode, [left, right, top, bottom]: [usize; 4]| {
        let margins = PadMargins::Fixed(Margins {
            top,
            bottom,
            left,
            right,
        });
        check_operator(name, ops::Pad { mode, margins });
    };
    check("reflect", PadMode::Reflect, [8, 3, 2, 6]);
    check("constant", PadMode::Constant(0.75), [1, 0, 2, 3]);
}

#[test]
fn blocks_of_pixels() {
    let op = ops::DepthToSpace {
        block: 2,
        order: BlockOrder::ColumnFirst,
    };
    check_operator("pixel_shuffle", op);
}
