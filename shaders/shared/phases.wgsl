// Of a transposed convolution: which taps reach the output pixels of a phase, the remainder of their row and column by
// the stride. They are a step apart, and their input pixels lie side by side. STEP_ROWS and STEP_COLUMNS come with the
// prelude.

// Most taps of a phase, which are a step apart: the stride, or with dilation perhaps less. Where the step does not divide
// the kernel, some phases have one less; where the dilation has a divisor in common with the stride, some have none.
const TAPS_DOWN: u32 = (KERNEL_ROWS + STEP_ROWS - 1u) / STEP_ROWS;
const TAPS_ACROSS: u32 = (KERNEL_COLUMNS + STEP_COLUMNS - 1u) / STEP_COLUMNS;
const ROWS_BACK: u32 = STEP_ROWS * DILATION_ROWS / STRIDE_ROWS;
const COLUMNS_BACK: u32 = STEP_COLUMNS * DILATION_COLUMNS / STRIDE_COLUMNS;
const SOME_ROWS: bool = KERNEL_ROWS % STEP_ROWS != 0u || STEP_ROWS != STRIDE_ROWS;
const SOME_COLUMNS: bool = KERNEL_COLUMNS % STEP_COLUMNS != 0u || STEP_COLUMNS != STRIDE_COLUMNS;

// The first tap that lies at `remainder` between multiples of the stride; the number of taps if none does.
fn first_tap(remainder: u32, dilation: u32, stride: u32, step: u32, taps: u32) -> u32 {
    if dilation == 1u {
        return remainder;
    }
    for (var tap = 0u; tap < step; tap++) {
        if tap * dilation % stride == remainder {
            return tap;
        }
    }
    return taps;
}

// Of a phase: its row and column, its first tap, and the input pixel that this tap reads for the phase's first pixel. A
// step further in the kernel is ROWS_BACK and COLUMNS_BACK input pixels back. Rows and columns may lie above and left of
// the input: unsigned arithmetic wraps, so that what does not lie in the input is recognised by being too large.
struct Phase {
    row: u32,
    column: u32,
    first_ky: u32,
    first_kx: u32,
    first_row: u32,
    first_column: u32,
}

fn phase_of(number: u32) -> Phase {
    let row = number / STRIDE_COLUMNS;
    let column = number % STRIDE_COLUMNS;
    let rows = row + params.padding.x;
    let columns = column + params.padding.y;
    let ky = first_tap(rows % STRIDE_ROWS, DILATION_ROWS, STRIDE_ROWS, STEP_ROWS, KERNEL_ROWS);
    let kx = first_tap(columns % STRIDE_COLUMNS, DILATION_COLUMNS, STRIDE_COLUMNS, STEP_COLUMNS, KERNEL_COLUMNS);
    return Phase(
        row,
        column,
        ky,
        kx,
        rows / STRIDE_ROWS - ky * DILATION_ROWS / STRIDE_ROWS,
        columns / STRIDE_COLUMNS - kx * DILATION_COLUMNS / STRIDE_COLUMNS,
    );
}
