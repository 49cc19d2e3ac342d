// Package version holds the version that a build was stamped with.
package version

// String is set by the linker; a plain go build leaves it as it is.
var String = "devel"
