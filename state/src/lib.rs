//! The state store on SQLite: rows, journal, plans, locks and history.
