#!/usr/bin/env bash
# Fuzzes the definition language: fuzz/run.sh [SECONDS [TARGET…]], by default 600 seconds for each target.
#
# The flags are those of coverage-guided fuzzing with libFuzzer and work with the stable toolchain; there is no
# sanitizer, as the crate has no unsafe code. What was found stays in fuzz/corpus, inputs that fail in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")"
seconds=${1:-600}
shift || true
targets=("$@")
((${#targets[@]})) || targets=(hcl yaml expressions fmt patterns)

flags=(-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
  -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
  -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing)
host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}" CARGO_INCREMENTAL=0
# With a target named, build scripts and macros are built without the flags.
RUSTFLAGS="${flags[*]}" cargo build --release --locked --target "$host"

python3 seeds.py
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "artifacts/$target"
  echo "── $target"
  "$CARGO_TARGET_DIR/$host/release/$target" "corpus/$target" "seeds/$target" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=1024 -max_len=4096 -print_final_stats=1 -artifact_prefix="artifacts/$target/" -dict=language.dict \
    2>&1 | grep -E 'panicked|assert|ERROR|SUMMARY|stat::|DONE|artifact' || true
  test -z "$(ls -A "artifacts/$target")" || { echo "$target: see fuzz/artifacts/$target"; exit 1; }
done
