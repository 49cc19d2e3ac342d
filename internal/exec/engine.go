package exec

import (
	"context"
	"errors"
	"fmt"
	"path"
	"runtime"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/kindling-boot/kindling/internal/resource"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// maxWorkers bounds the operations that run at the same time. Writing files is work
// for the kernel, so there are a few more than processors.
func maxWorkers() int { return min(16, 2*runtime.NumCPU()) }

// ErrAbandoned is the cause of the end of a context in which something is waited for, when
// something else has failed. A Check that returns it has found out nothing.
var ErrAbandoned = errors.New("something else has failed")

// grace is how long servers and devices are waited for, to find out about further conflicts, after
// the first.
const grace = 10 * time.Second

// maxFetches bounds the operations that wait for the network at the same time.
const maxFetches = 16

// Engine carries out the operations of a stage.
type Engine struct {
	// Stage is its name.
	Stage string
	Root  *sysroot.Root
	// Fetcher opens what the config refers to; nil has local contents only.
	Fetcher *resource.Fetcher
	// Sink takes the events; nil drops them.
	Sink Sink
	// Detailed asks for diffs in findings.
	Detailed bool
	// Find looks for programs; nil looks for them here.
	Find func(program string) error
}

// Planned is an operation with what its Check has found.
type Planned struct {
	What    *Description
	Finding Finding
	// Err is the conflict; nil if there is none.
	Err *Problem

	op Operation
}

// Plan is the result of looking at everything: one item for each operation.
type Plan []Planned

// Problems are the conflicts; nil if there are none.
func (p Plan) Problems() Problems {
	var ps Problems
	for i := range p {
		if p[i].Err != nil {
			ps = append(ps, p[i].Err)
		}
	}
	return ps
}

// Changes is the number of operations that would change something.
func (p Plan) Changes() int {
	n := 0
	for i := range p {
		if a := p[i].Finding.Action; a != Keep && a != Conflict {
			n++
		}
	}
	return n
}

// Plan checks all operations and changes nothing. An error other than a conflict,
// which is part of the plan, means that the context has ended.
func (e *Engine) Plan(ctx context.Context, ops []Operation) (Plan, error) {
	plan, _, err := e.check(ctx, ops)
	return plan, err
}

// Run checks all operations, and carries out what is needed unless there is a
// conflict. The error is Problems.
func (e *Engine) Run(ctx context.Context, ops []Operation) (Plan, error) {
	plan, env, err := e.check(ctx, ops)
	if err != nil {
		return plan, err
	}
	if ps := plan.Problems(); ps != nil {
		return plan, ps
	}
	env.events.emit(Event{Kind: Counted, Count: len(plan)})
	r := runner{engine: e, env: env, plan: plan, events: env.events, changed: make(map[Key]bool)}
	if err := r.run(ctx); err != nil {
		return plan, err
	}
	if plan.Changes() > 0 {
		return plan, e.sync(plan)
	}
	return plan, nil
}

// check runs every Check.
func (e *Engine) check(ctx context.Context, ops []Operation) (Plan, *Env, error) {
	plan := make(Plan, len(ops))
	env := &Env{Root: e.Root, Fetcher: e.Fetcher, Detailed: e.Detailed, find: e.Find, events: newStream(e.Stage, e.Sink, len(ops)), promises: make(map[Key]bool, len(ops))}
	for i, o := range ops {
		plan[i] = Planned{op: o, What: o.Describe()}
		for _, k := range plan[i].What.Provides {
			env.promises[k] = true
		}
	}
	var local, remote []int
	for i := range plan {
		if plan[i].What.Fetches {
			remote = append(remote, i)
		} else {
			local = append(local, i)
		}
	}
	checking, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var abandon sync.Once
	checkOne := func(i int) {
		p := &plan[i]
		finding, err := p.op.Check(checking, env)
		if errors.Is(err, ErrAbandoned) {
			err = nil // it was not found out
		}
		if err != nil {
			abandon.Do(func() { time.AfterFunc(grace, func() { cancel(ErrAbandoned) }) })
			finding.Action = Conflict
			p.Err = &Problem{Stage: e.Stage, What: p.What, Err: err}
		}
		p.Finding = finding
	}
	var wg sync.WaitGroup
	wg.Go(func() { inParallel(ctx, maxFetches, 1, remote, checkOne) })
	const chunk = 32 // calls are short
	inParallel(ctx, maxWorkers(), chunk, local, checkOne)
	wg.Wait()
	for i := range plan {
		for _, w := range plan[i].Finding.Warnings {
			env.events.emit(Event{Kind: Warned, What: plan[i].What, Text: plan[i].What.Kind + " " + plan[i].What.Target + ": " + w})
		}
	}
	return plan, env, context.Cause(ctx)
}

// inParallel calls do for all numbers, several at a time, until the context ends. Each
// of the workers takes a chunk of them at once.
func inParallel(ctx context.Context, workers, chunk int, numbers []int, do func(i int)) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		next int
	)
	n := len(numbers)
	for range min(workers, (n+chunk-1)/chunk) {
		wg.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				from := next
				next += chunk
				mu.Unlock()
				if from >= n {
					return
				}
				for _, i := range numbers[from:min(from+chunk, n)] {
					do(i)
				}
			}
		})
	}
	wg.Wait()
}

