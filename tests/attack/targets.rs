//! Targets made from predictions: what their texts mean, and where the labels go.

use asma::attack::Target;
use asma::labels::LabelMap;

/// A map from rows of digits.
fn map(rows: &[&str]) -> LabelMap {
    LabelMap::from_fn(rows.len(), rows[0].len(), |y, x| rows[y].as_bytes()[x] - b'0').unwrap()
}

#[track_caller]
fn becomes(target: &str, from: &[&str], to: &[&str]) {
    let target: Target = target.parse().unwrap();
    let made = target
        .from_prediction(&map(from), 3)
        .unwrap()
        .expect("made from the prediction");
    assert_eq!(made, map(to), "{target}");
}

#[track_caller]
fn refuses(target: &str, from: &[&str], part: &str) {
    let target: Target = target.parse().unwrap();
    let text = target.from_prediction(&map(from), 3).unwrap_err().to_string();
    assert!(
        text.contains(part) && text.contains(&target.to_string()),
        "{text}"
    );
}

const CORNER: [&str; 4] = ["11000", "12000", "00000", "00000"];

#[test]
fn texts_are_read_and_written_alike() {
    for text in [
        "masks/a.png",
        "of:b.png",
        "shift:40,-3",
        "scale:1.5",
        "rotate:-90",
        "hide:2->0",
        "class:1",
        "C:\\mask.png",
        "pair.safetensors:target[1]",
        "of:pair.safetensors:image[0]",
    ] {
        assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
    }
    assert_eq!(
        "shift: 4, -2".parse::<Target>().unwrap(),
        Target::Shift { dx: 4, dy: -2 }
    );
    assert_eq!(
        "hide: 1 -> 2".parse::<Target>().unwrap(),
        Target::Hide { from: 1, to: 2 }
    );
}

#[test]
fn texts_that_cannot_be_are_refused_with_the_forms_there_are() {
    for text in [
        "shift:1",
        "shift:a,b",
        "shift:1.5,2",
        "scale:0",
        "scale:-1",
        "scale:nan",
        "scale:",
        "rotate:inf",
        "hide:1",
        "hide:1->",
        "hide:1->255",
        "class:256",
        "class:-1",
        "class:x",
    ] {
        let problem = text.parse::<Target>().expect_err(text).to_string();
        assert!(
            problem.contains(text) && problem.contains("shift:DX,DY"),
            "{problem}"
        );
        assert!(!problem.contains('\n'));
    }
}

#[test]
fn files_are_left_to_the_caller() {
    for text in [
        "a.png",
        "of:a.png",
        "a.safetensors:target",
        "C:\\a.SafeTensors:b:c",
    ] {
        let target: Target = text.parse().unwrap();
        assert_eq!(target.from_prediction(&map(&CORNER), 3).unwrap(), None);
    }
}

#[test]
fn shift_moves_columns_right_and_rows_down_over_background() {
    becomes("shift:2,1", &CORNER, &["00000", "00110", "00120", "00000"]);
    becomes("shift:-1,0", &CORNER, &["10000", "20000", "00000", "00000"]);
    becomes("shift:0,0", &CORNER, &CORNER);
}

#[test]
fn scale_is_about_the_centre_of_the_foreground() {
    let small = [
        "0000000", "0000000", "0011100", "0011100", "0011100", "0000000", "0000000",
    ];
    let dot = [
        "0000000", "0000000", "0000000", "0001000", "0000000", "0000000", "0000000",
    ];
    becomes("scale:1", &small, &small);
    becomes("scale:0.34", &small, &dot);
    becomes("scale:3", &dot, &small);
}

#[test]
fn rotation_is_clockwise_on_the_screen() {
    let upright = ["00000", "00100", "00100", "00200", "00000"];
    becomes(
        "rotate:90",
        &upright,
        &["00000", "00000", "02110", "00000", "00000"],
    );
    becomes(
        "rotate:180",
        &upright,
        &["00000", "00200", "00100", "00100", "00000"],
    );
    becomes("rotate:360", &upright, &upright);
}

#[test]
fn classes_are_hidden_or_put_everywhere() {
    becomes("hide:1->0", &CORNER, &["00000", "02000", "00000", "00000"]);
    becomes("hide:2->1", &CORNER, &["11000", "11000", "00000", "00000"]);
    becomes("class:2", &CORNER, &["22222", "22222", "22222", "22222"]);
}

#[test]
fn targets_that_the_prediction_does_not_allow_are_refused() {
    let empty = ["000", "000"];
    for target in ["shift:1,1", "scale:2", "rotate:10"] {
        refuses(target, &empty, "no foreground");
    }
    for target in [
        "shift:9,9",
        "shift:9223372036854775807,-9223372036854775808",
        "scale:1e-300",
    ] {
        refuses(target, &CORNER, "out of the picture");
    }
    refuses("hide:1->0", &empty, "nowhere");
    refuses("hide:0->3", &empty, "0 to 2");
    refuses("hide:7->0", &empty, "class 7");
    refuses("class:3", &empty, "class 3");
}
