package mounts

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		line string
		want Mount
	}{
		"a device with optional fields": {
			"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:3 - ext3 /dev/root rw,errors=continue",
			Mount{Point: "/mnt2", Root: "/mnt1", Type: "ext3", Source: "/dev/root", Device: "98:0"},
		},
		"blanks and backslashes are escaped": {
			`40 35 0:31 / /a\040b\134c rw - 9p a\011tag rw`,
			Mount{Point: `/a b\c`, Root: "/", Type: "9p", Source: "a\ttag", Device: "0:31"},
		},
		"a mount may have no source": {
			"41 35 0:32 / /x rw - tmpfs  rw",
			Mount{Point: "/x", Root: "/", Type: "tmpfs", Device: "0:32"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(strings.NewReader(c.line + "\n"))
			if err != nil || !slices.Equal(got, []Mount{c.want}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	if _, err := Parse(strings.NewReader("36 35 98:0\n")); err == nil {
		t.Error("a short line is taken")
	}
}

func TestTheTopmostMountCounts(t *testing.T) {
	all := []Mount{{Point: "/a", Source: "below"}, {Point: "/b"}, {Point: "/a", Source: "top"}}
	if m, ok := At(all, "/a"); !ok || m.Source != "top" {
		t.Errorf("got %+v", m)
	}
	if _, ok := At(all, "/c"); ok {
		t.Error("something is at /c")
	}
}

func TestTheMachineHasMounts(t *testing.T) {
	all, err := All()
	if err != nil || len(all) == 0 {
		t.Errorf("got %v, %v", all, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n")
	f.Add(`40 35 0:31 / /a\040b\134c\7 rw - 9p tag rw`)
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = Parse(strings.NewReader(text)) // must not crash
	})
}