// sync makes durable what was written, with one call for each file system.
func (e *Engine) sync(plan Plan) error {
	devices := map[uint64]bool{}
	var mounts []string
	seen := map[string]bool{}
	for i := range plan {
		if plan[i].Finding.Action == Keep {
			continue
		}
		for _, k := range plan[i].What.Provides {
			if k.Space != spacePath {
				continue
			}
			dir := path.Dir(k.Name)
			if seen[dir] {
				continue
			}
			seen[dir] = true
			info, err := e.Root.Lstat(dir)
			if err == nil && info.Kind == sysroot.Directory && !devices[info.Dev] {
				devices[info.Dev] = true
				mounts = append(mounts, dir)
			}
		}
	}
	if err := e.Root.Sync(mounts...); err != nil {
		return fmt.Errorf("%s: %w", e.Stage, err)
	}
	return nil
}

// runner carries out one plan.
type runner struct {
	engine *Engine
	env    *Env
	plan   Plan
	events *stream

	mu      sync.Mutex
	wake    *sync.Cond
	graph   *graph
	queue   []int
	running int
	left    int
	failed  map[int]*Problem
	changed map[Key]bool // keys whose provider has changed something

	// fetching ends when an operation has failed: nobody waits for a server then.
	fetching context.Context //nolint:containedctx // of one run
	abandon  context.CancelCauseFunc
}

func (r *runner) run(ctx context.Context) error {
	descriptions := make([]*Description, len(r.plan))
	for i := range r.plan {
		descriptions[i] = r.plan[i].What
	}
	r.graph = newGraph(descriptions)
	r.queue = r.graph.ready()
	r.left = len(r.plan)
	r.failed = map[int]*Problem{}
	r.wake = sync.NewCond(&r.mu)
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.wake.Broadcast()
	})
	defer stop()
	var wg sync.WaitGroup
	workers := maxWorkers()
	if slices.ContainsFunc(descriptions, func(d *Description) bool { return d.Fetches }) {
		workers = max(workers, maxFetches)
	}
	r.fetching, r.abandon = context.WithCancelCause(ctx)
	defer r.abandon(nil)
	for range min(workers, len(r.plan)) {
		wg.Go(func() { r.work(ctx) })
	}
	wg.Wait()
	r.events.flush(len(r.plan))
	switch cause := context.Cause(ctx); {
	case len(r.failed) > 0:
		return r.problems()
	case cause != nil:
		return fmt.Errorf("%s: %w", r.engine.Stage, cause)
	case r.left > 0:
		return fmt.Errorf("%s: %w", r.engine.Stage, errCircle)
	}
	return nil
}

