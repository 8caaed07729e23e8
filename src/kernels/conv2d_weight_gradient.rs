//! Gradient of a convolution's weights, a matrix product whose long dimension is the pixels of all samples:
//!
//! `dW[a, b, ky, kx] = Σ_{n,y,x} gradient[n, a, y, x] · input[n, g + b, y·sy + ky·dy − py, x·sx + kx·dx − px]`
//!
//! over the channels `g + b` of the group that `a` belongs to, with zeros outside the input. For a plain convolution `input` is what it reads, `gradient` is that of what
//! it writes, and `dW` is laid out as its weight, `[out, in / groups, rows, columns]`. For a transposed convolution the
//! two change places (it writes where the plain one reads), and `dW` is again laid out as its weight,
//! `[in, out / groups, rows, columns]`.
//!
//! The rows of all samples are cut into chunks, each of which gives one partial sum of every weight;
//! [`sum_partials`](super::sum_partials) adds them up in a fixed order, so that a run can be repeated to the bit.

use super::channel_sums::check_chunks;
use super::{
    Extent, KernelParams, Variant, View, check_dilation, check_groups, check_reach, check_windows, kernel,
    product, reach, reaches_out, shader,
};

kernel! {
    "conv2d_weight_gradient", "conv2d_weight_gradient";
    parameters {
        /// Of the input, over which the windows go.
        input: View,
        /// Of the gradient, one element per window.
        gradient: View,
        /// Of the input.
        input_extent: Extent,
        /// Of the gradient.
        gradient_extent: Extent,
        /// Rows and columns of the kernel.
        kernel: [u32; 2],
        /// Distance between windows, rows and columns.
        stride: [u32; 2],
        /// Rows of zeros above and columns of zeros left of the input.
        padding: [u32; 2],
        /// Distance between taps of the kernel, rows and columns.
        dilation: [u32; 2],
        /// Groups of channels, each of which is convolved by itself.
        groups: u32,
        /// Rows of the gradient, counted through all samples, that one chunk sums.
        rows_per_chunk: u32,
    }
    reads {
        input: Float, view(input, input_extent);
        gradient: Float, view(gradient, gradient_extent);
    }
    writes {
        // [chunks][gradient channels][input channels of a group][kernel rows][kernel columns]
        partials: Float, first(|call| {
            product(&[call.chunks(), call.taps(), call.gradient_extent.c])
        });
    }
}

/// Gradient channels, all of one group, and weights of each, that one workgroup computes.
const TILE: u32 = 32;

impl Params {
    /// Chunks, each of which gives a partial sum of every weight.
    pub fn chunks(&self) -> u32 {
        let rows = u64::from(self.gradient_extent.n) * u64::from(self.gradient_extent.h);
        u32::try_from(rows.div_ceil(self.rows_per_chunk.max(1).into())).unwrap_or(u32::MAX)
    }

    /// Weights of one gradient channel.
    pub fn taps(&self) -> u32 {
        let ins = self.input_extent.c / self.groups.max(1);
        let taps = product(&[ins, self.kernel[0], self.kernel[1]]);
        u32::try_from(taps).unwrap_or(u32::MAX)
    }

    /// Whether windows reach out of the input.
    fn padded(&self) -> u32 {
        let extents = [self.input_extent, self.gradient_extent];
        u32::from(reaches_out(
            extents,
            self.kernel,
            self.stride,
            self.padding,
            self.dilation,
        ))
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[
            Variant::<Params>::new("tiled", shader!("conv2d_weight_gradient"), |call| {
                [
                    call.taps().div_ceil(TILE),
                    call.groups * (call.gradient_extent.c / call.groups).div_ceil(TILE),
                    call.chunks(),
                ]
            })
            .for_hardware()
            .with_constants(|call| {
                vec![
                    ("KERNEL_ROWS", call.kernel[0]),
                    ("KERNEL_COLUMNS", call.kernel[1]),
                    ("PADDED", call.padded()),
                ]
            }),
        ];

    fn check(&self) -> Result<(), String> {
        check_windows(self.kernel, self.stride, self.padding)?;
        check_dilation(self.dilation)?;
        let reach = reach(self.kernel, self.dilation);
        check_reach(self.input_extent, reach, self.stride, self.padding)?;
        check_reach(self.gradient_extent, reach, self.stride, self.padding)?;
        check_chunks(self.rows_per_chunk)?;
        check_groups(self.groups, [self.input_extent.c, self.gradient_extent.c])?;
        if self.input_extent.n != self.gradient_extent.n {
            return Err(format!(
                "the input has {} samples and the gradient {}",
                self.input_extent.n, self.gradient_extent.n
            ));
        }
        super::check_product("weights", &[self.input_extent.c, self.kernel[0], self.kernel[1]])
    }

    fn flops(&self) -> u64 {
        u64::from(self.taps())
            .saturating_mul(2)
            .saturating_mul(self.gradient_extent.elements())
    }

    fn samples() -> Vec<Params> {
        let input = crate::tensor::Shape::new(2, 4, 32, 32);
        let sample = |(kernel, stride, padding): (usize, usize, usize)| {
            let size = (32 + 2 * padding - kernel) / stride + 1;
            let gradient = crate::tensor::Shape::new(2, 4, size, size);
            let [kernel, stride, padding] = [kernel, stride, padding].map(|length| [length as u32; 2]);
            Params {
                input: View::dense(input),
                gradient: View::dense(gradient),
                input_extent: input.into(),
                gradient_extent: gradient.into(),
                kernel,
                stride,
                padding,
                dilation: [1, 1],
                groups: 1,
                rows_per_chunk: 8,
            }
        };
        [(1, 1, 0), (2, 2, 0), (3, 1, 0), (3, 1, 1), (7, 2, 3)]
            .map(sample)
            .into()
    }
}
