use asma::kernels::Extent;
use asma::kernels::resize::Params;

use super::support::{Case, ROUNDING, ROUNDS, Random, compare};

/// The extent of the resampled tensor: twice the size, or any other.
pub fn resampled(random: &mut Random, extent: Extent) -> Extent {
    if random.below(3) == 0 {
        return Extent {
            h: 2 * extent.h,
            w: 2 * extent.w,
            ..extent
        };
    }
    let other = random.extent();
    Extent {
        h: other.h,
        w: other.w,
        ..extent
    }
}

/// A table of rising places among `inputs` and of weights, some of them 0, for each row and each column of `outputs`.
pub fn sources(random: &mut Random, inputs: Extent, outputs: Extent) -> Vec<(u32, f32)> {
    let mut sources = Vec::new();
    for (inputs, outputs) in [(inputs.h, outputs.h), (inputs.w, outputs.w)] {
        let offset = random.float(-1.0, 2.0);
        let step = random.float(0.5, 1.5) * inputs as f32 / outputs as f32;
        for i in 0..outputs {
            let place = (offset + step * i as f32).clamp(0.0, (inputs - 1) as f32) as u32;
            let weight = if random.below(3) == 0 {
                0.0
            } else {
                random.float(0.0, 1.0)
            };
            sources.push((place, weight));
        }
    }
    sources
}

/// The words of that table.
pub fn table(sources: &[(u32, f32)]) -> Vec<u32> {
    let words = sources.iter();
    words
        .flat_map(|&(place, weight)| [(place as f32).to_bits(), weight.to_bits()])
        .collect()
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(13);
    let cases = (0..3 * ROUNDS).map(|_| {
        let extent = random.extent();
        let output_extent = resampled(&mut random, extent);
        let (input, input_length) = random.view(extent);
        let (output, output_length) = random.view(output_extent);
        let params = Params {
            input,
            output,
            input_extent: extent,
            output_extent,
        };
        let sources = sources(&mut random, extent, output_extent);
        Case {
            params: params.into(),
            reads: vec![random.floats(input_length), table(&sources)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), ROUNDING);
}
