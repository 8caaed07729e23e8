//! Convolution as an implicit matrix product, `[out channels × taps] · [taps × pixels]`, with bias and slope
//! activation in the epilogue:
//!
//! `out[n,o,y,x] = slope(bias_o + Σ_{i,ky,kx} weight[(i,ky,kx), o] · in[n, g + i, y·sy + ky·dy − py, x·sx + kx·dx − px])`
//!
//! over the in channels `g + i` of the group that `o` belongs to, with zeros outside the input and `slope_o(v) = v` for `v ≥ 0`, `slope_o · v` below (slope 1: no
//! activation). Or, gated, with the adjoint of the slope activation `a = slope(v)` that the output is the gradient of,
//!
//! `out[n,o,y,x] = (out[n,o,y,x] + Σ …) · (1 if a[n,o,y,x] > 0, else slope_o)`
//!
//! so that no pass of its own is needed for it. On re-packed weights the same kernel is the input gradient of a
//! convolution of stride 1 (flipped taps, channels exchanged) and of a transposed convolution of any stride.

use super::{
    Constants, Element, Extent, KernelParams, Variant, Vendor, View, check_dilation, check_flags,
    check_groups, check_product, check_reach, check_windows, fold, kernel, product, reach, reaches_out,
    samples, shader,
};

/// Out channels are padded with zero weights to a multiple of this, so that shaders load whole vectors.
pub const CHANNEL_BLOCK: usize = 8;

kernel! {
    "conv2d", "conv2d";
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
        /// Distance between windows, rows and columns.
        stride: [u32; 2],
        /// Rows of zeros above and columns of zeros left of the input. As many stand below and right of it as the output's
        /// extent asks for.
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
        weight: Real, first(|call| call.weights());
        // Bias and slope of each padded out channel, in turn.
        epilogue: Float, first(|call| 2 * u64::from(call.padded_out_channels));
        gate: Real, view(output, output_extent), when(|call| call.gated == 1);
    }
    writes {
        output: Real, view(output, output_extent), also_read(|call| call.accumulate == 1);
    }
}

