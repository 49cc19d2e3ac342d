package spec

import (
	"testing"

	"github.com/coreos/go-semver/semver"
)

// go-semver is what the field's tools read versions with. It is not part of the
// programs: its patterns cost every start more than reading a small document.
func FuzzSemverAgainstGoSemver(f *testing.F) {
	for _, text := range []string{
		"", "3", "3.4", "3.4.0", "03.00.0", "3.4.0-", "3.4.0+", "3.4.0-experimental", "3.7.0-experimental+x.1", "3.4.0-a..b",
		"v3.4.0", " 3.4.0", "3.4.0 ", "-1.+2.3", "3.4.0-a+b-c", "3.4.0+a-b", "3.4.99999999999999999999", "3.4.0-ä", "1.2.3.4", "3.-4.0",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := semver.NewVersion(text)
		got, ok := ParseSemver(text)
		if ok != (err == nil) {
			t.Fatalf("%q: read %v, go-semver says %v", text, ok, err)
		}
		if ok && (got != Semver{want.Major, want.Minor, want.Patch, string(want.PreRelease), want.Metadata}) {
			t.Fatalf("%q: read %+v, go-semver %+v", text, got, want)
		}
	})
}
