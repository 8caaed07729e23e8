//! Where pixels go: mirrored, turned and scaled, the image and its labels alike.

use asma::labels::IGNORE;
use asma::train::{Augmentation, Variation, augment};
use asma::{LabelMap, Shape, Tensor};
use proptest::prelude::*;

use crate::sample;

/// A variation that changes nothing, for an image of three channels.
fn still() -> Variation {
    Variation::draw(&Augmentation::NONE, 3, 0).expect("valid")
}

fn mirrored(image: &Tensor, labels: &LabelMap, horizontally: bool, vertically: bool) -> (Tensor, LabelMap) {
    let shape = image.shape();
    let source = |y: usize, x: usize| {
        let x = if horizontally { shape.w - 1 - x } else { x };
        let y = if vertically { shape.h - 1 - y } else { y };
        (y, x)
    };
    let mirrored = Tensor::from_fn(shape, |n, c, y, x| {
        let (y, x) = source(y, x);
        image.at(n, c, y, x)
    });
    let labels = LabelMap::from_fn(shape.h, shape.w, |y, x| {
        let (y, x) = source(y, x);
        labels.get(y, x).expect("inside")
    });
    (mirrored, labels.expect("not empty"))
}

#[test]
fn flips_are_exact_mirror_images() {
    for (height, width) in [(1, 1), (1, 6), (7, 4), (8, 9)] {
        let (image, labels) = sample(height, width);
        for (horizontally, vertically) in [(false, false), (true, false), (false, true), (true, true)] {
            let variation = Variation {
                flip_horizontal: horizontally,
                flip_vertical: vertically,
                ..still()
            };
            assert_eq!(
                variation.apply(&image, &labels).expect("fits"),
                mirrored(&image, &labels, horizontally, vertically)
            );
        }
    }
}

#[test]
fn each_flip_happens_in_half_of_the_variations() {
    let (image, labels) = sample(5, 6);
    let settings = Augmentation {
        flip_horizontal: true,
        flip_vertical: true,
        ..Augmentation::NONE
    };
    let mut counts = [0; 4];
    for seed in 0..2000 {
        let varied = augment(&image, &labels, &settings, seed).expect("fits");
        let which = (0..4).find(|which| varied == mirrored(&image, &labels, which & 1 == 1, which & 2 == 2));
        counts[which.expect("one of the mirror images")] += 1;
    }
    // 500 each, with a standard deviation of 19.
    assert!(
        counts.iter().all(|count| (400..600).contains(count)),
        "{counts:?}"
    );
}

#[test]
fn a_quarter_turn_takes_the_right_side_to_the_top() {
    // One bright pixel right of the centre, slightly below it.
    let bright = |y: usize, x: usize| (y, x) == (6, 9);
    let image = Tensor::from_fn(Shape::new(1, 3, 11, 11), |_, _, y, x| f32::from(bright(y, x)));
    let labels = LabelMap::from_fn(11, 11, |y, x| u8::from(bright(y, x))).expect("not empty");
    let turned = |rotation: f32| {
        let variation = Variation { rotation, ..still() };
        variation.apply(&image, &labels).expect("fits")
    };
    for (rotation, row, column) in [(90.0, 1, 6), (-90.0, 9, 4), (180.0, 4, 1)] {
        let (image, labels) = turned(rotation);
        for y in 0..11 {
            for x in 0..11 {
                let here = (y, x) == (row, column);
                approx::assert_abs_diff_eq!(image.at(0, 1, y, x), f32::from(u8::from(here)), epsilon = 1e-5);
                assert_eq!(labels.get(y, x), Some(u8::from(here)), "turned by {rotation}");
            }
        }
    }
}

#[test]
fn the_area_grows_with_the_square_of_the_scale() {
    let inside = |y: usize, x: usize| (y as f32 - 63.5).hypot(x as f32 - 63.5) < 25.0;
    let image = Tensor::from_fn(Shape::new(1, 3, 128, 128), |_, _, y, x| f32::from(inside(y, x)));
    let labels = LabelMap::from_fn(128, 128, |y, x| u8::from(inside(y, x))).expect("not empty");
    let before = labels.count(1) as f32;
    for scale in [0.5, 0.8, 1.25, 2.0] {
        let variation = Variation { scale, ..still() };
        let (image, labels) = variation.apply(&image, &labels).expect("fits");
        let bright: f32 = image.plane(0, 2).iter().sum();
        for area in [labels.count(1) as f32, bright] {
            approx::assert_relative_eq!(area / before, scale * scale, max_relative = 0.03);
        }
    }
}

