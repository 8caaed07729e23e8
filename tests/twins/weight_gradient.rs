//! conv2d_weight_gradient against plain loops and against central differences of the twins of conv2d and
//! conv_transpose2d, whose weights it is the gradient of.

use asma::kernels::conv2d::CHANNEL_BLOCK;
use asma::kernels::{View, conv_transpose2d, conv2d, conv2d_weight_gradient};
use asma::{Shape, cpu};
use asma_definitions::{index, places};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::strided::{Strided, Tolerance, many};

/// With multiples of ½ all products and sums are exact.
const EXACT: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 0.0,
};

/// Sums of up to 400 products of numbers below 1, each rounded by at most 2⁻²⁴ of a partial sum that stays
/// below some tens.
const SUMS: Tolerance = Tolerance {
    absolute: 1e-4,
    relative: 1e-6,
};

/// A window over `large` for each element of `small`.
struct Case {
    large: Strided,
    small: Strided,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
    groups: usize,
    rows_per_chunk: usize,
}

impl Case {
    fn random(random: &mut StdRng) -> Case {
        let mut axis = || {
            let kernel = random.random_range(1..=7usize);
            let stride = random.random_range(1..=3usize);
            // Beyond half the kernel, and up to windows that lie outside altogether.
            let dilation = random.random_range(1..=3usize);
            let reach = (kernel - 1) * dilation + 1;
            let padding = random.random_range(0..=reach);
            let small = random.random_range(1..=6usize);
            // The last term is what a strided convolution leaves over, a transposed one's output padding.
            let covered = (small - 1) * stride + reach + random.random_range(0..stride);
            let large = covered.saturating_sub(2 * padding).max(1);
            (kernel, stride, padding, small, large, dilation)
        };
        let (rows, columns) = (axis(), axis());
        let n = random.random_range(1..4);
        let groups = [1, 1, 2, 3][random.random_range(0..4)];
        let [ins, outs] = [random.random_range(1..4), random.random_range(1..6)];
        let large = Shape::new(n, groups * ins, rows.4, columns.4);
        let small = Shape::new(n, groups * outs, rows.3, columns.3);
        Case {
            large: Strided::random(random, large),
            small: Strided::random(random, small),
            kernel: [rows.0, columns.0],
            stride: [rows.1, columns.1],
            padding: [rows.2, columns.2],
            dilation: [rows.5, columns.5],
            groups,
            // One row, some rows across samples with a short rest, all, more than there are.
            rows_per_chunk: random.random_range(1..=small.n * small.h + 1),
        }
    }

    /// With multiples of ½ in [−1, 1].
    fn coarse(random: &mut StdRng) -> Case {
        let mut case = Case::random(random);
        for value in case.large.buffer.iter_mut().chain(&mut case.small.buffer) {
            *value = (2.0 * *value).round() / 2.0;
        }
        case
    }

    fn params(&self) -> conv2d_weight_gradient::Params {
        conv2d_weight_gradient::Params {
            input: self.large.view,
            gradient: self.small.view,
            input_extent: self.large.shape.into(),
            gradient_extent: self.small.shape.into(),
            kernel: self.kernel.map(|v| v as u32),
            stride: self.stride.map(|v| v as u32),
            padding: self.padding.map(|v| v as u32),
            dilation: self.dilation.map(|v| v as u32),
            groups: self.groups as u32,
            rows_per_chunk: self.rows_per_chunk as u32,
        }
    }

    /// `[small channels, large channels of a group, rows, columns]`.
    fn weight_shape(&self) -> Shape {
        Shape::new(
            self.small.shape.c,
            self.large.shape.c / self.groups,
            self.kernel[0],
            self.kernel[1],
        )
    }

    /// What the twin gives for each chunk.
    fn partials(&self) -> Vec<f32> {
        let lines = self.small.shape.n * self.small.shape.h;
        let chunks = lines.div_ceil(self.rows_per_chunk);
        assert_eq!(self.params().chunks() as usize, chunks);
        let length = chunks * self.weight_shape().elements();
        // What stood there before, and what stands behind, must not matter and not change.
        let mut partials = vec![7.0; length + 3];
        cpu::conv2d_weight_gradient::run(
            &self.params(),
            &self.large.buffer,
            &self.small.buffer,
            &mut partials,
        );
        assert_eq!(partials[length..], [7.0; 3]);
        partials.truncate(length);
        partials
    }

    /// What it should give, by plain loops.
    fn expected(&self) -> Vec<f64> {
        let shape = self.weight_shape();
        let Shape { n, h, .. } = self.small.shape;
        let chunks = (n * h).div_ceil(self.rows_per_chunk);
        let mut sums = vec![0.0; chunks * shape.elements()];
        for [n, a, y, x] in places(self.small.shape) {
            let chunk = (n * h + y) / self.rows_per_chunk;
            let gradient = self.small.buffer[self.small.view.at(n, a, y, x)] as f64;
            for [_, b, ky, kx] in places(Shape { n: 1, ..shape }) {
                let row = (y * self.stride[0] + ky * self.dilation[0]).checked_sub(self.padding[0]);
                let column = (x * self.stride[1] + kx * self.dilation[1]).checked_sub(self.padding[1]);
                let channel = a / (shape.n / self.groups) * shape.c + b;
                if let (Some(row), Some(column)) = (row, column)
                    && row < self.large.shape.h
                    && column < self.large.shape.w
                {
                    let input = self.large.buffer[self.large.view.at(n, channel, row, column)] as f64;
                    sums[chunk * shape.elements() + index(shape, [a, b, ky, kx])] += gradient * input;
                }
            }
        }
        sums
    }

