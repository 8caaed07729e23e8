//! Twin of [`kernels::objective`](crate::kernels::objective).

use std::cell::RefCell;
use std::iter::repeat_with;

use rayon::prelude::*;

use super::ranked_classes::{MOST_APART, count};
use super::rows::{for_each_row, sizes};
use super::scratch::{leave, taken};
use crate::kernels::ledger::{CLASS_ATTACKED, SCHEDULE_LENGTH, SCHEDULE_PARAMETER, counts_length};
use crate::kernels::objective::{
    ADAPTIVE, COS_PGD, COSINE, COUNT, CROSS_ENTROPY, DENSE, DIFFERENCE, JENSEN_SHANNON, LOSS, MARGIN,
    MASKED_CROSS_ENTROPY, PIXELS_PER_THREAD, Params, RATIO, SEG_PGD, TARGETED, TSALLIS,
    WEIGHTED_CROSS_ENTROPY, WORKGROUP, WRITE_SEED,
};

thread_local! {
    static PIXELS: RefCell<Vec<Pixel>> = RefCell::default();
    static LOSSES: RefCell<Vec<[f32; 2]>> = RefCell::default();
}

/// Predicted class, `seed` = dJ/dlogits, `counts` added to, and losses.
pub fn run(
    params: &Params,
    logits: &[f32],
    labels: &[u32],
    settings: &[u32],
    seed: &mut [f32],
    counts: &mut [u32],
) {
    let shared = (WORKGROUP * PIXELS_PER_THREAD) as usize;
    run_with_losses_of(shared, params, logits, labels, settings, seed, counts);
}

/// The same, with a partial sum of the losses for so many pixels in turn.
pub(super) fn run_with_losses_of(
    shared: usize,
    params: &Params,
    logits: &[f32],
    labels: &[u32],
    settings: &[u32],
    seed: &mut [f32],
    counts: &mut [u32],
) {
    let [samples, _, h, w] = sizes(params.extent);
    let class_count = params.class_count as usize;
    let length = params.counts_length as usize;
    let counts_of = |n: usize| (2 * n + params.parity as usize) * length;
    let parameters: Vec<f32> = (0..samples)
        .map(|n| match params.schedule_rows {
            0 => 0.0,
            rows => parameter(
                params,
                settings,
                counts[counts_of(n) + counts_length(class_count)].min(rows - 1),
            ),
        })
        .collect();
    let (counts_wanted, losses_wanted) = (params.flags & COUNT != 0, params.flags & LOSS != 0);
    let counts_of_row = 3 * class_count + 2;
    let mut pixels = taken(&PIXELS, samples * h * w);
    let mut losses = match losses_wanted {
        true => taken(&LOSSES, samples * h * w),
        false => Vec::new(),
    };
    let mut counted = vec![
        0;
        if counts_wanted {
            samples * h * counts_of_row
        } else {
            0
        }
    ];
    let rows: Vec<_> = pixels
        .chunks_mut(w)
        .zip(losses.chunks_mut(w).chain(repeat_with(Default::default)))
        .zip(
            counted
                .chunks_mut(counts_of_row)
                .chain(repeat_with(Default::default)),
        )
        .collect();
    rows.into_par_iter()
        .enumerate()
        .for_each(|(line, ((pixels, losses), counted))| {
            let (n, y) = (line / h, line % h);
            let labels = &labels[line * w..(line + 1) * w];
            for (x, (pixel, &label)) in pixels.iter_mut().zip(labels).enumerate() {
                let known = (label as usize).min(class_count - 1);
                let of_class = OfClass {
                    attacked: (label as usize) < class_count && settings[known] & CLASS_ATTACKED != 0,
                    weight: match params.objective {
                        WEIGHTED_CROSS_ENTROPY => f32::from_bits(settings[class_count + known]),
                        _ => 1.0,
                    },
                    parameter: parameters[n],
                };
                let (found, loss) =
                    Pixel::new(params, label, of_class, |c| params.logit(logits, [n, y, x], c));
                *pixel = found;
                if let Some(sums) = losses.get_mut(x) {
                    *sums = loss;
                }
            }
            if counts_wanted {
                let known = labels
                    .iter()
                    .zip(pixels)
                    .filter(|(label, _)| (**label as usize) < class_count);
                known.for_each(|(&label, pixel)| count(counted, label, pixel.predicted.into()));
            }
        });

    for n in 0..samples {
        let counts = &mut counts[counts_of(n)..counts_of(n) + length];
        for row in counted.chunks_exact(counts_of_row).skip(n * h).take(h) {
            counts.iter_mut().zip(row).for_each(|(all, row)| *all += row);
        }
        if losses_wanted {
            let losses = &losses[n * h * w..(n + 1) * h * w];
            counts[counts_length(class_count) + 1..]
                .par_chunks_exact_mut(2)
                .zip(losses.par_chunks(shared))
                .for_each(|(sums, losses)| {
                    let total = losses.iter().fold([0.0; 2], |sum, loss| {
                        [sum[0] + loss[0] as f64, sum[1] + loss[1] as f64]
                    });
                    sums.copy_from_slice(&total.map(|sum| (sum as f32).to_bits()));
                });
        }
    }

    if params.flags & WRITE_SEED != 0 {
        for_each_row(seed, params.seed, params.extent, |n, c, y, out| {
            let first = (n * h + y) * w;
            for (x, (out, pixel)) in out.iter_mut().zip(&pixels[first..first + w]).enumerate() {
                let logit = |c: usize| params.logit(logits, [n, y, x], c);
                *out = match params.extent.c {
                    1 => pixel.seed(params, 1, logit) - pixel.seed(params, 0, logit),
                    _ => pixel.seed(params, c, logit),
                };
            }
        });
    }
    leave(&PIXELS, pixels);
    if losses_wanted {
        leave(&LOSSES, losses);
    }
}

