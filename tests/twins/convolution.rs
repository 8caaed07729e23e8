//! conv2d and conv_transpose2d, those of each channel by itself, and the input gradients of all, which are calls of the same
//! kernels on re-packed weights.

use asma::kernels::{
    View, conv_transpose2d, conv2d, depthwise_conv_transpose2d, depthwise_conv2d, slope_adjoint,
};
use asma::{Shape, cpu};
use asma_definitions::convolution::{Geometry, Weights, convolve, convolve_transposed};
use asma_definitions::{index, places};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::gradient::check_adjoint;
use crate::strided::{Strided, Tolerance, many, vector};

/// Sums of up to some hundred products of numbers below 1.
const SUMS: Tolerance = Tolerance {
    absolute: 2e-5,
    relative: 1e-5,
};

/// Random sizes; the output is that of a convolution.
fn geometry(random: &mut StdRng, largest_stride: usize) -> Geometry {
    let mut axis = || {
        let kernel = random.random_range(1..4usize);
        let stride = random.random_range(1..=largest_stride);
        let dilation = random.random_range(1..4usize);
        let reach = (kernel - 1) * dilation + 1;
        // Before and after.
        let padding = [0; 2].map(|_| random.random_range(0..reach));
        let both = padding[0] + padding[1];
        let size = random.random_range(reach.saturating_sub(both).max(1)..14);
        let outputs = (size + both - reach) / stride + 1;
        (kernel, stride, padding[0], dilation, size, outputs)
    };
    let (rows, columns) = (axis(), axis());
    let n = random.random_range(1..3);
    let groups = [1, 1, 2, 3, 4][random.random_range(0..5)];
    let [ins, outs] = match random.random_range(0..3) {
        0 => [1, random.random_range(1..4)],
        1 => [random.random_range(1..4), 1],
        _ => [
            random.random_range(1..12 / groups),
            random.random_range(1..20 / groups),
        ],
    };
    Geometry {
        input: Shape::new(n, groups * ins, rows.4, columns.4),
        output: Shape::new(n, groups * outs, rows.5, columns.5),
        kernel: [rows.0, columns.0],
        stride: [rows.1, columns.1],
        padding: [rows.2, columns.2],
        dilation: [rows.3, columns.3],
        groups,
    }
}

fn random_weights(random: &mut StdRng, g: &Geometry) -> Weights {
    let [ins, outs] = [g.input.c / g.groups, g.output.c];
    let numbers = vector(random, ins * g.kernel[0] * g.kernel[1] * outs);
    let shape = Shape::new(ins, g.kernel[0], g.kernel[1], outs);
    Weights::new(ins, g.kernel, outs, |place| numbers[index(shape, place)])
}

/// Bias and slope of each padded channel.
fn epilogue(random: &mut StdRng, padded: usize) -> Vec<f32> {
    vector(random, 2 * padded)
}

/// No bias, no activation.
fn no_epilogue(padded: usize) -> Vec<f32> {
    [0.0, 1.0].repeat(padded)
}

fn activated(shape: Shape, sums: Vec<f64>, epilogue: &[f32]) -> Vec<f64> {
    places(shape)
        .zip(sums)
        .map(|([_, c, ..], sum)| {
            let value = sum + epilogue[2 * c] as f64;
            if value >= 0.0 {
                value
            } else {
                epilogue[2 * c + 1] as f64 * value
            }
        })
        .collect()
}

