//! What is in memory and does not fit is refused by its name.

use std::fs;
use std::path::Path;

use asma::attack::{BudgetConfig, Purpose, Target};
use asma::job::{Goal, ImageSource, Job, MaskSource, OnCpu, Performed, Silent};
use asma::labels::LabelMap;
use asma::{Result, Shape, Tensor};

use crate::{Case, INPUT};

#[track_caller]
fn assert_says(result: Result<Performed>, parts: &[&str]) {
    let problem = result.map(|_| ()).expect_err("a refusal").to_string();
    assert!(!problem.contains('\n'), "{problem}");
    for part in parts {
        assert!(problem.contains(part), "`{part}` is not in: {problem}");
    }
}

#[test]
fn images_that_do_not_fit() {
    let case = Case::new();
    let with = |image: &Tensor| {
        let image = ImageSource::Memory {
            name: "photograph",
            image,
        };
        let target: Target = "class:1".parse().unwrap();
        Job::new(case.loaded(), image, Goal::Target(&target)).run(&mut OnCpu, &mut Silent)
    };
    for shape in [Shape::new(1, 1, 21, 26), Shape::new(2, 3, 21, 26)] {
        assert_says(
            with(&Tensor::zeros(shape)),
            &["photograph", &shape.to_string(), "1×3×H×W"],
        );
    }
    for value in [f32::NAN, -0.25, 1.5] {
        let mut image = case.image.clone();
        image.data_mut()[7] = value;
        assert_says(
            with(&image),
            &["photograph", &value.to_string(), "between 0 and 1"],
        );
    }
}

#[test]
fn masks_that_do_not_fit() {
    let case = Case::new();
    let labels = |height, width, label| LabelMap::from_fn(height, width, |_, _| label).unwrap();
    for (labels, parts) in [
        (labels(INPUT.h, INPUT.w, 2), ["class 2", "0 to 1"]),
        (labels(INPUT.w, INPUT.h, 1), ["21×26", "on its side"]),
        (labels(INPUT.h, INPUT.w, 0), ["no foreground", "mask"]),
    ] {
        let mask = MaskSource::Memory {
            name: "marks",
            labels: &labels,
        };
        let wanted = ["marks", parts[0], parts[1]];
        let job = Job::new(case.loaded(), case.in_memory(), Goal::Labels(mask));
        assert_says(job.run(&mut OnCpu, &mut Silent), &wanted);
        let target: Target = "class:1".parse().unwrap();
        let job = Job {
            region: Some(mask),
            ..Job::new(case.loaded(), case.in_memory(), Goal::Target(&target))
        };
        assert_says(job.run(&mut OnCpu, &mut Silent), &wanted);
    }
}

#[test]
fn a_goal_that_is_reached_or_cannot_be() {
    let case = Case::new();
    let before = case
        .on_files(&case.target_file(), |_| ())
        .unwrap()
        .attacked
        .before;
    // Pixels that are left out ask for nothing.
    let in_part = LabelMap::from_fn(before.height(), before.width(), |y, x| match y {
        0 => 255,
        _ => before.get(y, x).unwrap(),
    })
    .unwrap();
    for (name, labels) in [("as it is", &before), ("in part", &in_part)] {
        let goal = Goal::Labels(MaskSource::Memory { name, labels });
        let job = Job::new(case.loaded(), case.in_memory(), goal);
        assert_says(job.run(&mut OnCpu, &mut Silent), &[name, "predicts it already"]);
    }
    let target: Target = "class:9".parse().unwrap();
    let job = Job::new(case.loaded(), case.in_memory(), Goal::Target(&target));
    assert_says(job.run(&mut OnCpu, &mut Silent), &["class 9", "0 to 1"]);
}

#[test]
fn a_goal_that_is_not_the_attacks() {
    let case = Case::new();
    let away = Job::new(case.loaded(), case.in_memory(), Goal::Untargeted(None));
    assert_says(away.run(&mut OnCpu, &mut Silent), &["asma", "towards a target"]);
    let target: Target = "class:1".parse().unwrap();
    let config = BudgetConfig {
        purpose: Purpose::Untargeted,
        ..BudgetConfig::default()
    };
    let job = Job {
        config: config.clone().into(),
        ..Job::new(case.loaded(), case.in_memory(), Goal::Target(&target))
    };
    assert_says(job.run(&mut OnCpu, &mut Silent), &["untargeted", "class:1"]);
    // Nothing of it is predicted as it is.
    let before = case
        .on_files(&case.target_file(), |_| ())
        .unwrap()
        .attacked
        .before;
    let wrong = LabelMap::from_fn(INPUT.h, INPUT.w, |y, x| 1 - before.get(y, x).unwrap()).unwrap();
    let labels = MaskSource::Memory {
        name: "wrong",
        labels: &wrong,
    };
    let job = Job {
        config: config.into(),
        ..Job::new(case.loaded(), case.in_memory(), Goal::Untargeted(Some(labels)))
    };
    assert_says(job.run(&mut OnCpu, &mut Silent), &["wrong", "nothing to attack"]);
}

/// Lines of code in which an option of the command line is named as there, and no other program's.
fn lines_with_dashes(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("src/cli") {
                lines_with_dashes(&path, found);
            }
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let of_others = ["tf2onnx", "gdcmconv", "var(--", "--c{:06x}"];
        let lines = text.lines().enumerate().filter(|(_, line)| {
            line.match_indices("--").any(|(place, _)| {
                let before = line[..place].chars().next_back();
                let after = line[place + 2..].chars().next();
                before != Some('-') && after.is_some_and(|after| after.is_ascii_lowercase() || after == '{')
            }) && !of_others.iter().any(|other| line.contains(other))
        });
        found.extend(lines.map(|(number, line)| format!("{}:{}: {line}", path.display(), number + 1)));
    }
}

#[test]
fn messages_name_options_so_that_they_hold_at_every_door() {
    let mut found = Vec::new();
    lines_with_dashes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../src"), &mut found);
    assert!(
        found.is_empty(),
        "want an option's name without dashes: {found:#?}"
    );
}
