//! Whole runs of the program, from the command line to the cloud's ledger.

mod adopting;
mod disk;
mod hostile;
mod integrity;
mod interrupts;
mod leaving;
mod life;
mod locking;
mod pace;
mod plans;
mod pools;
mod preflight;
mod reach;
mod reading;
mod refresh;
mod secrets;
mod upgrades;
