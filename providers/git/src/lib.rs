//! Fetching sources from Git at a pinned commit.
