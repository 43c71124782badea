//! Runs that are killed, and what is left of them: the cloud's ledger against the state.

mod chaos;
mod estate;
mod rounds;
