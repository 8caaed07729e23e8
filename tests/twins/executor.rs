//! What the CPU executor does with buffers and bad requests.

use std::sync::Arc;

use asma::cpu::CpuExecutor;
use asma::kernels::{Operation, View, affine, arithmetic};
use asma::program::{BufferId, Builder, Executor};
use asma::{Error, Shape};

const SHAPE: Shape = Shape::new(1, 2, 1, 2);

fn adding() -> arithmetic::Params {
    arithmetic::Params::new(Operation::Add, [(View::dense(SHAPE), SHAPE.into()); 3])
}

#[test]
fn calls_run_in_order_over_constants_and_written_buffers() -> asma::Result<()> {
    let mut program = Builder::new();
    let input = program.add_tensor("input", SHAPE).buffer;
    let middle = program.add_tensor("middle", SHAPE).buffer;
    let output = program.add_tensor("output", SHAPE).buffer;
    let coefficients = program.add_constant("coefficients", vec![2.0, 1.0, 3.0, 0.0]);
    let scaling = affine::Params {
        input: View::dense(SHAPE),
        output: View::dense(SHAPE),
        extent: SHAPE.into(),
        accumulate: 0,
    };
    let first = program.add_call("scale", scaling, &[input, coefficients], &[middle]);
    // One buffer may be read twice.
    let second = program.add_call("double", adding(), &[middle, middle], &[output]);
    let program = Arc::new(program.finish()?);

    let mut executor = CpuExecutor::new(program.clone())?;
    executor.write(input, &[1.0, 2.0, 3.0, 4.0])?;
    executor.submit(&[first, second])?;
    assert_eq!(executor.buffer(middle), [3.0, 5.0, 9.0, 12.0]);
    let early = executor.request_words(output, 1, 2)?;
    executor.write_words(output, 0, &[0; 4])?;
    assert_eq!(early.receive()?, [10f32.to_bits(), 18f32.to_bits()]);

    // Calls were proved with what constants hold.
    let refused = executor.write(coefficients, &[1.0, 0.0, 1.0, 0.0]).unwrap_err();
    assert!(
        refused.to_string().contains("`coefficients` is constant"),
        "{refused}"
    );
    assert_eq!(executor.read(coefficients, 4)?, [2.0, 1.0, 3.0, 0.0]);
    Ok(())
}

#[test]
fn requests_outside_the_program_are_errors() -> asma::Result<()> {
    let mut program = Builder::new();
    let buffer = program.add_buffer("state", 4);
    let mut executor = CpuExecutor::new(Arc::new(program.finish()?))?;
    let other = BufferId(7);
    for result in [
        executor.write_words(buffer, 3, &[1, 2]),
        executor.write_words(buffer, usize::MAX, &[1, 2]),
        executor.write_words(other, 0, &[1]),
        executor.request_words(buffer, 0, 5).map(|_| ()),
        executor.request_words(other, 0, 1).map(|_| ()),
        executor.submit(&[0]),
    ] {
        assert!(matches!(result, Err(Error::Usage(_))), "{result:?}");
    }
    assert_eq!(executor.read(buffer, 4)?, [0.0; 4]);
    assert!(executor.buffer(other).is_empty());
    Ok(())
}

#[test]
fn programs_that_write_what_they_read_are_errors() {
    let refused = |reads: fn(&[BufferId; 3]) -> [BufferId; 2], write: usize| {
        let mut program = Builder::new();
        let buffers = [
            program.add_tensor("a", SHAPE).buffer,
            program.add_tensor("b", SHAPE).buffer,
            program.add_constant("c", vec![0.0; 4]),
        ];
        program.add_call("add", adding(), &reads(&buffers), &[buffers[write]]);
        program.finish().is_err()
    };
    assert!(!refused(|[a, _, c]| [*a, *c], 1));
    assert!(refused(|[a, b, _]| [*a, *b], 1));
    assert!(refused(|[a, b, _]| [*a, *b], 2));
    assert!(refused(|[a, _, _]| [*a, BufferId(9)], 1));
}
