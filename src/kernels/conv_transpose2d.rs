//! Transposed convolution with bias and slope activation in the epilogue. Each output pixel gathers:
//!
//! `out[n,o,y,x] = slope(bias_o + Σ_{i,ky,kx} weight[(i,ky,kx), o] · in[n, g + i, (y+py−ky·dy)/sy, (x+px−kx·dx)/sx])`
//!
//! over the in channels `g + i` of the group that `o` belongs to and the taps for which both divisions are exact and the place lies inside the input. Only those taps
//! are visited: pixels with the same remainder `(y+py) mod sy, (x+px) mod sx` share them, and a dispatch
//! goes through the remainders (phases) one by one. The extra rows and columns that PyTorch calls output
//! padding are only a larger output extent. On re-packed weights the same kernel is the input gradient of
//! a convolution of any stride.

use super::conv2d::{self, CHANNEL_BLOCK, TILE_PIXELS, is_intel, of_fields, prefetch, suits_64};
use super::{
    Constants, Extent, KernelParams, Variant, Vendor, View, check_product, fold, kernel, product, samples,
    shader,
};

kernel! {
    "conv_transpose2d", "conv_transpose2d";
    parameters {
        /// Of the input.
        input: View,
        /// Of the output.
        output: View,
        /// Of the input.
        input_extent: Extent,
        /// Of the output.
        output_extent: Extent,
        /// Rows and columns of the kernel.
        kernel: [u32; 2],
        /// Distance between the windows that input pixels write to, rows and columns.
        stride: [u32; 2],
        /// Rows and columns cut off the full output at the top and left.
        padding: [u32; 2],
        /// Distance between taps of the kernel, rows and columns.
        dilation: [u32; 2],
        /// Out channels in `weight`, a multiple of [`CHANNEL_BLOCK`].
        padded_out_channels: u32,
        /// 1: add to what `output` holds (after the epilogue, before the gate).
        accumulate: u32,
        /// 1: the epilogue is the adjoint of a slope activation, of which `gate` holds the values, laid out as `output`
        /// is: where they are not above 0, what `output` would hold is multiplied by the slope. There is no bias then.
        gated: u32,
        /// Groups of channels, each of which is convolved by itself.
        groups: u32,
    }
    reads {
        input: Real, view(input, input_extent);
        // [in channels of a group][kernel rows][kernel columns][padded out channels]
        weight: Real, first(|call| call.plain().weights());
        // Bias and slope of each padded out channel, in turn.
        epilogue: Float, first(|call| 2 * u64::from(call.padded_out_channels));
        gate: Real, view(output, output_extent), when(|call| call.gated == 1);
    }
    writes {
        output: Real, view(output, output_extent), also_read(|call| call.accumulate == 1);
    }
}

impl From<conv2d::Params> for Params {
    fn from(params: conv2d::Params) -> Self {
        of_fields!(Params, params)
    }
}

impl Params {
    /// The plain convolution of the same parameters.
    pub fn plain(&self) -> conv2d::Params {
        of_fields!(conv2d::Params, self)
    }

