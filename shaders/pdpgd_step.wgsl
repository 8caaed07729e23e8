// A step of Adam, which the rounds of the proximal step begin from.
const WORKGROUP: u32 = 256u;
const ELEMENTS_PER_THREAD: u32 = 16u;

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
@group(0) @binding(5) var<storage, read_write> moments: array<f32>;
@group(0) @binding(6) var<storage, read_write> metric: array<f32>;
@group(0) @binding(7) var<storage, read_write> anchor: array<f32>;
@group(0) @binding(8) var<storage, read_write> ledger: array<u32>;

// The largest number of the metric, and |anchor|.
var<workgroup> largest: array<vec2<f32>, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn step_of_adam(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let sample = workgroup.z;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let now = state_word(sample, params.parity, 0u);
    let iteration = ledger[now + STATE_ITERATION];
    let schedule = now + STATE_SCHEDULE;
    let rate = bitcast<f32>(ledger[sample * params.ledger_length + RATE]) * bitcast<f32>(ledger[schedule]);
    let corrected_rate = rate / bitcast<f32>(ledger[schedule + 1u]);
    let correction = bitcast<f32>(ledger[schedule + 2u]);

    let pixels = params.extent.h * params.extent.w;
    let elements = params.extent.c * pixels;
    var exponent = 0u;
    var most = vec2(0.0);
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
        let own = sample * 2u * elements + element;
        var first = 0.0;
        var second = 0.0;
        if iteration > 0u {
            first = 0.9 * moments[own];
            second = 0.999 * moments[own + elements];
        }
        first += 0.1 * slope;
        second += 0.001 * (slope * slope);
        moments[own] = first;
        moments[own + elements] = second;
        let factor = sqrt(second) / correction + LEAST_METRIC;
        metric[place] = factor;
        let origin = source[place];
        let stepped = image[place] - origin - corrected_rate * (first / factor);
        let moved = clamp(origin + stepped, 0.0, 1.0) - origin;
        anchor[place] = moved;
        most = max(most, vec2(factor, abs(moved)));
    }
    if exponent == NOT_FINITE_EXPONENT {
        note_not_finite(sample);
    }
    largest[thread] = most;
    workgroupBarrier();
    for (var distance = WORKGROUP / 2u; distance > 0u; distance /= 2u) {
        if thread < distance {
            largest[thread] = max(largest[thread], largest[thread + distance]);
        }
        workgroupBarrier();
    }
    if thread == 0u && group < distance_groups() {
        let distances = distances_start(sample, 1u - params.parity) + 2u * group;
        ledger[distances] = bitcast<u32>(largest[0].y);
        ledger[distances + 1u] = bitcast<u32>(largest[0].x);
    }
}
