//! The definition language: YAML and HCL to one spanned model, types, functions and evaluation.
