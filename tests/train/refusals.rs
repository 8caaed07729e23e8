//! What the loop over epochs refuses.

use asma::checkpoint::Checkpoint;
use asma::cpu::CpuExecutor;
use asma::model::{Padding, SimpleUnet};
use asma::train::{LossConfig, Samples, Trainer, TrainingConfig, TrainingPlan, TrainingState, initial_graph};
use asma::{LabelMap, Shape};

use crate::assert_says;
use crate::trainer::{Run, SIDE, config, squares, unet};

#[test]
fn a_state_that_no_run_comes_to_is_refused() {
    let run = Run::new(config());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    let saved = run.until(None, 4).to_checkpoint(&run.graph, []).unwrap();
    saved.save(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    // As it stands in the file's header, of the same length.
    for (from, to) in [
        (r#"\"epoch\":1,\"step\":2"#, r#"\"epoch\":9,\"step\":2"#),
        (r#"\"epoch\":1,\"step\":2"#, r#"\"epoch\":1,\"step\":3"#),
        (r#"\"epoch\":1,\"step\":2"#, r#"\"epoch\":2,\"step\":2"#),
        (r#"\"best\":{\"epoch\":1"#, r#"\"best\":{\"epoch\":7"#),
    ] {
        let place = bytes
            .windows(from.len())
            .position(|window| window == from.as_bytes());
        let place = place.unwrap_or_else(|| panic!("{from} is not in the file"));
        let mut damaged = bytes.clone();
        damaged[place..place + from.len()].copy_from_slice(to.as_bytes());
        std::fs::write(&path, damaged).unwrap();
        let state = TrainingState::from_checkpoint(&Checkpoint::open(&path).unwrap(), &run.graph).unwrap();
        let mut executor = CpuExecutor::new(run.plan.program().clone()).unwrap();
        let taken = Trainer::new(
            &run.plan,
            &mut executor,
            &run.training,
            &run.validation,
            Some(state),
        );
        assert_says(taken.map(|_| ()), &["no run comes there"]);
    }
}

#[test]
fn samples_that_do_not_fit_are_refused() {
    let run = Run::new(config());
    let (good, none) = (squares(4, SIDE), Samples::new(3, SIDE, SIDE));
    assert_says(
        run.refused(&squares(3, SIDE), &good, None),
        &["3 samples", "batch takes 4"],
    );
    assert_says(run.refused(&good, &none, None), &["no samples to validate on"]);
    assert_says(
        run.refused(&good, &squares(2, 32), None),
        &["1×3×32×32", "4×3×16×16"],
    );
    let mut third_class = squares(4, SIDE);
    let (image, _) = good.get(0).unwrap();
    let labels = LabelMap::from_fn(SIDE, SIDE, |_, _| 2).unwrap();
    third_class.push(&image, labels).unwrap();
    assert_says(
        run.refused(&third_class, &good, None),
        &["label 2", "classes 0 to 1"],
    );
    let mut samples = squares(1, SIDE);
    let small = LabelMap::from_fn(SIDE, 3, |_, _| 0).unwrap();
    assert_says(samples.push(&image, small), &["16 rows and 3 columns"]);
    assert_says(samples.get(1).map(|_| ()), &["sample 1", "there are 1"]);
}

#[test]
fn another_run_is_not_resumed() {
    let run = Run::new(config());
    let state = run.until(None, 4);
    let other = Run::new(TrainingConfig {
        weight_decay: 0.5,
        ..config()
    });
    let refused = other.refused(&other.training, &other.validation, Some(state.clone()));
    assert_says(refused, &["weight decay was 0.01 and is now 0.5"]);
    let refused = run.refused(&squares(9, SIDE), &run.validation, Some(state.clone()));
    assert_says(refused, &["trained on 14 samples", "now there are 9"]);
    let mut others = squares(13, SIDE);
    let (image, labels) = run.training.get(0).unwrap();
    others.push(&image, labels.clone()).unwrap();
    let refused = run.refused(&others, &run.validation, Some(state.clone()));
    assert_says(refused, &["other images or masks"]);
    let weights = state.weights(&run.graph, []).unwrap();
    let refused = TrainingState::from_checkpoint(&weights, &run.graph);
    assert_says(refused, &["not the state of a training"]);
    let wider = initial_graph(
        &SimpleUnet::doubling(3, 6, 2, 2, Padding::Same).blank().unwrap(),
        0,
    )
    .unwrap();
    let saved = state.to_checkpoint(&run.graph, []).unwrap();
    assert_says(
        TrainingState::from_checkpoint(&saved, &wider),
        &["conv1_block.0.weight", "[4, 3, 3, 3]", "[6, 3, 3, 3]"],
    );
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let graph = initial_graph(&unet(Padding::Same).blank().unwrap(), 0).unwrap();
    let with = |change: &dyn Fn(&mut TrainingConfig)| {
        let mut config = config();
        change(&mut config);
        TrainingPlan::new(&graph, Shape::new(4, 3, SIDE, SIDE), config).map(|_| ())
    };
    assert!(with(&|_| ()).is_ok());
    assert_says(with(&|c| c.epochs = 0), &["epochs is 0"]);
    assert_says(with(&|c| c.batch = 0), &["batch is 0"]);
    assert_says(with(&|c| c.learning_rate = f64::NAN), &["learning rate is NaN"]);
    assert_says(with(&|c| c.learning_rate = 1e-50), &["learning rate is"]);
    assert_says(
        with(&|c| c.most_norm = 1e-50),
        &["largest gradient norm is 1e-50"],
    );
    assert_says(with(&|c| c.learning_rate = -1.0), &["learning rate is -1"]);
    assert_says(
        with(&|c| c.beta[1] = 1.0),
        &["is 1; want at least 0 and less than 1"],
    );
    assert_says(with(&|c| c.weight_decay = -0.1), &["weight decay is -0.1"]);
    assert_says(with(&|c| c.loss.smoothing = 0.0), &["smoothing", "is 0"]);
    assert_says(
        with(&|c| c.loss.class_weights = vec![1.0]),
        &["1 class weights", "2 classes"],
    );
    assert_says(
        with(&|c| {
            c.loss = LossConfig {
                cross_entropy: 0.0,
                dice: 0.0,
                ..LossConfig::default()
            }
        }),
        &["nothing to minimise"],
    );
    assert_says(with(&|c| c.augmentation.scale = 0.5), &["scale"]);
    let one_class = initial_graph(
        &SimpleUnet::doubling(3, 4, 2, 1, Padding::Same).blank().unwrap(),
        0,
    )
    .unwrap();
    let refused = TrainingPlan::new(&one_class, Shape::new(4, 3, SIDE, SIDE), config()).map(|_| ());
    assert_says(refused, &["1 output channel", "at least 2 classes"]);
}
