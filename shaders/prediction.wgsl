// Logits to the class of each pixel, four labels to a word.

const WORKGROUP: u32 = 256u;
const NO_CLASS: u32 = 255u;
// Of a number that is infinite or none. Bits are looked at, as a device may take for granted that there is no such number.
const NOT_FINITE_EXPONENT: u32 = 0x7f800000u;

struct Params {
    logits: View,
    extent: Extent,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> labels: array<u32>;

fn exponent(value: f32) -> u32 {
    return bitcast<u32>(value) & NOT_FINITE_EXPONENT;
}

fn label(sample: u32, y: u32, x: u32) -> u32 {
    var largest = logits[at(params.logits, sample, 0u, y, x)];
    var seen = exponent(largest);
    var predicted = 0u;
    if params.extent.c == 1u {
        predicted = select(0u, 1u, largest > 0.0);
    }
    for (var c = 1u; c < params.extent.c; c++) {
        let logit = logits[at(params.logits, sample, c, y, x)];
        seen = max(seen, exponent(logit));
        if logit > largest {
            largest = logit;
            predicted = c;
        }
    }
    return select(predicted, NO_CLASS, seen == NOT_FINITE_EXPONENT);
}

@compute @workgroup_size(WORKGROUP)
fn prediction(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixels = params.extent.h * params.extent.w;
    let words = (pixels + 3u) / 4u;
    let sample = workgroup.z;
    let word = (workgroup.y * workgroups.x + workgroup.x) * WORKGROUP + thread;
    if word >= words {
        return;
    }
    var packed = 0u;
    for (var i = 0u; i < 4u; i++) {
        let pixel = 4u * word + i;
        if pixel < pixels {
            let y = pixel / params.extent.w;
            packed |= label(sample, y, pixel - y * params.extent.w) << (8u * i);
        }
    }
    labels[sample * words + word] = packed;
}
