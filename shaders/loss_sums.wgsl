// One workgroup sums the terms of one class over one chunk of pixels.
struct Params {
    logits: View,
    extent: Extent,
    pixels_per_chunk: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> class_weights: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<f32>;

const TERMS: u32 = 5u;

@compute @workgroup_size(64)
fn loss_sums(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let c = workgroup.y;
    let classes = params.extent.c;
    let first = workgroup.x * params.pixels_per_chunk;
    let plane = params.extent.h * params.extent.w;
    let end = min(first + params.pixels_per_chunk, params.extent.n * plane);
    var entropy = 0.0;
    var overlap = 0.0;
    var predicted = 0.0;
    var labelled = 0.0;
    for (var pixel = first + thread; pixel < end; pixel += 64u) {
        let label = labels[pixel];
        if label >= classes {
            continue;
        }
        let n = pixel / plane;
        let y = (pixel % plane) / params.extent.w;
        let x = pixel % params.extent.w;
        let index = at(params.logits, n, 0u, y, x);
        var largest = logits[index];
        for (var k = 1u; k < classes; k++) {
            largest = max(largest, logits[index + k * params.logits.channel]);
        }
        var sum = 0.0;
        for (var k = 0u; k < classes; k++) {
            sum += exp(logits[index + k * params.logits.channel] - largest);
        }
        let logit = logits[index + c * params.logits.channel] - largest;
        let probability = exp(logit) / sum;
        predicted += probability;
        if label == c {
            entropy += log(sum) - logit;
            overlap += probability;
            labelled += 1.0;
        }
    }
    let weight = class_weights[c];
    let place = (workgroup.x * classes + c) * TERMS;
    let sums = array(
        weight * sum_of_workgroup(thread, entropy),
        weight * sum_of_workgroup(thread, labelled),
        sum_of_workgroup(thread, overlap),
        sum_of_workgroup(thread, predicted),
        sum_of_workgroup(thread, labelled),
    );
    if thread == 0u {
        for (var term = 0u; term < TERMS; term++) {
            partials[place + term] = sums[term];
        }
    }
}
