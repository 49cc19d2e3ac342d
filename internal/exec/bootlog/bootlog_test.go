package bootlog

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/internal/exec/record"
)

// TestScreenFits: whatever has failed, it is one screen.
func TestScreenFits(t *testing.T) {
	long := strings.Repeat("word ", 200) + strings.Repeat("x", 500) + "\x1b[2J\r\n"
	p := Problem{What: long, Cause: long, Path: long, Place: long, Excerpt: strings.Repeat("e", 60), Mark: &[2]int{20, 40}, Command: long, Said: long, Help: long}
	for _, f := range []Failure{
		{Stage: "files", Problems: []Problem{{Cause: "x"}}},
		{Stage: "files", Problems: []Problem{p, p, p}, More: 7, Done: 9, Last: []string{long, long}, Attempt: 1000, Same: 999, Config: &record.Config{SHA512: long}},
		{Stage: "disks"},
	} {
		screen := f.Screen(long)
		lines := strings.Split(strings.TrimSuffix(screen, "\n"), "\n")
		if len(lines) > 24 {
			t.Errorf("%d lines:\n%s", len(lines), screen)
		}
		for _, l := range lines {
			if n := len([]rune(l)); n > 80 {
				t.Errorf("%d characters: %q", n, l)
			}
		}
		if strings.ContainsAny(screen, "\x1b\r") {
			t.Errorf("it moves the cursor: %q", screen)
		}
	}
	many := Failure{Stage: "files"}
	for i := range 10 {
		many.Problems = append(many.Problems, Problem{What: fmt.Sprint("file ", i), Cause: "no", Help: "yes"})
	}
	if s := many.Screen("log"); !strings.Contains(s, "file 0: no") || !strings.Contains(s, "problems more") {
		t.Errorf("many problems:\n%s", s)
	}
}

func TestAttemptsAreCounted(t *testing.T) {
	var a Attempts
	one, two := &record.Config{SHA512: "1"}, &record.Config{SHA512: "2"}
	for i, c := range []struct {
		boot        string
		config      *record.Config
		count, same int
	}{
		{"a", one, 1, 1}, {"a", one, 1, 1}, {"b", one, 2, 2}, {"c", two, 3, 1}, {"d", nil, 4, 1}, {"e", nil, 5, 2},
	} {
		f := FailureOf("fetch", errors.New("no"), &Summary{})
		f.BootID, f.Config = c.boot, c.config
		if a.Add(&f); f.Attempt != c.count || f.Same != c.same {
			t.Errorf("%d: attempt %d, %d with the same config; want %d and %d", i, f.Attempt, f.Same, c.count, c.same)
		}
	}
	if n := len(a.All()); n != 5 {
		t.Errorf("%d attempts are known", n)
	}
	for i := range 100 {
		a.Add(&Failure{BootID: fmt.Sprint(i)})
	}
	if n := len(a.All()); n != maxEarlier+1 || a.Count != 105 {
		t.Errorf("%d of %d attempts are kept", n, a.Count)
	}
}

// FuzzParseAttempts: what was kept on a disk may be anything.
func FuzzParseAttempts(f *testing.F) {
	f.Add([]byte(`{"count":2,"sameConfig":1,"last":{"stage":"files","problems":[{"cause":"x"}]}}`))
	f.Add([]byte(`{"count":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a := ParseAttempts(data)
		failure := Failure{Stage: "files", BootID: "new"}
		a.Add(&failure)
		if failure.Attempt < 1 || failure.Same < 1 || len(a.All()) > 1+max(maxEarlier, len(a.Earlier)) {
			t.Errorf("%+v", failure)
		}
		if a.Last != nil && a.Last.Screen("log") == "" {
			t.Error("nothing is shown")
		}
	})
}
