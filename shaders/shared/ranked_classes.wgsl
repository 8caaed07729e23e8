// The classes of a pixel by their logits. Stands before a shader that has `logits` and `params` with their view, their extent and
// a `class_count`, and CLASS_COUNT as a constant.

// A logit that is below all that a network gives.
const NO_LOGIT: f32 = -3.0e38;

// Logits further apart than this are as if they were so far apart.
const MOST_APART: f32 = 1e30;

// The four largest logits and their classes; of equal ones the first class stands first.
struct Ranked {
    logits: vec4<f32>,
    classes: vec4<u32>,
    // Of the label.
    wanted: f32,
}

// One channel z stands for the logits (−z, z).
fn class_logit(sample: u32, c: u32, y: u32, x: u32) -> f32 {
    if params.extent.c == 1u {
        let z = logits[at(params.logits, sample, 0u, y, x)];
        return select(-z, z, c == 1u);
    }
    return logits[at(params.logits, sample, c, y, x)];
}

fn ranked_classes(sample: u32, y: u32, x: u32, label: u32) -> Ranked {
    var largest = vec4(NO_LOGIT);
    var classes = vec4(0u);
    var wanted = 0.0;
    for (var c = 0u; c < CLASS_COUNT; c++) {
        let logit = class_logit(sample, c, y, x);
        if c == label {
            wanted = logit;
        }
        if logit > largest.x {
            largest = vec4(logit, largest.xyz);
            classes = vec4(c, classes.xyz);
        } else if logit > largest.y {
            largest = vec4(largest.x, logit, largest.yz);
            classes = vec4(classes.x, c, classes.yz);
        } else if logit > largest.z {
            largest = vec4(largest.xy, logit, largest.z);
            classes = vec4(classes.xy, c, classes.z);
        } else if logit > largest.w {
            largest.w = logit;
            classes.w = c;
        }
    }
    return Ranked(largest, classes, wanted);
}

// Which class other than the label has the largest logit, as a place among the ranked ones: the first or the second.
fn rival_place(ranked: Ranked, label: u32) -> u32 {
    return select(0u, 1u, ranked.classes.x == label);
}

// The label's logit less the largest other one.
fn margin(ranked: Ranked, label: u32) -> f32 {
    let rival = ranked.logits[rival_place(ranked, label)];
    return clamp(ranked.wanted - rival, -MOST_APART, MOST_APART);
}
