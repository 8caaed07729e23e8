//! Pairs that take the place in a batch of those that have ended come to what they come to alone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use asma::attack::budget::Norm;
use asma::attack::{
    AsmaConfig, Attack, AttackConfig, BudgetConfig, MinimalConfig, Purpose, Refinement, Schedule, StepSize,
    Target, table,
};
use asma::checkpoint::Checkpoint;
use asma::cpu::CpuExecutor;
use asma::data::{InputOptions, SyntheticKind, SyntheticOptions, generate, write_image, write_mask};
use asma::evaluate::{Devices, OpenExecutor, Pair, Record, TraceRecord, Trial, Verdict, Want, kept_folder};
use asma::gpu::{Capabilities, GpuExecutor, GpuOptions};
use asma::labels::LabelMap;
use asma::model::{Model, Padding, SimpleUnet};
use asma::program::{BufferId, CallId, Ceilings, Executor, Program, Readback};
use asma::{Result, Shape};

use crate::common;
use crate::experiment::{Case, Kept, cpu, done};
use crate::networks;

/// Samples of a batch; there are several times as many pairs.
const PLACES: usize = 3;
const PAIRS: u64 = 12;
const IMAGE: Shape = Shape::new(1, 3, 16, 24);

/// Pairs of one size, each with another target.
fn pairs(region: bool) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let unet = SimpleUnet::doubling(3, 4, 2, 3, Padding::Same);
    let model = Model::from_checkpoint(&networks::checkpoint_of(&unet, true)).unwrap();
    let pairs = (0..PAIRS)
        .map(|number| {
            let path = |kind: &str| folder.path().join(format!("{number}{kind}.png"));
            write_image(path(""), &networks::image(IMAGE, 50 + number)).unwrap();
            let mask = networks::target(IMAGE.h, IMAGE.w, 1 + number as u8 % 2, number);
            write_mask(path("target"), &mask).unwrap();
            let may_change = LabelMap::from_fn(IMAGE.h, IMAGE.w, |y, x| {
                u8::from(!(x as u64 + y as u64 + number).is_multiple_of(3))
            });
            write_mask(path("region"), &may_change.unwrap()).unwrap();
            Pair {
                image: path(""),
                want: Want::Target(Target::File(path("target"))),
                label: Some(path("target")),
                region: region.then(|| path("region")),
            }
        })
        .collect();
    Case { folder, model, pairs }
}

/// Small photographs for the shipped network: on networks of random weights nothing is left to refine.
fn trained() -> Case {
    let folder = tempfile::tempdir().unwrap();
    let weights = concat!(env!("CARGO_MANIFEST_DIR"), "/../weights/fundus.safetensors");
    let options = SyntheticOptions {
        kind: SyntheticKind::Fundus,
        size: 48,
        seed: 3,
        cup: false,
    };
    let path = |number: u64, kind: &str| folder.path().join(format!("{number}{kind}.png"));
    let pairs = (0..5).map(|number| {
        let [(image, _), (_, mask)] = [number, number + 1].map(|index| generate(&options, index).unwrap());
        write_image(path(number, ""), &image).unwrap();
        write_mask(path(number, "target"), &mask).unwrap();
        Pair {
            image: path(number, ""),
            want: Want::Target(Target::File(path(number, "target"))),
            label: None,
            region: None,
        }
    });
    let pairs = pairs.collect();
    let model = Model::from_checkpoint(&Checkpoint::open(weights).unwrap()).unwrap();
    Case { folder, model, pairs }
}

fn trial(config: impl Into<AttackConfig>) -> Trial {
    Trial::new(config.into(), &[], BTreeMap::new())
}

fn budget(name: &str, norm: Norm, change: impl FnOnce(&mut BudgetConfig)) -> Trial {
    match (table::named(name).unwrap().settings)(norm) {
        AttackConfig::Budget(mut config) => {
            change(&mut config);
            trial(config)
        }
        other => panic!("{other:?}"),
    }
}

