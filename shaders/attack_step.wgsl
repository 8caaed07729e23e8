// The step of attacks with a budget, by shared/movement.wgsl: gradient, image, source, counts and losses to the best image, the
// moved one, and statistics. What every workgroup decides alike stands in shared/step_decision.wgsl.

const MEASURE: u32 = 1u;
const CANDIDATE: u32 = 2u;
const SIGN: u32 = 4u;
const UNIT: u32 = 8u;
const LARGEST: u32 = 16u;
const ADAM: u32 = 32u;
const WITHIN_LARGEST: u32 = 64u;
const WITHIN_LENGTH: u32 = 128u;
const MOMENTUM: u32 = 256u;
const UNCLIPPED: u32 = 512u;
const REGION: u32 = 1024u;
const TARGETED: u32 = 2048u;
const MINIMISE: u32 = 4096u;
const KEEP_LAST: u32 = 8192u;
const PUBLISHED: u32 = 16384u;
const TRACK_LOSS: u32 = 32768u;
const GOAL_OF_IOU: u32 = 65536u;
const PHASES: u32 = 131072u;

const MOVES: bool = (FLAGS & (MEASURE | CANDIDATE)) == 0u;

// Of Adam.
// What is kept of the means and what is added: 1 less a rounded number is not the other one.
const KEPT_GRADIENT: f32 = 0.9;
const ADDED_GRADIENT: f32 = 0.1;
const KEPT_SQUARE: f32 = 0.999;
const ADDED_SQUARE: f32 = 0.001;
const ADAM_EPSILON: f32 = 1e-8;

