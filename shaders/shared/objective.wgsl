// What an attack raises at a pixel, from the logits there: the seed of the gradient, the loss, and the counts. Stands
// before a kernel that has `logit(c)`, the logit of a class of the pixel at hand, the buffers `settings` and `counts`, and
// the sizes in `params`; OBJECTIVE and CHANNELS, the channels of the logits, are constants. With one channel z there are two
// classes of the logits −z and z.

const WRITE_SEED: u32 = 1u;
const COUNT: u32 = 2u;
const ADAPTIVE: u32 = 4u;
const TARGETED: u32 = 8u;
const LOSS: u32 = 16u;

const LOGIT: u32 = 0u;
const MARGIN: u32 = 1u;
const CROSS_ENTROPY: u32 = 2u;
const SEG_PGD: u32 = 3u;
const COS_PGD: u32 = 4u;
const MASKED_CROSS_ENTROPY: u32 = 5u;
const WEIGHTED_CROSS_ENTROPY: u32 = 6u;
const JENSEN_SHANNON: u32 = 7u;
const TSALLIS: u32 = 8u;
const COSINE: u32 = 9u;
const DIFFERENCE: u32 = 10u;
const RATIO: u32 = 11u;
const DENSE: u32 = 12u;

// Objectives of probabilities, whose seed is a factor times (p_k − [k = label]).
const OF_PROBABILITIES: bool = OBJECTIVE >= CROSS_ENTROPY && OBJECTIVE <= TSALLIS;
// Those that need the largest logit beside the label's.
const OF_MARGIN: bool = OBJECTIVE == MARGIN || OBJECTIVE >= DIFFERENCE;

// The logits of a pixel by rank, the first of equals first: largest and third, and as many below.
struct Ranks {
    classes: vec4<u32>,
    logits: vec4<f32>,
}

// The seed of a class is what the terms of the classes named add up to; of probabilities, `factor` times p_k too.
struct Pixel {
    predicted: u32,
    // None of the classes where there is nothing to raise.
    label: u32,
    label_term: f32,
    rival: u32,
    rival_term: f32,
    ranked: vec4<u32>,
    ranked_terms: vec4<f32>,
    // With `largest`: `factor` exp(logit − largest) is the term of every class but the label.
    largest: f32,
    factor: f32,
    // Times the logit is the term of every class.
    slope: f32,
    loss: f32,
    cross_entropy: f32,
}

const LEAST: f32 = -3.4e38;

// Logits further apart than this are as if they were so far apart, and longer ones as if they were so long.
const MOST_APART: f32 = 1e30;

// Logits whose length is below this are as if it were that.
const LEAST_NORM: f32 = 1e-18;

// The class with the largest logit, the first one of equals.
fn predicted_class() -> u32 {
    var largest = logit(0u);
    var predicted = 0u;
    for (var c = 1u; c < CLASS_COUNT; c++) {
        let value = logit(c);
        if value > largest {
            largest = value;
            predicted = c;
        }
    }
    return predicted;
}

// The class other than the label with the largest logit, the first one of equals.
fn rival_class(label: u32) -> u32 {
    var rival = select(0u, 1u, label == 0u);
    var largest = logit(rival);
    for (var c = rival + 1u; c < CLASS_COUNT; c++) {
        let value = logit(c);
        if c != label && value > largest {
            largest = value;
            rival = c;
        }
    }
    return rival;
}

// The four largest logits; where there are fewer classes the last ones are CLASS_COUNT with LEAST.
fn ranks() -> Ranks {
    var result = Ranks(vec4(CLASS_COUNT), vec4(LEAST));
    for (var c = 0u; c < CLASS_COUNT; c++) {
        var class_here = c;
        var value = logit(c);
        for (var rank = 0u; rank < 4u; rank++) {
            if value > result.logits[rank] || result.classes[rank] == CLASS_COUNT {
                let moved_class = result.classes[rank];
                let moved_value = result.logits[rank];
                result.classes[rank] = class_here;
                result.logits[rank] = value;
                class_here = moved_class;
                value = moved_value;
                if class_here == CLASS_COUNT {
                    break;
                }
            }
        }
    }
    return result;
}

