//! The loop over epochs: that it learns, repeats itself, and is taken up again.

use std::ops::ControlFlow;

use asma::checkpoint::Checkpoint;
use asma::cpu::CpuExecutor;
use asma::gpu::{Capabilities, GpuExecutor, GpuOptions};
use asma::graph::Graph;
use asma::model::{Padding, SimpleUnet};
use asma::program::Executor;
use asma::train::{
    Augmentation, Event, Samples, Trainer, TrainingConfig, TrainingPlan, TrainingState, initial_graph,
    mean_graph,
};
use asma::{EpochRow, Error, LabelMap, Result, Shape, Tensor};

use crate::{assert_says, common};

pub const SIDE: usize = 16;

pub fn unet(padding: Padding) -> SimpleUnet {
    SimpleUnet::doubling(3, 4, 2, 2, padding)
}

pub fn config() -> TrainingConfig {
    TrainingConfig {
        epochs: 2,
        batch: 4,
        learning_rate: 1e-2,
        warm_up: 2,
        ..TrainingConfig::default()
    }
}

/// Samples with a bright square, which is class 1, on a dark ground.
pub fn squares(count: usize, side: usize) -> Samples {
    let mut samples = Samples::new(3, side, side);
    for index in 0..count {
        let (top, left) = (1 + 5 * index % (side / 2), 1 + 3 * index % (side / 2));
        let inside =
            |y: usize, x: usize| (top..top + side / 3).contains(&y) && (left..left + side / 3).contains(&x);
        let image = Tensor::from_fn(Shape::new(1, 3, side, side), |_, c, y, x| {
            let texture = ((7 * x + 3 * y + c) % 5) as f32 / 20.0;
            texture + if inside(y, x) { 0.7 } else { 0.1 }
        });
        let labels = LabelMap::from_fn(side, side, |y, x| u8::from(inside(y, x))).unwrap();
        samples.push(&image, labels).unwrap();
    }
    samples
}

pub struct Run {
    pub graph: Graph,
    pub plan: TrainingPlan,
    pub training: Samples,
    pub validation: Samples,
}

impl Run {
    pub fn new(config: TrainingConfig) -> Run {
        let graph = initial_graph(&unet(Padding::Same).blank().unwrap(), config.seed).unwrap();
        let input = Shape::new(config.batch, 3, SIDE, SIDE);
        Run {
            plan: TrainingPlan::new(&graph, input, config).unwrap(),
            graph,
            training: squares(14, SIDE),
            validation: squares(5, SIDE),
        }
    }

    /// Trains on the CPU until `stop` says so, after a step of this number in all.
    pub fn until(&self, state: Option<TrainingState>, stop: u32) -> TrainingState {
        let mut executor = CpuExecutor::new(self.plan.program().clone()).unwrap();
        self.on(&mut executor, state, stop)
    }

    pub fn on(&self, executor: &mut dyn Executor, state: Option<TrainingState>, stop: u32) -> TrainingState {
        let trainer = Trainer::new(&self.plan, executor, &self.training, &self.validation, state).unwrap();
        trainer
            .run(&mut |event| {
                Ok(match event {
                    Event::Step { done, .. } if done >= stop => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                })
            })
            .unwrap()
    }

    pub fn refused(
        &self,
        training: &Samples,
        validation: &Samples,
        state: Option<TrainingState>,
    ) -> Result<()> {
        let mut executor = CpuExecutor::new(self.plan.program().clone()).unwrap();
        Trainer::new(&self.plan, &mut executor, training, validation, state).map(|_| ())
    }
}

#[test]
fn learns_what_can_be_learnt() {
    let run = Run::new(TrainingConfig {
        epochs: 30,
        ..config()
    });
    let history: Vec<EpochRow> = run.until(None, u32::MAX).history().to_vec();
    assert_eq!(history.len(), 30);
    let last = history[29];
    assert!(last.validation_iou > 0.9, "{last:?}");
    assert!(last.training_loss < 0.5 * history[0].training_loss, "{last:?}");
    assert!(
        last.validation_loss < 0.5 * history[0].validation_loss,
        "{last:?}"
    );
}

