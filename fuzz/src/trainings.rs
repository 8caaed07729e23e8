//! Trainings taken up again from any state.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use asma::checkpoint::Checkpoint;
use asma::cpu::CpuExecutor;
use asma::graph::Graph;
use asma::model::{Padding, SimpleUnet};
use asma::train::{Event, Samples, Trainer, TrainingConfig, TrainingPlan, TrainingState, initial_graph};
use asma::{LabelMap, Shape, Tensor};

const SIDE: usize = 4;

/// A tiny training, and the state that it leaves when it is stopped in its second epoch.
struct Tiny {
    graph: Graph,
    plan: TrainingPlan,
    samples: Samples,
    /// The state's file: the length of its header, the header, the numbers.
    header: serde_json::Value,
    numbers: Vec<u8>,
}

static TINY: LazyLock<Tiny> = LazyLock::new(|| {
    let unet = SimpleUnet::doubling(1, 1, 1, 2, Padding::Same);
    let blank = unet.blank().expect("a network");
    let graph = initial_graph(&blank, 0).expect("a network");
    let config = TrainingConfig {
        epochs: 3,
        batch: 1,
        ..TrainingConfig::default()
    };
    let plan = TrainingPlan::new(&graph, Shape::new(1, 1, SIDE, SIDE), config).expect("a plan");
    let mut samples = Samples::new(1, SIDE, SIDE);
    for index in 0..2 {
        let image = Tensor::from_fn(samples.shape(), |_, _, y, x| ((x + y + index) % 3) as f32 / 2.0);
        let labels = LabelMap::from_fn(SIDE, SIDE, |y, x| ((x + y + index) % 2) as u8).expect("not empty");
        samples.push(&image, labels).expect("a sample");
    }
    let mut executor = CpuExecutor::new(plan.program().clone()).expect("an executor");
    let trainer = Trainer::new(&plan, &mut executor, &samples, &samples, None).expect("a training");
    let state = trainer
        .run(&mut |event| {
            Ok(match event {
                Event::Step { epoch: 2, .. } => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            })
        })
        .expect("a state");
    let path = super::files::as_file("state", b"");
    let saved = state
        .to_checkpoint(&graph, unet.metadata())
        .expect("a checkpoint");
    saved.save(&path).expect("a file");
    let bytes = std::fs::read(path).expect("a file");
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes")) as usize;
    Tiny {
        graph,
        plan,
        samples,
        header: serde_json::from_slice(&rest[..length]).expect("a header"),
        numbers: rest[length..].to_vec(),
    }
});

/// The bytes are what a file says of its training, as JSON; or, after a zero byte, the whole file. A state that is taken
/// goes on for two steps.
pub fn training(bytes: &[u8]) {
    let file = match bytes.split_first() {
        Some((0, file)) => file.to_vec(),
        _ => {
            let mut header = TINY.header.clone();
            header["__metadata__"]["training"] = String::from_utf8_lossy(bytes).into();
            let mut header = header.to_string();
            while !header.len().is_multiple_of(8) {
                header.push(' ');
            }
            let length = (header.len() as u64).to_le_bytes();
            [&length[..], header.as_bytes(), &TINY.numbers].concat()
        }
    };
    let Ok(checkpoint) = Checkpoint::from_bytes("the input", file) else {
        return;
    };
    let Ok(state) = TrainingState::from_checkpoint(&checkpoint, &TINY.graph) else {
        return;
    };
    let _ = asma::report::loss_curve_svg("any", state.history());
    let mut executor = CpuExecutor::new(TINY.plan.program().clone()).expect("an executor");
    let (plan, samples) = (&TINY.plan, &TINY.samples);
    let Ok(trainer) = Trainer::new(plan, &mut executor, samples, samples, Some(state)) else {
        return;
    };
    let mut steps = 0;
    let _ = trainer.run(&mut |_| {
        steps += 1;
        Ok(match steps {
            2 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    });
}
