// A thread handles all classes of one pixel.
struct Params {
    logits: View,
    output: View,
    extent: Extent,
    cross_entropy: f32,
    dice: f32,
    smoothing: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> class_weights: array<f32>;
@group(0) @binding(4) var<storage, read> totals: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<f32>;

const TERMS: u32 = 5u;

// Derivative of the Dice loss by the probability of `c`.
fn dice_derivative(c: u32, label: u32) -> f32 {
    if c == 0u {
        return 0.0;
    }
    let numerator = 2.0 * totals[TERMS * c + 2u] + params.smoothing;
    let denominator = totals[TERMS * c + 3u] + totals[TERMS * c + 4u] + params.smoothing;
    let hit = select(0.0, 2.0 * denominator, c == label);
    return (numerator - hit) / (denominator * denominator) / f32(params.extent.c - 1u);
}

@compute @workgroup_size(64)
fn loss_gradient(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixel = (workgroup.y * workgroups.x + workgroup.x) * 64u + thread;
    let plane = params.extent.h * params.extent.w;
    if pixel >= plane {
        return;
    }
    let n = workgroup.z;
    let classes = params.extent.c;
    let y = pixel / params.extent.w;
    let x = pixel % params.extent.w;
    let label = labels[n * plane + pixel];
    let place = at(params.output, n, 0u, y, x);
    if label >= classes {
        for (var c = 0u; c < classes; c++) {
            output[place + c * params.output.channel] = 0.0;
        }
        return;
    }

    let index = at(params.logits, n, 0u, y, x);
    var largest = logits[index];
    for (var k = 1u; k < classes; k++) {
        largest = max(largest, logits[index + k * params.logits.channel]);
    }
    var sum = 0.0;
    for (var k = 0u; k < classes; k++) {
        sum += exp(logits[index + k * params.logits.channel] - largest);
    }
    var weights = 0.0;
    var mean_derivative = 0.0;
    for (var k = 0u; k < classes; k++) {
        weights += totals[TERMS * k + 1u];
        let probability = exp(logits[index + k * params.logits.channel] - largest) / sum;
        mean_derivative += dice_derivative(k, label) * probability;
    }
    // Some pixel has a label, but its class may weigh nothing.
    let weight = select(0.0, class_weights[label] / weights, weights > 0.0);
    for (var c = 0u; c < classes; c++) {
        let probability = exp(logits[index + c * params.logits.channel] - largest) / sum;
        let of_entropy = weight * (probability - select(0.0, 1.0, c == label));
        let of_dice = probability * (dice_derivative(c, label) - mean_derivative);
        output[place + c * params.output.channel] =
            params.cross_entropy * of_entropy + params.dice * of_dice;
    }
}
