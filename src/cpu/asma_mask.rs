//! Twin of [`kernels::asma_mask`](crate::kernels::asma_mask).

use rayon::prelude::*;

use super::rows::{for_each_row, row, sizes};
use crate::kernels::asma_mask::{ADAPTIVE, CLASS_ATTACKED, COUNT, MARGIN, Params, WRITE_SEED, counts_length};

/// Predicted class, adaptive mask, `seed` = dJ/dlogits, and `counts` added to.
pub fn run(
    params: &Params,
    logits: &[f32],
    target: &[u32],
    classes: &[u32],
    seed: &mut [f32],
    counts: &mut [u32],
) {
    let [samples, channels, h, w] = sizes(params.extent);
    let class_count = params.class_count as usize;
    let predicted: Vec<Vec<u32>> = (0..samples * h)
        .into_par_iter()
        .map(|line| predict(params, logits, line / h, line % h))
        .collect();

    if params.flags & COUNT != 0 {
        let length = counts_length(class_count);
        for n in 0..samples {
            let start = (2 * n + params.parity as usize) * length;
            let counts = &mut counts[start..start + length];
            let target = &target[n * h * w..(n + 1) * h * w];
            for (&label, &predicted) in target.iter().zip(predicted[n * h..(n + 1) * h].iter().flatten()) {
                let (label, predicted) = (label as usize, predicted as usize);
                if label >= class_count {
                    continue;
                }
                let correct = (label == predicted) as u32;
                counts[3 * label] += correct;
                counts[3 * label + 1] += 1;
                counts[3 * predicted + 2] += 1;
                counts[3 * class_count] += correct;
                counts[3 * class_count + 1] += 1;
            }
        }
    }

    if params.flags & WRITE_SEED != 0 {
        for_each_row(seed, params.seed, params.extent, |n, c, y, out| {
            let line = n * h + y;
            let target = &target[line * w..(line + 1) * w];
            let margin = params.flags & MARGIN != 0;
            let labels = target.iter().zip(&predicted[line]);
            for (x, (out, (&label, &predicted))) in out.iter_mut().zip(labels).enumerate() {
                let attacked =
                    (label as usize) < class_count && classes[label as usize] & CLASS_ATTACKED != 0;
                let wanted = attacked && (params.flags & ADAPTIVE == 0 || predicted != label);
                *out = match (wanted, channels) {
                    (false, _) => 0.0,
                    // One logit z stands for the two logits −z and z.
                    (true, 1) => [-1.0, 1.0][(label == 1) as usize] * if margin { 2.0 } else { 1.0 },
                    (true, _) if label as usize == c => 1.0,
                    (true, _) if margin && rival(params, logits, [n, y, x], label) == c => -1.0,
                    (true, _) => 0.0,
                };
            }
        });
    }
}

/// The class other than `label` with the largest logit at a pixel; of equal ones the first.
fn rival(params: &Params, logits: &[f32], [n, y, x]: [usize; 3], label: u32) -> usize {
    let logit = |c: usize| logits[params.logits.at(n, c, y, x)];
    let others = (0..params.class_count as usize).filter(|&c| c != label as usize);
    others
        .reduce(|best, c| if logit(c) > logit(best) { c } else { best })
        .unwrap_or(0)
}

/// The class of the largest logit of each pixel of a row; of equal ones the first.
fn predict(params: &Params, logits: &[f32], n: usize, y: usize) -> Vec<u32> {
    let [_, channels, _, w] = sizes(params.extent);
    let first = row(logits, params.logits, n, 0, y, w);
    if channels == 1 {
        return first.iter().map(|&logit| (logit > 0.0) as u32).collect();
    }
    let mut largest = first.to_vec();
    let mut predicted = vec![0; w];
    for c in 1..channels {
        let logits = row(logits, params.logits, n, c, y, w);
        for ((predicted, largest), &logit) in predicted.iter_mut().zip(&mut largest).zip(logits) {
            if logit > *largest {
                (*predicted, *largest) = (c as u32, logit);
            }
        }
    }
    predicted
}
