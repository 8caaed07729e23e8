//! Files or memory, one call or its stages: all come to the same.

use asma::attack::table::SEA_LOSSES;
use asma::attack::{Attack, AttackConfig, BudgetConfig, Purpose, Snapshots, Target};
use asma::cpu::CpuExecutor;
use asma::data::InputOptions;
use asma::job::{Goal, ImageSource, Job, MaskSource, ModelSource, Names, OnCpu, Performed, Silent, Subject};
use asma::labels::LabelMap;
use asma::model::{Model, Padding, SimpleUnet};
use asma::network::Precision;

use crate::networks::{checkpoint_of, image, target};
use crate::{Case, Heard, INPUT, assert_same};

#[test]
fn what_is_in_memory_is_attacked_as_what_is_in_files() {
    let case = Case::new();
    let region = LabelMap::from_fn(INPUT.h, INPUT.w, |_, x| u8::from(x < 20)).unwrap();
    asma::data::write_mask(case.path("region.png"), &region).unwrap();
    let region_file = case.path("region.png");
    let from_files = case
        .on_files(&case.target_file(), |job| {
            job.region = Some(MaskSource::File(&region_file));
        })
        .unwrap();
    let job = Job {
        config: case.config.clone().into(),
        region: Some(MaskSource::Memory {
            name: "the left",
            labels: &region,
        }),
        ..Job::new(
            case.loaded(),
            case.in_memory(),
            Goal::Labels(MaskSource::Memory {
                name: "wanted",
                labels: &case.target,
            }),
        )
    };
    assert_eq!(job.files().count(), 0);
    let from_memory = job.run(&mut OnCpu, &mut Silent).unwrap();
    assert_same(&from_files, &from_memory);
    let names = |performed: &Performed| {
        let summary = &performed.summary;
        [&summary.image, &summary.target, &summary.weights]
            .map(|name| name.rsplit('/').next().unwrap().to_string())
    };
    assert_eq!(
        names(&from_files),
        ["image.png", "target.png", "weights.safetensors"]
    );
    assert_eq!(names(&from_memory), ["photograph", "wanted", "network"]);
    assert_eq!(from_memory.summary.region.as_deref(), Some("the left"));
    // Something happened, and only there.
    let (source, saved) = (&from_memory.attacked.source, &from_memory.attacked.judged.saved);
    let changed = |left: bool| {
        let pixels = source.data().iter().zip(saved.data()).enumerate();
        pixels
            .filter(|(index, (a, b))| (index % INPUT.w < 20) == left && a != b)
            .count()
    };
    assert!(changed(true) > 0);
    assert_eq!(changed(false), 0);
}

#[test]
fn one_model_one_plan_and_one_executor_serve_many_images() {
    let case = Case::new();
    let options = InputOptions::default();
    let graph = &case.model.graph;
    let images: Vec<_> = (0..3).map(|seed| image(INPUT, 20 + seed)).collect();
    let goal: Target = "scale:0.7".parse().unwrap();
    let source = |image| ImageSource::Memory { name: "x", image };
    let first = source(&images[0]).read(&options, graph, &mut Silent).unwrap();
    let shape = first.image.shape();
    let attack = Attack::new(&first.network.graph, shape, case.config.clone(), false).unwrap();
    let mut executor = CpuExecutor::new(attack.program().clone()).unwrap();
    for image in &images {
        let input = source(image).read(&options, graph, &mut Silent).unwrap();
        let aim = Goal::Target(&goal)
            .read(&options, graph, &input, &mut Silent)
            .unwrap();
        let subject = Subject {
            source: input.image,
            aim,
            region: None,
            snapshots: Snapshots::Predictions,
        };
        let attacked = subject.attack(&attack, &mut executor, &mut Silent).unwrap();
        let summary = attacked.summary(&attack, &executor, Names::default());
        let alone = Job {
            config: case.config.clone().into(),
            ..Job::new(case.loaded(), source(image), Goal::Target(&goal))
        };
        let alone = alone.run(&mut OnCpu, &mut Silent).unwrap();
        let staged = Performed {
            own_format: None,
            attacked,
            summary,
            accepted: Vec::new(),
            notes: Vec::new(),
        };
        assert_same(&staged, &alone);
    }
}

