package consoles

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/internal/exec"
)

// TestProgressTakesAThirdOfASlowLine: thousands of operations in ten seconds, on a clock
// of the test.
func TestProgressTakesAThirdOfASlowLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	line, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Unix(1_000_000, 0)
	p := &Progress{
		stage: "files", start: clock, now: func() time.Time { return clock }, ttys: []*tty{line},
		running: map[int]begun{}, tokens: maxBurst, filled: clock, quiet: clock, stop: make(chan struct{}),
	}
	const seconds, operations = 10, 5000
	p.Sink(exec.Event{Kind: exec.Counted, Count: operations})
	what := &exec.Description{Kind: "file", Target: "/" + strings.Repeat("long", 30) + "\x1b[2J"}
	for op := 1; op <= operations; op++ {
		clock = clock.Add(seconds * time.Second / operations)
		p.Sink(exec.Event{Kind: exec.Started, Op: op, What: what, Time: clock})
		p.Sink(exec.Event{Kind: exec.Finished, Op: op, What: what, Time: clock})
	}
	p.Say("the end")
	p.Close()
	shown, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(shown), "\r\n"), "\r\n")
	if n := len(lines); n < 4*seconds || n > 4*seconds+maxBurst+3 {
		t.Errorf("%d lines in %d s", n, seconds)
	}
	const byteRate = 960 // 9600 baud, 10 bits for a character
	if share := float64(len(shown)) / (seconds * byteRate); share > 0.5 {
		t.Errorf("%.0f %% of a slow line", 100*share)
	}
	if last := lines[len(lines)-2]; !strings.Contains(last, "files 5000/5000") || !strings.Contains(last, "not shown") {
		t.Errorf("the last operation is shown as %q", last)
	}
	if strings.Contains(string(shown), "\x1b") {
		t.Error("it moves the cursor")
	}
}

func TestWhatTakesLongIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	line, err := open(path)
	if err != nil {
		t.Fatal(err)
	}
	clock := time.Unix(1_000_000, 0)
	p := &Progress{
		stage: "disks", start: clock, now: func() time.Time { return clock }, ttys: []*tty{line},
		running: map[int]begun{}, tokens: maxBurst, filled: clock, quiet: clock, stop: make(chan struct{}),
	}
	p.Sink(exec.Event{Kind: exec.Started, Op: 1, What: &exec.Description{Kind: "filesystem", Target: "/dev/vda3"}, Time: clock})
	for range 100 {
		clock = clock.Add(lineEvery)
		p.wait()
	}
	shown, err := os.ReadFile(path)
	if n := strings.Count(string(shown), "filesystem /dev/vda3 … since"); err != nil || n != 3 {
		t.Errorf("after 25 s it was named %d times: %v\n%s", n, err, shown)
	}
}
