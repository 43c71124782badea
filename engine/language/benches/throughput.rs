//! How fast definitions are read: 1,000 files with 10,000 blocks, in each spelling.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a bench measures time, and stops at what it does not expect"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use strata_language::decode::{InputFile, PackageKind, Spelling, decode_package};
use strata_language::respell::respell;
use strata_model::SourceMap;

const FILES: usize = 1_000;
const BLOCKS: usize = 10;
const ROUNDS: usize = 7;

/// A file of ten resources of some size, each of which refers to others.
fn hcl(file: usize) -> String {
    let mut text = String::from("# Subnets of one network.\n");
    for block in 0..BLOCKS {
        let number = file * BLOCKS + block;
        write!(
            text,
            r#"
resource "aws_subnet" "s{number}" {{
  vpc_id            = aws_vpc.v{file}.id # the network
  cidr_block        = cidrsubnet(var.range, 8, {block})
  availability_zone = "${{var.region}}${{local.letters[{block}]}}"
  tags = merge(var.tags, {{
    Name  = "subnet-{number}"
    Role  = {block} > 4 ? "private" : "public"
    Zones = join(",", [for zone in var.zones : upper(zone) if zone != ""])
  }})

  lifecycle {{
    ignore_changes = [tags["owner"]]
  }}
}}
"#
        )
        .unwrap();
    }
    text
}

fn files(spelling: Spelling) -> Vec<InputFile> {
    let file = |number: usize| {
        let text = hcl(number);
        let (ending, text) = match spelling {
            Spelling::Hcl => ("hcl", text),
            Spelling::Yaml => ("yaml", respell("a.strata.hcl", &text, spelling).unwrap()),
        };
        InputFile {
            path: format!("f{number:04}.strata.{ending}").into(),
            bytes: Arc::from(text.into_bytes()),
        }
    };
    (0..FILES).map(file).collect()
}

fn once(files: &[InputFile]) -> Duration {
    let started = Instant::now();
    let (package, faults) = decode_package(
        &"".into(),
        PackageKind::Project,
        files,
        &mut SourceMap::default(),
    );
    let took = started.elapsed();
    assert!(faults.is_empty() && package.resources.len() == FILES * BLOCKS);
    took
}

fn main() {
    for (name, spelling) in [("HCL", Spelling::Hcl), ("YAML", Spelling::Yaml)] {
        let files = files(spelling);
        let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
        let mut times: Vec<Duration> = (0..ROUNDS).map(|_| once(&files)).collect();
        times.sort();
        let median = times[ROUNDS / 2];
        let size = bytes as f64 / 1e6;
        let figures = format!(
            "{name}: {FILES} files, {} blocks, {size:.1} MB in {median:.3?} (median of {ROUNDS}): {:.1} MB/s\n",
            FILES * BLOCKS,
            size / median.as_secs_f64()
        );
        std::io::stdout().write_all(figures.as_bytes()).unwrap();
    }
}
