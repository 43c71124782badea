//! What killed, starved, disturbed and attacked runs leave behind: the program as its users run it, against a sandbox in
//! its own process.

mod end_to_end;
mod harness;
mod kill;