#[test]
fn masks_in_memory_are_prepared_as_the_image_is() {
    let case = Case::new();
    // Its output is smaller than its input, and lies in the centre.
    let unet = SimpleUnet::doubling(3, 4, 2, 2, Padding::Valid);
    let model = Model::from_checkpoint(&checkpoint_of(&unet, true)).unwrap();
    let wanted = target(INPUT.h, INPUT.w, 1, 0);
    let job = Job {
        config: case.config.clone().into(),
        input: InputOptions {
            preparation: asma::data::Preparation {
                padding: "5".parse().ok(),
                ..Default::default()
            },
            ..InputOptions::default()
        },
        ..Job::new(
            ModelSource::Loaded {
                name: "network",
                model: &model,
            },
            case.in_memory(),
            Goal::Labels(MaskSource::Memory {
                name: "wanted",
                labels: &wanted,
            }),
        )
    };
    let performed = job.run(&mut OnCpu, &mut Silent).unwrap();
    let attacked = &performed.attacked;
    let shape = attacked.source.shape();
    assert_eq!((shape.h, shape.w), (INPUT.h + 10, INPUT.w + 10));
    let (top, left) = (
        (shape.h - attacked.target.height()) / 2,
        (shape.w - attacked.target.width()) / 2,
    );
    for y in 0..attacked.target.height() {
        for x in 0..attacked.target.width() {
            let stored = |at: usize, most: usize| at.saturating_sub(5).min(most - 1);
            let wanted = wanted.get(stored(y + top, INPUT.h), stored(x + left, INPUT.w));
            assert_eq!(attacked.target.get(y, x), wanted);
        }
    }
    assert_eq!(performed.summary.preparation, "pad 5:edge");
}

#[test]
fn who_listens_is_told_when_it_is_known_and_the_result_holds_it_too() {
    let case = Case::new();
    // Nearly black, which is said.
    let dark = image::RgbImage::from_fn(26, 21, |x, y| image::Rgb([x as u8, y as u8, 3]));
    dark.save(case.path("dark.png")).unwrap();
    let (weights, dark) = (case.path("weights.safetensors"), case.path("dark.png"));
    let target = case.target_file();
    let model = ModelSource::File {
        path: &weights,
        options: &case.options,
    };
    let job = Job {
        config: case.config.clone().into(),
        ..Job::new(model, ImageSource::File(&dark), Goal::Target(&target))
    };
    let files: Vec<_> = job.files().collect();
    assert_eq!(files, [&dark, &weights, &case.path("target.png")]);
    let mut heard = Heard::default();
    let performed = job.run(&mut OnCpu, &mut heard).unwrap();
    let kinds: Vec<&str> = heard
        .lines
        .iter()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        kinds[..6],
        ["model", "image", "sizes", "note", "target", "begins"]
    );
    assert!(kinds[6..kinds.len() - 1].iter().all(|kind| *kind == "progress"));
    assert_eq!(kinds.last(), Some(&"ended"));
    let mut lines = performed.accepted.clone();
    assert_eq!(performed.notes.len(), 1);
    lines.insert(3, format!("note: {}", performed.notes[0]));
    assert_eq!(lines, heard.lines[..5]);
}

