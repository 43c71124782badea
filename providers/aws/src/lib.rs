//! Resource types of AWS: network, identity, keys, logs, images and EKS.
//!
//! [`Aws`] is the provider. A resource type is one file: its schema, its checks, what it adds to a plan, and how its
//! objects are read, found, made, changed and removed. One adapter puts the types behind the engine's contract, one
//! table says what the errors of AWS mean, and one function waits.
//!
//! The SDK's own retries are off: only the engine repeats a call, because only it knows whether that is safe.

mod adapter;
mod change;
mod checks;
mod cidr;
mod cloud;
mod config;
mod connection;
mod data;
mod ec2;
mod ecr;
mod eks;
mod error;
mod form;
mod iam;
mod kms;
mod leaning;
mod logs;
mod preflight;
mod provider;
mod registry;
mod resource;
mod settle;
mod step;
mod tag_index;
mod tags;
mod written;

pub use provider::Aws;
