// Package acquire gets the config of a machine: from whoever provides it (FindUser,
// Base), with what it refers to (Renderer), and between the stages from the cache and
// the state (WriteCache, ReadCache, State).
package acquire

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/dialect"
)

// InvalidError is a config that was refused, with the reasons.
type InvalidError struct {
	Name        string
	Diagnostics diag.List
}

// Error names the config. The reasons are in the diagnostics.
func (e *InvalidError) Error() string { return fmt.Sprintf("config %s is not valid", e.Name) }

// Parse reads one config of any dialect. The error is an *InvalidError; what does not
// stop the config is in the list.
func Parse(f *source.File) (config.Config, diag.List, error) {
	doc, ds := dialect.Read(f, dialect.Options{})
	if ds.HasErrors() {
		return config.Config{}, ds, &InvalidError{Name: f.Name, Diagnostics: ds}
	}
	return doc.Config, ds, nil
}

// Empty is the config of a machine without a user config.
func Empty() config.Config {
	cfg, _ := config.Parse(source.NewFile("empty", []byte(`{"ignition":{"version":"3.0.0"}}`)))
	return cfg
}

// cacheMode is part of the contract: programs of the initramfs read the cache.
const cacheMode = 0o640

// WriteCache writes a rendered config, in one step, and the places of its parts.
func WriteCache(name string, cfg config.Config) error {
	if err := writePlaces(name, cfg); err != nil { // first: a cache may be read as soon as it is there
		return fmt.Errorf("write places of config: %w", err)
	}
	if err := writeFile(name, append(config.Render(cfg), '\n'), cacheMode); err != nil {
		return fmt.Errorf("write config cache: %w", err)
	}
	return nil
}

// ReadCache reads what WriteCache has written. Parts of a cache written by others are
// placed in the cache itself.
func ReadCache(name string) (config.Config, error) {
	f, err := source.Open(name, nil, source.MaxJSON)
	if errors.Is(err, fs.ErrNotExist) {
		return config.Config{}, fmt.Errorf("read config cache: %w; a fetch stage has to run first", err)
	}
	if err != nil {
		return config.Config{}, fmt.Errorf("read config cache: %w", err)
	}
	cfg, _, err := Parse(f)
	if err != nil {
		return cfg, err
	}
	if p, ok := readPlaces(name); ok {
		cfg = config.New(cfg.Config, p)
	}
	return cfg, nil
}
