//! What the builder of programs proves: every program that it refuses, with the words; and programs of random numbers,
//! of which those that it takes run without leaving their buffers.

use std::sync::Arc;

use asma::Shape;
use asma::cpu::CpuExecutor;
use asma::gpu::{Capabilities, GpuExecutor, GpuOptions};
use asma::kernels::{
    Extent, Params, View, arithmetic, conv_transpose2d, conv2d, fill, gather, objective, samples_of_all,
};
use asma::kernels::{Need, Operation, slope_adjoint};
use asma::program::{BufferId, Builder, Condition, Executor};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SHAPE: Shape = Shape::new(1, 2, 3, 4);

fn fill_through(view: View, extent: Extent) -> fill::Params {
    fill::Params {
        output: view,
        extent,
        value: 1.0,
    }
}

/// What `finish` says of a program that `make` makes.
fn refused(make: impl FnOnce(&mut Builder)) -> String {
    let mut program = Builder::new();
    make(&mut program);
    program.finish().expect_err("a refusal").to_string()
}

#[track_caller]
fn assert_says(problem: &str, parts: &[&str]) {
    for part in parts {
        assert!(problem.contains(part), "`{problem}` does not say `{part}`");
    }
}

#[test]
fn a_buffer_that_is_not_there_is_named() {
    let problem = refused(|program| {
        program.add_call(
            "fill",
            fill_through(View::dense(SHAPE), SHAPE.into()),
            [None; 0],
            [BufferId(99)],
        );
    });
    assert_says(&problem, &["call `fill`", "buffer 99", "the program has 0"]);
}

#[test]
fn a_view_beyond_its_buffer_is_refused() {
    let problem = refused(|program| {
        let four = program.add_buffer("four words", 4);
        let view = View {
            offset: 1 << 24,
            ..View::dense(Shape::new(1, 1, 1, 4))
        };
        let extent = Shape::new(1, 1, 1, 4).into();
        program.add_call("fill", fill_through(view, extent), [None; 0], [four]);
    });
    assert_says(&problem, &["`output`", "16777220", "`four words`", "has 4"]);
}

/// The numbers with which a safe call once read far outside.
#[test]
fn sizes_that_wrap_around_are_refused() {
    let numbers = conv2d::Params {
        input: View::dense(Shape::new(1, 4, 1, 1)),
        output: View::dense(Shape::new(1, 1, 1, 1)),
        input_extent: Shape::new(1, 4, 1, 1).into(),
        output_extent: Shape::new(1, 1, 1, 1).into(),
        kernel: [59761, 79289],
        stride: [1; 2],
        padding: [0; 2],
        dilation: [1; 2],
        padded_out_channels: 1_297_680_179,
        accumulate: 0,
        gated: 0,
        groups: 1,
    };
    let problem = refused(|program| {
        let buffers = ["input", "weight", "epilogue", "output"].map(|name| program.add_buffer(name, 64));
        let [input, weight, epilogue, output] = buffers.map(Some);
        let params = conv_transpose2d::Params::from(numbers);
        program.add_call("wide", params, [input, weight, epilogue, None], [output]);
    });
    assert_says(&problem, &["call `wide`", "`kernel` has 59761"]);
    // The same with settings that are allowed one by one: the weights are too few, or too many to count.
    for (kernel, padded) in [([1000, 1000], 8), ([8000, 8000], 1 << 30)] {
        let problem = refused(|program| {
            let buffers = ["input", "weight", "epilogue", "output"].map(|name| program.add_buffer(name, 64));
            let [input, weight, epilogue, output] = buffers.map(Some);
            let params = conv2d::Params {
                kernel,
                padded_out_channels: padded,
                ..numbers
            };
            program.add_call("wide", params, [input, weight, epilogue, None], [output]);
        });
        assert_says(&problem, &["call `wide`", "weight"]);
    }
}

#[test]
fn extents_that_no_index_counts_are_refused() {
    let problem = refused(|program| {
        let one = program.add_buffer("one", 1);
        let extent = Extent {
            n: 1,
            c: 1,
            h: 1 << 20,
            w: 1 << 20,
        };
        let view = View {
            offset: 0,
            batch: 0,
            channel: 0,
            row: 0,
        };
        program.add_call("fill", fill_through(view, extent), [None; 0], [one]);
    });
    assert_says(&problem, &["elements are more than the 4294967295"]);
}

#[test]
fn written_elements_that_overlap_are_refused() {
    let problem = refused(|program| {
        let buffer = program.add_buffer("plane", 100);
        let view = View {
            row: 3,
            ..View::dense(SHAPE)
        };
        program.add_call("fill", fill_through(view, SHAPE.into()), [None; 0], [buffer]);
    });
    assert_says(&problem, &["`output`", "overlap"]);
}

