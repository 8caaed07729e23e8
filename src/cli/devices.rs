//! `asma devices`: what there is to run on.

use asma::Result;
use asma::gpu::{AdapterSummary, adapters};
use asma::kernels::MatrixUnits;
use clap::Args;
use serde_json::json;
use wgpu::Features;

use super::console::print;

/// List the devices that --device can name
#[derive(Debug, Args)]
pub struct Arguments {
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let adapters = adapters();
    let threads = asma::threads::start_or_use_this_one().started;
    if arguments.json {
        let devices: Vec<_> = adapters.iter().map(describe_json).collect();
        print(format_args!(
            "{:#}",
            json!({ "adapters": devices, "cpu_threads": threads })
        ))?;
        return Ok(());
    }
    for adapter in &adapters {
        let info = &adapter.info;
        print(format_args!(
            "{:>4}  {} ({:?}, {}, {} {})",
            adapter.index,
            info.name,
            info.backend,
            kind(adapter),
            info.driver,
            info.driver_info
        ))?;
        print(format_args!(
            "      buffers up to {} MiB, bindings up to {} MiB, workgroup memory {} KiB, {} invocations",
            adapter.limits.max_buffer_size >> 20,
            adapter.limits.max_storage_buffer_binding_size >> 20,
            adapter.limits.max_compute_workgroup_storage_size >> 10,
            adapter.limits.max_compute_invocations_per_workgroup
        ))?;
        print(format_args!("      {}", abilities(adapter)))?;
    }
    print(format_args!(" cpu  the CPU executor, {threads} threads"))?;
    let automatic = adapters
        .iter()
        .find(|adapter| adapter.is_hardware())
        .map_or("cpu".to_string(), |adapter| adapter.info.name.clone());
    print(format_args!(
        "--device auto takes a hardware GPU, here: {automatic}"
    ))?;
    Ok(())
}

/// What variants of kernels and float16 depend on.
fn abilities(adapter: &AdapterSummary) -> String {
    let has = |feature| adapter.features.contains(feature);
    let mut abilities = vec![match has(Features::SHADER_F16) {
        true => "float16".to_string(),
        false => "no float16".to_string(),
    }];
    if has(Features::SUBGROUP) {
        let (least, most) = (adapter.info.subgroup_min_size, adapter.info.subgroup_max_size);
        abilities.push(match least == most {
            true => format!("subgroups of {least}"),
            false => format!("subgroups of {least} to {most}"),
        });
    }
    if let Some(MatrixUnits { tile, .. }) = adapter.matrix_units {
        abilities.push(format!("matrix units of {tile} × {tile} float16"));
    }
    abilities.join(", ")
}

fn kind(adapter: &AdapterSummary) -> String {
    match adapter.is_hardware() {
        true => format!("{:?}", adapter.info.device_type),
        false => "software rasteriser, not taken by auto".to_string(),
    }
}

fn describe_json(adapter: &AdapterSummary) -> serde_json::Value {
    json!({
        "index": adapter.index,
        "name": adapter.info.name,
        "backend": format!("{:?}", adapter.info.backend),
        "type": format!("{:?}", adapter.info.device_type),
        "hardware": adapter.is_hardware(),
        "driver": adapter.info.driver,
        "driver_info": adapter.info.driver_info,
        "max_buffer_size": adapter.limits.max_buffer_size,
        "max_storage_buffer_binding_size": adapter.limits.max_storage_buffer_binding_size,
        "max_compute_workgroup_storage_size": adapter.limits.max_compute_workgroup_storage_size,
        "max_compute_invocations_per_workgroup": adapter.limits.max_compute_invocations_per_workgroup,
        "matrix_units": adapter.matrix_units.map(|units| json!({ "tile": units.tile, "subgroup": units.subgroup })),
        "features": adapter.features.iter_names().map(|(name, _)| name).collect::<Vec<_>>(),
    })
}
