// Logits and labels to argmax, the seed of the gradient, counts and losses, by shared/objective.wgsl.

const PIXELS_PER_THREAD: u32 = 16u;

struct Params {
    logits: View,
    seed: View,
    extent: Extent,
    class_count: u32,
    objective: u32,
    flags: u32,
    parity: u32,
    counts_length: u32,
    schedule_rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> settings: array<u32>;
@group(0) @binding(4) var<storage, read_write> seed: array<f32>;
@group(0) @binding(5) var<storage, read_write> counts: array<atomic<u32>>;

// Where the first logit of the pixel at hand stands.
var<private> place: u32;

fn logit(c: u32) -> f32 {
    if CHANNELS == 1u {
        let z = logits[place];
        return select(-z, z, c == 1u);
    }
    return logits[place + c * params.logits.channel];
}

@compute @workgroup_size(WORKGROUP)
fn objective(
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

    var run = Run(0u, 0u, 0u);
    var losses = vec2(0.0);
    for (var j = 0u; j < PIXELS_PER_THREAD; j++) {
        let here = (group * PIXELS_PER_THREAD + j) * WORKGROUP + thread;
        if here >= pixels {
            break;
        }
        let y = here / params.extent.w;
        let x = here - y * params.extent.w;
        place = at(params.logits, sample, 0u, y, x);
        let label = labels[sample * pixels + here];
        let pixel = labelled_pixel(label, parameter);
        if has(WRITE_SEED) {
            for (var c = 0u; c < CHANNELS; c++) {
                seed[at(params.seed, sample, c, y, x)] = channel_seed(pixel, c);
            }
        }
        losses += vec2(pixel.loss, pixel.cross_entropy);
        // What is no class is "ignore".
        if has(COUNT) && label < CLASS_COUNT {
            run = continued(run, label, pixel.predicted);
        }
    }

    if has(COUNT) {
        count(run);
        end_counts(start, thread);
    }
    if has(LOSS) {
        write_losses(start, group, group * PIXELS_PER_THREAD * WORKGROUP < pixels, thread, losses);
    }
}
