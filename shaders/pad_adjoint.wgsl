struct Params {
    gradient: View,
    output: View,
    input_extent: Extent,
    output_extent: Extent,
    top: u32,
    left: u32,
    mode: u32,
    accumulate: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<GradientElement>;
@group(0) @binding(2) var<storage, read_write> output: array<OutputElement>;

// Along one axis, the first of the places that show input place `place`, how far apart they are and how many.
struct Shows {
    first: u32,
    step: u32,
    count: u32,
}

// Mirrored, a place is shown in front, at its own place and behind; which of the three there are is looked up for each.
fn shows(place: u32, before: u32, input_size: u32, output_size: u32) -> Shows {
    if params.mode == REPLICATE {
        let first = select(before + place, 0u, place == 0u);
        let last = select(before + place, output_size - 1u, place == input_size - 1u);
        return Shows(first, 1u, last - first + 1u);
    }
    return Shows(before + place, 0u, select(1u, 3u, params.mode == REFLECT));
}

// The place number `i` of those, `output_size` if it is none.
fn show(shows: Shows, i: u32, place: u32, before: u32, input_size: u32, output_size: u32) -> u32 {
    if i == 0u || params.mode == REPLICATE {
        return shows.first + i * shows.step;
    }
    if i == 1u {
        return select(output_size, before - place, place > 0u && place <= before);
    }
    return select(output_size, min(before + 2u * (input_size - 1u) - place, output_size), place + 1u < input_size);
}

@compute @workgroup_size(64)
fn pad_adjoint(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let p = position(params.input_extent, workgroup, workgroups, thread);
    if !p.inside {
        return;
    }
    let inner = params.input_extent;
    let outer = params.output_extent;
    let rows = shows(p.y, params.top, inner.h, outer.h);
    let columns = shows(p.x, params.left, inner.w, outer.w);
    var sum = 0.0;
    for (var i = 0u; i < rows.count; i++) {
        let y = show(rows, i, p.y, params.top, inner.h, outer.h);
        for (var j = 0u; j < columns.count; j++) {
            let x = show(columns, j, p.x, params.left, inner.w, outer.w);
            if y < outer.h && x < outer.w {
                sum += f32(gradient[at(params.gradient, p.n, p.c, y, x)]);
            }
        }
    }
    let place = at(params.output, p.n, p.c, p.y, p.x);
    if params.accumulate == 1u {
        sum += f32(output[place]);
    }
    output[place] = OutputElement(sum);
}
