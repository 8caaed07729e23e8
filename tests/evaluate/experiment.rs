//! Pairs attacked side by side come to what they come to alone.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use asma::Shape;
use asma::attack::budget::Loss;
use asma::attack::{AsmaConfig, AttackConfig, Purpose, Target, table};
use asma::cpu::CpuExecutor;
use asma::data::{InputOptions, read_image, write_image, write_mask};
use asma::evaluate::{
    Devices, Experiment, Measured, OpenExecutor, Pair, Record, Sink, TraceRecord, Trial, Verdict, Want,
    checksum_of_network, kept_folder,
};
use asma::graph::ParameterId;
use asma::job::{Goal, ImageSource, Job, ModelSource, OnCpu, Silent};
use asma::model::{Model, Padding, SimpleUnet};
use asma::program::{Executor, Program};
use tempfile::TempDir;

use crate::networks;

const THRESHOLDS: [f32; 2] = [0.0, 1.0];

/// Images of two sizes, each with a target of its own, and one that is broken.
pub struct Case {
    pub folder: TempDir,
    pub model: Model,
    pub pairs: Vec<Pair>,
}

impl Case {
    fn new() -> Case {
        let folder = tempfile::tempdir().unwrap();
        let unet = SimpleUnet::doubling(3, 4, 2, 3, Padding::Same);
        let model = Model::from_checkpoint(&networks::checkpoint_of(&unet, true)).unwrap();
        let pairs = (0..6)
            .map(|number| {
                let path = |kind: &str| folder.path().join(format!("{number}{kind}.png"));
                let (height, width) = if number % 3 == 2 { (16, 24) } else { (20, 22) };
                write_image(
                    path(""),
                    &networks::image(Shape::new(1, 3, height, width), 30 + number),
                )
                .unwrap();
                let mask = networks::target(height, width, 1 + number as u8 % 2, number);
                write_mask(path("target"), &mask).unwrap();
                Pair {
                    image: path(""),
                    want: Want::Target(Target::File(path("target"))),
                    label: Some(path("target")),
                    region: None,
                }
            })
            .collect();
        let mut case = Case { folder, model, pairs };
        std::fs::write(&case.pairs[3].image, b"no image").unwrap();
        case.pairs[3].label = None;
        case
    }

    /// All pairs, of which no images are kept.
    pub fn experiment<'a>(&'a self, input: &'a InputOptions, trials: &'a [Trial]) -> Experiment<'a> {
        Experiment {
            model: &self.model,
            input,
            pairs: &self.pairs,
            trials,
            thresholds: &THRESHOLDS,
            saved: None,
        }
    }

    pub fn run(&self, trials: &[Trial], on_cpu: bool, at_once: usize) -> Vec<(Record, Option<TraceRecord>)> {
        self.run_on(&cpu, trials, on_cpu, at_once)
    }

    pub fn run_on(
        &self,
        open: &OpenExecutor,
        trials: &[Trial],
        on_cpu: bool,
        at_once: usize,
    ) -> Vec<(Record, Option<TraceRecord>)> {
        let options = InputOptions::default();
        let saved = self.saved();
        let experiment = Experiment {
            saved: Some(&saved),
            ..self.experiment(&options, trials)
        };
        let devices = Devices {
            open,
            on_cpu,
            at_once: Some(at_once),
        };
        let tasks: Vec<usize> = (0..experiment.task_count()).collect();
        let mut kept = Kept::default();
        assert!(experiment.run(&tasks, devices, &mut kept).unwrap().is_continue());
        kept.0.sort_by_key(|(record, _)| record.task);
        kept.0
    }

    pub fn saved(&self) -> PathBuf {
        self.folder.path().join("saved")
    }
}

pub fn cpu(program: &Arc<Program>, _: usize) -> asma::Result<Box<dyn Executor>> {
    Ok(Box::new(CpuExecutor::new(program.clone())?))
}

const ON_CPU: Devices<'static> = Devices {
    open: &cpu,
    on_cpu: true,
    at_once: None,
};

#[derive(Default)]
pub struct Kept(pub Vec<(Record, Option<TraceRecord>)>);

impl Sink for Kept {
    fn ended(&mut self, mut record: Record, trace: Option<TraceRecord>) -> asma::Result<()> {
        if let Verdict::Done(measured) = &mut record.verdict {
            assert!(measured.seconds > 0.0 || measured.iterations == 0);
            measured.seconds = 0.0;
        }
        self.0.push((record, trace));
        Ok(())
    }
}

fn asma_trial(iterations: u32) -> Trial {
    let config = AsmaConfig {
        iterations,
        ..AsmaConfig::default()
    };
    Trial::new(config.into(), &[], BTreeMap::new())
}

fn budget(name: &str, losses: &[Loss]) -> Trial {
    let settings = table::named(name).unwrap().settings;
    let config = match settings(asma::attack::budget::Norm::Linf) {
        AttackConfig::Budget(budget) => asma::attack::BudgetConfig { steps: 4, ..budget },
        other => panic!("{other:?}"),
    };
    Trial::new(config.into(), losses, BTreeMap::new())
}

