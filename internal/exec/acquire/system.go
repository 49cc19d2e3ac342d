package acquire

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/providers"
)

// systemDirs are the directories for configs of the distribution, the most important
// one first, and the variables that move them.
var systemDirs = []struct{ env, dir string }{
	{"IGNITION_SYSTEM_RUNTIME_CONFIG_DIR", "/run/ignition"},
	{"IGNITION_SYSTEM_LOCAL_CONFIG_DIR", "/etc/ignition"},
	{"IGNITION_SYSTEM_CONFIG_DIR", "/usr/lib/ignition"},
}

func eachSystemDir() []string {
	dirs := make([]string, len(systemDirs))
	for i, d := range systemDirs {
		if dirs[i] = os.Getenv(d.env); dirs[i] == "" {
			dirs[i] = d.dir
		}
	}
	return dirs
}

// SystemUser returns the user config that the distribution brings: user.ign of the
// first system directory that has one. The error is fs.ErrNotExist if none has, and
// providers.ErrNoConfig if the file is empty: then the platform is not asked either.
func SystemUser() (providers.Config, error) {
	for _, dir := range eachSystemDir() {
		name := filepath.Join(dir, "user.ign")
		f, err := source.Open(name, nil, source.MaxJSON)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return providers.Config{}, err
		}
		return providers.Unpack(f.Data, name)
	}
	return providers.Config{}, fmt.Errorf("user.ign: %w", fs.ErrNotExist)
}

// Base returns the base config of a platform, which user configs are merged over: the
// fragments of base.d and then of base.platform.d/PLATFORM, by name. A fragment hides
// those of the same name in less important directories. One that cannot be used is
// an error: leaving it out would change the machine without a word. Nobody follows what
// fragments refer to, and the network must not be started for it: ignored are the places
// of such references.
func Base(platform string) (base config.Config, warnings diag.List, ignored []string, err error) {
	base = Empty()
	for _, sub := range []string{"base.d", filepath.Join("base.platform.d", platform)} {
		files, err := fragments(sub)
		if err != nil {
			return base, warnings, ignored, err
		}
		for _, name := range files {
			f, err := source.Open(name, nil, source.MaxJSON)
			if err != nil {
				return base, warnings, ignored, fmt.Errorf("base config: %w", err)
			}
			cfg, ds, err := Parse(f)
			if err != nil {
				return base, warnings, ignored, fmt.Errorf("base config: %w", err)
			}
			warnings = append(warnings, ds...)
			if at := withoutReferences(&cfg); at != "" {
				ignored = append(ignored, at)
			}
			base = config.Merge(base, cfg)
		}
	}
	return base, warnings, ignored, nil
}

// withoutReferences takes the references to other configs out of a fragment, and
// returns where they are; "" if there are none.
func withoutReferences(cfg *config.Config) string {
	refs := &cfg.Ignition.Config
	if refs.Replace.Source == nil && len(refs.Merge) == 0 {
		return ""
	}
	at, _ := cfg.Locate(source.Path{}.At("ignition", "config"))
	*refs = types.IgnitionConfig{}
	return at.String()
}

// fragments returns the files of a subdirectory of all system directories, by name.
func fragments(sub string) ([]string, error) {
	byName := map[string]string{}
	var names []string
	for _, dir := range eachSystemDir() {
		entries, err := os.ReadDir(filepath.Join(dir, sub))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("base config: %w", err)
		}
		for _, e := range entries {
			n := e.Name()
			if strings.HasPrefix(n, ".") || filepath.Ext(n) != ".ign" || e.IsDir() || byName[n] != "" {
				continue
			}
			byName[n] = filepath.Join(dir, sub, n)
			names = append(names, n)
		}
	}
	slices.Sort(names)
	for i, n := range names {
		names[i] = byName[n]
	}
	return names, nil
}
