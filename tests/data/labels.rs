//! Label maps and their statistics.

use asma::labels::{compare, scored_classes};
use asma::{LabelMap, Shape, Tensor};

use crate::support::assert_says;

#[test]
fn the_first_of_the_largest_logits_wins() {
    let logits = Tensor::new(
        Shape::new(2, 3, 1, 2),
        vec![0.0, 9.0, 1.0, 9.0, 1.0, 8.0, -1.0, -3.0, -2.0, -2.0, 5.0, -1.0],
    )
    .expect("fits");
    let labels = |sample| LabelMap::from_logits(&logits, sample).expect("has the sample");
    assert_eq!(labels(0).labels(), [1, 0]);
    assert_eq!(labels(1).labels(), [2, 2]);
    assert_says(LabelMap::from_logits(&logits, 2), None, &["2×3×1×2", "sample 2"]);

    let one_channel = Tensor::new(Shape::new(1, 1, 1, 3), vec![-1.0, 0.0, 0.1]).expect("fits");
    assert_eq!(
        LabelMap::from_logits(&one_channel, 0).expect("labels").labels(),
        [0, 0, 1]
    );
    let too_many = Tensor::zeros(Shape::new(1, 256, 1, 1));
    assert_says(LabelMap::from_logits(&too_many, 0), None, &["256 channels"]);
}

#[test]
fn label_statistics_follow_the_definition() {
    let map = |labels: &[u8]| LabelMap::new(1, labels.len(), labels.to_vec()).expect("fits");
    let target = map(&[0, 1, 1, 1, 0, 255]);
    let prediction = map(&[0, 1, 1, 0, 1, 1]);
    assert_eq!(
        compare(&target, &prediction, &[1]).expect("same size"),
        (0.5, 0.6)
    );
    let iou_of_both = (0.5 + 1.0 / 3.0) / 2.0;
    let (iou, _) = compare(&target, &prediction, &[0, 1]).expect("same size");
    approx::assert_abs_diff_eq!(iou, iou_of_both, epsilon = 1e-7);
    // Class 2 is in neither, and says nothing; of classes that are all in neither, there is nothing wrong.
    assert_eq!(compare(&target, &prediction, &[1, 2]).expect("same size").0, 0.5);
    assert_eq!(compare(&target, &prediction, &[2]).expect("same size").0, 1.0);
    let ignored = map(&[255; 6]);
    assert_eq!(
        compare(&ignored, &prediction, &[1]).expect("same size"),
        (1.0, 1.0)
    );

    assert_says(compare(&target, &map(&[0]), &[1]), None, &["6", "1"]);
    assert_says(compare(&target, &prediction, &[]), None, &["at least one"]);
    assert_eq!(scored_classes(1, &[0, 1]), [1]);
    assert_eq!(scored_classes(2, &[0, 1]), [1]);
    assert_eq!(scored_classes(4, &[0, 3]), [0, 3]);
    assert_eq!(
        LabelMap::adaptive_mask(&target, &prediction).expect("same size"),
        map(&[255, 255, 255, 1, 0, 255])
    );
    assert_says(LabelMap::new(2, 3, vec![0; 5]), None, &["2 rows", "5 labels"]);
    assert_says(LabelMap::new(0, 3, vec![]), None, &["at least one pixel"]);
}

#[test]
fn there_is_no_label_outside() {
    let map = LabelMap::new(2, 3, vec![0, 1, 2, 3, 4, 5]).unwrap();
    assert_eq!(map.get(1, 2), Some(5));
    for (y, x) in [(2, 0), (0, 3), (usize::MAX, 0), (0, usize::MAX)] {
        assert_eq!(map.get(y, x), None, "row {y}, column {x}");
    }
}
