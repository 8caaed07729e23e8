//! A network's tensors among others: under a prefix that wrappers put before every name, beside the state of the
//! training that wrote them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::message::quoted_list;
use super::{Checkpoint, Header};

/// Last parts of the names of tensors that count or average something during training and are no weights.
const STATE_NAMES: [&str; 14] = [
    "num_batches_tracked",
    "n_averaged",
    "step",
    "exp_avg",
    "exp_avg_sq",
    "max_exp_avg_sq",
    "momentum_buffer",
    "square_avg",
    "grad_avg",
    "epoch",
    "global_step",
    "learning_rate",
    "lr",
    "loss_scale",
];

/// Parts of names under which the state of a training is kept.
const STATE_GROUPS: [&str; 17] = [
    "optimizer",
    "optimizers",
    "optimizer_state",
    "optimizer_states",
    "optimizer_state_dict",
    "optimiser",
    "optim",
    "opt",
    "lr_scheduler",
    "lr_schedulers",
    "scheduler",
    "scaler",
    "grad_scaler",
    "callbacks",
    "loops",
    // This tool's own: the moments of the optimiser.
    "first_moment",
    "second_moment",
];

/// The tensors of a network that were found among those of a checkpoint.
pub(crate) struct Selection {
    /// The network's tensors under their own names.
    pub tensors: Checkpoint,
    /// What stood before every one of those names.
    pub prefix: String,
    /// The tensors that belong to a training and not to the network.
    pub left_out: Vec<String>,
    /// The tensors that are neither, and have not the prefix.
    pub strangers: Vec<String>,
}

impl Checkpoint {
    /// What stands before this name for each tensor that is called so or ends so behind a dot; nothing (`""`) first.
    /// Those of a training's state are left out.
    pub(crate) fn prefixes_of(&self, name: &str) -> Vec<String> {
        let prefixes = self.names().filter_map(|stored| stored.strip_suffix(name));
        let whole = |prefix: &&str| prefix.is_empty() || prefix.ends_with('.') || prefix.ends_with('/');
        let prefixes = prefixes.filter(whole).filter(|prefix| !is_state(prefix));
        prefixes
            .map(str::to_string)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// The same tensors, each also under the names that its metadata says were the same tensor: so `safetensors` keeps
    /// tensors that a module holds several times.
    pub(crate) fn with_aliases(&self) -> Checkpoint {
        let tensors = &self.header.tensors;
        let aliases = self.header.metadata.iter().filter_map(|(alias, name)| {
            let info = tensors.get(name).filter(|_| !tensors.contains_key(alias))?;
            Some((alias.clone(), info.clone()))
        });
        let aliases: BTreeMap<_, _> = aliases.collect();
        Checkpoint {
            source: self.source.clone(),
            header: Header {
                metadata: self.header.metadata.clone(),
                tensors: tensors.clone().into_iter().chain(aliases).collect(),
            },
            storage: Arc::clone(&self.storage),
            data_start: self.data_start,
        }
    }

    /// The tensors under `prefix`, without it, but for those that belong to a training's state.
    pub(crate) fn select(&self, prefix: &str, is_of_network: impl Fn(&str) -> bool) -> Selection {
        let mut tensors = BTreeMap::new();
        let (mut left_out, mut strangers) = (Vec::new(), Vec::new());
        for (stored, info) in &self.header.tensors {
            let name = stored.strip_prefix(prefix);
            match name {
                Some(name) if is_of_network(name) => drop(tensors.insert(name.to_string(), info.clone())),
                _ if is_state(stored) => left_out.push(stored.clone()),
                // Told as no part of the network where it is loaded.
                Some(name) => drop(tensors.insert(name.to_string(), info.clone())),
                None => strangers.push(stored.clone()),
            }
        }
        Selection {
            tensors: Checkpoint {
                source: self.source.clone(),
                header: Header {
                    metadata: self.header.metadata.clone(),
                    tensors,
                },
                storage: Arc::clone(&self.storage),
                data_start: self.data_start,
            },
            prefix: prefix.to_string(),
            left_out,
            strangers,
        }
    }
}

impl Selection {
    /// What was taken off and left out, in words; empty if nothing was.
    pub(crate) fn describe(&self) -> String {
        let mut parts = Vec::new();
        if !self.prefix.is_empty() {
            parts.push(format!("the prefix `{}` taken off every name", self.prefix));
        }
        if !self.left_out.is_empty() {
            let names: Vec<&str> = self.left_out.iter().map(String::as_str).collect();
            let count = match names.len() {
                1 => "1 tensor".to_string(),
                count => format!("{count} tensors"),
            };
            parts.push(format!(
                "left out {count} of a training's state: {}",
                quoted_list(&names)
            ));
        }
        parts.join(", ")
    }
}

/// Whether a tensor of this name belongs to the state of a training.
fn is_state(name: &str) -> bool {
    let mut parts = name.split(['.', '/']);
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    STATE_NAMES.contains(&last) || parts.any(|part| STATE_GROUPS.contains(&part))
}
