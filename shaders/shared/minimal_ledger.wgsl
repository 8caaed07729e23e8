// Where state and rows of an attack for the smallest perturbation stand, as src/kernels/minimal_settle.rs has them. Stands
// before a shader that has `ledger`, the buffer of words, and `params` with an `extent`, a `parity` and a `ledger_length`.

const LEDGER_HEADER: u32 = 48u;
const NOT_FINITE: u32 = 6u;
const COUNTED: u32 = 9u;
const RATE: u32 = 10u;
const ITERATIONS: u32 = 11u;
const STATE: u32 = 16u;
const STATE_LENGTH: u32 = 16u;
const STATE_ITERATION: u32 = 0u;
const STATE_STOPPED: u32 = 1u;
const STATE_BEST_ADVERSARIAL: u32 = 2u;
const STATE_BEST_ITERATION: u32 = 3u;
const STATE_SCALE: u32 = 4u;
const STATE_STEP: u32 = 5u;
const STATE_BEST_DISTANCE: u32 = 6u;
const STATE_NEW_BEST: u32 = 7u;
const STATE_REACHED: u32 = 8u;
const STATE_RANK: u32 = 9u;
const STATE_METRIC: u32 = 10u;
const STATE_SLACK: u32 = 4u;
const STATE_SHARE: u32 = 9u;
const STATE_SCHEDULE: u32 = 12u;
const RUNNING: u32 = 0u;
const REACHED: u32 = 1u;
const ROW_LENGTH: u32 = 8u;

// The word `word` of the state of a parity.
fn state_word(sample: u32, parity: u32, word: u32) -> u32 {
    return sample * params.ledger_length + STATE + parity * STATE_LENGTH + word;
}

// Elements of an image that share partial sums.
const DISTANCE_GROUP: u32 = 4096u;

fn distance_groups() -> u32 {
    return (params.extent.c * params.extent.h * params.extent.w + DISTANCE_GROUP - 1u) / DISTANCE_GROUP;
}

// The partial sums of a parity: of the squares, and the largest distance, of each workgroup.
fn distances_start(sample: u32, parity: u32) -> u32 {
    return sample * params.ledger_length + LEDGER_HEADER + parity * 2u * distance_groups();
}

// Of a number that is infinite or none.
const NOT_FINITE_EXPONENT: u32 = 0x7f800000u;

// The exponent of a number, where its bits have it: a device may take for granted that no number is infinite or not a number,
// but not what bits are.
fn exponent_of(number: f32) -> u32 {
    return bitcast<u32>(number) & NOT_FINITE_EXPONENT;
}
