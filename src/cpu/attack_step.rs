//! Twin of [`kernels::attack_step`](crate::kernels::attack_step).

use rayon::prelude::*;

use super::rows::sizes;
use super::step_decision::{Decision, decide, settle};
use crate::kernels::attack_step::{
    ADAM, CANDIDATE, LARGEST, MEASURES, MOMENTUM, MOST_SECTIONS, PHASES, Params, REGION, ROW_END, ROW_FIRST,
    ROW_FROM_BEST, ROW_LAST, ROW_RANDOM, SIGN, UNCLIPPED, UNIT, WITHIN_LARGEST, WITHIN_LENGTH, noise,
    sections,
};
use crate::kernels::ledger::{HEADER, IMAGE_GROUP, NOT_FINITE, image_groups};

/// The exponent's bits of a number, all of them set in what is infinite or no number.
const EXPONENT: u32 = f32::INFINITY.to_bits();

/// Elements of an image that share partial sums.
const GROUP: usize = IMAGE_GROUP as usize;

// What is kept of the means and what is added: 1 less a rounded number is not the other one.
const KEPT_GRADIENT: f32 = 0.9;
const ADDED_GRADIENT: f32 = 0.1;
const KEPT_SQUARE: f32 = 0.999;
const ADDED_SQUARE: f32 = 0.001;
const ADAM_EPSILON: f32 = 1e-8;

/// Best image, step, budget, statistics, stopping: what `params.flags` ask for, sample by sample.
#[allow(clippy::too_many_arguments)]
pub fn run(
    params: &Params,
    gradient: &[f32],
    source: &[f32],
    region: &[u32],
    settings: &[u32],
    adversarial: &mut [f32],
    memory: &mut [f32],
    counts: &mut [u32],
    ledger: &mut [u32],
) {
    let [samples, channels, h, w] = sizes(params.extent);
    let elements = channels * h * w;
    let (counts_length, ledger_length) = (params.counts_length as usize, params.ledger_length as usize);
    for n in 0..samples {
        let image = n * elements..(n + 1) * elements;
        let region = match params.flags & REGION {
            0 => &[],
            _ => &region[n * h * w..(n + 1) * h * w],
        };
        let ledger = &mut ledger[n * ledger_length..(n + 1) * ledger_length];
        let counts = &mut counts[2 * n * counts_length..2 * (n + 1) * counts_length];
        let decision = decide(params, settings, counts, ledger);
        let mut sections = memory.chunks_mut(samples * elements);
        let memory: [&mut [f32]; MOST_SECTIONS] = std::array::from_fn(|_| {
            let section = sections.next().map(|section| &mut section[image.clone()]);
            section.unwrap_or_default()
        });
        let images = Images {
            gradient: &gradient[image.clone()],
            source: &source[image.clone()],
            region,
            adversarial: &mut adversarial[image],
            memory,
        };
        // The rules that attacks have, as constants, so that loops over values ask nothing.
        const LINF: u32 = SIGN | WITHIN_LARGEST;
        const L2: u32 = UNIT | WITHIN_LENGTH;
        const LINF_WITH_MOMENTUM: u32 = LINF | MOMENTUM;
        const L2_WITH_MOMENTUM: u32 = L2 | MOMENTUM;
        const ADAM_LINF: u32 = ADAM | WITHIN_LARGEST;
        let sample = match params.flags & ALL_RULES {
            LINF => sample::<LINF>,
            L2 => sample::<L2>,
            LINF_WITH_MOMENTUM => sample::<LINF_WITH_MOMENTUM>,
            L2_WITH_MOMENTUM => sample::<L2_WITH_MOMENTUM>,
            ADAM_LINF => sample::<ADAM_LINF>,
            LARGEST => sample::<LARGEST>,
            _ => sample::<ANY>,
        };
        sample(params, &decision, images, ledger);
        if params.moves() {
            settle(params, &decision, counts, ledger);
        }
    }
}

/// The flags that say how an image moves.
const ALL_RULES: u32 = SIGN | UNIT | LARGEST | ADAM | WITHIN_LARGEST | WITHIN_LENGTH | MOMENTUM | UNCLIPPED;

