package sight

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// volume is the beginning of a volume that cryptsetup has made, and changed once.
func volume(t *testing.T, kind string) []byte {
	t.Helper()
	programs.Need(t, "cryptsetup")
	file := filepath.Join(t.TempDir(), "volume")
	script := `truncate -s 32M "$1"
		printf key | cryptsetup luksFormat -q --type "$2" --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid 2d16bd7d-ee30-4a5f-8c1c-2b3b6a8a7f01 "$1" -
		[ "$2" = luks1 ] || cryptsetup config --label vault --subsystem some "$1"`
	if said, err := exec.Command("sh", "-ec", script, "sh", file, kind).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data[:luksMaxHeader+luksMaxHeader/2]
}

func TestHeadersOfLUKS(t *testing.T) {
	v2, v1 := volume(t, "luks2"), volume(t, "luks1")
	first, second := luksBinary+100, luksFirstCopy+luksBinary+100 // in the metadata of each header
	for name, c := range map[string]struct {
		of     []byte
		damage func(b []byte)
		want   string // what is known, and the error
	}{
		"both headers are sound":                         {v2, func([]byte) {}, "2 vault some"},
		"the metadata of the first is damaged":           {v2, func(b []byte) { b[first]++ }, "2 vault some"},
		"the metadata of the second is damaged":          {v2, func(b []byte) { b[second]++ }, "2 vault some"},
		"both are damaged":                               {v2, func(b []byte) { b[first]++; b[second]++ }, "2 vault some: the LUKS header is damaged: its checksum is wrong"},
		"the first was written in part, over an older":   {v2, func(b []byte) { copy(b[208:], "other"); copy(b[448:], make([]byte, 64)) }, "2 vault some"},
		"the first is gone":                              {v2, func(b []byte) { clear(b[:luksFirstCopy]) }, "2 vault some: there is no LUKS header"},
		"both are gone":                                  {v2, func(b []byte) { clear(b[:2*luksFirstCopy]) }, "0  : there is no LUKS header"},
		"the size is impossible, and the second damaged": {v2, func(b []byte) { b[10] = 1; b[second]++ }, "2 vault some: the LUKS header has an impossible size"},
		"version 1": {v1, func([]byte) {}, "1  "},
	} {
		b := bytes.Clone(c.of)
		c.damage(b)
		h, err := parseLUKS(bytes.NewReader(b))
		got := strings.Join([]string{string(rune('0' + h.Version)), h.Label, h.Subsystem}, " ")
		if err != nil {
			got += ": " + err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if h.Version > 0 && h.UUID != "2d16bd7d-ee30-4a5f-8c1c-2b3b6a8a7f01" {
			t.Errorf("%s: UUID %q", name, h.UUID)
		}
	}
}

func FuzzLUKS(f *testing.F) {
	header := func(magic []byte) []byte {
		b := make([]byte, luksFirstCopy)
		copy(b, magic)
		b[7], b[14] = 2, luksFirstCopy>>8
		copy(b[208:], "subsystem")
		copy(b[luksBinary:], `{"tokens":{"0":{"type":"clevis"}},"config":{"flags":["allow-discards"]}}`)
		return b
	}
	f.Add(append(header(luksMagic), header(luksCopyMagic)...))
	f.Add(header(luksMagic))
	f.Add(append(make([]byte, luksFirstCopy), header(luksCopyMagic)...))
	f.Add([]byte("LUKS\xba\xbe\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseLUKS(bytes.NewReader(b))
		isHere := bytes.HasPrefix(b, luksMagic)
		if isHere == errors.Is(err, ErrNoLUKS) {
			t.Fatalf("the magic is there: %v, error %v", isHere, err)
		}
		if h.Version != 2 && (h.Subsystem != "" || h.Flags != nil) {
			t.Fatalf("version %d with %q", h.Version, h.Subsystem)
		}
	})
}
