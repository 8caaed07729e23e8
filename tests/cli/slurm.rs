//! `examples/slurm`, with stand-ins for Slurm's commands.

// Slurm's batch scripts are bash's, and Windows has neither.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use assert_cmd::cargo::cargo_bin;

use crate::evaluate::{FOLDERS, succeed, without_times, workshop};
use crate::support::Workshop;

/// Runs a batch script at once, each task of an array after the other, tells in `jobs` what became of it, and prints a
/// number as `sbatch --parsable` does.
const SBATCH: &str = r#"#!/usr/bin/env bash
set -euo pipefail
array="" output="" number=17
while [[ "$1" == --* ]]; do
    case "$1" in
        --parsable) ;;
        --array=1-*) array="${1#--array=1-}" ;;
        --output=*) output="${1#--output=}" ;;
        --dependency=afterany:17) number=18 ;;
        *) exit 3 ;;
    esac
    shift
done
export SLURM_ARRAY_JOB_ID=$number
for ((task = 1; task <= ${array:-1}; task++)); do
    [[ -z "$array" ]] || export SLURM_ARRAY_TASK_ID=$task
    status=0
    bash "$@" >"${output//%a/$task}" 2>&1 || status=$?
    printf '%s %s\n' "$(basename "$1")" "$status" >>jobs
done
printf '%s;cluster\n' "$number"
"#;

const SCONTROL: &str = "#!/usr/bin/env bash\nprintf '%s\\n' \"scontrol $*\" >>jobs\n";

/// The data set of `asma evaluate`, and a folder with the commands of a cluster.
fn cluster() -> Workshop {
    let workshop = workshop();
    fs::create_dir(workshop.path("bin")).unwrap();
    for (name, text) in [("sbatch", SBATCH), ("scontrol", SCONTROL)] {
        let path = workshop.path("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    workshop
}

/// One of the scripts with these arguments, a space within one written as `_`.
fn script(workshop: &Workshop, name: &str, arguments: &str) -> Command {
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("bash");
    command
        .arg(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("examples/slurm")
                .join(name),
        )
        .args(
            arguments
                .split_whitespace()
                .map(|argument| argument.replace('_', " ")),
        )
        .current_dir(workshop.path(""))
        .env("PATH", format!("{}:{path}", workshop.path("bin").display()))
        .env("ASMA", cargo_bin("asma"))
        .env("VK_DRIVER_FILES", "/nonexistent.json")
        .env("VK_ICD_FILENAMES", "/nonexistent.json")
        .stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SLURM_")) {
        command.env_remove(name);
    }
    command
}

fn options() -> &'static str {
    FOLDERS.strip_prefix("evaluate ").unwrap()
}

fn run(mut command: Command, code: i32) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let told = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert_eq!(status.code(), Some(code), "{told}");
    told
}

#[test]
fn slices_run_as_jobs_and_join_into_what_one_run_leaves_failed_pairs_too() {
    let workshop = cluster();
    let whole = fs::read(workshop.path("images/3.png")).unwrap();
    workshop.write("images/3.png", &whole[..200]);
    workshop
        .asma(&format!("{FOLDERS} --ablate mask --out whole"))
        .assert()
        .code(1);
    let submit = format!("3 my_run {} --ablate mask", options());
    let told = run(script(&workshop, "submit.sh", &submit), 0);
    assert_eq!(told, "slices: job 17\nmerge: job 18, into my run/merged\n");
    // Pair 3 is the first slice's.
    let jobs = fs::read_to_string(workshop.path("jobs")).unwrap();
    assert_eq!(
        jobs,
        "evaluate.sbatch 1\nevaluate.sbatch 0\nevaluate.sbatch 0\nmerge.sbatch 1\n"
    );
    assert_eq!(
        without_times(&workshop, "my run/merged"),
        without_times(&workshop, "whole")
    );
    let log = fs::read_to_string(workshop.path("my run/merge.log")).unwrap();
    assert!(log.contains("2 of 10 attacks failed"), "{log}");
    // Mended, the same command tries it again.
    workshop.write("images/3.png", &whole);
    let told = run(script(&workshop, "submit.sh", &submit), 2);
    assert!(told.contains("my run/merged stands already"), "{told}");
    fs::remove_dir_all(workshop.path("my run/merged")).unwrap();
    fs::remove_dir_all(workshop.path("whole")).unwrap();
    run(script(&workshop, "submit.sh", &submit), 0);
    succeed(&workshop, &format!("{FOLDERS} --ablate mask --out whole"));
    assert_eq!(
        without_times(&workshop, "my run/merged"),
        without_times(&workshop, "whole")
    );
}

