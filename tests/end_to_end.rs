//! Whole runs of the program, from the command line to the cloud's ledger.

mod disk;
mod hostile;
mod integrity;
mod interrupts;
mod life;
mod locking;
mod plans;
mod reading;
mod refresh;
mod secrets;
