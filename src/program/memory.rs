//! Which transient buffers may share memory.
