package op

import (
	"testing"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec/sight"
)

// TestWhichFileSystemsAreKept: for each format, what of another one is the wanted one.
func TestWhichFileSystemsAreKept(t *testing.T) {
	const long, other = "2d16bd7d-ee30-4a5f-8c1c-2b3b6a8a7f01", "3d16bd7d-ee30-4a5f-8c1c-2b3b6a8a7f01"
	for format := range makers {
		uuid, another := long, other
		if format == "vfat" {
			uuid, another = "2E24-EC82", "2E24-EC83"
		}
		is := sight.Signature{Format: format, Label: "data", UUID: uuid}
		for _, c := range []struct {
			name        string
			label, uuid *string
			want        bool
		}{
			{"nothing else is asked for", nil, nil, true},
			{"the label", text("data"), nil, true},
			{"another label", text("other"), nil, false},
			{"no label", text(""), nil, false},
			{"the UUID", nil, text(uuid), true},
			{"another UUID", nil, text(another), false},
			{"the label, and another UUID", text("data"), text(another), false},
		} {
			o := Filesystem{Want: types.Filesystem{Format: &format, Label: c.label, UUID: c.uuid}}
			if got := o.matches(is); got != c.want {
				t.Errorf("%s, %s: it matches: %t", format, c.name, got)
			}
		}
		unlike := "xfs"
		if format == unlike {
			unlike = "ext4"
		}
		if o := (Filesystem{Want: types.Filesystem{Format: &unlike}}); o.matches(is) {
			t.Errorf("%s is taken for %s", format, unlike)
		}
	}
	vfat := "vfat"
	o := Filesystem{Want: types.Filesystem{Format: &vfat, UUID: text("2e24ec82")}}
	if !o.matches(sight.Signature{Format: "vfat", UUID: "2E24-EC82"}) {
		t.Error("a volume id without dash is another one")
	}
}

func text(s string) *string { return &s }
