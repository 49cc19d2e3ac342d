package drawing

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/internal/exec"
)

var update = flag.Bool("update", false, "rewrite testdata")

const (
	mib = 1 << 20
	gib = 1 << 30
)

// cases are disks that are hard to draw.
func cases() map[string]*exec.DiskPlan {
	many := &exec.DiskPlan{Device: "/dev/sdc", Node: "/dev/sdc", SizeBytes: 4 * gib, SectorSize: 4096, HadTable: true}
	for i := range 128 {
		s := exec.Slot{Number: i + 1, Label: fmt.Sprint("p", i), Start: uint64(1+i) * 16 * mib, Size: 16 * mib, Verb: exec.VerbKeep}
		many.Before, many.After = append(many.Before, s), append(many.After, s)
	}
	many.Before[99].Verb, many.After[99].Verb = exec.VerbWipe, exec.VerbCreate
	return map[string]*exec.DiskPlan{
		"node": {
			Device: "/dev/disk/by-id/virtio-root", Node: "/dev/vda", SizeBytes: 20 * gib, SectorSize: 512, HadTable: true,
			Before: []exec.Slot{
				{Number: 1, Label: "EFI-SYSTEM", Start: mib, Size: 127 * mib, Verb: exec.VerbKeep, Holds: "vfat"},
				{Number: 6, Label: "OEM", Start: 128 * mib, Size: 128 * mib, Verb: exec.VerbWipe, Holds: `ext4 labelled "OEM"`},
				{Number: 9, Label: "ROOT", Start: 256 * mib, Size: 2 * gib, Verb: exec.VerbResize, Holds: `ext4 labelled "ROOT"`},
			},
			After: []exec.Slot{
				{Number: 1, Label: "EFI-SYSTEM", Start: mib, Size: 127 * mib, Verb: exec.VerbKeep},
				{Number: 9, Label: "ROOT", Start: 256 * mib, Size: 12 * gib, Verb: exec.VerbResize},
				{Number: 2, Label: "var-lib-containers", Start: 12*gib + 256*mib, Size: 7*gib + 700*mib, Verb: exec.VerbCreate},
			},
		},
		"empty": {
			Device: "/dev/sdb", Node: "/dev/sdb", SizeBytes: 2 << 40, SectorSize: 4096, Holds: `xfs labelled "old"`,
			After: []exec.Slot{{Number: 1, Label: "data", Start: mib, Size: 2<<40 - 2*mib, Verb: exec.VerbCreate}},
		},
		"hostile": {
			Device: "/dev/sd\x1b[31m", Node: "/dev/sdd", SizeBytes: gib, SectorSize: 512, HadTable: true,
			Before: []exec.Slot{{Number: 1, Label: "a\n</svg><script>\x1b[2J", Start: mib, Size: 512 * mib, Verb: exec.VerbKeep}, {Number: 2, Label: "データ保存領域", Start: 513 * mib, Size: 511 * mib, Verb: exec.VerbWipe}},
			After:  []exec.Slot{{Number: 1, Label: "a\n</svg><script>\x1b[2J", Start: mib, Size: 512 * mib, Verb: exec.VerbKeep}},
		},
		"many": many,
	}
}

func TestGoldens(t *testing.T) {
	for name, d := range cases() {
		var losses []string
		if losesData(d) {
			losses = []string{"disk " + d.Device + ": a partition"}
		}
		for suffix, got := range map[string]string{
			".ascii.txt":  Text(d, Style{}, ""),
			".utf8.txt":   Text(d, Style{UTF8: true, Columns: 100}, "  "),
			".colors.txt": Text(d, Style{UTF8: true, Columns: 60, Colors: true}, ""),
			".svg":        SVG([]*exec.DiskPlan{d}, losses),
		} {
			file := filepath.Join("testdata", name+suffix)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s: \n%s\nwanted\n%s", file, got, want)
			}
		}
	}
}

func TestLinesAreAsWideAsTheTerminal(t *testing.T) {
	for name, d := range cases() {
		for columns := leastColumns; columns < 200; columns += 7 {
			for _, utf8 := range []bool{false, true} {
				text := Text(d, Style{Columns: columns, UTF8: utf8}, "  ")
				for line := range strings.Lines(text) {
					width := 0
					for _, c := range strings.TrimSuffix(line, "\n") {
						width += widthOf(c)
						if !utf8 && (c < ' ' || c > '~') {
							t.Fatalf("%s: %q is not ASCII", name, line)
						}
						if c == '\x1b' {
							t.Fatalf("%s: %q has a control character", name, line)
						}
					}
					if width != columns {
						t.Fatalf("%s: %q has %d columns, wanted %d", name, line, width, columns)
					}
				}
			}
		}
	}
}

func widthOf(c rune) int { return columns(c) }

func TestSVGIsXMLWithoutForeignElements(t *testing.T) {
	var all []*exec.DiskPlan
	for _, d := range cases() {
		all = append(all, d)
	}
	dec := xml.NewDecoder(strings.NewReader(SVG(all, []string{"<b>&\x00"})))
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && !strings.Contains(" svg style rect text tspan g title ", " "+e.Name.Local+" ") {
			t.Errorf("element %s", e.Name.Local)
		}
	}
}
