package timeline

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/internal/exec/record"
)

var noon = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)

// operation is one that takes some of the milliseconds after noon.
func operation(target string, from, to int) record.Line {
	return record.Line{Event: "finished", Kind: "file", Target: target, Time: noon.Add(time.Duration(to) * time.Millisecond), Seconds: float64(to-from) / 1000}
}

func TestOperationsOfOneLaneDoNotOverlap(t *testing.T) {
	ops := []record.Line{operation("a", 0, 40), operation("b", 0, 10), operation("c", 10, 20), operation("d", 15, 16), operation("e", 40, 50)}
	lanes, of := lanesOf(ops)
	if want := []int{0, 1, 1, 2, 0}; lanes != 3 || !slices.Equal(of, want) {
		t.Errorf("%d lanes, %v, want %v", lanes, of, want)
	}
}

// hostile has texts that mean something in XML, and none at all.
func hostile() *record.Boot {
	failed := operation("</title><script>alert(1)</script>&\"'\x00\x1b\xff\nx", 5, 8)
	failed.Event, failed.Error, failed.Place = "failed", "it said <no>", "<c&d>.ign:1:2"
	return &record.Boot{Stages: []record.Stage{
		{Name: "fetch", Begin: noon, End: noon, IsComplete: true},
		{Name: "<files>", Begin: noon, End: noon.Add(10 * time.Millisecond), Failed: true, Operations: []record.Line{failed}},
	}}
}

func TestPicturesAreXML(t *testing.T) {
	many := &record.Boot{Stages: []record.Stage{{Name: "files", Begin: noon, End: noon.Add(5 * time.Second)}}}
	for i := range 5000 {
		many.Stages[0].Operations = append(many.Stages[0].Operations, operation(fmt.Sprint(i), i, i+3))
	}
	for name, boot := range map[string]*record.Boot{"hostile texts": hostile(), "5,000 operations": many} {
		var b strings.Builder
		if err := Write(&b, boot, "svg", 0); err != nil {
			t.Fatal(err)
		}
		bars := 0
		for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "title" {
				bars++
			} else if ok && e.Name.Local == "script" {
				t.Errorf("%s: there is a script", name)
			}
		}
		if want := boot.Operations() + len(boot.Stages); bars != want {
			t.Errorf("%s: %d bars, want %d", name, bars, want)
		}
	}
}

func TestPageIsSafe(t *testing.T) {
	var b strings.Builder
	if err := Write(&b, hostile(), "html", 5); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"&lt;script&gt;", "it said &lt;no&gt;", "&lt;c&amp;d&gt;.ign:1:2", "The longest operations"} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "\x00") {
		t.Error("a text is taken for more")
	}
}

func TestText(t *testing.T) {
	boot := &record.Boot{Stages: []record.Stage{
		{Name: "fetch", Begin: noon, End: noon.Add(1500 * time.Millisecond), IsComplete: true},
		{Name: "files", Begin: noon.Add(2 * time.Second), End: noon.Add(3 * time.Second), Kept: 2, Operations: []record.Line{operation("/short", 2000, 2010), operation("/long", 2010, 2900)}},
	}}
	var b strings.Builder
	if err := Write(&b, boot, "text", 1); err != nil {
		t.Fatal(err)
	}
	const want = `2026-11-21 12:00:00 UTC: 3.000 s for 2 operations, 2 more had nothing to do

    1.500 s  fetch          0 operations
    1.000 s  files          2 operations     did not end

The longest operations:
    0.890 s  files          file /long
`
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", &b, want)
	}
}
