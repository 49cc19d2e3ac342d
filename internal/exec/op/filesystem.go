package op

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/sight"
	"github.com/kindling-boot/kindling/internal/run"
)

// maker is the program that makes file systems of a format, and how it is told what.
type maker struct {
	tool  string
	force []string
	// uuid and label are the options; what is written before the UUID comes after it.
	uuid, uuidPrefix, label string
	// uuidText rewrites a UUID as the program wants it.
	uuidText func(string) string
}

// makers, by the format's name in the config. The arguments are part of the contract.
var makers = map[string]maker{
	"ext4":  {tool: "mkfs.ext4", force: []string{"-F"}, uuid: "-U", label: "-L"},
	"xfs":   {tool: "mkfs.xfs", force: []string{"-f"}, uuid: "-m", uuidPrefix: "uuid=", label: "-L"},
	"btrfs": {tool: "mkfs.btrfs", force: []string{"--force"}, uuid: "-U", label: "-L"},
	// there is no option to force: it overwrites everything
	"vfat": {tool: "mkfs.fat", uuid: "-i", label: "-n", uuidText: func(u string) string { return strings.ReplaceAll(u, "-", "") }},
	"swap": {tool: "mkswap", force: []string{"-f"}, uuid: "-U", label: "-L"},
}

// noFormat is the format that stands for no file system.
const noFormat = "none"

// errOther reports a device with something on it that nobody allowed to destroy.
var errOther = errors.New("something else is on the device")

const helpOther = "set wipeFilesystem: true to replace it; or give its format, label and UUID to keep it"

// Filesystem is a file system on a block device, or that there is none.
type Filesystem struct {
	About exec.Description
	On    *Machine
	Want  types.Filesystem
}

// Describe implements exec.Operation.
func (o *Filesystem) Describe() *exec.Description { return &o.About }

func (o *Filesystem) what() string { return "filesystem " + deref(o.Want.Format) }

// isWait reports whether the device is only waited for.
func (o *Filesystem) isWait() bool { return deref(o.Want.Format) == "" }

// Check implements exec.Operation.
func (o *Filesystem) Check(ctx context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{Action: exec.Create, Details: o.details()}
	node, made, err := o.On.find(ctx, env, &o.About, o.Want.Device)
	switch {
	case err != nil:
		return f, err
	case o.isWait():
		f.Action = exec.Keep
		return f, nil
	}
	if made {
		err = o.needTools(env)
		if !isTrue(o.Want.WipeFilesystem) {
			err = errors.Join(err, o.On.checkFormer(ctx, env, o.Want.Device, o.matches, helpOther))
		}
		return f, err
	}
	if err := o.On.claim("filesystem", node, o.Want.Device); err != nil {
		return f, err
	}
	action, reason, err := o.inspect(node, &f)
	if err != nil {
		return f, err
	}
	if f.Action = action; action == exec.Keep {
		return f, nil
	}
	f.Details = append(f.Details, reason)
	f.Destroys = lost(reason)
	return f, errors.Join(o.needTools(env), o.On.checkUnused(node))
}

func (o *Filesystem) needTools(env *exec.Env) error {
	err := needTool(env, wipefsCmd)
	if deref(o.Want.Format) == noFormat {
		return err
	}
	return errors.Join(err, needTool(env, makers[deref(o.Want.Format)].tool))
}

// details are what will hold.
func (o *Filesystem) details() []string {
	if o.isWait() {
		return nil
	}
	out := []string{"format " + *o.Want.Format}
	if o.Want.Label != nil {
		out = append(out, "label "+*o.Want.Label)
	}
	if o.Want.UUID != nil {
		out = append(out, "UUID "+*o.Want.UUID)
	}
	return out
}

