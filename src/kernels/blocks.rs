//! How a tensor falls into blocks, each of which is reduced to one number or a few.

use super::layout::Extent;

/// The sizes of the blocks of a tensor of `extent`, of which there are `blocks` along each axis: equal ones, but for the
/// last, which may be smaller.
pub(crate) fn block(extent: Extent, blocks: Extent) -> Extent {
    let size = |all: u32, count: u32| all.div_ceil(count.max(1));
    Extent {
        n: size(extent.n, blocks.n),
        c: size(extent.c, blocks.c),
        h: size(extent.h, blocks.h),
        w: size(extent.w, blocks.w),
    }
}

/// Refuses blocks of nothing.
pub(super) fn check_blocks(extent: Extent, blocks: Extent) -> Result<(), String> {
    let size = block(extent, blocks);
    let fits = |all: u32, count: u32, size: u32| {
        count >= 1 && u64::from(count - 1) * u64::from(size) < u64::from(all)
    };
    let all = [
        fits(extent.n, blocks.n, size.n),
        fits(extent.c, blocks.c, size.c),
        fits(extent.h, blocks.h, size.h),
        fits(extent.w, blocks.w, size.w),
    ];
    match all.contains(&false) {
        true => Err(format!(
            "{}×{}×{}×{} elements do not fall into {}×{}×{}×{} blocks",
            extent.n, extent.c, extent.h, extent.w, blocks.n, blocks.c, blocks.h, blocks.w
        )),
        false => Ok(()),
    }
}

/// Refuses a factor whose sizes are neither those of `extent` nor 1.
pub(super) fn check_broadcast(name: &str, factor: Extent, extent: Extent) -> Result<(), String> {
    let fits = |size: u32, all: u32| size == all || size == 1;
    let all = [
        fits(factor.n, extent.n),
        fits(factor.c, extent.c),
        fits(factor.h, extent.h),
        fits(factor.w, extent.w),
    ];
    match all.contains(&false) {
        true => Err(format!(
            "`{name}` of {}×{}×{}×{} cannot be repeated to {}×{}×{}×{}",
            factor.n, factor.c, factor.h, factor.w, extent.n, extent.c, extent.h, extent.w
        )),
        false => Ok(()),
    }
}

/// Work of one thread below which blocks are not shared by the threads of a workgroup.
const FEWEST_ELEMENTS: u64 = 64;

/// Whether a workgroup is to share the elements of each block. Threads with a block each read neighbours where the columns
/// are not reduced, so that they then do as well.
pub(super) fn suits_workgroups(extent: Extent, blocks: Extent) -> bool {
    let size = block(extent, blocks);
    let columns_apart = size.w == 1 && blocks.elements() >= FEWEST_ELEMENTS;
    size.elements() >= FEWEST_ELEMENTS && !columns_apart
}
