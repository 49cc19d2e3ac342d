package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/internal/sysroot"
)

// fake is an operation that notes when it is called.
type fake struct {
	about    Description
	action   Action
	conflict error
	failure  error
	gate     chan struct{} // Apply waits for it

	mu      *sync.Mutex
	applied *[]string
}

func (f *fake) Describe() *Description { return &f.about }

func (f *fake) Check(context.Context, *Env) (Finding, error) {
	return Finding{Action: f.action}, f.conflict
}

func (f *fake) Apply(ctx context.Context, env *Env) (Outcome, error) {
	if f.gate != nil {
		<-f.gate
	}
	f.mu.Lock()
	*f.applied = append(*f.applied, f.about.Target)
	f.mu.Unlock()
	env.Note(ctx, "in "+f.about.Target, nil)
	return Outcome{Bytes: 1}, f.failure
}

// bench holds fakes and what happened to them.
type bench struct {
	t       *testing.T
	mu      sync.Mutex
	applied []string
	ops     []Operation
	events  []string
	reads   func(Event) // sees each event first
}

func (b *bench) add(name, needs, provides string, change func(*fake)) {
	keys := func(s string) []Key {
		var out []Key
		for n := range strings.FieldsSeq(s) {
			if strings.HasPrefix(n, "/") {
				out = append(out, PathKey(n))
			} else {
				out = append(out, MilestoneKey(n))
			}
		}
		return out
	}
	f := &fake{
		about:  Description{Kind: "fake", Target: name, Needs: keys(needs), Provides: keys(provides)},
		action: Create, mu: &b.mu, applied: &b.applied,
	}
	if change != nil {
		change(f)
	}
	b.ops = append(b.ops, f)
}

func (b *bench) run() (Plan, error) {
	b.t.Helper()
	root, err := sysroot.Open(b.t.TempDir())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = root.Close() })
	e := Engine{Stage: "test", Root: root, Sink: func(e Event) {
		if b.reads != nil {
			b.reads(e)
		}
		name := ""
		if e.What != nil {
			name = e.What.Target
		}
		b.events = append(b.events, fmt.Sprintf("%d %v %s%s", e.Op, e.Kind, name, e.Text))
	}}
	return e.Run(b.t.Context(), b.ops)
}

func (b *bench) before(first, second string) {
	b.t.Helper()
	i, j := slices.Index(b.applied, first), slices.Index(b.applied, second)
	if i < 0 || j < 0 || i > j {
		b.t.Errorf("%s is not before %s: %v", first, second, b.applied)
	}
}

func TestOrderFollowsNeeds(t *testing.T) {
	for range 20 {
		b := &bench{t: t}
		b.add("file", "accounts", "/a/b/c", nil)
		b.add("deep", "", "/a/b/c/d/e", nil)
		b.add("directory", "accounts", "/a", nil)
		b.add("user 1", "", "accounts", nil)
		b.add("user 2", "", "accounts", nil)
		b.add("last", "accounts nobody-provides-this", "", nil)
		if _, err := b.run(); err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]string{{"user 1", "directory"}, {"user 2", "directory"}, {"directory", "file"}, {"file", "deep"}, {"user 2", "last"}} {
			b.before(pair[0], pair[1])
		}
	}
}

func TestEventsComeInTheOrderOfThePlan(t *testing.T) {
	b := &bench{t: t}
	gate := make(chan struct{})
	b.add("slow", "", "", func(f *fake) { f.gate = gate })
	b.add("kept", "", "", func(f *fake) { f.action = Keep })
	b.add("opener", "", "", func(f *fake) { f.action = Keep })
	b.add("quick", "", "", nil)
	go close(gate)
	if _, err := b.run(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"0 counted ", "1 started slow", "1 noted in slow", "1 finished slow", "2 kept kept", "3 kept opener",
		"4 started quick", "4 noted in quick", "4 finished quick",
	}
	if !slices.Equal(b.events, want) {
		t.Errorf("events are\n%s", strings.Join(b.events, "\n"))
	}
}

func TestASlowReaderOfEventsStopsNobody(t *testing.T) {
	b := &bench{t: t}
	second := make(chan struct{})
	b.add("first", "", "", nil)
	b.add("second", "", "", func(f *fake) { f.gate = second })
	b.add("third", "", "", nil)
	b.reads = func(e Event) {
		if e.Kind != Finished || e.What.Target != "first" {
			return
		}
		close(second)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			b.mu.Lock()
			n := len(b.applied)
			b.mu.Unlock()
			if n == len(b.ops) {
				return
			}
			if time.Now().After(deadline) {
				t.Error("the others wait for the reader")
				return
			}
		}
	}
	if _, err := b.run(); err != nil {
		t.Fatal(err)
	}
	if want := 1 + 3*len(b.ops); len(b.events) != want {
		t.Errorf("%d events, want %d", len(b.events), want)
	}
}

func TestConflictsStopEverythingAndAreAllReported(t *testing.T) {
	b := &bench{t: t}
	one, two := errors.New("one"), errors.New("two")
	b.add("a", "", "", func(f *fake) { f.conflict = one })
	b.add("b", "", "", nil)
	b.add("c", "", "", func(f *fake) { f.conflict = WithHelp(two, "do it") })
	_, err := b.run()
	if !errors.Is(err, one) || !errors.Is(err, two) {
		t.Errorf("error %v", err)
	}
	var ps Problems
	if !errors.As(err, &ps) || ps.Text() != "test: fake a: one\ntest: fake c: two\n  help:     do it\n" {
		t.Errorf("text %q", ps.Text())
	}
	if b.applied != nil {
		t.Errorf("applied %v", b.applied)
	}
}

func TestFailureStopsWhatComesAfter(t *testing.T) {
	b := &bench{t: t}
	failure := errors.New("failure")
	b.add("a", "", "x", func(f *fake) { f.failure = failure })
	b.add("b", "x", "", nil)
	if _, err := b.run(); !errors.Is(err, failure) {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(b.applied, []string{"a"}) {
		t.Errorf("applied %v", b.applied)
	}
}

func TestWhatDependsOnAChangeIsLookedAtAgain(t *testing.T) {
	b := &bench{t: t}
	b.add("changed", "", "/a milestone", nil)
	b.add("kept", "", "/b milestone", func(f *fake) { f.action = Keep })
	b.add("link", "/a", "", func(f *fake) { f.action = Keep })
	b.add("other", "/b milestone", "", func(f *fake) { f.action = Keep })
	if _, err := b.run(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.applied, []string{"changed", "link"}) {
		t.Errorf("applied %v", b.applied)
	}
}

func TestOperationsInACircleAreAnError(t *testing.T) {
	b := &bench{t: t}
	b.add("a", "x", "y", nil)
	b.add("b", "y", "x", nil)
	if _, err := b.run(); !errors.Is(err, errCircle) {
		t.Errorf("error %v", err)
	}
}
