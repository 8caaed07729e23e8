use asma::cpu;
use asma::kernels::Extent;
use asma::kernels::select::{LENGTH, PASSES, Params};

use super::support::{Case, Halves, Random, run};

/// A call in the midst of a selection, with what the calls before it left.
fn case(random: &mut Random, extent: Extent, number: u32) -> Case {
    let pixels = (extent.n * extent.h * extent.w) as usize;
    let values: Vec<u32> = match random.below(2) {
        // Many that are equal, and zeros.
        0 => random.coarse_floats(pixels),
        _ => random.floats(pixels),
    };
    let labels = random.integers(pixels, 4);
    // Nothing, the largest, one in the middle, and more than there are.
    let all = extent.h * extent.w;
    let ranks: Vec<u32> = (0..3 * extent.n)
        .map(|_| random.choose(&[0, 1, 1 + all / 100, 1 + all / 2, 2 * all]))
        .collect();
    let params = |number| Params {
        extent,
        class_count: 3,
        number,
        rank_offset: 1,
        rank_stride: 3,
    };
    let mut selection = vec![0; extent.n as usize * LENGTH];
    for before in 0..number {
        let values: Vec<f32> = values.iter().map(|&bits| f32::from_bits(bits)).collect();
        cpu::select::run(&params(before), &values, &labels, &ranks, &mut selection);
    }
    // Left over from another selection.
    let next = (number as usize + 1) % PASSES as usize * asma::kernels::select::BINS;
    selection[next + 7] = 5;
    Case {
        params: params(number).into(),
        reads: vec![values, labels, ranks],
        writes: vec![selection],
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(211);
    let mut cases = Vec::new();
    for number in 0..PASSES {
        // Less than a workgroup, one more than its pixels, many workgroups.
        for [h, w] in [[1, 1], [5, 7], [17, 241], [97, 131]] {
            for n in 1..=3 {
                cases.push(case(&mut random, Extent { n, c: 1, h, w }, number));
            }
        }
    }
    let [twins, unchecked, checked] = run(&cases, Halves::None);
    for (number, case) in cases.iter().enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let differs = found[number][0]
                .iter()
                .zip(&twins[number][0])
                .position(|(a, b)| a != b);
            assert_eq!(differs, None, "{what} shader, case {number}: {:?}", case.params);
        }
        assert_ne!(twins[number], case.writes, "case {number} changes nothing");
    }
}
