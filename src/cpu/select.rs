//! Twin of [`kernels::select`](crate::kernels::select).

use rayon::prelude::*;

use super::rows::{SMALLEST_PIECE, sizes};
use crate::kernels::select::{BINS, LENGTH, PASSES, Params, STATE};

/// How far the digit of each pass is shifted.
const SHIFTS: [u32; PASSES as usize] = [21, 10, 0];
/// Bits of that digit.
const BITS: [u32; PASSES as usize] = [11, 11, 10];

/// What is still looked at: keys that begin with these digits, of which the so-manieth largest is wanted.
#[derive(Clone, Copy)]
struct Narrowed {
    prefix: u32,
    /// 0 if nothing is wanted.
    rank: u32,
}

/// The histogram of one digit over the keys that are still looked at, and what the pass before left of them.
pub fn run(params: &Params, values: &[f32], labels: &[u32], ranks: &[u32], selection: &mut [u32]) {
    let [samples, _, h, w] = sizes(params.extent);
    let number = params.number as usize;
    for n in 0..samples {
        let selection = &mut selection[n * LENGTH..(n + 1) * LENGTH];
        let rank = ranks[params.rank_offset as usize + n * params.rank_stride as usize];
        let mut left = match number {
            2 => state(selection, 1),
            _ => Narrowed { prefix: 0, rank },
        };
        if number > 0 {
            left = narrowed(selection, number - 1, left);
            selection[STATE + 2 * (number - 1)..][..2].copy_from_slice(&[left.prefix, left.rank]);
        }
        let next = (number + 1) % PASSES as usize;
        selection[next * BINS..(next + 1) * BINS].fill(0);
        if left.rank == 0 {
            continue;
        }
        let pixels = n * h * w..(n + 1) * h * w;
        let pieces = (
            values[pixels.clone()].par_chunks(SMALLEST_PIECE),
            labels[pixels].par_chunks(SMALLEST_PIECE),
        );
        let counts = pieces
            .into_par_iter()
            .map(|(values, labels)| {
                let mut counts = vec![0u32; BINS];
                for (&value, &label) in values.iter().zip(labels) {
                    let key = key_of(value);
                    let looked_at = number == 0 || key >> SHIFTS[number - 1] == left.prefix;
                    if label < params.class_count && looked_at {
                        counts[((key >> SHIFTS[number]) & ((1 << BITS[number]) - 1)) as usize] += 1;
                    }
                }
                counts
            })
            .reduce(
                || vec![0; BINS],
                |mut sum, counts| {
                    sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
                    sum
                },
            );
        let histogram = &mut selection[number * BINS..(number + 1) * BINS];
        for (bin, count) in histogram.iter_mut().zip(counts) {
            *bin += count;
        }
    }
}

/// What was selected once all passes are done, of one sample's words; none if nothing was.
pub fn selected(selection: &[u32]) -> Option<f32> {
    let Narrowed { prefix, rank } = narrowed(selection, 2, state(selection, 2));
    (rank > 0).then(|| value_of(prefix))
}

/// What the call with this number found.
fn state(selection: &[u32], number: usize) -> Narrowed {
    let words = &selection[STATE + 2 * (number - 1)..][..2];
    Narrowed {
        prefix: words[0],
        rank: words[1],
    }
}

/// What is left after pass `number`, whose histogram is complete.
fn narrowed(selection: &[u32], number: usize, before: Narrowed) -> Narrowed {
    let histogram = &selection[number * BINS..(number + 1) * BINS];
    let mut rank = before.rank.min(histogram.iter().sum());
    let mut digit = BINS - 1;
    while digit > 0 && histogram[digit] < rank {
        rank -= histogram[digit];
        digit -= 1;
    }
    Narrowed {
        prefix: before.prefix << BITS[number] | digit as u32,
        rank,
    }
}

/// Unsigned numbers in the order of floats; 0 and −0 are one.
fn key_of(value: f32) -> u32 {
    let bits = if value == 0.0 { 0 } else { value.to_bits() };
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

fn value_of(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}