    /// Those of the shaders, and `others`; of a kernel's taps, those that one phase has are a step apart.
    fn constants(&self, others: &[(&'static str, u32)]) -> Constants {
        let [rows, columns] = [0, 1].map(|axis| phase_step(self.stride[axis], self.dilation[axis]));
        let steps = [("STEP_ROWS", rows), ("STEP_COLUMNS", columns)];
        self.plain().constants(&[&steps, others].concat())
    }

    /// Those of the tiled shader.
    fn tile_constants(&self, channels: u32) -> Constants {
        let [rows, columns] = self.phase_size();
        let inside = self.is_whole() && rows <= self.input_extent.h && columns <= self.input_extent.w;
        self.constants(&[
            ("WHOLE", u32::from(self.is_whole())),
            ("PADDED", u32::from(!inside)),
            ("TILE_CHANNELS", channels),
        ])
    }

    /// Whether all phases read the same input pixels, each under one tap.
    fn is_whole(&self) -> bool {
        self.kernel == self.stride && (self.dilation, self.padding) == ([1, 1], [0, 0])
    }

    /// Most rows and columns of pixels that a phase has.
    fn phase_size(&self) -> [u32; 2] {
        let Extent { h, w, .. } = self.output_extent;
        [h.div_ceil(self.stride[0]), w.div_ceil(self.stride[1])]
    }

    /// Channels that tiles are cut from: of one phase, or of all phases one behind the other.
    fn tiled_channels(&self) -> u32 {
        match self.is_whole() {
            true => self.stride[0] * self.stride[1] * self.padded_out_channels,
            false => self.output_extent.c,
        }
    }

    /// Workgroups that compute so many channels of some pixels of a phase; z counts phases, channels and samples, phases
    /// fastest.
    fn tiles(&self, channels: u32) -> [u32; 3] {
        let [rows, columns] = self.phase_size();
        let [x, y] = fold((rows * columns).div_ceil(TILE_PIXELS));
        let phases = match self.is_whole() {
            true => 1,
            false => self.stride[0] * self.stride[1],
        };
        let tiles = self.tiled_channels().div_ceil(channels);
        [x, y, self.output_extent.n * phases * tiles]
    }

    /// Workgroups whose threads compute 8 channels of so many rows of 4 pixels that share a phase; z counts phases, channel
    /// blocks and samples, phases fastest.
    fn blocks(&self, block_rows: u32) -> [u32; 3] {
        let [rows, columns] = self.phase_size();
        let [x, y] = fold((rows.div_ceil(block_rows) * columns.div_ceil(4)).div_ceil(64));
        let channel_blocks = self.padded_out_channels / CHANNEL_BLOCK as u32;
        [
            x,
            y,
            self.stride[0] * self.stride[1] * channel_blocks * self.output_extent.n,
        ]
    }
}

/// How far apart the taps of a phase are: so many times the dilation is a multiple of the stride.
pub(crate) fn phase_step(stride: u32, dilation: u32) -> u32 {
    let (mut divisor, mut rest) = (stride, dilation);
    while rest != 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    stride / divisor.max(1)
}

/// Most rows or columns between windows: every phase of an output has a thread of its own.
pub const MOST_STRIDE: u32 = 256;

const TILED: &str = shader!(
    "shared/convolution",
    "shared/tiled",
    "shared/phases",
    "conv_transpose2d_tiled"
);

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[
        Variant::<Params>::new(
            "registers",
            shader!(
                "shared/convolution",
                "shared/convolution_block",
                "shared/block_in_loops",
                "shared/convolution_groups",
                "shared/phases",
                "conv_transpose2d"
            ),
            |call| call.blocks(4),
        )
        .with_constants(|call| call.constants(&[("BLOCK_ROWS", 4)])),
        // A block of few enough pixels for the registers of hardware: for groups, which the tiles are not for.
        Variant::<Params>::new(
            "few registers",
            shader!(
                "shared/convolution",
                "shared/convolution_block",
                "shared/block_unrolled",
                "shared/convolution_groups",
                "shared/phases",
                "conv_transpose2d"
            ),
            |call| call.blocks(1),
        )
        .for_hardware()
        .with_constants(|call| call.constants(&[("BLOCK_ROWS", 1)])),
        // 32 channels of some pixels to a workgroup: it occupies more of a GPU where there are few.
        Variant::<Params>::new("tiled 32", TILED, |call| call.tiles(32))
            .for_hardware()
            .for_calls(|call, _| call.groups == 1)
            .with_constants(|call| call.tile_constants(32))
            .with_vendor_constants(prefetch),
        // 64 channels: it loads each value less often.
        Variant::<Params>::new("tiled 64", TILED, |call| call.tiles(64))
            .for_hardware()
            .for_calls(|call, _| call.groups == 1)
            .suiting(|call, vendor| {
                // Older GPUs of Qualcomm have too few registers for the taps of several phases.
                let registers = call.is_whole() || vendor != Vendor::Qualcomm;
                registers && suits_64(call.tiled_channels(), call.tiles(64), vendor)
            })
            .with_bounded_loops(is_intel)
            .with_constants(|call| call.tile_constants(64))
            .with_vendor_constants(prefetch),
    ];

    fn check(&self) -> Result<(), String> {
        self.plain().check()?;
        match self.stride.iter().max() {
            Some(&stride) if stride > MOST_STRIDE => {
                Err(format!("the stride is {stride}; want at most {MOST_STRIDE}"))
            }
            _ => check_product(
                "workgroups",
                &[
                    self.stride[0],
                    self.stride[1],
                    self.padded_out_channels,
                    self.output_extent.n,
                ],
            ),
        }
    }

    fn flops(&self) -> u64 {
        let outs = self.output_extent.c / self.groups.max(1);
        let taps = product(&[2, outs, self.kernel[0], self.kernel[1]]);
        taps.saturating_mul(self.input_extent.elements())
    }

    fn samples() -> Vec<Params> {
        // The other way round: the same pair of sizes is the transposed convolution's.
        samples::convolutions()
            .map(|(geometry, [output, input])| Params {
                input: View::dense(input),
                output: View::dense(output),
                input_extent: input.into(),
                output_extent: output.into(),
                kernel: geometry.kernel,
                stride: geometry.stride,
                padding: geometry.padding,
                dilation: geometry.dilation,
                padded_out_channels: output.c as u32,
                accumulate: 0,
                gated: geometry.gated,
                groups: geometry.groups,
            })
            .collect()
    }
}
