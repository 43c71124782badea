//go:build tools

// Package tools names the command that the recipe builds, so that the module keeps what it needs.
package tools

import _ "sigs.k8s.io/kwok/cmd/kwok"
