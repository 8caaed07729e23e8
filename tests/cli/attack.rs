//! `asma attack` where all is well.

use asma::attack::to_8_bits;
use asma::checkpoint::Checkpoint;
use asma::data::read_image;
use asma::report::{read_summary, read_trace};
use image::AnimationDecoder;
use image::codecs::gif::GifDecoder;

use crate::support::{SIZE, Workshop};

#[test]
fn an_attack_writes_all_its_files_and_says_where_it_ran() {
    let workshop = Workshop::new();
    let output = workshop
        .attack("--iterations 12 --tau auto --out out")
        .assert()
        .success();
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    let device: Vec<_> = stderr
        .lines()
        .filter(|line| line.starts_with("device: "))
        .collect();
    assert_eq!(device.len(), 1, "{stderr}");
    assert!(
        device[0].contains("CPU") && device[0].contains("no hardware GPU"),
        "{stderr}"
    );
    assert_eq!(
        workshop.files("out"),
        [
            "adversarial.png",
            "adversarial.safetensors",
            "figure.png",
            "perturbation.png",
            "prediction_after.png",
            "prediction_before.png",
            "summary.json",
            "trace.csv"
        ]
    );
}

#[test]
fn the_written_files_agree_with_each_other() {
    let workshop = Workshop::new();
    workshop
        .attack("--iterations 400 --tau auto --out out")
        .assert()
        .success();
    let out = workshop.path("out");
    let trace = read_trace(out.join("trace.csv")).unwrap();
    assert_eq!(trace.len(), 400);
    assert!(trace.iter().zip(0..).all(|(row, index)| row.iteration == index));
    let summary = read_summary(out.join("summary.json")).unwrap();
    let settings = summary.asma().unwrap();
    assert!(settings.automatic && settings.tau > 0.0);
    assert!(
        summary.results.best.iou > summary.results.before.iou + 0.1,
        "the attack should get somewhere: {summary:?}"
    );
    let exact = Checkpoint::open(out.join("adversarial.safetensors")).unwrap();
    let exact = exact
        .tensor_shaped("adversarial", &[3, SIZE as usize, SIZE as usize])
        .unwrap();
    let rounded = read_image(out.join("adversarial.png")).unwrap();
    let exact = asma::Tensor::new(rounded.shape(), exact.data).unwrap();
    let source = read_image(workshop.path("image.png")).unwrap();
    // What rounding loses is handed on in one of four directions, whichever survives best.
    let directions = [false, true].map(|left| [false, true].map(|above| [left, above]));
    let survives = directions.as_flattened().iter().any(|&direction| {
        let [source, exact] = [&source, &exact].map(|image| mirrored(image, direction));
        mirrored(&to_8_bits(&source, &exact, settings.cap), direction) == rounded
    });
    assert!(survives, "the image is not the exact one, rounded");
    let differences = source.data().iter().zip(exact.data()).map(|(a, b)| (a - b).abs());
    let linf = differences.fold(0.0, f32::max);
    let saved = match summary.saved.as_str() {
        "best" => summary.results.best,
        _ => summary.results.last,
    };
    assert_eq!(linf, saved.linf);
}

/// An image turned left to right, upside down, or as it is.
fn mirrored(image: &asma::Tensor, [left, above]: [bool; 2]) -> asma::Tensor {
    let shape = image.shape();
    asma::Tensor::from_fn(shape, |n, c, y, x| {
        let (y, x) = (
            if above { shape.h - 1 - y } else { y },
            if left { shape.w - 1 - x } else { x },
        );
        image.plane(n, c)[y * shape.w + x]
    })
}

#[test]
fn every_kind_of_target_works() {
    let workshop = Workshop::new();
    image::RgbImage::from_fn(SIZE, SIZE, |x, y| image::Rgb([(4 * x + y) as u8; 3]))
        .save(workshop.path("other.png"))
        .unwrap();
    for target in [
        "shift:5,-3",
        "scale:0.5",
        "rotate:45",
        "hide:1->0",
        "class:1",
        "of:other.png",
        "target.png",
    ] {
        workshop
            .asma(&format!(
                "attack --image image.png --target {target} --weights weights.safetensors --iterations 2 --out out"
            ))
            .assert()
            .success();
    }
}

#[test]
fn an_attack_stops_at_the_iou_asked_for_and_prints_json() {
    let workshop = Workshop::new();
    let output = workshop
        .attack("--iterations 400 --cap 1 --stop-iou 0.3 --refine off --json --out out")
        .assert()
        .success();
    let json: serde_json::Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    assert_eq!(json["stop_reason"], "IoU reached");
    assert!(json["iterations"].as_u64().unwrap() < 400);
    assert!(json["results"]["last"]["iou"].as_f64().unwrap() >= 0.3);
}

#[test]
fn only_the_region_changes() {
    let workshop = Workshop::new();
    workshop.mask("region.png", SIZE, |x, _| 255 * u8::from(x < 20));
    workshop
        .attack("--iterations 10 --tau auto --region region.png --out out")
        .assert()
        .success();
    let source = read_image(workshop.path("image.png")).unwrap();
    let adversarial = Checkpoint::open(workshop.path("out/adversarial.safetensors")).unwrap();
    let adversarial = adversarial.tensor("adversarial").unwrap().data;
    let changed: Vec<usize> = source
        .data()
        .iter()
        .zip(&adversarial)
        .enumerate()
        .filter(|(_, (a, b))| a != b)
        .map(|(index, _)| index % SIZE as usize)
        .collect();
    assert!(!changed.is_empty() && changed.iter().all(|&x| x < 20));
}

