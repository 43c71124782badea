#!/usr/bin/env bash
# Shows that the tests notice: each mutant is a patch that breaks one promise of Strata, and a test must fail for it.
#
#   tests/mutants/run.sh [MUTANT…]      all of them without arguments
#
# Every patch is applied to a copy of the last commit, the tests that should notice are run, and the ones that failed
# are printed. It fails when a patch does not apply, when the unbroken tests fail, when a mutant does not compile, or
# when a mutant survives. It takes long, so it is run by hand. $STRATA_MUTANTS_DIR (default: target/mutants) is where
# the copy and what is built of it are.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
scratch=${STRATA_MUTANTS_DIR:-$root/target/mutants}
copy=$scratch/copy
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$scratch/target} CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never

# MUTANT|CARGO ARGUMENTS|TEST FILTERS: the tests that should notice.
mutants=(
  "sdk-retries|--workspace --test survival|end_to_end::reading kill::chaos"
  "intent-after-call|-p strata-core --lib|apply::tests"
  "token-reused|-p strata-core --lib|apply::tests"
  "first-page-only|--workspace --test survival|end_to_end::reading"
  "refusal-read-as-absence|--workspace --test survival|end_to_end::reading"
  "fence-unchecked|-p strata-state --test store|locking"
  "replace-as-one-step|-p strata-core --lib|apply::tests"
  "held-fields-pruned|-p strata-kubernetes-merge --test objects|writes_end"
  "list-keys-ignored|-p strata-kubernetes-merge --test objects|writes_end"
  "row-apart-from-result|-p strata-core --lib|apply::tests"
)

fail() {
  echo "$1"
  tail -n 40 "$scratch/output"
  exit 1
}

# The copy's files are as old as the copy: cargo goes by their times.
rm -rf "$copy"
mkdir -p "$copy"
git -C "$root" archive HEAD | tar -x -m -C "$copy"

# The copy is no repository of its own: patch, unlike git apply, does not look for one around it.
change() { # NAME OPTION
  patch --strip=1 --fuzz=0 "$2" --directory="$copy" <"$here/$1.patch" >"$scratch/output" 2>&1 ||
    fail "$1: the patch does not apply"
}

tests() { # CARGO_ARGUMENTS FILTERS: output in $scratch/output
  # shellcheck disable=SC2086 # both are lists
  (cd "$copy" && timeout 1800 cargo test --locked $1 -- $2) >"$scratch/output" 2>&1
}

declare -A unbroken
survivors=0
for entry in "${mutants[@]}"; do
  IFS='|' read -r name arguments filters <<<"$entry"
  if (($#)) && [[ " $* " != *" $name "* ]]; then continue; fi
  if [[ -z ${unbroken["$arguments|$filters"]:-} ]]; then
    tests "$arguments" "$filters" || fail "the tests fail without a mutant: $arguments -- $filters"
    unbroken["$arguments|$filters"]=1
  fi
  change "$name" --forward
  if tests "$arguments" "$filters"; then
    echo "$name: SURVIVED"
    survivors=$((survivors + 1))
    change "$name" --reverse
    continue
  fi
  failed=$(sed -n 's/^test \(.*\) \.\.\..*FAILED$/\1/p; /^    [a-z_:0-9]*$/s/^ *//p' "$scratch/output" | sort -u)
  [[ -n $failed ]] || fail "$name: no test failed, but something else did"
  echo "$name: noticed by $(wc -l <<<"$failed") test(s)"
  sed 's/^/    /' <<<"$failed"
  change "$name" --reverse
done
((survivors == 0)) || { echo "$survivors survived"; exit 1; }
