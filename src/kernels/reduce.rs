//! The sum or the largest of each block of a tensor, or of terms that are made of a tensor and of one or two that are
//! repeated along it: means and sums over axes, and the adjoints of arithmetic, whose gradients are summed over the axes
//! on which a factor was repeated.
//!
//! Along each axis the output has as many blocks as it has elements. Where there are many elements and few blocks, one
//! call gives partial results of smaller blocks and a second one the rest, each in a fixed order.

use super::blocks::{block, check_blocks, check_broadcast, suits_workgroups};
use super::{
    Extent, KernelParams, Variant, View, check_choice, check_flags, fold, kernel, one_thread_per_element,
    samples, shader,
};

/// The numbers themselves.
pub const PLAIN: u32 = 0;
/// `−input`
pub const NEGATED: u32 = 1;
/// `input · left`
pub const TIMES_LEFT: u32 = 2;
/// `input · right`
pub const TIMES_RIGHT: u32 = 3;
/// `input / right`
pub const OVER_RIGHT: u32 = 4;
/// `−input · left / right²`
pub const OF_DIVISOR: u32 = 5;
/// `input` where left is larger than right, half of it where they are equal.
pub const WHERE_LEFT: u32 = 6;
/// `input` where right is larger than left, half of it where they are equal.
pub const WHERE_RIGHT: u32 = 7;

/// Add the terms up.
pub const SUM: u32 = 0;
/// Take the largest of the terms.
pub const LARGEST: u32 = 1;

kernel! {
    "reduce", "reduce";
    parameters {
        /// Of the input.
        input: View,
        /// Of the left numbers.
        left: View,
        /// Of the right numbers.
        right: View,
        /// Of the results.
        output: View,
        /// Of the input.
        extent: Extent,
        /// Of the left numbers, which are repeated on axes on which they have a size of 1.
        left_extent: Extent,
        /// Of the right numbers, likewise.
        right_extent: Extent,
        /// Of the results.
        output_extent: Extent,
        /// [`SUM`] or [`LARGEST`].
        function: u32,
        /// What of, [`PLAIN`] to [`WHERE_RIGHT`].
        term: u32,
        /// What results are multiplied by.
        scale: f32,
        /// 1: add to what `output` holds.
        accumulate: u32,
    }
    reads {
        input: Real, view(input, extent);
        left: Real, view(left, left_extent), when(|call| reads_left(call.term));
        right: Real, view(right, right_extent), when(|call| reads_right(call.term));
    }
    writes {
        output: Real, view(output, output_extent), also_read(|call| call.accumulate == 1);
    }
}

/// Whether terms are made of left numbers.
pub fn reads_left(term: u32) -> bool {
    [TIMES_LEFT, OF_DIVISOR, WHERE_LEFT, WHERE_RIGHT].contains(&term)
}

/// Whether terms are made of right numbers.
pub fn reads_right(term: u32) -> bool {
    [TIMES_RIGHT, OVER_RIGHT, OF_DIVISOR, WHERE_LEFT, WHERE_RIGHT].contains(&term)
}

/// Blocks of which there are enough for a GPU.
const MANY_BLOCKS: u64 = 256;
/// Elements below which a block is not cut.
const FEW_ELEMENTS: u64 = 4096;

/// Into how many smaller blocks those of a tensor are first reduced, where they are large and few: cut along the axis
/// along which they are longest.
pub fn partial_blocks(extent: Extent, blocks: Extent) -> Option<Extent> {
    let size = block(extent, blocks);
    let (elements, count) = (size.elements(), blocks.elements());
    if elements < 4 * FEW_ELEMENTS || count >= MANY_BLOCKS {
        return None;
    }
    let wanted = MANY_BLOCKS.div_ceil(count).min(elements.div_ceil(FEW_ELEMENTS));
    let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
    // Only along an axis with one block, or blocks would be cut that are not whole multiples.
    let cut = |all: u32, size: u32, count: u32| (count == 1 && all == size).then_some(size);
    let longest = [
        cut(extent.n, size.n, blocks.n),
        cut(extent.c, size.c, blocks.c),
        cut(extent.h, size.h, blocks.h),
        cut(extent.w, size.w, blocks.w),
    ];
    let (axis, length) = (0..4)
        .filter_map(|axis| Some((axis, longest[axis]?)))
        .max_by_key(|&(_, length)| length)?;
    let step = length.div_ceil(wanted.min(length));
    let pieces = length.div_ceil(step);
    let mut partial = blocks;
    *[&mut partial.n, &mut partial.c, &mut partial.h, &mut partial.w][axis] = pieces;
    (pieces > 1).then_some(partial)
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] = &[
        Variant::<Params>::new(
            "direct",
            shader!("shared/blocks", "shared/terms", "reduce"),
            |call| one_thread_per_element(call.output_extent),
        )
        .with_constants(|call| vec![("FUNCTION", call.function), ("TERM", call.term)]),
        Variant::<Params>::new(
            "tree",
            shader!("shared/blocks", "shared/terms", "reduce_tree"),
            |call| {
                let blocks = u32::try_from(call.output_extent.elements()).unwrap_or(u32::MAX);
                let [x, y] = fold(blocks);
                [x, y, 1]
            },
        )
        .for_hardware()
        .with_constants(|call| vec![("FUNCTION", call.function), ("TERM", call.term)])
        .suiting(|call, _| suits_workgroups(call.extent, call.output_extent)),
    ];

    fn check(&self) -> Result<(), String> {
        check_choice("function", self.function, LARGEST)?;
        check_choice("term", self.term, WHERE_RIGHT)?;
        check_flags(&[("accumulate", self.accumulate)])?;
        check_broadcast("left", self.left_extent, self.extent)?;
        check_broadcast("right", self.right_extent, self.extent)?;
        check_blocks(self.extent, self.output_extent)
    }

    fn work(&self) -> String {
        let (of, to) = (self.extent, self.output_extent);
        format!(
            "reduce of {}x{}x{}x{} to {}x{}x{}x{}, term {}",
            of.n, of.c, of.h, of.w, to.n, to.c, to.h, to.w, self.term
        )
    }

    fn samples() -> Vec<Params> {
        let output_extent = Extent {
            h: 1,
            w: 1,
            ..samples::extent()
        };
        let sample = |function, term| Params {
            input: samples::view(),
            left: samples::view(),
            right: samples::view(),
            output: View::dense(output_extent.into()),
            extent: samples::extent(),
            left_extent: samples::extent(),
            right_extent: samples::extent(),
            output_extent,
            function,
            term,
            scale: 1.0,
            accumulate: 0,
        };
        let sums = (PLAIN..=WHERE_RIGHT).map(|term| sample(SUM, term));
        sums.chain([sample(LARGEST, PLAIN)]).collect()
    }
}
