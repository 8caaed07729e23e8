// The constraint of ALMA-prox at a pixel, before it is scaled. Stands behind shared/ranked_classes.wgsl, before a shader with
// TARGETED, a flag, and FLAGS as a constant.

const LOGIT_TOLERANCE: f32 = 1e-4;
const LEAST_SPREAD: f32 = 1e-8;

fn is_targeted() -> bool {
    return (FLAGS & TARGETED) != 0u;
}

// Whether there are classes enough for differences of logits to be held against a spread of logits.
fn has_spread() -> bool {
    return CLASS_COUNT >= select(3u, 4u, is_targeted());
}

fn spread(ranked: Ranked) -> f32 {
    if !has_spread() {
        return 1.0;
    }
    var low = ranked.logits.z;
    if is_targeted() {
        low = 0.5 * (ranked.logits.z + ranked.logits.w);
    }
    return min(ranked.logits.x - low, MOST_APART) + LEAST_SPREAD;
}

// Below 0 where the pixel is as the attack wants it.
fn logit_ratio(ranked: Ranked, label: u32) -> f32 {
    let sign = select(1.0, -1.0, is_targeted());
    return sign * ((margin(ranked, label) + LOGIT_TOLERANCE) / spread(ranked));
}