#[test]
fn an_untargeted_attack_leads_away_from_a_label_or_from_the_prediction() {
    let case = Case::new();
    let config: AttackConfig = BudgetConfig {
        purpose: Purpose::Untargeted,
        steps: 8,
        ..BudgetConfig::default()
    }
    .into();
    let before = case
        .on_files(&case.target_file(), |_| ())
        .unwrap()
        .attacked
        .before;
    let run = |mask: Option<&LabelMap>| {
        let labels = mask.map(|labels| MaskSource::Memory {
            name: "truth",
            labels,
        });
        let job = Job {
            config: config.clone(),
            ..Job::new(case.loaded(), case.in_memory(), Goal::Untargeted(labels))
        };
        let mut heard = Heard::default();
        (job.run(&mut OnCpu, &mut heard).unwrap(), heard.lines)
    };
    let (away, heard) = run(None);
    assert_eq!(away.attacked.target, before);
    assert_eq!(away.summary.target, "its own prediction");
    assert_eq!(away.summary.results.before.pixel_accuracy, 1.0);
    assert!(away.summary.results.best.pixel_accuracy < 1.0);
    assert!(!heard.iter().any(|line| line.starts_with("label: ")));
    // The same labels by hand are the same attack.
    let (given, heard) = run(Some(&before));
    assert_same(&away, &given);
    assert_eq!(given.summary.target, "truth");
    assert!(
        heard.iter().any(|line| line.starts_with("label: truth: ")),
        "{heard:?}"
    );
    // Background alone is no target, and a label like any other.
    let background = LabelMap::from_fn(INPUT.h, INPUT.w, |_, _| 0).unwrap();
    assert_eq!(run(Some(&background)).0.attacked.target, background);
}

#[test]
fn a_listener_ends_all_losses_of_which_the_worst_is_looked_for() {
    let case = Case::new();
    let run = |stops: bool, steps: u32| {
        let config = BudgetConfig {
            purpose: Purpose::Untargeted,
            steps,
            ..BudgetConfig::default()
        };
        let job = Job {
            config: config.into(),
            losses: &SEA_LOSSES,
            ..Job::new(case.loaded(), case.in_memory(), Goal::Untargeted(None))
        };
        let mut heard = Heard {
            stops,
            ..Heard::default()
        };
        job.run(&mut OnCpu, &mut heard).unwrap();
        heard
            .lines
            .iter()
            .filter(|line| line.starts_with("begins"))
            .count()
    };
    assert_eq!(run(false, 2), SEA_LOSSES.len());
    assert_eq!(run(true, 4000), 1);
}

#[test]
fn a_listener_ends_the_attack_and_what_is_done_is_kept() {
    let case = Case::new();
    let target: Target = "class:1".parse().unwrap();
    let job = Job {
        config: asma::attack::AsmaConfig {
            iterations: 4000,
            ..case.config.clone()
        }
        .into(),
        ..Job::new(case.loaded(), case.in_memory(), Goal::Target(&target))
    };
    let mut heard = Heard {
        stops: true,
        ..Heard::default()
    };
    let performed = job.run(&mut OnCpu, &mut heard).unwrap();
    assert_eq!(performed.summary.stop_reason, "interrupted");
    let rows = performed.attacked.outcome.trace.len();
    assert!(rows > 0 && rows < 4000, "{rows}");
    assert_eq!(heard.lines.last().map(String::as_str), Some("ended"));
}

#[test]
fn the_device_decides_how_values_are_stored() {
    struct Half;
    impl asma::job::Device for Half {
        fn precision(&mut self, wanted: Precision) -> asma::Result<Precision> {
            assert_eq!(wanted, Precision::F32);
            Ok(Precision::F16)
        }

        fn executor(
            &mut self,
            program: &std::sync::Arc<asma::program::Program>,
        ) -> asma::Result<Box<dyn asma::program::Executor>> {
            OnCpu.executor(program)
        }
    }
    let case = Case::new();
    let target: Target = "class:1".parse().unwrap();
    let job = Job::new(case.loaded(), case.in_memory(), Goal::Target(&target));
    let job = Job {
        config: case.config.clone().into(),
        ..job
    };
    let performed = job.run(&mut Half, &mut Silent).unwrap();
    assert_eq!(performed.summary.precision, "f16");
}