impl Params {
    /// The logit of a class at a pixel; one channel z stands for the logits −z and z.
    fn logit(&self, logits: &[f32], [n, y, x]: [usize; 3], class: usize) -> f32 {
        match (self.extent.c, class) {
            (1, 0) => -logits[self.logits.at(n, 0, y, x)],
            (1, _) => logits[self.logits.at(n, 0, y, x)],
            _ => logits[self.logits.at(n, class, y, x)],
        }
    }

    fn targeted(&self) -> bool {
        self.flags & TARGETED != 0
    }

    fn of_probabilities(&self) -> bool {
        (CROSS_ENTROPY..=TSALLIS).contains(&self.objective)
    }
}

/// What the objective takes in an iteration, of this row of the schedule.
fn parameter(params: &Params, settings: &[u32], row: u32) -> f32 {
    let row = 2 * params.class_count as usize + SCHEDULE_LENGTH * row as usize;
    f32::from_bits(settings[row + SCHEDULE_PARAMETER])
}

/// What is known of a pixel's label.
#[derive(Clone, Copy)]
struct OfClass {
    attacked: bool,
    weight: f32,
    parameter: f32,
}

/// Logits whose length is below this are as if it were that.
const LEAST_NORM: f32 = 1e-18;

/// No class.
const NONE: u16 = u16::MAX;

/// What there is to raise at a pixel: the terms of its label, of the rival class, and of all.
#[derive(Clone, Copy, Default)]
struct Pixel {
    predicted: u16,
    /// [`NONE`] where there is nothing to raise.
    label: u16,
    rival: u16,
    label_term: f32,
    /// Of probabilities, what `exp(logit − largest)` is multiplied by; else the rival's term.
    term: f32,
    largest: f32,
    /// What every logit is multiplied by.
    slope: f32,
}

