// Package spec knows the versions of the Ignition config spec: their order, how
// a version is written, and the values and places that differ between them.
package spec

import (
	"sort"
	"strings"
)

// Version is one supported version of the spec. Versions are ordered: a later
// one is greater. The zero Version is 3.0.0.
type Version uint8

// The supported versions.
const (
	V3_0 Version = iota
	V3_1
	V3_2
	V3_3
	V3_4
	V3_5
	V3_6
	V3_7
)

// Newest is the version of the model; every config is brought to it.
const Newest = V3_7

var names = [...]string{
	V3_0: "3.0.0",
	V3_1: "3.1.0",
	V3_2: "3.2.0",
	V3_3: "3.3.0",
	V3_4: "3.4.0",
	V3_5: "3.5.0",
	V3_6: "3.6.0",
	V3_7: "3.7.0-experimental",
}

// String returns the version as configs write it.
func (v Version) String() string { return names[v] }

// Name returns the version as messages call it.
func (v Version) Name() string { return "spec " + names[v] }

// Experimental reports whether the version may still change.
func (v Version) Experimental() bool { return strings.HasSuffix(names[v], "-experimental") }

// All returns the supported versions, oldest first.
func All() []Version {
	out := make([]Version, len(names))
	for i := range names {
		out[i] = Version(i)
	}
	return out
}

// Parse returns the version that a config names. wellFormed is false when the
// text is no semantic version at all; known is false when it is not exactly one
// of the supported versions. Leading zeros and an empty pre-release or metadata
// part do not matter, as in the reference.
func Parse(text string) (v Version, wellFormed, known bool) {
	for i, name := range names {
		if text == name {
			return Version(i), true, true
		}
	}
	got, ok := ParseSemver(text)
	if !ok {
		return 0, false, false
	}
	for i, name := range names {
		if want, _ := ParseSemver(name); got == want {
			return Version(i), true, true
		}
	}
	return 0, true, false
}

// Newer reports whether a well-formed version text lies beyond the newest
// version known here.
func Newer(text string) bool {
	got, ok := ParseSemver(text)
	newest, _ := ParseSemver(names[Newest])
	return ok && got.Newer(newest)
}

// FromTag returns the version that a since tag or a Values entry names in short,
// such as 3.4 or 3.7-experimental. ok is false for anything else.
func FromTag(tag string) (v Version, ok bool) {
	number, suffix, _ := strings.Cut(tag, "-")
	for i, name := range names {
		full, pre, _ := strings.Cut(name, "-")
		if minor, ok := strings.CutSuffix(full, ".0"); ok && minor == number && pre == suffix {
			return Version(i), true
		}
	}
	return 0, false
}

// Values is a closed set of legal values. Each text names a version, in the form of
// FromTag, and the values that it adds, with spaces between.
type Values []string

// Since returns the version that adds a value; ok is false when no version has it.
func (vs Values) Since(value string) (v Version, ok bool) {
	for _, text := range vs {
		tag, values, _ := strings.Cut(text, " ")
		for one := range strings.SplitSeq(values, " ") {
			if one == value {
				return FromTag(tag)
			}
		}
	}
	return 0, false
}

// In returns the values that a version has, sorted.
func (vs Values) In(v Version) []string {
	var out []string
	for _, text := range vs {
		tag, values, _ := strings.Cut(text, " ")
		if since, ok := FromTag(tag); ok && since <= v {
			out = append(out, strings.Fields(values)...)
		}
	}
	sort.Strings(out)
	return out
}

// Nullable reports whether a version takes null for the object at a place: old specs
// did for some.
func Nullable(place string, v Version) bool {
	return (place == "storage.luks.*.clevis" || place == "storage.luks.*.clevis.custom") && v <= V3_2
}

// DependsOnPlace reports whether PlaceSince may know a member of the given name.
func DependsOnPlace(name string) bool { return name == "compression" }

// PlaceSince returns the version that adds the member at a place where it differs
// from what its struct tag says. The place is written with dots, list items as *.
func PlaceSince(place string) (v Version, ok bool) {
	switch place {
	case "ignition.config.merge.*.compression", "ignition.config.replace.compression", "ignition.security.tls.certificateAuthorities.*.compression":
		return V3_1, true
	}
	return 0, false
}
