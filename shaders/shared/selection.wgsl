// Where a selection stands: shared by the kernel that narrows it down and those that ask what was selected. Stands before a
// shader with workgroups of 256 threads that has `selection_word`, which gives a word of the buffer.

// As src/kernels/select.rs has them.
const SELECTION_BINS: u32 = 2048u;
const SELECTION_LENGTH: u32 = 6148u;
const SELECTION_STATE: u32 = 6144u;

const SELECTION_THREADS: u32 = 256u;
const BINS_PER_THREAD: u32 = 8u;

// The keys that are still looked at begin with these digits; the one wanted is the so-manieth largest of them, 0 if none
// is wanted.
struct Narrowed {
    prefix: u32,
    rank: u32,
}

var<workgroup> selection_sums: array<u32, SELECTION_THREADS>;

// How far the last digit of a pass is shifted.
fn digit_shift(number: u32) -> u32 {
    return select(select(0u, 10u, number == 1u), 21u, number == 0u);
}

// Unsigned numbers in the order of floats; 0 and −0 are one.
fn key_of(value: f32) -> u32 {
    let bits = bitcast<u32>(select(value, 0.0, value == 0.0));
    return select(~bits, bits | 0x80000000u, bits < 0x80000000u);
}

fn value_of(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}

// What is left after pass `number`, whose histogram is complete. All threads of a workgroup do this alike.
fn narrowed(sample: u32, thread: u32, number: u32, before: Narrowed) -> Narrowed {
    let histogram = sample * SELECTION_LENGTH + number * SELECTION_BINS;
    // Of the largest digits first.
    let end = histogram + SELECTION_BINS - BINS_PER_THREAD * thread;
    var sum = 0u;
    for (var i = 1u; i <= BINS_PER_THREAD; i++) {
        sum += selection_word(end - i);
    }
    selection_sums[thread] = sum;
    workgroupBarrier();
    var total = 0u;
    for (var i = 0u; i < SELECTION_THREADS; i++) {
        total += selection_sums[i];
    }
    var rank = min(before.rank, total);
    var slice = 0u;
    while slice < SELECTION_THREADS - 1u && selection_sums[slice] < rank {
        rank -= selection_sums[slice];
        slice++;
    }
    workgroupBarrier();
    var digit = SELECTION_BINS - 1u - BINS_PER_THREAD * slice;
    for (var i = 1u; i < BINS_PER_THREAD; i++) {
        let count = selection_word(histogram + digit);
        if count >= rank {
            break;
        }
        rank -= count;
        digit--;
    }
    let bits = select(11u, 10u, number == 2u);
    return Narrowed((before.prefix << bits) | digit, rank);
}

// What was selected once all passes are done; the largest float if nothing was. All threads of a workgroup do this alike.
fn selected(sample: u32, thread: u32) -> f32 {
    let state = sample * SELECTION_LENGTH + SELECTION_STATE + 2u;
    let before = Narrowed(selection_word(state), selection_word(state + 1u));
    let last = narrowed(sample, thread, 2u, before);
    return select(value_of(last.prefix), 3.4028234e38, last.rank == 0u);
}
