//! Twin of [`kernels::pad`](crate::kernels::pad).

use super::rows::{for_each_row, row, sizes};
use crate::kernels::pad::{CONSTANT, Params, REPLICATE};

/// `output = input` with a border of one value, of the nearest pixel, or of mirrored pixels.
pub fn run(params: &Params, input: &[f32], output: &mut [f32]) {
    let [_, _, h, w] = sizes(params.input_extent);
    let [_, _, _, out_w] = sizes(params.output_extent);
    let (top, left) = (params.top as usize, params.left as usize);
    let columns = |range: std::ops::Range<usize>| -> Vec<Option<usize>> {
        range.map(|x| shown(params.mode, x, left, w)).collect()
    };
    let (before, after) = (columns(0..left), columns(left + w..out_w));
    for_each_row(output, params.output, params.output_extent, |n, c, y, out| {
        let Some(from) = shown(params.mode, y, top, h) else {
            out.fill(params.value);
            return;
        };
        let input = row(input, params.input, n, c, from, w);
        let value = |x: &Option<usize>| x.map_or(params.value, |x| input[x]);
        for (out, x) in out.iter_mut().zip(&before) {
            *out = value(x);
        }
        out[left..left + w].copy_from_slice(input);
        for (out, x) in out[left + w..].iter_mut().zip(&after) {
            *out = value(x);
        }
    });
}

/// Which of `size` places along one axis a place shows that has `before` places of border in front of them.
pub(super) fn shown(mode: u32, place: usize, before: usize, size: usize) -> Option<usize> {
    match place.checked_sub(before) {
        Some(inside) if inside < size => Some(inside),
        _ if mode == CONSTANT => None,
        None if mode == REPLICATE => Some(0),
        Some(_) if mode == REPLICATE => Some(size - 1),
        None => Some(before - place),
        Some(behind) => Some(2 * (size - 1) - behind),
    }
}
