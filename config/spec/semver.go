package spec

import (
	"strconv"
	"strings"
)

// Semver is a semantic version, https://semver.org, in the leniency of the field's
// tools: numbers may have leading zeros, and the parts after - and + may be empty.
type Semver struct {
	Major, Minor, Patch  int64
	PreRelease, Metadata string
}

// ParseSemver reads a version; ok is false when the text is none.
func ParseSemver(text string) (v Semver, ok bool) {
	text, v.Metadata, _ = strings.Cut(text, "+")
	text, v.PreRelease, _ = strings.Cut(text, "-")
	numbers := strings.SplitN(text, ".", 3)
	if len(numbers) != 3 || !isIdentifiers(v.PreRelease) || !isIdentifiers(v.Metadata) {
		return Semver{}, false
	}
	for i, to := range []*int64{&v.Major, &v.Minor, &v.Patch} {
		n, err := strconv.ParseInt(numbers[i], 10, 64)
		if err != nil {
			return Semver{}, false
		}
		*to = n
	}
	return v, true
}

// isIdentifiers reports whether a text is empty or words of letters, digits and
// dashes with dots between them.
func isIdentifiers(s string) bool {
	for word := range strings.SplitSeq(s, ".") {
		if word == "" && s != "" {
			return false
		}
		for i := range len(word) {
			c := word[i]
			if c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return true
}

// Newer reports whether the version is of a later release than another one;
// pre-releases and metadata do not count.
func (v Semver) Newer(than Semver) bool {
	switch {
	case v.Major != than.Major:
		return v.Major > than.Major
	case v.Minor != than.Minor:
		return v.Minor > than.Minor
	}
	return v.Patch > than.Patch
}
