// `mask` together with the network's last convolution, of 1 × 1, and its adjoint: features to logits, seed and the
// features' gradient, without the seed ever being in memory. Comes after asma_step.wgsl, whose counts it uses;
// CHANNELS, those of the logits, is another constant of the prelude.

struct HeadParams {
    features: View,
    logits: View,
    gradient: View,
    feature_extent: Extent,
    extent: Extent,
    padded_out_channels: u32,
    class_count: u32,
    flags: u32,
    parity: u32,
    // Of the activation that the features come from; 1 if there is none.
    slope: f32,
}

@group(0) @binding(0) var<uniform> head_params: HeadParams;
@group(0) @binding(1) var<storage, read> features: array<FeaturesElement>;
@group(0) @binding(2) var<storage, read> head_weight: array<WeightElement>;
@group(0) @binding(3) var<storage, read> head_epilogue: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> head_labels: array<u32>;
@group(0) @binding(5) var<storage, read> head_classes: array<u32>;
@group(0) @binding(6) var<storage, read_write> feature_gradient: array<GradientElement>;
@group(0) @binding(7) var<storage, read_write> head_counts: array<atomic<u32>>;
@group(0) @binding(8) var<storage, read_write> head_logits: array<f32>;

const HEAD_PIXELS_PER_THREAD: u32 = 2u;

alias Channels = array<f32, CHANNELS>;

fn pixel_logits(sample: u32, y: u32, x: u32) -> Channels {
    var sums: Channels;
    var place = at(head_params.features, sample, 0u, y, x);
    for (var i = 0u; i < head_params.feature_extent.c; i++) {
        let feature = f32(features[place]);
        place += head_params.features.channel;
        for (var c = 0u; c < CHANNELS; c++) {
            sums[c] = fma(f32(head_weight[i * head_params.padded_out_channels + c]), feature, sums[c]);
        }
    }
    for (var c = 0u; c < CHANNELS; c++) {
        sums[c] += head_epilogue[c].x;
        head_logits[at(head_params.logits, sample, c, y, x)] = sums[c];
    }
    return sums;
}

// The class with the largest logit, the first one of equals.
fn head_prediction(logits: Channels) -> u32 {
    if CHANNELS == 1u {
        return select(0u, 1u, logits[0] > 0.0);
    }
    var largest = logits[0];
    var predicted = 0u;
    for (var c = 1u; c < CHANNELS; c++) {
        if logits[c] > largest {
            largest = logits[c];
            predicted = c;
        }
    }
    return predicted;
}

// dJ/dlogits, as `write_seed` has it.
fn pixel_seed(logits: Channels, label: u32, predicted: u32) -> Channels {
    var result: Channels;
    if label >= CLASS_COUNT || (has(ADAPTIVE) && predicted == label) {
        return result;
    }
    if (head_classes[label] & CLASS_ATTACKED) == 0u {
        return result;
    }
    if CHANNELS == 1u {
        let size = select(1.0, 2.0, has(MARGIN));
        result[0] = select(-size, size, label == 1u);
        return result;
    }
    var rival = CLASS_COUNT;
    if has(MARGIN) {
        var largest = 0.0;
        for (var c = 0u; c < CHANNELS; c++) {
            if c != label && (rival == CLASS_COUNT || logits[c] > largest) {
                largest = logits[c];
                rival = c;
            }
        }
    }
    for (var c = 0u; c < CHANNELS; c++) {
        result[c] = select(select(0.0, -1.0, c == rival), 1.0, c == label);
    }
    return result;
}

fn write_feature_gradient(sample: u32, y: u32, x: u32, pixel_seed: Channels) {
    var place = at(head_params.features, sample, 0u, y, x);
    var written = at(head_params.gradient, sample, 0u, y, x);
    for (var i = 0u; i < head_params.feature_extent.c; i++) {
        var sum = 0.0;
        for (var c = 0u; c < CHANNELS; c++) {
            sum = fma(f32(head_weight[i * head_params.padded_out_channels + c]), pixel_seed[c], sum);
        }
        let value = select(head_params.slope * sum, sum, f32(features[place]) > 0.0);
        feature_gradient[written] = GradientElement(value);
        place += head_params.features.channel;
        written += head_params.gradient.channel;
    }
}

@compute @workgroup_size(WORKGROUP)
fn head(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixels = head_params.extent.h * head_params.extent.w;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let sample = workgroup.z;

    if has(COUNT) {
        for (var i = thread; i < 3u * CLASS_COUNT; i += WORKGROUP) {
            atomicStore(&workgroup_counts[i], 0u);
        }
        workgroupBarrier();
    }

    for (var j = 0u; j < HEAD_PIXELS_PER_THREAD; j++) {
        let pixel = (group * HEAD_PIXELS_PER_THREAD + j) * WORKGROUP + thread;
        if pixel >= pixels {
            break;
        }
        let y = pixel / head_params.extent.w;
        let x = pixel - y * head_params.extent.w;
        let label = head_labels[sample * pixels + pixel];
        let logits = pixel_logits(sample, y, x);
        let predicted = head_prediction(logits);
        if has(WRITE_SEED) {
            write_feature_gradient(sample, y, x, pixel_seed(logits, label, predicted));
        }
        // What is no class is "ignore".
        if has(COUNT) && label < CLASS_COUNT {
            count(Run(label, predicted, 1u));
        }
    }

    if has(COUNT) {
        workgroupBarrier();
        let length = 3u * CLASS_COUNT + 2u;
        let start = (sample * 2u + head_params.parity) * length;
        for (var i = thread; i < length; i += WORKGROUP) {
            let value = workgroup_count(i);
            if value != 0u {
                atomicAdd(&head_counts[start + i], value);
            }
        }
    }
}