/// ASMA with its ends: an IoU that is reached, patience, all iterations.
fn asma() -> AsmaConfig {
    AsmaConfig {
        iterations: 40,
        stop_iou: Some(0.27),
        patience: Some(9),
        ..AsmaConfig::default()
    }
}

/// What becomes of all pairs: their records and traces, and the bytes of the images.
fn results(
    case: &Case,
    open: &OpenExecutor,
    trial: &Trial,
    on_cpu: bool,
    batch: usize,
) -> Vec<(Record, Option<TraceRecord>, Vec<u8>)> {
    let records = case.run_on(open, std::slice::from_ref(trial), on_cpu, batch);
    let with_image = |(record, trace): (Record, Option<TraceRecord>)| {
        let kept = kept_folder(&case.saved(), record.task).join("adversarial.safetensors");
        let bytes = match &record.verdict {
            Verdict::Done(_) => std::fs::read(&kept).unwrap(),
            Verdict::Failed { .. } => Vec::new(),
        };
        (record, trace, bytes)
    };
    records.into_iter().map(with_image).collect()
}

/// Iterations of each pair.
fn lengths(results: &[(Record, Option<TraceRecord>, Vec<u8>)]) -> Vec<u32> {
    results
        .iter()
        .map(|(record, ..)| done(record).iterations)
        .collect()
}

#[test]
fn whatever_place_and_moment_a_pair_gets_it_comes_to_what_it_comes_to_alone() {
    let fixed = StepSize::Fixed {
        tau: 1e-2,
        beta: 1e-1,
    };
    let trials = [
        trial(asma()),
        trial(AsmaConfig {
            step: fixed,
            schedule: Schedule::TwoForward,
            ..AsmaConfig {
                iterations: 23,
                stop_iou: Some(0.35),
                patience: Some(5),
                ..AsmaConfig::published()
            }
        }),
        budget("dag", Norm::Linf, |config| {
            config.steps = 25;
            config.alpha = 0.03;
            config.stop_rate = Some(0.5);
        }),
        budget("apgd", Norm::L2, |config| {
            config.steps = 9;
            config.eps = 6.0;
            config.stop_rate = Some(0.6);
        }),
        budget("sea", Norm::Linf, |config| {
            config.steps = 12;
            config.stop_rate = Some(0.5);
        }),
        budget("padam", Norm::Linf, |config| {
            config.steps = 12;
            config.restarts = 2;
            config.stop_rate = Some(0.6);
        }),
    ];
    for region in [false, true] {
        let case = pairs(region);
        for trial in &trials {
            let alone = results(&case, &cpu, trial, true, 1);
            let name = &trial.setting.name;
            let lengths = lengths(&alone);
            eprintln!("{name} {region}: {lengths:?}");
            let batched = results(&case, &cpu, trial, false, PLACES);
            assert!(alone == batched, "{name} {region}");
        }
    }
}

/// An executor that counts what batches are given to do, and may fail.
struct Watched {
    inner: CpuExecutor,
    samples: usize,
    /// Calls of batches, each as often as it has samples.
    calls: Arc<AtomicU64>,
    /// After so many of them batches fail.
    most: u64,
}

impl Executor for Watched {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn write_words(&mut self, buffer: BufferId, start: usize, words: &[u32]) -> Result<()> {
        self.inner.write_words(buffer, start, words)
    }

    fn submit_some(&mut self, calls: &[CallId]) -> Result<usize> {
        if self.samples > 1 {
            let own = (calls.len() * self.samples) as u64;
            if self.calls.fetch_add(own, Ordering::Relaxed) > self.most {
                return Err(asma::Error::Device("out of memory".into()));
            }
        }
        self.inner.submit_some(calls)
    }

    fn poll_room(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_room(context)
    }

    fn request_words(&mut self, buffer: BufferId, start: usize, length: usize) -> Result<Readback> {
        self.inner.request_words(buffer, start, length)
    }

