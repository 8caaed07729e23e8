use asma::kernels::conv2d::{CHANNEL_BLOCK, Params};
use asma::kernels::{Extent, KernelParams, Specialisation, Vendor, unmeasured};

use super::support::{
    Case, EXACT, Random, Tolerance, compare_plainly, compare_variants, compare_variants_plainly,
};

/// Few, because each is a shader to compile, slowly on a software rasteriser.
const SHAPES: [Windows; 7] = [
    Windows::new([3, 3], [1, 1], 0),
    Windows::new([3, 3], [1, 1], 2),
    Windows::new([1, 1], [1, 1], 0),
    Windows::new([2, 2], [2, 2], 0),
    Windows::new([4, 3], [2, 3], 3),
    Windows {
        dilation: [2, 3],
        ..Windows::new([3, 2], [1, 2], 3)
    },
    // Groups whose out channels share the 8 of a thread, or have some of several.
    Windows {
        groups: 3,
        ..Windows::new([3, 3], [1, 1], 1)
    },
];

/// Windows of convolutions.
#[derive(Clone, Copy)]
pub struct Windows {
    pub kernel: [u32; 2],
    pub stride: [u32; 2],
    pub most_padding: u32,
    pub dilation: [u32; 2],
    pub groups: u32,
    /// Whether calls have a gate; each by chance if it is not said.
    pub gated: Option<bool>,
}

/// The first of them with a gate in some calls, the others by turns with one and without one: each is a shader to compile.
pub fn gated_in_turn(shapes: impl IntoIterator<Item = Windows>) -> impl Iterator<Item = Windows> {
    shapes.into_iter().enumerate().map(|(number, shape)| Windows {
        gated: (number > 0).then_some(number % 2 == 1),
        ..shape
    })
}

impl Windows {
    pub const fn new(kernel: [u32; 2], stride: [u32; 2], most_padding: u32) -> Windows {
        Windows {
            kernel,
            stride,
            most_padding,
            dilation: [1, 1],
            groups: 1,
            gated: None,
        }
    }

    /// The flag of a call.
    pub fn gate(&self, random: &mut Random) -> u32 {
        let by_chance = random.below(2);
        self.gated.map_or(by_chance, u32::from)
    }

    /// Rows and columns from the first tap to the last, both counted.
    pub fn reach(&self) -> [u32; 2] {
        [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1)
    }
}

/// A call whose windows cover an output of `extent` with as many channels of each group, on an input that is `surplus`
/// rows and columns larger than they need where the stride allows it, or smaller, with zeros at the bottom and right;
/// `values` makes buffers of input, weights, coefficients, output.
pub fn case<P: From<Params> + Into<asma::kernels::Params>>(
    random: &mut Random,
    windows: Windows,
    ins: u32,
    extent: Extent,
    mut values: impl FnMut(&mut Random, usize) -> Vec<u32>,
) -> Case {
    let Windows {
        kernel,
        stride,
        most_padding,
        dilation,
        groups,
        ..
    } = windows;
    let reach = windows.reach();
    let padding = [random.between(0, most_padding), random.between(0, most_padding)];
    let after = [random.between(0, most_padding), random.between(0, most_padding)];
    let mut input_size = |axis: usize, outputs: u32| {
        let covered = (outputs - 1) * stride[axis] + reach[axis] + random.below(stride[axis]);
        covered.saturating_sub(padding[axis] + after[axis]).max(1)
    };
    let input_extent = Extent {
        c: groups * ins,
        h: input_size(0, extent.h),
        w: input_size(1, extent.w),
        ..extent
    };
    // Where the padding alone is more than the windows need, more windows fit.
    let outputs = |axis: usize, size: u32| {
        let room = size + padding[axis] + after[axis];
        (room - reach[axis]) / stride[axis] + 1
    };
    let output_extent = Extent {
        c: groups * extent.c,
        h: outputs(0, input_extent.h),
        w: outputs(1, input_extent.w),
        ..extent
    };
    let (input, input_length) = random.view(input_extent);
    let (output, output_length) = random.view(output_extent);
    // Now and then by a block more than the channels need.
    let padded_out_channels = (output_extent.c + CHANNEL_BLOCK as u32 * (random.below(4) / 3))
        .next_multiple_of(CHANNEL_BLOCK as u32);
    let taps = ins * kernel[0] * kernel[1];
    let mut weight = values(random, (taps * padded_out_channels) as usize);
    for taps in weight.chunks_mut(padded_out_channels as usize) {
        taps[output_extent.c as usize..].fill(0);
    }
    let params = P::from(Params {
        input,
        output,
        input_extent,
        output_extent,
        kernel,
        stride,
        padding,
        dilation,
        padded_out_channels,
        accumulate: random.below(2),
        gated: windows.gate(random),
        groups,
    });
    Case {
        params: params.into(),
        reads: vec![
            values(random, input_length),
            weight,
            values(random, 2 * padded_out_channels as usize),
            values(random, output_length),
        ],
        writes: vec![values(random, output_length)],
    }
}

