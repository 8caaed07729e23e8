//! What JPEG compression does to a picture: blocks of 8×8 frequencies, rounded.

use super::canvas::{Canvas, Colour};

const SIDE: usize = 8;
type Block = [[f32; SIDE]; SIDE];

/// Rounding steps for brightness at quality 50, from the standard's annex K.
const BRIGHTNESS_STEPS: [[u8; SIDE]; SIDE] = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
];

/// The same for the two colour differences.
const COLOUR_STEPS: [[u8; SIDE]; SIDE] = [
    [17, 18, 24, 47, 99, 99, 99, 99],
    [18, 21, 26, 66, 99, 99, 99, 99],
    [24, 26, 56, 99, 99, 99, 99, 99],
    [47, 66, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
    [99, 99, 99, 99, 99, 99, 99, 99],
];

/// Compresses at this quality (1 to 100) and decompresses again; colour differences keep half the resolution.
pub(super) fn compress(canvas: &mut Canvas, quality: f32) {
    let size = canvas.size();
    let cosines = cosines();
    let scale = if quality < 50.0 {
        50.0 / quality
    } else {
        2.0 - quality / 50.0
    };
    let steps = |table: [[u8; SIDE]; SIDE]| table.map(|row| row.map(|step| (step as f32 * scale).max(1.0)));
    let half = size.div_ceil(2);
    let mut brightness: Vec<f32> = canvas.pixels().iter().map(|&pixel| parts(pixel)[0]).collect();
    round_blocks(&mut brightness, size, &steps(BRIGHTNESS_STEPS), &cosines);
    let mut differences = [1, 2].map(|part| halved(canvas, part));
    for difference in &mut differences {
        round_blocks(difference, half, &steps(COLOUR_STEPS), &cosines);
    }
    for (index, pixel) in canvas.pixels_mut().iter_mut().enumerate() {
        let coarse = (index / size / 2) * half + index % size / 2;
        let (blue, red) = (differences[0][coarse], differences[1][coarse]);
        let grey = brightness[index] + 128.0;
        *pixel = [
            grey + 1.402 * red,
            grey - 0.344_136 * blue - 0.714_136 * red,
            grey + 1.772 * blue,
        ]
        .map(|value| value / 255.0);
    }
}

/// Brightness less 128, and the differences of blue and of red, in 255ths.
fn parts(pixel: Colour) -> [f32; 3] {
    let [red, green, blue] = pixel.map(|value| 255.0 * value.clamp(0.0, 1.0));
    let grey = 0.299 * red + 0.587 * green + 0.114 * blue;
    [grey - 128.0, 0.564_334 * (blue - grey), 0.713_267 * (red - grey)]
}

/// One of the parts, averaged over 2×2 pixels.
fn halved(canvas: &Canvas, part: usize) -> Vec<f32> {
    let size = canvas.size();
    let half = size.div_ceil(2);
    let at = |x: usize, y: usize| parts(canvas.pixels()[y.min(size - 1) * size + x.min(size - 1)])[part];
    (0..half * half)
        .map(|index| {
            let (x, y) = (2 * (index % half), 2 * (index / half));
            (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0
        })
        .collect()
}

fn round_blocks(values: &mut [f32], size: usize, steps: &Block, cosines: &Block) {
    for top in (0..size).step_by(SIDE) {
        for left in (0..size).step_by(SIDE) {
            let mut block = [[0.0; SIDE]; SIDE];
            for (y, row) in block.iter_mut().enumerate() {
                for (x, value) in row.iter_mut().enumerate() {
                    *value = values[(top + y).min(size - 1) * size + (left + x).min(size - 1)];
                }
            }
            let mut frequencies = product(cosines, &product_with_transpose(&block, cosines));
            for (row, steps) in frequencies.iter_mut().zip(steps) {
                for (value, step) in row.iter_mut().zip(steps) {
                    *value = (*value / step).round() * step;
                }
            }
            let transpose = transposed(cosines);
            let block = product(&transpose, &product(&frequencies, cosines));
            for (y, row) in block.iter().enumerate().take(size - top) {
                for (x, value) in row.iter().enumerate().take(size - left) {
                    values[(top + y) * size + left + x] = *value;
                }
            }
        }
    }
}

/// The orthonormal cosine transform: row k holds frequency k.
fn cosines() -> Block {
    let mut block = [[0.0; SIDE]; SIDE];
    for (frequency, row) in block.iter_mut().enumerate() {
        let scale = if frequency == 0 { 0.125 } else { 0.25 };
        for (position, value) in row.iter_mut().enumerate() {
            let angle = (2 * position + 1) as f32 * frequency as f32 * std::f32::consts::PI / 16.0;
            *value = f32::sqrt(scale) * libm::cosf(angle);
        }
    }
    block
}

fn product(left: &Block, right: &Block) -> Block {
    let mut out = [[0.0; SIDE]; SIDE];
    for (row, factors) in out.iter_mut().zip(left) {
        for (factor, line) in factors.iter().zip(right) {
            for (value, other) in row.iter_mut().zip(line) {
                *value += factor * other;
            }
        }
    }
    out
}

fn product_with_transpose(left: &Block, right: &Block) -> Block {
    product(left, &transposed(right))
}

fn transposed(block: &Block) -> Block {
    let mut out = [[0.0; SIDE]; SIDE];
    for (y, row) in block.iter().enumerate() {
        for (x, value) in row.iter().enumerate() {
            out[x][y] = *value;
        }
    }
    out
}