func (r *runner) problems() Problems {
	numbers := make([]int, 0, len(r.failed))
	for i := range r.failed {
		numbers = append(numbers, i)
	}
	sort.Slice(numbers, func(i, j int) bool { return numbers[i] < numbers[j] })
	var ps Problems
	for _, i := range numbers {
		if len(numbers) == 1 || !errors.Is(r.failed[i].Err, ErrAbandoned) {
			ps = append(ps, r.failed[i])
		}
	}
	return ps
}

// maxBatch is how many operations a worker takes at a time when there are plenty: most
// are over in microseconds.
const maxBatch = 16

// work takes operations until there is nothing left to do, or one has failed.
func (r *runner) work(ctx context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		for len(r.queue) == 0 && r.running > 0 && len(r.failed) == 0 && ctx.Err() == nil {
			r.wake.Wait()
		}
		if len(r.queue) == 0 || len(r.failed) > 0 || ctx.Err() != nil {
			r.wake.Broadcast()
			return
		}
		taken := make([]job, r.batch())
		n := len(taken)
		for i := range taken {
			taken[i] = job{number: r.queue[i], again: r.mustLookAgain(r.queue[i])}
		}
		r.queue = r.queue[n:]
		r.running++
		r.mu.Unlock()
		for i := range taken {
			j := &taken[i]
			if ctx.Err() != nil {
				break
			}
			j.problem = r.one(ctx, j.number, j.again)
			if j.ran = true; j.problem != nil {
				break
			}
		}
		r.mu.Lock()
		r.running--
		r.settle(taken)
	}
}

// batch is the number of operations to take: what fetches is taken alone, and so are the few
// that a stage of disks has, each of which takes long.
func (r *runner) batch() int {
	n := max(1, min(maxBatch, len(r.queue)/(4*maxWorkers())))
	for i, number := range r.queue[:n] {
		if r.plan[number].What.Fetches {
			return max(1, i)
		}
	}
	return n
}

// job is one operation in the hands of a worker.
type job struct {
	number  int
	again   bool // Apply, even if Check has found nothing to do
	ran     bool
	problem *Problem
}

// settle notes the results of jobs, and who can go on now.
func (r *runner) settle(jobs []job) {
	waiting := len(r.queue)
	for _, j := range jobs {
		if !j.ran {
			continue
		}
		r.left--
		if j.problem != nil {
			r.failed[j.number] = j.problem
			r.abandon(ErrAbandoned)
			continue
		}
		what := r.plan[j.number].What
		if j.again || r.plan[j.number].Finding.Action != Keep {
			for _, k := range what.Provides {
				if len(r.graph.waiters[k]) > 0 {
					r.changed[k] = true
				}
			}
		}
		r.queue = append(r.queue, r.graph.done(what)...)
	}
	if len(r.queue) > waiting || len(r.failed) > 0 || r.running == 0 {
		r.wake.Broadcast()
	}
}

// mustLookAgain reports whether something that the operation needs has changed since
// it was checked. Milestones are no reason: they only order.
func (r *runner) mustLookAgain(i int) bool {
	for _, k := range r.plan[i].What.Needs {
		if k.Space != spaceMilestone && r.changed[k] {
			return true
		}
	}
	return false
}

// one carries out an operation, unless its target is as it should be.
func (r *runner) one(ctx context.Context, i int, again bool) *Problem {
	p := &r.plan[i]
	number := i + 1
	defer r.events.end(number)
	if p.Finding.Action == Keep && !again {
		r.events.emit(Event{Kind: Kept, Op: number, What: p.What})
		return nil
	}
	start := time.Now()
	r.events.emit(Event{Kind: Started, Op: number, What: p.What, Time: start})
	if p.What.Fetches {
		ctx = r.fetching
	}
	outcome, err := p.op.Apply(withOp(ctx, number), r.env)
	r.env.applied.Add(1)
	end := Event{Kind: Finished, Op: number, What: p.What, Duration: time.Since(start), Bytes: outcome.Bytes}
	if err != nil {
		end.Kind = Failed
		end.Err = &Problem{Stage: r.engine.Stage, What: p.What, Err: err}
	}
	r.events.emit(end)
	return end.Err
}