/// Whatever the flags of the call say.
const ANY: u32 = u32::MAX;

/// The images of one sample.
struct Images<'a> {
    gradient: &'a [f32],
    source: &'a [f32],
    /// One word a pixel, or none.
    region: &'a [u32],
    adversarial: &'a mut [f32],
    memory: [&'a mut [f32]; MOST_SECTIONS],
}

/// Moves or measures one sample, by the rule.
fn sample<const RULE: u32>(params: &Params, decision: &Decision, images: Images<'_>, ledger: &mut [u32]) {
    let [_, _, h, w] = sizes(params.extent);
    let sample = Sample::<RULE> {
        params,
        gradient: images.gradient,
        source: images.source,
        region: images.region,
        pixels: h * w,
    };
    if params.moves() {
        let all_finite = sample.update(decision, images.adversarial, images.memory, ledger);
        if !all_finite && ledger[NOT_FINITE] == 0 {
            ledger[NOT_FINITE] = decision.iteration.wrapping_add(1);
        }
    } else {
        sample.measure(decision, images.adversarial, images.memory, ledger);
    }
}

/// What does not change of one sample.
struct Sample<'a, const RULE: u32> {
    params: &'a Params,
    gradient: &'a [f32],
    source: &'a [f32],
    /// One word a pixel, or none.
    region: &'a [u32],
    pixels: usize,
}

/// The part of the memory that a workgroup's elements have.
struct Kept<'a> {
    sections: [&'a mut [f32]; MOST_SECTIONS],
}

const BEST: usize = 0;
const BEFORE: usize = 1;
const HIGHEST: usize = 2;
const HIGHEST_GRADIENT: usize = 3;
const MEAN_GRADIENT: usize = 1;
const MEAN_SQUARE: usize = 2;
const LARGEST_SQUARE: usize = 3;
const OFFSET: usize = 1;

impl Kept<'_> {
    fn at(&mut self, section: usize, index: usize) -> &mut f32 {
        &mut self.sections[section][index]
    }
}

