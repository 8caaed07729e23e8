//! Numbers that are settings.

use arbitrary::{Result, Unstructured};
use asma::attack::budget::{Minimise, Norm};
use asma::attack::{AsmaConfig, Attack, AttackConfig, BudgetConfig, Purpose, Refinement, StepSize, table};
use asma::data::{Crop, Padding, PaddingMode, Preparation, Resize, SyntheticKind, SyntheticOptions};
use asma::labels::{IGNORE, compare, scored_classes};
use asma::model::SimpleUnet;
use asma::network::Precision;
use asma::train::{
    Augmentation, LossConfig, TrainingConfig, TrainingPlan, Variation, augment, initial_graph, split,
};
use asma::{LabelMap, Shape, Tensor};

/// A number that is small as often as it is anything.
pub fn number(bytes: &mut Unstructured<'_>) -> Result<usize> {
    Ok(match bytes.arbitrary::<u8>()? {
        byte @ 0..=199 => usize::from(byte) % 9,
        200..=229 => bytes.arbitrary::<u16>()?.into(),
        230..=244 => bytes.arbitrary::<u32>()? as usize,
        _ => bytes.arbitrary()?,
    })
}

/// Crops, sizes and borders of images of any size.
pub fn geometry(bytes: &[u8]) {
    let _ = try_geometry(&mut Unstructured::new(bytes));
}

fn try_geometry(bytes: &mut Unstructured<'_>) -> Result<()> {
    let preparation = Preparation {
        crop: match bytes.arbitrary()? {
            true => Some(Crop {
                x: number(bytes)?,
                y: number(bytes)?,
                width: number(bytes)?,
                height: number(bytes)?,
            }),
            false => None,
        },
        resize: match bytes.arbitrary()? {
            true => Some(Resize {
                width: number(bytes)?,
                height: number(bytes)?,
            }),
            false => None,
        },
        padding: match bytes.arbitrary()? {
            true => Some(Padding {
                pixels: number(bytes)?,
                mode: *bytes.choose(&[PaddingMode::Edge, PaddingMode::Zero])?,
            }),
            false => None,
        },
        only: match bytes.arbitrary()? {
            true => Some([number(bytes)?, number(bytes)?]),
            false => None,
        },
    };
    let _ = preparation.prepared_size(number(bytes)?, number(bytes)?);
    let (height, width) = (bytes.int_in_range(1..=9)?, bytes.int_in_range(1..=9)?);
    // Large results cost only time here.
    match preparation.prepared_size(height, width) {
        Ok((height, width)) if height.saturating_mul(width) > 1 << 14 => return Ok(()),
        _ => {}
    }
    let image = Tensor::from_fn(Shape::new(1, 3, height, width), |_, c, y, x| {
        ((c + y + x) % 5) as f32 / 4.0
    });
    if let Ok(prepared) = preparation.apply_image(&image) {
        let shape = prepared.shape();
        assert_eq!(
            preparation.prepared_size(height, width).ok(),
            Some((shape.h, shape.w))
        );
        assert!(prepared.data().iter().all(|value| (0.0..=1.0).contains(value)));
    }
    let labels = LabelMap::from_fn(height, width, |y, x| ((y * x) % 3) as u8).expect("not empty");
    let window = (number(bytes)?, number(bytes)?);
    if let Ok(prepared) = preparation.apply_labels(&labels, window.0, window.1) {
        assert_eq!((prepared.height(), prepared.width()), window);
    }
    Ok(())
}

/// Settings of attacks, trainings and synthetic images.
pub fn configs(bytes: &[u8]) {
    let _ = try_configs(&mut Unstructured::new(bytes));
}

fn try_configs(bytes: &mut Unstructured<'_>) -> Result<()> {
    let config = AsmaConfig {
        step: match bytes.arbitrary()? {
            true => StepSize::Automatic,
            false => StepSize::Fixed {
                tau: bytes.arbitrary()?,
                beta: bytes.arbitrary()?,
            },
        },
        lambda: bytes.arbitrary()?,
        classes: bytes.arbitrary()?,
        refine: match bytes.arbitrary()? {
            0u32 => Refinement::Off,
            1 => Refinement::On,
            limit => Refinement::Iterations(limit),
        },
        iterations: bytes.arbitrary()?,
        stop_iou: bytes.arbitrary()?,
        patience: bytes.arbitrary()?,
        precision: *bytes.choose(&[Precision::F32, Precision::F16])?,
        ..AsmaConfig::default()
    };
    let classes = number(bytes)?;
    let _ = config.check(classes);
    let (base, depth) = (bytes.int_in_range(1..=2)?, bytes.int_in_range(1..=2)?);
    let padding = *bytes.choose(&[asma::model::Padding::Same, asma::model::Padding::Valid])?;
    let unet = SimpleUnet::doubling(3, base, depth, bytes.int_in_range(1..=4)?, padding);
    if let Ok(graph) = unet.blank().and_then(|graph| initial_graph(&graph, 1)) {
        let input = Shape::new(number(bytes)?, number(bytes)?, number(bytes)?, number(bytes)?);
        let _ = Attack::new(&graph, input, config, bytes.arbitrary()?);
        let _ = Attack::new(&graph, input, budget_config(bytes)?, bytes.arbitrary()?);
        let _ = TrainingPlan::new(&graph, input, training_config(bytes)?);
    }
    let training = training_config(bytes)?;
    if training.check(classes).is_ok() {
        let rate = training.learning_rate_at(bytes.arbitrary()?, bytes.arbitrary()?);
        assert!(rate.is_finite());
    }
    let _ = SyntheticOptions {
        kind: *bytes.choose(&[SyntheticKind::Fundus, SyntheticKind::Lesion])?,
        size: number(bytes)?,
        seed: bytes.arbitrary()?,
        cup: bytes.arbitrary()?,
    }
    .check();
    let count = number(bytes)?.min(1 << 12);
    if let Ok((training, validation)) = split(count, bytes.arbitrary()?, bytes.arbitrary()?) {
        assert_eq!(training.len() + validation.len(), count);
    }
    Ok(())
}

