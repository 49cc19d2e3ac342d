package op

import (
	"context"
	"os"

	"github.com/kindling-boot/kindling/internal/exec"
)

// EventsPath is the file in the target with the events of its provisioning; empty keeps
// none. A distribution can change it when it links.
var EventsPath = "/var/log/ignition/events.jsonl"

const eventsMode = 0o600

// Events leaves the events of the boot in the target. A machine is as it was asked for
// without them, so a failure is a warning.
type Events struct {
	About exec.Description
	// Events gives the file that they are in.
	Events func() (name string, err error)
}

// Describe implements exec.Operation.
func (o *Events) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Events) Check(context.Context, *exec.Env) (exec.Finding, error) {
	return exec.Finding{Action: exec.Create}, nil
}

// Apply implements exec.Operation.
func (o *Events) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	out.Bytes, err = o.keep(env)
	if err != nil {
		env.Warn(ctx, "the events of this boot are not kept in "+env.Root.Outside(EventsPath)+": "+err.Error())
	}
	return out, nil
}

func (o *Events) keep(env *exec.Env) (int64, error) {
	from, err := o.Events()
	if err != nil {
		return 0, err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return 0, err
	}
	name, err := env.Root.Resolve(EventsPath)
	if err != nil {
		return 0, err
	}
	return int64(len(data)), replaceFile(env, name, data, eventsMode)
}
