use asma::cpu;
use asma::kernels::Extent;
use asma::kernels::proximal_search::search_length;
use asma::kernels::proximal_search::{BOX, HEADER, METRIC, PASSES, Params};

use super::support::{Case, Halves, Random, Tolerance, compare_floats, run};

/// Sums of up to 8192 terms in another order.
const SUMS: Tolerance = Tolerance {
    absolute: 1e-9,
    relative: 1e-5,
};

/// A call in the midst of a search, with what the calls before it left.
pub fn searched(random: &mut Random, extent: Extent, flags: u32, number: u32) -> Case {
    let elements = (extent.n * extent.c * extent.h * extent.w) as usize;
    let floats = |words: &[u32]| -> Vec<f32> { words.iter().map(|&bits| f32::from_bits(bits)).collect() };
    let point: Vec<u32> = (0..elements).map(|_| random.float(-0.2, 0.2).to_bits()).collect();
    let (metric, source) = (random.probabilities(elements), random.probabilities(elements));
    // From one that hardly clips to one that leaves nothing.
    let per_sample = elements as f32 / extent.n as f32;
    let weights: Vec<u32> = (0..2 * extent.n)
        .map(|_| (random.choose(&[1e-4, 0.01, 0.05, 9.0]) * per_sample).to_bits())
        .collect();
    let params = |number| Params {
        extent,
        flags,
        number,
        weight_offset: 1,
        weight_stride: 2,
    };
    let mut search = vec![0; extent.n as usize * search_length(extent)];
    for before in 0..number {
        let [point, metric, source, weights] =
            [&point, &metric, &source, &weights].map(|words| floats(words));
        cpu::proximal_search::run(&params(before), &point, &metric, &source, &weights, &mut search);
    }
    Case {
        params: params(number).into(),
        reads: vec![point, metric, source, weights],
        writes: vec![search],
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(212);
    let mut cases = Vec::new();
    let mut extents = Vec::new();
    for number in 0..PASSES {
        for flags in 0..=BOX | METRIC {
            // Less than a tile, one more than two of them, several workgroups.
            for [c, h, w] in [[1, 1, 1], [3, 7, 9], [1, 3, 683], [3, 61, 97]] {
                let n = random.between(1, 3);
                let extent = Extent { n, c, h, w };
                cases.push(searched(&mut random, extent, flags, number));
                extents.push(extent);
            }
        }
    }
    let [twins, unchecked, checked] = run(&cases, Halves::None);
    for (number, (case, extent)) in cases.iter().zip(extents).enumerate() {
        for (what, found) in [("unchecked", &unchecked), ("checked", &checked)] {
            let what = format!("{what} shader, case {number}: {:?}", case.params);
            let samples = found[number][0]
                .chunks(search_length(extent))
                .zip(twins[number][0].chunks(search_length(extent)));
            for (found, wanted) in samples {
                assert_eq!(found[..HEADER], wanted[..HEADER], "{what}");
                compare_floats(&what, &found[HEADER..], &wanted[HEADER..], SUMS);
            }
        }
        assert_ne!(twins[number], case.writes, "case {number} changes nothing");
    }
}