impl Pixel {
    /// The pixel, its loss and its cross-entropy.
    fn new(
        params: &Params,
        label: u32,
        of_class: OfClass,
        logit: impl Fn(usize) -> f32,
    ) -> (Pixel, [f32; 2]) {
        let class_count = params.class_count as usize;
        let predicted = first_largest(0..class_count, &logit);
        let mut pixel = Pixel {
            predicted: predicted as u16,
            label: NONE,
            rival: NONE,
            ..Pixel::default()
        };
        let unasked = params.flags & (WRITE_SEED | LOSS) == 0;
        let label = label as usize;
        if !of_class.attacked || unasked || params.flags & ADAPTIVE != 0 && predicted == label {
            return (pixel, [0.0; 2]);
        }
        pixel.label = label as u16;
        let losses = if params.of_probabilities() {
            pixel.of_probabilities(params, label, of_class, logit)
        } else if params.objective == COSINE {
            pixel.of_cosine(params, label, logit)
        } else if params.objective >= DIFFERENCE {
            pixel.of_difference(params, label, logit)
        } else {
            pixel.label_term = 1.0;
            if params.objective == MARGIN {
                pixel.rival = rival(class_count, label, logit) as u16;
                pixel.term = -1.0;
            }
            [0.0; 2]
        };
        (pixel, losses)
    }

    fn of_probabilities(
        &mut self,
        params: &Params,
        label: usize,
        of_class: OfClass,
        logit: impl Fn(usize) -> f32,
    ) -> [f32; 2] {
        let OfClass {
            weight, parameter, ..
        } = of_class;
        let largest = logit(usize::from(self.predicted));
        let own = (logit(label) - largest).exp();
        let (mut others, mut squares) = (0.0, own * own);
        for c in (0..params.class_count as usize).filter(|&c| c != label) {
            let power = (logit(c) - largest).exp();
            others += power;
            squares += power * power;
        }
        let all = own + others;
        let logarithm = (logit(label) - largest).max(-MOST_APART) - all.ln();
        let probability = own / all;
        let meant = (usize::from(self.predicted) == label) != params.targeted();
        let factor = match params.objective {
            SEG_PGD if meant => 1.0 - parameter,
            SEG_PGD => parameter,
            COS_PGD if params.targeted() => 1.0 - own / squares.sqrt(),
            COS_PGD => own / squares.sqrt(),
            MASKED_CROSS_ENTROPY | WEIGHTED_CROSS_ENTROPY if !meant => 0.0,
            WEIGHTED_CROSS_ENTROPY => weight,
            JENSEN_SHANNON => 0.5 * probability * ((1.0 + probability).ln() - logarithm),
            TSALLIS => ((1.0 - parameter) * logarithm).exp(),
            _ => 1.0,
        };
        let loss = match params.objective {
            JENSEN_SHANNON => {
                std::f32::consts::LN_2
                    + 0.5 * (probability * logarithm - (1.0 + probability) * (1.0 + probability).ln())
            }
            TSALLIS if parameter != 1.0 => (1.0 - factor) / (1.0 - parameter),
            _ => factor * -logarithm,
        };
        let raised = if params.targeted() { -factor } else { factor };
        self.largest = largest;
        self.term = raised / all;
        self.label_term = -raised * (others / all);
        [loss, -logarithm]
    }

    fn of_cosine(&mut self, params: &Params, label: usize, logit: impl Fn(usize) -> f32) -> [f32; 2] {
        let classes = 0..params.class_count as usize;
        let size = classes.clone().fold(0.0f32, |size, c| size.max(logit(c).abs()));
        if size <= 0.0 {
            return [1.0, 0.0];
        }
        let squares: f32 = classes.map(|c| (logit(c) / size) * (logit(c) / size)).sum();
        let sign = if params.targeted() { -1.0 } else { 1.0 };
        let own = logit(label) / size / squares.sqrt();
        let norm = (size * squares.sqrt()).clamp(LEAST_NORM, MOST_APART);
        self.label_term = -sign / norm;
        self.slope = sign * own / norm / norm;
        [1.0 - own, 0.0]
    }