/// Gated, a convolution without epilogue of its own is followed by the adjoint of an activation; `run` takes whether it
/// is, coefficients, gate and output.
fn check_gate(
    random: &mut StdRng,
    shape: Shape,
    output: &Strided,
    run: impl Fn(u32, &[f32], &[f32], &mut [f32]),
) {
    let padded = shape.c.next_multiple_of(8);
    let gate = vector(random, output.buffer.len());
    let slopes = vector(random, shape.c);
    let mut wanted = output.buffer.clone();
    run(0, &no_epilogue(padded), &[], &mut wanted);
    let activation = slope_adjoint::Params {
        reference: output.view,
        gradient: output.view,
        output: output.view,
        extent: shape.into(),
        in_place: 1,
        accumulate: 0,
    };
    cpu::slope_adjoint::run(&activation, &gate, &slopes, &[], &mut wanted);
    let mut coefficients = vec![0.0; 2 * padded];
    for (pair, slope) in coefficients.chunks_exact_mut(2).zip(&slopes) {
        pair[1] = *slope;
    }
    let mut found = output.buffer.clone();
    run(1, &coefficients, &gate, &mut found);
    assert_eq!(found, wanted);
}

/// Runs the twin of conv2d and checks it; returns what it added or wrote.
#[track_caller]
fn check_conv2d(
    random: &mut StdRng,
    g: &Geometry,
    weights: &Weights,
    epilogue: &[f32],
    input: &Strided,
    expected: &[f64],
) -> Vec<f64> {
    let output = Strided::random(random, g.output);
    let accumulate = random.random_bool(0.5);
    let params = conv2d::Params {
        input: input.view,
        output: output.view,
        input_extent: g.input.into(),
        output_extent: g.output.into(),
        kernel: g.kernel.map(|v| v as u32),
        stride: g.stride.map(|v| v as u32),
        padding: g.padding.map(|v| v as u32),
        dilation: g.dilation.map(|v| v as u32),
        padded_out_channels: weights.padded as u32,
        accumulate: accumulate as u32,
        gated: 0,
        groups: g.groups as u32,
    };
    if g.is_depthwise() {
        let params = depthwise_conv2d::Params::from(params);
        let run = |out: &mut [f32]| {
            cpu::depthwise_conv2d::run(&params, &input.buffer, &weights.values, epilogue, &[], out)
        };
        check_gate(random, g.output, &output, |gated, epilogue, gate, out| {
            let params = depthwise_conv2d::Params { gated, ..params };
            cpu::depthwise_conv2d::run(&params, &input.buffer, &weights.values, epilogue, gate, out);
        });
        output.check(SUMS, accumulate, run, expected);
    }
    let run = |out: &mut [f32]| cpu::conv2d::run(&params, &input.buffer, &weights.values, epilogue, &[], out);
    check_gate(random, g.output, &output, |gated, epilogue, gate, out| {
        let params = conv2d::Params { gated, ..params };
        cpu::conv2d::run(&params, &input.buffer, &weights.values, epilogue, gate, out);
    });
    output.check(SUMS, accumulate, run, expected)
}

/// Runs the twin of conv_transpose2d and checks it; returns what it added or wrote.
#[track_caller]
fn check_conv_transpose2d(
    random: &mut StdRng,
    g: &Geometry,
    weights: &Weights,
    epilogue: &[f32],
    input: &Strided,
    expected: &[f64],
) -> Vec<f64> {
    let output = Strided::random(random, g.output);
    let accumulate = random.random_bool(0.5);
    let params = conv_transpose2d::Params {
        input: input.view,
        output: output.view,
        input_extent: g.input.into(),
        output_extent: g.output.into(),
        kernel: g.kernel.map(|v| v as u32),
        stride: g.stride.map(|v| v as u32),
        padding: g.padding.map(|v| v as u32),
        dilation: g.dilation.map(|v| v as u32),
        padded_out_channels: weights.padded as u32,
        accumulate: accumulate as u32,
        gated: 0,
        groups: g.groups as u32,
    };
    if g.is_depthwise() {
        let params = depthwise_conv_transpose2d::Params::from(params.plain());
        let run = |out: &mut [f32]| {
            cpu::depthwise_conv_transpose2d::run(&params, &input.buffer, &weights.values, epilogue, &[], out)
        };
        check_gate(random, g.output, &output, |gated, epilogue, gate, out| {
            let params = depthwise_conv_transpose2d::Params { gated, ..params };
            let weights = &weights.values;
            cpu::depthwise_conv_transpose2d::run(&params, &input.buffer, weights, epilogue, gate, out);
        });
        output.check(SUMS, accumulate, run, expected);
    }
    let run = |out: &mut [f32]| {
        cpu::conv_transpose2d::run(&params, &input.buffer, &weights.values, epilogue, &[], out)
    };
    check_gate(random, g.output, &output, |gated, epilogue, gate, out| {
        let params = conv_transpose2d::Params { gated, ..params };
        cpu::conv_transpose2d::run(&params, &input.buffer, &weights.values, epilogue, gate, out);
    });
    output.check(SUMS, accumulate, run, expected)
}