// inspect compares what is on the device with what is wanted. The reason tells what will
// happen to what is there.
func (o *Filesystem) inspect(node string, f *exec.Finding) (action exec.Action, reason string, err error) {
	is, err := o.On.sight().Signature(node)
	if err != nil {
		return exec.Keep, "", err
	}
	work, begun := o.On.work(node)
	wipe := isTrue(o.Want.WipeFilesystem)
	switch {
	case begun && !work.Done:
		return exec.Replace, "the making of " + work.What + " was interrupted", nil
	case begun && work.Result == o.result(is):
		return exec.Keep, "", nil // what this config asked for was made since the machine was started
	case is.Format == "" && deref(o.Want.Format) == noFormat:
		return exec.Keep, "", nil
	case is.Format == "":
		return exec.Create, "the device is empty", nil
	case wipe:
		return exec.Replace, wipes + is.String(), nil
	case o.matches(is):
		if is.Others != nil {
			f.Warnings = append(f.Warnings, "there are traces of other file systems on the device; it is used as "+*o.Want.Format)
		}
		if incomplete, err := o.On.sight().IsIncomplete(node, *o.Want.Format); err != nil {
			return exec.Keep, "", err
		} else if incomplete {
			return exec.Replace, "the " + *o.Want.Format + " file system was never completed", nil
		}
		return exec.Keep, "", nil
	}
	return exec.Keep, "", exec.WithHelp(fmt.Errorf("%w: %s", errOther, is), helpOther)
}

// matches reports whether a file system, or one of several that it could be, is the wanted
// one.
func (o *Filesystem) matches(is sight.Signature) bool {
	if slices.ContainsFunc(is.Others, o.matches) {
		return true
	}
	w := &o.Want
	return is.Format == deref(w.Format) && (w.Label == nil || *w.Label == is.Label) &&
		(w.UUID == nil || strings.EqualFold(canonicalUUID(is.Format, *w.UUID), canonicalUUID(is.Format, is.UUID)))
}

// canonicalUUID drops the dash of a FAT volume id, which may be written or not.
func canonicalUUID(format, uuid string) string {
	if format == "vfat" && len(uuid) == 9 && uuid[4] == '-' {
		return uuid[:4] + uuid[5:]
	}
	return uuid
}

// result identifies the file system that was made for this config.
func (o *Filesystem) result(is sight.Signature) string {
	return digest(struct {
		Want types.Filesystem
		Is   string
	}{o.Want, is.String()})
}

// Apply implements exec.Operation.
func (o *Filesystem) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	node, err := o.On.node(ctx, env, o.Want.Device)
	if err != nil || o.isWait() {
		return out, err
	}
	if err := o.On.claim("filesystem", node, o.Want.Device); err != nil {
		return out, err
	}
	action, _, err := o.inspect(node, &exec.Finding{})
	if err != nil || action == exec.Keep {
		return out, err
	}
	if err := o.On.checkUnused(node); err != nil {
		return out, err
	}
	if err := o.On.begin(node, o.what()); err != nil {
		return out, err
	}
	if action != exec.Create { // an empty device has nothing to erase
		if err := wipe(ctx, env, node); err != nil {
			return out, err
		}
	}
	if m, ok := makers[*o.Want.Format]; ok {
		if _, err := env.Run(ctx, run.Command{Name: m.tool, Args: o.arguments(m, node), Limit: limitWith(o.Want.Options)}); err != nil {
			return out, err
		}
	}
	o.On.touch(node)
	return out, o.verify(node)
}

// arguments of the program: those of the user first, so that ours win.
func (o *Filesystem) arguments(m maker, node string) []string {
	args := append(append([]string{}, o.Want.Options...), m.force...)
	if u := o.Want.UUID; u != nil {
		text := *u
		if m.uuidText != nil {
			text = m.uuidText(text)
		}
		args = append(args, m.uuid, m.uuidPrefix+text)
	}
	if o.Want.Label != nil {
		args = append(args, m.label, *o.Want.Label)
	}
	return append(args, node)
}

// verify looks whether what was made is what was wanted, and only then takes it for done.
func (o *Filesystem) verify(node string) error {
	is, err := o.On.sight().Signature(node)
	if err != nil {
		return err
	}
	wanted := *o.Want.Format
	if wanted == noFormat {
		wanted = ""
	}
	if is.Format != wanted || wanted != "" && !o.matches(is) {
		found := is.String()
		if found == "" {
			found = "nothing"
		}
		return fmt.Errorf("the new file system is not the wanted one: %s is on the device", found)
	}
	return o.On.finish(node, o.what(), o.result(is))
}
