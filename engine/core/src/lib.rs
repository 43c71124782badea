//! Planning and applying: graph, plan, check, drift, executor and recovery.
