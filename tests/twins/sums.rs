//! gather, channel_sums and sum_partials.

use asma::cpu;
use asma::kernels::channel_sums::{self, GRADIENT, NEGATIVE_PRODUCT, PRODUCT};
use asma::kernels::{gather, sum_partials};
use asma_definitions::places;
use rand::RngExt;

use crate::strided::{Strided, Tolerance, many, small_shape, vector};

/// Summed in f64 and rounded once.
const ONCE: Tolerance = Tolerance {
    absolute: 1e-12,
    relative: 6e-8,
};

#[test]
fn gather_takes_the_chosen_elements() {
    many(|random| {
        let source_length = random.random_range(1..40);
        let source = vector(random, source_length);
        let length = random.random_range(1..100);
        let indices: Vec<u32> = (0..length)
            .map(|_| random.random_range(0..source.len() as u32))
            .collect();
        let params = gather::Params {
            length: length as u32,
        };
        let mut output = vec![7.0; length + 2];
        cpu::gather::run(&params, &source, &indices, &mut output);
        for (place, &index) in indices.iter().enumerate() {
            assert_eq!(output[place], source[index as usize], "element {place}");
        }
        assert_eq!(output[length..], [7.0; 2], "behind the last element");
    });
}

#[test]
fn channel_sums_match_plain_loops() {
    many(|random| {
        let shape = small_shape(random);
        let [mut input, gradient] = [0; 2].map(|_| Strided::random(random, shape));
        // Zeros among them, which count as not positive but add nothing; and −0.
        for value in &mut input.buffer {
            *value = (2.0 * *value).round() / 2.0;
        }
        let pixels = shape.n * shape.pixels();
        let pixels_per_chunk = random.random_range(1..pixels + 2);
        for mode in [GRADIENT, PRODUCT, NEGATIVE_PRODUCT] {
            let params = channel_sums::Params {
                input: input.view,
                gradient: gradient.view,
                extent: shape.into(),
                mode,
                pixels_per_chunk: pixels_per_chunk as u32,
            };
            let chunks = pixels.div_ceil(pixels_per_chunk);
            assert_eq!(params.chunks() as usize, chunks);
            let mut expected = vec![0.0; chunks * shape.c];
            for [n, c, y, x] in places(shape) {
                let chunk = ((n * shape.h + y) * shape.w + x) / pixels_per_chunk;
                let value = input.buffer[input.view.at(n, c, y, x)] as f64;
                let upstream = gradient.buffer[gradient.view.at(n, c, y, x)] as f64;
                expected[chunk * shape.c + c] += match mode {
                    GRADIENT => upstream,
                    PRODUCT => value * upstream,
                    _ if value <= 0.0 => value * upstream,
                    _ => 0.0,
                };
            }
            let mut partials = vec![7.0; expected.len() + 2];
            // In mode GRADIENT the input is not read: here it is even too short to be.
            let bound: &[f32] = if mode == GRADIENT { &[] } else { &input.buffer };
            cpu::channel_sums::run(&params, bound, &gradient.buffer, &mut partials);
            for (place, (&partial, &expected)) in partials.iter().zip(&expected).enumerate() {
                ONCE.check(partial as f64, expected, (place, params));
            }
            assert_eq!(partials[expected.len()..], [7.0; 2]);
        }
    });
}

/// Every pixel is in exactly one of the chunks that `chunked` makes, however many there are.
#[test]
fn chunks_cover_all_pixels() {
    for (h, w) in [(1, 1), (32, 32), (25, 41), (513, 517), (2000, 1003)] {
        let shape = asma::Shape::new(1, 1, h, w);
        let view = asma::kernels::View::dense(shape);
        let params = channel_sums::Params::chunked(view, view, shape.into(), GRADIENT);
        let ones = vec![1.0; shape.elements()];
        let mut partials = vec![0.0; params.chunks() as usize];
        cpu::channel_sums::run(&params, &[], &ones, &mut partials);
        assert!(partials.iter().all(|&partial| partial > 0.0), "{params:?}");
        assert_eq!(partials.iter().sum::<f32>(), (h * w) as f32, "{params:?}");
        assert!(partials.len() <= 256, "{params:?}");
    }
}

#[test]
fn sum_partials_matches_plain_loops() {
    many(|random| {
        let (length, chunks) = (random.random_range(1..30), random.random_range(1..20));
        let offset = random.random_range(0..5);
        let partials = vector(random, length * chunks);
        let before = vector(random, offset + length + 2);
        for accumulate in [false, true] {
            let params = sum_partials::Params {
                length: length as u32,
                chunks: chunks as u32,
                offset: offset as u32,
                accumulate: accumulate as u32,
            };
            let mut output = before.clone();
            cpu::sum_partials::run(&params, &partials, &mut output);
            // Of up to 20 terms below 1, each sum of at most some units rounded by 2⁻²⁴ of it.
            let tolerance = Tolerance {
                absolute: 5e-6,
                relative: 0.0,
            };
            for (place, (&found, &before)) in output.iter().zip(&before).enumerate() {
                if !(offset..offset + length).contains(&place) {
                    assert_eq!(found, before, "element {place} is none of the sums");
                    continue;
                }
                let terms = partials.iter().skip(place - offset).step_by(length);
                let sum: f64 = terms.map(|&partial| partial as f64).sum();
                let before = if accumulate { before as f64 } else { 0.0 };
                tolerance.check(found as f64, before + sum, (place, params));
            }
        }
    });
}