const TILED: &str = shader!("shared/convolution", "shared/tiled", "conv2d_tiled");
const MATRIX: &str = shader!("shared/convolution", "conv2d_matrix");

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[
        Variant::<Params>::new(
            "registers",
            shader!(
                "shared/convolution",
                "shared/convolution_block",
                "shared/block_in_loops",
                "shared/convolution_groups",
                "conv2d"
            ),
            |call| call.blocks(4, 64),
        )
        .with_constants(|call| call.constants(&[("BLOCK_ROWS", 4)])),
        // Kernels of 3 × 3 and stride 1 without workgroup memory. It finds vectors of 4 up to 4 elements before the
        // first.
        Variant::<Params>::new(
            "registers 3x3",
            shader!(
                "shared/convolution",
                "shared/convolution_block",
                "shared/block_in_loops",
                "conv2d_3x3"
            ),
            |call| call.blocks(4, 8),
        )
        .with_subgroups()
        .for_calls(|call, _| call.is_3x3() && call.padding[1] <= 4)
        .with_constants(|call| vec![("GATED", call.gated), ("PADDED", call.padded())]),
        // A block of few enough pixels for the registers of hardware: for groups, which the tiles are not for.
        Variant::<Params>::new(
            "few registers",
            shader!(
                "shared/convolution",
                "shared/convolution_block",
                "shared/block_unrolled",
                "shared/convolution_groups",
                "conv2d"
            ),
            |call| call.blocks(1, 64),
        )
        .for_hardware()
        .with_bounded_loops(is_intel)
        .with_constants(|call| call.constants(&[("BLOCK_ROWS", 1)])),
        // 32 out channels of some pixels to a workgroup: it occupies more of a GPU where there are few.
        Variant::<Params>::new("tiled 32", TILED, |call| call.tiles(32))
            .for_hardware()
            .for_calls(|call, _| call.groups == 1)
            .with_constants(|call| call.constants(&[("PADDED", call.padded()), ("TILE_CHANNELS", 32)]))
            .with_vendor_constants(prefetch),
        // 64 out channels: it loads each value less often.
        Variant::<Params>::new("tiled 64", TILED, |call| call.tiles(64))
            .for_hardware()
            .for_calls(|call, _| call.groups == 1)
            .suiting(|call, vendor| suits_64(call.output_extent.c, call.tiles(64), vendor))
            .with_bounded_loops(is_intel)
            .with_constants(|call| call.constants(&[("PADDED", call.padded()), ("TILE_CHANNELS", 64)]))
            .with_vendor_constants(prefetch),
        // Kernels of 3 × 3 and stride 1 by Winograd's transform. A workgroup computes 32 channels of 32 tiles of 2 × 2 pixels.
        Variant::<Params>::new(
            "winograd",
            shader!("shared/convolution", "conv2d_winograd"),
            |call| {
                let Extent { n, c, h, w } = call.output_extent;
                let [x, y] = fold((h.div_ceil(2) * w.div_ceil(2)).div_ceil(32));
                [x, y, n * c.div_ceil(32)]
            },
        )
        .for_hardware()
        .for_calls(|call, _| call.is_3x3())
        .suiting(Params::suits_winograd)
        .with_bounded_loops(|vendor| matches!(vendor, Vendor::Intel | Vendor::Qualcomm))
        .with_constants(|call| vec![("GATED", call.gated)])
        .with_vendor_constants(prefetch),
        // On matrix units, for input and weights of float16.
        Variant::<Params>::new("matrix", MATRIX, |call| call.tiles(call.matrix_channels()))
            .on_matrix_units(1)
            .for_calls(|call, specialisation| {
                call.groups == 1 && [0, 1].map(|buffer| specialisation.element(buffer)) == [Element::Half; 2]
            })
            .suiting(|_, _| false)
            .with_constants(|call| call.matrix_constants(call.matrix_channels(), 0)),
        // On matrix units, for weights of float32, each number split into two of float16.
        Variant::<Params>::new("split matrix", MATRIX, |call| call.tiles(32))
            .on_matrix_units(3)
            .with_narrow_range()
            .for_calls(|call, specialisation| call.groups == 1 && specialisation.element(1) == Element::Word)
            .suiting(|_, _| false)
            .with_constants(|call| call.matrix_constants(32, 1)),
    ];

    fn check(&self) -> Result<(), String> {
        check_windows(self.kernel, self.stride, self.padding)?;
        check_dilation(self.dilation)?;
        let reach = reach(self.kernel, self.dilation);
        check_reach(self.input_extent, reach, self.stride, self.padding)?;
        check_reach(self.output_extent, reach, self.stride, self.padding)?;
        check_flags(&[("accumulate", self.accumulate), ("gated", self.gated)])?;
        check_groups(self.groups, [self.input_extent.c, self.output_extent.c])?;
        check_channels(self.output_extent.c, self.padded_out_channels)?;
        check_product(
            "weights",
            &[
                self.input_extent.c / self.groups,
                self.kernel[0],
                self.kernel[1],
                self.padded_out_channels,
            ],
        )?;
        match self.input_extent.n == self.output_extent.n {
            true => Ok(()),
            false => Err(format!(
                "{} samples cannot become {}",
                self.input_extent.n, self.output_extent.n
            )),
        }
    }

    fn work(&self) -> String {
        let size = |Extent { n, c, h, w }: Extent| format!("{n}x{c}x{h}x{w}");
        let pair = |[rows, columns]: [u32; 2]| format!("{rows}x{columns}");
        format!(
            "conv2d {} to {}, kernel {}, stride {}, padding {}{}{}{}{}",
            size(self.input_extent),
            size(self.output_extent),
            pair(self.kernel),
            pair(self.stride),
            pair(self.padding),
            match self.dilation {
                [1, 1] => String::new(),
                dilation => format!(", dilation {}", pair(dilation)),
            },
            match self.groups {
                1 => String::new(),
                groups => format!(", groups {groups}"),
            },
            if self.accumulate == 1 { ", added" } else { "" },
            if self.gated == 1 { ", gated" } else { "" }
        )
    }

    fn flops(&self) -> u64 {
        let taps = product(&[2, self.ins(), self.kernel[0], self.kernel[1]]);
        taps.saturating_mul(self.output_extent.elements())
    }

    fn samples() -> Vec<Params> {
        samples::convolutions()
            .map(|(geometry, [input, output])| Params {
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

/// Makes one parameter struct of another's fields: those of all convolutions mean the same.
macro_rules! of_fields {
    ($type:path, $params:expr) => {{
        let params = $params;
        $type {
            input: params.input,
            output: params.output,
            input_extent: params.input_extent,
            output_extent: params.output_extent,
            kernel: params.kernel,
            stride: params.stride,
            padding: params.padding,
            dilation: params.dilation,
            padded_out_channels: params.padded_out_channels,
            accumulate: params.accumulate,
            gated: params.gated,
            groups: params.groups,
        }
    }};
}
pub(super) use of_fields;

/// How many products of float16 the variant of this name makes on matrix units for each one of the convolution; none if it
/// does not use them.
pub fn matrix_products(variant: &str) -> u32 {
    let found = Params::VARIANTS.iter().find(|other| other.name == variant);
    found.map_or(0, |variant| variant.traits.matrix_products)
}

/// Output pixels that one workgroup of the tiled variants and of those on matrix units computes.
pub(super) const TILE_PIXELS: u32 = 128;

/// Workgroups below which smaller tiles suit better: about two for each multiprocessor of a large GPU.
const ENOUGH_WORKGROUPS: u32 = 256;

/// In channels from which on Winograd's sums outweigh what it does before and after them.
const ENOUGH_CHANNELS: u32 = 32;

/// Whether tiles of 64 channels suit a call of so many channels, of which they make these workgroups. Where the registers
/// are not known, there may be too few for 64 sums.
pub(super) fn suits_64(channels: u32, workgroups: [u32; 3], vendor: Vendor) -> bool {
    channels > 32 && workgroups.iter().product::<u32>() >= ENOUGH_WORKGROUPS && vendor != Vendor::Other
}

/// Whether tiles are loaded while the tile before is multiplied.
pub(super) fn prefetch(vendor: Vendor) -> Constants {
    vec![("PREFETCH", u32::from(!vendor.has_few_registers()))]
}

/// Of text with many sums, Intel's compiler moves so many loads up that registers run out, unless loops are bounded.
pub(super) fn is_intel(vendor: Vendor) -> bool {
    vendor == Vendor::Intel
}

impl Params {
    pub(super) fn weights(&self) -> u64 {
        product(&[
            self.ins(),
            self.kernel[0],
            self.kernel[1],
            self.padded_out_channels,
        ])
    }

    /// In channels of a group.
    pub(super) fn ins(&self) -> u32 {
        self.input_extent.c / self.groups.max(1)
    }

    fn is_3x3(&self) -> bool {
        (self.kernel, self.stride, self.dilation, self.groups) == ([3, 3], [1, 1], [1, 1], 1)
    }

    /// Whether Winograd's transform suits the call. By instructions for each product of the plain sum it takes 0.5 to 0.7
    /// of what tiles of 64 channels take, 0.71 to 0.75 on Apple's GPUs, where it is left out.
    fn suits_winograd(&self, vendor: Vendor) -> bool {
        let wins = matches!(
            vendor,
            Vendor::Amd | Vendor::Intel | Vendor::Nvidia | Vendor::Qualcomm
        );
        wins && self.input_extent.c >= ENOUGH_CHANNELS
    }

    /// Whether windows reach out of the input.
    fn padded(&self) -> u32 {
        let extents = [self.input_extent, self.output_extent];
        u32::from(reaches_out(
            extents,
            self.kernel,
            self.stride,
            self.padding,
            self.dilation,
        ))
    }

    /// The constants of shaders for all kernels, and `others`.
    pub(super) fn constants(&self, others: &[(&'static str, u32)]) -> Vec<(&'static str, u32)> {
        let mut constants = vec![
            ("GATED", self.gated),
            ("KERNEL_ROWS", self.kernel[0]),
            ("KERNEL_COLUMNS", self.kernel[1]),
            ("STRIDE_ROWS", self.stride[0]),
            ("STRIDE_COLUMNS", self.stride[1]),
            ("DILATION_ROWS", self.dilation[0]),
            ("DILATION_COLUMNS", self.dilation[1]),
            ("GROUPS", self.groups),
        ];
        constants.extend_from_slice(others);
        constants
    }

    /// Workgroups of so many threads, each of which computes 8 channels of so many rows of 4 pixels.
    fn blocks(&self, rows: u32, threads: u32) -> [u32; 3] {
        let Extent { n, h, w, .. } = self.output_extent;
        let [x, y] = fold((h.div_ceil(rows) * w.div_ceil(4)).div_ceil(threads));
        [x, y, n * self.padded_out_channels / CHANNEL_BLOCK as u32]
    }

    /// Workgroups that compute so many channels of [`TILE_PIXELS`] pixels.
    fn tiles(&self, channels: u32) -> [u32; 3] {
        let Extent { n, c, h, w } = self.output_extent;
        let [x, y] = fold((h * w).div_ceil(TILE_PIXELS));
        [x, y, n * c.div_ceil(channels)]
    }

    /// Out channels that one workgroup on matrix units computes.
    fn matrix_channels(&self) -> u32 {
        if self.output_extent.c > 32 { 64 } else { 32 }
    }

    /// For so many out channels to a workgroup, each number split into two of float16 or not.
    fn matrix_constants(&self, channels: u32, split: u32) -> Constants {
        self.constants(&[
            ("BLOCK_CHANNELS", channels),
            ("SPLIT", split),
            ("WHOLE_STEPS", u32::from(self.input_extent.c.is_multiple_of(16))),
        ])
    }
}

/// Out channels are padded as shaders load them.
pub(super) fn check_channels(out: u32, padded: u32) -> Result<(), String> {
    match padded.is_multiple_of(CHANNEL_BLOCK as u32) && padded >= out {
        true => Ok(()),
        false => Err(format!(
            "{out} out channels cannot be padded to {padded}; want a multiple of {CHANNEL_BLOCK} that is no smaller"
        )),
    }
}
