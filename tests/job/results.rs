//! What a job leaves in a folder.

use asma::attack::Snapshots;
use asma::checkpoint::Checkpoint;
use asma::job::{FILES, remarks, write_results};
use asma::report::{read_summary, read_trace};

use crate::Case;

fn names(folder: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn all_files_are_written_and_say_what_the_result_says() {
    let case = Case::new();
    let performed = case
        .on_files(&case.target_file(), |job| job.snapshots = Snapshots::WithImages)
        .unwrap();
    let out = case.path("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("mine.txt"), "mine").unwrap();
    write_results(&out, &performed).unwrap();
    let mut wanted = [&FILES[..], &["mine.txt"]].concat();
    wanted.sort_unstable();
    assert_eq!(names(&out), wanted);
    assert_eq!(read_summary(out.join("summary.json")).unwrap(), performed.summary);
    let outcome = &performed.attacked.outcome;
    assert_eq!(read_trace(out.join("trace.csv")).unwrap(), outcome.trace);
    let exact = Checkpoint::open(out.join("adversarial.safetensors")).unwrap();
    assert_eq!(
        exact.tensor("adversarial").unwrap().data,
        performed.attacked.judged.saved.data()
    );
    // Without images along the way there is no animation, and that of before is gone.
    let performed = case.on_files(&case.target_file(), |_| ()).unwrap();
    assert!(performed.attacked.frames.is_empty());
    write_results(&out, &performed).unwrap();
    wanted.retain(|name| *name != "animation.gif");
    assert_eq!(names(&out), wanted);
}

#[test]
fn without_snapshots_all_but_the_masks_along_the_way_is_there() {
    let case = Case::new();
    let with = case.on_files(&case.target_file(), |_| ()).unwrap();
    let mut without = case
        .on_files(&case.target_file(), |job| job.snapshots = Snapshots::None)
        .unwrap();
    assert!(without.attacked.moments.is_empty() && !with.attacked.moments.is_empty());
    write_results(case.folder.path(), &without).unwrap();
    without.attacked.moments.clone_from(&with.attacked.moments);
    crate::assert_same(&with, &without);
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let case = Case::new();
    let performed = case.on_files(&case.target_file(), |_| ()).unwrap();
    let problem = write_results(case.path("absent"), &performed).unwrap_err();
    assert!(problem.to_string().contains("there is no folder"), "{problem}");
}

#[test]
fn what_is_easily_overlooked_is_remarked() {
    let case = Case::new();
    let performed = case
        .on_files(&case.target_file(), |job| {
            job.config = asma::attack::AsmaConfig {
                iterations: 1,
                ..asma::attack::AsmaConfig::published()
            }
            .into();
        })
        .unwrap();
    let remarks = remarks(&performed.summary);
    assert_eq!(remarks.len(), 2, "{remarks:?}");
    assert!(remarks[0].contains("rounded to 8 bits"), "{remarks:?}");
    assert!(remarks[1].contains("`objective=margin`"), "{remarks:?}");
}

#[test]
fn a_least_budget_that_was_not_found_is_remarked() {
    use asma::attack::BudgetConfig;
    use asma::attack::budget::Minimise;
    let case = Case::new();
    let of_rate = |rate: f32| {
        let config = BudgetConfig {
            eps: 1e-4,
            steps: 4,
            minimise: Some(Minimise { rate, rounds: 2 }),
            ..BudgetConfig::default()
        };
        let performed = case.on_files(&case.target_file(), |job| job.config = config.into());
        remarks(&performed.unwrap().summary)
    };
    let said = |rate: f32| {
        let remarks = of_rate(rate);
        remarks
            .iter()
            .any(|remark| remark.contains("no least one was found"))
    };
    assert!(said(1.0) && !said(0.01));
}
