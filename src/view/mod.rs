//! What a window that shows an attack live does, apart from its buttons: the attack taken on within frames, pictures of it kept
//! in textures, the target painted or moved, and how images lie in their panels. `asma view` draws it with egui; another tool
//! can do so in its own way, on its own device.

mod editor;
mod pictures;
mod placement;
mod session;
mod settings;

pub use editor::TargetEditor;
pub use pictures::Panel;
pub use placement::Placement;
pub use session::{Request, Session};
pub use settings::Settings;
