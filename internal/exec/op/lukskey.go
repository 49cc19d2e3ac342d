package op

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"github.com/kindling-boot/kindling/internal/exec"
)

const (
	// generatedKey is the length of a key in bytes, before it is written in hex: clevis
	// needs text.
	generatedKey = 4096
	// maxKey is what cryptsetup reads of a key file: 8 MiB (cryptsetup --help).
	maxKey = 8 << 20
)

// key returns the key of the volume: that of the config, that of the initramfs, one that
// an interrupted run has made, or a new one.
func (o *LUKS) key(ctx context.Context, env *exec.Env) ([]byte, error) {
	if !o.isGenerated() {
		key, err := env.Fetcher.ReadAll(ctx, o.Want.KeyFile, maxKey)
		if err != nil {
			return nil, fmt.Errorf("get key file: %w", WithFetchHelp(err))
		}
		return key, nil
	}
	if isTrue(o.Want.Cex.Enabled) && o.IsRoot {
		return cexKey()
	}
	if key, ok := o.On.State.Key(o.Want.Name); ok {
		return key, nil
	}
	raw := make([]byte, generatedKey)
	if _, err := rand.Read(raw); err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return []byte(hex.EncodeToString(raw)), nil
}

// withKeyFile puts a key into a file that nobody else can read, for programs that take no
// other form, and removes it.
func withKeyFile(key []byte, do func(file string) error) (err error) {
	f, err := os.CreateTemp("", "ignition-luks-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(key)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	return do(f.Name())
}
