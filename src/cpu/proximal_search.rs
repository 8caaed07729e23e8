//! Twin of [`kernels::proximal_search`](crate::kernels::proximal_search).

use std::ops::Range;

use rayon::prelude::*;

use super::elementary::{max, min, select};
use super::rows::sizes;
use super::steps::widest;
use crate::kernels::Extent;
use crate::kernels::proximal_search::{
    BOX, GROUP, HEADER, LEAST_BITS, METRIC, NONE, PASSES, Params, THRESHOLDS, groups, search_of_all, spacing,
};

const COUNT: usize = THRESHOLDS as usize;

/// `f` at the thresholds of this pass, of each group of elements, and what the pass before is narrowed down to.
pub fn run(
    params: &Params,
    point: &[f32],
    metric: &[f32],
    source: &[f32],
    weights: &[f32],
    search: &mut [u32],
) {
    let [samples, channels, h, w] = sizes(params.extent);
    let elements = channels * h * w;
    let length = search_of_all(params.extent) as usize / samples;
    let number = params.number;
    for n in 0..samples {
        let search = &mut search[n * length..(n + 1) * length];
        let weight = weights[params.weight_offset as usize + n * params.weight_stride as usize];
        let mut floats = 0;
        if let Some(last) = number.checked_sub(1) {
            floats = narrowed(params.extent, search, last, weight);
            search[last as usize] = floats;
        }
        let of_sample = n * elements..(n + 1) * elements;
        let point = &point[of_sample.clone()];
        let metric = (params.flags & METRIC != 0).then(|| &metric[of_sample.clone()]);
        let source = (params.flags & BOX != 0).then(|| &source[of_sample]);
        let half = &mut search[half(params.extent, number)];
        half.par_chunks_mut(COUNT).enumerate().for_each(|(group, sums)| {
            let first = group * GROUP as usize;
            let end = (first + GROUP as usize).min(elements);
            let mut bins = Bins::new(floats, spacing(number));
            for begin in (first..end).step_by(PIECE) {
                let piece = begin..(begin + PIECE).min(end);
                let factors = match metric {
                    Some(metric) => &metric[piece.clone()],
                    None => &ONES[..piece.len()],
                };
                bins.add(
                    &point[piece.clone()],
                    factors,
                    source.map(|source| &source[piece]),
                );
            }
            for (sum, f) in sums.iter_mut().zip(bins.sums()) {
                *sum = f.to_bits();
            }
        });
    }
}

/// Elements that are looked at together, while they are near at hand.
const PIECE: usize = 1024;

/// The metric where there is none.
const ONES: &[f32] = &[1.0; PIECE];

/// Sums that are kept side by side.
const LANES: usize = 16;

/// The elements of a group by how many thresholds they reach beyond.
struct Bins {
    floats: u32,
    spacing: u32,
    /// The first threshold.
    low: f32,
    /// `Σ H (|v| − low)` and `Σ H`.
    sums: [[f64; 2]; COUNT + 1],
}

impl Bins {
    fn new(floats: u32, spacing: u32) -> Bins {
        Bins {
            floats,
            spacing,
            low: if floats == NONE { 0.0 } else { threshold(floats) },
            sums: [[0.0; 2]; COUNT + 1],
        }
    }

    /// Adds at most [`PIECE`] elements. Those beyond all thresholds, which are many, are summed side by side.
    fn add(&mut self, point: &[f32], factors: &[f32], source: Option<&[f32]>) {
        let mut counts = [0u8; PIECE];
        let mut above = [[0.0f32; LANES]; 2];
        widest(
            #[inline(always)]
            || match source {
                Some(source) => self.count(
                    (point, factors),
                    &mut counts,
                    &mut above,
                    #[inline(always)]
                    |i, value| max(min(value, 1.0 - source[i]), -source[i]),
                ),
                None => self.count(
                    (point, factors),
                    &mut counts,
                    &mut above,
                    #[inline(always)]
                    |_, value| value,
                ),
            },
        );
        for (sum, lanes) in self.sums[COUNT].iter_mut().zip(above) {
            *sum += lanes.into_iter().map(f64::from).sum::<f64>();
        }
        // The places of all others that reach beyond any.
        let mut places = [0u16; PIECE];
        let mut between = 0;
        for (i, &count) in counts[..point.len()].iter().enumerate() {
            places[between] = i as u16;
            between += usize::from((1..COUNT as u8).contains(&count));
        }
        for &i in &places[..between] {
            let i = usize::from(i);
            let factor = f64::from(factors[i]);
            let sums = &mut self.sums[usize::from(counts[i])];
            sums[0] += factor * f64::from(point[i].abs() - self.low);
            sums[1] += factor;
        }
    }

