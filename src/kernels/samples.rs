//! Sizes and places for the sample calls of kernels.

use super::{Extent, View};
use crate::tensor::Shape;

const SMALL: Shape = Shape::new(2, 4, 16, 16);
const LARGE: Shape = Shape::new(2, 4, 32, 32);

/// Of a small tensor.
pub(super) fn extent() -> Extent {
    SMALL.into()
}

/// Of a small tensor in a buffer of its own.
pub(super) fn view() -> View {
    View::dense(SMALL)
}

/// Of a tensor of twice the rows and columns.
pub(super) fn large_extent() -> Extent {
    LARGE.into()
}

/// Of such a tensor in a buffer of its own.
pub(super) fn large_view() -> View {
    View::dense(LARGE)
}

/// A kind of convolution.
pub(super) struct Geometry {
    pub kernel: [u32; 2],
    pub stride: [u32; 2],
    pub padding: [u32; 2],
    pub dilation: [u32; 2],
    pub gated: u32,
    pub groups: u32,
}

/// The kinds of convolution that networks have, once for each specialisation, with the shapes of the larger side and of the
/// smaller one. With this many pixels, 64 channels have another tile than 32.
pub(super) fn convolutions() -> impl Iterator<Item = (Geometry, [Shape; 2])> {
    let geometries = [
        (3, 1, 0, 1, 1),
        (3, 1, 1, 1, 1),
        (3, 1, 2, 1, 1),
        (3, 2, 1, 1, 1),
        (1, 1, 0, 1, 1),
        (2, 2, 0, 1, 1),
        (7, 2, 3, 1, 1),
        (3, 1, 12, 12, 1),
        (3, 1, 1, 1, 8),
        (3, 2, 1, 1, 4),
    ];
    geometries.into_iter().flat_map(|of_dense| {
        [(32, 0), (64, 0), (64, 1)].map(|(channels, gated)| geometry(of_dense, channels, gated))
    })
}

/// The kinds of convolution that networks have of each channel by itself.
pub(super) fn depthwise_convolutions() -> impl Iterator<Item = (Geometry, [Shape; 2])> {
    let geometries = [(3, 1, 1, 1, 32), (5, 2, 2, 1, 32), (3, 1, 2, 2, 32)];
    geometries
        .into_iter()
        .flat_map(|of_channels| [0, 1].map(|gated| geometry(of_channels, 32, gated)))
}

/// Of kernel, stride, padding, dilation and groups.
fn geometry(
    (kernel, stride, padding, dilation, groups): (usize, usize, usize, usize, u32),
    channels: usize,
    gated: u32,
) -> (Geometry, [Shape; 2]) {
    let size = (512 + 2 * padding - (kernel - 1) * dilation - 1) / stride + 1;
    let [kernel, stride, padding, dilation] =
        [kernel, stride, padding, dilation].map(|length| [length as u32; 2]);
    let geometry = Geometry {
        kernel,
        stride,
        padding,
        dilation,
        gated,
        groups,
    };
    (
        geometry,
        [512, size].map(|size| Shape::new(1, channels, size, size)),
    )
}
