//! Planned attacks and the executors that hold them, each kept for as long as there is room.

use std::sync::{Arc, Mutex, PoisonError};

use crate::attack::{Attack, AttackConfig};
use crate::error::{Error, Result};
use crate::graph::Graph;
use crate::job::Device;
use crate::network::Precision;
use crate::program::{Contents, Executor, Program};
use crate::tensor::Shape;

/// What an attack is planned for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub trial: usize,
    /// Which of the trial's losses.
    pub loss: usize,
    pub shape: Shape,
    pub region: bool,
}

/// So many planned attacks are kept at most; a data set of images that all differ in size would fill the memory with them.
const MOST_PLANS: usize = 16;

/// The attacks that were planned, for all who attack side by side: they share the weights. The one used last stands last.
#[derive(Default)]
pub(super) struct Plans(Mutex<Vec<(Key, Arc<Attack>)>>);

impl Plans {
    /// The attack, planned if it was not yet.
    pub fn get(&self, key: Key, graph: &Graph, config: &AttackConfig) -> Result<Arc<Attack>> {
        let find = |plans: &mut Vec<(Key, Arc<Attack>)>| {
            let place = plans.iter().position(|(other, _)| *other == key)?;
            let found = plans.remove(place);
            plans.push(found.clone());
            Some(found.1)
        };
        if let Some(attack) = find(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(attack);
        }
        let attack = Arc::new(Attack::new(graph, key.shape, config.clone(), key.region)?);
        let mut plans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Another may have planned it meanwhile; one copy of the weights is enough.
        if let Some(attack) = find(&mut plans) {
            return Ok(attack);
        }
        if plans.len() == MOST_PLANS {
            plans.remove(0);
        }
        plans.push((key, attack.clone()));
        Ok(attack)
    }
}

/// Makes an executor for the program of an attack on so many samples at once. Where several do not fit it must fail, so that
/// fewer are tried.
pub type OpenExecutor<'a> = dyn Fn(&Arc<Program>, usize) -> Result<Box<dyn Executor>> + Sync + 'a;

/// The executors of one who attacks. The one used last stands last.
pub(super) struct Executors<'a> {
    open: &'a OpenExecutor<'a>,
    held: Vec<Held>,
    /// Most bytes of all of them.
    room: u64,
}

struct Held {
    program: Arc<Program>,
    executor: Box<dyn Executor>,
}

impl<'a> Executors<'a> {
    pub fn new(open: &'a OpenExecutor<'a>, room: u64) -> Self {
        Executors {
            open,
            held: Vec::new(),
            room,
        }
    }

    /// The executor of this attack. Others go as long as there is no room for it.
    pub fn of(&mut self, attack: &Attack) -> Result<&mut dyn Executor> {
        let last = self.hold(attack, 0)?;
        Ok(self.held[last].executor.as_mut())
    }

    /// The executors of two attacks.
    pub fn both(&mut self, one: &Attack, other: &Attack) -> Result<[&mut dyn Executor; 2]> {
        self.hold(one, 0)?;
        self.hold(other, 1)?;
        match &mut self.held[..] {
            [.., one, other] => Ok([one.executor.as_mut(), other.executor.as_mut()]),
            _ => Err(Error::Usage("two attacks of one program".into())),
        }
    }

    /// Has the executor of this attack stand last, and says where. Others go as long as there is no room for it, but for so many
    /// of those used last.
    fn hold(&mut self, attack: &Attack, kept: usize) -> Result<usize> {
        let program = attack.program();
        let held = match self
            .held
            .iter()
            .position(|held| Arc::ptr_eq(&held.program, program))
        {
            Some(place) => self.held.remove(place),
            None => {
                let wanted = bytes(program);
                while self.held.len() > kept && wanted + self.bytes() > self.room {
                    self.held.remove(0);
                }
                Held {
                    executor: (self.open)(program, attack.adversarial().shape.n)?,
                    program: program.clone(),
                }
            }
        };
        self.held.push(held);
        Ok(self.held.len() - 1)
    }

    /// Lets all of them go.
    pub fn clear(&mut self) {
        self.held.clear();
    }

    fn bytes(&self) -> u64 {
        self.held.iter().map(|held| bytes(&held.program)).sum()
    }
}

impl Device for Executors<'_> {
    fn precision(&mut self, wanted: Precision) -> Result<Precision> {
        Ok(wanted)
    }

    fn executor(&mut self, program: &Arc<Program>) -> Result<Box<dyn Executor>> {
        (self.open)(program, 1)
    }
}

/// What an executor of this program takes, without the constants, which may be shared.
pub(super) fn bytes(program: &Program) -> u64 {
    let own = program
        .buffers()
        .iter()
        .filter(|buffer| matches!(buffer.contents, Contents::Zeros));
    // As the CPU stores them.
    own.map(|buffer| 4 * buffer.length as u64).sum()
}
