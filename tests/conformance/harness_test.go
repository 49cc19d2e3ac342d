// Package conformance runs the built programs on the conformance data: inputs, and
// what the reference implementations made of them.
package conformance

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// data is a folder of the conformance data, which lies beside the repository.
func data(t testing.TB, folder string) string {
	t.Helper()
	dir := filepath.Join(programs.Root(t), "..", "shared", "conformance", folder)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the conformance data is not here: %v", err)
	}
	return dir
}

// readCases reads a file with one JSON object on each line.
func readCases[T any](t testing.TB, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []T
	for dec := json.NewDecoder(bufio.NewReaderSize(f, 1<<20)); ; {
		var c T
		switch err := dec.Decode(&c); err {
		case nil:
			out = append(out, c)
		case io.EOF:
			if len(out) == 0 {
				t.Fatalf("%s has no cases", path)
			}
			return out
		default:
			t.Fatalf("%s, after %d cases: %v", path, len(out), err)
		}
	}
}

// entry is one finding, as far as it is judged.
type entry struct {
	Kind string `json:"kind"`
	Line int    `json:"line"`
	Col  int    `json:"col"`
}

// sameEntries judges the set of findings. A wanted entry without a position is
// met by any of its kind; when none is wanted, ones without a position are ignored.
func sameEntries(got, want []entry) bool {
	left := map[entry]bool{}
	for _, e := range got {
		left[e] = true
	}
	anywhere := map[string]bool{}
	for _, e := range want {
		if e.Line == 0 {
			anywhere[e.Kind] = true
		}
	}
	for kind := range anywhere {
		found := false
		for e := range left {
			found = found || e.Kind == kind
		}
		if !found {
			return false
		}
	}
	wanted := map[entry]bool{}
	for _, e := range want {
		if e.Line != 0 && !left[e] {
			return false
		}
		wanted[e] = true
	}
	for e := range left {
		if !wanted[e] && !anywhere[e.Kind] && (e.Line != 0 || len(want) > 0) {
			return false
		}
	}
	return true
}

// parseJSON reads a JSON value. Numbers become float64.
func parseJSON(text []byte) (any, error) {
	var v any
	err := json.Unmarshal(text, &v)
	return v, err
}

// canonical drops the members of objects that are null or empty.
func canonical(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, m := range v {
			m = canonical(m)
			v[k] = m
			switch m := m.(type) {
			case nil:
				delete(v, k)
			case map[string]any:
				if len(m) == 0 {
					delete(v, k)
				}
			case []any:
				if len(m) == 0 {
					delete(v, k)
				}
			}
		}
	case []any:
		for i := range v {
			v[i] = canonical(v[i])
		}
	}
	return v
}

// sameConfig compares a config with the accepted ones by their canonical forms.
func sameConfig(t testing.TB, got []byte, accepted ...json.RawMessage) bool {
	t.Helper()
	g, err := parseJSON(got)
	if err != nil {
		t.Errorf("the config is not JSON: %v", err)
		return false
	}
	g = canonical(g)
	for _, a := range accepted {
		w, err := parseJSON(a)
		if err != nil {
			t.Fatal(err)
		}
		if reflect.DeepEqual(g, canonical(w)) {
			return true
		}
	}
	return false
}

// unpacked replaces data URLs of gzip data by what they hold: two encoders may
// pack the same content differently. Whole numbers become float64.
func unpacked(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = unpacked(v[k])
		}
	case []any:
		for i := range v {
			v[i] = unpacked(v[i])
		}
	case int:
		return float64(v)
	case string:
		head, packed, ok := strings.Cut(v, ";base64,")
		if !ok || !strings.HasPrefix(head, "data:") {
			return v
		}
		raw, err := base64.StdEncoding.DecodeString(packed)
		if err != nil {
			return v
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return v
		}
		content, err := io.ReadAll(z)
		if err != nil {
			return v
		}
		return "gzip " + head + " " + string(content)
	}
	return v
}

// deviation is a line of deviations.txt.
type deviation struct {
	kind, reason string
	used         bool
}

const differs = "differs"

// readDeviations reads the deviations among the given cases.
func readDeviations(t testing.TB, cases map[string]bool) map[string]*deviation {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(programs.Root(t), "tests", "conformance", "deviations.txt"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*deviation{}
	for number, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || strings.HasPrefix(line, "#"):
			continue
		case len(fields) < 3:
			t.Fatalf("deviations.txt, line %d: ID, kind and reason are needed", number+1)
		case fields[1] != differs && betterPositions[fields[1]] == nil:
			t.Fatalf("deviations.txt, line %d: %q is no kind of deviation", number+1, fields[1])
		case out[fields[0]] != nil:
			t.Fatalf("deviations.txt, line %d: %s is there twice", number+1, fields[0])
		}
		if cases[fields[0]] {
			out[fields[0]] = &deviation{kind: fields[1], reason: strings.Join(fields[2:], " ")}
		}
	}
	return out
}

// outcome is how a case went.
type outcome struct {
	// same: everything but the positions is as wanted.
	same bool
	// positions: the findings are as wanted.
	positions bool
	// better are the kinds of better positions that explain the difference.
	better    []string
	got, want any // findings, for the report
	details   string
}

// suite judges the cases of one file and keeps account of deviations.
type suite struct {
	mu         sync.Mutex
	deviations map[string]*deviation
	passed     int
}

func newSuite(t testing.TB, ids []string) *suite {
	cases := map[string]bool{}
	for _, id := range ids {
		if cases[id] {
			t.Fatalf("there are two cases %s", id)
		}
		cases[id] = true
	}
	return &suite{deviations: readDeviations(t, cases)}
}

// judge reports a case that is neither as wanted nor a deliberate deviation.
func (s *suite) judge(t testing.TB, id string, o outcome) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.deviations[id]
	if o.same && o.positions {
		s.passed++
		return
	}
	if d != nil {
		d.used = true
		if d.kind == differs || o.same && slices.Contains(o.better, d.kind) {
			return
		}
	}
	t.Errorf("%s\ngot  %v\nwant %v\nkinds of better positions: %q", o.details, o.got, o.want, o.better)
}

// finish reports deviations that did not happen. Call it when all cases ran.
func (s *suite) finish(t testing.TB) {
	t.Helper()
	used := 0
	for id, d := range s.deviations {
		if !d.used {
			t.Errorf("deviations.txt lists %s, which passes: %s", id, d.reason)
			continue
		}
		used++
	}
	t.Logf("%d cases passed, %d deviate deliberately", s.passed, used)
}
