//! Which number is the k-th largest of a sample's, over the pixels whose label is a class: a radix selection, exact and the
//! same in any order of the pixels.
//!
//! Floats have keys, unsigned integers in the same order, with 0 and −0 as one. A first call counts how often each value of
//! their upper 11 bits occurs, a second one that of the next 11 among the keys whose upper bits are those of the k-th
//! largest, a third one that of the last 10. Every call first narrows down what the one before counted, as does who then
//! asks for the result (`selected` in the twin and in `shaders/shared/selection.wgsl`).
//!
//! k is a word of each sample: 0 selects nothing, and one that is larger than the number of pixels counted selects the
//! smallest.
//!
//! # The selection
//! Per sample: three histograms of [`BINS`] words, one for each call; then the digits and the rank among what
//! is left that the second call found, and those of the third. The first histogram must be 0 before the first call; a call
//! sets that of the next one to 0, and the third that of the next selection.

use super::{Extent, KernelParams, Variant, fold, kernel, samples, shader};

/// Calls of a selection.
pub const PASSES: u32 = 3;
/// Words of a histogram.
pub const BINS: usize = 2048;
/// First word of what the calls found.
pub const STATE: usize = PASSES as usize * BINS;
/// Words of the selection of one sample.
pub const LENGTH: usize = STATE + 4;

/// Threads of a workgroup.
const WORKGROUP: u32 = 256;
/// Pixels that one thread handles, [`WORKGROUP`] apart.
const PIXELS_PER_THREAD: u32 = 16;

kernel! {
    "select", "narrow";
    parameters {
        /// Of the numbers; one channel.
        extent: Extent,
        /// Labels below this count.
        class_count: u32,
        /// Which call of the selection, from 0.
        number: u32,
        /// Index of the first sample's k in `ranks`.
        rank_offset: u32,
        /// Distance to the next sample's.
        rank_stride: u32,
    }
    reads {
        // [n][h][w]
        values: Float, first(|call| call.extent.pixels());
        // A label per pixel, [n][h][w].
        labels: Word, first(|call| call.extent.pixels());
        ranks: Word, first(|call| {
            let samples = u64::from(call.extent.n).saturating_sub(1);
            u64::from(call.rank_offset) + samples * u64::from(call.rank_stride) + 1
        });
    }
    writes {
        // [n][LENGTH]
        selection: Word, first(|call| u64::from(call.extent.n) * LENGTH as u64), also_read(|_| true);
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[
            Variant::<Params>::new("radix", shader!("shared/selection", "select"), |call| {
                let [x, y] = fold((call.extent.h * call.extent.w).div_ceil(WORKGROUP * PIXELS_PER_THREAD));
                [x, y, call.extent.n]
            })
            .for_hardware()
            .with_constants(|call| vec![("NUMBER", call.number)]),
        ];

    fn check(&self) -> Result<(), String> {
        super::check_choice("number", self.number, PASSES - 1)?;
        match self.extent.c {
            1 => Ok(()),
            channels => Err(format!("{channels} channels; want 1")),
        }
    }

    fn elements_moved(&self) -> Vec<u64> {
        let pixels = self.extent.pixels();
        vec![pixels, pixels, 0, 0]
    }

    fn samples() -> Vec<Params> {
        let extent = Extent {
            c: 1,
            ..samples::extent()
        };
        (0..PASSES)
            .map(|number| Params {
                extent,
                class_count: 2,
                number,
                rank_offset: 0,
                rank_stride: 1,
            })
            .collect()
    }
}
