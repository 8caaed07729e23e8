use asma::kernels::Extent;
use asma::kernels::prediction::{NO_CLASS, Params};

use super::support::{Case, Halves, ROUNDS, Random, run};

fn case(random: &mut Random, extent: Extent) -> Case {
    let (logits, length) = random.view(extent);
    let words = Params::words(extent);
    Case {
        params: Params { logits, extent }.into(),
        reads: vec![random.logits(length)],
        writes: vec![random.floats(words)],
    }
}

#[test]
fn shader_is_as_its_twin() {
    let mut random = Random::new(41);
    let cases: Vec<Case> = (0..ROUNDS)
        .map(|_| {
            let extent = random.extent();
            case(&mut random, extent)
        })
        .collect();
    let [twins, unchecked, checked] = run(&cases, Halves::None);
    for (number, wanted) in twins.iter().enumerate() {
        assert_eq!(&unchecked[number], wanted, "{:?}", cases[number].params);
        assert_eq!(&checked[number], wanted, "{:?}", cases[number].params);
    }
}

#[test]
fn a_pixel_with_a_logit_that_is_not_finite_has_no_class() {
    let mut random = Random::new(42);
    let extent = Extent {
        n: 2,
        c: 3,
        h: 3,
        w: 3,
    };
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut case = case(&mut random, extent);
        let asma::kernels::Params::Prediction(Params { logits, .. }) = case.params else {
            panic!("{:?}", case.params)
        };
        // Pixel 4 of the second sample, in its last channel.
        case.reads[0][logits.at(1, 2, 1, 1)] = value.to_bits();
        for written in run(&[case], Halves::None) {
            let label = |sample: usize, pixel: usize| {
                let words = &written[0][0][sample * 3..][..3];
                words[pixel / 4].to_le_bytes()[pixel % 4]
            };
            for (sample, pixel) in (0..2).flat_map(|sample| (0..9).map(move |pixel| (sample, pixel))) {
                let has_none = label(sample, pixel) == NO_CLASS;
                assert_eq!(has_none, (sample, pixel) == (1, 4), "{value}");
            }
        }
    }
}
