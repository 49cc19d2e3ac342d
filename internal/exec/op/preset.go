package op

import (
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// PresetPath is the file that tells systemd's first boot which units to enable:
// systemd.preset(5).
const PresetPath = "/etc/systemd/system-preset/20-ignition.preset"

const (
	presetMode = 0o644
	maxPreset  = 4 << 20 // bytes
)

// Preset adds a line for each unit to the preset file, unless it is there.
type Preset struct {
	About exec.Description
	// Units that are enabled, and, in the order of the config, those that are disabled.
	Units    *Units
	Disabled []string
}

// Describe implements exec.Operation.
func (o *Preset) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Preset) Check(_ context.Context, env *exec.Env) (f exec.Finding, err error) {
	was, now, then, err := o.inspect(env)
	if err != nil || now == then {
		return f, err
	}
	f.Action = exec.Change
	if was == sysroot.Absent {
		f.Action = exec.Create
	}
	if env.Detailed {
		f.Diff = diffOf(PresetPath, was, now, then)
	}
	return f, env.CheckWritable(PresetPath)
}

// inspect returns the text of the file as it is and as it will be.
func (o *Preset) inspect(env *exec.Env) (was sysroot.Kind, now, then string, err error) {
	was = sysroot.Regular
	data, err := env.Root.ReadFile(PresetPath, maxPreset)
	if errors.Is(err, unix.ENOENT) {
		was, err = sysroot.Absent, nil
	}
	if err != nil {
		return was, "", "", err
	}
	lines, err := o.lines(env)
	if err != nil {
		return was, "", "", err
	}
	now = string(data)
	has := map[string]bool{}
	for l := range strings.Lines(now) {
		has[strings.TrimSpace(l)] = true
	}
	var b strings.Builder
	b.WriteString(now)
	for _, l := range lines {
		if has[l] {
			continue
		}
		if now != "" && b.Len() == len(now) && !strings.HasSuffix(now, "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(l)
		b.WriteByte('\n')
	}
	return was, now, b.String(), nil
}

// lines returns the lines of all units, in the order of their names. Instances of one
// template share a line. A unit that is not enabled needs no line to stay so.
func (o *Preset) lines(env *exec.Env) ([]string, error) {
	byKey := map[string]string{}
	for _, name := range o.Units.Enabled {
		if t := templateOf(name); t != "" {
			key := t + "-enabled"
			if byKey[key] == "" {
				byKey[key] = "enable " + t
			}
			byKey[key] += " " + instance(name)
			continue
		}
		if key := name + "-enabled"; byKey[key] == "" {
			byKey[key] = "enable " + name
		}
	}
	for _, name := range o.Disabled {
		i, err := o.Units.load(env, name)
		is := false
		if err == nil {
			is, err = o.Units.isEnabled(env, i)
		}
		if err != nil {
			return nil, err
		}
		if is {
			byKey[name+"-disabled"] = "disable " + name
		}
	}
	keys := make([]string, 0, len(byKey))
	for k := range byKey {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for i, k := range keys {
		keys[i] = byKey[k]
	}
	return keys, nil
}

// Apply implements exec.Operation.
func (o *Preset) Apply(_ context.Context, env *exec.Env) (out exec.Outcome, err error) {
	_, now, then, err := o.inspect(env)
	if err != nil || now == then {
		return out, err
	}
	name, err := env.Root.Follow(PresetPath)
	if err != nil {
		return out, err
	}
	out.Bytes = int64(len(then) - len(now))
	return out, replaceFile(env, name, []byte(then), presetMode)
}
