//! What the records of an evaluation say together.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::record::{ClassCounts, Evaluation, LossMeasures, Measured, Measures, Record, Verdict};
use super::statistic::Statistic;
use super::worst_case::{mean_iou, worst_case};
use crate::attack::Purpose;

/// What `summary.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The version of asma.
    pub asma_version: String,
    /// The network in words.
    pub network: String,
    /// Whether attacks led towards labels or away from them.
    pub purpose: Purpose,
    /// How images came to their targets.
    pub pairing: String,
    /// See [`Evaluation::thresholds`].
    pub thresholds: Vec<f32>,
    /// How many pairs there are records of.
    pub pairs: usize,
    /// How many records say what an attack came to.
    pub done: usize,
    /// How many say why there was none.
    pub failed: usize,
    /// Of each setting, in the order of [`Evaluation::settings`].
    pub settings: Vec<SettingSummary>,
}

/// What an attack with its settings came to. Statistics are over the pairs that were attacked; there is none where no pair
/// has such a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettingSummary {
    /// Its name.
    pub name: String,
    /// The attack's name.
    pub attack: String,
    /// What an ablation varies.
    pub varied: BTreeMap<String, String>,
    /// Pairs that were attacked.
    pub done: usize,
    /// Pairs that could not be.
    pub failed: usize,
    /// See [`Measured::clean_iou`].
    pub clean_iou: Option<Statistic>,
    /// See [`Measured::iou_before`].
    pub iou_before: Option<Statistic>,
    /// See [`Measured::pixel_accuracy_before`].
    pub pixel_accuracy_before: Option<Statistic>,
    /// For each threshold the share of images on which it is reached before the attack.
    pub success_before: Vec<Option<Statistic>>,
    /// Of the images that attacks left.
    pub float: MeasuresSummary,
    /// Of the same as files of 8 bits keep them.
    pub as_8_bits: MeasuresSummary,
    /// Iterations until attacks stopped.
    pub iterations: Option<Statistic>,
    /// See [`Measured::forward_passes`].
    pub forward_passes: Option<Statistic>,
    /// See [`Measured::backward_passes`].
    pub backward_passes: Option<Statistic>,
    /// See [`Measured::seconds`].
    pub seconds: Option<Statistic>,
    /// The worst over the losses, where there are several.
    pub worst: Option<Worst>,
}

/// [`Measures`] of several images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasuresSummary {
    /// See [`Measures::iou`].
    pub iou: Option<Statistic>,
    /// See [`Measures::pixel_accuracy`].
    pub pixel_accuracy: Option<Statistic>,
    /// See [`Measures::l1`].
    pub l1: Option<Statistic>,
    /// See [`Measures::l2`].
    pub l2: Option<Statistic>,
    /// See [`Measures::linf`].
    pub linf: Option<Statistic>,
    /// See [`Measures::psnr`]; images that equal their source are left out.
    pub psnr: Option<Statistic>,
    /// See [`Measures::ssim`].
    pub ssim: Option<Statistic>,
    /// The IoU of each class, over the images whose target or prediction has it.
    pub classes: Vec<Option<Statistic>>,
    /// The mean over all classes of the IoU over all pixels of all images.
    pub mean_iou: Option<f64>,
    /// For each threshold the share of images on which it is reached.
    pub success: Vec<Option<Statistic>>,
}

/// The worst that the losses of an attack come to, for the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worst {
    /// The losses.
    pub losses: Vec<String>,
    /// [`MeasuresSummary::mean_iou`] after each of them alone.
    pub mean_iou_of_each: Vec<f64>,
    /// Of each image the least pixel accuracy, targeted the largest.
    pub pixel_accuracy: Option<Statistic>,
    /// The least mean IoU of the data set that was found with one loss for each image, targeted the largest, see
    /// [`worst_case`].
    pub mean_iou: f64,
    /// For how many images each loss was chosen for that.
    pub chosen: Vec<usize>,
}

