// Counts of labels and predictions as src/kernels/ledger.rs has them. Stands before a shader with workgroups of 256 threads
// that has `counts`, the buffer, and CLASS_COUNT as a constant.

const COUNTING_THREADS: u32 = 256u;
const COUNT_LENGTH: u32 = 3u * CLASS_COUNT + 2u;

var<workgroup> workgroup_counts: array<atomic<u32>, 3u * CLASS_COUNT>;

// Pixels in a row that have the same label and the same predicted class. Masks are made of areas, so most
// pixels only lengthen the run at hand, and the atomic additions, which are dear, are few.
struct Run {
    label: u32,
    predicted: u32,
    length: u32,
}

// Before anything is counted; a barrier must follow.
fn begin_counts(thread: u32) {
    for (var i = thread; i < 3u * CLASS_COUNT; i += COUNTING_THREADS) {
        atomicStore(&workgroup_counts[i], 0u);
    }
}

fn count(run: Run) {
    if run.length == 0u {
        return;
    }
    atomicAdd(&workgroup_counts[3u * run.label + 1u], run.length);
    atomicAdd(&workgroup_counts[3u * run.predicted + 2u], run.length);
    if run.predicted == run.label {
        atomicAdd(&workgroup_counts[3u * run.label], run.length);
    }
}

// The run that has one pixel more; one of something else is counted first.
fn continued(run: Run, label: u32, predicted: u32) -> Run {
    if label == run.label && predicted == run.predicted {
        return Run(label, predicted, run.length + 1u);
    }
    count(run);
    return Run(label, predicted, 1u);
}

// Word `i` of the workgroup's counts. The totals are sums over the classes.
fn workgroup_count(i: u32) -> u32 {
    var value = 0u;
    let totals = 3u * CLASS_COUNT;
    if i < totals {
        value = atomicLoad(&workgroup_counts[i]);
    } else {
        for (var c = 0u; c < CLASS_COUNT; c++) {
            value += atomicLoad(&workgroup_counts[3u * c + i - totals]);
        }
    }
    return value;
}

// Adds what the workgroup counted to the counts from word `start` on, once all its threads have.
fn end_counts(start: u32, thread: u32) {
    workgroupBarrier();
    for (var i = thread; i < COUNT_LENGTH; i += COUNTING_THREADS) {
        let value = workgroup_count(i);
        if value != 0u {
            atomicAdd(&counts[start + i], value);
        }
    }
}
