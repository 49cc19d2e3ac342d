package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// TestProgramsStaySmall compares the programs as `make build` makes them with the ledger.
func TestProgramsStaySmall(t *testing.T) {
	text, err := os.ReadFile("ledger.txt")
	if err != nil {
		t.Fatal(err)
	}
	old, err := parseLedger(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := old.String(); got != string(text) {
		t.Errorf("ledger.txt is not as `make size REASON='why'` writes it:\n%s", got)
	}
	var now ledger
	for _, p := range old.programs {
		path := programs.Path(t, p.name)
		if with := toolchain(path); with != old.toolchain {
			t.Skipf("the ledger was measured with %s, this program was built with %s", old.toolchain, with)
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		now.programs = append(now.programs, program{name: p.name, size: info.Size()})
	}
	if err := now.compare(old); err != nil {
		t.Error(err)
	}
	if size := now.program("ignition").size; size > 10e6 {
		t.Errorf("ignition weighs %d bytes: it goes into every initramfs, where 10 MB are its budget", size)
	}
}

func TestGrowthNeedsAReason(t *testing.T) {
	old := ledger{programs: []program{{name: "a", size: 1000}, {name: "b", size: 1000}}}
	for _, c := range []struct {
		name, says string
		a, b       int64
	}{
		{name: "nothing changed", a: 1000, b: 1000},
		{name: "a little more", a: 1030, b: 1000},
		{name: "too much more", a: 1031, b: 900, says: "a weighs 1031"},
		{name: "both too much", a: 1031, b: 2000, says: "b weighs 2000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := ledger{programs: []program{{name: "a", size: c.a}, {name: "b", size: c.b}}}.compare(old)
			if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, wanted %q", err, c.says)
			}
		})
	}
}

func TestSymbolsHavePackages(t *testing.T) {
	for symbol, want := range map[string]string{
		"net/http.(*Transport).dialConn":                                      "net/http",
		"gopkg.in/yaml%2ev3.(*decoder).scalar":                                "gopkg.in/yaml.v3",
		"slices.SortFunc[go.shape.[]example.com/m.T,go.shape.struct { A/b }]": "slices",
		"go:itab.*example.com/m/p.T,io.Reader":                                "example.com/m/p",
		"main.main.func1":                                                     "main",
		"_rt0_amd64_linux":                                                    "",
		"example.com/m.(*T)":                                                  "example.com/m",
	} {
		if got := packageOf(symbol); got != want {
			t.Errorf("%s belongs to %q, not %q", symbol, want, got)
		}
	}
}

func TestRowsOfAProgramAddUp(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := weigh(self, self)
	if err != nil {
		t.Skip("this test binary has no symbols: ", err)
	}
	var sum int64
	for _, r := range p.rows {
		sum += r.size
	}
	if d := p.size - sum; p.name != filepath.Base(self) || d < 0 || d > 1000 {
		t.Errorf("the rows of %s make %d of %d bytes", p.name, sum, p.size)
	}
}