    /// As a GPU has them: what is read next is of one before the last.
    fn batches_under_way(&self) -> usize {
        2
    }

    fn time_calls(&mut self, calls: &[CallId]) -> Result<Vec<f64>> {
        self.inner.time_calls(calls)
    }

    fn variant(&self, call: CallId) -> &'static str {
        self.inner.variant(call)
    }

    fn measure_ceilings(&mut self) -> Result<Ceilings> {
        self.inner.measure_ceilings()
    }
}

/// Makes such executors, which count together.
fn watched(
    calls: &Arc<AtomicU64>,
    most: u64,
) -> impl Fn(&Arc<Program>, usize) -> Result<Box<dyn Executor>> + Sync + use<> {
    let calls = calls.clone();
    move |program, samples| {
        Ok(Box::new(Watched {
            inner: CpuExecutor::new(program.clone())?,
            samples,
            calls: calls.clone(),
            most,
        }))
    }
}

#[test]
fn each_is_refined_for_as_long_as_it_is_alone() {
    let case = trained();
    let config = |refine| AsmaConfig {
        iterations: 50,
        stop_iou: Some(0.3),
        refine,
        ..AsmaConfig::default()
    };
    let [plain, refined] = [Refinement::Off, Refinement::On].map(|refine| {
        let trial = trial(config(refine));
        let alone = results(&case, &cpu, &trial, true, 1);
        let calls = Arc::new(AtomicU64::new(0));
        assert!(alone == results(&case, &watched(&calls, u64::MAX), &trial, false, PLACES));
        lengths(&alone)
    });
    let longer = plain
        .iter()
        .zip(&refined)
        .filter(|(plain, refined)| plain < refined);
    assert!(longer.count() > 1, "{plain:?} and {refined:?}");
}

#[test]
fn places_are_filled_anew_so_that_a_batch_does_less_in_vain() {
    let case = pairs(false);
    let trials = [trial(asma())];
    let alone = results(&case, &cpu, &trials[0], true, 1);
    let lengths = lengths(&alone);
    // What it takes if each takes a place in the very iteration that it gets free.
    let mut ends = [0; PLACES];
    for length in &lengths {
        let first = ends.iter_mut().min().unwrap();
        *first += length;
    }
    let least = ends.into_iter().max().unwrap();
    let (calls, whole) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let refilled = results(&case, &watched(&calls, u64::MAX), &trials[0], false, PLACES);
    assert!(alone == refilled);
    // Batches that no other pair can join.
    let options = InputOptions::default();
    let tasks: Vec<usize> = (0..PAIRS as usize).collect();
    let mut kept = Kept::default();
    for tasks in tasks.chunks(PLACES) {
        let devices = Devices {
            open: &watched(&whole, u64::MAX),
            on_cpu: false,
            at_once: Some(PLACES),
        };
        let experiment = case.experiment(&options, &trials);
        assert!(experiment.run(tasks, devices, &mut kept).unwrap().is_continue());
    }
    kept.0.sort_by_key(|(record, _)| record.task);
    let records = alone.iter().map(|(record, trace, _)| (record, trace));
    assert!(records.eq(kept.0.iter().map(|(record, trace)| (record, trace))));
    let shape = Shape { n: PLACES, ..IMAGE };
    let attack = Attack::new(&case.model.graph, shape, trials[0].config.clone(), false).unwrap();
    let iterations = |calls: Arc<AtomicU64>| {
        let calls = calls.load(Ordering::Relaxed);
        calls / (attack.calls().len() * PLACES) as u64
    };
    let (refilled, whole) = (iterations(calls), iterations(whole));
    let longest = lengths
        .chunks(PLACES)
        .map(|together| together.iter().max().unwrap());
    assert!(whole >= u64::from(longest.sum::<u32>()), "{whole}, {lengths:?}");
    let told = format!("{refilled} iterations, of whole batches {whole}, at least {least}, {lengths:?}");
    eprintln!("{told}");
    assert!(
        4 * refilled <= 5 * u64::from(least) && 10 * refilled < 9 * whole,
        "{told}"
    );
}

