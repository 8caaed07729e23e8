//! Tensors of safetensors files as images and masks: exact, or refused with what was found.

mod addresses;
mod images;
mod labels;

use std::path::PathBuf;

use asma::data::{Input, InputOptions};
use asma::graph::Graph;
use asma::model::{Padding, SimpleUnet};
use asma::{Result, Shape, Tensor};
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

use crate::support::folder;

/// Images of the tests: channels, rows, columns.
const SHAPE: [usize; 3] = [3, 4, 6];

fn unet(channels: usize, classes: usize, padding: Padding) -> Graph {
    SimpleUnet::doubling(channels, 2, 2, classes, padding)
        .build(|_, shape| Ok(vec![0.01; shape.iter().product()]))
        .expect("builds")
}

/// A folder with one file of tensors.
struct File {
    folder: TempDir,
    tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
}

impl File {
    fn new() -> File {
        File {
            folder: folder(),
            tensors: Vec::new(),
        }
    }

    fn with(mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> File {
        self.tensors.push((name.into(), dtype, shape.to_vec(), bytes));
        self
    }

    fn floats(self, name: &str, shape: &[usize], values: &[f32]) -> File {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.with(name, Dtype::F32, shape, bytes)
    }

    fn bytes(self, name: &str, shape: &[usize], values: &[u8]) -> File {
        self.with(name, Dtype::U8, shape, values.to_vec())
    }

    /// Saves the tensors, and gives the address of one.
    fn address(&self, tensor: &str) -> PathBuf {
        let views = self.tensors.iter().map(|(name, dtype, shape, bytes)| {
            let view = TensorView::new(*dtype, shape.clone(), bytes).expect("a tensor");
            (name.clone(), view)
        });
        let path = self.folder.path().join("x.safetensors");
        safetensors::serialize_to_file(views, None, &path).expect("saves");
        let mut address = path.into_os_string();
        address.push(format!(":{tensor}"));
        address.into()
    }

    fn image(&self, tensor: &str) -> Result<Input> {
        InputOptions::default().read(self.address(tensor), &unet(3, 2, Padding::Same))
    }

    /// The labels of a target for a network of five classes, whose image has this size.
    fn labels(&self, tensor: &str, [height, width]: [usize; 2]) -> Result<Vec<u8>> {
        let image = Tensor::zeros(Shape::new(1, 3, height, width));
        let options = InputOptions::default();
        let input = options
            .prepare("image", &image, &unet(3, 5, Padding::Same))
            .expect("an image");
        let target = options.read_target(self.address(tensor), &input)?;
        Ok(target.labels.into_labels())
    }
}

/// Values that are all exact in 16 bits.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|index| (index % 129) as f32 / 128.0).collect()
}
