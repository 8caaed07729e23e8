//! Moving the pixels of an image and of its labels by one and the same linear map about the centre.

use crate::error::Result;
use crate::labels::{IGNORE, LabelMap};
use crate::tensor::{Shape, Tensor};

/// Where each pixel of the result comes from. Pixel centres have whole coordinates.
#[derive(Clone, Copy)]
pub(super) struct Warp {
    /// The source's column and row, seen from the centre, for one column and one row from the centre of the
    /// result: `[[column by column, column by row], [row by column, row by row]]`.
    back: [[f32; 2]; 2],
}

/// What a pixel of the result is mixed from, along one axis: two neighbours, and the share of the second.
#[derive(Clone, Copy)]
struct Neighbours {
    first: usize,
    second: usize,
    share: f32,
}

impl Warp {
    /// Mirrors first, then enlarges by `scale`, then turns by `degrees`, counter-clockwise as one sees it.
    pub(super) fn new(flip_horizontal: bool, flip_vertical: bool, scale: f32, degrees: f32) -> Self {
        let (sine, cosine) = libm::sincosf(degrees.to_radians());
        let mirror = |flip: bool| if flip { -1.0 / scale } else { 1.0 / scale };
        let (along_columns, along_rows) = (mirror(flip_horizontal), mirror(flip_vertical));
        Warp {
            back: [
                [along_columns * cosine, -along_columns * sine],
                [along_rows * sine, along_rows * cosine],
            ],
        }
    }

    /// Whether every pixel stays where it is.
    pub(super) fn is_identity(&self) -> bool {
        self.back == [[1.0, 0.0], [0.0, 1.0]]
    }

    /// The image (bilinear, its edge continued outside) and the labels (the nearest one, ignored outside),
    /// both of the same rows and columns, after the map.
    pub(super) fn apply(&self, image: &Tensor, labels: &LabelMap) -> Result<(Tensor, LabelMap)> {
        let shape = image.shape();
        let mut warped = vec![0.0; shape.elements()];
        let mut warped_labels = Vec::with_capacity(shape.pixels());
        let mut taps = Vec::with_capacity(shape.w);
        for y in 0..shape.h {
            taps.clear();
            for x in 0..shape.w {
                let (source_x, source_y) = self.source(shape, x, y);
                taps.push((neighbours(source_x, shape.w), neighbours(source_y, shape.h)));
                let nearest = nearest(source_y, shape.h).zip(nearest(source_x, shape.w));
                warped_labels.push(nearest.and_then(|(y, x)| labels.get(y, x)).unwrap_or(IGNORE));
            }
            for channel in 0..shape.n * shape.c {
                let plane = channel * shape.pixels();
                let source = &image.data()[plane..plane + shape.pixels()];
                let row = &mut warped[plane + y * shape.w..][..shape.w];
                for (value, &(columns, rows)) in row.iter_mut().zip(&taps) {
                    let at = |y: usize, x: usize| source[y * shape.w + x];
                    let along = |y: usize| mix(at(y, columns.first), at(y, columns.second), columns.share);
                    *value = mix(along(rows.first), along(rows.second), rows.share);
                }
            }
        }
        Ok((
            Tensor::new(shape, warped)?,
            LabelMap::new(shape.h, shape.w, warped_labels)?,
        ))
    }

    /// The column and the row that the pixel in column `x`, row `y` comes from.
    fn source(&self, shape: Shape, x: usize, y: usize) -> (f32, f32) {
        let middle = |length: usize| (length as f32 - 1.0) / 2.0;
        let (middle_x, middle_y) = (middle(shape.w), middle(shape.h));
        let (x, y) = (x as f32 - middle_x, y as f32 - middle_y);
        let [[xx, xy], [yx, yy]] = self.back;
        (middle_x + (xx * x + xy * y), middle_y + (yx * x + yy * y))
    }
}

/// A share of 0 gives `first` and a share of 1 gives `second`, to the bit.
fn mix(first: f32, second: f32, share: f32) -> f32 {
    first * (1.0 - share) + second * share
}

fn neighbours(position: f32, length: usize) -> Neighbours {
    let last = length.saturating_sub(1);
    let position = position.clamp(0.0, last as f32);
    let first = whole(position);
    Neighbours {
        first,
        second: (first + 1).min(last),
        share: position - first as f32,
    }
}

/// The pixel that covers this position, which reaches half a pixel to both sides of its centre.
fn nearest(position: f32, length: usize) -> Option<usize> {
    let from_edge = position + 0.5;
    (from_edge >= 0.0 && from_edge < length as f32).then_some(whole(from_edge))
}

/// The whole part of a position, which no side longer than 2³² keeps from being exact. The detour over 32 bits
/// is faster, and so is cutting off than rounding down, which older processors have no instruction for.
fn whole(position: f32) -> usize {
    position as u32 as usize
}
