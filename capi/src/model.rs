//! Networks: opened, freed, and run on images.

use std::ffi::c_char;
use std::sync::Arc;

use asma::job::{Samples, Session};
use asma::model::{Model, ModelOptions};
use asma::{Shape, Tensor};

use crate::border::{
    Failure, Outcome, asma_status, elements, fill, guarded, options, place, reference, text,
};

/// A network on a device. Threads may share it.
pub struct asma_model {
    session: Arc<Session>,
}

/// How large a batch of images or of logits is.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct asma_shape {
    /// Images.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
}

impl asma_shape {
    pub(crate) fn shape(self) -> Shape {
        Shape::new(self.n, self.c, self.h, self.w)
    }
}

/// What runs meanwhile holds the network itself, so that it may be freed.
///
/// # Safety
/// It is null or of `asma_model_open`, and not freed yet.
pub(crate) unsafe fn session(model: *const asma_model) -> Outcome<Arc<Session>> {
    // SAFETY: as the caller promises.
    let model = unsafe { reference(model, "model")? };
    Ok(model.session.clone())
}

/// Samples that are read where the caller has them.
#[derive(Debug)]
pub(crate) struct Given<'a> {
    shape: Shape,
    values: &'a [f32],
}

impl Samples for Given<'_> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn copied(&self, number: usize) -> asma::Result<Tensor> {
        let one = Shape { n: 1, ..self.shape };
        let values = self.values.chunks(one.elements().max(1)).nth(number);
        Tensor::new(one, values.unwrap_or_default().to_vec())
    }
}

/// Images where they stand.
///
/// # Safety
/// It is null or holds as many floats as the shape says, and nobody writes to them as long as the result is used.
pub(crate) unsafe fn images<'a>(pointer: *const f32, shape: asma_shape) -> Outcome<Given<'a>> {
    let shape = shape.shape();
    // SAFETY: as the caller promises.
    let values = unsafe { elements(pointer, shape.elements(), "images")? };
    Ok(Given { shape, values })
}

/// Reads a network from a file, told by its content: ONNX, weights of a known U-Net, or what `asma convert` wrote.
///
/// `device` is "auto" (a hardware GPU if there is one, else the CPU), "gpu", "cpu", an adapter's number or a part of its name.
/// `option_list` has `option_count` texts `name=value` as the command line takes them: padding, output, normalise, mean, std,
/// scale, channel-order, bounds, grey; it may be null if there are none. The network is written to `model`, and freed with
/// asma_model_free.
///
/// # Safety
/// Texts end with a zero byte, `option_list` has so many, and `model` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_model_open(
    path: *const c_char,
    device: *const c_char,
    option_list: *const *const c_char,
    option_count: usize,
    model: *mut *mut asma_model,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (model, path, device, given) = unsafe {
            let model = place(model, "model")?;
            model.write(std::ptr::null_mut());
            let given = options(option_list, option_count)?;
            (model, text(path, "path")?, text(device, "device")?, given)
        };
        let device = device.parse()?;
        let mut options = ModelOptions::default();
        for (name, value) in given {
            options.set(name, value)?;
        }
        let session = Session::new(path.into(), Model::open(path, &options)?, device)?;
        model.write(Box::into_raw(Box::new(asma_model {
            session: Arc::new(session),
        })));
        Ok(())
    })
}

/// Frees a network; null is let be. A progress function may free the network of its own attack, which runs on to its end.
///
/// # Safety
/// It is null or of `asma_model_open`, and not freed yet; no other thread is in a call on it, but for attacks of which progress
/// has been told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_model_free(model: *mut asma_model) {
    guarded(|| {
        if !model.is_null() {
            // SAFETY: as the caller promises.
            drop(unsafe { Box::from_raw(model) });
        }
        Ok(())
    });
}

/// Channels of the network's images; 0 of null.
///
/// # Safety
/// It is null or of `asma_model_open`, and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_model_channels(model: *const asma_model) -> usize {
    // SAFETY: as the caller promises.
    let model = unsafe { model.as_ref() };
    model.map_or(0, |model| model.session.model.graph.input_channels())
}

/// Classes that the network tells apart; 0 of null.
///
/// # Safety
/// It is null or of `asma_model_open`, and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_model_classes(model: *const asma_model) -> usize {
    // SAFETY: as the caller promises.
    let model = unsafe { model.as_ref() };
    model.map_or(0, |model| model.session.model.classes())
}

/// The shape of the logits for images of a shape. Predictions have its n*h*w elements.
///
/// # Safety
/// `model` is of `asma_model_open` and not freed yet; `logits` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_model_output_shape(
    model: *const asma_model,
    shape: asma_shape,
    logits: *mut asma_shape,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (session, logits) = unsafe { (session(model)?, place(logits, "logits")?) };
        let [n, c, h, w] = session.output_shape(shape.shape())?.sizes();
        logits.write(asma_shape { n, c, h, w });
        Ok(())
    })
}

/// Writes the class of each pixel to `labels`, whose `length` is n*h*w of the output's shape.
///
/// # Safety
/// `images` has as many floats as `shape` says, which nobody writes to meanwhile, `labels` so many bytes; `model` is of
/// `asma_model_open` and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_predict(
    model: *const asma_model,
    images: *const f32,
    shape: asma_shape,
    labels: *mut u8,
    length: usize,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (session, images) = unsafe { (session(model)?, self::images(images, shape)?) };
        let wanted = session.output_shape(images.shape())?;
        check_length("labels", length, wanted.n * wanted.pixels())?;
        let maps = session.predict(&images)?;
        let found: Vec<u8> = maps.into_iter().flat_map(asma::LabelMap::into_labels).collect();
        // SAFETY: as the caller promises.
        unsafe { fill(labels, length, "labels", &found) }
    })
}

/// Writes the logits to `logits`, whose `length` is n*c*h*w of the output's shape.
///
/// # Safety
/// As of `asma_predict`, with floats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_logits(
    model: *const asma_model,
    images: *const f32,
    shape: asma_shape,
    logits: *mut f32,
    length: usize,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (session, images) = unsafe { (session(model)?, self::images(images, shape)?) };
        check_length("logits", length, session.output_shape(images.shape())?.elements())?;
        let found = session.logits(&images)?;
        // SAFETY: as the caller promises.
        unsafe { fill(logits, length, "logits", found.data()) }
    })
}

/// Writes the gradient of the sum of logits times `seed` for the images to `gradient`. `seed_length` is n*c*h*w of the output's
/// shape, `length` that of the images.
///
/// # Safety
/// As of `asma_logits`; `seed` has so many floats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_input_gradient(
    model: *const asma_model,
    images: *const f32,
    shape: asma_shape,
    seed: *const f32,
    seed_length: usize,
    gradient: *mut f32,
    length: usize,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (session, images, seed) = unsafe {
            let seed = elements(seed, seed_length, "seed")?;
            (session(model)?, self::images(images, shape)?, seed)
        };
        let output = session.output_shape(images.shape())?;
        check_length("seed", seed.len(), output.elements())?;
        check_length("gradient", length, images.shape().elements())?;
        let seed = Given {
            shape: output,
            values: seed,
        };
        let found = session.input_gradient(&images, &seed)?;
        // SAFETY: as the caller promises.
        unsafe { fill(gradient, length, "gradient", found.data()) }
    })
}

/// Before the network has run for nothing.
fn check_length(what: &str, found: usize, wanted: usize) -> Outcome {
    match found == wanted {
        true => Ok(()),
        false => Err(Failure::length(what, found, wanted)),
    }
}
