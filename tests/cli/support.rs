//! A folder with a tiny network, an image and a target, and commands run in it.

use std::fs;
use std::path::{Path, PathBuf};

use asma::checkpoint::WeightTensor;
use asma::model::{Padding, SimpleUnet};
use assert_cmd::Command;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

/// Rows and columns of the image.
pub const SIZE: u32 = 48;

/// A scratch folder with `image.png`, `target.png` and `weights.safetensors`.
pub struct Workshop {
    folder: TempDir,
}

impl Workshop {
    pub fn new() -> Self {
        let workshop = Workshop {
            folder: tempfile::tempdir().unwrap(),
        };
        let unet = unet();
        save_weights(&unet, &workshop.path("weights.safetensors"), |_| ());
        image::RgbImage::from_fn(SIZE, SIZE, |x, y| {
            image::Rgb([(5 * x) as u8, (4 * y) as u8, (x * y / 10) as u8])
        })
        .save(workshop.path("image.png"))
        .unwrap();
        workshop.mask("target.png", SIZE, |x, y| {
            255 * u8::from(x.abs_diff(24) < 10 && y.abs_diff(20) < 8)
        });
        workshop
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn mask(&self, name: &str, size: u32, value: impl Fn(u32, u32) -> u8) {
        image::GrayImage::from_fn(size, size, |x, y| image::Luma([value(x, y)]))
            .save(self.path(name))
            .unwrap();
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// The program with these arguments, in the folder, with no Vulkan driver to find.
    pub fn asma(&self, arguments: &str) -> Command {
        let mut command = Command::cargo_bin("asma").unwrap();
        command
            .current_dir(self.folder.path())
            .env("VK_DRIVER_FILES", "/nonexistent.json")
            .env("VK_ICD_FILENAMES", "/nonexistent.json")
            .args(arguments.split_whitespace());
        command
    }

    /// An attack with the usual files and these arguments more.
    pub fn attack(&self, arguments: &str) -> Command {
        self.asma(&format!(
            "attack --image image.png --target target.png --weights weights.safetensors {arguments}"
        ))
    }

    /// Names of the files in a folder, sorted.
    pub fn files(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub fn unet() -> SimpleUnet {
    SimpleUnet::doubling(3, 4, 2, 2, Padding::Same)
}

/// Saves weights of `unet`, changed by `change`: class 1 where the image is bright, disturbed by a random network
/// through all layers.
pub fn save_weights(unet: &SimpleUnet, path: &Path, change: impl Fn(&mut Vec<(String, WeightTensor)>)) {
    let mut random = SmallRng::seed_from_u64(7);
    let mut tensors: Vec<(String, WeightTensor)> = unet
        .tensors()
        .into_iter()
        .map(|(name, shape)| {
            let fan_in: usize = shape.iter().skip(1).product();
            let scale = 0.2 / fan_in.max(1) as f32;
            let mut data: Vec<f32> = (0..shape.iter().product::<usize>())
                .map(|_| random.random_range(-scale..scale))
                .collect();
            // What the centre tap of out channel 0 reads: brightness, then channel 0, in the end the skip's.
            let inputs: &[usize] = match name.as_str() {
                "conv1_block.0.weight" => &[0, 1, 2],
                "conv1_block.2.weight" | "conv_up_1.2.weight" => &[0],
                "conv_up_1.0.weight" => &[4],
                _ => &[],
            };
            for input in inputs {
                data[9 * input + 4] += 1.0 / inputs.len() as f32;
            }
            match name.as_str() {
                "conv_final.weight" => (data[0], data[unet.widths[0]]) = (-50.0, 50.0),
                "conv_final.bias" => data = vec![20.0, -20.0],
                _ => {}
            }
            (name, WeightTensor { shape, data })
        })
        .collect();
    change(&mut tensors);
    // Written with the format's own crate: ours refuses weights that are not finite.
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, weight)| weight.data.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, weight), bytes)| {
        let view = TensorView::new(Dtype::F32, weight.shape.clone(), bytes).unwrap();
        (name.clone(), view)
    });
    let metadata = unet.metadata().into_iter().collect();
    safetensors::serialize_to_file(views, Some(metadata), path).unwrap();
}
