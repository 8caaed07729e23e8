//! Programs of any calls with any parameters over any buffers.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use asma::cpu::CpuExecutor;
use asma::kernels::{Extent, Params, View, samples_of_all};
use asma::program::{BufferId, Builder, Condition, Executor};

/// A program of up to four calls: refused by `finish`, or safe to run.
pub fn program(bytes: &[u8]) {
    let _ = try_program(&mut Unstructured::new(bytes));
}

fn try_program(bytes: &mut Unstructured<'_>) -> Result<()> {
    thread_local! {
        static SAMPLES: Vec<Params> = samples_of_all();
    }
    let mut builder = Builder::new();
    for index in 0..bytes.int_in_range(1..=7)? {
        let length = match bytes.arbitrary::<u8>()? {
            byte @ 0..=150 => usize::from(byte),
            151..=250 => usize::from(bytes.arbitrary::<u16>()?),
            _ => bytes.arbitrary()?,
        };
        match bytes.arbitrary::<u8>()? {
            0..=60 => {
                let words = (0..length.min(256))
                    .map(|_| bytes.arbitrary::<u8>().map(|word| f32::from_bits(word.into())))
                    .collect::<Result<_>>()?;
                builder.add_constant(format!("constant {index}"), words)
            }
            _ => builder.add_buffer(format!("buffer {index}"), length),
        };
    }
    for _ in 0..bytes.int_in_range(1..=4)? {
        let sample = SAMPLES.with(|samples| bytes.choose(samples).copied())?;
        let mut words = sample.bytes();
        for _ in 0..bytes.int_in_range(0..=12)? {
            let place = 4 * bytes.choose_index(words.len() / 4)?;
            let word: u32 = match bytes.arbitrary::<u8>()? {
                byte @ 0..=200 => u32::from(byte) % 12,
                _ => bytes.arbitrary()?,
            };
            words[place..place + 4].copy_from_slice(&word.to_le_bytes());
        }
        let params = sample
            .with_bytes(&words)
            .expect("as many bytes as the sample has");
        let kernel = params.kernel();
        let buffers = builder.buffers().len();
        let mut bind = |count: usize| -> Result<Vec<Option<BufferId>>> {
            (0..count)
                .map(|_| {
                    Ok(match bytes.arbitrary::<u8>()? {
                        0..=15 => None,
                        16..=245 => Some(BufferId(bytes.choose_index(buffers)?)),
                        _ => Some(BufferId(bytes.arbitrary()?)),
                    })
                })
                .collect()
        };
        let (reads, writes) = (bind(kernel.reads.len())?, bind(kernel.writes.len())?);
        builder.add_call("call", params, reads, writes);
        if bytes.ratio(1, 8)? {
            let mut word = || bytes.arbitrary::<u8>().map(u32::from);
            let condition = Condition {
                view: View {
                    offset: word()?,
                    batch: word()?,
                    channel: word()?,
                    row: word()?,
                },
                extent: Extent {
                    n: word()?,
                    c: word()?,
                    h: word()?,
                    w: word()?,
                },
                buffer: BufferId(bytes.choose_index(buffers)?),
            };
            let last = builder.calls().len();
            builder.repeat_if(&[last - 1], condition);
        }
    }
    let Ok(program) = builder.finish() else {
        return Ok(());
    };
    if program.bytes() > 1 << 20 {
        return Ok(());
    }
    let calls: Vec<usize> = (0..program.calls().len()).collect();
    let work: u64 = program
        .calls()
        .iter()
        .map(|call| call.params.flops() + call.params.elements_moved().iter().sum::<u64>())
        .fold(0, u64::saturating_add);
    if work > 1 << 22 {
        return Ok(());
    }
    let mut executor = CpuExecutor::new(Arc::new(program)).expect("a small program");
    let _ = executor.submit(&calls);
    Ok(())
}
