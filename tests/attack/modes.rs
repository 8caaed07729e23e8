//! Regions, ignored pixels, the paper's static counterparts, and the step sizes.

use asma::attack::{Attack, MaskMode, Multiplier, Schedule, StepSize};
use asma::graph::{Graph, Margins, NodeId, Slopes, ops};
use asma::labels::{IGNORE, LabelMap};
use asma::model::{Padding, SimpleUnet};
use asma::network::{LoweringOptions, Precision, lower};

use crate::networks::simple_unet_scaled;
use crate::{Case, INPUT, config, network};

#[test]
fn pixels_outside_the_region_keep_every_bit() {
    for schedule in [Schedule::OneForward, Schedule::TwoForward] {
        let mut case = Case::new(config(25));
        case.config.schedule = schedule;
        let inside = |y: usize, x: usize| (6..22).contains(&y) && !x.is_multiple_of(3);
        case.region = Some(LabelMap::from_fn(INPUT.h, INPUT.w, |y, x| u8::from(inside(y, x))).unwrap());
        let outcome = case.run().unwrap();
        let mut changed = 0;
        for image in [&outcome.last, &outcome.best] {
            for c in 0..INPUT.c {
                for y in 0..INPUT.h {
                    for x in 0..INPUT.w {
                        let (before, after) = (case.source.at(0, c, y, x), image.at(0, c, y, x));
                        if !inside(y, x) {
                            assert_eq!(before.to_bits(), after.to_bits(), "{schedule}: ({c}, {y}, {x})");
                        } else if before != after {
                            changed += 1;
                        }
                    }
                }
            }
        }
        assert!(changed > 500, "{schedule}: only {changed} values changed");
    }
}

#[test]
fn ignored_pixels_count_for_nothing() {
    let mut case = Case::new(config(10));
    let whole = case.run().unwrap();
    let kept = |x: usize| x < 9;
    let target = case.target.clone();
    case.target = LabelMap::from_fn(target.height(), target.width(), |y, x| {
        if kept(x) {
            target.get(y, x).unwrap()
        } else {
            IGNORE
        }
    })
    .unwrap();
    let partial = case.run().unwrap();
    assert_ne!(whole.trace[9].l2, partial.trace[9].l2);

    // The first row is of the source: its scores are those of the pixels that are kept.
    let (attack, mut executor) = case.attack().unwrap();
    let prediction = attack.predict(&mut executor, &case.source).unwrap().remove(0);
    let (mut both, mut either, mut correct, mut counted) = (0, 0, 0, 0);
    for y in 0..target.height() {
        for x in (0..target.width()).filter(|&x| kept(x)) {
            let (wanted, found) = (target.get(y, x).unwrap(), prediction.get(y, x).unwrap());
            both += usize::from(wanted == 1 && found == 1);
            either += usize::from(wanted == 1 || found == 1);
            correct += usize::from(wanted == found);
            counted += 1;
        }
    }
    let row = partial.trace[0];
    assert!((row.iou - both as f32 / either as f32).abs() < 1e-6);
    assert!((row.pixel_accuracy - correct as f32 / counted as f32).abs() < 1e-6);
}

#[test]
fn static_multiplier_stays_and_the_dynamic_one_follows_the_iou() {
    let (tau, beta) = (1e-3f32, 1e-2f32);
    for schedule in [Schedule::OneForward, Schedule::TwoForward] {
        let mut case = Case::new(config(12));
        case.config.schedule = schedule;
        let dynamic = case.run().unwrap().trace;
        assert_eq!(dynamic[0].multiplier, tau);
        for n in 1..dynamic.len() {
            // The IoU of the forward pass that the multiplier follows.
            let iou = match schedule {
                Schedule::OneForward => dynamic[n].iou,
                Schedule::TwoForward => dynamic[n - 1].iou,
            };
            let wanted = beta * iou + tau;
            assert!(
                (dynamic[n].multiplier - wanted).abs() <= 1e-6 * wanted,
                "{schedule} {n}"
            );
        }
        case.config.multiplier = Multiplier::Static;
        let constant = case.run().unwrap().trace;
        assert!(constant.iter().all(|row| row.multiplier == tau));
    }
}

/// Where the prediction is the target already, the adaptive mask leaves nothing to do and the static one
/// still pushes.
#[test]
fn static_mask_pushes_on_where_the_adaptive_one_rests() {
    let mut case = Case::new(config(3));
    let (attack, mut executor) = case.attack().unwrap();
    case.target = attack.predict(&mut executor, &case.source).unwrap().remove(0);
    assert_eq!(case.run().unwrap().last, case.source);
    case.config.mask = MaskMode::Static;
    assert_ne!(case.run().unwrap().last, case.source);
}

#[test]
fn class_that_is_not_attacked_has_no_pull() {
    let mut case = Case::new(config(3));
    // All of the target is class 0, and only class 1 is attacked.
    case.target = LabelMap::from_fn(case.target.height(), case.target.width(), |_, _| 0).unwrap();
    case.config.classes = Some(vec![1]);
    assert_eq!(case.run().unwrap().last, case.source);
    case.config.classes = Some(vec![0]);
    assert_ne!(case.run().unwrap().last, case.source);
}

