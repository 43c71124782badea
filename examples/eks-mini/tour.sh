#!/usr/bin/env bash
# From plan to "No changes" on emulated clouds. Nothing outside this directory's .strata is touched.
set -euo pipefail
cd "$(dirname "$0")"

cargo build --quiet --locked --bin strata
strata="$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/debug/strata"

say() { printf '\n\033[1m%s\033[0m\n' "── $*"; }

"$strata" --sandbox sandbox reset >/dev/null

say "strata --sandbox plan -out=.strata/tour.plan"
"$strata" --sandbox plan -out=.strata/tour.plan

say "strata --sandbox apply .strata/tour.plan     (clusters take ten minutes; the sandbox runs 60 times faster)"
"$strata" --sandbox apply .strata/tour.plan

say "strata --sandbox plan"
"$strata" --sandbox plan

cat <<'END'

Two clusters exist, in a cloud that lives in .strata/sandbox.db. Look at what was made, and how:

  strata --sandbox state list                 every object, by its address
  strata --sandbox output                     the clusters' endpoints
  strata sandbox ledger                       every object and every API call that made them
  strata --sandbox graph -format=mermaid      the graph that was walked
  strata --sandbox destroy                    remove it all again

The README in this directory goes on from here: kill an apply half-way and see what happens.
END
echo "strata is $strata"
