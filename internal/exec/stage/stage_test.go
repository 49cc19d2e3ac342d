package stage

import (
	"slices"
	"testing"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// TestDistributionsMayLeaveOutTheResult: with an empty path, set when they link.
func TestDistributionsMayLeaveOutTheResult(t *testing.T) {
	root, err := sysroot.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	was := op.ResultPath
	t.Cleanup(func() { op.ResultPath = was })
	for name, want := range map[string]bool{was: true, "": false} {
		op.ResultPath = name
		plan := planFiles(&Input{Root: root, State: &acquire.State{}, Report: true})
		if got := slices.ContainsFunc(plan, func(o exec.Operation) bool { return o.Describe().Kind == "result file" }); got != want {
			t.Errorf("with the path %q there is a result: %t", name, got)
		}
	}
}
