// Constraints to penalties: the multipliers of each pixel, the gradient of the logits, the loss.
const WORKGROUP: u32 = 256u;
const PIXELS_PER_THREAD: u32 = 4u;

const TARGETED: u32 = 1u;
const PUBLISHED: u32 = 2u;

const SCALE_AT_SUCCESS: f32 = 1.02;
const SCALE_ELSE: f32 = 0.98;
const LEAST_SCALE: f32 = 0.1;
const MOST_SCALE: f32 = 1.0;
const SPARED: u32 = 100u;

const CHECK_EVERY: u32 = 10u;
const IMPROVEMENT: f32 = 0.95;
const LEAST_MULTIPLIER: f32 = 1e-12;
const MOST_MULTIPLIER: f32 = 1.0;
const FIRST_PARAMETER: f32 = 0.01;
const MOST_PARAMETER: f32 = 1e13;
const MOST_SLOPE: f32 = 1e20;
const MOST_LOSS: f32 = 1e30;

const SUMS_OF_SEEDS: u32 = 2u;

struct Params {
    logits: View,
    seed: View,
    extent: Extent,
    class_count: u32,
    flags: u32,
    parity: u32,
    ledger_length: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> counts: array<u32>;
@group(0) @binding(4) var<storage, read> selection: array<u32>;
@group(0) @binding(5) var<storage, read> ledger: array<u32>;
@group(0) @binding(6) var<storage, read_write> seed: array<f32>;
@group(0) @binding(7) var<storage, read_write> multipliers: array<f32>;
@group(0) @binding(8) var<storage, read_write> sums: array<f32>;

var<workgroup> losses: array<f32, WORKGROUP>;

fn selection_word(index: u32) -> u32 {
    return selection[index];
}

// The derivative of the penalty of a constraint; with PUBLISHED what is published as that.
fn slope(constraint: f32, multiplier: f32, parameter: f32) -> f32 {
    if constraint >= 0.0 {
        let reach = min(parameter * constraint, 1e18);
        var first = multiplier;
        if (FLAGS & PUBLISHED) != 0u {
            first = multiplier * constraint;
        }
        return min(first + 2.0 * multiplier * reach + 0.5 * reach * reach, MOST_SLOPE);
    }
    let share = 1.0 / (1.0 - max(parameter, 1.0) * max(constraint, -1e18));
    return multiplier * share * share;
}

fn penalty(constraint: f32, multiplier: f32, parameter: f32) -> f32 {
    if constraint >= 0.0 {
        let reach = min(parameter * constraint, 1e15);
        return min(constraint * (multiplier + multiplier * reach + reach * reach / 6.0), MOST_LOSS);
    }
    return multiplier * (constraint / (1.0 - max(parameter, 1.0) * max(constraint, -1e18)));
}

// The scale of the constraints after the success or failure of the image at hand.
fn scale(sample: u32) -> f32 {
    let length = 3u * CLASS_COUNT + 2u;
    let totals = (sample * 2u + params.parity) * length + 3u * CLASS_COUNT;
    let correct = counts[totals];
    let all = counts[totals + 1u];
    let missing = select(correct, all - correct, is_targeted());
    let before = bitcast<f32>(ledger[state_word(sample, params.parity, STATE_SCALE)]);
    let divisor = select(SCALE_ELSE, SCALE_AT_SUCCESS, missing <= all / SPARED);
    return clamp(before / divisor, LEAST_SCALE, MOST_SCALE);
}

fn write_seed(sample: u32, y: u32, x: u32, label: u32, ranked: Ranked, slope_of_ratio: f32) {
    let sign = select(1.0, -1.0, is_targeted());
    let by = spread(ranked);
    let a = sign * slope_of_ratio / by;
    if params.extent.c == 1u {
        seed[at(params.seed, sample, 0u, y, x)] = select(-2.0 * a, 2.0 * a, label == 1u);
        return;
    }
    var b = 0.0;
    if has_spread() {
        b = a * ((margin(ranked, label) + LOGIT_TOLERANCE) / by);
    }
    let rival = ranked.classes[rival_place(ranked, label)];
    for (var c = 0u; c < CLASS_COUNT; c++) {
        var value = select(0.0, a, c == label) - select(0.0, a, c == rival);
        if has_spread() {
            value -= select(0.0, b, c == ranked.classes.x);
            if is_targeted() {
                value += 0.5 * (select(0.0, b, c == ranked.classes.z) + select(0.0, b, c == ranked.classes.w));
            } else {
                value += select(0.0, b, c == ranked.classes.z);
            }
        }
        seed[at(params.seed, sample, c, y, x)] = value;
    }
}

@compute @workgroup_size(WORKGROUP)
fn penalise(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pixels = params.extent.h * params.extent.w;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let sample = workgroup.z;
    let bound = selected(sample, thread);
    let weight = scale(sample);
    let iteration = ledger[state_word(sample, params.parity, STATE_ITERATION)];
    let checks = iteration > 0u && (iteration + 1u) % CHECK_EVERY == 0u;

    var loss = 0.0;
    for (var j = 0u; j < PIXELS_PER_THREAD; j++) {
        let pixel = (group * PIXELS_PER_THREAD + j) * WORKGROUP + thread;
        if pixel >= pixels {
            break;
        }
        let y = pixel / params.extent.w;
        let x = pixel - y * params.extent.w;
        let label = labels[sample * pixels + pixel];
        if label >= CLASS_COUNT {
            for (var c = 0u; c < params.extent.c; c++) {
                seed[at(params.seed, sample, c, y, x)] = 0.0;
            }
            continue;
        }
        let ranked = ranked_classes(sample, y, x, label);
        let ratio = logit_ratio(ranked, label);
        let constraint = weight * ratio;
        let keep = ratio <= bound;
        let adversarial = (ranked.classes.x == label) == is_targeted();

        let place = sample * 4u * pixels + pixel;
        var multiplier = 1.0;
        var parameter = FIRST_PARAMETER;
        var last = constraint;
        var seen = adversarial;
        if iteration > 0u {
            multiplier = multipliers[place];
            parameter = multipliers[place + pixels];
            last = multipliers[place + 2u * pixels];
            seen = seen || multipliers[place + 3u * pixels] > 0.0;
        }
        if checks {
            let improved = select(0.0, constraint, keep) <= IMPROVEMENT * last;
            if !seen && !improved {
                parameter = min(2.0 * parameter, MOST_PARAMETER);
            }
            last = constraint;
            seen = false;
        }
        if iteration > 0u {
            let aim = select(0.0, slope(constraint, multiplier, parameter), keep);
            multiplier = clamp(0.8 * multiplier + 0.2 * aim, LEAST_MULTIPLIER, MOST_MULTIPLIER);
        }
        multipliers[place] = multiplier;
        multipliers[place + pixels] = parameter;
        multipliers[place + 2u * pixels] = last;
        multipliers[place + 3u * pixels] = select(0.0, 1.0, seen);

        loss += select(0.0, penalty(constraint, multiplier, parameter), keep);
        let slope_of_ratio = select(0.0, weight * slope(constraint, multiplier, parameter), keep);
        write_seed(sample, y, x, label, ranked, slope_of_ratio);
    }

    losses[thread] = loss;
    workgroupBarrier();
    for (var distance = WORKGROUP / 2u; distance > 0u; distance /= 2u) {
        if thread < distance {
            losses[thread] += losses[thread + distance];
        }
        workgroupBarrier();
    }
    let groups = (pixels + WORKGROUP * PIXELS_PER_THREAD - 1u) / (WORKGROUP * PIXELS_PER_THREAD);
    if thread == 0u && group < groups {
        sums[((2u * sample + params.parity) * groups + group) * SUMS_OF_SEEDS] = losses[0];
    }
}
