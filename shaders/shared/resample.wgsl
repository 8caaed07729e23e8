// Put in front of `upsample` and `upsample_adjoint`.

const NEAREST: u32 = 0u;
const BILINEAR: u32 = 1u;

// The one or two input pixels along an axis that an output pixel is mixed from, and the second's weight.
struct Source {
    first: u32,
    second: u32,
    weight: f32,
}

// Source coordinates are kept as fractions of integers, so that forward pass and adjoint agree about them
// to the last bit on every device.
fn source(index: u32, input_size: u32, output_size: u32, mode: u32) -> Source {
    if mode == NEAREST {
        let nearest = index * input_size / output_size;
        return Source(nearest, nearest, 0.0);
    }
    var numerator: u32;
    var denominator: u32;
    if mode == BILINEAR {
        numerator = max((2u * index + 1u) * input_size, output_size) - output_size;
        denominator = 2u * output_size;
    } else {
        numerator = index * (input_size - 1u);
        denominator = max(output_size - 1u, 1u);
    }
    let first = numerator / denominator;
    let remainder = numerator - first * denominator;
    return Source(first, min(first + 1u, input_size - 1u), f32(remainder) / f32(denominator));
}
