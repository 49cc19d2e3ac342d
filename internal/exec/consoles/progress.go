package consoles

import (
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/kindling-boot/kindling/internal/exec"
)

// A console gets at most four lines a second, and five at once. Lines have at most 79
// characters and a line end: a third of what 9600 baud carry.
const (
	lineEvery = 250 * time.Millisecond
	maxBurst  = 5
	width     = 79
)

// Something that takes long is named after a while, and again from time to time.
const (
	firstWait = 3 * time.Second
	nextWait  = 10 * time.Second
)

// finalWait is how long the end of a stage waits for consoles that are behind.
const finalWait = 200 * time.Millisecond

// Progress shows the course of one stage: a line for each operation, as long as there
// are not too many. The nil Progress shows nothing.
type Progress struct {
	stage string
	start time.Time // of the provisioning
	now   func() time.Time

	mu      sync.Mutex
	ttys    []*tty
	count   int // of operations
	ended   int
	running map[int]begun
	pending string // the last line that there was no room for
	skipped int    // lines before that
	tokens  float64
	filled  time.Time // when tokens was right
	quiet   time.Time // when the last line was shown
	stop    chan struct{}
	stopped sync.WaitGroup
}

// begun is an operation that runs.
type begun struct {
	what  *exec.Description
	since time.Time
	said  bool
}

// NewProgress shows a stage on consoles. start is when provisioning began; times are
// given from then. It returns nil if there is no console.
func NewProgress(consoles []string, stage string, start time.Time) *Progress {
	p := &Progress{stage: stage, start: start, now: time.Now, running: map[int]begun{}, tokens: maxBurst, stop: make(chan struct{})}
	for _, path := range consoles {
		if t, err := open(path); err == nil {
			p.ttys = append(p.ttys, t)
		}
	}
	if len(p.ttys) == 0 {
		return nil
	}
	p.filled, p.quiet = p.now(), p.now()
	p.stopped.Go(p.watch)
	return p
}

// watch shows what waits for its turn, and what takes long.
func (p *Progress) watch() {
	tick := time.NewTicker(lineEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.mu.Lock()
			p.wait()
			p.mu.Unlock()
		}
	}
}

// wait shows the line that waits, or the operation that runs for the longest time.
func (p *Progress) wait() {
	if p.pending != "" {
		p.line("")
		return
	}
	now := p.now()
	oldest, found := 0, false
	for n, b := range p.running {
		if !found || b.since.Before(p.running[oldest].since) {
			oldest, found = n, true
		}
	}
	if !found {
		return
	}
	b := p.running[oldest]
	limit := firstWait
	if b.said {
		limit = nextWait
	}
	if now.Sub(b.since) >= firstWait && now.Sub(p.quiet) >= limit {
		b.said = true
		p.running[oldest] = b
		p.line(fmt.Sprintf("%s %s … since %.0f s", b.what.Kind, b.what.Target, now.Sub(b.since).Seconds()))
	}
}

// Sink takes the events.
func (p *Progress) Sink(e exec.Event) {
	if p != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.event(e)
	}
}

func (p *Progress) event(e exec.Event) {
	switch e.Kind {
	case exec.Counted:
		p.count, p.ended = e.Count, 0
	case exec.Started:
		p.running[e.Op] = begun{what: e.What, since: e.Time}
	case exec.Kept:
		p.ended++
	case exec.Finished, exec.Failed:
		delete(p.running, e.Op)
		p.ended++
		text := e.What.Kind + " " + e.What.Target
		if e.Kind == exec.Failed {
			text = "FAILED: " + text
		} else if e.Duration >= time.Second {
			text += fmt.Sprintf(" (%.1f s)", e.Duration.Seconds())
		}
		p.line(text)
	}
}

// Warn shows a line that is a warning, when there is room.
func (p *Progress) Warn(text string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line("warning: " + text)
}

// Say shows a line whatever else was shown.
func (p *Progress) Say(text string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending != "" {
		p.tokens = 1
		p.line("")
	}
	p.put(text)
}

// Close shows what waits and lets the consoles go.
func (p *Progress) Close() {
	if p == nil {
		return
	}
	close(p.stop)
	p.stopped.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending != "" {
		p.tokens = 1
		p.line("")
	}
	deadline := p.now().Add(finalWait)
	for _, t := range p.ttys {
		t.close(deadline)
	}
	p.ttys = nil
}

// line shows a line about an operation if the consoles have room, and keeps it
// otherwise. An empty one shows what was kept.
func (p *Progress) line(text string) {
	now := p.now()
	p.tokens = min(maxBurst, p.tokens+float64(now.Sub(p.filled))/float64(lineEvery))
	p.filled = now
	if text != "" {
		if p.pending != "" {
			p.skipped++
		}
		p.pending = text
	}
	if p.tokens < 1 {
		return
	}
	p.tokens--
	head := p.stage
	if p.count > 0 {
		head += fmt.Sprintf(" %d/%d", min(p.ended, p.count), p.count)
	}
	if p.skipped > 0 {
		head += fmt.Sprintf(" (%d not shown)", p.skipped)
	}
	p.put(head + ": " + p.pending)
	p.pending, p.skipped = "", 0
}

// put writes a line to all consoles.
func (p *Progress) put(text string) {
	p.quiet = p.now()
	line := fmt.Sprintf("[%6.1f s] ignition: %s", p.now().Sub(p.start).Seconds(), printable(text))
	if r := []rune(line); len(r) > width {
		line = string(r[:width-1]) + "…"
	}
	for _, t := range p.ttys {
		t.write([]byte(line+"\r\n"), time.Time{})
	}
}

// printable replaces what could move the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