/// Any settings of an attack with a budget, of few enough iterations that the schedule is soon made.
fn budget_config(bytes: &mut Unstructured<'_>) -> Result<BudgetConfig> {
    let entry = bytes.choose(table::ATTACKS)?;
    let norm = *bytes.choose(&[Norm::Linf, Norm::L2])?;
    let base = match (entry.settings)(norm) {
        AttackConfig::Budget(config) => config,
        _ => BudgetConfig::default(),
    };
    let minimise = Minimise {
        rate: bytes.arbitrary()?,
        rounds: bytes.int_in_range(0..=9)?,
    };
    Ok(BudgetConfig {
        eps: bytes.arbitrary()?,
        alpha: bytes.arbitrary()?,
        steps: bytes.int_in_range(0..=999)?,
        restarts: bytes.int_in_range(0..=9)?,
        random_start: bytes.arbitrary()?,
        seed: bytes.arbitrary()?,
        purpose: *bytes.choose(&[Purpose::Targeted, Purpose::Untargeted])?,
        stop_rate: bytes.arbitrary()?,
        minimise: bytes.arbitrary::<bool>()?.then_some(minimise),
        class_weights: bytes.arbitrary()?,
        published: bytes.arbitrary()?,
        ..base
    })
}

/// Any settings of a training.
pub fn training_config(bytes: &mut Unstructured<'_>) -> Result<TrainingConfig> {
    Ok(TrainingConfig {
        epochs: bytes.arbitrary()?,
        batch: number(bytes)?,
        learning_rate: bytes.arbitrary()?,
        warm_up: bytes.arbitrary()?,
        beta: bytes.arbitrary()?,
        epsilon: bytes.arbitrary()?,
        weight_decay: bytes.arbitrary()?,
        most_norm: bytes.arbitrary()?,
        loss: LossConfig {
            cross_entropy: bytes.arbitrary()?,
            dice: bytes.arbitrary()?,
            smoothing: bytes.arbitrary()?,
            class_weights: bytes.arbitrary()?,
        },
        augmentation: augmentation(bytes)?,
        seed: bytes.arbitrary()?,
    })
}

fn augmentation(bytes: &mut Unstructured<'_>) -> Result<Augmentation> {
    Ok(Augmentation {
        flip_horizontal: bytes.arbitrary()?,
        flip_vertical: bytes.arbitrary()?,
        rotation: amount(bytes)?,
        scale: amount(bytes)?,
        brightness: amount(bytes)?,
        contrast: amount(bytes)?,
        colour: amount(bytes)?,
        noise: amount(bytes)?,
        blur: amount(bytes)?,
    })
}

/// Mostly an amount that may be, else any float.
fn amount(bytes: &mut Unstructured<'_>) -> Result<f32> {
    Ok(match bytes.arbitrary::<u8>()? {
        byte @ 0..=219 => f32::from(byte) / 100.0,
        _ => bytes.arbitrary()?,
    })
}

/// Variations of a sample by any amounts: what comes out is an image.
pub fn variation(bytes: &[u8]) {
    let _ = try_variation(&mut Unstructured::new(bytes));
}

fn try_variation(bytes: &mut Unstructured<'_>) -> Result<()> {
    let (height, width) = (bytes.int_in_range(1..=6)?, bytes.int_in_range(1..=6)?);
    let shape = Shape::new(1, bytes.int_in_range(1..=3)?, height, width);
    let image = Tensor::from_fn(shape, |_, c, y, x| ((c + 2 * y + x) % 7) as f32 / 6.0);
    let labels = LabelMap::from_fn(height, width, |y, x| ((y + x) % 2) as u8).expect("not empty");
    let varied = match bytes.arbitrary()? {
        true => augment(&image, &labels, &augmentation(bytes)?, bytes.arbitrary()?),
        false => Variation {
            flip_horizontal: bytes.arbitrary()?,
            flip_vertical: bytes.arbitrary()?,
            scale: amount(bytes)?,
            rotation: amount(bytes)?,
            blur: amount(bytes)?,
            contrast: amount(bytes)?,
            brightness: amount(bytes)?,
            gains: (0..shape.c).map(|_| amount(bytes)).collect::<Result<_>>()?,
            noise: amount(bytes)?,
            noise_seed: bytes.arbitrary()?,
        }
        .apply(&image, &labels),
    };
    if let Ok((image, labels)) = varied {
        assert!(image.data().iter().all(|value| (0.0..=1.0).contains(value)));
        assert!(labels.labels().iter().all(|&label| label < 2 || label == IGNORE));
    }
    // And the numbers by which predictions are judged.
    let any = |bytes: &mut Unstructured<'_>| -> Result<LabelMap> {
        let labels = (0..height * width)
            .map(|_| bytes.arbitrary())
            .collect::<Result<_>>()?;
        Ok(LabelMap::new(height, width, labels).expect("as many as there are pixels"))
    };
    let (wanted, found) = (any(bytes)?, any(bytes)?);
    let classes = scored_classes(number(bytes)?, &bytes.arbitrary::<Vec<u8>>()?);
    if let Ok((iou, accuracy)) = compare(&wanted, &found, &classes) {
        assert!((0.0..=1.0).contains(&iou) && (0.0..=1.0).contains(&accuracy));
    }
    Ok(())
}
