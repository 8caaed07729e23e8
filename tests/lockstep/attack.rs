//! A short attack of both schedules.

use std::ops::ControlFlow;
use std::sync::Arc;

use asma::attack::{AsmaConfig, Attack, AttackInput, Outcome, Schedule, Snapshots, StepSize};
use asma::cpu::CpuExecutor;
use asma::gpu::{Capabilities, GpuExecutor, GpuOptions, VariantChoice};
use asma::model::{Padding, SimpleUnet};
use asma::program::{BufferId, Executor};
use asma::{LabelMap, Shape, Tensor, TraceRow};

use crate::common::shared_gpu;
use crate::comparison::{Lockstep, Mode, assert_same_memory, memory};
use crate::networks::{image, simple_unet, target};
use crate::setups;

const ITERATIONS: u32 = 20;

pub struct Case {
    pub attack: Attack,
    source: Tensor,
    targets: Vec<LabelMap>,
    regions: Vec<LabelMap>,
}

impl Case {
    fn new(schedule: Schedule, samples: usize, region: bool) -> Case {
        let unet = SimpleUnet::doubling(3, 5, 2, 3, Padding::Valid);
        let input = Shape::new(samples, 3, 34, 38);
        let config = AsmaConfig {
            schedule,
            step: StepSize::Fixed {
                tau: 6e-4,
                beta: 6e-3,
            },
            iterations: ITERATIONS,
            ..AsmaConfig::published()
        };
        let attack = Attack::new(&simple_unet(&unet, 3), input, config, region).unwrap();
        let output = attack.logits().shape;
        let regions = (0..samples * usize::from(region))
            .map(|n| LabelMap::from_fn(34, 38, |y, x| u8::from((y + x + n) % 5 != 0)).unwrap())
            .collect();
        Case {
            attack,
            source: image(input, 5),
            targets: (0..samples as u64)
                .map(|n| target(output.h, output.w, 1 + n as u8 % 2, n))
                .collect(),
            regions,
        }
    }

    pub fn input(&self) -> AttackInput<'_> {
        AttackInput {
            source: &self.source,
            targets: &self.targets,
            regions: &self.regions,
            snapshots: Snapshots::None,
        }
    }

    pub fn run(&self, executor: &mut dyn Executor) -> Vec<Outcome> {
        self.attack
            .run(executor, self.input(), &mut |_| ControlFlow::Continue(()))
            .unwrap()
    }

    /// Sample `n` as an attack of its own.
    fn alone(&self, n: usize) -> Case {
        let schedule = self.attack.config().asma().expect("ASMA").schedule;
        let mut case = Case::new(schedule, 1, !self.regions.is_empty());
        let elements = case.source.shape().elements();
        case.source
            .data_mut()
            .copy_from_slice(&self.source.data()[n * elements..][..elements]);
        case.targets = vec![self.targets[n].clone()];
        case.regions = self.regions.iter().skip(n).take(1).cloned().collect();
        case
    }
}

