use asma::kernels::Extent;
use asma::kernels::pointwise_adjoint::Params;

use super::pointwise::{FUNCTION, count, function};
use super::support::{Case, Random, compare};

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(52);
    let cases = (0..count() * 6).map(|round| {
        // So many numbers that some of them change wherever a derivative is 0 or 1 far out.
        let extent = Extent {
            w: 31,
            h: random.choose(&[3, 5]),
            ..random.extent()
        };
        let (input, input_length) = random.view(extent);
        let (gradient, gradient_length) = random.view(extent);
        let (output, output_length) = random.view(extent);
        let number = round % count();
        let (in_place, accumulate) = random.choose(&[(1, 0), (0, 0), (0, 1)]);
        // Where derivatives are 0, adding changes nothing.
        let far = in_place + accumulate == 0;
        let ([a, b], values) = function(&mut random, number, input_length, far);
        let params = Params {
            input,
            gradient,
            output,
            extent,
            function: number,
            a,
            b,
            in_place,
            accumulate,
        };
        Case {
            params: params.into(),
            reads: vec![values, random.floats(gradient_length)],
            writes: vec![random.floats(output_length)],
        }
    });
    compare(cases.collect(), FUNCTION);
}