    /// Counts the thresholds that each element reaches beyond, where `clipped` brings it to the box.
    #[inline(always)]
    fn count(
        &self,
        (point, factors): (&[f32], &[f32]),
        counts: &mut [u8; PIECE],
        above: &mut [[f32; LANES]; 2],
        clipped: impl Fn(usize, f32) -> f32,
    ) {
        let values = point.chunks(LANES).zip(factors.chunks(LANES));
        for (chunk, ((values, factors), counts)) in values.zip(counts.chunks_mut(LANES)).enumerate() {
            let lanes = values.iter().zip(factors).zip(counts);
            for (lane, ((&value, &factor), count)) in lanes.enumerate() {
                let reach = clipped(chunk * LANES + lane, value).abs();
                // It reaches beyond a threshold that is fewer floats behind the least one than this.
                let behind = reach.to_bits().max(LEAST_BITS) - LEAST_BITS;
                let beyond = behind.max(u32::from(reach > 0.0));
                let more = beyond.max(self.floats) - self.floats;
                let steps = (more.max(1) - 1) >> self.spacing;
                let reached = (steps.min(THRESHOLDS - 1) + 1) * u32::from(more > 0);
                *count = reached as u8;
                let kept = select(0.0, factor, reached == THRESHOLDS);
                above[0][lane] += kept * (value.abs() - self.low);
                above[1][lane] += kept;
            }
        }
    }

    /// f at each threshold. In float64, as the difference cancels.
    fn sums(&self) -> [f32; COUNT] {
        let mut result = [0.0; COUNT];
        let mut above = [0.0; 2];
        for place in (0..COUNT).rev() {
            above = [0, 1].map(|i| above[i] + self.sums[place + 1][i]);
            if self.floats != NONE {
                let threshold = threshold(self.floats + ((place as u32) << self.spacing));
                let further = f64::from(threshold) - f64::from(self.low);
                result[place] = (above[0] - further * above[1]).max(0.0) as f32;
            }
        }
        result
    }
}

/// The float so many behind 2⁻³²; 0 for none.
fn threshold(floats: u32) -> f32 {
    match floats {
        0 => 0.0,
        _ => f32::from_bits(LEAST_BITS + floats),
    }
}

/// Where the sums of a pass stand, of one sample.
fn half(extent: Extent, number: u32) -> Range<usize> {
    let words = groups(extent) as usize * COUNT;
    let start = HEADER + (number % 2) as usize * words;
    start..start + words
}

/// What pass `number`, whose sums are complete, is narrowed down to.
fn narrowed(extent: Extent, search: &[u32], number: u32, weight: f32) -> u32 {
    let before = match number {
        0 => 0,
        _ => search[number as usize - 1],
    };
    let half = &search[half(extent, number)];
    let mut sums = [0.0f64; COUNT];
    for of_group in half.chunks_exact(COUNT) {
        for (sum, &word) in sums.iter_mut().zip(of_group) {
            *sum += f64::from(f32::from_bits(word));
        }
    }
    let above = sums.iter().filter(|&&sum| sum as f32 > weight).count() as u32;
    if before == NONE || (number == 0 && above == 0) {
        return NONE;
    }
    before + ((above.max(1) - 1) << spacing(number))
}

/// The smallest float where f is not above the weight, from what the passes left of one sample.
pub fn root(extent: Extent, search: &[u32], weight: f32) -> f32 {
    match narrowed(extent, search, PASSES - 1, weight) {
        NONE => 0.0,
        floats => f32::from_bits(LEAST_BITS + floats + 1),
    }
}
