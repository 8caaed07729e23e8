//! ONNX files that are damaged, lie, or are large: none makes the importer panic, hang or ask for much memory.

use asma::Shape;

use crate::bad_networks::{one, read};
use crate::protobuf::{Message, Network, external, int, node};
use crate::support::{file, open, refusal};

#[test]
fn files_cut_short_or_changed_are_refused_or_read() {
    for name in ["attention", "opset_9", "resize_to_another", "integer_weights"] {
        let bytes = std::fs::read(file(&format!("operators/{name}.onnx"))).unwrap();
        for end in (0..bytes.len()).step_by(97) {
            let _ = read(&bytes[..end]);
        }
        for place in (0..bytes.len()).step_by(31) {
            for change in [0x01, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] ^= change;
                if let Ok(model) = read(&changed) {
                    let channels = model.graph.input_channels();
                    let _ = model.graph.shapes(Shape::new(1, channels, 8, 8));
                }
            }
        }
    }
}

#[test]
fn lying_lengths_are_refused() {
    for length in [100, 1 << 20, 1 << 40, u64::MAX, u64::MAX / 2] {
        for field in [1, 2, 7, 8, 20] {
            let mut file = one("Relu", &[], &[], &[]).file();
            file.extend(Message::default().lying(field, length).0);
            refusal("given.onnx".as_ref(), read(&file));
            let graph = Message::default().lying(5, length);
            refusal(
                "given.onnx".as_ref(),
                read(&Message::default().bytes(7, graph.0).0),
            );
        }
    }
}

#[test]
fn messages_deep_inside_one_another_are_refused() {
    let mut inner = Message::default();
    for _ in 0..20_000 {
        // An attribute that holds a graph that holds a node that holds an attribute.
        let attribute = Message::default().bytes(1, "body").bytes(6, &inner.0);
        let node = Message::default().bytes(4, "If").bytes(5, attribute.0);
        inner = Message::default().bytes(1, node.0);
        if inner.0.len() > 200_000 {
            break;
        }
    }
    let text = refusal(
        "given.onnx".as_ref(),
        read(&Message::default().bytes(7, inner.0).0),
    );
    assert!(text.contains("deep"), "{text}");
}

#[test]
fn data_in_other_files_must_be_there_and_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.onnx");
    let given = |entries: &[(&str, &str)]| {
        let network = one("Conv", &["w"], &[], &[external("w", &[2, 2, 3, 3], entries)]);
        std::fs::write(&path, network.file()).unwrap();
        open(&path)
    };
    std::fs::write(folder.path().join("w.bin"), [0; 200]).unwrap();
    assert!(given(&[("location", "w.bin")]).is_ok());
    assert!(given(&[("location", "w.bin"), ("offset", "56"), ("length", "144")]).is_ok());
    let problem = |entries: &[(&str, &str)], words: &[&str]| {
        let text = refusal(&path, given(entries));
        for word in words {
            assert!(text.contains(word), "no `{word}` in: {text}");
        }
    };
    problem(&[("location", "gone.bin")], &["gone.bin", "beside the network"]);
    for outside in ["../w.bin", "/etc/passwd", "a/../../w.bin", "", "."] {
        problem(&[("location", outside)], &["`w`"]);
    }
    problem(&[("location", "../w.bin")], &["in the folder of the network"]);
    problem(&[("location", "w.bin"), ("offset", "57")], &["cut short", "200"]);
    problem(
        &[("location", "w.bin"), ("offset", "18446744073709551615")],
        &["w.bin"],
    );
    problem(&[("location", "w.bin"), ("offset", "-1")], &["`-1`"]);
    problem(&[("location", "w.bin"), ("length", "100")], &["`w`", "100"]);
    problem(&[("location", "w.bin"), ("length", "many")], &["`many`"]);
    problem(&[], &["does not name"]);
}

#[test]
fn many_nodes_are_read_in_little_time() {
    let mut nodes = Vec::new();
    let mut from = "x".to_string();
    for index in 0..20_000 {
        let to = format!("i{index}");
        nodes.push(node("Identity", &[&from], &[&to], &[]));
        from = to;
    }
    nodes.push(node("ArgMax", &[&from], &["a"], &[int("axis", 1)]));
    from = "a".into();
    for index in 0..20_000 {
        let to = format!("s{index}");
        nodes.push(node("Squeeze", &[&from], &[&to], &[]));
        from = to;
    }
    nodes.push(node("Cast", &[&from], &["y"], &[int("to", 7)]));
    let model = read(&Network::new(&nodes, &[]).file()).unwrap();
    assert!(
        model.read_as.contains("final ArgMax taken off"),
        "{}",
        model.read_as
    );
}
