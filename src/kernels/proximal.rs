//! What the kernels of the proximal step share: how an image is parted among workgroups.

use super::{Extent, product};

/// Threads of a workgroup.
const WORKGROUP: u32 = 256;
/// Elements that one thread handles, [`WORKGROUP`] apart.
const ELEMENTS_PER_THREAD: u32 = 16;
/// Elements of a workgroup.
pub const GROUP: u32 = WORKGROUP * ELEMENTS_PER_THREAD;

/// Workgroups of one sample.
pub fn groups(extent: Extent) -> u32 {
    let elements = product(&[extent.c, extent.h, extent.w]);
    u32::try_from(elements.div_ceil(GROUP.into())).unwrap_or(u32::MAX)
}
