#!/usr/bin/env bash
# Builds OpenTofu 1.11.0 as a Go module, for comparison only:  TOFU=$(benches/opentofu.sh) benches/compare.py apply
set -euo pipefail
cache="${STRATA_CACHE:-$HOME/.cache/strata}/opentofu-1.11.0"
if [[ ! -x $cache/tofu ]]; then
  mkdir -p "$cache"
  cd "$cache"
  printf 'module strata/opentofu\n\ngo 1.25\n\nrequire github.com/opentofu/opentofu v1.11.0\n' >go.mod
  go mod download github.com/opentofu/opentofu >&2
  source="$(go list -m -f '{{.Dir}}' github.com/opentofu/opentofu)"
  # A module's replacements do not reach who requires it: its own are repeated here.
  grep -E '^replace ' "$source/go.mod" >>go.mod || true
  printf '//go:build tools\n\npackage main\n\nimport _ "github.com/opentofu/opentofu/cmd/tofu"\n' >tools.go
  go mod tidy >&2
  go build -o tofu github.com/opentofu/opentofu/cmd/tofu >&2
fi
echo "$cache/tofu"
