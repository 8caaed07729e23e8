//! Random variations of samples, the split for validation, the order of an epoch, and the loop over epochs.

mod augment;
#[path = "../common/mod.rs"]
mod common;
mod geometry;
mod refusals;
mod split;
mod trainer;

use asma::{LabelMap, Shape, Tensor};

/// The message of an error, which must stand on one line and hold each of `parts`.
#[track_caller]
fn assert_says<T: std::fmt::Debug>(result: asma::Result<T>, parts: &[&str]) {
    let message = result.expect_err("an error").to_string();
    assert!(!message.contains('\n'), "not one line: {message}");
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

/// An image of three channels in [0, 1] and labels 0 to 2 without any regularity.
fn sample(height: usize, width: usize) -> (Tensor, LabelMap) {
    let scatter = |number: usize| (number.wrapping_mul(2_654_435_761) >> 7) % 1024;
    let image = Tensor::from_fn(Shape::new(1, 3, height, width), |_, c, y, x| {
        scatter((c * height + y) * width + x + 1) as f32 / 1023.0
    });
    let labels = LabelMap::from_fn(height, width, |y, x| (scatter(y * width + x + 7) % 3) as u8);
    (image, labels.expect("not empty"))
}
