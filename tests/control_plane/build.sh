#!/usr/bin/env bash
# Builds what a Kubernetes control plane consists of, and prints the directory that the binaries are in.
#
#   tests/control_plane/build.sh
#
# The modules beside this script pin every version. The binaries are kept outside the clone, under $STRATA_CACHE
# (default ~/.cache/strata), in a directory whose name is the digest of this recipe: a changed recipe builds anew, an
# unchanged one costs nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"

version=1.36.4
digest=$(cat build.sh {kubernetes,kwok}/{go.mod,go.sum,tools.go} | sha256sum | cut -c -16)
cache=${STRATA_CACHE:-$HOME/.cache/strata}
binaries=$cache/control-plane-$digest

if [[ -e $binaries/complete ]]; then
  echo "$binaries"
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "the control plane is built with Go 1.26: apt-get install golang-go, or https://go.dev/doc/install" >&2
  exit 1
fi

# Several test processes may ask at once; one builds, the others wait for it.
mkdir -p "$binaries"
exec 9>"$binaries/lock"
flock 9
if [[ ! -e $binaries/complete ]]; then
  # Without its version the API server says v0.0.0 and emulates the features of no release.
  v=k8s.io/component-base/version
  flags="-s -w -X $v.gitVersion=v$version -X $v.gitMajor=${version%%.*} -X $v.gitMinor=$(cut -d. -f2 <<<"$version")"
  build() { # MODULE PACKAGE…: all at once, as linking one leaves processors idle
    echo "building ${*:2}" >&2
    (cd "$1" && CGO_ENABLED=0 go build -trimpath -ldflags "$flags" -o "$binaries/" "${@:2}" >&2)
  }
  build kubernetes go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/{kube-{apiserver,controller-manager,scheduler},kubectl}
  mv "$binaries/server" "$binaries/etcd"
  build kwok sigs.k8s.io/kwok/cmd/kwok
  touch "$binaries/complete"
fi
echo "$binaries"
