//! Short attacks for the smallest perturbation.

use std::ops::ControlFlow;
use std::sync::Arc;

use asma::attack::minimal::Method;
use asma::attack::{Attack, AttackInput, MinimalConfig, Outcome, Purpose, Snapshots};
use asma::cpu::CpuExecutor;
use asma::gpu::{Capabilities, GpuExecutor, GpuOptions, VariantChoice};
use asma::labels::IGNORE;
use asma::model::{Padding, SimpleUnet};
use asma::program::{BufferId, Executor, Program};
use asma::{LabelMap, Shape, Tensor};

use crate::common::shared_gpu;
use crate::comparison::{Lockstep, Mode, assert_same_memory, memory};
use crate::networks::{image, simple_unet, target};
use crate::setups;

const STEPS: u32 = 12;

struct Case {
    attack: Attack,
    source: Tensor,
    labels: Vec<LabelMap>,
    regions: Vec<LabelMap>,
}

impl Case {
    /// A batch whose samples have ever fewer counted pixels.
    fn new(config: MinimalConfig, samples: usize, region: bool) -> Case {
        let unet = SimpleUnet::doubling(3, 5, 2, 4, Padding::Valid);
        let input = Shape::new(samples, 3, 34, 38);
        let attack = Attack::new(&simple_unet(&unet, 3), input, config, region).unwrap();
        let output = attack.logits().shape;
        let regions = (0..samples * usize::from(region))
            .map(|n| LabelMap::from_fn(34, 38, |y, x| u8::from((y + x + n) % 5 != 0)).unwrap())
            .collect();
        let labels = (0..samples).map(|n| {
            let all = target(output.h, output.w, 1 + n as u8 % 2, n as u64);
            LabelMap::from_fn(output.h, output.w, |y, x| match (y * output.w + x) % 7 < n {
                true => IGNORE,
                false => all.get(y, x).unwrap(),
            })
        });
        Case {
            attack,
            source: image(input, 5),
            labels: labels.collect::<Result<_, _>>().unwrap(),
            regions,
        }
    }

    fn input(&self) -> AttackInput<'_> {
        AttackInput {
            source: &self.source,
            targets: &self.labels,
            regions: &self.regions,
            snapshots: Snapshots::None,
        }
    }

    fn run(&self, executor: &mut dyn Executor) -> Vec<Outcome> {
        self.attack
            .run(executor, self.input(), &mut |_| ControlFlow::Continue(()))
            .unwrap()
    }

    /// Sample `n` as an attack of its own.
    fn alone(&self, config: MinimalConfig, n: usize) -> Case {
        let mut case = Case::new(config, 1, !self.regions.is_empty());
        let elements = case.source.shape().elements();
        case.source
            .data_mut()
            .copy_from_slice(&self.source.data()[n * elements..][..elements]);
        case.labels = vec![self.labels[n].clone()];
        case.regions = self.regions.iter().skip(n).take(1).cloned().collect();
        case
    }
}

