//! Every kernel once, with parameters as a network would have them: what tests and `asma shaders` go
//! through.

use super::{
    Extent, Params, View, adam, add, affine, asma_head, asma_mask, asma_update, channel_sums,
    conv_transpose2d, conv2d, conv2d_weight_gradient, copy, fill, gather, loss_gradient, loss_sums,
    max_pool2d, max_pool2d_adjoint, pad, pad_adjoint, sigmoid, sigmoid_adjoint, slope, slope_adjoint,
    softmax, softmax_adjoint, sum_partials, upsample, upsample_adjoint,
};
use crate::tensor::Shape;

/// Representative parameters of every kernel. Kernels whose source is specialised (the convolutions) come
/// several times, once for each specialisation that a U-Net has.
pub fn catalog() -> Vec<Params> {
    let mut all = convolutions();
    all.extend(layers());
    all.extend(training());
    all.extend(attack());
    all
}

fn convolutions() -> Vec<Params> {
    let mut all = Vec::new();
    // Kernel, stride, padding; with this many pixels, 64 channels have another tile than 32.
    for (kernel, stride, padding) in [
        (3, 1, 0),
        (3, 1, 1),
        (3, 1, 2),
        (3, 2, 1),
        (1, 1, 0),
        (2, 2, 0),
        (7, 2, 3),
    ] {
        for (channels, gated) in [(32, 0), (64, 0), (64, 1)] {
            let input = Shape::new(1, channels, 512, 512);
            let size = (512 + 2 * padding - kernel) / stride + 1;
            let output = Shape::new(1, channels, size, size);
            let [kernel, stride, padding] = [kernel, stride, padding].map(|length| [length as u32; 2]);
            all.push(Params::from(conv2d::Params {
                input: View::dense(input),
                output: View::dense(output),
                input_extent: input.into(),
                output_extent: output.into(),
                kernel,
                stride,
                padding,
                padded_out_channels: channels as u32,
                accumulate: 0,
                gated,
                unused: [0; 3],
            }));
            // The other way round: the same pair of sizes is the transposed convolution's.
            all.push(Params::from(conv_transpose2d::Params {
                input: View::dense(output),
                output: View::dense(input),
                input_extent: output.into(),
                output_extent: input.into(),
                kernel,
                stride,
                padding,
                padded_out_channels: channels as u32,
                accumulate: 0,
                gated,
                unused: [0; 3],
            }));
        }
    }
    all
}

fn layers() -> Vec<Params> {
    let small = Shape::new(1, 4, 16, 16);
    let large = Shape::new(1, 4, 32, 32);
    let (small_view, large_view) = (View::dense(small), View::dense(large));
    let (small_extent, large_extent) = (Extent::from(small), Extent::from(large));
    vec![
        slope::Params {
            input: small_view,
            output: small_view,
            extent: small_extent,
        }
        .into(),
        slope_adjoint::Params {
            reference: small_view,
            gradient: small_view,
            output: small_view,
            extent: small_extent,
            in_place: 0,
            accumulate: 0,
            unused: [0; 2],
        }
        .into(),
        max_pool2d::Params {
            input: large_view,
            output: small_view,
            input_extent: large_extent,
            output_extent: small_extent,
            kernel: [2; 2],
            stride: [2; 2],
            padding: [0; 2],
            unused: [0; 2],
        }
        .into(),
        max_pool2d_adjoint::Params {
            input: large_view,
            gradient: small_view,
            output: large_view,
            input_extent: large_extent,
            output_extent: small_extent,
            kernel: [2; 2],
            stride: [2; 2],
            padding: [0; 2],
            accumulate: 0,
            gated: 0,
            slope: 1.0,
            unused: [0; 3],
        }
        .into(),
        upsample::Params {
            input: small_view,
            output: large_view,
            input_extent: small_extent,
            output_extent: large_extent,
            mode: upsample::BILINEAR,
            unused: [0; 3],
        }
        .into(),
        upsample_adjoint::Params {
            gradient: large_view,
            output: small_view,
            input_extent: small_extent,
            output_extent: large_extent,
            mode: upsample::BILINEAR,
            accumulate: 0,
            unused: [0; 2],
        }
        .into(),
        copy::Params {
            input: small_view,
            output: small_view,
            extent: small_extent,
            accumulate: 0,
            unused: [0; 3],
        }
        .into(),
        pad::Params {
            input: small_view,
            output: large_view,
            input_extent: small_extent,
            output_extent: large_extent,
            top: 8,
            left: 8,
            mode: pad::ZERO,
            unused: 0,
        }
        .into(),
        pad_adjoint::Params {
            gradient: large_view,
            output: small_view,
            input_extent: small_extent,
            output_extent: large_extent,
            top: 8,
            left: 8,
            mode: pad::ZERO,
            accumulate: 0,
        }
        .into(),
        add::Params {
            left: small_view,
            right: small_view,
            output: small_view,
            extent: small_extent,
        }
        .into(),
        affine::Params {
            input: small_view,
            output: small_view,
            extent: small_extent,
            accumulate: 0,
            unused: [0; 3],
        }
        .into(),
        softmax::Params {
            input: small_view,
            output: small_view,
            extent: small_extent,
        }
        .into(),
        softmax_adjoint::Params {
            probabilities: small_view,
            gradient: small_view,
            output: small_view,
            extent: small_extent,
            accumulate: 0,
            unused: [0; 3],
        }
        .into(),
        sigmoid::Params {
            input: small_view,
            output: small_view,
            extent: small_extent,
        }
        .into(),
        sigmoid_adjoint::Params {
            probabilities: small_view,
            gradient: small_view,
            output: small_view,
            extent: small_extent,
            accumulate: 0,
            unused: [0; 3],
        }
        .into(),
        fill::Params {
            output: small_view,
            extent: small_extent,
            value: 0.0,
            unused: [0; 3],
        }
        .into(),
    ]
}