#[test]
fn what_a_device_was_at_when_it_failed_is_attacked_alone() {
    let case = pairs(true);
    let trial = trial(asma());
    let alone = results(&case, &cpu, &trial, true, 1);
    let all = Arc::new(AtomicU64::new(0));
    assert!(alone == results(&case, &watched(&all, u64::MAX), &trial, false, PLACES));
    for share in [0, 1, 2, 3] {
        let most = share * all.load(Ordering::Relaxed) / 4;
        let calls = Arc::new(AtomicU64::new(0));
        let found = results(&case, &watched(&calls, most), &trial, false, PLACES);
        assert!(alone == found, "{share} quarters");
        assert!(
            calls.load(Ordering::Relaxed) > most,
            "{share} quarters: it never failed"
        );
    }
}

/// A sample whose numbers leave the finite range fails with the reason that it has alone, and the others do not.
#[test]
fn one_that_fails_fails_alone() {
    let case = pairs(false);
    // Any step leads out of the finite range, and where the attacked class is not wanted there is none.
    let config = AsmaConfig {
        iterations: 7,
        step: StepSize::Fixed { tau: 3e38, beta: 0.0 },
        classes: Some(vec![2]),
        ..AsmaConfig::published()
    };
    let trial = trial(config);
    let alone = results(&case, &cpu, &trial, true, 1);
    let failed: Vec<usize> = (0..PAIRS as usize)
        .filter(|&number| match &alone[number].0.verdict {
            Verdict::Failed { reason } => {
                assert!(reason.contains("finite range"), "{reason}");
                true
            }
            Verdict::Done(_) => false,
        })
        .collect();
    assert_eq!(failed, [1, 3, 5, 7, 9, 11]);
    let calls = Arc::new(AtomicU64::new(0));
    assert!(alone == results(&case, &watched(&calls, u64::MAX), &trial, false, PLACES));
}

/// Attacks whose samples must go in step are attacked in whole batches.
#[test]
fn attacks_that_step_in_time_keep_in_step() {
    let case = pairs(false);
    for method in [
        asma::attack::minimal::Method::AlmaProx,
        asma::attack::minimal::Method::Pdpgd,
    ] {
        let config = MinimalConfig {
            steps: 6,
            purpose: Purpose::Targeted,
            ..MinimalConfig::new(method)
        };
        let trial = trial(config);
        let alone = results(&case, &cpu, &trial, true, 1);
        let calls = Arc::new(AtomicU64::new(0));
        assert!(alone == results(&case, &watched(&calls, u64::MAX), &trial, false, PLACES));
    }
}

#[test]
fn on_a_gpu_too_a_pair_comes_to_what_it_comes_to_alone() {
    let Some(gpu) = common::gpu(Capabilities::Full) else {
        return;
    };
    let open = |program: &Arc<Program>, _: usize| -> Result<Box<dyn Executor>> {
        let executor = GpuExecutor::new(gpu.clone(), program, &GpuOptions::default())?;
        Ok(Box::new(executor))
    };
    let case = pairs(true);
    let trials = [
        trial(asma()),
        trial(AsmaConfig {
            iterations: 12,
            stop_iou: Some(0.35),
            patience: Some(5),
            schedule: Schedule::TwoForward,
            refine: Refinement::Off,
            ..asma()
        }),
        budget("dag", Norm::Linf, |config| {
            config.steps = 12;
            config.alpha = 0.03;
            config.stop_rate = Some(0.5);
        }),
    ];
    for trial in &trials {
        let alone = results(&case, &open, trial, false, 1);
        let name = &trial.setting.name;
        eprintln!("{name}: {:?}", lengths(&alone));
        assert!(alone == results(&case, &open, trial, false, PLACES), "{name}");
    }
}
