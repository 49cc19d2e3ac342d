package op

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// Settings that a distribution can change when it links.
var (
	// ResultPath is the file in the target that tells when and from what the system
	// was provisioned; empty writes none.
	ResultPath = "/etc/.ignition-result.json"
	// AttemptsPath is what is known of boots that failed before, in the target. It is beside
	// the report because that place is there without further mounts: docs/adr/0185.
	AttemptsPath = "/etc/.ignition-attempts.json"

	bootIDPath = "/proc/sys/kernel/random/boot_id"
	liveCmd    = "is-live-image"
)

const (
	resultMode = 0o600
	maxResult  = 1 << 20 // bytes
	// maxReports is how many former reports are kept.
	maxReports = 10
)

// Result writes the report about the provisioning.
type Result struct {
	About exec.Description
	// UserConfigProvided is false when no config, or an empty one, was given.
	UserConfigProvided bool
	// Account is what goes into the report besides; nil adds nothing.
	Account Account
}

// Account tells what has happened so far, as JSON for the report. It is given what is
// known of boots that failed before, nothing if there were none.
type Account func(attempts []byte) json.RawMessage

// report is the content of the file; other programs read it.
type report struct {
	ProvisioningBootID string          `json:"provisioningBootID"`
	ProvisioningDate   string          `json:"provisioningDate"`
	UserConfigProvided bool            `json:"userConfigProvided"`
	Provisioning       json.RawMessage `json:"provisioning,omitempty"`
	PreviousReport     json.RawMessage `json:"previousReport,omitempty"`
}

// Describe implements exec.Operation.
func (o *Result) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Result) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	return exec.Finding{Action: exec.Create}, env.CheckWritable(ResultPath)
}

// Apply implements exec.Operation.
func (o *Result) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	bootID, err := os.ReadFile(bootIDPath)
	if err != nil {
		return out, fmt.Errorf("read boot id: %w", err)
	}
	r := report{
		ProvisioningBootID: strings.TrimSpace(string(bootID)),
		ProvisioningDate:   time.Now().Format(time.RFC3339),
		UserConfigProvided: o.UserConfigProvided,
	}
	if r.PreviousReport, err = o.previous(ctx, env); err != nil {
		return out, err
	}
	if o.Account != nil {
		attempts, err := env.Root.ReadFile(AttemptsPath, maxResult)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			env.Warn(ctx, "what is known of earlier attempts is not kept: "+err.Error())
		}
		r.Provisioning = o.Account(attempts)
	}
	var b bytes.Buffer
	if err := json.Write(&b, r); err != nil {
		return out, fmt.Errorf("encode report: %w", err)
	}
	out.Bytes = int64(b.Len())
	if err := replaceBelow(env, ResultPath, b.Bytes()); err != nil {
		return out, err
	}
	return out, dropAttempts(env)
}

// replaceBelow replaces a file of the report.
func replaceBelow(env *exec.Env, name string, data []byte) error {
	resolved, err := env.Root.Resolve(name)
	if err != nil {
		return err
	}
	return replaceFile(env, resolved, data, resultMode)
}

// dropAttempts removes what the report has now.
func dropAttempts(env *exec.Env) error {
	e, err := env.Root.Entry(AttemptsPath)
	if err != nil {
		return err
	}
	defer e.Close()
	if info, err := e.Lstat(); err != nil || info.Kind != sysroot.Regular {
		return nil //nolint:nilerr // there is nothing of ours
	}
	return e.Remove()
}

// previous returns the former report, unless the system is a live one, which is
// provisioned at every boot. One that cannot be read is kept as text.
func (o *Result) previous(ctx context.Context, env *exec.Env) (json.RawMessage, error) {
	data, err := env.Root.ReadFile(ResultPath, maxResult)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		env.Warn(ctx, "the report of an earlier provisioning is not kept: "+err.Error())
		return nil, nil
	}
	if _, err := env.Run(ctx, run.Command{Name: liveCmd}); err == nil {
		return nil, nil
	}
	env.Warn(ctx, "the system was provisioned before; the report of that is kept in "+env.Root.Outside(ResultPath))
	if !json.Valid(data) {
		env.Warn(ctx, "the report of the earlier provisioning is no JSON; it is kept as text")
		return json.Marshal(string(data))
	}
	return cutReports(data, maxReports)
}

// cutReports drops the reports nested deeper than the limit.
func cutReports(data json.RawMessage, limit int) (json.RawMessage, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return data, nil // no object: nothing is nested
	}
	inner, ok := members["previousReport"]
	if !ok {
		return data, nil
	}
	if limit <= 1 {
		delete(members, "previousReport")
	} else {
		cut, err := cutReports(inner, limit-1)
		if err != nil {
			return nil, err
		}
		members["previousReport"] = cut
	}
	return json.Marshal(members)
}