#[test]
fn conv2d_matches_plain_loops() {
    many(|random| {
        let g = geometry(random, 3);
        let weights = random_weights(random, &g);
        let epilogue = epilogue(random, weights.padded);
        let input = Strided::random(random, g.input);
        let expected = activated(g.output, convolve(&g, &weights, &input.dense()), &epilogue);
        check_conv2d(random, &g, &weights, &epilogue, &input, &expected);
    });
}

#[test]
fn conv_transpose2d_matches_plain_loops() {
    many(|random| {
        let g = geometry(random, 3).exchanged();
        let weights = random_weights(random, &g);
        let epilogue = epilogue(random, weights.padded);
        let input = Strided::random(random, g.input);
        let expected = activated(
            g.output,
            convolve_transposed(&g, &weights, &input.dense()),
            &epilogue,
        );
        check_conv_transpose2d(random, &g, &weights, &epilogue, &input, &expected);
    });
}

/// Several bands, several groups of in channels, whole vectors and rests; few channels and many, for which tiles are computed.
#[test]
fn large_convolutions_match_plain_loops() {
    many_sizes(|random, channels, pixels| {
        let g = Geometry {
            input: Shape::new(1, channels, pixels, pixels + 3),
            output: Shape::new(1, if channels < 40 { 9 } else { 17 }, pixels, pixels + 3),
            kernel: [3, 3],
            stride: [1, 1],
            padding: [1, 1],
            dilation: [1, 1],
            groups: 1,
        };
        let weights = random_weights(random, &g);
        let input = Strided::random(random, g.input);
        // Sums of up to 3600 products: the error grows with the root of their number.
        let scale = 0.1;
        let weights = Weights::new(g.input.c, g.kernel, g.output.c, |[i, ky, kx, o]| {
            scale * weights.at(i, ky, kx, o)
        });
        let expected = convolve(&g, &weights, &input.dense());
        check_conv2d(
            random,
            &g,
            &weights,
            &no_epilogue(weights.padded),
            &input,
            &expected,
        );
        let expected = convolve_transposed(&g, &weights, &input.dense());
        check_conv_transpose2d(
            random,
            &g,
            &weights,
            &no_epilogue(weights.padded),
            &input,
            &expected,
        );
    });
}

fn many_sizes(mut case: impl FnMut(&mut StdRng, usize, usize)) {
    use rand::SeedableRng;
    for (seed, (channels, pixels)) in [(1, 70), (40, 45), (400, 17), (3, 129)].into_iter().enumerate() {
        case(&mut StdRng::seed_from_u64(seed as u64), channels, pixels);
    }
}

#[test]
fn input_gradient_of_a_convolution_of_stride_1_is_a_convolution() {
    many(|random| {
        let g = geometry(random, 1);
        let weights = random_weights(random, &g);
        let turned = weights.exchanged(&g, true);
        let gradient = Strided::random(random, g.output);
        let upstream = gradient.dense();
        let of_gradient = Geometry {
            padding: [0, 1].map(|axis| (g.kernel[axis] - 1) * g.dilation[axis] - g.padding[axis]),
            ..g.exchanged()
        };
        let expected = convolve(&of_gradient, &turned, &upstream);
        let adjoint = check_conv2d(
            random,
            &of_gradient,
            &turned,
            &no_epilogue(turned.padded),
            &gradient,
            &expected,
        );
        let point = Strided::random(random, g.input).dense();
        check_adjoint(
            random,
            SUMS,
            |x| convolve(&g, &weights, x),
            &point,
            &upstream,
            &adjoint,
        );
    });
}

