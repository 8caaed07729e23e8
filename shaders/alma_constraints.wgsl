// Logits and labels to the constraint of each pixel and the counts.
const WORKGROUP: u32 = 256u;
const PIXELS_PER_THREAD: u32 = 16u;

const TARGETED: u32 = 1u;

struct Params {
    logits: View,
    extent: Extent,
    class_count: u32,
    flags: u32,
    parity: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read_write> ratios: array<f32>;
@group(0) @binding(4) var<storage, read_write> counts: array<atomic<u32>>;

@compute @workgroup_size(WORKGROUP)
fn constrain(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixels = params.extent.h * params.extent.w;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let sample = workgroup.z;
    begin_counts(thread);
    workgroupBarrier();

    var run = Run(0u, 0u, 0u);
    for (var j = 0u; j < PIXELS_PER_THREAD; j++) {
        let pixel = (group * PIXELS_PER_THREAD + j) * WORKGROUP + thread;
        if pixel >= pixels {
            break;
        }
        let place = sample * pixels + pixel;
        let label = labels[place];
        var ratio = 0.0;
        // What is no class is left out.
        if label < CLASS_COUNT {
            let y = pixel / params.extent.w;
            let ranked = ranked_classes(sample, y, pixel - y * params.extent.w, label);
            ratio = logit_ratio(ranked, label);
            run = continued(run, label, ranked.classes.x);
        }
        ratios[place] = ratio;
    }
    count(run);
    end_counts((sample * 2u + params.parity) * COUNT_LENGTH, thread);
}
