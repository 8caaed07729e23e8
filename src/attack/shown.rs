//! What of an attack can be shown in a host's textures while it runs, see [`textures`](crate::gpu::textures).

use super::asma::MaskMode;
use super::plan::Attack;
use super::purpose::Purpose;
use crate::gpu::textures::{LabelPlace, Picture, Which};
use crate::kernels::prediction;
use crate::program::{CallId, Place};

impl Attack {
    /// Where the source images stand, dense.
    pub fn source(&self) -> Place {
        Place {
            buffer: self.buffers.source,
            ..self.adversarial()
        }
    }

    /// Where the labels of a sample's target stand; none if there is no such sample.
    pub fn target_labels(&self, sample: usize) -> Option<LabelPlace> {
        let shape = self.logits().shape;
        (sample < shape.n).then_some(LabelPlace {
            buffer: self.buffers.target,
            first_word: sample * shape.pixels(),
            per_word: 1,
            height: shape.h,
            width: shape.w,
        })
    }

    /// Where the labels stand that the network predicts for a sample; none if there is no such sample. They are those of the
    /// last forward pass once [`Attack::prediction`] has run.
    pub fn predicted_labels(&self, sample: usize) -> Option<LabelPlace> {
        let shape = self.logits().shape;
        (sample < shape.n).then_some(LabelPlace {
            buffer: self.buffers.predictions,
            first_word: sample * prediction::Params::words_of_sample(shape.into()),
            per_word: 4,
            height: shape.h,
            width: shape.w,
        })
    }

    /// The call that makes labels of the logits of the last forward pass.
    pub fn prediction(&self) -> CallId {
        self.predict
    }

    /// The pixels of a sample that drive the attack at the [predicted labels](Attack::predicted_labels), in the colours of the
    /// labels that they are driven towards, or away from; none if there is no such sample.
    pub fn mask_picture(&self, sample: usize) -> Option<Picture> {
        let is_static = self
            .config
            .asma()
            .is_some_and(|asma| asma.mask == MaskMode::Static);
        Some(Picture::Mask {
            wanted: self.target_labels(sample)?,
            predicted: self.predicted_labels(sample)?,
            which: match self.config.purpose() {
                Purpose::Targeted if is_static => Which::All,
                Purpose::Targeted => Which::Unlike,
                Purpose::Untargeted => Which::Alike,
            },
            classes: self.config.attacked(self.class_count),
            image: self.adversarial().sample(sample)?,
        })
    }
}
