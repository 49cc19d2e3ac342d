package exec

import (
	"errors"
	"path"
	"slices"
)

// errCircle reports operations that wait for each other: a fault of a planner.
var errCircle = errors.New("the operations of the plan wait for each other")

// graph is the order of operations: who waits for what. An operation waits for keys,
// a key for all who provide it, so that the size of the graph grows with the number
// of needs and not with the number of pairs.
type graph struct {
	open      []int // number of keys that each operation waits for
	waiters   map[Key][]int
	providers map[Key]int
	above     map[string][]Key // by directory: what is provided at and above it
}

func newGraph(ops []*Description) *graph {
	g := &graph{open: make([]int, len(ops)), waiters: map[Key][]int{}, providers: make(map[Key]int, len(ops)), above: map[string][]Key{}}
	for _, d := range ops {
		for _, k := range d.Provides {
			g.providers[k]++
		}
	}
	for i, d := range ops {
		need := func(k Key) {
			waiters := g.waiters[k]
			if g.providers[k] > 0 && !slices.Contains(d.Provides, k) && (len(waiters) == 0 || waiters[len(waiters)-1] != i) {
				g.waiters[k] = append(waiters, i)
				g.open[i]++
			}
		}
		for _, k := range d.Needs {
			need(k)
		}
		for _, k := range d.Provides {
			if k.Space != spacePath {
				continue
			}
			for _, k := range g.from(path.Dir(k.Name)) {
				need(k)
			}
		}
	}
	return g
}

// from returns the keys of a directory and those above it that somebody provides.
func (g *graph) from(dir string) []Key {
	keys, known := g.above[dir]
	if !known {
		if up := path.Dir(dir); up != dir {
			keys = slices.Clip(g.from(up))
		}
		if k := PathKey(dir); g.providers[k] > 0 {
			keys = append(keys, k)
		}
		g.above[dir] = keys
	}
	return keys
}

// ready returns the operations that wait for nothing, in the order of the plan.
func (g *graph) ready() []int {
	var out []int
	for i, n := range g.open {
		if n == 0 {
			out = append(out, i)
		}
	}
	return out
}

// done tells that an operation has ended, and returns those that waited for it last.
func (g *graph) done(d *Description) []int {
	var out []int
	for _, k := range d.Provides {
		g.providers[k]--
		if g.providers[k] > 0 {
			continue
		}
		for _, i := range g.waiters[k] {
			if g.open[i]--; g.open[i] == 0 {
				out = append(out, i)
			}
		}
		delete(g.waiters, k)
	}
	return out
}
