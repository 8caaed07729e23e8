use asma::kernels::KernelParams;
use asma::kernels::largest_position::Params;

use super::support::{Case, ROUNDS, Random, run_variant};

#[test]
fn shaders_are_as_their_twin() {
    let mut random = Random::new(63);
    let cases: Vec<Case> = (0..2 * ROUNDS)
        .map(|_| {
            let extent = random.extent();
            let blocks = random.part_of(extent);
            let (input, input_length) = random.view(extent);
            let params = Params {
                input,
                extent,
                blocks,
            };
            Case {
                params: params.into(),
                // Equal ones among them.
                reads: vec![random.coarse_floats(input_length)],
                writes: vec![vec![u32::MAX; blocks.elements() as usize + 2]],
            }
        })
        .collect();
    for variant in Params::VARIANTS {
        let [twins, unchecked, checked] = run_variant(&cases, variant.name);
        for found in [unchecked, checked] {
            assert!(found == twins, "{}", variant.name);
        }
    }
}