#[test]
fn indices_are_constant_and_in_range() {
    let gather = |program: &mut Builder, constant: bool, index: u32| {
        let source = program.add_buffer("source", 4);
        let indices = match constant {
            true => program.add_constant("indices", vec![f32::from_bits(index); 2]),
            false => program.add_buffer("indices", 2),
        };
        let output = program.add_buffer("output", 2);
        let params = gather::Params { length: 2 };
        program.add_call("gather", params, &[source, indices], &[output]);
    };
    let mut sound = Builder::new();
    gather(&mut sound, true, 3);
    sound.finish().expect("a sound program");
    assert_says(
        &refused(|program| gather(program, true, 4)),
        &["index 4", "`source` has 4"],
    );
    assert_says(
        &refused(|program| gather(program, false, 0)),
        &["`indices` are not constant"],
    );
}

#[test]
fn what_a_call_takes_is_bound_and_nothing_else() {
    let call = |program: &mut Builder, in_place: u32, gradient: bool| {
        let [signs, given, output] = ["signs", "given", "output"].map(|name| program.add_tensor(name, SHAPE));
        let slopes = program.add_constant("slopes", vec![0.0; 2]);
        let params = slope_adjoint::Params {
            reference: signs.view,
            gradient: given.view,
            output: output.view,
            extent: SHAPE.into(),
            in_place,
            accumulate: 0,
        };
        let given = gradient.then_some(given.buffer);
        program.add_call(
            "slope",
            params,
            [Some(signs.buffer), Some(slopes), given],
            [output.buffer],
        );
    };
    for (in_place, gradient) in [(0, true), (1, false)] {
        let mut program = Builder::new();
        call(&mut program, in_place, gradient);
        program.finish().expect("a sound program");
    }
    assert_says(
        &refused(|program| call(program, 0, false)),
        &["no buffer for `gradient`"],
    );
    assert_says(
        &refused(|program| call(program, 1, true)),
        &["for `gradient`", "takes none"],
    );
    assert_says(&refused(|program| call(program, 2, true)), &["`in_place` is 2"]);
}

#[test]
fn a_condition_stands_in_its_buffer_and_apart_from_what_is_written() {
    let conditional = |program: &mut Builder, written: bool, words: u32, rows: u32| {
        let output = program.add_tensor("output", SHAPE);
        let flag = program.add_buffer("flag", 1);
        let call = program.add_call(
            "fill",
            fill_through(output.view, SHAPE.into()),
            [None; 0],
            [output.buffer],
        );
        let view = View {
            offset: 0,
            batch: 0,
            channel: 0,
            row: 0,
        };
        let extent = Shape::new(1, 1, rows as usize, words as usize).into();
        let buffer = if written { output.buffer } else { flag };
        program.repeat_if(&[call], Condition { buffer, view, extent });
    };
    let mut sound = Builder::new();
    conditional(&mut sound, false, 1, 1);
    sound.finish().expect("a sound program");
    assert_says(
        &refused(|program| conditional(program, false, 2, 1)),
        &["condition reaches to element 2 of buffer `flag`"],
    );
    assert_says(
        &refused(|program| conditional(program, true, 1, 1)),
        &["writes buffer `output`, on which its condition is"],
    );
    // A word that is asked again and again would keep a device busy for ever.
    assert_says(
        &refused(|program| conditional(program, false, 1, u32::MAX)),
        &["condition asks buffer `flag`", "overlap"],
    );
}

#[test]
fn a_call_with_too_few_buffers_is_refused() {
    let problem = refused(|program| {
        let one = program.add_tensor("one", SHAPE);
        let params = arithmetic::Params::new(Operation::Add, [(one.view, SHAPE.into()); 3]);
        program.add_call("add", params, [one.buffer], [None; 0]);
    });
    assert_says(
        &problem,
        &["has 1 buffers", "takes 2 that it reads and 1 that it writes"],
    );
}

#[test]
fn classes_and_parities_that_cannot_be_are_refused() {
    let mask = |program: &mut Builder, class_count: u32, parity: u32| {
        let logits = program.add_tensor("logits", SHAPE);
        let seed = program.add_tensor("seed", SHAPE);
        let [target, classes, counts] =
            ["target", "classes", "counts"].map(|name| program.add_buffer(name, 2000));
        let params = objective::Params {
            logits: logits.view,
            seed: seed.view,
            extent: SHAPE.into(),
            class_count,
            objective: objective::LOGIT,
            flags: objective::WRITE_SEED,
            parity,
            counts_length: 1000,
            schedule_rows: 0,
        };
        program.add_call(
            "mask",
            params,
            &[logits.buffer, target, classes],
            &[seed.buffer, counts],
        );
    };
    assert_says(
        &refused(|program| mask(program, 300, 0)),
        &["300 classes for 2 channels"],
    );
    assert_says(&refused(|program| mask(program, 2, 2)), &["`parity` is 2"]);
}

