package variant

import (
	"slices"
	"testing"

	"github.com/kindling-boot/kindling/config/spec"
)

func TestTable(t *testing.T) {
	seen := map[string]bool{}
	newest := map[string]spec.Semver{}
	for _, v := range All() {
		name := v.Name + " " + v.Version
		if seen[name] {
			t.Errorf("%s stands in the table twice", name)
		}
		seen[name] = true
		version, ok := spec.ParseSemver(v.Version)
		if !ok {
			t.Errorf("%s: not a version", name)
		}
		if last, found := newest[v.Name]; found && !version.Newer(last) {
			t.Errorf("%s comes after a newer version", name)
		}
		newest[v.Name] = version
		if v.Experimental() != (version.PreRelease == "experimental") {
			t.Errorf("%s writes spec %s: only one of them is experimental", name, v.Target)
		}
		for _, f := range v.Forbid {
			if f.Rule == nil {
				t.Errorf("%s forbids %s by no rule", name, f.Path)
			}
		}
	}
	if names := Names(); len(names) != len(newest) {
		t.Errorf("variants are not in groups: %q", names)
	}
}

// The targets are those of the reference: other tools read the output.
func TestTargets(t *testing.T) {
	for _, test := range []struct {
		name, first, last string
		target            spec.Version
	}{
		{"fcos", "1.0.0", "1.0.0", spec.V3_0},
		{"fcos", "1.2.0", "1.3.0", spec.V3_2},
		{"fcos", "1.7.0", "1.7.0", spec.V3_6},
		{"fcos", "1.8.0-experimental", "1.8.0-experimental", spec.V3_7},
		{"flatcar", "1.0.0", "1.0.0", spec.V3_3},
		{"flatcar", "1.1.0", "1.1.0", spec.V3_4},
		{"flatcar", "1.2.0-experimental", "1.2.0-experimental", spec.V3_7},
		{"r4e", "1.0.0", "1.0.0", spec.V3_3},
		{"r4e", "1.1.0", "1.1.0", spec.V3_4},
		{"r4e", "1.2.0-experimental", "1.2.0-experimental", spec.V3_7},
		{"fiot", "1.0.0", "1.0.0", spec.V3_4},
		{"fiot", "1.1.0-experimental", "1.1.0-experimental", spec.V3_7},
		{"openshift", "4.8.0", "4.13.0", spec.V3_2},
		{"openshift", "4.14.0", "4.18.0", spec.V3_4},
		{"openshift", "4.19.0", "4.22.0", spec.V3_5},
		{"openshift", "4.23.0-experimental", "4.23.0-experimental", spec.V3_7},
	} {
		versions := Versions(test.name)
		from, to := slices.Index(versions, test.first), slices.Index(versions, test.last)
		if from < 0 || to < from {
			t.Errorf("%s has no versions %s to %s", test.name, test.first, test.last)
			continue
		}
		for _, version := range versions[from : to+1] {
			if v, _ := Find(test.name, version); v.Target != test.target {
				t.Errorf("%s %s writes spec %s, want %s", test.name, version, v.Target, test.target)
			}
		}
	}
}
