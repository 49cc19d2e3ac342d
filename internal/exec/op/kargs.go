package op

import (
	"context"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
)

// kargsCmd is the program by which a distribution changes what its boot loader hands to
// the kernel. It does nothing when all is as wanted; otherwise it makes the machine start
// again before the disks stage. A distribution can set the name when it links.
var kargsCmd = "ignition-kargs-helper"

// KernelArguments are the arguments of the kernel.
type KernelArguments struct {
	About exec.Description
	// ShouldExist and ShouldNotExist are whole words, as the helper compares them.
	ShouldExist, ShouldNotExist []string
}

// Describe implements exec.Operation.
func (o *KernelArguments) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation. What is already there only the helper knows.
func (o *KernelArguments) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{Action: exec.Change}
	for _, a := range o.ShouldExist {
		f.Details = append(f.Details, "with "+a)
	}
	for _, a := range o.ShouldNotExist {
		f.Details = append(f.Details, "without "+a)
	}
	if err := env.Find(kargsCmd); err != nil {
		return f, exec.WithHelp(err, "the distribution brings this program; without it kernel arguments cannot be changed")
	}
	return f, nil
}

// Apply implements exec.Operation.
func (o *KernelArguments) Apply(ctx context.Context, env *exec.Env) (exec.Outcome, error) {
	var args []string
	for _, a := range o.ShouldExist {
		args = append(args, "--should-exist", a)
	}
	for _, a := range o.ShouldNotExist {
		args = append(args, "--should-not-exist", a)
	}
	_, err := env.Run(ctx, run.Command{Name: kargsCmd, Args: args})
	return exec.Outcome{}, err
}
