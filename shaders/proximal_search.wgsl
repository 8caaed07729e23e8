// One pass of the search: f at the thresholds, each workgroup of its elements.
const WORKGROUP: u32 = 256u;

const BOX: u32 = 1u;
const METRIC: u32 = 2u;

// Elements that stand in workgroup memory at a time.
const TILE: u32 = 1024u;

struct Params {
    extent: Extent,
    flags: u32,
    number: u32,
    weight_offset: u32,
    weight_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> point: array<f32>;
@group(0) @binding(2) var<storage, read> metric: array<f32>;
@group(0) @binding(3) var<storage, read> source: array<f32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> search: array<u32>;

// Of each element |u|, |v| and the metric.
var<workgroup> reaches: array<f32, TILE>;
var<workgroup> distances: array<f32, TILE>;
var<workgroup> factors: array<f32, TILE>;

fn image_elements() -> u32 {
    return params.extent.c * params.extent.h * params.extent.w;
}

fn load(sample: u32, first: u32, thread: u32) {
    let elements = image_elements();
    for (var i = thread; i < TILE; i += WORKGROUP) {
        let element = first + i;
        if element >= elements {
            break;
        }
        let place = sample * elements + element;
        let value = point[place];
        var reach = abs(value);
        if (FLAGS & BOX) != 0u {
            let origin = source[place];
            reach = abs(clamp(value, -origin, 1.0 - origin));
        }
        reaches[i] = reach;
        distances[i] = abs(value);
        if (FLAGS & METRIC) != 0u {
            factors[i] = metric[place];
        } else {
            factors[i] = 1.0;
        }
    }
}

@compute @workgroup_size(WORKGROUP)
fn search_pass(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let sample = workgroup.z;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let start = search_start(sample);
    let weight = weights[params.weight_offset + sample * params.weight_stride];
    var floats = 0u;
    if NUMBER > 0u {
        let last = NUMBER - 1u;
        let before = select(0u, search[start + max(last, 1u) - 1u], last > 0u);
        floats = narrowed(sample, thread, last, before, weight);
        if group == 0u && thread == 0u {
            search[start + last] = floats;
        }
    }

    // A threshold to a thread, and to the other half of the threads once more, for the other half of the elements.
    let own = select(0.0, threshold(floats + ((thread % THRESHOLDS) << spacing(NUMBER))), floats != NONE);
    let part = thread / THRESHOLDS;
    let elements = image_elements();
    var sum = 0.0;
    for (var tile = 0u; tile < SEARCH_GROUP / TILE; tile++) {
        let first = group * SEARCH_GROUP + tile * TILE;
        load(sample, first, thread);
        workgroupBarrier();
        let count = select(0u, min(TILE, elements - first), first < elements);
        var of_tile = 0.0;
        for (var i = part; i < count; i += 256u / THRESHOLDS) {
            of_tile += select(0.0, factors[i] * (distances[i] - own), reaches[i] > own);
        }
        sum += of_tile;
        workgroupBarrier();
    }
    search_sums[thread] = sum;
    workgroupBarrier();
    if thread < THRESHOLDS && group < search_groups() {
        let total = select(search_sums[thread] + search_sums[THRESHOLDS + thread], 0.0, floats == NONE);
        search[search_half(sample, NUMBER) + group * THRESHOLDS + thread] = bitcast<u32>(total);
    }
}
