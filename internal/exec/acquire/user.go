package acquire

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/dialect"
	"github.com/kindling-boot/kindling/internal/providers"
)

// The providers that every platform has before its own, as the state names them.
const (
	fromCommandLine = "cmdline"
	fromSystem      = "system"
)

// User is the user config as it was found.
type User struct {
	// Provider is cmdline, system or the id of the platform.
	Provider string
	providers.Config
}

// Documents returns what stands beside the config.
func (u *User) Documents() *dialect.Beside {
	file := func(name string) *source.File {
		if c, ok := u.Beside[name]; ok {
			return source.NewFile(c.Where, c.Data)
		}
		return nil
	}
	return &dialect.Beside{Network: file(providers.NetworkConfig), Vendor: file(providers.VendorData)}
}

// FindUser gets the user config: the one that the kernel arguments name, or that of the
// distribution, or that of the platform. Only the absence of a provider leads to the
// next one; "no config" (providers.ErrNoConfig) ends the search, as failures do. The
// provider and Files are set with ErrNoConfig too.
func FindUser(ctx context.Context, env *providers.Env, platform providers.Platform) (User, error) {
	c, err := providers.CommandLine(ctx, env)
	if !errors.Is(err, providers.ErrNotHere) {
		return User{Provider: fromCommandLine, Config: c}, err
	}
	c, err = SystemUser()
	if !errors.Is(err, fs.ErrNotExist) {
		return User{Provider: fromSystem, Config: c}, err
	}
	c, err = platform.Fetch(ctx, env)
	if errors.Is(err, providers.ErrNotHere) {
		err = fmt.Errorf("%w; check the kernel argument ignition.platform.id", err)
	}
	return User{Provider: platform.ID, Config: c}, err
}
