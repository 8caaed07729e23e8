use asma::kernels::sum_partials::Params;

use super::support::{Case, EXACT, Random, compare};

fn case(random: &mut Random, length: u32, chunks: u32) -> Case {
    let params = Params {
        length,
        chunks,
        offset: random.below(4),
        accumulate: random.below(2),
    };
    let written = params.offset + length + random.below(4);
    Case {
        params: params.into(),
        reads: vec![random.floats((length * chunks) as usize)],
        writes: vec![random.floats(written as usize)],
    }
}

/// The order of the sum is the twin's, so that it is the same to the bit.
#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(42);
    let mut cases = Vec::new();
    for length in [1, 5, 63, 64, 65, 300] {
        for chunks in [1, 2, 3, 64, 257] {
            cases.push(case(&mut random, length, chunks));
        }
    }
    // More workgroups than fit one dimension of a dispatch.
    cases.push(case(&mut random, 64 * 65536 + 5, 1));
    compare(cases, EXACT);
}