#[test]
fn learns_on_the_centre_that_a_valid_network_sees() {
    let config = TrainingConfig {
        epochs: 40,
        augmentation: Augmentation::NONE,
        ..config()
    };
    let graph = initial_graph(&unet(Padding::Valid).blank().unwrap(), 0).unwrap();
    let plan = TrainingPlan::new(&graph, Shape::new(4, 3, 36, 36), config).unwrap();
    assert_eq!((plan.output().h, plan.output().w), (20, 20));
    let (training, validation) = (squares(12, 36), squares(3, 36));
    let mut executor = CpuExecutor::new(plan.program().clone()).unwrap();
    let trainer = Trainer::new(&plan, &mut executor, &training, &validation, None).unwrap();
    let state = trainer.run(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();
    assert!(state.best().unwrap().iou > 0.9, "{:?}", state.history().last());
}

#[test]
fn two_runs_are_equal_to_the_bit() {
    let run = Run::new(config());
    let state = run.until(None, u32::MAX);
    assert_eq!(state, run.until(None, u32::MAX));
    let other_seed = Run::new(TrainingConfig { seed: 1, ..config() });
    assert_ne!(state, other_seed.until(None, u32::MAX));
}

#[test]
fn two_runs_on_a_gpu_are_equal_to_the_bit_and_near_those_on_the_cpu() {
    let Some(gpu) = common::gpu(Capabilities::Baseline) else {
        return;
    };
    let run = Run::new(config());
    let executor = || GpuExecutor::new(gpu.clone(), run.plan.program(), &GpuOptions::default()).unwrap();
    let state = run.on(&mut executor(), None, u32::MAX);
    assert_eq!(state, run.on(&mut executor(), None, u32::MAX));
    // Adam makes steps of the same size of gradients that rounding alone decides, so that weights part slowly;
    // losses after six steps agree all the same.
    for (gpu, cpu) in state.history().iter().zip(run.until(None, u32::MAX).history()) {
        assert!(
            (gpu.training_loss - cpu.training_loss).abs() < 1e-3,
            "{gpu:?} {cpu:?}"
        );
        assert!(
            (gpu.validation_loss - cpu.validation_loss).abs() < 1e-3,
            "{gpu:?} {cpu:?}"
        );
    }
}

#[test]
fn a_resumed_run_ends_as_if_it_had_never_stopped() {
    let run = Run::new(config());
    let whole = run.until(None, u32::MAX);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    // Three steps make an epoch, and one step more than the wish is under way: in the middle of the first epoch,
    // at its end, and in the middle of the second.
    for (stop, done) in [(1, [0, 2]), (2, [1, 0]), (4, [1, 2])] {
        let stopped = run.until(None, stop);
        assert_eq!(
            [stopped.epoch(), stopped.step()],
            done,
            "stopped after step {stop}"
        );
        stopped
            .to_checkpoint(&run.graph, unet(Padding::Same).metadata())
            .unwrap()
            .save(&path)
            .unwrap();
        let read = TrainingState::from_checkpoint(&Checkpoint::open(&path).unwrap(), &run.graph).unwrap();
        assert_eq!(read, stopped, "after step {stop}");
        assert_eq!(
            run.until(Some(read), u32::MAX),
            whole,
            "stopped after step {stop}"
        );
    }
}

#[test]
fn classes_that_neither_labels_nor_prediction_have_say_nothing() {
    // Five classes for labels that have two: a network that has learnt nothing does not score 3/4 by what it never sees.
    let unet = SimpleUnet::doubling(3, 4, 2, 5, Padding::Same);
    let graph = initial_graph(&unet.blank().unwrap(), 0).unwrap();
    let config = TrainingConfig {
        epochs: 3,
        ..config()
    };
    let plan = TrainingPlan::new(&graph, Shape::new(4, 3, SIDE, SIDE), config.clone()).unwrap();
    let (training, validation) = (squares(12, SIDE), squares(5, SIDE));
    let mut executor = CpuExecutor::new(plan.program().clone()).unwrap();
    let trainer = Trainer::new(&plan, &mut executor, &training, &validation, None).unwrap();
    let state = trainer.run(&mut |_| Ok(ControlFlow::Continue(()))).unwrap();

    let weights = state.weights(&graph, unet.metadata()).unwrap();
    let model = asma::model::Model::from_checkpoint(&weights).unwrap();
    let plan = TrainingPlan::new(&model.graph, Shape::new(1, 3, SIDE, SIDE), config).unwrap();
    let mut executor = CpuExecutor::new(plan.program().clone()).unwrap();
    plan.prepare(&mut executor).unwrap();
    let mut of_samples = Vec::new();
    for index in 0..validation.len() {
        let (image, labels) = validation.get(index).unwrap();
        let words: Vec<u32> = labels.labels().iter().map(|&label| label.into()).collect();
        let (_, logits) = plan.assess(&mut executor, image.data(), &words).unwrap();
        let found = LabelMap::from_logits(&logits, 0).unwrap();
        let pairs = || labels.labels().iter().zip(found.labels());
        let of_classes: Vec<f64> = (1..5)
            .filter_map(|class| {
                let either = pairs()
                    .filter(|&(&wanted, &found)| wanted == class || found == class)
                    .count();
                let both = pairs()
                    .filter(|&(&wanted, &found)| wanted == class && found == class)
                    .count();
                (either > 0).then(|| both as f64 / either as f64)
            })
            .collect();
        of_samples.push(of_classes.iter().sum::<f64>() / of_classes.len() as f64);
    }
    let iou = of_samples.iter().sum::<f64>() / of_samples.len() as f64;
    let told = state.history().last().unwrap().validation_iou;
    assert!((iou - told).abs() < 1e-6, "{iou} {told}");
}

#[test]
fn a_wish_to_stop_at_an_epochs_last_step_ends_the_run_after_it() {
    let run = Run::new(config());
    let mut executor = CpuExecutor::new(run.plan.program().clone()).unwrap();
    let trainer = Trainer::new(&run.plan, &mut executor, &run.training, &run.validation, None).unwrap();
    let mut epochs = 0;
    let state = trainer
        .run(&mut |event| {
            Ok(match event {
                Event::Step { done: 3, .. } => ControlFlow::Break(()),
                Event::Step { .. } => ControlFlow::Continue(()),
                Event::Epoch { .. } => {
                    epochs += 1;
                    ControlFlow::Continue(())
                }
            })
        })
        .unwrap();
    assert_eq!((epochs, state.epoch(), state.history().len()), (1, 1, 1));
}

#[test]
fn the_best_epoch_is_told_and_its_weights_are_those_of_then() {
    let run = Run::new(TrainingConfig {
        epochs: 6,
        ..config()
    });
    let mut executor = CpuExecutor::new(run.plan.program().clone()).unwrap();
    let trainer = Trainer::new(&run.plan, &mut executor, &run.training, &run.validation, None).unwrap();
    let mut best_rows = Vec::new();
    let mut best_state = None;
    let state = trainer
        .run(&mut |event| {
            if let Event::Epoch { row, best, state } = event {
                assert_eq!(state.history().last(), Some(&row));
                let so_far = state.history().iter().map(|row| row.validation_iou);
                let first_of_the_best = state.history()[..row.epoch as usize - 1]
                    .iter()
                    .all(|before| row.is_better_than(before));
                assert_eq!(best, first_of_the_best);
                assert_eq!(state.best().unwrap().iou, so_far.fold(f64::MIN, f64::max));
                if best {
                    best_rows.push(row.epoch);
                    best_state = Some(state.clone());
                }
            }
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    assert_eq!(state.best().unwrap().epoch, *best_rows.last().unwrap());
    // The network that these weights make has that IoU on the validation samples.
    let metadata = unet(Padding::Same).metadata();
    let weights = best_state.unwrap().weights(&run.graph, metadata).unwrap();
    let model = asma::model::Model::from_checkpoint(&weights).unwrap();
    let plan = TrainingPlan::new(&model.graph, Shape::new(1, 3, SIDE, SIDE), config()).unwrap();
    let mut executor = CpuExecutor::new(plan.program().clone()).unwrap();
    plan.prepare(&mut executor).unwrap();
    let mut sum = 0.0;
    for index in 0..run.validation.len() {
        let (image, labels) = run.validation.get(index).unwrap();
        let words: Vec<u32> = labels.labels().iter().map(|&label| label.into()).collect();
        let (_, logits) = plan.assess(&mut executor, image.data(), &words).unwrap();
        let prediction = LabelMap::from_logits(&logits, 0).unwrap();
        sum += f64::from(asma::labels::compare(labels, &prediction, &[1]).unwrap().0);
    }
    let iou = sum / run.validation.len() as f64;
    assert!(
        (iou - state.best().unwrap().iou).abs() < 1e-6,
        "{iou} {:?}",
        state.best()
    );
}

#[test]
fn a_diverging_run_stops_and_says_where_and_what_to_lower() {
    let run = Run::new(TrainingConfig {
        learning_rate: 1e30,
        most_norm: 0.0,
        ..config()
    });
    let mut executor = CpuExecutor::new(run.plan.program().clone()).unwrap();
    let trainer = Trainer::new(&run.plan, &mut executor, &run.training, &run.validation, None).unwrap();
    let result = trainer.run(&mut |_| Ok(ControlFlow::Continue(())));
    assert!(matches!(result, Err(Error::NotFinite(_))), "{result:?}");
    assert_says(
        result,
        &["diverged at step", "epoch 1", "lower the learning rate", "1e30"],
    );
}

#[test]
fn the_learning_rate_rises_evenly_and_falls_along_a_cosine() {
    let config = TrainingConfig {
        learning_rate: 0.5,
        warm_up: 10,
        ..config()
    };
    let rate = |step| config.learning_rate_at(step, 110);
    assert_eq!([rate(0), rate(4), rate(9), rate(10)], [0.05, 0.25, 0.5, 0.5]);
    assert!((rate(60) - 0.25).abs() < 1e-12, "{}", rate(60));
    assert!(rate(109) > 0.0 && rate(109) < 1e-3, "{}", rate(109));
    // A short run warms up over half of it.
    assert_eq!(config.learning_rate_at(1, 4), 0.5);
}

#[test]
fn the_mean_of_networks_has_the_mean_of_each_weight() {
    let [one, other] = [1, 2].map(|seed| initial_graph(&unet(Padding::Same).blank().unwrap(), seed).unwrap());
    let mean = mean_graph(&[one.clone(), other.clone()]).unwrap();
    for ((mean, one), other) in mean
        .parameters()
        .iter()
        .zip(one.parameters())
        .zip(other.parameters())
    {
        assert_eq!(mean.name, one.name);
        for ((mean, one), other) in mean.data.iter().zip(&one.data[..]).zip(&other.data[..]) {
            assert_eq!(
                f64::from(*mean),
                ((f64::from(*one) + f64::from(*other)) / 2.0) as f32 as f64
            );
        }
    }
    let wider = initial_graph(
        &SimpleUnet::doubling(3, 6, 2, 2, Padding::Same).blank().unwrap(),
        0,
    )
    .unwrap();
    let refused = mean_graph(&[one, wider]);
    assert_says(refused, &["conv1_block.0.weight", "[4, 3, 3, 3]", "[6, 3, 3, 3]"]);
    assert_says(mean_graph(&[]), &["no network"]);
}
