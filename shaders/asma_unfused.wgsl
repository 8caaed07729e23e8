// The ASMA step as a framework runs it: one launch per operator, each reading and writing whole tensors.
// Only for benches and tests, as what `objective.wgsl` and `asma_update.wgsl` are measured against.
//
// All tensors are flat and of floats, masks and label maps too. The launches of one iteration for two
// classes, in order; `X` source, `Xn` image, `Y` target labels, `M` predicted labels, p pixels of the
// output, e elements of the input. A reduction is two launches: up to 256 workgroups leave one partial
// result each, a single workgroup reduces those. 44 launches:
//
//   after the forward pass
//      1      argmax            logits -> M                            p
//      for each class c, its plane of the logits g_c:
//      2      equal_to_value    Y, c -> y_c                            p
//      3      equal_to_value    M, c -> m_c                            p
//      4      logical_not       m_c -> n_c                             p
//      5      multiply          g_c, y_c -> w                          p
//      6      multiply          w, n_c -> w'                           p
//      7, 8   reduce_sum        w' -> loss of c                        p
//      9      multiply          y_c, n_c -> plane c of the seed        p
//     10 - 17 the same for the second class
//     18      subtract          X, Xn -> d                             e
//     19      square            d -> d²                                e
//     20, 21  reduce_sum        d² -> L2 term of the loss              e
//   after the network's backward pass
//     22      scale             d, 2λ -> gradient of the L2 term       e
//     23      add               network's gradient, 22 -> G            e
//     24      scale             G, α -> P                              e
//     25      add               Xn, P -> X'                            e
//     26      multiply          M, Y -> intersection                   p
//     27      add               M, Y -> s                              p
//     28      minimum           s, 1 -> union                          p
//     29 - 32 reduce_sum        intersection, union -> IoU             p
//     33      equal             M, Y -> correct                        p
//     34, 35  reduce_sum        correct -> pixel accuracy              p
//     36      subtract          X, X' -> d'                            e
//     37      square            d' -> d'²                              e
//     38, 39  reduce_sum        d'² -> squared L2                      e
//     40      subtract          X, X' -> d''                           e
//     41      absolute          d'' -> |d''|                           e
//     42, 43  reduce_max        |d''| -> L∞                            e
//     44      clamp_to_unit     X' -> Xn                               e
//   The square root and α = β · IoU + τ are the host's, which waits for the sums.

const WORKGROUP: u32 = 256u;

struct Params {
    // Elements of the output; of a reduction, of the input.
    length: u32,
    // Planes of `length` elements that argmax chooses from.
    channels: u32,
    // First element of each operand: a plane of the logits, of the seed.
    left_offset: u32,
    output_offset: u32,
    // The operator's number, where it takes one.
    value: f32,
}

// Every entry point has these bindings; those of one operand do not look at `right`.
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> left: array<f32>;
@group(0) @binding(2) var<storage, read> right: array<f32>;
@group(0) @binding(3) var<storage, read_write> output: array<f32>;

var<workgroup> partial_results: array<f32, WORKGROUP>;

struct Thread {
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
}

// The element of a thread, where workgroups are folded over the first two dimensions of the dispatch.
fn element(thread: Thread) -> u32 {
    return (thread.workgroup.y * thread.workgroups.x + thread.workgroup.x) * WORKGROUP + thread.index;
}

fn left_at(i: u32) -> f32 {
    return left[params.left_offset + i];
}

@compute @workgroup_size(WORKGROUP)
fn argmax(thread: Thread) {
    let i = element(thread);
    if i >= params.length {
        return;
    }
    var largest = left_at(i);
    var predicted = 0u;
    for (var c = 1u; c < params.channels; c++) {
        let logit = left_at(c * params.length + i);
        if logit > largest {
            largest = logit;
            predicted = c;
        }
    }
    output[params.output_offset + i] = f32(predicted);
}

@compute @workgroup_size(WORKGROUP)
fn equal_to_value(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = select(0.0, 1.0, left_at(i) == params.value);
    }
}

@compute @workgroup_size(WORKGROUP)
fn equal(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = select(0.0, 1.0, left_at(i) == right[i]);
    }
}

@compute @workgroup_size(WORKGROUP)
fn logical_not(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = select(0.0, 1.0, left_at(i) == 0.0);
    }
}

@compute @workgroup_size(WORKGROUP)
fn multiply(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = left_at(i) * right[i];
    }
}

@compute @workgroup_size(WORKGROUP)
fn add(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = left_at(i) + right[i];
    }
}

@compute @workgroup_size(WORKGROUP)
fn subtract(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = left_at(i) - right[i];
    }
}

@compute @workgroup_size(WORKGROUP)
fn square(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = left_at(i) * left_at(i);
    }
}

@compute @workgroup_size(WORKGROUP)
fn absolute(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = abs(left_at(i));
    }
}

@compute @workgroup_size(WORKGROUP)
fn scale(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = left_at(i) * params.value;
    }
}

@compute @workgroup_size(WORKGROUP)
fn minimum(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = min(left_at(i), params.value);
    }
}

@compute @workgroup_size(WORKGROUP)
fn clamp_to_unit(thread: Thread) {
    let i = element(thread);
    if i < params.length {
        output[params.output_offset + i] = clamp(left_at(i), 0.0, 1.0);
    }
}

@compute @workgroup_size(WORKGROUP)
fn reduce_sum(thread: Thread) {
    var result = 0.0;
    for (var i = element(thread); i < params.length; i += WORKGROUP * thread.workgroups.x) {
        result += left_at(i);
    }
    partial_results[thread.index] = result;
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        if thread.index < half {
            partial_results[thread.index] += partial_results[thread.index + half];
        }
        workgroupBarrier();
    }
    if thread.index == 0u {
        output[params.output_offset + thread.workgroup.x] = partial_results[0];
    }
}

// Of values that are not negative.
@compute @workgroup_size(WORKGROUP)
fn reduce_max(thread: Thread) {
    var result = 0.0;
    for (var i = element(thread); i < params.length; i += WORKGROUP * thread.workgroups.x) {
        result = max(result, left_at(i));
    }
    partial_results[thread.index] = result;
    workgroupBarrier();
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        if thread.index < half {
            let other = partial_results[thread.index + half];
            partial_results[thread.index] = max(partial_results[thread.index], other);
        }
        workgroupBarrier();
    }
    if thread.index == 0u {
        output[params.output_offset + thread.workgroup.x] = partial_results[0];
    }
}
