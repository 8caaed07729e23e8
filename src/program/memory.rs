//! Which buffers may share memory: two that are never alive at the same call.

use std::collections::HashMap;

use super::{Buffer, BufferId, Builder, Call, Condition, Contents};

impl Builder {
    /// Lets buffers whose uses do not overlap share one. Constants and `pinned` buffers,
    /// which the caller reads or writes between calls, keep their own; words and float16 stay apart. Returns the
    /// rewritten program and where each buffer went; buffers that no call uses are left out.
    ///
    /// First fit by first use: a buffer takes the smallest free one that holds it, else the largest free one is
    /// enlarged, else a new one is made.
    pub fn share_memory(self, pinned: &[BufferId]) -> (Builder, HashMap<BufferId, BufferId>) {
        share(self, pinned)
    }
}

fn share(program: Builder, pinned: &[BufferId]) -> (Builder, HashMap<BufferId, BufferId>) {
    let Builder { buffers, calls } = program;
    let uses = first_and_last_use(&buffers, &calls);
    let keeps_its_own =
        |id: usize| matches!(buffers[id].contents, Contents::Constant(_)) || pinned.contains(&BufferId(id));

    let mut shared: Vec<Buffer> = Vec::new();
    let mut moved = HashMap::new();
    let mut transient = Vec::new();
    for id in 0..buffers.len() {
        let unread = matches!(buffers[id].contents, Contents::Constant(_)) && uses[id].is_none();
        if unread && !pinned.contains(&BufferId(id)) {
            continue;
        }
        if keeps_its_own(id) {
            moved.insert(BufferId(id), BufferId(shared.len()));
            shared.push(buffers[id].clone());
        } else if let Some((first, last)) = uses[id] {
            transient.push((first, last, id));
        }
    }
    transient.sort_unstable();
    // Buffer in `shared`, and the last call that uses it.
    let mut occupied: Vec<(usize, usize)> = Vec::new();
    for (first, last, id) in transient {
        let wanted = &buffers[id];
        let fits = |&i: &usize| {
            let (buffer, last) = occupied[i];
            last < first && shared[buffer].element == wanted.element
        };
        let free = (0..occupied.len()).filter(fits);
        let best = free.min_by_key(|&i| {
            let length = shared[occupied[i].0].length;
            if length >= wanted.length {
                (0, length)
            } else {
                (1, usize::MAX - length)
            }
        });
        let target = match best {
            Some(i) => {
                occupied[i].1 = last;
                let target = &mut shared[occupied[i].0];
                // It is called after its largest tenant, which is the one that may not fit.
                if wanted.length > target.length {
                    *target = wanted.clone();
                }
                occupied[i].0
            }
            None => {
                shared.push(wanted.clone());
                occupied.push((shared.len() - 1, last));
                shared.len() - 1
            }
        };
        moved.insert(BufferId(id), BufferId(target));
    }
    let calls = calls
        .into_iter()
        .map(|call| Call {
            buffers: call
                .buffers
                .into_iter()
                .map(|id| id.map(|id| moved[&id]))
                .collect(),
            condition: call.condition.map(|condition| Condition {
                buffer: moved[&condition.buffer],
                ..condition
            }),
            ..call
        })
        .collect();
    let program = Builder {
        buffers: shared,
        calls,
    };
    (program, moved)
}

fn first_and_last_use(buffers: &[Buffer], calls: &[Call]) -> Vec<Option<(usize, usize)>> {
    let mut uses = vec![None; buffers.len()];
    for (index, call) in calls.iter().enumerate() {
        for id in call.used() {
            let (first, _) = uses[id.0].unwrap_or((index, index));
            uses[id.0] = Some((first, index));
        }
    }
    uses
}
