//! Images in memory attacked together: each comes to what a job on it alone comes to.

use asma::attack::{Settings, Snapshots, StopReason, table};
use asma::job::{Batch, Goal, ImageSource, Job, MaskSource, OnCpu, Performed, Silent};
use asma::{Error, LabelMap, Shape, Tensor};

use super::{Case, Heard, INPUT, assert_same, networks};

/// So many images.
const IMAGES: usize = 5;

struct Images {
    case: Case,
    images: Tensor,
    targets: Vec<LabelMap>,
}

impl Images {
    fn new() -> Images {
        let case = Case::new();
        Images {
            images: networks::image(Shape { n: IMAGES, ..INPUT }, 11),
            targets: (0..IMAGES as u64)
                .map(|number| networks::target(INPUT.h, INPUT.w, 1, number))
                .collect(),
            case,
        }
    }

    fn goals(&self, untargeted: bool) -> Vec<Goal<'_>> {
        let mask = |labels| MaskSource::Memory { name: "mask", labels };
        let goals = self.targets.iter().map(mask);
        match untargeted {
            true => goals.map(Some).map(Goal::Untargeted).collect(),
            false => goals.map(Goal::Labels).collect(),
        }
    }

    /// The batch of these settings.
    fn batch<'a>(&'a self, attack: &str, settings: &Settings, goals: &'a [Goal<'a>]) -> Batch<'a> {
        let entry = table::named(attack).unwrap();
        let (config, losses) = settings.config(entry).unwrap();
        Batch {
            model: &self.case.model,
            name: "network",
            images: &self.images,
            goals,
            regions: &[],
            config,
            losses,
            snapshots: Snapshots::Predictions,
            together: Some(2),
        }
    }

    /// The job on one of its images alone.
    fn alone(&self, batch: &Batch<'_>, number: usize) -> Performed {
        let image = self.images.sample(number);
        let image = ImageSource::Memory {
            name: "image",
            image: &image,
        };
        let region = batch.regions.first();
        let job = Job {
            config: batch.config.clone(),
            losses: batch.losses,
            region: region.map(|labels| MaskSource::Memory {
                name: "region",
                labels,
            }),
            ..Job::new(self.case.loaded(), image, batch.goals[number])
        };
        job.run(&mut OnCpu, &mut Silent).unwrap()
    }
}

/// `name value` pairs.
fn settings(options: &[(&str, &str)]) -> Settings {
    let mut settings = Settings::default();
    for (name, text) in options {
        settings.set(name, text).unwrap();
    }
    settings
}

#[test]
fn each_image_of_a_batch_comes_to_what_it_comes_to_alone() {
    let images = Images::new();
    for (attack, options) in [
        ("asma", &[("steps", "7"), ("stop-iou", "0.6")][..]),
        ("pgd", &[("steps", "4"), ("norm", "l2"), ("eps", "0.5")]),
        ("cospgd", &[("steps", "4"), ("untargeted", "on")]),
        ("sea", &[("steps", "4"), ("untargeted", "on")]),
        ("alma-prox", &[("steps", "5"), ("untargeted", "on")]),
    ] {
        let settings = settings(options);
        let goals = images.goals(settings.untargeted);
        let batch = images.batch(attack, &settings, &goals);
        let together = batch.run(&mut OnCpu, &mut Silent).unwrap();
        assert_eq!(together.len(), IMAGES, "{attack}");
        for (number, performed) in together.iter().enumerate() {
            let alone = images.alone(&batch, number);
            assert!(!alone.attacked.outcome.trace.is_empty(), "{attack}");
            assert_same(performed, &alone);
            assert_eq!(performed.summary.stop_reason, alone.summary.stop_reason);
            assert_eq!(performed.attacked.passes, alone.attacked.passes);
            assert_eq!(performed.summary.image, format!("image {number}"));
        }
    }
}

