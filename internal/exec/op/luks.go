package op

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/sight"
	"github.com/kindling-boot/kindling/internal/run"
)

const cryptsetupCmd = "cryptsetup"

// LUKS is an encrypted volume, open below /dev/mapper.
type LUKS struct {
	About exec.Description
	On    *Machine
	Want  types.Luks
	// IsRoot tells that it holds the root file system, so that later boots open it in the
	// initramfs.
	IsRoot bool
}

// Mapped is the device of an open volume.
func Mapped(name string) string { return "/dev/mapper/" + name }

// Describe implements exec.Operation.
func (o *LUKS) Describe() *exec.Description { return &o.About }

func (o *LUKS) device() string { return deref(o.Want.Device) }

func (o *LUKS) isGenerated() bool { return IsKeyGenerated(o.Want) }

func (o *LUKS) bindsClevis() bool { return HasClevis(o.Want.Clevis) }

// luksState is what a volume is and must become.
type luksState struct {
	format bool // make it anew
	open   bool // it is closed, or was never opened
	reason string
}

// Check implements exec.Operation.
func (o *LUKS) Check(ctx context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{Action: exec.Create, Details: o.details()}
	ways := o.checkWays(ctx, env)
	node, made, err := o.On.find(ctx, env, &o.About, o.device())
	if made && !isTrue(o.Want.WipeVolume) {
		err = o.On.checkFormer(ctx, env, o.device(), func(is sight.Signature) bool { return is.Format == "crypto_LUKS" }, "set wipeVolume: true to replace it")
	}
	if err != nil || made {
		return f, errors.Join(err, ways)
	}
	s, err := o.inspect(node)
	switch err = errors.Join(err, ways); {
	case err != nil:
		return f, err
	case !s.format && !s.open:
		f.Action = exec.Keep
		return f, nil
	case !s.format:
		f.Action = exec.Change
		f.Details = append(f.Details, "open it")
		return f, o.checkKey(ctx, env, node)
	case s.reason != "":
		f.Action = exec.Replace
		f.Details = append(f.Details, s.reason)
		f.Destroys = lost(s.reason)
	}
	if open := o.mapped(node); open != "" {
		node = open // of a run that was interrupted; it is closed first
	}
	return f, o.On.checkUnused(node)
}

