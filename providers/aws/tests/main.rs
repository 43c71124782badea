//! Tests of the provider against emulated clouds.
