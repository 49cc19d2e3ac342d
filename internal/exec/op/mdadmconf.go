package op

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/sight"
	"github.com/kindling-boot/kindling/internal/run"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// MdadmConfigs are where mdadm reads its config, the usual place last: mdadm.conf(5).
// Debian has the first.
var MdadmConfigs = []string{"/etc/mdadm/mdadm.conf", "/etc/mdadm.conf"}

const (
	mdadmConfigMode = 0o644
	maxMdadmConfig  = 1 << 20 // bytes
)

// MdadmConfig tells the system the names of the arrays of the config: mdadm.conf(5). Lines of
// others stay.
type MdadmConfig struct {
	About  exec.Description
	Path   string
	Arrays []types.Raid
}

// Describe implements exec.Operation.
func (o *MdadmConfig) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *MdadmConfig) Check(ctx context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{}
	is, now, want, missing, err := o.inspect(ctx, env)
	for _, name := range missing {
		f.Warnings = append(f.Warnings, "the array "+name+" does not run; it gets no line")
	}
	switch {
	case err != nil || bytes.Equal(now, want):
		return f, err
	case is.Kind == sysroot.Absent:
		f.Action = exec.Create
	default:
		f.Action = exec.Change
	}
	for _, r := range o.Arrays {
		f.Details = append(f.Details, "array "+r.Name)
	}
	return f, env.CheckWritable(o.Path)
}

// inspect returns what is there, what will be, and the arrays that do not run.
func (o *MdadmConfig) inspect(ctx context.Context, env *exec.Env) (is sysroot.Info, now, want []byte, missing []string, err error) {
	if is, err = look(env, o.Path); err != nil {
		return is, nil, nil, nil, err
	}
	now, err = env.Root.ReadFile(o.Path, maxMdadmConfig)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return is, nil, nil, nil, err
	}
	var devices, lines []string
	for _, r := range o.Arrays {
		device := RAIDDevice(r.Name)
		if _, err := (&sight.Live{}).Node(device); errors.Is(err, sight.ErrNoDevice) {
			missing = append(missing, r.Name)
			continue
		}
		out, err := env.Run(ctx, run.Command{Name: mdadmCmd, Args: []string{"--detail", "--export", device}})
		if err != nil {
			return is, nil, nil, nil, fmt.Errorf("find array %s: %w", r.Name, err)
		}
		about := sight.Variables(out)
		devices = append(devices, device)
		lines = append(lines, fmt.Sprintf("ARRAY %s metadata=%s UUID=%s\n", device, about["MD_METADATA"], about["MD_UUID"]))
	}
	var b bytes.Buffer
	for line := range strings.Lines(string(now)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.EqualFold(fields[0], "ARRAY") && slices.Contains(devices, path.Clean(fields[1])) {
			continue // of an earlier run, or of the array that had the name before
		}
		b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
	for _, l := range lines {
		b.WriteString(l)
	}
	if b.Len() == 0 {
		return is, nil, nil, missing, nil
	}
	return is, now, b.Bytes(), missing, nil
}

// Apply implements exec.Operation.
func (o *MdadmConfig) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	is, now, want, _, err := o.inspect(ctx, env)
	if err != nil || bytes.Equal(now, want) {
		return out, err
	}
	mode := is.Mode
	if is.Kind == sysroot.Absent {
		mode = mdadmConfigMode
	}
	out.Bytes = int64(len(want))
	return out, replaceFile(env, o.Path, want, mode)
}
