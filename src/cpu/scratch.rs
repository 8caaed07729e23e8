//! Memory that a call on a thread leaves to the next of its kind there, so that the system need not hand out pages anew in each
//! iteration of an attack.

use std::cell::RefCell;
use std::thread::LocalKey;

/// Bytes up to which memory is kept: beyond that, what it takes to have it anew is little beside what is done with it.
const MOST_KEPT: usize = 64 << 20;

/// The list that was left here, with that many elements, which are of any value.
pub(super) fn taken<T: Clone + Default>(place: &'static LocalKey<RefCell<Vec<T>>>, length: usize) -> Vec<T> {
    let mut list = place.take();
    list.truncate(length);
    list.reserve_exact(length - list.len());
    list.resize(length, T::default());
    list
}

/// Leaves it to the next call.
pub(super) fn leave<T>(place: &'static LocalKey<RefCell<Vec<T>>>, list: Vec<T>) {
    if size_of::<T>() * list.capacity() <= MOST_KEPT {
        place.set(list);
    }
}
