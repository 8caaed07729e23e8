//! Attacks on batches of images.

use std::ffi::{c_char, c_void};
use std::ops::ControlFlow;

use asma::LabelMap;
use asma::attack::{Progress, Settings, Snapshots, Target};
use asma::job::{Batch, Goal, Listener, Samples};

use crate::border::{Failure, Outcome, asma_status, elements, guarded, options, place, reference, text};
use crate::model::{asma_model, asma_shape, images, session};
use crate::result::asma_result;

/// How far the attack on one image is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct asma_progress_row {
    /// Its number, from 0.
    pub image: usize,
    /// Iterations that were done.
    pub iterations: u32,
    /// Most iterations that there will be.
    pub limit: u32,
    /// Intersection over union of the prediction with the target (untargeted: with the label).
    pub iou: f32,
    /// The share of pixels that are predicted as the target (untargeted: the label) has them.
    pub pixel_accuracy: f32,
    /// The perturbation's L2 over all channels and pixels.
    pub l2: f32,
    /// Its largest absolute value.
    pub linf: f32,
}

/// Is told after every batch of iterations how far the images are that are under way, in the thread that called asma_attack;
/// true ends the attack, and what is done is kept. It must return: no exception, no longjmp.
pub type asma_progress =
    Option<unsafe extern "C" fn(user: *mut c_void, rows: *const asma_progress_row, count: usize) -> bool>;

/// What is attacked, and how. All zeros and then what is wanted: `asma_attack_request request = {0};`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct asma_attack_request {
    /// The attack's name, such as "asma", "pgd", "segpgd", "cospgd", "apgd", "sea".
    pub attack: *const c_char,
    /// Texts `name=value` as the command line takes them, such as "eps=8/255", "steps=40", "norm=l2", "untargeted=on".
    pub options: *const *const c_char,
    /// How many.
    pub option_count: usize,
    /// The images.
    pub images: *const f32,
    /// Their shape.
    pub shape: asma_shape,
    /// What the network shall predict, with "untargeted=on" what it shall no longer: class indices of all images, of the images'
    /// size or that of the logits. Null with "untargeted=on" for what it predicts now.
    pub targets: *const u8,
    /// How many bytes.
    pub targets_length: usize,
    /// Instead of `targets` a text for all images, made from each prediction: "scale:1.5", "shift:40,-25", "rotate:30",
    /// "hide:2->0", "class:0".
    pub target: *const c_char,
    /// 1 where pixels may change: of the images' size, for all of them or for each. Null for everywhere.
    pub region: *const u8,
    /// How many bytes.
    pub region_length: usize,
    /// How many images run in step at most; 0 for as many as memory allows.
    pub together: usize,
    /// Is told how far it is; may be null.
    pub progress: asma_progress,
    /// Is handed to it.
    pub user: *mut c_void,
}

/// Attacks images; each is an attack of its own. The result is written to `result`, and freed with asma_result_free.
///
/// # Safety
/// `model` is of `asma_model_open` and not freed yet; the request's buffers are as long as it says, nobody writes to them
/// meanwhile, and its texts end with a zero byte; `result` can be written to.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asma_attack(
    model: *const asma_model,
    request: *const asma_attack_request,
    result: *mut *mut asma_result,
) -> asma_status {
    guarded(|| {
        // SAFETY: as the caller promises.
        let (session, request, result) = unsafe {
            let result = place(result, "result")?;
            result.write(std::ptr::null_mut());
            (session(model)?, reference(request, "request")?, result)
        };
        // SAFETY: as the caller promises.
        let (name, given, images) = unsafe {
            let given = options(request.options, request.option_count)?;
            (
                text(request.attack, "attack")?,
                given,
                images(request.images, request.shape)?,
            )
        };
        let (config, losses) = Settings::read(name, given)?;

        let shape = images.shape();
        let output = session.output_shape(shape)?;
        let sizes = [(shape.h, shape.w), (output.h, output.w)];
        // SAFETY: as the caller promises.
        let (labels, regions) = unsafe {
            (
                maps(
                    "targets",
                    (request.targets, request.targets_length),
                    shape.n,
                    &sizes,
                )?,
                regions(request, shape.n, sizes[0])?,
            )
        };
        let words: Option<Target> = match request.target.is_null() {
            true => None,
            // SAFETY: as the caller promises.
            false => Some(unsafe { text(request.target, "target")? }.parse()?),
        };
        let goals = Goal::in_memory(config.purpose(), &labels, words.as_ref())?;
        let batch = Batch {
            model: &session.model,
            name: &session.name,
            images: &images,
            goals: &goals,
            regions: &regions,
            config,
            losses,
            snapshots: Snapshots::None,
            together: (request.together > 0).then_some(request.together),
        };
        let mut told = Told {
            progress: request.progress,
            user: request.user,
            images: Vec::new(),
        };
        let performed = batch.run(&mut session.device.clone(), &mut told)?;
        result.write(Box::into_raw(Box::new(asma_result { performed })));
        Ok(())
    })
}

/// The maps in a buffer for so many images, of whichever of these sizes its length says; none of null.
///
/// # Safety
/// It is null or has so many bytes.
unsafe fn maps(
    what: &str,
    (pointer, length): (*const u8, usize),
    images: usize,
    sizes: &[(usize, usize)],
) -> Outcome<Vec<LabelMap>> {
    if pointer.is_null() && length == 0 {
        return Ok(Vec::new());
    }
    let Some(&(h, w)) = sizes.iter().find(|(h, w)| length == images * h * w) else {
        return Err(Failure::length(what, length, images * sizes[0].0 * sizes[0].1));
    };
    // SAFETY: as the caller promises.
    let labels = unsafe { elements(pointer, length, what)? };
    let maps = labels
        .chunks(h * w)
        .map(|labels| LabelMap::new(h, w, labels.to_vec()));
    Ok(maps.collect::<asma::Result<_>>()?)
}

/// # Safety
/// Its region is null or has as many bytes as it says.
unsafe fn regions(
    request: &asma_attack_request,
    images: usize,
    size: (usize, usize),
) -> Outcome<Vec<LabelMap>> {
    let images = match request.region_length == size.0 * size.1 {
        true => 1,
        false => images,
    };
    // SAFETY: as the caller promises.
    unsafe { maps("region", (request.region, request.region_length), images, &[size]) }
}

/// Tells the caller's function.
struct Told {
    progress: asma_progress,
    user: *mut c_void,
    images: Vec<usize>,
}

impl Listener for Told {
    fn attacks(&mut self, images: &[usize]) {
        self.images = images.to_vec();
    }

    fn progress(&mut self, now: Progress<'_>) -> ControlFlow<()> {
        let Some(progress) = self.progress else {
            return ControlFlow::Continue(());
        };
        let latest = self.images.iter().zip(now.traces);
        let rows: Vec<asma_progress_row> = latest
            .filter_map(|(&image, trace)| {
                let row = trace.last()?;
                Some(asma_progress_row {
                    image,
                    iterations: trace.len() as u32,
                    limit: now.iterations,
                    iou: row.iou,
                    pixel_accuracy: row.pixel_accuracy,
                    l2: row.l2,
                    linf: row.linf,
                })
            })
            .collect();
        // SAFETY: the caller promises that it is such a function, and the rows are there while it runs.
        match unsafe { progress(self.user, rows.as_ptr(), rows.len()) } {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
