package op

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
)

// arraysOn returns the nodes of the arrays that hold devices now, running or not: what an
// interrupted mdadm has left behind, or what rules of udev have made of old superblocks
// (mdadm --incremental), under whatever name.
func (m *Machine) arraysOn(nodes []string) []string {
	var out []string
	for _, n := range nodes {
		for _, h := range m.sight().Holders(n) {
			if h.IsArray && !slices.Contains(out, h.Node) {
				out = append(out, h.Node)
			}
		}
	}
	return out
}

// checkHeldByArrays returns an error if a device is in use by something else than arrays
// that can be stopped: they are made of the given devices only, and nobody uses them.
func (m *Machine) checkHeldByArrays(nodes []string) error {
	held := map[string]bool{}
	for _, array := range m.arraysOn(nodes) {
		members := m.sight().MadeOf(array)
		i := slices.IndexFunc(nodes, func(n string) bool { return slices.Contains(members, n) })
		for _, node := range members {
			if !slices.Contains(nodes, node) {
				return exec.WithHelp(fmt.Errorf("%s: %w: %s is made of it, and of %s", nodes[i], errInUse, array, node), "stop the array with mdadm --stop "+array)
			}
			held[node] = true
		}
		if err := m.checkUnused(array); err != nil {
			return fmt.Errorf("%s: %s is made of it: %w", nodes[i], array, err)
		}
	}
	for _, n := range nodes {
		if held[n] {
			continue
		}
		if err := m.checkUnused(n); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	return nil
}

// stopArrays stops the arrays that hold devices. What is on the members stays.
func (m *Machine) stopArrays(ctx context.Context, env *exec.Env, nodes []string) error {
	for _, array := range m.arraysOn(nodes) {
		for deadline := time.Now().Add(busyTime); ; {
			_, err := env.Run(ctx, run.Command{Name: mdadmCmd, Args: []string{"--stop", array}})
			if err == nil || m.sight().MadeOf(array) == nil {
				break // or somebody else has stopped it
			}
			if ctx.Err() != nil || !time.Now().Before(deadline) { // udev may have been looking at it
				return err
			}
			time.Sleep(pollPause)
		}
	}
	return nil
}

// stopOldArrays stops what udev has made of partitions as soon as they were there, because
// a superblock of former times was in their place.
func (m *Machine) stopOldArrays(ctx context.Context, env *exec.Env, nodes []string) error {
	for _, array := range m.arraysOn(nodes) {
		if m.checkUnused(array) != nil {
			continue // who needs the partition says so
		}
		env.Note(ctx, array+" was started from what was on new partitions before; it is stopped", nil)
		if err := m.stopArrays(ctx, env, nodes); err != nil {
			return err
		}
	}
	return nil
}
