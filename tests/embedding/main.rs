//! The library inside a host application that has its own device: textures in and out, recorded beside what the host draws.

mod changes;
#[path = "../common/mod.rs"]
mod common;
mod live;
#[path = "../networks/mod.rs"]
mod networks;
mod support;
mod textures;
