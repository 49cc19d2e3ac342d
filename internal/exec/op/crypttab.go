package op

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

const (
	crypttabPath = "/etc/crypttab"
	secretMode   = 0o600
)

// KeyDir is where keys of volumes are in the target. A distribution can set it when it
// links.
var KeyDir = "/etc/luks/"

// KeyPath is the file with the key of a volume in the target.
func KeyPath(volume string) string { return path.Join(KeyDir, volume) }

// Crypttab tells the system how to open volumes: crypttab(5).
func Crypttab(about exec.Description, on *Machine, volumes []types.Luks) *SharedFile {
	return &SharedFile{
		About: about, Path: crypttabPath, NewMode: secretMode, IsSecret: true,
		NameIn: func(fields []string) string { return fields[0] },
		Entries: func(ctx context.Context, env *exec.Env) (out []Entry, _ []string, err error) {
			for _, v := range volumes {
				_, h, err := on.volume(ctx, env, v)
				if err != nil {
					return nil, nil, err
				}
				out = append(out, Entry{Name: v.Name, Detail: "volume " + v.Name, Line: crypttabLine(v, h.UUID)})
			}
			return out, nil, nil
		},
	}
}

// crypttabLine is part of the contract.
func crypttabLine(v types.Luks, uuid string) string {
	key, network := KeyPath(v.Name), ""
	if HasClevis(v.Clevis) {
		key = "none"
	}
	if NeedsNetwork(v.Clevis) {
		network = "_netdev,"
	}
	return fmt.Sprintf("%s UUID=%s %s luks,%sx-initrd.attach\n", v.Name, uuid, key, network)
}

// LUKSKey is the key of a volume on the target: without it, nobody could open the volume
// after the next boot. Or it is a file of its secure key, which stays in the state.
type LUKSKey struct {
	About  exec.Description
	On     *Machine
	Volume types.Luks
	// Secure is the name of a file in the repository of zkey; empty for the key itself.
	Secure string
}

// Path is where the key is in the target.
func (o *LUKSKey) Path() string {
	if o.Secure != "" {
		return path.Join(SecureKeyDir, o.Secure)
	}
	return KeyPath(o.Volume.Name)
}

// key is what the state has.
func (o *LUKSKey) key() ([]byte, bool) {
	if o.Secure != "" {
		return o.On.State.SecureKey(o.Secure)
	}
	return o.On.State.Key(o.Volume.Name)
}

// Describe implements exec.Operation.
func (o *LUKSKey) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *LUKSKey) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{Details: []string{"mode 0600"}}
	name := o.Path()
	is, err := look(env, name)
	if err != nil {
		return f, err
	}
	key, ok := o.key()
	switch {
	case !ok && is.Kind == sysroot.Absent:
		return f, exec.WithHelp(errors.New("the key is lost: neither the state nor the target has it"), "run the disks stage again")
	case !ok:
		return f, nil // an earlier run has written it
	case is.Kind == sysroot.Directory:
		return f, fmt.Errorf("%s is a directory", name)
	case is.Kind == sysroot.Absent:
		f.Action = exec.Create
	case o.isThere(env, is, key):
		if o.Secure != "" {
			return f, nil
		}
		f.Action = exec.Change // the state still has it
		f.Details = []string{"it is there; the state forgets it"}
		return f, nil
	default:
		f.Action = exec.Replace
	}
	return f, env.CheckWritable(name)
}

func (o *LUKSKey) isThere(env *exec.Env, is sysroot.Info, key []byte) bool {
	if is.Kind != sysroot.Regular || is.Mode != secretMode || is.Size != int64(len(key)) {
		return false
	}
	now, err := env.Root.ReadFile(o.Path(), is.Size)
	return err == nil && bytes.Equal(now, key)
}

// Apply implements exec.Operation.
func (o *LUKSKey) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	key, ok := o.key()
	if !ok {
		return out, nil
	}
	name := o.Path()
	is, err := look(env, name)
	if err != nil {
		return out, err
	}
	if !o.isThere(env, is, key) {
		if err := makePrivateDirectories(env, path.Dir(name)); err != nil {
			return out, err
		}
		if err := replaceFile(env, name, key, secretMode); err != nil {
			return out, err
		}
		out.Bytes = int64(len(key))
	}
	if o.Secure != "" {
		return out, nil
	}
	return out, o.On.State.DropKey(o.Volume.Name)
}

// makePrivateDirectories makes the directory of keys, for root alone; those above it are
// for everybody.
func makePrivateDirectories(env *exec.Env, name string) error {
	e, err := env.Root.MakeEntry(name)
	if err != nil {
		return err
	}
	e.Close()
	return makePrivateDirectory(env, name)
}
