//! From files to what a network is given: sizes compared as stored, networks fitted to any size.

use asma::cpu::CpuExecutor;
use asma::data::{Input, InputOptions, Preparation, fit};
use asma::graph::Graph;
use asma::model::{Padding, SimpleUnet};
use asma::network::{LoweringOptions, lower};
use asma::program::Executor;
use asma::{Shape, Tensor};
use image::{Rgb, RgbImage};
use proptest::prelude::*;
use tempfile::TempDir;

use crate::support::{assert_says, folder, save_grey};

fn unet(depth: usize, padding: Padding) -> Graph {
    SimpleUnet::doubling(3, 2, depth, 2, padding)
        .build(|_, shape| {
            let count: usize = shape.iter().product();
            Ok((0..count)
                .map(|index| ((index * 37 % 19) as f32 - 9.0) / 40.0)
                .collect())
        })
        .expect("builds")
}

/// What the network makes of an image.
fn logits(graph: &Graph, image: &Tensor) -> Tensor {
    let network = lower(graph, image.shape(), LoweringOptions::default()).expect("lowers");
    let program = std::sync::Arc::new(network.program);
    let mut executor = CpuExecutor::new(program.clone()).expect("begins");
    executor
        .write(network.input.buffer, image.data())
        .expect("writes");
    executor
        .submit(&network.forward.collect::<Vec<_>>())
        .expect("runs");
    let length = program.buffers()[network.logits.buffer.0].length;
    let words = executor.read(network.logits.buffer, length).expect("reads");
    network.logits.gather(&words)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// `same` means what it says at any size, and what is there already is left alone.
    #[test]
    fn a_same_network_keeps_any_size(height in 1usize..70, width in 1usize..70, depth in 1usize..5) {
        let graph = unet(depth, Padding::Same);
        let input = Shape::new(1, 3, height, width);
        let fitted = fit(&graph, input).expect("fits");
        prop_assert_eq!((fitted.output.h, fitted.output.w), (height, width));
        prop_assert_eq!(fitted.graph.output_shape(input).expect("fits"), fitted.output);
        let step = 1 << (depth - 1);
        prop_assert_eq!(fitted.added, [height.next_multiple_of(step) - height, width.next_multiple_of(step) - width]);
    }

    /// The output of a `valid` network lies in the centre of its input, so that nothing is shifted.
    #[test]
    fn a_valid_network_is_shifted_nowhere(height in 92usize..140, width in 92usize..140) {
        let graph = unet(4, Padding::Valid);
        let input = Shape::new(1, 3, height, width);
        let fitted = fit(&graph, input).expect("fits");
        let [rows, columns] = fitted.added;
        prop_assert!(rows < 8 && columns < 8);
        let whole = Shape { h: height + rows, w: width + columns, ..input };
        prop_assert_eq!(fitted.output, graph.output_shape(whole).expect("fits"));
        // Every window of the border's network lies inside the image.
        prop_assert!(fitted.output.h <= height && fitted.output.w <= width);
    }
}

#[test]
fn the_border_is_the_edge_and_the_output_lies_over_its_pixels() {
    let image = Tensor::from_fn(Shape::new(1, 3, 21, 18), |_, c, y, x| {
        ((c * 31 + y * 7 + x * 5) % 23) as f32 / 23.0
    });
    for padding in [Padding::Same, Padding::Valid] {
        let graph = unet(2, padding);
        let fitted = fit(&graph, image.shape()).expect("fits");
        assert_eq!(fitted.added, [1, 0]);
        let found = logits(&fitted.graph, &image);
        // By hand: one more row, the edge's again; which side it goes to follows from where the output is cut.
        let (top, height) = match padding {
            Padding::Same => (0, 21),
            Padding::Valid => (1, 6),
        };
        let by_hand = Tensor::from_fn(Shape::new(1, 3, 22, 18), |_, c, y, x| {
            image.at(0, c, (y.max(top) - top).min(20), x)
        });
        let whole = logits(&graph, &by_hand);
        assert_eq!(found.shape().h, height);
        for y in 0..height {
            for x in 0..found.shape().w {
                assert_eq!(found.at(0, 1, y, x), whole.at(0, 1, y, x), "{padding} {y} {x}");
            }
        }
    }
}

