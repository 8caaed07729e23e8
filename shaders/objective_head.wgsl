// The objective together with the network's last convolution, of 1 × 1, and its adjoint: features to logits, seed and the
// features' gradient, without the seed ever being in memory.

struct Params {
    features: View,
    logits: View,
    gradient: View,
    feature_extent: Extent,
    extent: Extent,
    padded_out_channels: u32,
    class_count: u32,
    objective: u32,
    flags: u32,
    parity: u32,
    counts_length: u32,
    schedule_rows: u32,
    // Of the activation that the features come from; 1 if there is none.
    slope: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> features: array<FeaturesElement>;
@group(0) @binding(2) var<storage, read> weight: array<WeightElement>;
@group(0) @binding(3) var<storage, read> epilogue: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> labels: array<u32>;
@group(0) @binding(5) var<storage, read> settings: array<u32>;
@group(0) @binding(6) var<storage, read_write> gradient: array<GradientElement>;
@group(0) @binding(7) var<storage, read_write> counts: array<atomic<u32>>;
@group(0) @binding(8) var<storage, read_write> logits: array<f32>;

const PIXELS_PER_THREAD: u32 = 2u;

alias Channels = array<f32, CHANNELS>;

// The logits of the pixel at hand.
var<private> pixel_logits: Channels;

fn logit(c: u32) -> f32 {
    if CHANNELS == 1u {
        return select(-pixel_logits[0], pixel_logits[0], c == 1u);
    }
    return pixel_logits[c];
}

fn find_logits(sample: u32, y: u32, x: u32) {
    var sums: Channels;
    var place = at(params.features, sample, 0u, y, x);
    for (var i = 0u; i < params.feature_extent.c; i++) {
        let feature = f32(features[place]);
        place += params.features.channel;
        for (var c = 0u; c < CHANNELS; c++) {
            sums[c] = fma(f32(weight[i * params.padded_out_channels + c]), feature, sums[c]);
        }
    }
    for (var c = 0u; c < CHANNELS; c++) {
        sums[c] += epilogue[c].x;
        logits[at(params.logits, sample, c, y, x)] = sums[c];
    }
    pixel_logits = sums;
}

fn write_feature_gradient(sample: u32, y: u32, x: u32, seed: Channels) {
    var place = at(params.features, sample, 0u, y, x);
    var written = at(params.gradient, sample, 0u, y, x);
    for (var i = 0u; i < params.feature_extent.c; i++) {
        var sum = 0.0;
        for (var c = 0u; c < CHANNELS; c++) {
            sum = fma(f32(weight[i * params.padded_out_channels + c]), seed[c], sum);
        }
        let value = select(params.slope * sum, sum, f32(features[place]) > 0.0);
        gradient[written] = GradientElement(value);
        place += params.features.channel;
        written += params.gradient.channel;
    }
}

@compute @workgroup_size(WORKGROUP)
fn head(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixels = params.extent.h * params.extent.w;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let sample = workgroup.z;
    let start = (sample * 2u + params.parity) * params.counts_length;
    if has(COUNT) {
        begin_counts(thread);
        workgroupBarrier();
    }
    let parameter = objective_parameter(start);

    var losses = vec2(0.0);
    for (var j = 0u; j < PIXELS_PER_THREAD; j++) {
        let here = (group * PIXELS_PER_THREAD + j) * WORKGROUP + thread;
        if here >= pixels {
            break;
        }
        let y = here / params.extent.w;
        let x = here - y * params.extent.w;
        let label = labels[sample * pixels + here];
        find_logits(sample, y, x);
        let pixel = labelled_pixel(label, parameter);
        if has(WRITE_SEED) {
            var seed: Channels;
            for (var c = 0u; c < CHANNELS; c++) {
                seed[c] = channel_seed(pixel, c);
            }
            write_feature_gradient(sample, y, x, seed);
        }
        losses += vec2(pixel.loss, pixel.cross_entropy);
        // What is no class is "ignore".
        if has(COUNT) && label < CLASS_COUNT {
            count(Run(label, pixel.predicted, 1u));
        }
    }

    if has(COUNT) {
        end_counts(start, thread);
    }
    if has(LOSS) {
        write_losses(start, group, group * PIXELS_PER_THREAD * WORKGROUP < pixels, thread, losses);
    }
}