impl<const RULE: u32> Sample<'_, RULE> {
    fn has(&self, flag: u32) -> bool {
        match RULE {
            ANY => self.params.flags & flag != 0,
            rule => rule & flag != 0,
        }
    }

    /// The section of the phase's best image, where there is one.
    fn phase_best(&self) -> usize {
        sections(self.params.flags) as usize - 1
    }

    /// The best image of the phase, of which `value` is the one at hand.
    fn best_of_phase(&self, value: f32, kept: &mut Kept<'_>, index: usize, d: &Decision) -> f32 {
        match self.params.flags & PHASES == 0 || d.new_phase_best || !d.is(ROW_LAST) {
            true => value,
            false => *kept.at(self.phase_best(), index),
        }
    }

    fn movable(&self, element: usize) -> bool {
        self.region.is_empty() || self.region[element % self.pixels] != 0
    }

    /// Image and gradient that a step goes on from.
    fn base_of(
        &self,
        element: usize,
        image: f32,
        kept: &mut Kept<'_>,
        index: usize,
        d: &Decision,
    ) -> [f32; 2] {
        let (mut image, mut slope) = (image, self.gradient[element]);
        if self.has(MOMENTUM) && d.goes_back && !d.improves {
            image = *kept.at(HIGHEST, index);
            slope = *kept.at(HIGHEST_GRADIENT, index);
        }
        if self.has(UNCLIPPED) {
            let value = self.source[element] + *kept.at(OFFSET, index);
            slope = if value > 0.0 && value < 1.0 { slope } else { 0.0 };
        }
        [image, if self.movable(element) { slope } else { 0.0 }]
    }

    fn direction(&self, slope: f32, kept: &mut Kept<'_>, index: usize, d: &Decision) -> f32 {
        if self.has(SIGN) {
            return if slope == 0.0 { 0.0 } else { slope.signum() };
        }
        if self.has(ADAM) {
            let scaled = slope * self.params.gradient_scale;
            let mut old = |section| {
                if d.is(ROW_FIRST) {
                    0.0
                } else {
                    *kept.at(section, index)
                }
            };
            let mean = old(MEAN_GRADIENT) * KEPT_GRADIENT + scaled * ADDED_GRADIENT;
            let square = old(MEAN_SQUARE) * KEPT_SQUARE + scaled * scaled * ADDED_SQUARE;
            let largest = old(LARGEST_SQUARE).max(square);
            *kept.at(MEAN_GRADIENT, index) = mean;
            *kept.at(MEAN_SQUARE, index) = square;
            *kept.at(LARGEST_SQUARE, index) = largest;
            return mean / (largest.sqrt() * d.correction + ADAM_EPSILON);
        }
        slope * d.unit
    }

    /// `value` within the budget: the largest difference, or a length by a factor; and in the box.
    fn within(&self, value: f32, origin: f32, radius: f32, factor: f32) -> f32 {
        let value = match self.has(WITHIN_LARGEST) {
            true => value.max(origin - radius).min(origin + radius),
            false => origin + (value - origin) * factor,
        };
        value.clamp(0.0, 1.0)
    }

    fn stepped(&self, origin: f32, base: [f32; 2], kept: &mut Kept<'_>, index: usize, d: &Decision) -> f32 {
        let moved = base[0] + d.step * self.direction(base[1], kept, index, d);
        self.within(moved, origin, d.radius, d.shrink)
    }

    fn carried(&self, origin: f32, base: [f32; 2], kept: &mut Kept<'_>, index: usize, d: &Decision) -> f32 {
        let aim = self.stepped(origin, base, kept, index, d);
        let before = *kept.at(BEFORE, index);
        base[0] + d.momentum * (aim - base[0]) + (1.0 - d.momentum) * (base[0] - before)
    }

    fn started(&self, element: usize, origin: f32, best: f32, d: &Decision) -> f32 {
        if d.is(ROW_RANDOM) {
            return (origin + d.start * noise(d.seed, element)).clamp(0.0, 1.0);
        }
        if d.is(ROW_FROM_BEST) {
            return self.within(best, origin, d.next_radius, d.start);
        }
        origin
    }

    fn moved(
        &self,
        element: usize,
        before: f32,
        best: f32,
        kept: &mut Kept<'_>,
        index: usize,
        d: &Decision,
    ) -> f32 {
        let origin = self.source[element];
        if d.is(ROW_END) {
            return before;
        }
        if d.is(ROW_LAST) {
            return self.started(element, origin, best, d);
        }
        let base = self.base_of(element, before, kept, index, d);
        if self.has(UNCLIPPED) {
            let offset = *kept.at(OFFSET, index) + d.step * self.direction(base[1], kept, index, d);
            *kept.at(OFFSET, index) = offset;
            return (origin + offset).clamp(0.0, 1.0);
        }
        if !self.has(MOMENTUM) {
            return self.stepped(origin, base, kept, index, d);
        }
        let value = self.carried(origin, base, kept, index, d);
        *kept.at(BEFORE, index) = base[0];
        self.within(value, origin, d.radius, d.shrink_carried)
    }

    /// Whether all numbers were finite that a step met and made.
    fn update(
        &self,
        d: &Decision,
        adversarial: &mut [f32],
        memory: [&mut [f32]; MOST_SECTIONS],
        ledger: &mut [u32],
    ) -> bool {
        let words = 2 * image_groups(self.params.extent) as usize;
        let half = HEADER + (1 - self.params.parity as usize) * words;
        let sums = ledger[half..half + words].par_chunks_mut(2);
        let runs = d.runs();
        let phase_best = self.phase_best();
        each_group(adversarial, memory, sums)
            .map(|(group, image, mut kept, sums)| {
                // As many equal squares as an attack by signs makes lose digits in a sum of float32.
                let (mut squares, mut largest) = (0.0f64, 0.0f32);
                let mut exponent = 0;
                for (index, value) in image.iter_mut().enumerate() {
                    let element = group * GROUP + index;
                    let before = *value;
                    if self.has(MOMENTUM) && !d.was_stopped && d.improves {
                        *kept.at(HIGHEST, index) = before;
                        *kept.at(HIGHEST_GRADIENT, index) = self.gradient[element];
                    }
                    if d.new_best {
                        *kept.at(BEST, index) = before;
                    }
                    if d.new_phase_best {
                        *kept.at(phase_best, index) = before;
                    }
                    if runs {
                        let best = self.best_of_phase(before, &mut kept, index, d);
                        let after = self.moved(element, before, best, &mut kept, index, d);
                        let slope = if d.is(ROW_LAST) {
                            0.0
                        } else {
                            self.gradient[element]
                        };
                        exponent = exponent
                            .max(slope.to_bits() & EXPONENT)
                            .max(after.to_bits() & EXPONENT);
                        if self.movable(element) {
                            *value = after;
                        }
                    }
                    let difference = *value - self.source[element];
                    squares += f64::from(difference * difference);
                    largest = largest.max(difference.abs());
                }
                sums.copy_from_slice(&[squares as f32, largest].map(f32::to_bits));
                exponent != EXPONENT
            })
            .reduce(|| true, |a, b| a && b)
    }

    fn measure(
        &self,
        d: &Decision,
        adversarial: &mut [f32],
        memory: [&mut [f32]; MOST_SECTIONS],
        ledger: &mut [u32],
    ) {
        let start = Params::measures_start(self.params.extent);
        let words = MEASURES * image_groups(self.params.extent) as usize;
        let measures = ledger[start..start + words].par_chunks_mut(MEASURES);
        each_group(adversarial, memory, measures).for_each(|(group, image, mut kept, measures)| {
            let mut sums = [0.0f64; 3];
            let mut largest = 0.0f32;
            for (index, &value) in image.iter().enumerate() {
                let element = group * GROUP + index;
                let origin = self.source[element];
                if self.params.flags & CANDIDATE != 0 {
                    let base = self.base_of(element, value, &mut kept, index, d);
                    let difference = self.carried(origin, base, &mut kept, index, d) - origin;
                    if self.movable(element) {
                        sums[0] += f64::from(difference * difference);
                    }
                    continue;
                }
                if d.is(ROW_LAST) {
                    let drawn = if self.movable(element) {
                        noise(d.seed, element)
                    } else {
                        0.0
                    };
                    let best = self.best_of_phase(value, &mut kept, index, d);
                    sums[0] += f64::from(drawn * drawn);
                    sums[2] += f64::from((best - origin) * (best - origin));
                    continue;
                }
                let [image, slope] = self.base_of(element, value, &mut kept, index, d);
                let distance = image - origin;
                sums[0] += f64::from(slope * slope);
                sums[1] += f64::from(slope * distance);
                sums[2] += f64::from(distance * distance);
                largest = largest.max(slope.abs());
            }
            match self.params.flags & CANDIDATE != 0 {
                true => measures[4] = (sums[0] as f32).to_bits(),
                false => {
                    let [squares, products, distances] = sums.map(|sum| sum as f32);
                    measures[..4].copy_from_slice(&[squares, products, distances, largest].map(f32::to_bits));
                }
            }
        });
    }
}

type Group<'a> = (usize, &'a mut [f32], Kept<'a>, &'a mut [u32]);

/// The elements of each workgroup with their part of the memory and their words of the ledger.
fn each_group<'a>(
    image: &'a mut [f32],
    memory: [&'a mut [f32]; MOST_SECTIONS],
    words: rayon::slice::ChunksMut<'a, u32>,
) -> impl ParallelIterator<Item = Group<'a>> {
    let groups = image.len().div_ceil(GROUP);
    let mut sections = memory.map(|section| section.chunks_mut(GROUP));
    let kept: Vec<Kept<'a>> = (0..groups)
        .map(|_| Kept {
            sections: std::array::from_fn(|section| sections[section].next().unwrap_or_default()),
        })
        .collect();
    image
        .par_chunks_mut(GROUP)
        .zip(kept.into_par_iter().zip(words))
        .enumerate()
        .map(|(group, (image, (kept, words)))| (group, image, kept, words))
}
