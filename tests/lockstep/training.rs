//! Whole training steps, from the samples to the new weights.

use asma::Shape;
use asma::model::{Padding, SimpleUnet};
use asma::train::{LossConfig, TrainingConfig, TrainingPlan};

use crate::comparison::{Lockstep, Mode};
use crate::networks::{image, simple_unet, target};
use crate::setups;

#[test]
fn every_call_of_a_training_step_equals_its_twin() {
    let cases = [
        (
            SimpleUnet::doubling(3, 4, 3, 2, Padding::Same),
            Shape::new(2, 3, 28, 20),
            vec![],
        ),
        (
            SimpleUnet::doubling(3, 5, 2, 3, Padding::Valid),
            Shape::new(2, 3, 38, 42),
            vec![0.5, 1.0, 2.0],
        ),
    ];
    for (unet, input, class_weights) in cases {
        let config = TrainingConfig {
            loss: LossConfig {
                class_weights,
                ..LossConfig::default()
            },
            ..TrainingConfig::default()
        };
        let plan = TrainingPlan::new(&simple_unet(&unet, 3), input, config).unwrap();
        let output = plan.output();
        let labels: Vec<u32> = (0..output.n as u64)
            .flat_map(|sample| {
                let class = output.c as u8 - 1 - sample as u8 % 2;
                target(output.h, output.w, class, sample).into_labels()
            })
            .map(u32::from)
            .collect();
        for (setup, gpu, options) in setups() {
            // Only isolated: Adam's first steps have the sign of each gradient, also where rounding decides it.
            let mut lockstep = Lockstep::new(plan.program(), gpu, &options, Mode::Isolated);
            plan.prepare(&mut lockstep.cpu).unwrap();
            for t in 1..=2 {
                let images = image(input, t.into());
                plan.write_step(&mut lockstep.cpu, images.data(), &labels, t, 1e-3)
                    .unwrap();
                lockstep.run(plan.calls());
            }
            lockstep.report(&format!("{setup}: training {unet} on {input}"));
        }
    }
}
