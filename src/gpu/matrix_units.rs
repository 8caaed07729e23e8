//! Which matrix units an adapter has that kernels can use.
//!
//! naga 30 declares the Vulkan memory model for shaders with cooperative matrices without the operands that make one
//! thread's writes to workgroup memory visible to others under it (gfx-rs/wgpu#8805). Drivers that take it by the word may
//! give other numbers: run the kernels' tests on a device before its numbers are believed.

use wgpu::{CooperativeScalarType, Features};

use crate::kernels::MatrixUnits;

/// The features that shaders on matrix units take.
pub(super) fn features() -> Features {
    Features::EXPERIMENTAL_COOPERATIVE_MATRIX | Features::SHADER_F16 | Features::SUBGROUP
}

/// Bytes of workgroup memory that shaders on matrix units take at most.
pub(super) const WORKGROUP_MEMORY: u32 = 32 << 10;

/// Square matrices of float16 with sums of float32. Kernels have as many threads as the largest subgroups take, and are right
/// with smaller ones.
pub(super) fn find(adapter: &wgpu::Adapter) -> Option<MatrixUnits> {
    let info = adapter.get_info();
    let has_memory = adapter.limits().max_compute_workgroup_storage_size >= WORKGROUP_MEMORY;
    if !(adapter.features().contains(features()) && has_memory) {
        return None;
    }
    let shapes = adapter.cooperative_matrix_properties();
    let square = shapes.iter().filter(|shape| {
        let types = (shape.ab_type, shape.cr_type);
        types == (CooperativeScalarType::F16, CooperativeScalarType::F32)
            && shape.m_size == shape.n_size
            && shape.n_size == shape.k_size
    });
    let mut units = square.map(|shape| MatrixUnits {
        tile: shape.m_size,
        subgroup: info.subgroup_max_size,
    });
    units.find(|units| units.are_suitable())
}
