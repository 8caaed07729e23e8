//! What the attack promises, on the CPU executor and a network of a few thousand weights.

mod budget;
mod budget_settings;
mod goals;
mod inputs;
mod minimal;
mod modes;
#[path = "../networks/mod.rs"]
mod networks;
mod settings;
mod stopping;
mod targets;

use std::ops::ControlFlow;

use asma::attack::{AsmaConfig, Attack, AttackInput, Outcome, Schedule, Snapshots, StepSize};
use asma::cpu::CpuExecutor;
use asma::graph::Graph;
use asma::labels::{LabelMap, compare};
use asma::model::{Padding, SimpleUnet};
use asma::{Result, Shape, Tensor};

use networks::{image, simple_unet_scaled, target};

const INPUT: Shape = Shape::new(1, 3, 30, 26);

/// A network with logits `scale` times as large as they would be.
fn network(scale: f32) -> Graph {
    simple_unet_scaled(&SimpleUnet::doubling(3, 4, 2, 2, Padding::Valid), 7, scale)
}

/// Steps large enough to get far in some tens of iterations.
fn config(iterations: u32) -> AsmaConfig {
    AsmaConfig {
        step: StepSize::Fixed {
            tau: 1e-3,
            beta: 1e-2,
        },
        iterations,
        schedule: Schedule::OneForward,
        ..AsmaConfig::published()
    }
}

/// An attack on one image, and what is changed of it in a test.
struct Case {
    graph: Graph,
    /// The shape that the attack is planned for.
    input: Shape,
    config: AsmaConfig,
    source: Tensor,
    target: LabelMap,
    region: Option<LabelMap>,
}

impl Case {
    fn new(config: AsmaConfig) -> Case {
        let graph = network(1.0);
        let output = graph.output_shape(INPUT).unwrap();
        Case {
            graph,
            input: INPUT,
            config,
            source: image(INPUT, 5),
            target: target(output.h, output.w, 1, 0),
            region: None,
        }
    }

    fn attack(&self) -> Result<(Attack, CpuExecutor)> {
        let attack = Attack::new(
            &self.graph,
            self.input,
            self.config.clone(),
            self.region.is_some(),
        )?;
        let executor = CpuExecutor::new(attack.program().clone())?;
        Ok((attack, executor))
    }

    /// Runs, and stops when `stop` says so for the number of rows so far.
    fn run_until(&self, mut stop: impl FnMut(usize) -> bool) -> Result<Outcome> {
        let (attack, mut executor) = self.attack()?;
        let input = AttackInput {
            source: &self.source,
            targets: std::slice::from_ref(&self.target),
            regions: self.region.as_slice(),
            snapshots: Snapshots::None,
        };
        let mut outcomes = attack.run(&mut executor, input, &mut |progress| {
            if stop(progress.traces[0].len()) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })?;
        assert_eq!(outcomes.len(), 1);
        Ok(outcomes.remove(0))
    }

    fn run(&self) -> Result<Outcome> {
        self.run_until(|_| false)
    }

    /// The IoU of the network's prediction for an image.
    fn iou(&self, image: &Tensor) -> f32 {
        let (attack, mut executor) = self.attack().unwrap();
        let prediction = attack.predict(&mut executor, image).unwrap().remove(0);
        compare(&self.target, &prediction, &attack.scored_classes())
            .unwrap()
            .0
    }

    fn problem(&self) -> String {
        let error = self.run().expect_err("a refusal");
        assert!(matches!(error, asma::Error::Usage(_)), "{error:?}");
        let text = error.to_string();
        assert!(!text.contains('\n'), "{text}");
        text
    }
}