// checkWays finds out whether the volume can be opened the ways the config wants.
func (o *LUKS) checkWays(ctx context.Context, env *exec.Env) error {
	errs := []error{needTool(env, cryptsetupCmd), needTool(env, wipefsCmd), o.checkCex(env), o.On.checkClevis(ctx, env, o.Want.Clevis)}
	if !o.isGenerated() {
		_, err := o.key(ctx, env)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (o *LUKS) details() []string {
	out := []string{"LUKS2 on " + o.device()}
	if o.Want.Label != nil {
		out = append(out, "label "+*o.Want.Label)
	}
	if o.Want.UUID != nil {
		out = append(out, "UUID "+*o.Want.UUID)
	}
	switch {
	case o.bindsClevis():
		out = append(out, "unlocked by clevis")
	case isTrue(o.Want.Cex.Enabled):
		out = append(out, "with a secure key of the CryptoExpress domains "+strings.Join(o.On.sight().CryptoQueues(), ","))
	case o.isGenerated():
		out = append(out, "with a new random key")
	default:
		out = append(out, "with the key of the config")
	}
	return out
}

// keeps implements keeper.
func (o *LUKS) keeps(ctx context.Context, env *exec.Env) bool {
	node, made, err := o.On.find(ctx, env, &o.About, o.device())
	if err != nil || made {
		return false
	}
	s, err := o.inspect(node)
	return err == nil && !s.format
}

// inspect compares what is on the device with what is wanted.
func (o *LUKS) inspect(node string) (s luksState, err error) {
	s.open = o.mapped(node) == ""
	is, err := o.On.sight().Signature(node)
	if err != nil {
		return s, err
	}
	h, headErr := o.On.sight().LUKS(node)
	work, begun := o.On.work(node)
	_, hasKey := o.On.State.Key(o.Want.Name)
	switch {
	case begun && !work.Done:
		return luksState{true, true, "the making of " + work.What + " was interrupted"}, nil
	case begun && headErr == nil && work.Result == h.UUID:
		return s, nil // made for this config since the machine was started
	case o.isUnfinished(is, h):
		return luksState{true, true, "the first boot that has made the volume was interrupted"}, nil
	case is.Format == "" && errors.Is(headErr, sight.ErrNoLUKS):
		return luksState{format: true, open: true}, nil
	case isTrue(o.Want.WipeVolume):
		return luksState{true, true, wipes + is.String()}, nil
	case errors.Is(headErr, sight.ErrNoLUKS):
		return s, exec.WithHelp(fmt.Errorf("%w: %s", errOther, is), "set wipeVolume: true to replace it")
	case headErr != nil:
		return s, exec.WithHelp(headErr, "set wipeVolume: true to replace the volume")
	case h.Version != 2:
		return s, exec.WithHelp(errors.New("the volume is LUKS1"), "set wipeVolume: true to replace it, or convert it with cryptsetup convert")
	case strings.HasPrefix(h.Subsystem, unfinishedMark):
		return s, exec.WithHelp(errors.New("a first boot with another config has begun to make a volume here"), "set wipeVolume: true to replace it")
	}
	if why := o.differs(h); why != "" {
		return s, exec.WithHelp(fmt.Errorf("a LUKS volume is there, and %s", why), "set wipeVolume: true to replace it")
	}
	if !hasKey && !o.bindsClevis() {
		s.open = true // the files stage wants the key
	}
	return s, nil
}

// differs tells why an existing volume is not the wanted one; empty if it is.
func (o *LUKS) differs(h sight.LUKS) string {
	w := &o.Want
	switch {
	case o.bindsClevis() && !h.HasToken("clevis"):
		return "it is not bound to clevis"
	case !o.bindsClevis() && o.isGenerated():
		return "the config has no key to open it"
	case w.Label != nil && *w.Label != h.Label:
		return fmt.Sprintf("its label is %q", h.Label)
	case deref(w.UUID) != "" && !strings.EqualFold(*w.UUID, h.UUID):
		return "its UUID is " + h.UUID
	case isTrue(w.Discard) != h.Discards():
		return fmt.Sprintf("discard is %v", h.Discards())
	}
	return ""
}

// checkKey finds out whether the key of the config opens the volume, without opening it.
func (o *LUKS) checkKey(ctx context.Context, env *exec.Env, node string) error {
	if o.isGenerated() || !o.On.sight().IsHere() {
		return nil // it is opened by clevis, or nobody can try
	}
	key, err := o.key(ctx, env)
	if err != nil {
		return err
	}
	return withKeyFile(key, func(file string) error {
		_, err := env.Run(ctx, run.Command{Name: cryptsetupCmd, Args: []string{"luksOpen", "--test-passphrase", node, "--key-file", file}})
		if err != nil {
			return exec.WithHelp(fmt.Errorf("the key of the config does not open the volume: %w", err),
				"correct the key, or set wipeVolume: true to replace the volume")
		}
		return nil
	})
}

// Apply implements exec.Operation.
func (o *LUKS) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	node, err := o.On.node(ctx, env, o.device())
	if err != nil {
		return out, err
	}
	s, err := o.inspect(node)
	if err != nil || !s.format && !s.open {
		return out, err
	}
	if s.format {
		err = o.make(ctx, env, node, s.reason == "")
	} else {
		err = o.reuse(ctx, env, node)
	}
	return out, err
}

// reuse opens a volume that is there.
func (o *LUKS) reuse(ctx context.Context, env *exec.Env, node string) error {
	if o.isGenerated() {
		return unlock(ctx, env, node, o.Want.Name)
	}
	key, err := o.key(ctx, env)
	if err != nil {
		return err
	}
	if err := o.On.State.SetKey(o.Want.Name, key); err != nil {
		return err
	}
	if o.mapped(node) == "" {
		if err := withKeyFile(key, func(file string) error { return o.open(ctx, env, node, file) }); err != nil {
			return err
		}
	}
	o.On.touch(node)
	return nil
}

// make formats the volume, opens it and binds it. The key is kept before anything is
// written: what it opens cannot be had without it.
func (o *LUKS) make(ctx context.Context, env *exec.Env, node string, isEmpty bool) error {
	if o.mapped(node) != "" {
		if err := o.close(ctx, env); err != nil {
			return err
		}
	}
	if err := o.On.checkUnused(node); err != nil {
		return err
	}
	key, err := o.key(ctx, env)
	if err != nil {
		return err
	}
	secure, err := o.secureKey(ctx, env)
	if err != nil {
		return err
	}
	if err := errors.Join(o.On.State.SetKey(o.Want.Name, key), o.On.begin(node, "LUKS volume "+o.Want.Name)); err != nil {
		return err
	}
	if !isEmpty {
		if err := wipe(ctx, env, node); err != nil {
			return err
		}
	}
	err = withKeyFile(key, func(file string) error {
		if _, err := env.Run(ctx, run.Command{Name: cryptsetupCmd, Args: append(o.formatArguments(node, file), secure...), Limit: limitWith(o.Want.Options)}); err != nil {
			return err
		}
		if secure != nil {
			if _, err := env.Run(ctx, run.Command{Name: zkeyCryptCmd, Args: []string{"setvp", node, "--key-file", file}}); err != nil {
				return err
			}
		}
		if err := o.open(ctx, env, node, file); err != nil {
			return err
		}
		if !o.bindsClevis() {
			return nil
		}
		return o.bind(ctx, env, node, file)
	})
	if err != nil {
		return err
	}
	o.On.touch(node)
	h, err := sight.ReadLUKS(node)
	if err != nil {
		return err
	}
	if !o.isGenerated() {
		if err := clearMark(ctx, env, node, h); err != nil {
			return err
		}
	}
	return o.On.finish(node, "LUKS volume "+o.Want.Name, h.UUID)
}

// formatArguments are those of luksFormat. The mark comes before the options of the user,
// who may want a subsystem.
func (o *LUKS) formatArguments(node, file string) []string {
	args := []string{"luksFormat", "--type", "luks2", "--key-file", file, "--subsystem", markOf(o.Want)}
	if l := o.Want.Label; l != nil {
		args = append(args, "--label", *l)
	}
	if u := o.Want.UUID; u != nil {
		args = append(args, "--uuid", *u)
	}
	return append(append(args, o.Want.Options...), node)
}

func (o *LUKS) open(ctx context.Context, env *exec.Env, node, file string) error {
	args := []string{"luksOpen", node, o.Want.Name, "--key-file", file, "--persistent"}
	if isTrue(o.Want.Discard) {
		args = append(args, "--allow-discards")
	}
	_, err := env.Run(ctx, run.Command{Name: cryptsetupCmd, Args: append(args, o.Want.OpenOptions...)})
	return err
}

func (o *LUKS) close(ctx context.Context, env *exec.Env) error {
	_, err := env.Run(ctx, run.Command{Name: cryptsetupCmd, Args: []string{"luksClose", o.Want.Name}})
	return err
}

// mapped is the node of the volume on a device if it is open under its name, else empty.
func (o *LUKS) mapped(node string) string {
	for _, h := range o.On.sight().Holders(node) {
		if h.Name == o.Want.Name {
			return h.Node
		}
	}
	return ""
}
