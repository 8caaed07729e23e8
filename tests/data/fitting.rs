//! Images of sizes that a network does not take, scaled to one that it takes; grey images for networks of three channels.

use asma::data::{Fit, InputOptions, Preparation, fit, nearest_size};
use asma::graph::Graph;
use asma::graph::ops::MaxPool2d;
use asma::graph::{Margins, Op};
use asma::{Shape, Tensor};
use image::{Rgb, RgbImage};

use crate::support::{assert_says, folder, save_grey};

/// Halves its input `times` times, and takes one size alone if one is said.
fn halving(channels: usize, times: usize, only: Option<[usize; 2]>) -> Graph {
    let mut graph = Graph::with_input(channels, only);
    for index in 0..times {
        let pool = MaxPool2d {
            kernel: [2, 2],
            stride: [2, 2],
            padding: Margins::NONE,
            ceil: false,
        };
        let from = graph.output();
        graph
            .add(format!("pool{index}"), Op::from(pool), &[from])
            .expect("adds");
    }
    graph
}

#[test]
fn the_nearest_size_is_one_at_which_nothing_is_dropped() {
    let graph = halving(3, 3, None);
    for (given, wanted) in [
        ([16, 24], [16, 24]),
        ([17, 23], [16, 24]),
        ([20, 19], [24, 16]),
        ([1, 100], [8, 104]),
    ] {
        let input = Shape::new(1, 3, given[0], given[1]);
        assert_eq!(nearest_size(&graph, input).expect("a size"), wanted, "{given:?}");
    }
    let only = halving(3, 1, Some([32, 48]));
    let input = Shape::new(1, 3, 500, 20);
    assert_eq!(nearest_size(&only, input).expect("a size"), [32, 48]);
    // What keeps the image's size takes it as it is.
    assert_eq!(nearest_size(&Graph::new(3), input).expect("a size"), [500, 20]);
}

#[test]
fn the_only_size_of_a_network_is_named_and_the_way_to_it() {
    let graph = halving(3, 1, Some([32, 48]));
    assert_says(
        fit(&graph, Shape::new(1, 3, 30, 30)).map(|fitted| fitted.output),
        None,
        &["48×32", "30×30", "`fit=resize`"],
    );
    assert_eq!("resize".parse::<Fit>().expect("a way"), Fit::Resize);
    assert_eq!("pad".parse::<Fit>().expect("a way"), Fit::Pad);
    assert_eq!("none".parse::<Fit>().expect("a way"), Fit::None);
    assert_says("crop".parse::<Fit>(), None, &["`crop`", "pad or resize"]);
}

#[test]
fn an_image_is_scaled_to_the_network_and_its_masks_with_it() {
    let folder = folder();
    let path = folder.path().join("image.png");
    RgbImage::from_fn(30, 20, |x, y| Rgb([x as u8 * 8, y as u8 * 12, 0]))
        .save(&path)
        .expect("saves");
    let graph = halving(3, 0, Some([16, 24]));
    assert_says(
        InputOptions::default().read(&path, &graph).map(|_| ()),
        None,
        &["24×16", "30×20", "`fit=resize`"],
    );
    let options = InputOptions {
        fit: Some(Fit::Resize),
        ..InputOptions::default()
    };
    let input = options.read(&path, &graph).expect("reads");
    assert_eq!(input.image.shape(), Shape::new(1, 3, 16, 24));
    assert_eq!(input.stored, [20, 30]);
    assert!(
        input.description[1].contains("30×20, resize 24x16: 24×16"),
        "{:?}",
        input.description
    );
    // As `--resize` would have done it.
    let resized = InputOptions {
        preparation: Preparation {
            resize: "24x16".parse().ok(),
            ..Preparation::default()
        },
        ..InputOptions::default()
    };
    assert_eq!(input.image, resized.read(&path, &graph).expect("reads").image);
    let half: Vec<u8> = (0..600)
        .map(|index| if index % 30 < 15 { 0 } else { 255 })
        .collect();
    let mask = save_grey(folder.path(), "mask.png", 30, &half);
    let region = options.read_region(&mask, &input).expect("reads");
    assert_eq!((region.labels.height(), region.labels.width()), (16, 24));
    assert_eq!(region.labels.count(1), 12 * 16);
    // Another image comes to the same size, whatever its own is.
    let other = folder.path().join("other.png");
    RgbImage::from_pixel(7, 90, Rgb([9, 90, 200]))
        .save(&other)
        .expect("saves");
    let other = options.read_another(&other, &graph, &input).expect("reads");
    assert_eq!(other.image.shape(), input.image.shape());
}

#[test]
fn a_border_that_is_asked_for_counts_in_the_size() {
    let graph = halving(3, 3, None);
    let options = InputOptions {
        preparation: Preparation {
            padding: "3".parse().ok(),
            ..Preparation::default()
        },
        fit: Some(Fit::Resize),
        ..InputOptions::default()
    };
    let fitted = options.fitting(&graph, Shape::new(1, 3, 20, 30)).expect("fits");
    assert_eq!(fitted.prepared_size(20, 30).expect("a size"), (24, 40));
    assert_eq!(fitted.resize, "34x18".parse().ok());
    assert_says(
        options
            .fitting(&halving(3, 0, Some([6, 6])), Shape::new(1, 3, 20, 30))
            .map(|_| ()),
        None,
        &["6×6", "`pad`"],
    );
}

#[test]
fn grey_images_feed_networks_of_three_channels_only_when_told() {
    let folder = folder();
    let grey = save_grey(folder.path(), "grey.png", 8, &[77; 64]);
    let options = InputOptions::default();
    assert_says(
        options.read(&grey, &halving(3, 0, None)).map(|_| ()),
        None,
        &["grey.png", "3 channels", "is grey", "`grey`"],
    );
    // Which makes the network take one.
    let one = options.read(&grey, &halving(1, 0, None)).expect("reads");
    assert_eq!(one.image.shape(), Shape::new(1, 1, 8, 8));
    let colour = folder.path().join("colour.png");
    RgbImage::from_pixel(8, 8, Rgb([9, 90, 200]))
        .save(&colour)
        .expect("saves");
    assert!(options.read(&colour, &halving(3, 0, None)).is_ok());
    assert_says(
        options.read(&colour, &halving(1, 0, None)).map(|_| ()),
        None,
        &["in colour", "1 channels"],
    );
    assert_says(
        options.read(&colour, &halving(4, 0, None)).map(|_| ()),
        None,
        &["4 channels"],
    );
}

#[test]
fn a_network_gets_an_image_as_it_is_when_told() {
    let image = Tensor::zeros(Shape::new(1, 3, 21, 30));
    let read = |graph: &Graph, fit: Option<Fit>| {
        let options = InputOptions {
            fit,
            ..InputOptions::default()
        };
        options.prepare("image", &image, graph)
    };
    // It drops the last row on the way.
    let graph = halving(3, 1, None);
    let added = |fit| read(&graph, fit).expect("fits").network.added;
    assert_eq!(added(None), added(Some(Fit::Pad)));
    assert_ne!(added(None), [0, 0]);
    let input = read(&graph, Some(Fit::None)).expect("fits");
    assert_eq!(input.network.added, [0, 0]);
    assert_eq!(
        input.network.output,
        graph.output_shape(image.shape()).expect("a shape")
    );
    assert_says(
        read(&halving(3, 0, Some([16, 24])), Some(Fit::None)).map(|_| ()),
        None,
        &["image: ", "24×16", "30×21", "`fit=resize`"],
    );
}
