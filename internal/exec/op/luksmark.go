package op

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/sight"
	"github.com/kindling-boot/kindling/internal/run"
)

// unfinishedMark begins the subsystem in the header of a volume that an unfinished first
// boot has made: record 0170.
const unfinishedMark = "kindling-unfinished"

// markOf is the mark of a volume. It tells the entry of the config that asked for it, so
// that nobody takes the volume of another one for his own. What may be secret is left out:
// everybody can read a header. The field has 48 bytes (LUKS2 On-Disk Format Specification
// 1.1.1, §2.1).
func markOf(v types.Luks) string {
	v.KeyFile, v.Clevis = types.Resource{}, types.Clevis{}
	return unfinishedMark + " " + digest(v)[:24]
}

// isUnfinished reports whether what is on a device is a volume with the mark, or what is
// left of one: nothing else is there.
func (o *LUKS) isUnfinished(is sight.Signature, h sight.LUKS) bool {
	return h.Subsystem == markOf(o.Want) && (is.Format == "" || is.Format == "crypto_LUKS" && is.Others == nil)
}

// clearMark tells that a volume is finished.
func clearMark(ctx context.Context, env *exec.Env, node string, h sight.LUKS) error {
	if !strings.HasPrefix(h.Subsystem, unfinishedMark) {
		return nil
	}
	_, err := env.Run(ctx, run.Command{Name: cryptsetupCmd, Args: []string{"config", node, "--label", h.Label, "--subsystem", ""}})
	return err
}

// IsKeyGenerated reports whether nobody but us knows the key of a volume, or clevis alone
// opens it.
func IsKeyGenerated(v types.Luks) bool { return deref(v.KeyFile.Source) == "" }

// volume finds a volume and reads its header.
func (m *Machine) volume(ctx context.Context, env *exec.Env, v types.Luks) (node string, h sight.LUKS, err error) {
	if node, err = m.node(ctx, env, deref(v.Device)); err == nil {
		h, err = sight.ReadLUKS(node)
	}
	if err != nil {
		err = fmt.Errorf("find volume %s: %w", v.Name, err)
	}
	return node, h, err
}

// LUKSEnd ends the making of a volume with a generated key, when all else of the first boot
// is done. Until then a loss of power begins a first boot again, which cannot open it: the
// key is on the target, which is mounted later, or with servers that nobody asked when the
// config had their advertisements. It makes a marked volume anew.
type LUKSEnd struct {
	About  exec.Description
	On     *Machine
	Volume types.Luks
}

// Describe implements exec.Operation.
func (o *LUKSEnd) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *LUKSEnd) Check(ctx context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{}
	_, h, err := o.On.volume(ctx, env, o.Volume)
	if strings.HasPrefix(h.Subsystem, unfinishedMark) {
		f.Action = exec.Change
	}
	return f, err
}

// Apply implements exec.Operation.
func (o *LUKSEnd) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	node, h, err := o.On.volume(ctx, env, o.Volume)
	if err != nil {
		return out, err
	}
	unix.Sync() // the mark must not go before all that was made is safe
	return out, clearMark(ctx, env, node, h)
}
