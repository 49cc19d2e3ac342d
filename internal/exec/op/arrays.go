package op

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
)

// arraysOn returns the nodes of the arrays that hold devices now, running or not: what an
// interrupted mdadm has left behind, or what rules of udev have made of old superblocks
// (mdadm --incremental), under whatever name.
func arraysOn(nodes []string) []string {
	var out []string
	for _, n := range nodes {
		holders, _ := os.ReadDir(filepath.Join(sysBlock, filepath.Base(n), "holders"))
		for _, h := range holders {
			if node := "/dev/" + h.Name(); isArrayNode(node) && !slices.Contains(out, node) {
				out = append(out, node)
			}
		}
	}
	return out
}

// holds reports whether an array is made of a device.
func holds(array, node string) bool {
	_, err := os.Stat(filepath.Join(sysBlock, filepath.Base(array), "slaves", filepath.Base(node)))
	return err == nil
}

// isArrayNode: md arrays have a directory of this name in sysfs, Documentation/admin-guide/md.rst.
func isArrayNode(node string) bool {
	_, err := os.Stat(filepath.Join(sysBlock, filepath.Base(node), "md"))
	return err == nil
}

// checkHeldByArrays returns an error if a device is in use by something else than arrays
// that can be stopped: they are made of the given devices only, and nobody uses them.
func checkHeldByArrays(nodes []string) error {
	held := map[string]bool{}
	for _, array := range arraysOn(nodes) {
		i := slices.IndexFunc(nodes, func(n string) bool { return holds(array, n) })
		members, _ := os.ReadDir(filepath.Join(sysBlock, filepath.Base(array), "slaves"))
		for _, m := range members {
			if node := "/dev/" + m.Name(); !slices.Contains(nodes, node) {
				return exec.WithHelp(fmt.Errorf("%s: %w: %s is made of it, and of %s", nodes[i], errInUse, array, node), "stop the array with mdadm --stop "+array)
			}
			held["/dev/"+m.Name()] = true
		}
		if err := checkUnused(array); err != nil {
			return fmt.Errorf("%s: %s is made of it: %w", nodes[i], array, err)
		}
	}
	for _, n := range nodes {
		if held[n] {
			continue
		}
		if err := checkUnused(n); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	return nil
}

// stopArrays stops the arrays that hold devices. What is on the members stays.
func stopArrays(ctx context.Context, env *exec.Env, nodes []string) error {
	for _, array := range arraysOn(nodes) {
		for deadline := time.Now().Add(busyTime); ; {
			_, err := env.Run(ctx, run.Command{Name: mdadmCmd, Args: []string{"--stop", array}})
			if err == nil || !isArrayNode(array) {
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
func stopOldArrays(ctx context.Context, env *exec.Env, nodes []string) error {
	for _, array := range arraysOn(nodes) {
		if checkUnused(array) != nil {
			continue // who needs the partition says so
		}
		env.Note(ctx, array+" was started from what was on new partitions before; it is stopped", nil)
		if err := stopArrays(ctx, env, nodes); err != nil {
			return err
		}
	}
	return nil
}
