#!/usr/bin/env python3
"""What the engine adds to the cloud's own time: a cluster on the embedded sandbox, from start to exit.

    cargo build --release
    benches/pace.py [--strata PATH] [--speed 60] [--runs 5]

The baseline is the sum of the sandbox's delays on the longest path, which nothing can go below: the way out of the
network, the cluster, an add-on before the nodes, a node group, and an add-on that needs nodes.
"""

import argparse
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The same as in tests/end_to_end/pace.rs.
PROJECT = """
provider "aws" {
  region = "eu-west-1"
}
cluster "one" {
  stack  = "aws-eks"
  inputs = { name = "one", public_access_cidrs = [], zone_count = 2 }
}
"""

# In the cloud's seconds.
DELAYS = {
    "aws_nat_gateway": 100,
    "aws_eks_cluster": 600,
    "aws_eks_addon before nodes": 60,
    "aws_eks_node_group": 180,
    "aws_eks_addon with nodes": 60,
}


def run(strata, speed):
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as directory:
        pathlib.Path(directory, "main.strata.hcl").write_text(PROJECT)
        command = [strata, "--sandbox", f"--speed={speed}", "apply", "-auto-approve", "-parallelism=50"]
        began = time.monotonic()
        subprocess.run(command, cwd=directory, check=True, stdout=subprocess.DEVNULL)
        return time.monotonic() - began


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--strata", default=ROOT / "target" / "release" / "strata", type=pathlib.Path)
    options.add_argument("--speed", default=60, type=int)
    options.add_argument("--runs", default=5, type=int)
    options = options.parse_args()
    delays = sum(DELAYS.values()) / options.speed
    took = [run(options.strata.resolve(), options.speed) for _ in range(options.runs)]
    for seconds in took:
        print(f"apply {seconds:.2f} s, delays {delays:.2f} s: {seconds / delays:.3f}")
    print(f"median {statistics.median(took) / delays:.3f}")


if __name__ == "__main__":
    main()