fn training() -> Vec<Params> {
    let shape = Shape::new(2, 4, 32, 32);
    let (view, extent) = (View::dense(shape), Extent::from(shape));
    let mut all = vec![
        gather::Params {
            length: 100,
            unused: [0; 3],
        }
        .into(),
        channel_sums::Params::chunked(view, view, extent, channel_sums::PRODUCT).into(),
        sum_partials::Params {
            length: 4,
            chunks: 2,
            offset: 0,
            accumulate: 0,
        }
        .into(),
        loss_sums::Params::chunked(view, extent).into(),
        loss_gradient::Params {
            logits: view,
            output: view,
            extent,
            cross_entropy: 1.0,
            dice: 1.0,
            smoothing: 1.0,
            unused: 0,
        }
        .into(),
        adam::Params {
            length: 100,
            beta: [0.9, 0.999],
            one_minus_beta: [0.1, 0.001],
            epsilon: 1e-8,
            decay: 0.01,
            most_norm: 1.0,
        }
        .into(),
    ];
    for (kernel, stride, padding) in [(1, 1, 0), (2, 2, 0), (3, 1, 1), (7, 2, 3)] {
        let size = (32 + 2 * padding - kernel) / stride + 1;
        let gradient = Shape::new(2, 4, size, size);
        let [kernel, stride, padding] = [kernel, stride, padding].map(|length| [length as u32; 2]);
        all.push(
            conv2d_weight_gradient::Params {
                input: view,
                gradient: View::dense(gradient),
                input_extent: extent,
                gradient_extent: gradient.into(),
                kernel,
                stride,
                padding,
                rows_per_chunk: 8,
                unused: 0,
            }
            .into(),
        );
    }
    all
}

fn attack() -> Vec<Params> {
    let logits = Shape::new(1, 2, 32, 32);
    let image = Extent::from(Shape::new(1, 3, 32, 32));
    vec![
        asma_mask::Params {
            logits: View::dense(logits),
            seed: View::dense(logits),
            extent: logits.into(),
            class_count: 2,
            flags: asma_mask::WRITE_SEED | asma_mask::COUNT | asma_mask::ADAPTIVE,
            parity: 0,
            unused: 0,
        }
        .into(),
        asma_head::Params {
            features: View::dense(Shape::new(1, 32, 32, 32)),
            logits: View::dense(logits),
            gradient: View::dense(Shape::new(1, 32, 32, 32)),
            extent: logits.into(),
            feature_count: 32,
            padded_out_channels: 8,
            class_count: 2,
            flags: asma_mask::WRITE_SEED | asma_mask::COUNT | asma_mask::ADAPTIVE | asma_mask::MARGIN,
            parity: 0,
            slope: 0.0,
            unused: [0; 2],
        }
        .into(),
        asma_update::Params {
            extent: image,
            class_count: 2,
            flags: asma_update::STEP
                | asma_update::CLIP
                | asma_update::SETTLE
                | asma_update::MULTIPLIER_FROM_COUNTS,
            parity: 0,
            lambda: 1.0,
            ring_rows: 64,
            ledger_length: asma_update::Params::ledger_length(image, 64) as u32,
            unused: [0; 2],
        }
        .into(),
    ]
}
