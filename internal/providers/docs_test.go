package providers

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the table in the manual")

const manual = "../../docs/platforms.md"

// row is the line of a platform in the manual.
func row(p Platform) string {
	var asks []string
	for _, place := range p.Places() {
		asks = append(asks, "`"+place+"`")
	}
	if asks == nil {
		asks = []string{"nothing"}
	}
	network := "no"
	if p.NeedsNet() {
		network = "yes"
	}
	if p.ID == "nocloud" {
		network = "for a seed with a URL"
	}
	return fmt.Sprintf("| `%s` | %s | %s | %s |", p.ID, p.About, strings.Join(asks, ", "), network)
}

func TestManualHasTheTable(t *testing.T) {
	data, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	var before, after, have []string
	for line := range strings.SplitSeq(strings.TrimRight(string(data), "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "| `"):
			have = append(have, line)
		case have == nil:
			before = append(before, line)
		default:
			after = append(after, line)
		}
	}
	var want []string
	for _, p := range Table() {
		want = append(want, row(p))
	}
	if *update {
		all := append(append(before, want...), after...)
		if err := os.WriteFile(manual, []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for i := range max(len(want), len(have)) {
		switch {
		case i >= len(have):
			t.Errorf("missing: %s", want[i])
		case i >= len(want):
			t.Errorf("too much: %s", have[i])
		case want[i] != have[i]:
			t.Errorf("the manual has\n%s\nwant\n%s", have[i], want[i])
		}
	}
}
