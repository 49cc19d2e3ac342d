package op

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
)

// A secure key is one that only a CryptoExpress card of IBM Z can use: zkey(1). The header
// of the volume has it; the passphrase that protects it there is no secret of much worth.
const (
	zkeyCmd      = "zkey"
	zkeyCryptCmd = "zkey-cryptsetup"
	// SecureKeyDir is the repository of zkey, in the initramfs and in the target.
	SecureKeyDir = "/etc/zkey/repository"
	// cexKeyFile is the passphrase of the root volume: the initramfs has it at each boot,
	// and kernel arguments name it, rd.luks.key=/etc/luks/cex.key.
	cexKeyFile = "/etc/luks/cex.key"
)

func secureKeyName(volume string) string { return "ignition-luks-" + volume }

// SecureKeyFiles are the files of the secure key of a volume in the repository: the key,
// and what zkey notes about it.
func SecureKeyFiles(volume string) []string {
	return []string{secureKeyName(volume) + ".skey", secureKeyName(volume) + ".info"}
}

// checkCex finds out whether a secure key can be made.
func (o *LUKS) checkCex(env *exec.Env) error {
	if !isTrue(o.Want.Cex.Enabled) {
		return nil
	}
	errs := []error{needTool(env, zkeyCmd), needTool(env, zkeyCryptCmd)}
	if len(o.On.sight().CryptoQueues()) == 0 {
		errs = append(errs, exec.WithHelp(errors.New("the machine has no CryptoExpress card in CCA mode"),
			"give the machine, which must be an s390x, a domain of one; elsewhere use a key file, or clevis"))
	}
	if o.IsRoot && o.On.sight().IsHere() {
		_, err := cexKey()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// cexKey is the passphrase of the root volume.
func cexKey() ([]byte, error) {
	key, err := os.ReadFile(cexKeyFile)
	if err == nil && len(key) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, exec.WithHelp(fmt.Errorf("read the passphrase of the initramfs: %w", err), "make an initramfs that has "+cexKeyFile+", on s390x")
	}
	return key, nil
}

// secureKey makes a secure key, keeps it for the files stage, and returns the arguments of
// luksFormat that use it; none for other volumes.
func (o *LUKS) secureKey(ctx context.Context, env *exec.Env) ([]string, error) {
	if !isTrue(o.Want.Cex.Enabled) {
		return nil, nil
	}
	if err := os.MkdirAll(SecureKeyDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the repository of zkey: %w", err)
	}
	files := SecureKeyFiles(o.Want.Name)
	for _, f := range files { // of a run that was interrupted: zkey replaces none
		if err := os.Remove(path.Join(SecureKeyDir, f)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	generate := run.Command{Name: zkeyCmd, Args: []string{
		"generate", "--name", secureKeyName(o.Want.Name), "--key-type", "CCA-AESCIPHER", "--xts",
		"--description", "LUKS volume " + o.Want.Name, "--apqns", strings.Join(o.On.sight().CryptoQueues(), ","),
	}}
	if _, err := env.Run(ctx, generate); err != nil {
		return nil, err
	}
	var size int
	for i, f := range files {
		data, err := os.ReadFile(path.Join(SecureKeyDir, f))
		if err == nil {
			err = o.On.State.SetSecureKey(f, data)
		}
		if err != nil {
			return nil, fmt.Errorf("keep the secure key: %w", err)
		}
		if i == 0 {
			size = len(data)
		}
	}
	return []string{
		"--volume-key-file", path.Join(SecureKeyDir, files[0]), "--cipher", "paes-xts-plain64", "--key-size", strconv.Itoa(size * 8),
	}, nil
}
