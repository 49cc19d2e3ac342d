package exec

import (
	"context"
	"sync"
	"time"

	"github.com/kindling-boot/kindling/internal/run"
)

// EventKind is what has happened.
type EventKind uint8

// The kinds of events.
const (
	// Started and one of Finished, Failed frame every operation that is carried out.
	Started EventKind = iota
	Finished
	Failed
	// Kept is an operation whose target is as it should be already.
	Kept
	// Called is an external program that has ended.
	Called
	// Warned and Noted are texts.
	Warned
	Noted
	// Counted tells how many operations there are, before the first is carried out.
	Counted
)

// String names the kind.
func (k EventKind) String() string {
	return [...]string{"started", "finished", "failed", "kept", "called", "warned", "noted", "counted"}[k]
}

// Event is one thing that has happened.
type Event struct {
	Kind  EventKind
	Stage string
	// Op is the number of the operation in the plan, from 1; 0 is the stage itself.
	Op int
	// What the operation is about; nil for the stage itself.
	What *Description
	Time time.Time
	// Duration of the operation or program; of those that have ended.
	Duration time.Duration
	// Bytes the operation has written.
	Bytes int64
	// Count of operations; of Counted.
	Count int
	// Command that was called.
	Command *run.Record
	// Text of Warned and Noted, without secrets.
	Text string
	// Fields are the journal's fields for the text, if it has any.
	Fields map[string]string
	// Err of a failed operation.
	Err *Problem
}

// Sink takes events. It is called by one goroutine at a time.
type Sink func(Event)

// stream passes events on, one at a time and in the order of the plan: those of an
// operation wait until all operations before it have ended. What is reported is
// therefore the same on every run. Nobody waits for the sink while another goroutine
// is calling it.
type stream struct {
	stage string
	sink  Sink

	mu      sync.Mutex
	next    int        // operation whose events pass at once
	ops     []opEvents // by number
	ready   []Event    // whose turn it is
	passing bool       // a goroutine gives them to the sink
	spare   []Event    // for the next ready
}

// opEvents is what is known of the events of an operation.
type opEvents struct {
	waiting []Event // for its turn
	ended   bool
}

func newStream(stage string, sink Sink, operations int) *stream {
	if sink == nil {
		sink = func(Event) {}
	}
	return &stream{stage: stage, sink: sink, next: 1, ops: make([]opEvents, operations+2)}
}

// emit passes on an event, or keeps it until it is its turn.
func (s *stream) emit(e Event) {
	e.Stage = s.stage
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Op > s.next {
		op := &s.ops[e.Op]
		if op.waiting == nil {
			op.waiting = make([]Event, 0, 2) // most only start and finish
		}
		op.waiting = append(op.waiting, e)
		return
	}
	s.ready = append(s.ready, e)
	s.pass()
}

// end tells that no more events of an operation will come.
func (s *stream) end(op int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ops[op].ended = true
	for s.ops[s.next].ended {
		s.next++
		s.ready = append(s.ready, s.ops[s.next].waiting...)
		s.ops[s.next].waiting = nil
	}
	s.pass()
}

// pass gives the sink what is ready. If another goroutine does, it will see that too.
func (s *stream) pass() {
	if s.passing {
		return
	}
	s.passing = true
	for len(s.ready) > 0 {
		ready := s.ready
		s.ready = s.spare[:0]
		s.mu.Unlock()
		for i := range ready {
			s.sink(ready[i])
		}
		s.mu.Lock()
		s.spare = ready
	}
	s.passing = false
}

// flush passes on what is left, of operations after one that never ran.
func (s *stream) flush(last int) {
	for op := 1; op <= last; op++ {
		s.end(op)
	}
}

// opKey is the key of the operation's number in a context.
type opKey struct{}

func withOp(ctx context.Context, op int) context.Context { return context.WithValue(ctx, opKey{}, op) }

func opOf(ctx context.Context) int {
	op, _ := ctx.Value(opKey{}).(int)
	return op
}