pub fn done(record: &Record) -> &Measured {
    match &record.verdict {
        Verdict::Done(measured) => measured,
        Verdict::Failed { reason } => panic!("{reason}"),
    }
}

#[test]
fn side_by_side_and_in_batches_each_pair_comes_to_what_it_comes_to_alone() {
    let case = Case::new();
    let trials = [
        asma_trial(9),
        budget("sea", &table::SEA_LOSSES),
        budget("pgd", &[]),
    ];
    let alone = case.run(&trials, true, 1);
    assert_eq!(alone.len(), 18);
    for (number, (record, trace)) in alone.iter().enumerate() {
        assert_eq!((record.task, record.pair), (number, number / 3));
        assert_eq!(record.setting, trials[number % 3].setting.name);
        match &record.verdict {
            Verdict::Failed { reason } => {
                assert_eq!(record.pair, 3);
                assert!(reason.contains("3.png") && trace.is_none(), "{reason}");
            }
            Verdict::Done(measured) => {
                assert_ne!(record.pair, 3);
                assert_eq!(measured.float.success, [true, measured.float.iou >= 1.0]);
                assert_eq!(measured.float.classes.len(), 3);
                assert_eq!(
                    trace.as_ref().unwrap().iteration.len() as u32,
                    measured.iterations
                );
            }
        }
    }
    assert_eq!(alone, case.run(&trials, true, 2));
    assert_eq!(alone, case.run(&trials, false, 4));
    assert_eq!(alone, case.run(&trials, false, 1));
}

#[test]
fn a_batch_that_the_device_does_not_take_is_attacked_in_smaller_ones() {
    let case = Case::new();
    let trials = [asma_trial(4)];
    let alone = case.run(&trials, true, 1);
    let most = |limit: usize, error: fn() -> asma::Error| {
        let largest = AtomicUsize::new(0);
        let open = |program: &Arc<Program>, samples: usize| {
            if samples > limit {
                return Err(error());
            }
            largest.fetch_max(samples, Ordering::Relaxed);
            cpu(program, samples)
        };
        assert_eq!(alone, case.run_on(&open, &trials, false, 4));
        largest.into_inner()
    };
    let too_large = || asma::Error::Limit {
        tensor: "logits".into(),
        bytes: 2,
        limit: 1,
        limit_name: "max_buffer_size",
    };
    let no_memory = || asma::Error::Device("out of memory".into());
    assert_eq!(most(4, no_memory), 4);
    assert_eq!(most(1, no_memory), 1);
    assert_eq!(most(1, too_large), 1);
}

#[test]
fn where_there_is_nothing_to_attack_the_image_counts_as_it_is() {
    let mut case = Case::new();
    case.pairs.remove(3);
    // What the network predicts already for the first one.
    let before = ModelSource::Loaded {
        name: "network",
        model: &case.model,
    };
    let job = Job {
        config: asma_trial(1).config,
        ..Job::new(
            before,
            ImageSource::File(&case.pairs[0].image),
            case.pairs[0].goal(),
        )
    };
    let predicted = job.run(&mut OnCpu, &mut Silent).unwrap().attacked.before;
    let path = case.folder.path().join("predicted.png");
    write_mask(&path, &predicted).unwrap();
    case.pairs[0].want = Want::Target(Target::File(path));
    let trials = [asma_trial(4)];
    let records = case.run(&trials, true, 2);
    assert_eq!(records, case.run(&trials, false, 4));
    let (record, trace) = &records[0];
    let measured = done(record);
    assert_eq!(measured.stop, "nothing to attack");
    assert_eq!((measured.iou_before, measured.float.iou), (1.0, 1.0));
    assert_eq!((measured.float.l2, measured.float.linf), (0.0, 0.0));
    assert_eq!(measured.float.psnr, None);
    let passes = (
        measured.iterations,
        measured.forward_passes,
        measured.backward_passes,
    );
    assert_eq!(passes, (0, 0, 0));
    assert!(trace.as_ref().unwrap().iteration.is_empty());
    assert!(done(&records[1].0).iterations > 0);
}

#[test]
fn tasks_that_there_are_not_are_refused() {
    let case = Case::new();
    let options = InputOptions::default();
    let refused = case
        .experiment(&options, &[])
        .run(&[0], ON_CPU, &mut Kept::default())
        .unwrap_err()
        .to_string();
    assert!(refused.contains("0 trials make 0 tasks"), "{refused}");
}

