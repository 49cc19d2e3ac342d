package main

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/dialect"
	"github.com/kindling-boot/kindling/internal/providers"
)

// What cloud-configs take for granted about the image. A distribution can set it when it
// links.
var (
	packagesDefault    = "none"
	defaultUserDefault = "core"
)

// Kernel arguments that tell otherwise.
const (
	packagesArgument    = "ignition.cloud.packages"
	defaultUserArgument = "ignition.cloud.user"
)

// imageOfBoot is what this machine's image is taken for.
func imageOfBoot(env *providers.Env) (*dialect.Image, error) {
	image := &dialect.Image{Packages: packagesDefault, DefaultUser: defaultUserDefault}
	for name, to := range map[string]*string{packagesArgument: &image.Packages, defaultUserArgument: &image.DefaultUser} {
		value, err := providers.Argument(env, name)
		if err != nil {
			return image, err
		}
		if value != "" {
			*to = value
		}
	}
	if err := checkPackager(image.Packages); err != nil {
		return image, fmt.Errorf("kernel argument %s: %w", packagesArgument, err)
	}
	return image, nil
}

// imageFlags adds the flags for that.
func imageFlags(flags *flag.FlagSet) *dialect.Image {
	image := &dialect.Image{Packages: packagesDefault}
	flags.StringVar(&image.DefaultUser, "default-user", defaultUserDefault, "`name` of the user that a cloud-config calls default")
	flags.Func("packages", "`program` that installs packages of a cloud-config: "+strings.Join(packagers(), ", "), func(name string) error {
		image.Packages = name
		return checkPackager(name)
	})
	return image
}

func packagers() []string { return append(cloudconfig.Packagers(), "none") }

func checkPackager(name string) error {
	if !slices.Contains(packagers(), name) {
		return fmt.Errorf("%q is none of %s", name, strings.Join(packagers(), ", "))
	}
	return nil
}
