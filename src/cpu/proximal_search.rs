//! Twin of [`kernels::proximal_search`](crate::kernels::proximal_search).

use rayon::prelude::*;

use super::rows::sizes;
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
        let half = half(params.extent, search, number);
        half.par_chunks_mut(COUNT).enumerate().for_each(|(group, sums)| {
            let first = group * GROUP as usize;
            let of_group = first..(first + GROUP as usize).min(elements);
            let mut bins = Bins::new(floats, spacing(number));
            for i in of_group {
                let distance = point[i].abs();
                let reach = match source {
                    Some(source) => point[i].max(-source[i]).min(1.0 - source[i]).abs(),
                    None => distance,
                };
                bins.add(reach, distance, metric.map_or(1.0, |metric| metric[i]));
            }
            for (sum, f) in sums.iter_mut().zip(bins.sums()) {
                *sum = f.to_bits();
            }
        });
    }
}

/// The elements of a group by how many thresholds they reach beyond.
struct Bins {
    floats: u32,
    spacing: u32,
    /// `Σ H |v|` and `Σ H`.
    sums: [[f64; 2]; COUNT + 1],
}

impl Bins {
    fn new(floats: u32, spacing: u32) -> Bins {
        Bins {
            floats,
            spacing,
            sums: [[0.0; 2]; COUNT + 1],
        }
    }

    #[inline(always)]
    fn add(&mut self, reach: f32, distance: f32, factor: f32) {
        // It reaches beyond a threshold that is fewer floats behind the least one than this.
        let beyond = reach
            .to_bits()
            .saturating_sub(LEAST_BITS)
            .max(u32::from(reach > 0.0));
        let count = match beyond.checked_sub(self.floats) {
            None | Some(0) => 0,
            Some(more) => (((more - 1) >> self.spacing) as usize + 1).min(COUNT),
        };
        let (distance, factor) = (f64::from(distance), f64::from(factor));
        let sums = &mut self.sums[count];
        sums[0] += factor * distance;
        sums[1] += factor;
    }

    /// f at each threshold. In float64, as the difference cancels.
    fn sums(&self) -> [f32; COUNT] {
        let mut result = [0.0; COUNT];
        let mut above = [0.0; 2];
        for place in (0..COUNT).rev() {
            above = [0, 1].map(|i| above[i] + self.sums[place + 1][i]);
            if self.floats != NONE {
                let threshold = threshold(self.floats + ((place as u32) << self.spacing));
                result[place] = (above[0] - f64::from(threshold) * above[1]).max(0.0) as f32;
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

/// The sums of a pass, of one sample.
fn half(extent: Extent, search: &mut [u32], number: u32) -> &mut [u32] {
    let words = groups(extent) as usize * COUNT;
    let start = HEADER + (number % 2) as usize * words;
    &mut search[start..start + words]
}

/// What pass `number`, whose sums are complete, is narrowed down to.
fn narrowed(extent: Extent, search: &mut [u32], number: u32, weight: f32) -> u32 {
    let before = match number {
        0 => 0,
        _ => search[number as usize - 1],
    };
    let half = half(extent, search, number);
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
pub fn root(extent: Extent, search: &mut [u32], weight: f32) -> f32 {
    match narrowed(extent, search, PASSES - 1, weight) {
        NONE => 0.0,
        floats => f32::from_bits(LEAST_BITS + floats + 1),
    }
}
