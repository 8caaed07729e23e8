//! Whether asma.h is what the sources of asma for C say: see its test.
