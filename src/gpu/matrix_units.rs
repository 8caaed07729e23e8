//! Which matrix units an adapter has that kernels can use.

use wgpu::{CooperativeScalarType, Features};

use crate::kernels::MatrixUnits;

/// The features that shaders on matrix units take.
pub(super) fn features() -> Features {
    Features::EXPERIMENTAL_COOPERATIVE_MATRIX | Features::SHADER_F16 | Features::SUBGROUP
}

/// Square matrices of float16 with sums of float32, the largest there are. Only where all subgroups are equally large,
/// so that it is known how many a workgroup has.
pub(super) fn find(adapter: &wgpu::Adapter) -> Option<MatrixUnits> {
    let info = adapter.get_info();
    if !adapter.features().contains(features()) || info.subgroup_min_size != info.subgroup_max_size {
        return None;
    }
    let shapes = adapter.cooperative_matrix_properties();
    let suitable = shapes.iter().filter(|shape| {
        let types = (shape.ab_type, shape.cr_type);
        types == (CooperativeScalarType::F16, CooperativeScalarType::F32)
            && shape.m_size == shape.n_size
            && shape.n_size == shape.k_size
            && [8, 16].contains(&shape.m_size)
    });
    suitable
        .max_by_key(|shape| shape.m_size)
        .map(|shape| MatrixUnits {
            tile: shape.m_size,
            subgroup: info.subgroup_min_size,
        })
}