#[test]
fn a_record_says_what_one_job_says_and_what_is_kept_has_its_distance() {
    let case = Case::new();
    let trials = [asma_trial(9)];
    let records = case.run(&trials, true, 2);
    let pair = &case.pairs[1];
    let job = Job {
        config: trials[0].config.clone(),
        ..Job::new(
            ModelSource::Loaded {
                name: "network",
                model: &case.model,
            },
            ImageSource::File(&pair.image),
            pair.goal(),
        )
    };
    assert!(matches!(pair.goal(), Goal::Target(_)));
    let performed = job.run(&mut OnCpu, &mut Silent).unwrap();
    let (record, trace) = &records[1];
    let measured = done(record);
    let (results, judged) = (&performed.summary.results, &performed.attacked.judged);
    let saved = judged.saved_scores();
    assert_eq!(
        [measured.float.iou, measured.float.l2, measured.float.linf],
        [saved.iou, saved.l2, saved.linf]
    );
    let rounded = results.rounded_to_8_bits;
    assert_eq!(
        [measured.as_8_bits.iou, measured.as_8_bits.l2],
        [rounded.iou, rounded.l2]
    );
    let likeness = performed.summary.likeness.as_ref().unwrap();
    assert_eq!(measured.as_8_bits.psnr, likeness.psnr);
    assert_eq!(measured.as_8_bits.ssim, likeness.ssim);
    assert_eq!(measured.iterations, performed.summary.iterations);
    // The first gradient, and one pass each an iteration.
    assert_eq!((measured.forward_passes, measured.backward_passes), (10, 10));
    let iou: Vec<f32> = performed
        .attacked
        .outcome
        .trace
        .iter()
        .map(|row| row.iou)
        .collect();
    assert_eq!(trace.as_ref().unwrap().iou, iou);
    // The target is also the label here.
    assert_eq!(measured.clean_iou, Some(results.before.iou));
    let kept = kept_folder(&case.saved(), 1);
    let written = read_image(kept.join("adversarial.png")).unwrap();
    assert_eq!(written, judged.written);
    let source = read_image(kept.join("source.png")).unwrap();
    assert_eq!(source, read_image(&pair.image).unwrap());
    assert!(kept.join("adversarial.safetensors").exists());
}

#[test]
fn of_several_losses_the_worst_is_recorded_and_all_are_told() {
    let case = Case::new();
    let trials = [budget("sea", &table::SEA_LOSSES)];
    let records = case.run(&trials, true, 2);
    let measured = done(&records[0].0);
    let losses: Vec<&str> = measured.losses.iter().map(|loss| loss.loss.as_str()).collect();
    assert_eq!(losses, ["mask-ce-bal", "mask-ce-avg", "js-avg"]);
    assert_eq!(trials[0].config.purpose(), Purpose::Targeted);
    let best = measured.losses.iter().map(|loss| loss.pixel_accuracy);
    assert_eq!(measured.float.pixel_accuracy, best.fold(0.0, f32::max));
    let one = done(&case.run(&[budget("apgd", &[])], true, 1)[0].0).forward_passes;
    assert!(measured.forward_passes >= 3 * one.min(4));
}

#[test]
fn who_asks_to_stop_gets_what_ended_by_then() {
    struct Once(usize);
    impl Sink for Once {
        fn ended(&mut self, _: Record, _: Option<TraceRecord>) -> asma::Result<()> {
            self.0 += 1;
            Ok(())
        }
        fn tick(&mut self) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    struct Full;
    impl Sink for Full {
        fn ended(&mut self, _: Record, _: Option<TraceRecord>) -> asma::Result<()> {
            Err(asma::Error::file("results.jsonl", "the disk is full"))
        }
    }
    let case = Case::new();
    let options = InputOptions::default();
    // Far more than there is time for.
    let trials = [asma_trial(1_000_000)];
    let experiment = case.experiment(&options, &trials);
    let mut once = Once(0);
    assert!(experiment.run(&[0, 1, 2], ON_CPU, &mut once).unwrap().is_break());
    assert_eq!(once.0, 0);
    // A sink that fails ends it too; the broken pair is the first and ends at once.
    let refused = experiment
        .run(&[3, 4, 5], ON_CPU, &mut Full)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("the disk is full"), "{refused}");
}

/// Other weights are another network, and so are other operators on the same ones.
#[test]
fn a_network_is_known_by_its_operators_and_weights() {
    let checksum = |padding, change: &dyn Fn(&mut Model)| {
        let unet = SimpleUnet::doubling(3, 4, 2, 3, padding);
        let mut model = Model::from_checkpoint(&networks::checkpoint_of(&unet, true)).unwrap();
        change(&mut model);
        checksum_of_network(&model)
    };
    let one = checksum(Padding::Same, &|_| ());
    assert_eq!(one, checksum(Padding::Same, &|_| ()));
    assert_ne!(one, checksum(Padding::Valid, &|_| ()));
    let other_weight = |model: &mut Model| {
        let id = ParameterId(0);
        let mut data = model.network.parameters()[0].data.to_vec();
        data[0] += 1.0;
        model.network.set_parameter(id, Arc::new(data)).unwrap();
    };
    assert_ne!(one, checksum(Padding::Same, &other_weight));
}