#[test]
fn input_gradient_of_a_convolution_of_any_stride_is_a_transposed_convolution() {
    many(|random| {
        let g = geometry(random, 3);
        let weights = random_weights(random, &g);
        let exchanged = weights.exchanged(&g, false);
        let gradient = Strided::random(random, g.output);
        let upstream = gradient.dense();
        let of_gradient = g.exchanged();
        let expected = convolve_transposed(&of_gradient, &exchanged, &upstream);
        let none = no_epilogue(exchanged.padded);
        let adjoint = check_conv_transpose2d(random, &of_gradient, &exchanged, &none, &gradient, &expected);
        let point = Strided::random(random, g.input).dense();
        check_adjoint(
            random,
            SUMS,
            |x| convolve(&g, &weights, x),
            &point,
            &upstream,
            &adjoint,
        );
    });
}

#[test]
fn input_gradient_of_a_transposed_convolution_is_a_convolution() {
    many(|random| {
        let g = geometry(random, 3).exchanged();
        let weights = random_weights(random, &g);
        let exchanged = weights.exchanged(&g, false);
        let gradient = Strided::random(random, g.output);
        let upstream = gradient.dense();
        let of_gradient = g.exchanged();
        let expected = convolve(&of_gradient, &exchanged, &upstream);
        let none = no_epilogue(exchanged.padded);
        let adjoint = check_conv2d(random, &of_gradient, &exchanged, &none, &gradient, &expected);
        let point = Strided::random(random, g.input).dense();
        let forward = |x: &[f64]| convolve_transposed(&g, &weights, x);
        check_adjoint(random, SUMS, forward, &point, &upstream, &adjoint);
    });
}

/// Max pooling after a convolution takes the first of equal values, so equal windows must give equal sums to
/// the last bit, wherever they stand and however many threads there are.
#[test]
fn equal_windows_give_equal_sums() {
    use rand::SeedableRng;
    let random = &mut StdRng::seed_from_u64(0);
    let (input_shape, output_shape) = (Shape::new(1, 96, 101, 52), Shape::new(1, 5, 99, 50));
    let g = Geometry {
        input: input_shape,
        output: output_shape,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };
    let weights = random_weights(random, &g);
    // Every row of a channel is the same.
    let rows = vector(random, input_shape.c * input_shape.w);
    let input: Vec<f32> = places(input_shape)
        .map(|[_, c, _, x]| rows[c * input_shape.w + x])
        .collect();
    let params = conv2d::Params {
        input: View::dense(input_shape),
        output: View::dense(output_shape),
        input_extent: input_shape.into(),
        output_extent: output_shape.into(),
        kernel: [3, 3],
        stride: [1, 1],
        padding: [0, 0],
        dilation: [1, 1],
        padded_out_channels: weights.padded as u32,
        accumulate: 0,
        gated: 0,
        groups: 1,
    };
    let epilogue = no_epilogue(weights.padded);
    let outputs = [1, 2, 7].map(|threads| {
        let mut output = vec![0.0; output_shape.elements()];
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| cpu::conv2d::run(&params, &input, &weights.values, &epilogue, &[], &mut output));
        for channel in output.chunks(output_shape.pixels()) {
            let mut rows = channel.chunks(output_shape.w);
            let first = rows.next().unwrap();
            assert!(rows.all(|row| row == first), "rows differ with {threads} threads");
        }
        output
    });
    assert!(
        outputs.iter().all(|output| *output == outputs[0]),
        "sums depend on the threads"
    );
}