    /// The gradient of all chunks together.
    fn gradient(&self) -> Vec<f64> {
        let partials = self.partials();
        let length = self.weight_shape().elements();
        (0..length)
            .map(|i| partials.iter().skip(i).step_by(length).map(|&v| v as f64).sum())
            .collect()
    }

    /// The central difference of `⟨convolution, upstream⟩` along one weight, by the twin of the plain
    /// convolution, which writes where `small` lies, or of the transposed one, which writes where `large` does.
    fn difference(&self, weights: &[f32], element: usize, transposed: bool) -> f64 {
        let (input, upstream) = match transposed {
            false => (&self.large, &self.small),
            true => (&self.small, &self.large),
        };
        let shape = self.weight_shape();
        let [ins, outs] = [input.shape.c, upstream.shape.c];
        let padded = outs.next_multiple_of(CHANNEL_BLOCK);
        let product = |step: f32| -> f64 {
            let [of_group, outs_of_group] = [ins, outs].map(|channels| channels / self.groups);
            let packed_shape = Shape::new(of_group, shape.h, shape.w, padded);
            let packed: Vec<f32> = places(packed_shape)
                .map(|[i, ky, kx, out]| {
                    if out >= outs {
                        return 0.0;
                    }
                    let [a, b] = match transposed {
                        true => [out / outs_of_group * of_group + i, out % outs_of_group],
                        false => [out, i],
                    };
                    let place = index(shape, [a, b, ky, kx]);
                    weights[place] + if place == element { step } else { 0.0 }
                })
                .collect();
            let params = conv2d::Params {
                input: input.view,
                output: View::dense(upstream.shape),
                input_extent: input.shape.into(),
                output_extent: upstream.shape.into(),
                kernel: self.kernel.map(|v| v as u32),
                stride: self.stride.map(|v| v as u32),
                padding: self.padding.map(|v| v as u32),
                dilation: self.dilation.map(|v| v as u32),
                padded_out_channels: padded as u32,
                accumulate: 0,
                gated: 0,
                groups: self.groups as u32,
            };
            // No bias, no activation.
            let epilogue = [0.0, 1.0].repeat(padded);
            let mut output = vec![0.0; upstream.shape.elements()];
            if transposed {
                let params = conv_transpose2d::Params::from(params);
                cpu::conv_transpose2d::run(&params, &input.buffer, &packed, &epilogue, &[], &mut output);
            } else {
                cpu::conv2d::run(&params, &input.buffer, &packed, &epilogue, &[], &mut output);
            }
            let terms = output.iter().zip(upstream.dense());
            terms.map(|(&out, upstream)| out as f64 * upstream).sum()
        };
        product(0.5) - product(-0.5)
    }
}

#[test]
fn partial_sums_match_plain_loops() {
    many(|random| {
        for (case, tolerance) in [(Case::coarse(random), EXACT), (Case::random(random), SUMS)] {
            let expected = case.expected();
            assert_eq!(case.partials().len(), expected.len());
            for (place, (&partial, &expected)) in case.partials().iter().zip(&expected).enumerate() {
                tolerance.check(partial as f64, expected, (place, case.params()));
            }
        }
    });
}

/// Several groups of input channels, whose windows do not fit the cache together.
#[test]
fn large_partial_sums_match_plain_loops() {
    use rand::SeedableRng;
    let random = &mut StdRng::seed_from_u64(0);
    let mut case = Case {
        large: Strided::random(random, Shape::new(2, 37, 41, 43)),
        small: Strided::random(random, Shape::new(2, 3, 41, 43)),
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1, 1],
        groups: 1,
        rows_per_chunk: 27,
    };
    for value in case.large.buffer.iter_mut().chain(&mut case.small.buffer) {
        *value = (2.0 * *value).round() / 2.0;
    }
    for (place, (&partial, &expected)) in case.partials().iter().zip(&case.expected()).enumerate() {
        EXACT.check(partial as f64, expected, place);
    }
}

#[test]
fn gradient_is_the_central_difference_of_both_convolutions() {
    many(|random| {
        let case = Case::coarse(random);
        let gradient = case.gradient();
        let weights: Vec<f32> = (0..gradient.len())
            .map(|_| 0.5 * random.random_range(-2..=2) as f32)
            .collect();
        for transposed in [false, true] {
            for _ in 0..8 {
                let element = random.random_range(0..gradient.len());
                let difference = case.difference(&weights, element, transposed);
                let what = (element, transposed, case.params());
                EXACT.check(gradient[element], difference, what);
            }
        }
    });
}
