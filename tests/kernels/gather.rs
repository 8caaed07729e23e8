use asma::kernels::gather::Params;

use super::support::{Case, EXACT, Random, compare};

fn case(random: &mut Random, source: usize, length: usize) -> Case {
    let params = Params {
        length: length as u32,
    };
    let indices = random.integers(length, source as u32);
    let written = length + random.below(3) as usize;
    Case {
        params: params.into(),
        // More than is asked for, on both sides.
        reads: vec![
            random.floats(source),
            [indices, random.integers(3, source as u32)].concat(),
        ],
        writes: vec![random.floats(written)],
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(41);
    let lengths = [1, 2, 63, 64, 65, 1000, 4099];
    let mut cases: Vec<Case> = lengths.map(|length| case(&mut random, 257, length)).into();
    cases.push(case(&mut random, 1, 70));
    // More workgroups than fit one dimension of a dispatch.
    cases.push(case(&mut random, 1000, 64 * 65536 + 5));
    compare(cases, EXACT);
}