#[test]
fn the_schedules_differ_and_repeats_do_not() {
    let workshop = Workshop::new();
    for (schedule, out) in [("one-forward", "a"), ("one-forward", "b"), ("two-forward", "c")] {
        workshop
            .attack(&format!(
                "--iterations 6 --tau auto --schedule {schedule} --out {out}"
            ))
            .assert()
            .success();
    }
    let trace = |out: &str| std::fs::read(workshop.path(out).join("trace.csv")).unwrap();
    assert_eq!(trace("a"), trace("b"));
    assert_ne!(trace("a"), trace("c"));
}

#[test]
fn an_animation_is_written_if_it_is_asked_for() {
    let workshop = Workshop::new();
    workshop
        .attack("--iterations 40 --tau auto --gif --out with")
        .assert()
        .success();
    workshop
        .attack("--iterations 40 --tau auto --out without")
        .assert()
        .success();
    assert!(!workshop.files("without").contains(&"animation.gif".to_string()));
    let file = std::io::BufReader::new(std::fs::File::open(workshop.path("with/animation.gif")).unwrap());
    let frames = GifDecoder::new(file)
        .unwrap()
        .into_frames()
        .collect_frames()
        .unwrap();
    assert!((17..=33).contains(&frames.len()), "{}", frames.len());
    assert_ne!(frames[0].buffer(), frames[frames.len() - 1].buffer());
    // How the attack is watched does not change it.
    let trace = |out: &str| std::fs::read(workshop.path(out).join("trace.csv")).unwrap();
    assert_eq!(trace("with"), trace("without"));
}

#[test]
fn an_attack_that_stalls_names_the_other_objective() {
    let workshop = Workshop::new();
    for (objective, hinted) in [("logit", true), ("margin", false)] {
        let output = workshop
            .attack(&format!(
                "--iterations 2 --objective {objective} --out {objective}"
            ))
            .assert()
            .success();
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert_eq!(
            stderr.contains("`objective=margin`"),
            hinted,
            "{objective}: {stderr}"
        );
        let summary = read_summary(workshop.path(objective).join("summary.json")).unwrap();
        assert_eq!(summary.asma().unwrap().objective, objective);
        assert!(summary.results.best.iou < 0.9);
    }
}

#[test]
fn published_settings_are_the_authors_and_the_defaults_hold_and_cap() {
    let workshop = Workshop::new();
    let summary = |arguments: &str, out: &str| {
        let command = format!("--iterations 3 {arguments} --out {out}");
        workshop.attack(&command).assert().success();
        let summary = read_summary(workshop.path(out).join("summary.json")).unwrap();
        summary.asma().unwrap().clone()
    };
    let published = summary("--published", "published");
    assert_eq!(
        (published.tau, published.beta, published.lambda),
        (1e-7, 1e-6, 1.0)
    );
    assert_eq!(
        (&published.schedule[..], &published.objective[..], published.cap),
        ("two-forward", "logit", None)
    );
    let default = summary("", "default");
    assert!(default.automatic);
    assert_eq!(
        (&default.schedule[..], &default.objective[..], default.cap),
        ("one-forward", "margin", Some(0.1))
    );
    // What is given goes before; a tau of one's own has no cap unless one is asked for.
    assert_eq!(
        summary("--published --schedule one-forward", "a").schedule,
        "one-forward"
    );
    assert_eq!(summary("--published --cap 0.05", "b").cap, Some(0.05));
    assert_eq!(summary("--tau 1e-6", "c").cap, None);
    assert_eq!(summary("--tau 1e-6 --cap 0.2", "d").cap, Some(0.2));
}

#[test]
fn the_saved_image_is_within_the_cap_and_the_summary_says_how_far_it_can_be_told() {
    let workshop = Workshop::new();
    let output = workshop
        .attack("--iterations 200 --cap 0.02 --out out")
        .assert()
        .success();
    let stdout = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    assert!(stdout.contains("PSNR") && stdout.contains("SSIM"), "{stdout}");
    let summary = read_summary(workshop.path("out").join("summary.json")).unwrap();
    let likeness = summary.likeness.unwrap();
    assert!(likeness.linf > 0.0 && likeness.linf <= 0.02, "{likeness:?}");
    assert!(summary.results.best.linf <= 0.02 && summary.results.last.linf <= 0.02);
    assert!(stdout.contains(&likeness.in_words), "{stdout}");
}

#[test]
fn the_summary_says_how_values_were_stored() {
    let workshop = Workshop::new();
    // There is no GPU here, so `auto` is float32.
    for (precision, wanted) in [("f32", "f32"), ("f16", "f16"), ("auto", "f32")] {
        workshop
            .attack(&format!(
                "--iterations 5 --precision {precision} --out {precision}"
            ))
            .assert()
            .success();
        let summary = read_summary(workshop.path(precision).join("summary.json")).unwrap();
        assert_eq!(summary.precision, wanted);
    }
    let rows = |folder: &str| read_trace(workshop.path(folder).join("trace.csv")).unwrap();
    assert_eq!(rows("f32"), rows("auto"));
    assert_ne!(rows("f32"), rows("f16"));
}
