// The gradient to the metric and to the point of the proximal step.
const WORKGROUP: u32 = 256u;
const ELEMENTS_PER_THREAD: u32 = 4u;

const REGION: u32 = 1u;

const LEAST_METRIC: f32 = 1e-8;
const MOST_GRADIENT: f32 = 1e18;

struct Params {
    extent: Extent,
    flags: u32,
    parity: u32,
    ledger_length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> source: array<f32>;
@group(0) @binding(3) var<storage, read> image: array<f32>;
@group(0) @binding(4) var<storage, read> region: array<u32>;
@group(0) @binding(5) var<storage, read_write> second_moment: array<f32>;
@group(0) @binding(6) var<storage, read_write> metric: array<f32>;
@group(0) @binding(7) var<storage, read_write> point: array<f32>;
@group(0) @binding(8) var<storage, read_write> ledger: array<u32>;

@compute @workgroup_size(WORKGROUP)
fn advance(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let sample = workgroup.z;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let now = state_word(sample, params.parity, 0u);
    let iteration = ledger[now + STATE_ITERATION];
    let correction = bitcast<f32>(ledger[now + STATE_SCHEDULE + 1u]);
    let step = bitcast<f32>(ledger[state_word(sample, 1u - params.parity, STATE_STEP)]);

    let pixels = params.extent.h * params.extent.w;
    let elements = params.extent.c * pixels;
    var exponent = 0u;
    for (var j = 0u; j < ELEMENTS_PER_THREAD; j++) {
        let element = (group * ELEMENTS_PER_THREAD + j) * WORKGROUP + thread;
        if element >= elements {
            break;
        }
        let place = sample * elements + element;
        let found = gradient[place];
        exponent = max(exponent, exponent_of(found));
        var slope = clamp(found, -MOST_GRADIENT, MOST_GRADIENT);
        if (FLAGS & REGION) != 0u && region[sample * pixels + element % pixels] == 0u {
            slope = 0.0;
        }
        var moment = 0.0;
        if iteration > 0u {
            moment = 0.8 * second_moment[place];
        }
        moment += 0.2 * (slope * slope);
        let factor = max(sqrt(moment / correction), LEAST_METRIC);
        second_moment[place] = moment;
        metric[place] = factor;
        point[place] = image[place] - source[place] - step / factor * slope;
    }
    if exponent == NOT_FINITE_EXPONENT {
        note_not_finite(sample);
    }
}