/// What attacks go by, whether within a region.
fn configs() -> [(&'static str, MinimalConfig, bool); 4] {
    let config = |method, purpose| MinimalConfig {
        purpose,
        steps: STEPS,
        learning_rate: 5e-3,
        ..MinimalConfig::new(method)
    };
    let published = MinimalConfig {
        published: true,
        ..config(Method::AlmaProx, Purpose::Untargeted)
    };
    [
        (
            "alma-prox, targeted, region",
            config(Method::AlmaProx, Purpose::Targeted),
            true,
        ),
        ("alma-prox as published", published, false),
        ("pdpgd, targeted", config(Method::Pdpgd, Purpose::Targeted), false),
        ("pdpgd, region", config(Method::Pdpgd, Purpose::Untargeted), true),
    ]
}

fn executors(program: &Arc<Program>) -> Vec<Box<dyn Executor>> {
    let mut executors: Vec<Box<dyn Executor>> = vec![Box::new(CpuExecutor::new(program.clone()).unwrap())];
    if let Some(gpu) = shared_gpu(Capabilities::Full) {
        let options = GpuOptions::default();
        executors.push(Box::new(GpuExecutor::new(gpu, program, &options).unwrap()));
    }
    executors
}

#[test]
fn every_call_of_an_attack_equals_its_twin() {
    for (setup, gpu, options) in setups() {
        // The variants of the convolutions are the network's business.
        if options.variants != VariantChoice::Auto {
            continue;
        }
        for (name, config, region) in configs() {
            let case = Case::new(config, 2, region);
            let attack = &case.attack;
            let mut lockstep = Lockstep::new(attack.program(), gpu.clone(), &options, Mode::Isolated);
            let iterations = attack.prepare(&mut lockstep.cpu, case.input()).unwrap();
            for index in 0..attack.program().buffers().len() {
                lockstep.copy_to_gpu(BufferId(index));
            }
            for calls in iterations {
                lockstep.run(&calls);
            }
            lockstep.report(&format!("{setup}: {name}"));
            for trace in attack.trace(&mut lockstep.cpu).unwrap() {
                assert_eq!(trace.len(), STEPS as usize + 1);
                let [first, last] = [0, STEPS as usize].map(|row| trace[row]);
                assert!(
                    first.pixel_accuracy != last.pixel_accuracy && last.linf > 0.0,
                    "{setup}, {name}: an attack that changes no prediction shows nothing"
                );
            }
        }
    }
}

#[test]
fn run_time_checks_and_a_second_run_change_no_bit() {
    let Some(gpu) = shared_gpu(Capabilities::Full) else {
        return;
    };
    for (name, config, region) in configs() {
        let case = Case::new(config, 2, region);
        let program = case.attack.program();
        let run = |checked| {
            let options = GpuOptions {
                checked,
                ..Default::default()
            };
            let mut executor = GpuExecutor::new(gpu.clone(), program, &options).unwrap();
            [0; 2].map(|_| {
                case.run(&mut executor);
                memory(&mut executor, program)
            })
        };
        let ([first, again], [checked, _]) = (run(false), run(true));
        assert_same_memory(&format!("{name}, twice"), program, &first, &again);
        assert_same_memory(&format!("{name}, checked"), program, &first, &checked);
    }
}

#[test]
fn batch_gives_each_sample_the_numbers_it_has_alone() {
    for (name, config, region) in configs() {
        let case = Case::new(config.clone(), 2, region);
        for (index, mut executor) in executors(case.attack.program()).into_iter().enumerate() {
            let what = format!("{name} on {}", executor.describe());
            let together = case.run(executor.as_mut());
            for (n, together) in together.iter().enumerate() {
                let case = case.alone(config.clone(), n);
                let mut executor = executors(case.attack.program()).swap_remove(index);
                let alone = &case.run(executor.as_mut())[0];
                assert_eq!(together.trace, alone.trace, "{what}, sample {n}");
                assert_eq!(together.last, alone.last, "{what}, sample {n}");
                assert_eq!(together.best, alone.best, "{what}, sample {n}");
                assert_eq!(
                    together.best_iteration, alone.best_iteration,
                    "{what}, sample {n}"
                );
            }
        }
    }
}

/// Beside the network's.
fn own_calls(config: MinimalConfig) -> usize {
    let case = Case::new(config, 1, false);
    let is_own = |&&call: &&usize| {
        let kernel = case.attack.program().calls()[call].params.kernel().name;
        ["alma", "pdpgd", "select", "minimal", "proximal"]
            .iter()
            .any(|own| kernel.starts_with(own))
    };
    case.attack.calls().iter().filter(is_own).count()
}

#[test]
fn an_iteration_of_alma_prox_has_twelve_calls_of_its_own_and_one_of_pdpgd_twenty() {
    assert_eq!(own_calls(MinimalConfig::new(Method::AlmaProx)), 12);
    assert_eq!(own_calls(MinimalConfig::new(Method::Pdpgd)), 20);
}
