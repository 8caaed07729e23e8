use asma::kernels::Extent;
use asma::kernels::conv2d::CHANNEL_BLOCK;
use asma::kernels::ledger::counts_and_losses_length;
use asma::kernels::objective::{ADAPTIVE, COUNT, LOGIT, MARGIN, WRITE_SEED};
use asma::kernels::objective_head::{MOST_CHANNELS, Params};

use super::objective::{SCHEDULE_ROWS, settings};
use super::support::{Case, EXACT, Halves, Random, compare_floats, run, takes_halves};

/// Multiples of ½ everywhere, so that every sum is exact and many logits are equal.
fn case(random: &mut Random, extent: Extent, feature_count: u32, objective: u32, flags: u32) -> Case {
    let class_count = if extent.c == 1 { 2 } else { extent.c };
    let feature_extent = Extent {
        c: feature_count,
        ..extent
    };
    let (features, features_length) = random.view(feature_extent);
    let (gradient, gradient_length) = random.view(feature_extent);
    let (logits, logits_length) = random.view(extent);
    let padded = (extent.c as usize).next_multiple_of(CHANNEL_BLOCK);
    let pixels = (extent.h * extent.w) as usize;
    let counts_length = counts_and_losses_length(class_count as usize, pixels);
    let counts = extent.n as usize * 2 * counts_length;
    let params = Params {
        features,
        logits,
        gradient,
        feature_extent,
        extent,
        padded_out_channels: padded as u32,
        class_count,
        objective,
        flags,
        parity: random.below(2),
        counts_length: counts_length as u32,
        schedule_rows: SCHEDULE_ROWS,
        slope: random.choose(&[0.0, 0.25, 1.0]),
    };
    let mut epilogue = random.coarse_floats(2 * padded);
    // The kernel is for convolutions without activation.
    for slope in epilogue.iter_mut().skip(1).step_by(2) {
        *slope = 1f32.to_bits();
    }
    Case {
        params: params.into(),
        reads: vec![
            random.coarse_floats(features_length),
            random.coarse_floats(feature_count as usize * padded),
            epilogue,
            random.integers((extent.n * extent.h * extent.w) as usize, class_count + 1),
            settings(random, class_count as usize),
        ],
        writes: vec![
            random.floats(gradient_length),
            random.integers(counts, 1000),
            random.floats(logits_length),
        ],
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(41);
    let mut cases = Vec::new();
    let plain = (1..=WRITE_SEED | COUNT | ADAPTIVE)
        .flat_map(|flags| [LOGIT, MARGIN].map(|objective| (objective, flags)));
    for (objective, flags) in plain {
        for c in [1, 2, 3, MOST_CHANNELS] {
            // Less than a workgroup and more.
            for (h, w) in [(1, 1), (5, 7), (31, 37)] {
                let n = random.between(1, 2);
                let features = random.choose(&[1, 4, 13]);
                cases.push(case(
                    &mut random,
                    Extent { n, c, h, w },
                    features,
                    objective,
                    flags,
                ));
            }
        }
    }
    // Halves are exact in float16 too.
    let mut kinds = vec![Halves::None];
    if takes_halves(&cases) {
        kinds.push(Halves::Many);
    }
    for halves in kinds {
        let [twins, unchecked, checked] = run(&cases, halves);
        for (number, case) in cases.iter().enumerate() {
            for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
                let what = format!("{what} shader, {halves:?}, case {number}: {:?}", case.params);
                let (found, wanted) = (&found[number], &twins[number]);
                compare_floats(&format!("gradient of the {what}"), &found[0], &wanted[0], EXACT);
                assert_eq!(found[1], wanted[1], "counts of the {what}");
                compare_floats(&format!("logits of the {what}"), &found[2], &wanted[2], EXACT);
            }
        }
    }
}
