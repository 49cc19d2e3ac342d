package record

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
)

// TestRecordIsReadBack: two stages of a boot, the second of which failed.
func TestRecordIsReadBack(t *testing.T) {
	name := filepath.Join(t.TempDir(), "new", "events.jsonl")
	begin := time.Now()
	what := &exec.Description{Kind: "file", Target: "/etc/motd"}
	failure := errors.New("no room")
	for _, c := range []struct {
		stage   string
		outcome error
		events  []exec.Event
	}{
		{"disks", nil, []exec.Event{
			{Kind: exec.Started, Op: 1, What: what, Time: begin},
			{Kind: exec.Called, Command: &run.Record{Argv: []string{"udevadm", "settle"}}, Time: begin.Add(2 * time.Second), Duration: time.Second},
			{Kind: exec.Finished, Op: 1, What: what, Time: begin.Add(3 * time.Second), Duration: 3 * time.Second, Bytes: 7},
			{Kind: exec.Kept, Op: 2, What: what, Time: begin},
		}},
		{"files", failure, []exec.Event{
			{Kind: exec.Warned, Text: "hm", Time: begin.Add(4 * time.Second)},
			{Kind: exec.Failed, Op: 1, What: what, Time: begin.Add(5 * time.Second), Err: &exec.Problem{Stage: "files", What: what, Err: failure}},
		}},
	} {
		r, err := Open(name, c.stage, Engine{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.events {
			r.Sink(e)
		}
		if err := r.Close(c.outcome); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode() != fileMode {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := Read(name, f)
	if err != nil || len(b.Stages) != 2 {
		t.Fatalf("%+v, %v", b, err)
	}
	disks, files := b.Stages[0], b.Stages[1]
	if !disks.IsComplete || disks.Failed || disks.Kept != 1 || len(disks.Operations) != 2 {
		t.Errorf("disks: %+v", disks)
	}
	for i, want := range []string{"file /etc/motd", "program udevadm"} {
		if o := disks.Operations[i]; o.Kind+" "+o.Target != want {
			t.Errorf("operation %d: %+v, want %s", i, o, want)
		}
	}
	if !files.Failed || len(files.Warnings) != 1 || len(files.Operations) != 1 || files.Operations[0].Error != "no room" {
		t.Errorf("files: %+v", files)
	}
}

// TestTooManyEvents: a file does not grow without end.
func TestTooManyEvents(t *testing.T) {
	name := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(name, []byte(strings.Repeat("\n", maxBytes)), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Open(name, "files", Engine{})
	if err != nil {
		t.Fatal(err)
	}
	r.Sink(exec.Event{Kind: exec.Warned, Text: "one more"})
	if err := r.Close(nil); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(name); err != nil || info.Size() != maxBytes {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
}

const start = `{"format":1,"time":"2026-11-21T12:00:00Z","event":"stage-started","stage":"files"}` + "\n"

func TestGarbageIsRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "events: there are no events in it"},
		{"no JSON", "root:x:0:0\n", "events:1: this is no event: unexpected 'r' where a value should begin"},
		{"a list", start + "[1]\n", "events:2: this is no event"},
		{"a wrong type", start + `{"format":1,"stage":7}`, "events:2: this is no event: stage must not be the number 7"},
		{"another format", `{"format":2,"time":"2026-11-21T12:00:00Z","event":"kept","stage":"files"}`, "events:1: events of format 2 cannot be read"},
		{"no time", `{"format":1,"event":"kept","stage":"files"}`, "events:1: this is no event: it has no stage or no time"},
		{"a negative duration", start + `{"format":1,"time":"2026-11-21T12:00:00Z","event":"finished","stage":"files","seconds":-1}`, "events:2: an event cannot take -1 seconds"},
		{"a duration of ages", start + `{"format":1,"time":"2026-11-21T12:00:00Z","event":"finished","stage":"files","seconds":1e300}`, "events:2: an event cannot take 1e+300 seconds"},
		{"a long line", start + strings.Repeat("x", maxLine+1), "events:2: the line is longer than"},
	} {
		_, err := Read("events", strings.NewReader(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// FuzzRead: whatever is in a file, what is read of it is in order.
func FuzzRead(f *testing.F) {
	f.Add([]byte(start + `{"format":1,"time":"2026-11-21T12:00:01Z","event":"finished","stage":"files","op":1,"kind":"file","seconds":0.5}`))
	f.Add([]byte(start + `{"format":1,"time":"2026-11-21T12:00:01Z","event":"called","stage":"disks","command":["mdadm"],"error":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Read("events", strings.NewReader(string(data)))
		if err != nil {
			return
		}
		for _, s := range b.Stages {
			if s.End.Before(s.Begin) {
				t.Errorf("%s ends before it begins", s.Name)
			}
			for i := 1; i < len(s.Operations); i++ {
				if s.Operations[i].Begin().Before(s.Operations[i-1].Begin()) {
					t.Errorf("%s: operations are not in order", s.Name)
				}
			}
		}
	})
}
