package probe

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestContent(t *testing.T) {
	fs := func(name string) Signature {
		return Signature{Type: name, Usage: Filesystem, Places: []Place{{64, 2}}}
	}
	disc := Signature{Type: "udf", Usage: Filesystem, tolerant: true}
	luks := Signature{Type: "crypto_LUKS", Usage: Crypto}
	table := Signature{Type: "gpt", Usage: Table}
	damaged := Signature{Type: "LVM2_member", Usage: RAID, Damaged: true}
	for name, c := range map[string]struct {
		found []Signature
		want  string
	}{
		"nothing":                           {nil, ""},
		"only a table":                      {[]Signature{table}, ""},
		"a file system and a table":         {[]Signature{fs("ntfs"), table}, "ntfs"},
		"an encrypted volume over old ext4": {[]Signature{luks, fs("ext4")}, "crypto_LUKS"},
		"a damaged one, and nothing else":   {[]Signature{damaged, table}, "LVM2_member"},
		"a damaged one, and a file system":  {[]Signature{damaged, fs("ext4")}, "ext4"},
		"two file systems":                  {[]Signature{fs("xfs"), fs("ext4")}, "several things at once: xfs at byte 64; ext4 at byte 64"},
		"a disc with two on purpose":        {[]Signature{disc, {Type: "iso9660", Usage: Filesystem, tolerant: true}}, "udf"},
		"a disc and another":                {[]Signature{disc, fs("ext4")}, "udf; ext4"},
	} {
		got, err := Report{Signatures: c.found}.Content()
		said := got.Type
		var ambivalent *AmbivalentError
		if errors.As(err, &ambivalent) {
			said = err.Error()
		}
		if said != c.want && (err == nil || !strings.Contains(said, c.want)) {
			t.Errorf("%s: got %q, want %q", name, said, c.want)
		}
	}
}

// broken fails to read beyond the start.
type broken struct{}

func (broken) ReadAt(p []byte, at int64) (int, error) {
	if at > 0 {
		return 0, errors.New("input/output error")
	}
	return len(p), nil
}

func TestAnErrorOfTheDiskIsNoAbsence(t *testing.T) {
	if _, err := Probe(broken{}, 1<<30); err == nil || !strings.Contains(err.Error(), "input/output error") {
		t.Errorf("got %v", err)
	}
	if _, err := Probe(strings.NewReader("short"), 1<<30); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("shorter than it says: %v", err)
	}
}

func FuzzProbe(f *testing.F) {
	for _, img := range crafted() {
		f.Add(img[:8192], img[len(img)-128<<10:], uint32(len(img)))
	}
	var all []byte
	for _, row := range formats {
		for _, m := range row.magics[:min(2, len(row.magics))] {
			if m.base == nil && m.at < 70000 {
				img := make([]byte, m.at+2048)
				copy(img[m.at:], m.text)
				f.Add(img, all, uint32(1<<20))
			}
		}
	}
	f.Fuzz(func(t *testing.T, head, tail []byte, size uint32) {
		img := make([]byte, size%(8<<20))
		copy(img, head)
		copy(img[len(img)-min(len(img), len(tail)):], tail)
		before := bytes.Clone(img)
		report, err := Probe(bytes.NewReader(img), int64(len(img)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(before, img) {
			t.Fatal("probing wrote")
		}
		for _, s := range report.Signatures {
			for _, p := range s.Places {
				if p.Offset < 0 || p.Offset+int64(p.Length) > int64(len(img)) || p.Length == 0 {
					t.Fatalf("%s at a place outside: %+v", s.Type, p)
				}
			}
		}
	})
}
