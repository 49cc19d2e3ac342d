package source

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// plainPosition is Position by the book.
func plainPosition(data string, offset int) Position {
	before := data[:offset]
	start := strings.LastIndexByte(before, '\n') + 1
	return Position{
		Line:       1 + strings.Count(before, "\n"),
		Column:     1 + utf8.RuneCountInString(before[start:]),
		ByteColumn: 1 + offset - start,
	}
}

func TestPositionInLongLines(t *testing.T) {
	for _, unit := range []string{"a", "é", "a€\xff", "日本\n語", "xyz\r\n"} {
		for _, n := range []int{1, 1000, 9000} {
			data := "ü\n" + strings.Repeat(unit, n)
			f := NewFile("x", []byte(data))
			for offset := 0; ; {
				got, want := f.Position(offset), plainPosition(data, offset)
				if got != want {
					t.Fatalf("%d times %q: offset %d is at %+v, want %+v", n, unit, offset, got, want)
				}
				if back := f.offsetOf(got.Line, got.Column); back != offset {
					t.Fatalf("%d times %q: offset %d comes back as %d", n, unit, offset, back)
				}
				if offset == len(data) {
					break
				}
				for step := 0; step < 97 && offset < len(data); step++ {
					_, size := utf8.DecodeRuneInString(data[offset:])
					offset += size
				}
			}
		}
	}
}

func TestExcerpt(t *testing.T) {
	f := NewFile("x", []byte("first\r\nabc déf secret ghi\n\nlast"))
	for _, c := range []struct {
		name       string
		start, end int
		n          int
		want       string
	}{
		{"a whole line", 11, 15, 50, `"abc "+"déf"+" •••••• ghi" false false`},
		{"cut on both sides", 11, 15, 2, `"c "+"dé"+"f " true true`},
		{"a range over the line end", 23, 100, 50, `"abc déf •••••• "+"ghi"+"" false false`},
		{"an empty range", 7, 7, 3, `""+""+"abc" false true`},
		{"inside what is hidden", 16, 20, 3, `"éf "+"•••"+"•••" true true`},
		{"an empty line", 27, 27, 3, `""+""+"" false false`},
		{"the end", 32, 32, 10, `"last"+""+"" false false`},
		{"a carriage return", 5, 6, 10, `"first"+""+"" false false`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.Hide(16, 19)
			f.Hide(18, 22)
			e := Range{File: f, Start: c.start, End: c.end}.Excerpt(c.n)
			got := fmt.Sprintf("%q+%q+%q %t %t", e.Before, e.Marked, e.After, e.CutBefore, e.CutAfter)
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestHideJoinsParts(t *testing.T) {
	f := NewFile("x", []byte(strings.Repeat("x", 100)))
	for _, s := range [][2]int{{50, 60}, {10, 20}, {30, 40}, {15, 32}, {70, 70}, {59, 61}, {0, 1}} {
		f.Hide(s[0], s[1])
	}
	if got := fmt.Sprint(f.hidden); got != "[{0 1} {10 40} {50 61}]" {
		t.Error(got)
	}
}

func TestMergeKeysAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("a: &a\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "  k%d: 1\n", i)
	}
	b.WriteString("b:\n")
	for range 5000 {
		b.WriteString("- <<: *a\n")
	}
	_, errs := ParseYAML(NewFile("x", []byte(b.String())))
	if len(errs) != 1 || !strings.Contains(errs[0].Message, "aliases") {
		t.Errorf("got %v", errs)
	}
}

func TestContentsAreHidden(t *testing.T) {
	for text, want := range map[string]string{
		`{"path":"/x"}`:                            `{"path":"/x"}`,
		`{"source":"data:,s3cret","mode":420}`:     `{"source":"data:•••••••","mode":420}`,
		`{"source":"data:,a\"s3cret","a":"data:"}`: `{"source":"data:••••••••••","a":"data:"}`,
		`"source":"data:,s3cret`:                   `"source":"data:•••••••`,
		`"data:,s3cret\`:                           `"data:•••••••\`,
		"source: data:,s3cret\nmode: 0600":         "source: data:•••••••\nmode: 0600",
		"inline: s3cret, more\nmode: 0600":         "inline:•••••••••••••\nmode: 0600",
		`{"inline" : "s3cret"}`:                    `{"inline" :••••••••••`,
		"- inlined: x\n- update: y":                "- inlined: x\n- update: y",
	} {
		f := NewFile("", []byte(text))
		f.HideContents()
		if got := f.shown(0, len(text)); got != want {
			t.Errorf("%s is shown as %s, want %s", text, got, want)
		}
	}
}
