//! Twin of [`kernels::mat_mul`](crate::kernels::mat_mul).

use rayon::prelude::*;

use super::matrix::{Matrix, multiply};
use super::rows::{bands, put, sizes};
use crate::kernels::mat_mul::Params;
use crate::kernels::{Extent, View};

/// Products of numbers below which work is not split further between threads.
const SMALLEST_WORK: usize = 1 << 18;

/// `output = Σ left · right`, over samples and channels too where the output has one, or that added to `output`.
pub fn run(params: &Params, left: &[f32], right: &[f32], output: &mut [f32]) {
    let [[rows, depth], [_, columns]] = params.matrices().map(|sizes| sizes.map(|size| size as usize));
    let [samples, channels] = params.summed().map(|count| count as usize);
    let work = depth * columns * samples * channels;
    // Rows are shared by threads, but so many at a time that a factor is not read too often.
    let planes = (params.extent.n * params.extent.c) as usize;
    let pieces = rayon::current_num_threads().div_ceil(planes) * 2;
    let of_band = rows
        .div_ceil(pieces)
        .max(SMALLEST_WORK.div_ceil(work.max(1)))
        .min(rows);
    let accumulate = params.accumulate != 0;
    let pitch = (params.output.row as usize).max(columns);
    bands(output, params.output, params.extent, of_band)
        .into_par_iter()
        .flat_map_iter(|band| {
            let (n, first, count) = (band.n, band.first, band.count);
            let planes = band.channels.into_iter().enumerate();
            planes.map(move |(c, values)| (n, c, first, count, values))
        })
        .for_each(|(n, c, first, count, out)| {
            let dense = pitch == columns || count == 1;
            let mut apart = vec![0.0; if dense { 0 } else { count * columns }];
            let product: &mut [f32] = if dense { &mut *out } else { &mut apart };
            let mut begun = accumulate && dense;
            for (sample, channel) in (0..samples).flat_map(|n| (0..channels).map(move |c| (n, c))) {
                let factor = |values, view, extent, transposed| {
                    matrix(values, view, extent, transposed, n + sample, c + channel)
                };
                let left = factor(left, params.left, params.left_extent, params.transposed[0]);
                let right = factor(right, params.right, params.right_extent, params.transposed[1]);
                // Rows of the product follow one another, as columns of its transpose.
                let left = Matrix {
                    values: &left.values[first * left.row_stride..],
                    ..left
                };
                multiply(
                    [columns, depth, count],
                    right.transposed(),
                    left.transposed(),
                    product,
                    begun,
                );
                begun = true;
            }
            if !dense {
                for (out, row) in out.chunks_mut(pitch).zip(apart.chunks(columns)) {
                    out.iter_mut()
                        .zip(row)
                        .for_each(|(out, value)| put(out, *value, accumulate));
                }
            }
        });
}

/// The matrix of one sample and channel, or of the only one.
fn matrix(values: &[f32], view: View, extent: Extent, transposed: u32, n: usize, c: usize) -> Matrix<'_> {
    let [samples, channels, ..] = sizes(extent);
    let matrix = Matrix {
        values: &values[view.at(n.min(samples - 1), c.min(channels - 1), 0, 0)..],
        row_stride: view.row as usize,
        column_stride: 1,
    };
    match transposed {
        0 => matrix,
        _ => matrix.transposed(),
    }
}