impl Summary {
    /// Sums up the records.
    pub fn new(evaluation: &Evaluation, records: &[Record]) -> Summary {
        let settings: Vec<SettingSummary> = evaluation
            .settings
            .iter()
            .map(|setting| {
                let own: Vec<&Record> = records
                    .iter()
                    .filter(|record| record.setting == setting.name)
                    .collect();
                let done: Vec<&Measured> = own
                    .iter()
                    .filter_map(|record| match &record.verdict {
                        Verdict::Done(measured) => Some(measured.as_ref()),
                        Verdict::Failed { .. } => None,
                    })
                    .collect();
                let each = |number: &dyn Fn(&Measured) -> f64| {
                    Statistic::of(done.iter().map(|measured| number(measured)))
                };
                SettingSummary {
                    name: setting.name.clone(),
                    attack: setting.attack.clone(),
                    varied: setting.varied.clone(),
                    done: done.len(),
                    failed: own.len() - done.len(),
                    clean_iou: Statistic::of(
                        done.iter()
                            .filter_map(|measured| measured.clean_iou.map(f64::from)),
                    ),
                    iou_before: each(&|measured| measured.iou_before.into()),
                    pixel_accuracy_before: each(&|measured| measured.pixel_accuracy_before.into()),
                    success_before: evaluation
                        .thresholds
                        .iter()
                        .map(|&threshold| {
                            each(&|measured| {
                                share(evaluation.purpose.success(measured.iou_before) >= threshold)
                            })
                        })
                        .collect(),
                    float: summed_up(evaluation, done.iter().map(|measured| &measured.float).collect()),
                    as_8_bits: summed_up(
                        evaluation,
                        done.iter().map(|measured| &measured.as_8_bits).collect(),
                    ),
                    iterations: each(&|measured| measured.iterations.into()),
                    forward_passes: each(&|measured| measured.forward_passes as f64),
                    backward_passes: each(&|measured| measured.backward_passes as f64),
                    seconds: each(&|measured| measured.seconds),
                    worst: worst(
                        &setting.losses,
                        evaluation.purpose,
                        done.iter().map(|measured| &measured.losses[..]).collect(),
                    ),
                }
            })
            .collect();
        Summary {
            asma_version: evaluation.asma_version.clone(),
            network: evaluation.network.clone(),
            purpose: evaluation.purpose,
            pairing: evaluation.pairing.clone(),
            thresholds: evaluation.thresholds.clone(),
            pairs: records
                .iter()
                .map(|record| record.pair)
                .collect::<BTreeSet<_>>()
                .len(),
            done: settings.iter().map(|setting| setting.done).sum(),
            failed: settings.iter().map(|setting| setting.failed).sum(),
            settings,
        }
    }
}

fn summed_up(evaluation: &Evaluation, images: Vec<&Measures>) -> MeasuresSummary {
    let each = |number: &dyn Fn(&Measures) -> f64| Statistic::of(images.iter().map(|image| number(image)));
    let classes = images.iter().map(|image| image.classes.len()).max().unwrap_or(0);
    let iou_of =
        |class: usize| Statistic::of(images.iter().filter_map(|image| image.classes.get(class)?.iou()));
    MeasuresSummary {
        iou: each(&|image| image.iou.into()),
        pixel_accuracy: each(&|image| image.pixel_accuracy.into()),
        l1: each(&|image| image.l1),
        l2: each(&|image| image.l2.into()),
        linf: each(&|image| image.linf.into()),
        psnr: Statistic::of(images.iter().filter_map(|image| image.psnr)),
        ssim: each(&|image| image.ssim),
        classes: (0..classes).map(iou_of).collect(),
        mean_iou: (!images.is_empty()).then(|| mean_iou(images.iter().map(|image| &image.classes[..]))),
        success: (0..evaluation.thresholds.len())
            .map(|threshold| {
                each(&|image| share(image.success.get(threshold).is_some_and(|&reached| reached)))
            })
            .collect(),
    }
}

/// What one of many is of their share.
fn share(is_reached: bool) -> f64 {
    f64::from(u8::from(is_reached))
}

fn worst(losses: &[String], purpose: Purpose, images: Vec<&[LossMeasures]>) -> Option<Worst> {
    if losses.len() < 2 || images.is_empty() {
        return None;
    }
    let counts: Vec<Vec<Vec<ClassCounts>>> = images
        .iter()
        .map(|attacks| attacks.iter().map(|attack| attack.classes.clone()).collect())
        .collect();
    let found = worst_case(&counts, purpose, 0);
    let of_one = |loss: usize| {
        let classes = counts.iter().filter_map(|attacks| attacks.get(loss));
        mean_iou(classes.map(|classes| &classes[..]))
    };
    let accuracy = images.iter().filter_map(|attacks| {
        let each = attacks.iter().map(|attack| f64::from(attack.pixel_accuracy));
        match purpose {
            Purpose::Untargeted => each.reduce(f64::min),
            Purpose::Targeted => each.reduce(f64::max),
        }
    });
    Some(Worst {
        losses: losses.to_vec(),
        mean_iou_of_each: (0..losses.len()).map(of_one).collect(),
        pixel_accuracy: Statistic::of(accuracy),
        mean_iou: found.mean_iou,
        chosen: (0..losses.len())
            .map(|loss| found.chosen.iter().filter(|&&chosen| chosen == loss).count())
            .collect(),
    })
}
