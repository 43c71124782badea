//! Fetches a source and lists its files: `cargo run -p strata-provider-git --example fetch -- SOURCE CACHE [ALLOW [KEY…]]`.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::ops::ControlFlow;
use std::path::PathBuf;

use strata_provider_git::{Allowed, Credentials, Settings, Source, fetch};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let source: Source = arguments.next().ok_or("no source is given")?.parse()?;
    let cache = arguments.next().ok_or("no cache directory is given")?;
    let allow = arguments.next().unwrap_or_default();
    let settings = Settings {
        allowed: Allowed::parse(&allow),
        credentials: Credentials {
            ssh_keys: arguments.map(PathBuf::from).collect(),
            ssh_agent: true,
            ..Credentials::default()
        },
        ..Settings::new(PathBuf::from(cache))
    };
    let fetched = fetch(&source, &settings, &mut |_| ControlFlow::Continue(()))?;
    println!("commit {}", fetched.commit);
    for (path, bytes) in fetched.tree.read(&source.path)? {
        println!("{:>8} {path}", bytes.len());
    }
    Ok(())
}
