use asma::kernels::Extent;
use asma::kernels::asma_mask::{ADAPTIVE, COUNT, IGNORE, MARGIN, Params, WRITE_SEED, counts_length};

use super::support::{Case, EXACT, Halves, Random, compare_floats, run};

/// A call whose labels have every class, "ignore" and, where there is room, a number that is no class.
fn case(random: &mut Random, extent: Extent, flags: u32) -> Case {
    let class_count = if extent.c == 1 { 2 } else { extent.c };
    let (logits, logits_length) = random.view(extent);
    let (seed, seed_length) = random.view(extent);
    let pixels = (extent.n * extent.h * extent.w) as usize;
    let mut labels = random.integers(pixels, class_count + 1);
    for label in &mut labels {
        if *label == class_count && random.below(2) == 0 {
            *label = IGNORE;
        }
    }
    let counts = extent.n as usize * 2 * counts_length(class_count as usize);
    let params = Params {
        logits,
        seed,
        extent,
        class_count,
        flags,
        parity: random.below(2),
    };
    Case {
        params: params.into(),
        reads: vec![
            // Many equal logits: the first class wins; with one channel, many zeros.
            random.coarse_floats(logits_length),
            labels,
            random.integers(class_count as usize, 4),
        ],
        writes: vec![random.floats(seed_length), random.integers(counts, 1000)],
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(17);
    let mut cases = Vec::new();
    for flags in 1..=WRITE_SEED | COUNT | ADAPTIVE | MARGIN {
        for c in [1, 2, 3, 5] {
            // Less than a workgroup and more.
            for (h, w) in [(1, 1), (5, 7), (61, 71)] {
                let n = random.between(1, 2);
                cases.push(case(&mut random, Extent { n, c, h, w }, flags));
            }
        }
    }
    // A mask of areas, as real ones are: long runs of one label and one prediction.
    let area = Extent {
        n: 2,
        c: 3,
        h: 97,
        w: 89,
    };
    let mut areas = case(&mut random, area, WRITE_SEED | COUNT | ADAPTIVE | MARGIN);
    for words in &mut areas.reads[..2] {
        for place in 0..words.len() {
            words[place] = words[place - place % 1500];
        }
    }
    cases.push(areas);
    // As many classes as there can be, which need most workgroup memory.
    let most = Extent {
        n: 2,
        c: 255,
        h: 9,
        w: 33,
    };
    cases.push(case(&mut random, most, WRITE_SEED | COUNT | ADAPTIVE | MARGIN));

    let [twins, unchecked, checked] = run(&cases, Halves::None);
    for (number, case) in cases.iter().enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let what = format!("{what} shader, case {number}: {:?}", case.params);
            let (found, wanted) = (&found[number], &twins[number]);
            compare_floats(&what, &found[0], &wanted[0], EXACT);
            assert_eq!(found[1], wanted[1], "counts of the {what}");
        }
    }
}