struct Params {
    extent: Extent,
    class_count: u32,
    flags: u32,
    parity: u32,
    counts_length: u32,
    schedule_rows: u32,
    ring_rows: u32,
    ledger_length: u32,
    pixels: u32,
    loss_sums: u32,
    loss_scale: f32,
    tracked: f32,
    gradient_scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> gradient: array<Values>;
@group(0) @binding(2) var<storage, read> source: array<Values>;
@group(0) @binding(3) var<storage, read> region: array<u32>;
@group(0) @binding(4) var<storage, read> settings: array<u32>;
@group(0) @binding(5) var<storage, read_write> adversarial: array<Values>;
@group(0) @binding(6) var<storage, read_write> memory: array<Values>;
@group(0) @binding(7) var<storage, read_write> counts: array<u32>;
@group(0) @binding(8) var<storage, read_write> ledger: array<u32>;

// Sections of the memory, an image each; the last is PHASE_BEST, if phases are kept.
const BEST: u32 = 0u;
const BEFORE: u32 = 1u;
const HIGHEST: u32 = 2u;
const HIGHEST_GRADIENT: u32 = 3u;
const MEAN_GRADIENT: u32 = 1u;
const MEAN_SQUARE: u32 = 2u;
const LARGEST_SQUARE: u32 = 3u;
const OFFSET: u32 = 1u;

fn section(number: u32, place: u32) -> u32 {
    let extent = params.extent;
    return number * (extent.n * extent.c * extent.h * extent.w / VALUES) + place;
}

// The image and the gradient that a step goes on from: those at hand, or those of the highest loss.
struct Base {
    image: Values,
    slope: Values,
}

fn base_of(place: u32, origin: Values, movable: Flags, decision: Decision) -> Base {
    var image = adversarial[place];
    var slope = gradient[place];
    if has(MOMENTUM) && decision.goes_back && !decision.improves {
        image = memory[section(HIGHEST, place)];
        slope = memory[section(HIGHEST_GRADIENT, place)];
    }
    if has(UNCLIPPED) {
        // What a clip holds at a bound has no gradient.
        let value = origin + memory[section(OFFSET, place)];
        slope = select(Values(), slope, (value > Values()) & (value < Values(1.0)));
    }
    return Base(image, select(Values(), slope, movable));
}

// What the image is moved by, for a step of length 1.
fn direction(place: u32, slope: Values, decision: Decision) -> Values {
    if has(SIGN) {
        return sign(slope);
    }
    if has(ADAM) {
        let scaled = slope * params.gradient_scale;
        let first = (decision.kind & ROW_FIRST) != 0u;
        let mean = select(memory[section(MEAN_GRADIENT, place)], Values(), Flags(first)) * KEPT_GRADIENT + scaled * ADDED_GRADIENT;
        let square = select(memory[section(MEAN_SQUARE, place)], Values(), Flags(first)) * KEPT_SQUARE
            + scaled * scaled * ADDED_SQUARE;
        let largest_square = max(select(memory[section(LARGEST_SQUARE, place)], Values(), Flags(first)), square);
        memory[section(MEAN_GRADIENT, place)] = mean;
        memory[section(MEAN_SQUARE, place)] = square;
        memory[section(LARGEST_SQUARE, place)] = largest_square;
        return mean / (sqrt(largest_square) * decision.correction + ADAM_EPSILON);
    }
    return slope * decision.unit;
}

// One step, within the budget.
fn stepped(place: u32, origin: Values, base: Base, decision: Decision) -> Values {
    let moved = base.image + decision.step * direction(place, base.slope, decision);
    if has(WITHIN_LARGEST) {
        return within_largest(moved, origin, decision.radius);
    }
    return within_length(moved, origin, decision.shrink);
}

// What momentum makes of it, without the budget.
fn carried(place: u32, origin: Values, base: Base, decision: Decision) -> Values {
    let aim = stepped(place, origin, base, decision);
    let before = memory[section(BEFORE, place)];
    return base.image + decision.momentum * (aim - base.image) + (1.0 - decision.momentum) * (base.image - before);
}

// Where the next phase begins.
fn started(place: u32, element: u32, origin: Values, best: Values, decision: Decision) -> Values {
    if (decision.kind & ROW_RANDOM) != 0u {
        let offset = decision.start * noise(decision.seed, elements_from(element));
        return clamp(origin + offset, Values(), Values(1.0));
    }
    if (decision.kind & ROW_FROM_BEST) != 0u {
        if has(WITHIN_LARGEST) {
            return within_largest(best, origin, decision.next_radius);
        }
        return within_length(best, origin, decision.start);
    }
    return origin;
}

fn moved(place: u32, element: u32, origin: Values, movable: Flags, before: Values, best: Values, decision: Decision) -> Values {
    if (decision.kind & ROW_END) != 0u {
        return before;
    }
    if (decision.kind & ROW_LAST) != 0u {
        return started(place, element, origin, best, decision);
    }
    let base = base_of(place, origin, movable, decision);
    if has(UNCLIPPED) {
        let offset = memory[section(OFFSET, place)] + decision.step * direction(place, base.slope, decision);
        memory[section(OFFSET, place)] = offset;
        return clamp(origin + offset, Values(), Values(1.0));
    }
    if !has(MOMENTUM) {
        return stepped(place, origin, base, decision);
    }
    let value = carried(place, origin, base, decision);
    memory[section(BEFORE, place)] = base.image;
    if has(WITHIN_LARGEST) {
        return within_largest(value, origin, decision.radius);
    }
    return within_length(value, origin, decision.shrink_carried);
}

// What is measured of a value: the squares of the direction, its product with the distance to the source, the square of that,
// and the largest of the direction. Of the last iteration of a phase, of the noise or of the best image.
struct Measured {
    squares: Values,
    product: Values,
    distances: Values,
    largest: Values,
}

fn measured(place: u32, element: u32, origin: Values, movable: Flags, decision: Decision) -> Measured {
    if (decision.kind & ROW_LAST) != 0u {
        let drawn = select(Values(), noise(decision.seed, elements_from(element)), movable);
        var best = adversarial[place];
        if has(PHASES) && !decision.new_phase_best {
            best = memory[section(PHASE_BEST, place)];
        }
        let distance = best - origin;
        return Measured(drawn * drawn, Values(), distance * distance, Values());
    }
    let base = base_of(place, origin, movable, decision);
    let distance = base.image - origin;
    return Measured(base.slope * base.slope, base.slope * distance, distance * distance, abs(base.slope));
}

@compute @workgroup_size(WORKGROUP)
fn step(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let sample = workgroup.z;
    let group = workgroup.y * workgroups.x + workgroup.x;
    let decision = decide(sample, thread);
    let runs = !decision.was_stopped && decision.stops == RUNNING;

    let pixels = params.extent.h * params.extent.w;
    let vectors = params.extent.c * pixels / VALUES;
    var squares = Values();
    var products = Values();
    var distances = Values();
    var largest_of = Values();
    var seen = Words();
    for (var j = 0u; j < ELEMENTS_PER_THREAD / VALUES; j++) {
        let vector = (group * (ELEMENTS_PER_THREAD / VALUES) + j) * WORKGROUP + thread;
        if vector >= vectors {
            break;
        }
        let place = sample * vectors + vector;
        let element = VALUES * vector;
        let origin = source[place];
        var movable = Flags(true);
        if has(REGION) {
            movable = may_change(sample * pixels + element % pixels);
        }
        if has(MEASURE) {
            let found = measured(place, element, origin, movable, decision);
            squares += found.squares;
            products += found.product;
            distances += found.distances;
            largest_of = max(largest_of, found.largest);
        } else if has(CANDIDATE) {
            let base = base_of(place, origin, movable, decision);
            let difference = select(Values(), carried(place, origin, base, decision) - origin, movable);
            squares += difference * difference;
        } else {
            let before = adversarial[place];
            if has(MOMENTUM) && !decision.was_stopped && decision.improves {
                memory[section(HIGHEST, place)] = before;
                memory[section(HIGHEST_GRADIENT, place)] = gradient[place];
            }
            if decision.new_best {
                memory[section(BEST, place)] = before;
            }
            var best = before;
            if has(PHASES) {
                if decision.new_phase_best {
                    memory[section(PHASE_BEST, place)] = before;
                } else if (decision.kind & ROW_FROM_BEST) != 0u {
                    best = memory[section(PHASE_BEST, place)];
                }
            }
            var after = before;
            if runs {
                after = moved(place, element, origin, movable, before, best, decision);
                // Looked at before the region holds anything back; the gradient where a step is taken by it.
                let slope = select(gradient[place], Values(), Flags((decision.kind & ROW_LAST) != 0u));
                seen = max(seen, max(exponents(slope), exponents(after)));
                after = select(before, after, movable);
                adversarial[place] = after;
            }
            let difference = after - origin;
            squares += difference * difference;
            largest_of = max(largest_of, abs(difference));
        }
    }
    if MOVES && runs && largest_word(seen) == NOT_FINITE_EXPONENT {
        note_not_finite(sample);
    }

    sums[thread] = vec2(total(squares), total(products));
    maxima[thread] = vec2(largest(largest_of), 0.0);
    reduce(thread);
    let first_sums = sums[0];
    let first_maximum = maxima[0].x;
    workgroupBarrier();
    if has(MEASURE) {
        sums[thread] = vec2(total(distances), 0.0);
        reduce(thread);
    }
    if thread == 0u && group < group_count() {
        if MOVES {
            let written = partial_sums_start(sample, 1u - params.parity) + 2u * group;
            ledger[written] = bitcast<u32>(first_sums.x);
            ledger[written + 1u] = bitcast<u32>(first_maximum);
        } else {
            let written = measures_start(sample) + MEASURES * group;
            if has(MEASURE) {
                ledger[written] = bitcast<u32>(first_sums.x);
                ledger[written + 1u] = bitcast<u32>(first_sums.y);
                ledger[written + 2u] = bitcast<u32>(sums[0].x);
                ledger[written + 3u] = bitcast<u32>(first_maximum);
            } else {
                ledger[written + 4u] = bitcast<u32>(first_sums.x);
            }
        }
    }
    if MOVES && group == 0u {
        settle(sample, thread, decision);
        let next_counts = counts_start(sample, 1u - params.parity);
        let state = state_start(sample, params.parity);
        let next_row = ledger[state + STATE_ITERATION] + select(1u, 0u, decision.was_stopped);
        for (var i = thread; i < params.counts_length; i += WORKGROUP) {
            counts[next_counts + i] = select(0u, next_row, i == 3u * CLASS_COUNT + 2u);
        }
    }
}
