//! A few steps of every attack with a budget, call by call on both executors.

use asma::attack::budget::{Loss, Minimise, Norm, Rule};
use asma::attack::{Attack, AttackConfig, AttackInput, BudgetConfig, Purpose, Snapshots, table};
use asma::gpu::{Capabilities, GpuOptions};
use asma::model::{Padding, SimpleUnet};
use asma::program::{BufferId, Executor};
use asma::{LabelMap, Shape, TraceRow};

use crate::common::shared_gpu;
use crate::comparison::{Lockstep, Mode};
use crate::networks::{image, simple_unet, target};

const INPUT: Shape = Shape::new(2, 3, 34, 38);

fn attacks() -> Vec<BudgetConfig> {
    let norms = [Norm::Linf, Norm::L2];
    let entries = table::ATTACKS
        .iter()
        .flat_map(|entry| norms.map(|norm| (entry.settings)(norm)));
    let mut attacks: Vec<BudgetConfig> = entries
        .filter_map(|config| match config {
            AttackConfig::Budget(config) if config.rule == Rule::Adam && config.norm == Norm::L2 => None,
            AttackConfig::Budget(config) => Some(config),
            _ => None,
        })
        .map(|config| BudgetConfig {
            steps: config.steps.min(8),
            restarts: if config.random_start { 2 } else { 1 },
            ..config
        })
        .collect();
    let pgd = BudgetConfig {
        steps: 3,
        ..BudgetConfig::default()
    };
    for loss in [
        Loss::WeightedCrossEntropy,
        Loss::JensenShannon,
        Loss::Tsallis,
        Loss::Cosine,
        Loss::Ratio,
    ] {
        attacks.push(BudgetConfig {
            loss,
            class_weights: Some(vec![1.0, 0.5, 2.0]),
            ..pgd.clone()
        });
    }
    attacks.push(BudgetConfig {
        minimise: Some(Minimise { rate: 0.6, rounds: 3 }),
        ..pgd.clone()
    });
    attacks.push(BudgetConfig {
        rule: Rule::Largest,
        loss: Loss::Dense,
        published: true,
        ..pgd
    });
    attacks
}

#[test]
fn every_call_of_every_attack_equals_its_twin() {
    let Some(gpu) = shared_gpu(Capabilities::Full) else {
        return;
    };
    let unet = SimpleUnet::doubling(3, 5, 2, 3, Padding::Valid);
    let graph = simple_unet(&unet, 3);
    for (number, config) in attacks().into_iter().enumerate() {
        let what = format!("{} {} {}", config.attack, config.norm, config.loss);
        let config = BudgetConfig {
            purpose: if number % 2 == 0 {
                Purpose::Untargeted
            } else {
                Purpose::Targeted
            },
            ..config
        };
        let attack = Attack::new(&graph, INPUT, config, number % 3 == 0).unwrap();
        let output = attack.logits().shape;
        let labels: Vec<LabelMap> = (0..2)
            .map(|n| target(output.h, output.w, 1 + n as u8, n))
            .collect();
        let regions: Vec<LabelMap> = (0..2 * usize::from(number % 3 == 0))
            .map(|n| LabelMap::from_fn(34, 38, |y, x| u8::from((y + x + n) % 5 != 0)).unwrap())
            .collect();
        let source = image(INPUT, 5);
        let input = AttackInput {
            source: &source,
            targets: &labels,
            regions: &regions,
            snapshots: Snapshots::None,
        };
        let mut lockstep = Lockstep::new(
            attack.program(),
            gpu.clone(),
            &GpuOptions::default(),
            Mode::Running,
        );
        let iterations = attack.prepare(&mut lockstep.cpu, input).unwrap();
        for index in 0..attack.program().buffers().len() {
            lockstep.copy_to_gpu(BufferId(index));
        }
        for calls in iterations {
            lockstep.run(&calls);
        }
        lockstep.report(&what);
        let traces = [&mut lockstep.gpu as &mut dyn Executor, &mut lockstep.cpu]
            .map(|executor| attack.trace(executor).unwrap());
        let [gpu, cpu] = traces;
        for (gpu, cpu) in gpu.iter().flatten().zip(cpu.iter().flatten()) {
            assert!(is_close(gpu, cpu), "{what}: {gpu:?} and {cpu:?}");
        }
    }
}

fn is_close(a: &TraceRow, b: &TraceRow) -> bool {
    let near = |a: f32, b: f32| (a - b).abs() <= 1e-6 + 1e-3 * b.abs();
    let loss = near(a.loss.unwrap(), b.loss.unwrap());
    a.iteration == b.iteration
        && a.success_rate == b.success_rate
        && loss
        && near(a.iou, b.iou)
        && near(a.l2, b.l2)
        && near(a.linf, b.linf)
        && near(a.multiplier, b.multiplier)
}