/// A shader with a schedule reads the row behind the counts, of the last sample too.
#[test]
fn counts_without_a_word_for_the_schedules_row_are_refused() {
    let counted = |counts_length: usize, schedule_rows: u32| {
        let mut program = Builder::new();
        let logits = program.add_tensor("logits", SHAPE);
        let target = program.add_buffer("target", SHAPE.pixels());
        let settings = program.add_buffer("settings", 4 + 8 * schedule_rows as usize);
        let counts = program.add_buffer("counts", 2 * counts_length);
        let params = objective::Params {
            logits: logits.view,
            seed: logits.view,
            extent: SHAPE.into(),
            class_count: 2,
            objective: objective::CROSS_ENTROPY,
            flags: objective::COUNT,
            parity: 1,
            counts_length: counts_length as u32,
            schedule_rows,
        };
        program.add_call(
            "objective",
            params,
            [logits.buffer, target, settings],
            [None, Some(counts)],
        );
        program.finish()
    };
    let least = asma::kernels::ledger::counts_length(2);
    assert!(counted(least, 0).is_ok());
    assert!(counted(least + 1, 3).is_ok());
    let problem = counted(least, 3).expect_err("a refusal").to_string();
    assert_says(&problem, &["schedule's row", "want at least 9"]);
}

/// Numbers as somebody might get them wrong: mostly small, some huge.
fn number(random: &mut StdRng) -> u32 {
    match random.random_range(0..16) {
        0 => random.random(),
        1 => 1 << random.random_range(0..32),
        2 => u32::MAX - random.random_range(0..3),
        _ => random.random_range(0..9),
    }
}

/// A sample with some of its words replaced.
fn altered(random: &mut StdRng, samples: &[Params]) -> Params {
    let sample = samples[random.random_range(0..samples.len())];
    let mut bytes = sample.bytes();
    let words = bytes.len() / 4;
    // All of them small, or a few of a sound call's changed.
    let changed: Vec<usize> = match random.random_bool(0.5) {
        true => (0..words).collect(),
        false => (0..random.random_range(1..4))
            .map(|_| random.random_range(0..words))
            .collect(),
    };
    for word in changed {
        bytes[4 * word..4 * word + 4].copy_from_slice(&number(random).to_ne_bytes());
    }
    sample.with_bytes(&bytes).expect("as many bytes")
}

/// Buffers as long as the call needs them, or not quite; as far as this test wants to allocate.
fn with_buffers(random: &mut StdRng, params: Params) -> Builder {
    let mut program = Builder::new();
    let indices = params.indices().map(|[indices, _]| indices);
    let mut add = |(binding, need): (usize, &Need)| {
        if need.present == random.random_bool(0.03) {
            return None;
        }
        let length =
            (need.length().min(1 << 16) as usize).saturating_sub(usize::from(random.random_bool(0.03)));
        let values = |random: &mut StdRng| (0..length).map(|_| f32::from_bits(number(random) % 3)).collect();
        Some(match indices == Some(binding) {
            true => program.add_constant("indices", values(random)),
            false => program.add_buffer("buffer", length),
        })
    };
    let needs = params.needs();
    let buffers: Vec<_> = needs.iter().enumerate().map(&mut add).collect();
    program.add_call("call", params, buffers, [None; 0]);
    program
}

#[test]
fn programs_of_random_numbers_are_refused_or_run() {
    let samples = samples_of_all();
    let mut random = StdRng::seed_from_u64(7);
    let mut taken = 0;
    for _ in 0..30_000 {
        let params = altered(&mut random, &samples);
        let Ok(program) = with_buffers(&mut random, params).finish() else {
            continue;
        };
        if params.flops() > 1 << 24 {
            continue;
        }
        taken += 1;
        let mut executor = CpuExecutor::new(Arc::new(program)).expect("little memory");
        executor
            .submit(&[0])
            .unwrap_or_else(|error| panic!("{params:?}: {error}"));
    }
    assert!(taken > 1000, "only {taken} programs were taken");
}

/// On a GPU with checks and without: what lies outside would differ.
#[test]
fn programs_of_random_numbers_leave_the_same_on_a_gpu() {
    let Some(gpu) = crate::common::shared_gpu(Capabilities::Full) else {
        return;
    };
    let samples = samples_of_all();
    let mut random = StdRng::seed_from_u64(8);
    let mut taken = 0;
    while taken < 60 {
        let params = altered(&mut random, &samples);
        let Ok(program) = with_buffers(&mut random, params).finish() else {
            continue;
        };
        if params.flops() > 1 << 20 {
            continue;
        }
        if asma::gpu::check_limits(&program, &gpu.device().limits()).is_err() {
            continue;
        }
        taken += 1;
        let left = [false, true].map(|checked| {
            let options = GpuOptions {
                checked,
                ..Default::default()
            };
            let mut executor = GpuExecutor::new(gpu.clone(), &program, &options).expect("a GPU");
            executor.submit(&[0]).expect("the call runs");
            let buffers = program.buffers().iter().enumerate();
            buffers
                .map(|(id, buffer)| {
                    let readback = executor
                        .request_words(BufferId(id), 0, buffer.length)
                        .expect("a read");
                    readback.receive().expect("words")
                })
                .collect::<Vec<_>>()
        });
        assert_eq!(left[0], left[1], "{params:?}");
    }
}
