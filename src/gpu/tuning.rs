//! Which variant of a kernel is fastest for which work, as measured on one device.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernels::{Params, Specialisation};

/// The fastest variants of kernels on one device: for each kind of work that was measured, the variant's name.
///
/// Only who asks for it pays for measuring: an application ships or keeps a table (it serialises to JSON), and what
/// the table does not have, or has of another device, runs as without one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuning {
    /// Name and driver of the device that was measured, as [`GpuDevice::describe`](super::GpuDevice::describe) has them.
    pub device: String,
    /// Names of variants by [`Params::work`].
    pub variants: BTreeMap<String, String>,
}

impl Tuning {
    /// The variant for a call on this device; none where another one was measured.
    pub(super) fn choose(
        &self,
        device: &str,
        params: &Params,
        specialisation: &Specialisation,
    ) -> Option<&str> {
        let variant = self.variants.get(&params.work(specialisation));
        variant.map(String::as_str).filter(|_| self.device == device)
    }

    /// Takes what `other` has measured, over what stands here; what was measured on another device goes.
    pub fn merge(&mut self, other: Tuning) {
        if self.device != other.device {
            self.variants.clear();
        }
        self.device = other.device;
        self.variants.extend(other.variants);
    }
}