    fn of_difference(&mut self, params: &Params, label: usize, logit: impl Fn(usize) -> f32) -> [f32; 2] {
        let rival = rival(params.class_count as usize, label, &logit);
        let difference = apart(logit(label), logit(rival));
        let sign = if params.targeted() { 1.0 } else { -1.0 };
        let (term, loss) = match params.objective {
            RATIO => {
                let distance = distance(params, &ranks(params.class_count as usize, &logit), &logit);
                (
                    sign / distance,
                    (difference / distance).clamp(-MOST_APART, MOST_APART),
                )
            }
            DENSE => {
                let short = -sign * difference;
                (if short > 0.0 { sign } else { 0.0 }, short.max(0.0))
            }
            _ => (sign, difference),
        };
        self.rival = rival as u16;
        self.label_term = term;
        self.term = -term;
        [loss, 0.0]
    }

    /// dJ/dlogit of a class.
    fn seed(&self, params: &Params, class: usize, logit: impl Fn(usize) -> f32) -> f32 {
        if self.label == NONE {
            return 0.0;
        }
        let is_label = class == usize::from(self.label);
        let mut seed = if is_label { self.label_term } else { 0.0 };
        if params.of_probabilities() {
            if !is_label {
                seed = self.term * (logit(class) - self.largest).exp();
            }
            return seed;
        }
        if params.objective == COSINE {
            seed += self.slope * logit(class);
        }
        if class == usize::from(self.rival) {
            seed += self.term;
        }
        if params.objective == RATIO {
            let ranks = ranks(params.class_count as usize, &logit);
            let difference = apart(logit(self.label.into()), logit(self.rival.into()));
            let ratio = difference / distance(params, &ranks, &logit);
            let term = self.label_term * ratio.clamp(-MOST_APART, MOST_APART);
            let term = term.clamp(-MOST_APART, MOST_APART);
            let lower = if params.targeted() { [0.5, 0.5] } else { [1.0, 0.0] };
            let of_rank = [-1.0, 0.0, lower[0], lower[1]];
            let ranked = ranks.iter().zip(of_rank);
            seed += ranked
                .filter(|(ranked, _)| **ranked == class)
                .map(|(_, share)| term * share)
                .sum::<f32>();
        }
        seed
    }
}

/// The first of the classes with the largest logit.
fn first_largest(classes: impl Iterator<Item = usize>, logit: impl Fn(usize) -> f32) -> usize {
    classes
        .reduce(|best, c| if logit(c) > logit(best) { c } else { best })
        .unwrap_or(0)
}

/// The class other than `label` with the largest logit; of equal ones the first.
fn rival(class_count: usize, label: usize, logit: impl Fn(usize) -> f32) -> usize {
    first_largest((0..class_count).filter(|&c| c != label), logit)
}

/// The classes by logit, the largest first, of equal ones the first, at most four.
fn ranks(class_count: usize, logit: impl Fn(usize) -> f32) -> Vec<usize> {
    // No sort by a comparison, which numbers that are none would make inconsistent; and 0 and −0 are equal.
    let mut ranked = Vec::with_capacity(5);
    for class in 0..class_count {
        let behind = |&other: &usize| logit(class) > logit(other);
        let place = ranked.iter().position(behind).unwrap_or(ranked.len());
        ranked.insert(place, class);
        ranked.truncate(4);
    }
    ranked
}

/// How far the logits of a pixel lie apart.
fn distance(params: &Params, ranks: &[usize], logit: impl Fn(usize) -> f32) -> f32 {
    let z = |rank: usize| ranks.get(rank).map_or(0.0, |&class| logit(class));
    let lower = match params.targeted() {
        true => 0.5 * (z(2) + z(3)),
        false => z(2),
    };
    (z(0) - lower).min(MOST_APART) + 1e-8
}

/// A difference of logits.
fn apart(a: f32, b: f32) -> f32 {
    (a - b).clamp(-MOST_APART, MOST_APART)
}