#[test]
fn outside_the_image_its_edge_goes_on_and_labels_are_ignored() {
    let image = Tensor::from_fn(Shape::new(1, 3, 8, 8), |_, c, y, x| {
        (c + 3 * y + 24 * x) as f32 / 255.0
    });
    let labels = LabelMap::new(8, 8, vec![2; 64]).expect("fits");
    let half = Variation {
        scale: 0.5,
        ..still()
    };
    let (small, small_labels) = half.apply(&image, &labels).expect("fits");
    for (y, x) in [(0, 0), (0, 7), (7, 0), (7, 7)] {
        assert_eq!(small.at(0, 1, y, x), image.at(0, 1, y, x));
    }
    let kept = |position: usize| (2..6).contains(&position);
    let expected = LabelMap::from_fn(8, 8, |y, x| if kept(y) && kept(x) { 2 } else { IGNORE });
    assert_eq!(small_labels, expected.expect("not empty"));
}

proptest! {
    #[test]
    fn image_and_labels_move_alike(
        height in 2usize..40,
        width in 2usize..40,
        rotation in -180.0f32..180.0,
        scale in 0.4f32..2.5,
        flip_horizontal: bool,
        flip_vertical: bool,
    ) {
        // The image's values tell the place that they came from, and so do two maps of labels.
        let (last_row, last_column) = ((height - 1) as f32, (width - 1) as f32);
        let image = Tensor::from_fn(Shape::new(1, 3, height, width), |_, c, y, x| match c {
            0 => y as f32 / last_row,
            _ => x as f32 / last_column,
        });
        let rows = LabelMap::from_fn(height, width, |y, _| y as u8).expect("not empty");
        let columns = LabelMap::from_fn(height, width, |_, x| x as u8).expect("not empty");
        let variation = Variation { rotation, scale, flip_horizontal, flip_vertical, ..still() };
        let (places, rows) = variation.apply(&image, &rows).expect("fits");
        let (_, columns) = variation.apply(&image, &columns).expect("fits");

        let (middle_row, middle_column) = (f64::from(last_row) / 2.0, f64::from(last_column) / 2.0);
        let (sine, cosine) = f64::from(rotation).to_radians().sin_cos();
        let mirror = |flip: bool| if flip { -f64::from(scale) } else { f64::from(scale) };
        for y in 0..height {
            for x in 0..width {
                // The turn back, written with rows upwards as in a textbook.
                let (right, up) = (x as f64 - middle_column, middle_row - y as f64);
                let (right, up) = (cosine * right + sine * up, cosine * up - sine * right);
                let column = middle_column + right / mirror(flip_horizontal);
                let row = middle_row - up / mirror(flip_vertical);

                let found_row = f64::from(places.at(0, 0, y, x) * last_row);
                let found_column = f64::from(places.at(0, 1, y, x) * last_column);
                prop_assert!((found_row - row.clamp(0.0, f64::from(last_row))).abs() < 1e-3);
                prop_assert!((found_column - column.clamp(0.0, f64::from(last_column))).abs() < 1e-3);

                let outside = |place: f64, last: f32| (-0.5 - place).max(place - f64::from(last) - 0.5);
                let outside = outside(row, last_row).max(outside(column, last_column));
                let (row_label, column_label) = (rows.get(y, x), columns.get(y, x));
                if outside > 1e-3 {
                    prop_assert_eq!((row_label, column_label), (Some(IGNORE), Some(IGNORE)));
                } else if outside < -1e-3 {
                    prop_assert!((f64::from(row_label.expect("inside")) - row).abs() < 0.501);
                    prop_assert!((f64::from(column_label.expect("inside")) - column).abs() < 0.501);
                }
            }
        }
    }
}