/// The variant that a call of one of the sample kinds runs by on a vendor's GPU.
fn chosen(vendor: Vendor, kernel: u32, padding: u32, groups: u32) -> &'static str {
    let specialisation = Specialisation {
        vendor,
        ..Default::default()
    };
    let mut samples = Params::samples().into_iter();
    let call = samples
        .find(|call| {
            let kind = (call.kernel, call.stride, call.dilation, call.padding, call.groups);
            call.output_extent.c == 64 && kind == ([kernel; 2], [1; 2], [1; 2], [padding; 2], groups)
        })
        .expect("a sample");
    let ways = asma::kernels::Params::from(call).ways(&specialisation);
    ways[unmeasured(&ways, true).expect("a way")].name
}

/// Winograd's transform where it takes the fewer instructions, large tiles where registers are known to hold them.
#[test]
fn vendors_run_what_suits_their_gpus() {
    for vendor in [Vendor::Amd, Vendor::Nvidia, Vendor::Intel, Vendor::Qualcomm] {
        assert_eq!(chosen(vendor, 3, 1, 1), "winograd", "{vendor:?}");
        assert_eq!(chosen(vendor, 1, 0, 1), "tiled 64", "{vendor:?}");
    }
    assert_eq!(chosen(Vendor::Apple, 3, 1, 1), "tiled 64");
    assert_eq!(chosen(Vendor::Other, 3, 1, 1), "tiled 32");
    for vendor in [Vendor::Amd, Vendor::Apple, Vendor::Other] {
        assert_eq!(chosen(vendor, 3, 1, 8), "few registers", "{vendor:?}");
    }
}

/// With multiples of ½ every product and sum is exact, in any order: not one wrong tap can hide.
#[test]
fn sums_of_exact_products_are_the_twins() {
    let mut random = Random::new(31);
    let mut cases = Vec::new();
    for shape in gated_in_turn(SHAPES) {
        for _ in 0..10 {
            let extent = Extent {
                c: random.choose(&[1, 2, 8, 11, 32, 33, 70]),
                ..random.extent()
            };
            let ins = random.choose(&[1, 2, 3, 8, 21]);
            cases.push(case::<Params>(
                &mut random,
                shape,
                ins,
                extent,
                |random, length| random.coarse_floats(length),
            ));
        }
    }
    compare_variants::<Params>(&cases, EXACT);
}

/// More pixels than one workgroup computes, across and down, and enough for the large tile.
#[test]
fn many_workgroups_are_the_twins() {
    let mut random = Random::new(32);
    let extents = [(1, 8, 43, 45), (2, 9, 1, 700), (1, 3, 517, 2), (2, 66, 90, 91)];
    let cases: Vec<Case> = extents
        .into_iter()
        .map(|(n, c, h, w)| {
            let extent = Extent { n, c, h, w };
            case::<Params>(&mut random, SHAPES[1], 2, extent, |random, length| {
                random.coarse_floats(length)
            })
        })
        .collect();
    compare_variants_plainly::<Params>(&cases, EXACT);
}

/// Inputs as small as gradients get: all variants but that of a narrow range keep five digits of sums of positive terms
/// whatever their size, and that one loses digits only below 2⁻¹⁴, down to three for numbers around 2⁻²⁰.
#[test]
fn small_numbers_keep_their_digits() {
    for (scale, narrow_relative) in [(1e-3, 1e-5), (1e-6, 1e-3)] {
        let mut random = Random::new(34);
        let extent = Extent {
            n: 1,
            c: 40,
            h: 9,
            w: 13,
        };
        let mut case = case::<Params>(&mut random, SHAPES[1], 21, extent, |random, length| {
            random.probabilities(length)
        });
        for word in &mut case.reads[0] {
            *word = (scale * f32::from_bits(*word)).to_bits();
        }
        // No bias, no activation, nothing to add to.
        let asma::kernels::Params::Conv2d(params) = &mut case.params else {
            unreachable!("a convolution")
        };
        (params.accumulate, params.gated) = (0, 0);
        for pair in case.reads[2].chunks_exact_mut(2) {
            pair.copy_from_slice(&[0f32, 1.0].map(f32::to_bits));
        }
        for variant in Params::VARIANTS {
            let tolerance = Tolerance {
                absolute: 0.0,
                relative: if variant.traits.narrow_range {
                    narrow_relative
                } else {
                    1e-5
                },
            };
            compare_plainly(
                std::slice::from_ref(&case),
                variant.name,
                variant.traits,
                tolerance,
            );
        }
    }
}

/// Sums of up to 1200 products of numbers in [−2, 2), which cancel to within some tens: each of the roundings
/// is of at most 2⁻²⁴ · 100.
#[test]
fn long_sums_are_the_twins_but_for_rounding() {
    let mut random = Random::new(33);
    let mut cases = Vec::new();
    for shape in [SHAPES[0], SHAPES[4]] {
        let extent = Extent {
            c: random.choose(&[5, 40]),
            ..random.extent()
        };
        cases.push(case::<Params>(
            &mut random,
            shape,
            100,
            extent,
            |random, length| random.floats(length),
        ));
    }
    let rounding = Tolerance {
        absolute: 1e-4,
        relative: 1e-5,
    };
    compare_variants::<Params>(&cases, rounding);
}
