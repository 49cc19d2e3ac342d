//go:build quadlet

// Package quadlet names the version of Podman whose generator the tests build: Debian
// 12 has a Podman without it.
package quadlet

import _ "github.com/containers/podman/v5/cmd/quadlet" // the program itself
