package resource

import (
	"os"
	"path/filepath"
	"testing"
)

func TestContentsFitIntoMemory(t *testing.T) {
	defer func(before string) { meminfo = before }(meminfo)
	if free := FreeMemory(); free < 1<<20 {
		t.Errorf("this machine has %d bytes", free)
	}
	meminfo = filepath.Join(t.TempDir(), "meminfo")
	const limit = 256 << 20
	for text, want := range map[string]int{
		"":                           limit,
		"MemTotal: 1 kB\n":           limit,
		"MemAvailable: many kB\n":    limit,
		"MemAvailable:   -5 kB\n":    limit,
		"MemAvailable: 0 kB\n":       limit, // nobody is so poor: it is not told
		"MemAvailable:   100 kB\n":   1 << 20,
		"MemAvailable: 61440 kB\n":   10 << 20,
		"MemAvailable: 6144000 kB\n": limit,
		"MemTotal: 9 kB\nMemAvailable: 12288 kB\nBuffers: 1 kB\n": 2 << 20,
	} {
		if err := os.WriteFile(meminfo, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := Affordable(limit); got != want {
			t.Errorf("%q: %d bytes, want %d", text, got, want)
		}
	}
}