#[test]
fn a_size_that_no_border_helps_is_refused_with_the_nearest_ones() {
    let graph = unet(4, Padding::Valid);
    assert_says(
        fit(&graph, Shape::new(1, 3, 30, 30)).map(|fitted| fitted.output),
        None,
        &["too small", "nearest sizes (WIDTHxHEIGHT)", "`resize`"],
    );
    // Nothing is named that --resize does not take.
    let problem = fit(&graph, Shape::new(1, 3, 1, 32768))
        .expect_err("too small")
        .to_string();
    for word in problem.split([' ', ',', ';']) {
        if let Some((width, height)) = word.split_once('x')
            && let (Ok(width), Ok(height)) = (width.parse::<usize>(), height.parse::<usize>())
        {
            assert!(width <= 32768 && height <= 32768, "{problem}");
        }
    }
}

struct Photographs {
    folder: TempDir,
    graph: Graph,
}

impl Photographs {
    fn new() -> Photographs {
        let folder = folder();
        RgbImage::from_fn(24, 16, |x, y| Rgb([x as u8 * 10, y as u8 * 15, 0]))
            .save(folder.path().join("image.png"))
            .expect("saves");
        Photographs {
            folder,
            graph: unet(2, Padding::Same),
        }
    }

    fn read(&self, options: &InputOptions) -> Input {
        options
            .read(self.folder.path().join("image.png"), &self.graph)
            .expect("reads")
    }
}

#[test]
fn masks_are_compared_with_the_image_as_stored() {
    let photographs = Photographs::new();
    let resized = InputOptions {
        preparation: Preparation {
            resize: "8x8".parse().ok(),
            ..Preparation::default()
        },
        ..InputOptions::default()
    };
    let input = photographs.read(&resized);
    assert_eq!(input.image.shape(), Shape::new(1, 3, 8, 8));
    assert_eq!(input.stored, [16, 24]);
    let half = |width: u32, height: u32| -> Vec<u8> {
        (0..width * height)
            .map(|index| if index % width < width / 2 { 0 } else { 255 })
            .collect()
    };
    let folder = photographs.folder.path();
    let fitting = save_grey(folder, "fitting.png", 24, &half(24, 16));
    let target = resized.read_target(&fitting, &input).expect("reads");
    assert_eq!(target.labels.count(1), 32);
    assert!(
        target.description.contains("foreground 50.00 %"),
        "{}",
        target.description
    );
    resized.read_region(&fitting, &input).expect("reads");
    for (name, width, height, words) in [
        ("turned.png", 16, 24, "on its side"),
        ("other.png", 30, 16, "30×16"),
        ("prepared.png", 8, 8, "8×8"),
    ] {
        let path = save_grey(folder, name, width, &half(width, height));
        assert_says(resized.read_target(&path, &input), Some(&path), &[words, "24×16"]);
        assert_says(resized.read_region(&path, &input), Some(&path), &[words, "24×16"]);
    }
}

#[test]
fn what_was_accepted_is_said_in_one_line_each() {
    let photographs = Photographs::new();
    let options = InputOptions {
        preparation: Preparation {
            crop: "0,0,21,16".parse().ok(),
            ..Preparation::default()
        },
        ..InputOptions::default()
    };
    let input = photographs.read(&options);
    assert_eq!(input.description.len(), 2);
    assert!(
        input.description[0].ends_with("image.png: 24×16 pixels, PNG, 8-bit RGB"),
        "{:?}",
        input.description
    );
    for part in [
        "24×16",
        "crop 0,0,21,16: 21×16",
        "1 more columns and 0 more rows",
        "cut back",
    ] {
        assert!(input.description[1].contains(part), "{:?}", input.description);
    }
}