/// τ takes the scale of the logits out, so that the image moves alike whatever it is.
#[test]
fn automatic_step_makes_progress_at_any_scale_of_logits() {
    let mut outcomes = Vec::new();
    for scale in [1e-3f32, 1.0, 1e3] {
        let mut case = Case::new(config(300));
        case.graph = network(scale);
        case.config.step = StepSize::Automatic;
        case.config.lambda = 0.0;
        let outcome = case.run().unwrap();
        let step = outcome.step.unwrap();
        assert_eq!(step.beta, 10.0 * step.tau);
        let most = outcome.trace.iter().map(|row| row.iou).fold(0.0, f32::max);
        let gain = most - outcome.trace[0].iou;
        assert!(gain > 0.1, "logits times {scale}: the IoU gains {gain}");
        // The multiplier that is measured is the second step's; the first is τ alone.
        let second = 1.0 + 10.0 * f64::from(outcome.trace[0].iou).max(StepSize::LEAST_IOU);
        outcomes.push((scale * step.tau, outcome.trace[1].l2 * second as f32));
    }
    let [_, (tau, l2), _] = outcomes[..] else {
        unreachable!()
    };
    // The clip takes a little of the step.
    let whole = (StepSize::FIRST_STEP * (INPUT.elements() as f64).sqrt()) as f32;
    assert!((0.9 * whole..1.001 * whole).contains(&l2), "{l2} of {whole}");
    for (other_tau, other_l2) in &outcomes {
        assert!((other_tau / tau - 1.0).abs() < 1e-3, "{outcomes:?}");
        assert!((other_l2 / l2 - 1.0).abs() < 1e-3, "{outcomes:?}");
    }
}

/// Beyond the network's own launches there is one, the update: the mask is part of the last convolution, whose adjoint
/// and the activation's before it are part of the mask. With many classes the mask is a launch of its own.
#[test]
fn the_step_is_one_launch_beyond_the_network() {
    let few = SimpleUnet::doubling(3, 4, 2, 2, Padding::Valid);
    let many = SimpleUnet::doubling(3, 4, 2, 9, Padding::Valid);
    for (unet, taken_over) in [(few, 2), (many, 0)] {
        let graph = simple_unet_scaled(&unet, 7, 1.0);
        let network = lower(&graph, INPUT, LoweringOptions::default()).unwrap();
        let own = network.forward.len() + network.adjoint.len();
        for (schedule, passes) in [(Schedule::OneForward, 1), (Schedule::TwoForward, 2)] {
            let mut config = config(1);
            config.schedule = schedule;
            let attack = Attack::new(&graph, INPUT, config, false).unwrap();
            let again = (passes - 1) * (network.forward.len() - taken_over / 2);
            // One mask and one update for each forward pass.
            assert_eq!(
                attack.calls().len(),
                own - taken_over + again + 2 * passes,
                "{schedule}"
            );
        }
    }
}

/// A convolution of 1 × 1 with weights that do not matter here.
fn pointwise(graph: &mut Graph, input: NodeId, [from, to]: [usize; 2]) -> NodeId {
    let weights = (0..from * to).map(|i| 0.3 - 0.1 * i as f32).collect();
    let weight = graph.add_parameter("weight", &[to, from, 1, 1], weights).unwrap();
    let op = ops::Conv2d {
        weight,
        bias: None,
        stride: [1, 1],
        padding: Margins::NONE,
        dilation: [1, 1],
        groups: 1,
    };
    graph.add("convolution", op, &[input]).unwrap()
}

/// The mask takes over the last convolution only if all logits are that one's, and an activation's adjoint only if
/// it is that of all features.
#[test]
fn parts_of_a_concatenation_are_not_taken_for_the_whole() {
    let mut logits = Graph::new(3);
    let image = logits.input();
    let [second, first] = [(); 2].map(|()| pointwise(&mut logits, image, [3, 1]));
    logits
        .add("logits", ops::Concat::CHANNELS, &[first, second])
        .unwrap();

    let mut features = Graph::new(3);
    let image = features.input();
    let plain = pointwise(&mut features, image, [3, 2]);
    let other = pointwise(&mut features, image, [3, 2]);
    let slopes = Slopes::Same(0.1);
    let active = features.add("active", ops::Slope { slopes }, &[other]).unwrap();
    let joined = features
        .add("features", ops::Concat::CHANNELS, &[active, plain])
        .unwrap();
    pointwise(&mut features, joined, [4, 2]);

    for (what, graph, taken_over) in [("logits", logits, 0), ("features", features, 2)] {
        let network = lower(&graph, INPUT, LoweringOptions::default()).unwrap();
        let attack = Attack::new(&graph, INPUT, config(1), false).unwrap();
        let own = network.forward.len() + network.adjoint.len();
        assert_eq!(attack.calls().len(), own - taken_over + 2, "{what}");
    }
}

/// Float16 changes where an attack goes by little: the image itself, its gradient and the logits are float32.
#[test]
fn float16_gets_as_far_as_float32() {
    let outcomes = [Precision::F32, Precision::F16].map(|precision| {
        let mut case = Case::new(config(40));
        case.config.precision = precision;
        case.run().unwrap()
    });
    let [words, halves] = outcomes.each_ref().map(|outcome| &outcome.trace[39]);
    assert_ne!(words.l2, halves.l2);
    assert!((words.iou - halves.iou).abs() < 0.02, "{words:?} and {halves:?}");
    assert!(
        (words.l2 - halves.l2).abs() < 0.02 * words.l2,
        "{words:?} and {halves:?}"
    );
    let first = &outcomes[1].trace[0];
    assert!(halves.iou > first.iou + 0.05, "{first:?} to {halves:?}");
}
