//! Every operator that ONNX files may use, in the forms of many opsets: output and gradient as PyTorch computes them.

use asma::checkpoint::Checkpoint;
use asma::model::{Model, ModelOptions};

use crate::support::{file, open, problem_with, reference};

/// How far a number may be off, as a share of the largest of its tensor.
const TOLERANCE: f64 = 1e-5;

fn numbers() -> Checkpoint {
    Checkpoint::open(file("operators.safetensors")).unwrap()
}

#[test]
fn every_network_gives_its_numbers_at_every_size() {
    let numbers = numbers();
    let mut problems = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(file("operators")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "onnx") {
            continue;
        }
        count += 1;
        let name = path.file_stem().unwrap().to_str().unwrap().to_string();
        let model = match open(&path) {
            Ok(model) => model,
            Err(error) => {
                problems.push(error.to_string());
                continue;
            }
        };
        let sizes: Vec<Checkpoint> = (0..2)
            .filter_map(|index| reference(&numbers, &format!("{name}/{index}")))
            .collect();
        assert!(!sizes.is_empty(), "{name} has no numbers");
        for (index, numbers) in sizes.iter().enumerate() {
            if let Some(problem) = problem_with(&model, numbers, TOLERANCE) {
                problems.push(format!("{name} at size {index}: {problem} ({})", model.read_as));
            }
        }
    }
    assert!(count > 40, "only {count} networks");
    assert!(
        problems.is_empty(),
        "{} of {count}:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

#[test]
fn another_output_is_taken_when_it_is_named() {
    let path = file("operators/several_outputs.onnx");
    let first = open(&path).unwrap();
    assert_eq!(first.classes(), 2);
    let others: Vec<&str> = first
        .read_as
        .split('`')
        .filter(|word| word.starts_with("conv"))
        .collect();
    let [chosen, second] = others[..] else {
        panic!("{}", first.read_as)
    };
    let options = ModelOptions {
        output: Some(second.into()),
        ..Default::default()
    };
    let model = Model::open(&path, &options).unwrap();
    assert_eq!(model.classes(), 3);
    let numbers = reference(&numbers(), "several_outputs_second/0").unwrap();
    assert_eq!(problem_with(&model, &numbers, TOLERANCE), None);
    let options = ModelOptions {
        output: Some("logits".into()),
        ..Default::default()
    };
    let text = Model::open(&path, &options).unwrap_err().to_string();
    for word in ["`logits`", chosen, second] {
        assert!(text.contains(word), "no `{word}` in: {text}");
    }
}

#[test]
fn what_was_taken_off_and_found_is_said() {
    for (name, words) in [
        ("ends_in_softmax", "logits before its final softmax"),
        ("ends_in_sigmoid", "logits before its final sigmoid"),
        ("ends_in_classes", "final ArgMax taken off"),
        ("channels_last", "channels come last"),
        ("external", "weights in another file"),
        ("half", "float16 weights raised to float32"),
        ("heads", "images of 6×4 pixels alone"),
        ("attention", "nodes folded"),
        ("opset_9", "by make.py, opset 9"),
    ] {
        let model = open(file(&format!("operators/{name}.onnx"))).unwrap();
        assert!(model.read_as.contains(words), "{name}: {}", model.read_as);
    }
    // What is attacked are the logits; what is compared is what the file gives.
    let model = open(file("operators/ends_in_softmax.onnx")).unwrap();
    assert_ne!(model.as_published().unwrap().output(), model.network.output());
}
