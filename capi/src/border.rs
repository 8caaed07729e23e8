//! What every call has: its status, the message of the last error, and pointers that are looked at before they are used.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use asma::Error;

/// What a call came to.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum asma_status {
    /// All is well.
    ASMA_OK = 0,
    /// Something was asked for that cannot be: an option, a size, a class out of range.
    ASMA_USAGE = 1,
    /// A file could not be read or understood.
    ASMA_FILE = 2,
    /// A network that cannot be built, or cannot take images of this size.
    ASMA_NETWORK = 3,
    /// A tensor that the device's limits do not allow.
    ASMA_LIMIT = 4,
    /// No such device, or the device failed.
    ASMA_DEVICE = 5,
    /// Numbers left the finite range.
    ASMA_NOT_FINITE = 6,
    /// A pointer that must not be null is.
    ASMA_NULL = 7,
    /// A buffer is longer or shorter than what it is for.
    ASMA_LENGTH = 8,
    /// A defect of asma; please report it.
    ASMA_DEFECT = 9,
}

/// Why a call failed.
pub(crate) struct Failure {
    status: asma_status,
    message: String,
}

impl Failure {
    pub fn new(status: asma_status, message: String) -> Failure {
        Failure { status, message }
    }

    pub fn usage(message: String) -> Failure {
        Failure::new(asma_status::ASMA_USAGE, message)
    }

    fn null(what: &str) -> Failure {
        Failure::new(asma_status::ASMA_NULL, format!("{what} is null"))
    }

    /// A buffer of another length.
    pub fn length(what: &str, found: usize, wanted: usize) -> Failure {
        let message = format!("{what} holds {found} elements; want {wanted}");
        Failure::new(asma_status::ASMA_LENGTH, message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let status = match &error {
            Error::Usage(_) => asma_status::ASMA_USAGE,
            Error::File { .. } => asma_status::ASMA_FILE,
            Error::Network(_) => asma_status::ASMA_NETWORK,
            Error::Limit { .. } => asma_status::ASMA_LIMIT,
            Error::NotFinite(_) => asma_status::ASMA_NOT_FINITE,
            _ => asma_status::ASMA_DEVICE,
        };
        Failure::new(status, error.to_string())
    }
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

thread_local! {
    /// Of the last call of this thread that failed.
    static MESSAGE: RefCell<CString> = RefCell::default();
}

/// Does the work of a call: what goes wrong becomes a status, and its message is kept.
pub(crate) fn guarded(work: impl FnOnce() -> Outcome) -> asma_status {
    let failure = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return asma_status::ASMA_OK,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            let message = format!(
                "a defect of asma, please report it: {}",
                said.unwrap_or("a panic")
            );
            Failure::new(asma_status::ASMA_DEFECT, message)
        }
    };
    let message = CString::new(failure.message.replace('\0', " ")).unwrap_or_default();
    // A thread that ends may have lost its place for messages already.
    let _ = MESSAGE.try_with(|kept| *kept.borrow_mut() = message);
    failure.status
}

/// The version of asma, such as "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn asma_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// What went wrong in the last call of this thread that failed, in one line of UTF-8; empty if none has. It is valid until
/// another call of this thread fails, or the thread ends.
#[unsafe(no_mangle)]
pub extern "C" fn asma_last_error() -> *const c_char {
    MESSAGE
        .try_with(|kept| kept.borrow().as_ptr())
        .unwrap_or(c"".as_ptr())
}

/// What a pointer points to.
///
/// # Safety
/// It is null or valid for as long as the result is used.
pub(crate) unsafe fn reference<'a, T>(pointer: *const T, what: &str) -> Outcome<&'a T> {
    check_alignment(pointer, what)?;
    // SAFETY: as the caller promises, and it is aligned.
    unsafe { pointer.as_ref() }.ok_or_else(|| Failure::null(what))
}

/// The place that a result is written to.
///
/// # Safety
/// It is null, or valid and nobody else's for as long as the result is used.
pub(crate) unsafe fn place<'a, T>(pointer: *mut T, what: &str) -> Outcome<&'a mut MaybeUninit<T>> {
    check_alignment(pointer, what)?;
    // SAFETY: as the caller promises, and it is aligned; what it holds so far is not looked at.
    unsafe { pointer.cast::<MaybeUninit<T>>().as_mut() }.ok_or_else(|| Failure::null(what))
}

/// The elements of a buffer.
///
/// # Safety
/// It is null, or holds so many elements for as long as the result is used.
pub(crate) unsafe fn elements<'a, T>(pointer: *const T, length: usize, what: &str) -> Outcome<&'a [T]> {
    check_bytes::<T>(length, what)?;
    match pointer.is_null() {
        true if length == 0 => Ok(&[]),
        true => Err(Failure::null(what)),
        false => {
            check_alignment(pointer, what)?;
            // SAFETY: as the caller promises, and it is aligned.
            Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
        }
    }
}

/// Writes to a buffer of the caller's, whose length must be that of what is written.
///
/// # Safety
/// It is null, or holds so many elements, and nobody else uses it meanwhile.
pub(crate) unsafe fn fill<T: Copy>(pointer: *mut T, length: usize, what: &str, with: &[T]) -> Outcome {
    if length != with.len() {
        return Err(Failure::length(what, length, with.len()));
    }
    if length == 0 {
        return Ok(());
    }
    if pointer.is_null() {
        return Err(Failure::null(what));
    }
    check_alignment(pointer.cast_const(), what)?;
    // SAFETY: as the caller promises; what it is filled with is the library's own.
    unsafe { std::ptr::copy_nonoverlapping(with.as_ptr(), pointer, length) };
    Ok(())
}

/// A text of UTF-8.
///
/// # Safety
/// It is null or ends with a zero byte.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Outcome<&'a str> {
    if pointer.is_null() {
        return Err(Failure::null(what));
    }
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str()
        .map_err(|_| Failure::usage(format!("{what} is no UTF-8")))
}

/// Options, each written as `name=value`.
///
/// # Safety
/// There are so many of them, and each is null or ends with a zero byte.
pub(crate) unsafe fn options<'a>(
    pointer: *const *const c_char,
    count: usize,
) -> Outcome<Vec<(&'a str, &'a str)>> {
    // SAFETY: as the caller promises.
    let pointers = unsafe { elements(pointer, count, "options")? };
    let mut options = Vec::with_capacity(count);
    for pointer in pointers {
        // SAFETY: as the caller promises.
        let option = unsafe { text(*pointer, "an option")? };
        options.push(option.split_once('=').ok_or_else(|| {
            Failure::usage(format!(
                "the option `{option}` has no `=`; want name=value, such as eps=8/255"
            ))
        })?);
    }
    Ok(options)
}

fn check_alignment<T>(pointer: *const T, what: &str) -> Outcome {
    match pointer.is_aligned() {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "{what} begins at {pointer:p}; want a multiple of {} bytes",
            align_of::<T>()
        ))),
    }
}

fn check_bytes<T>(length: usize, what: &str) -> Outcome {
    match length.checked_mul(size_of::<T>()) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(()),
        _ => Err(Failure::usage(format!("{what} cannot hold {length} elements"))),
    }
}