#[test]
fn a_region_holds_for_all_images() {
    let images = Images::new();
    let settings = settings(&[("steps", "3")]);
    let goals = images.goals(false);
    let region = LabelMap::from_fn(INPUT.h, INPUT.w, |y, _| u8::from(y < 8)).unwrap();
    let batch = Batch {
        regions: std::slice::from_ref(&region),
        ..images.batch("pgd", &settings, &goals)
    };
    let together = batch.run(&mut OnCpu, &mut Silent).unwrap();
    for (number, performed) in together.iter().enumerate() {
        assert_same(performed, &images.alone(&batch, number));
        let (source, saved) = (&performed.attacked.source, &performed.attacked.judged.saved);
        let differs = |y: usize| (0..INPUT.w).any(|x| source.at(0, 0, y, x) != saved.at(0, 0, y, x));
        assert!((0..8).any(differs));
        assert!(!(8..INPUT.h).any(differs));
    }
}

#[test]
fn an_image_with_nothing_to_attack_is_judged_as_it_is() {
    let mut images = Images::new();
    let settings = settings(&[("steps", "3")]);
    let predicted = images.alone(&images.batch("pgd", &settings, &images.goals(false)), 1);
    images.targets[1] = predicted.attacked.before.clone();
    let goals = images.goals(false);
    let together = images
        .batch("pgd", &settings, &goals)
        .run(&mut OnCpu, &mut Silent)
        .unwrap();
    let idle = &together[1].attacked;
    assert_eq!(idle.outcome.stop, StopReason::NothingToAttack);
    assert_eq!(idle.judged.saved, images.images.sample(1));
    assert_eq!(idle.judged.results.before.iou, 1.0);
    assert_eq!(together[2].attacked.outcome.trace.len(), 4);
}

#[test]
fn once_it_is_ended_what_was_under_way_is_kept_and_the_rest_left() {
    let images = Images::new();
    for attack in ["pgd", "sea"] {
        let settings = settings(&[("steps", "40"), ("untargeted", "on")]);
        let goals = images.goals(true);
        let mut heard = Heard {
            stops: true,
            ..Heard::default()
        };
        let batch = images.batch(attack, &settings, &goals);
        let together = batch.run(&mut OnCpu, &mut heard).unwrap();
        let under_way = if attack == "sea" { 1 } else { 2 };
        for (number, performed) in together.iter().enumerate() {
            let outcome = &performed.attacked.outcome;
            assert_eq!(outcome.stop, StopReason::Interrupted);
            assert_eq!(outcome.trace.is_empty(), number >= under_way, "{attack} {number}");
            assert_eq!(performed.summary.stop_reason, "interrupted");
            let judged = &performed.attacked.judged;
            // PGD keeps the last image, which is there whenever it ends; SEA the best so far, which began at random.
            let moved = judged.saved != performed.attacked.source;
            assert_eq!(moved, number < under_way, "{attack} {number}");
        }
        assert_eq!(heard.lines.iter().filter(|line| *line == "ended").count(), 1);
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_image_s_number() {
    let images = Images::new();
    let settings = settings(&[("steps", "3")]);
    let refused = |images: &Images, change: &dyn Fn(&mut Batch<'_>), words: &str| {
        let goals = images.goals(false);
        let mut batch = images.batch("pgd", &settings, &goals);
        change(&mut batch);
        let error = batch.run(&mut OnCpu, &mut Silent).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    };
    refused(
        &images,
        &|batch| batch.goals = &batch.goals[..2],
        "2 targets were given for 5 images",
    );
    let regions = [
        LabelMap::from_fn(INPUT.h, INPUT.w, |_, _| 1).unwrap(),
        LabelMap::from_fn(INPUT.h, INPUT.w, |_, _| 1).unwrap(),
    ];
    let mut wrong = Images::new();
    let goals = wrong.goals(false);
    let batch = Batch {
        regions: &regions,
        ..wrong.batch("pgd", &settings, &goals)
    };
    let error = batch.run(&mut OnCpu, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("2 regions were given"), "{error}");
    wrong.images.data_mut()[3 * INPUT.elements()] = f32::NAN;
    refused(&wrong, &|_| {}, "image 3: holds the value NaN");
    let mut wrong = Images::new();
    wrong.targets[4] = networks::target(INPUT.h + 1, INPUT.w, 1, 4);
    let goals = wrong.goals(false);
    let batch = wrong.batch("pgd", &settings, &goals);
    let error = batch.run(&mut OnCpu, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("26×22"), "{error}");
}
