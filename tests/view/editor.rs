//! A target that is painted and moved.

use asma::LabelMap;
use asma::view::TargetEditor;

/// A square of class 1, 4 pixels wide, from row 3 and column 5, in 12 rows and 16 columns.
fn square() -> LabelMap {
    LabelMap::from_fn(12, 16, |y, x| {
        u8::from((3..7).contains(&y) && (5..9).contains(&x))
    })
    .unwrap()
}

fn empty() -> LabelMap {
    LabelMap::from_fn(12, 16, |_, _| 0).unwrap()
}

#[test]
fn a_brush_paints_a_round_dot_and_a_line() {
    let mut editor = TargetEditor::new(empty(), square(), 3);
    editor.begin();
    assert!(editor.paint([4.0, 4.0], [4.0, 4.0], 1.6, 2).unwrap());
    // Pixels whose centres lie within.
    assert_eq!(editor.target().count(2), 12);
    assert_eq!(editor.target().get(2, 3), Some(2));
    assert_eq!(editor.target().get(2, 2), Some(0));
    assert!(
        !editor.paint([4.0, 4.0], [4.0, 4.0], 1.6, 2).unwrap(),
        "nothing is new"
    );

    editor.begin();
    editor.paint([1.5, 8.5], [14.5, 8.5], 0.6, 1).unwrap();
    assert_eq!(editor.target().count(1), 14);
    assert!((1..15).all(|x| editor.target().get(8, x) == Some(1)));
    // Out of the picture it is cut off.
    assert!(editor.paint([-5.0, -5.0], [40.0, 30.0], 2.0, 1).unwrap());

    assert!(editor.undo());
    assert_eq!(editor.target().count(1), 0);
    assert!(editor.undo());
    assert_eq!(*editor.target(), empty());
    assert!(!editor.undo());
}

#[test]
fn a_class_that_the_network_has_not_is_refused() {
    let mut editor = TargetEditor::new(empty(), square(), 2);
    let error = editor.paint([4.0, 4.0], [4.0, 4.0], 1.0, 2).unwrap_err();
    assert!(error.to_string().contains("class 2"), "{error}");
}

#[test]
fn the_prediction_is_moved_by_parts_of_pixels_that_add_up() {
    let mut editor = TargetEditor::new(empty(), square(), 2);
    editor.begin();
    for _ in 0..8 {
        editor.move_prediction([0.25, 0.5]);
    }
    let moved = LabelMap::from_fn(12, 16, |y, x| {
        u8::from((7..11).contains(&y) && (7..11).contains(&x))
    });
    assert_eq!(*editor.target(), moved.unwrap());
    // Not out of the picture.
    assert!(!editor.move_prediction([1000.0, 0.0]));
    assert_eq!(editor.target().count(1), 16);
    // Another move begins where the prediction is.
    editor.begin();
    assert!(editor.move_prediction([-1.0, 0.0]));
    assert_eq!(editor.target().get(3, 4), Some(1));
    editor.make(&"class:1".parse().unwrap()).unwrap();
    assert_eq!(editor.target().count(0), 0);
}
