// Put in front of `resize` and `resize_adjoint`.

// Of the output's rows, then of its columns: the lower of the two input places that they are mixed from, and the weight
// of the one after it.
@group(0) @binding(2) var<storage, read> sources: array<vec2<f32>>;

// The two places, which are the same where there is none after the first or it has no weight, and the second's weight.
struct Source {
    first: u32,
    second: u32,
    weight: f32,
}

// Whatever stands in the table, a place lies in the input.
fn source(index: u32, input_size: u32) -> Source {
    let place = sources[index];
    let first = min(u32(place.x), input_size - 1u);
    let second = select(min(first + 1u, input_size - 1u), first, place.y == 0.0);
    return Source(first, second, place.y);
}
