//! `asma bench`.

use crate::support::{SIZE, Workshop};

const TINY: &str = "--weights weights.safetensors --rounds 1 --device cpu";

fn json(workshop: &Workshop, arguments: &str) -> serde_json::Value {
    let output = workshop.asma(arguments).assert().success();
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

#[test]
fn numbers_are_those_of_the_network() {
    let workshop = Workshop::new();
    let record = json(
        &workshop,
        &format!("bench {TINY} --size {SIZE}x{SIZE} --json --save a.json"),
    );
    let calls = record["calls"].as_array().unwrap();
    let pixels = (SIZE * SIZE) as u64;
    // 3 → 4 channels, 3×3: input and output once, 27 taps of 8 padded channels and their bias and slope.
    assert_eq!(calls[0]["kernel"], "conv2d");
    assert_eq!(calls[0]["flops"], 2 * 27 * 4 * pixels);
    assert_eq!(calls[0]["bytes"], 4 * (3 * pixels + 4 * pixels + 27 * 8 + 2 * 8));
    // Features and their gradient, target, logits, weights of 8 padded channels; gradient, source, image and the image
    // again.
    let of = |kernel: &str| calls.iter().find(|call| call["kernel"] == kernel).unwrap();
    assert_eq!(of("head")["bytes"], 4 * ((2 * 4 + 1 + 2) * pixels + 4 * 8));
    assert_eq!(of("update")["bytes"], 4 * 4 * 3 * pixels);
    for call in calls {
        assert!(call["seconds"].as_f64().unwrap() > 0.0, "{call}");
        assert!(call["bytes"].as_u64().unwrap() > 0, "{call}");
    }
    let number = |name: &str| record[name].as_f64().unwrap();
    let sum: f64 = calls.iter().map(|call| call["seconds"].as_f64().unwrap()).sum();
    let parts = number("forward") + number("input_gradient") + number("asma_step");
    assert!((parts / sum - 1.0).abs() < 1e-9, "{parts} and {sum}");
    for name in [
        "one_forward_iteration",
        "two_forward_iteration",
        "first_iteration_after",
    ] {
        assert!(number(name) > 0.0, "{name}");
    }
    for ceiling in ["bytes_per_second", "flops_per_second"] {
        assert!(record["ceilings"][ceiling].as_f64().unwrap() > 1e6, "{ceiling}");
    }
    // What was kept is what was printed.
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(workshop.path("a.json")).unwrap()).unwrap();
    assert_eq!(kept, record);
}

#[test]
fn runs_of_the_same_work_are_compared_and_others_refused() {
    let workshop = Workshop::new();
    for (size, name) in [(SIZE, "a.json"), (SIZE, "b.json"), (2 * SIZE, "c.json")] {
        let output = workshop
            .asma(&format!("bench {TINY} --size {size}x{size} --save {name}"))
            .assert()
            .success();
        let table = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        for word in ["ceilings", "conv1_block.0", "one-forward", "MiB"] {
            assert!(table.contains(word), "`{word}` is not in: {table}");
        }
    }
    let output = workshop.asma("bench --compare a.json a.json").assert().success();
    let table = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    let ratios = table.lines().filter(|line| line.contains("   1.00  ")).count();
    let calls = table.lines().filter(|line| line.contains(" → ")).count();
    // Each call, and six parts of the work.
    assert!(calls > 10 && ratios == calls + 6, "{table}");
    workshop.asma("bench --compare a.json b.json").assert().success();

    let output = workshop.asma("bench --compare a.json c.json").assert().code(2);
    let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(stderr.contains("different work"), "{stderr}");
    for file in ["nothing.json", "image.png"] {
        let output = workshop
            .asma(&format!("bench --compare a.json {file}"))
            .assert()
            .code(1);
        let stderr = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(stderr.contains(file), "{stderr}");
    }
}

#[test]
fn sizes_and_devices_that_cannot_be_are_refused() {
    let workshop = Workshop::new();
    workshop.asma("bench --size 20x20 --device cpu").assert().code(1);
    workshop
        .asma("bench --weights weights.safetensors --base 4")
        .assert()
        .code(2);
    workshop
        .asma(&format!("bench {TINY} --rounds 0"))
        .assert()
        .code(2);
}

#[test]
fn tuning_is_for_gpus_and_a_folder_gets_a_file_named_by_day_and_device() {
    let workshop = Workshop::new();
    let arguments = format!("bench {TINY} --size {SIZE}x{SIZE}");
    let refused = workshop.asma(&format!("{arguments} --tune")).assert().code(2);
    let message = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(message.contains("name a GPU"), "{message}");

    std::fs::create_dir(workshop.path("results")).unwrap();
    workshop
        .asma(&format!("{arguments} --save results"))
        .assert()
        .success();
    let files: Vec<_> = std::fs::read_dir(workshop.path("results")).unwrap().collect();
    assert_eq!(files.len(), 1);
    let name = files[0].as_ref().unwrap().file_name().into_string().unwrap();
    let today = jiff::Timestamp::now().strftime("%Y-%m-").to_string();
    assert!(name.starts_with(&today) && name.contains("-cpu-"), "{name}");
}

#[test]
fn a_variant_that_no_kernel_has_is_refused() {
    let workshop = Workshop::new();
    for (arguments, wanted) in [
        ("--variant nonsense", "registers 3x3"),
        ("--variant winograd --tune", "--tune"),
    ] {
        let refused = workshop
            .asma(&format!("bench {TINY} {arguments}"))
            .assert()
            .code(2);
        let message = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
        assert!(message.contains(wanted), "{message}");
    }
}
