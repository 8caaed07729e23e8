//! ASMA on a SimpleUnet in burn, on its wgpu backend: the one-forward schedule with the paper's objective, as a user
//! of burn would write it. `../burn.py` runs it in turn with asma and compares the traces first.
//!
//!     burn-peer WEIGHTS IMAGE TARGET ITERATIONS ROUNDS
//!
//! WEIGHTS is a safetensors file with the authors' names, padding `valid`, two classes. Prints JSON: the trace of the
//! first ITERATIONS, then seconds of one iteration for each of ROUNDS more rounds of as many.

use std::time::Instant;

use burn::tensor::activation::relu;
use burn::tensor::module::{conv_transpose2d, conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{Device, DeviceKind, Int, Tensor, TensorData};
use safetensors::SafeTensors;

const TAU: f32 = 1e-7;
const BETA: f32 = 1e-6;

struct Layer {
    weight: Tensor<4>,
    bias: Tensor<1>,
}

impl Layer {
    fn load(file: &SafeTensors, name: &str, device: &Device) -> Option<Layer> {
        let read = |kind: &str| {
            let view = file.tensor(&format!("{name}.{kind}")).ok()?;
            let values: Vec<f32> = view
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
                .collect();
            Some(TensorData::new(values, view.shape().to_vec()))
        };
        // Constants of the graph: no gradient of theirs is asked for.
        Some(Layer {
            weight: Tensor::from_data(read("weight")?, device).autodiff(),
            bias: Tensor::from_data(read("bias")?, device).autodiff(),
        })
    }

    fn convolve(&self, x: Tensor<4>) -> Tensor<4> {
        let options = ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
        conv2d(x, self.weight.clone(), Some(self.bias.clone()), options)
    }

    fn enlarge(&self, x: Tensor<4>) -> Tensor<4> {
        let options = ConvTransposeOptions::new([2, 2], [0, 0], [0, 0], [1, 1], 1);
        conv_transpose2d(x, self.weight.clone(), Some(self.bias.clone()), options)
    }
}

struct Network {
    down: Vec<[Layer; 2]>,
    up: Vec<(Layer, [Layer; 2])>,
    last: Layer,
}

impl Network {
    fn load(file: &SafeTensors, device: &Device) -> Network {
        let layer = |name: &str| Layer::load(file, name, device);
        let block = |name: &str| Some([layer(&format!("{name}.0"))?, layer(&format!("{name}.2"))?]);
        let down: Vec<_> = (1..).map_while(|i| block(&format!("conv{i}_block"))).collect();
        let up = (1..)
            .map_while(|i| Some((layer(&format!("up_{i}"))?, block(&format!("conv_up_{i}"))?)))
            .collect();
        let last = layer("conv_final").expect("conv_final");
        Network { down, up, last }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let apply = |block: &[Layer; 2], x| relu(block[1].convolve(relu(block[0].convolve(x))));
        let mut skips = Vec::new();
        let mut x = apply(&self.down[0], x);
        for block in &self.down[1..] {
            skips.push(x.clone());
            x = apply(block, max_pool2d(x, MaxPoolOptions::new([2, 2])));
        }
        for (up, block) in &self.up {
            let skip = skips.pop().expect("a skip for each level");
            let enlarged = up.enlarge(x);
            let ([.., h, w], [.., skip_h, skip_w]) = (enlarged.dims(), skip.dims());
            let (top, left) = ((skip_h - h) / 2, (skip_w - w) / 2);
            let channels = skip.dims()[1];
            let cropped = skip.slice([0..1, 0..channels, top..top + h, left..left + w]);
            x = apply(block, Tensor::cat(vec![enlarged, cropped], 1));
        }
        self.last.convolve(x)
    }
}

/// What an iteration leaves: the next image and IoU, pixel accuracy, L2, L∞, multiplier of this one, on the device.
struct Iterate {
    image: Tensor<4>,
    row: Tensor<1>,
}

struct Attack {
    network: Network,
    source: Tensor<4>,
    /// 1 where the target is the foreground; [1, 1, h, w].
    target: Tensor<4>,
}

impl Attack {
    fn iterate(&self, image: Tensor<4>, first: bool) -> Iterate {
        let leaf = image.clone().autodiff().require_grad();
        let logits = self.network.forward(leaf.clone());
        let values = logits.clone().inner();
        let predicted: Tensor<4, Int> = values.argmax(1);
        let predicted = predicted.float();
        let other = self.target.clone().neg() + 1.0;
        // 1[Y = c] · 1[M ≠ c] for background and foreground.
        let background = other.clone() * predicted.clone();
        let foreground = self.target.clone() * (predicted.clone().neg() + 1.0);
        let mask = Tensor::cat(vec![background.clone(), foreground.clone()], 1);
        let objective = (logits * mask.autodiff()).sum();
        let gradients = objective.backward();
        let gradient = leaf.grad(&gradients).expect("the gradient of the image");

        let both = (self.target.clone() * predicted.clone()).sum();
        let union = (self.target.clone() + predicted).clamp(0.0, 1.0).sum();
        let iou = both / union;
        let [.., h, w] = self.target.dims();
        let wrong = (background + foreground).sum();
        let accuracy = wrong.neg() / (h * w) as f32 + 1.0;
        let difference = self.source.clone() - image.clone();
        let l2 = difference.clone().square().sum().sqrt();
        let linf = difference.clone().abs().max();
        let multiplier = if first {
            iou.clone() * 0.0 + TAU
        } else {
            iou.clone() * BETA + TAU
        };
        let ascent = gradient + difference * 2.0;
        let step = ascent * multiplier.clone().reshape([1, 1, 1, 1]);
        Iterate {
            image: (image + step).clamp(0.0, 1.0),
            row: Tensor::cat(vec![iou, accuracy, l2, linf, multiplier], 0),
        }
    }

    /// Iterates `count` times and reads the rows at the end, which waits for all of it.
    fn run(&self, mut image: Tensor<4>, count: usize, first: bool) -> (Tensor<4>, Vec<f32>) {
        let mut rows = Vec::with_capacity(count);
        for number in 0..count {
            let iterate = self.iterate(image, first && number == 0);
            image = iterate.image;
            rows.push(iterate.row);
        }
        let rows = Tensor::cat(rows, 0).into_data().to_vec::<f32>().expect("floats");
        (image, rows)
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, image, target, iterations, rounds] = &arguments[..] else {
        panic!("want WEIGHTS IMAGE TARGET ITERATIONS ROUNDS");
    };
    let (iterations, rounds): (usize, usize) = (
        iterations.parse().expect("a number of iterations"),
        rounds.parse().expect("a number of rounds"),
    );
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let bytes = std::fs::read(weights).expect("the weights");
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let network = Network::load(&file, &device);

    let picture = image::open(image).expect("the image").to_rgb8();
    let (w, h) = (picture.width() as usize, picture.height() as usize);
    let mut values = vec![0f32; 3 * h * w];
    for (x, y, pixel) in picture.enumerate_pixels() {
        for c in 0..3 {
            values[(c * h + y as usize) * w + x as usize] = f32::from(pixel[c]) / 255.0;
        }
    }
    let source = Tensor::<4>::from_data(TensorData::new(values, [1, 3, h, w]), &device);
    let mask = image::open(target).expect("the target").to_luma8();
    let labels: Vec<f32> = mask.pixels().map(|p| f32::from(u8::from(p[0] != 0))).collect();
    let shape = [1, 1, mask.height() as usize, mask.width() as usize];
    let attack = Attack {
        network,
        source: source.clone(),
        target: Tensor::from_data(TensorData::new(labels, shape), &device),
    };

    // The first rounds compile and tune.
    let (mut current, rows) = attack.run(source, iterations, true);
    let mut seconds = Vec::new();
    for _ in 0..rounds {
        let start = Instant::now();
        let (next, _) = attack.run(current, iterations, false);
        seconds.push(start.elapsed().as_secs_f64() / iterations as f64);
        current = next;
    }
    let trace: Vec<&[f32]> = rows.chunks(5).collect();
    println!("{}", serde_json::json!({ "trace": trace, "seconds": seconds }));
}
