//! What an attack or a training leaves behind for people and programs: trace, summary, pictures, figure, curves.

pub mod animation;
pub(crate) mod axis;
mod canvas;
mod few_colours;
pub mod figure;
pub mod history;
pub mod loss_curve;
pub mod overlay;
mod plot;
pub mod similarity;
pub mod summary;
pub mod trace;

pub use animation::{Animation, AnimationFrame, animation_gif, draw_frames, write_animation};
pub(crate) use figure::capitalised;
pub use figure::{Figure, Moment, draw_figure};
pub use history::write_history;
pub use loss_curve::{best_epoch, loss_curve_svg, write_loss_curve};
pub use overlay::{colour_labels, overlay, perturbation_picture};
pub use similarity::{psnr, ssim};
pub use summary::{
    AsmaSettings, AttackSettings, InOwnFormat, Likeness, LossScores, OtherSettings, Results, Summary,
    read_summary, write_summary,
};
pub use trace::{read_trace, write_trace};