// Objectives of probabilities: from ln p of the label, so that nothing is lost where p rounds to 0 or 1.
fn of_probabilities(pixel: ptr<function, Pixel>, label: u32, parameter: f32, weight: f32) {
    let largest = logit((*pixel).predicted);
    let own = exp(logit(label) - largest);
    var others = 0.0;
    var squares = own * own;
    for (var c = 0u; c < CLASS_COUNT; c++) {
        if c != label {
            let power = exp(logit(c) - largest);
            others += power;
            squares += power * power;
        }
    }
    let all = own + others;
    let logarithm = max(logit(label) - largest, -MOST_APART) - log(all);
    let probability = own / all;
    let agrees = (*pixel).predicted == label;
    let meant = agrees != has(TARGETED);
    var factor = 1.0;
    switch OBJECTIVE {
        case SEG_PGD: { factor = select(parameter, 1.0 - parameter, meant); }
        case COS_PGD: {
            let cosine = own / sqrt(squares);
            factor = select(cosine, 1.0 - cosine, has(TARGETED));
        }
        case MASKED_CROSS_ENTROPY: { factor = select(0.0, 1.0, meant); }
        case WEIGHTED_CROSS_ENTROPY: { factor = select(0.0, weight, meant); }
        case JENSEN_SHANNON: { factor = 0.5 * probability * (log(1.0 + probability) - logarithm); }
        case TSALLIS: { factor = exp((1.0 - parameter) * logarithm); }
        default: {}
    }
    (*pixel).cross_entropy = -logarithm;
    (*pixel).loss = factor * -logarithm;
    if OBJECTIVE == JENSEN_SHANNON {
        (*pixel).loss = 0.6931472 + 0.5 * (probability * logarithm - (1.0 + probability) * log(1.0 + probability));
    }
    if OBJECTIVE == TSALLIS && parameter != 1.0 {
        (*pixel).loss = (1.0 - factor) / (1.0 - parameter);
    }
    let raised = select(factor, -factor, has(TARGETED));
    (*pixel).largest = largest;
    (*pixel).factor = raised / all;
    (*pixel).label_term = -raised * (others / all);
}

// The cosine of the logits with the label's axis, taken off 1.
fn of_cosine(pixel: ptr<function, Pixel>, label: u32) {
    var size = 0.0;
    for (var c = 0u; c < CLASS_COUNT; c++) {
        size = max(size, abs(logit(c)));
    }
    let sign = select(1.0, -1.0, has(TARGETED));
    (*pixel).loss = 1.0;
    if size > 0.0 {
        // In units of the largest, so that no square leaves the range.
        var squares = 0.0;
        for (var c = 0u; c < CLASS_COUNT; c++) {
            let share = logit(c) / size;
            squares += share * share;
        }
        let own = logit(label) / size / sqrt(squares);
        let norm = clamp(size * sqrt(squares), LEAST_NORM, MOST_APART);
        (*pixel).loss = 1.0 - own;
        (*pixel).label_term = -sign / norm;
        (*pixel).slope = sign * own / norm / norm;
    }
}

// Differences of the label's logit to the largest other one, by themselves or in units of how far the logits lie apart.
fn of_difference(pixel: ptr<function, Pixel>, label: u32) {
    let rival = rival_class(label);
    let difference = clamp(logit(label) - logit(rival), -MOST_APART, MOST_APART);
    let sign = select(-1.0, 1.0, has(TARGETED));
    (*pixel).rival = rival;
    var term = sign;
    (*pixel).loss = difference;
    if OBJECTIVE == RATIO {
        let ranked = ranks();
        let z = ranked.logits;
        let distance = min(z.x - select(z.z, 0.5 * (z.z + z.w), has(TARGETED)), MOST_APART) + 1e-8;
        let ratio = clamp(difference / distance, -MOST_APART, MOST_APART);
        term = sign / distance;
        (*pixel).loss = ratio;
        (*pixel).ranked = ranked.classes;
        let lower = select(vec2(1.0, 0.0), vec2(0.5, 0.5), has(TARGETED));
        (*pixel).ranked_terms = clamp(term * ratio, -MOST_APART, MOST_APART) * vec4(-1.0, 0.0, lower);
    }
    if OBJECTIVE == DENSE {
        let short = select(difference, -difference, has(TARGETED));
        (*pixel).loss = max(short, 0.0);
        term = select(0.0, sign, short > 0.0);
    }
    (*pixel).label_term = term;
    (*pixel).rival_term = -term;
}

