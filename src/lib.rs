//! The command line of Strata as a library.