#[test]
fn out_of_time_a_slice_goes_back_into_the_queue_and_then_on() {
    let workshop = cluster();
    let options = format!(
        "{} --ablate mask,multiplier --iterations 100 --batch 1",
        options()
    )
    .replace("--iterations 3 ", "");
    let slice = |restarts: &str| {
        let mut command = script(&workshop, "evaluate.sbatch", &format!("1 run {options}"));
        command
            .envs([("SLURM_ARRAY_JOB_ID", "17"), ("SLURM_ARRAY_TASK_ID", "1")])
            .env("SLURM_RESTART_COUNT", restarts);
        command
    };
    let results = workshop.path("run/slice-1/results.jsonl");
    let signalled = |signal: &str, restarts: &str| -> (Option<i32>, String) {
        let before = fs::metadata(&results).map_or(0, |file| file.len());
        let mut job = slice(restarts).stderr(Stdio::null()).spawn().unwrap();
        while fs::metadata(&results).map_or(0, |file| file.len()) <= before {
            assert_eq!(
                job.try_wait().unwrap(),
                None,
                "it ended, and nothing more was done"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
        let sent = Command::new("kill")
            .args([signal, &job.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let status = job.wait().unwrap();
        assert!(!workshop.path("run/slice-1/summary.json").exists());
        let jobs = fs::read_to_string(workshop.path("jobs")).unwrap_or_default();
        (status.code(), jobs)
    };
    // Cancelled, it stops in order, and that is all.
    assert_eq!(signalled("-TERM", "0"), (Some(1), String::new()));
    let requeued = "scontrol requeue 17_1\n".to_string();
    assert_eq!(signalled("-USR1", "9"), (Some(1), requeued.clone()));
    // Not for ever.
    assert_eq!(signalled("-USR1", "10"), (Some(1), requeued));
    run(slice("10"), 0);
    run(script(&workshop, "merge.sbatch", "1 run"), 0);
    succeed(&workshop, &format!("evaluate {options} --out whole"));
    assert_eq!(
        without_times(&workshop, "run/merged"),
        without_times(&workshop, "whole")
    );
}

#[test]
fn what_is_missing_is_named_and_a_slice_that_is_not_whole_is_not_joined() {
    let workshop = cluster();
    for (name, arguments, expected) in [
        ("submit.sh", "3", "want the number of slices"),
        (
            "submit.sh",
            "0 run --csv pairs.csv",
            "want a number of slices, not 0",
        ),
        ("evaluate.sbatch", "3 run", "want the number of slices"),
        (
            "evaluate.sbatch",
            "3 run --csv pairs.csv",
            "SLURM_ARRAY_JOB_ID is not set",
        ),
        ("merge.sbatch", "3", "want the number of slices"),
    ] {
        let told = run(script(&workshop, name, arguments), 2);
        assert!(told.contains(expected), "{name} {arguments}: {told}");
    }
    let mut nowhere = script(&workshop, "submit.sh", "3 run --csv pairs.csv");
    nowhere.env("ASMA", "./nothing");
    let told = run(nowhere, 2);
    assert!(told.contains("there is no program ./nothing"), "{told}");
    assert!(!workshop.path("run").exists() && !workshop.path("jobs").exists());
    succeed(&workshop, &format!("{FOLDERS} --shard 1/2 --out run/slice-1"));
    let told = run(script(&workshop, "merge.sbatch", "1 run"), 2);
    assert!(told.contains("2 of 5 tasks have no record"), "{told}");
    let told = run(script(&workshop, "merge.sbatch", "2 run"), 1);
    assert!(told.contains("slice-2"), "{told}");
    assert!(!workshop.path("run/merged").exists());
}
