use asma::kernels::resize_adjoint::Params;

use super::resize::{resampled, sources, table};
use super::support::{Case, ROUNDS, Random, Tolerance, compare};

/// Sums of some dozens of products below 2.
const SUMS: Tolerance = Tolerance {
    absolute: 1e-5,
    relative: 1e-5,
};

/// Of each of `inputs` places along one axis, the words of the first place that it goes into and of the one after the last.
fn uses(sources: &[(u32, f32)], inputs: u32) -> Vec<u32> {
    let uses = (0..inputs).flat_map(|place| {
        let goes_into = |i: &usize| {
            let (low, weight) = sources[*i];
            low == place || (low + 1 == place && weight > 0.0)
        };
        let all: Vec<usize> = (0..sources.len()).filter(goes_into).collect();
        let ends = (all.first().copied(), all.last().map(|last| last + 1));
        [ends.0, ends.1].map(|end| (end.unwrap_or(0) as f32).to_bits())
    });
    uses.collect()
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(14);
    let cases = (0..3 * ROUNDS).map(|_| {
        let extent = random.extent();
        let output_extent = resampled(&mut random, extent);
        let (gradient, gradient_length) = random.view(output_extent);
        let (output, output_length) = random.view(extent);
        let params = Params {
            gradient,
            output,
            input_extent: extent,
            output_extent,
            accumulate: random.below(2),
        };
        let sources = sources(&mut random, extent, output_extent);
        let (rows, columns) = sources.split_at(output_extent.h as usize);
        let uses = [uses(rows, extent.h), uses(columns, extent.w)].concat();
        Case {
            params: params.into(),
            reads: vec![random.floats(gradient_length), table(&sources), uses],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), SUMS);
}