// What there is to raise at the pixel at hand. `parameter` is the objective's of this iteration, `bits` and `weight` are the
// label's.
fn pixel_of(label: u32, bits: u32, weight: f32, parameter: f32) -> Pixel {
    var pixel: Pixel;
    pixel.predicted = predicted_class();
    pixel.label = label;
    pixel.rival = CLASS_COUNT;
    pixel.ranked = vec4(CLASS_COUNT);
    let left_out = label >= CLASS_COUNT || (bits & CLASS_ATTACKED) == 0u;
    let unasked = !has(WRITE_SEED) && !has(LOSS);
    if left_out || unasked || (has(ADAPTIVE) && pixel.predicted == label) {
        pixel.label = CLASS_COUNT;
        return pixel;
    }
    if OF_PROBABILITIES {
        of_probabilities(&pixel, label, parameter, weight);
    } else if OBJECTIVE == COSINE {
        of_cosine(&pixel, label);
    } else if OBJECTIVE >= DIFFERENCE {
        of_difference(&pixel, label);
    } else {
        pixel.label_term = 1.0;
        if OBJECTIVE == MARGIN {
            pixel.rival = rival_class(label);
            pixel.rival_term = -1.0;
        }
    }
    return pixel;
}

// dJ/dlogit of a class.
fn class_seed(pixel: Pixel, c: u32) -> f32 {
    if pixel.label == CLASS_COUNT {
        return 0.0;
    }
    var seed = select(0.0, pixel.label_term, c == pixel.label);
    if OF_PROBABILITIES && c != pixel.label {
        seed = pixel.factor * exp(logit(c) - pixel.largest);
    }
    if OBJECTIVE == COSINE {
        seed += pixel.slope * logit(c);
    }
    if OF_MARGIN {
        seed += select(0.0, pixel.rival_term, c == pixel.rival);
    }
    if OBJECTIVE == RATIO {
        let here = select(vec4(0.0), pixel.ranked_terms, vec4(c) == pixel.ranked);
        seed += here.x + (here.z + here.w);
    }
    return seed;
}

// dJ/dlogit of a channel: what rises with the logit z falls with −z.
fn channel_seed(pixel: Pixel, c: u32) -> f32 {
    if CHANNELS == 1u {
        return class_seed(pixel, 1u) - class_seed(pixel, 0u);
    }
    return class_seed(pixel, c);
}

var<workgroup> workgroup_losses: array<vec2<f32>, WORKGROUP>;

// Threads that take the first step of a reduction over a workgroup.
const LOSSES_REDUCED: u32 = 16u;

// Sums the losses of the workgroup's threads, in an order that never changes, to index 0.
fn reduce_losses(thread: u32, losses: vec2<f32>) {
    workgroup_losses[thread] = losses;
    workgroupBarrier();
    if thread < LOSSES_REDUCED {
        var sum = vec2(0.0);
        for (var i = thread; i < WORKGROUP; i += LOSSES_REDUCED) {
            sum += workgroup_losses[i];
        }
        workgroup_losses[thread] = sum;
    }
    workgroupBarrier();
    if thread == 0u {
        var sum = vec2(0.0);
        for (var i = 0u; i < LOSSES_REDUCED; i++) {
            sum += workgroup_losses[i];
        }
        workgroup_losses[0] = sum;
    }
    workgroupBarrier();
}

// What the objective takes in this iteration: of the schedule's row that the counts from `start` on name.
fn objective_parameter(start: u32) -> f32 {
    if params.schedule_rows == 0u {
        return 0.0;
    }
    let row = min(atomicLoad(&counts[start + COUNT_LENGTH]), params.schedule_rows - 1u);
    return bitcast<f32>(settings[2u * CLASS_COUNT + SCHEDULE_LENGTH * row + SCHEDULE_PARAMETER]);
}

// What there is to raise at the pixel at hand, with what the settings say of its label.
fn labelled_pixel(label: u32, parameter: f32) -> Pixel {
    let known = min(label, CLASS_COUNT - 1u);
    var weight = 1.0;
    if OBJECTIVE == WEIGHTED_CROSS_ENTROPY {
        weight = bitcast<f32>(settings[CLASS_COUNT + known]);
    }
    return pixel_of(label, settings[known], weight, parameter);
}

// Writes the sums of the workgroup's losses behind the counts from `start` on; a workgroup without pixels writes none.
fn write_losses(start: u32, group: u32, has_pixels: bool, thread: u32, losses: vec2<f32>) {
    reduce_losses(thread, losses);
    if thread < 2u && has_pixels {
        atomicStore(&counts[start + COUNT_LENGTH + 1u + 2u * group + thread], bitcast<u32>(workgroup_losses[0][thread]));
    }
}