pub fn cases(samples: usize) -> [(&'static str, Case); 2] {
    [
        ("one-forward", Case::new(Schedule::OneForward, samples, true)),
        ("two-forward", Case::new(Schedule::TwoForward, samples, false)),
    ]
}

/// Compares two traces, of executors that round differently, so that up to `ties` pixels may be decided
/// otherwise at each iteration.
#[track_caller]
fn assert_close(what: &str, case: &Case, n: usize, traces: [&[TraceRow]; 2], ties: usize) {
    let [left, right] = traces;
    assert_eq!(left.len(), right.len(), "{what}");
    let target = &case.targets[n];
    // A pixel that goes from one class to another changes the intersection of one and the union of both.
    let smallest = (0..3)
        .map(|class| target.count(class))
        .filter(|&count| count > 0)
        .min()
        .unwrap();
    let iou = 1e-6 + 2.0 * ties as f32 / smallest as f32;
    let accuracy = 1e-6 + ties as f32 / target.labels().len() as f32;
    for (a, b) in left.iter().zip(right) {
        let same = a.iteration == b.iteration
            && (a.iou - b.iou).abs() <= iou
            && (a.pixel_accuracy - b.pixel_accuracy).abs() <= accuracy
            && (a.l2 - b.l2).abs() <= 1e-6 + 1e-3 * b.l2
            && (a.linf - b.linf).abs() <= 1e-6 + 1e-3 * b.linf
            && (a.multiplier - b.multiplier).abs() <= 2e-3 * iou + 1e-6 * b.multiplier;
        assert!(same, "{what}: {a:?} and {b:?}");
    }
}

#[test]
fn every_call_of_an_attack_equals_its_twin() {
    for (setup, gpu, options) in setups() {
        // The variants of the convolutions are the network's business.
        if options.variants != VariantChoice::Auto {
            continue;
        }
        for (schedule, case) in cases(2) {
            for mode in [Mode::Isolated, Mode::Running] {
                let attack = &case.attack;
                let mut lockstep = Lockstep::new(attack.program(), gpu.clone(), &options, mode);
                let iterations = attack.prepare(&mut lockstep.cpu, case.input()).unwrap();
                for index in 0..attack.program().buffers().len() {
                    lockstep.copy_to_gpu(BufferId(index));
                }
                for calls in iterations {
                    lockstep.run(&calls);
                }
                lockstep.report(&format!("{setup}: attack {schedule}"));
                let [gpu, cpu] = [&mut lockstep.gpu as &mut dyn Executor, &mut lockstep.cpu]
                    .map(|executor| attack.trace(executor).unwrap());
                for (n, (gpu, cpu)) in gpu.iter().zip(&cpu).enumerate() {
                    assert_eq!(cpu.len(), ITERATIONS as usize);
                    let what = format!("{setup}, {schedule}, {mode:?}");
                    // Ties were settled as they came.
                    assert_close(&what, &case, n, [gpu, cpu], 0);
                    let (first, last) = (cpu[0].pixel_accuracy, cpu[19].pixel_accuracy);
                    assert!(
                        first != last,
                        "{what}: an attack that changes no prediction shows nothing"
                    );
                }
            }
        }
    }
}

/// The blocking loop, with several iterations to a submission, on its own on each.
#[test]
fn traces_of_both_executors_agree() {
    let Some(gpu) = shared_gpu(Capabilities::Full) else {
        return;
    };
    for (schedule, case) in cases(2) {
        let mut on_gpu =
            GpuExecutor::new(gpu.clone(), case.attack.program(), &GpuOptions::default()).unwrap();
        let mut on_cpu = CpuExecutor::new(case.attack.program().clone()).unwrap();
        let outcomes = [case.run(&mut on_gpu), case.run(&mut on_cpu)];
        for n in 0..2 {
            let traces = outcomes.each_ref().map(|outcome| &outcome[n].trace[..]);
            assert_close(schedule, &case, n, traces, 2);
        }
    }
}

#[test]
fn run_time_checks_and_a_second_run_change_no_bit() {
    let Some(gpu) = shared_gpu(Capabilities::Full) else {
        return;
    };
    for (schedule, case) in cases(1) {
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
        assert_same_memory(&format!("{schedule}, twice"), program, &first, &again);
        assert_same_memory(&format!("{schedule}, checked"), program, &first, &checked);
    }
}

fn executors(program: &Arc<asma::program::Program>) -> Vec<Box<dyn Executor>> {
    let mut executors: Vec<Box<dyn Executor>> = vec![Box::new(CpuExecutor::new(program.clone()).unwrap())];
    if let Some(gpu) = shared_gpu(Capabilities::Full) {
        let options = GpuOptions::default();
        executors.push(Box::new(GpuExecutor::new(gpu, program, &options).unwrap()));
    }
    executors
}

#[test]
fn batch_gives_each_sample_the_numbers_it_has_alone() {
    for (schedule, case) in cases(2) {
        for (index, mut executor) in executors(case.attack.program()).into_iter().enumerate() {
            let what = format!("{schedule} on {}", executor.describe());
            let together = case.run(executor.as_mut());
            for (n, together) in together.iter().enumerate() {
                let case = case.alone(n);
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

/// Where the clip changed nothing, the two-forward schedule takes the second forward pass for the first of the next
/// iteration, and only there; every bit is as if it had not.
#[test]
fn a_forward_pass_is_left_out_only_where_nothing_was_clipped() {
    const MARK: f32 = 1234.5;
    for clips in [false, true] {
        let mut case = Case::new(Schedule::TwoForward, 2, false);
        // Only the second sample reaches the ends of the range.
        let elements = case.source.shape().elements();
        for (index, value) in case.source.data_mut().iter_mut().enumerate() {
            let reaches = clips && 2 * index >= elements;
            *value = if reaches {
                value.round()
            } else {
                0.3 + 0.4 * *value
            };
        }
        let attack = &case.attack;
        let program = attack.program();
        // Without the last convolution, which the mask is fused with.
        let mut forward = attack.forward();
        forward.pop();
        let first_written = program.calls()[forward[0]].writes()[0].unwrap();
        for (index, mut skipping) in executors(attack.program()).into_iter().enumerate() {
            let what = format!("clips: {clips}, on {}", skipping.describe());
            let mut whole = executors(attack.program()).swap_remove(index);
            let iterations = attack.prepare(skipping.as_mut(), case.input()).unwrap();
            attack.prepare(whole.as_mut(), case.input()).unwrap();
            for (number, iteration) in iterations.take(6).enumerate() {
                let (first, rest) = iteration.split_at(forward.len());
                let before = skipping.read(first_written, 1).unwrap();
                skipping.write(first_written, &[MARK]).unwrap();
                skipping.submit(first).unwrap();
                let left_out = skipping.read(first_written, 1).unwrap()[0] == MARK;
                assert_eq!(left_out, !clips && number > 0, "{what}, iteration {number}");
                if left_out {
                    skipping.write(first_written, &before).unwrap();
                }
                skipping.submit(rest).unwrap();
                whole.submit(&forward).unwrap();
                whole.submit(rest).unwrap();
                let memories =
                    [&mut skipping, &mut whole].map(|executor| memory(executor.as_mut(), attack.program()));
                assert_same_memory(&what, attack.program(), &memories[0], &memories[1]);
            }
        }
    }
}
