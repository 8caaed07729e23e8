//! How a tensor falls into blocks.

use std::ops::Range;

use super::rows::{Unlike, joined_alike, sizes};
use crate::kernels::{Extent, View, block};

/// The blocks of a tensor: along each axis of one size, but for the last, which may be smaller.
pub(super) struct Blocks {
    /// Of the tensor.
    all: [usize; 4],
    /// Blocks along each axis.
    count: [usize; 4],
    /// Of a block that is not smaller.
    pub size: [usize; 4],
}

impl Blocks {
    /// Those of a tensor of `extent`, as many along each axis as `blocks` says.
    pub fn new(extent: Extent, blocks: Extent) -> Blocks {
        Blocks {
            all: sizes(extent),
            count: sizes(blocks),
            size: sizes(block(extent, blocks)),
        }
    }

    /// Elements of a block that is not smaller.
    pub fn largest(&self) -> usize {
        self.size.iter().product()
    }

    /// What block number `index` covers of an axis.
    pub fn range(&self, axis: usize, index: usize) -> Range<usize> {
        let first = index * self.size[axis];
        first..(first + self.size[axis]).min(self.all[axis])
    }

    /// The rows, by sample, channel and number, that the block at this place lies in.
    pub fn rows(&self, n: usize, c: usize, y: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        let (channels, lines) = (self.range(1, c), self.range(2, y));
        self.range(0, n).flat_map(move |n| {
            let lines = lines.clone();
            channels
                .clone()
                .flat_map(move |c| lines.clone().map(move |y| (n, c, y)))
        })
    }

    /// The blocks that a row lies in: the columns that each covers, and its number.
    pub fn of_row(&self, n: usize, c: usize, y: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
        let [_, channels, rows, columns] = self.count;
        let (n, c, y) = (n / self.size[0], c / self.size[1], y / self.size[2]);
        let first = ((n * channels + c) * rows + y) * columns;
        (0..columns).map(move |x| (self.range(3, x), first + x))
    }
}

/// The extent of a tensor and numbers of its blocks with each channel in one long row, if the blocks consist of whole rows
/// and all views let it; the order of the blocks stays.
pub(super) fn joined<const VIEWS: usize, const KINDS: usize>(
    views: [View; VIEWS],
    extent: Extent,
    blocks: [Extent; KINDS],
) -> (Extent, [Extent; KINDS]) {
    let of_whole_rows = |blocks: &Extent| blocks.w == 1 && extent.h.is_multiple_of(blocks.h);
    let long = joined_alike(views, extent, Unlike::Channels);
    if long == extent || !blocks.iter().all(of_whole_rows) {
        return (extent, blocks);
    }
    let along_the_row = |blocks: Extent| Extent {
        h: 1,
        w: blocks.h,
        ..blocks
    };
    (long, blocks.map(along_the_row))
}
