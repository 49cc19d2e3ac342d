// Package acquire gets the config of a machine: from whoever provides it (FindUser,
// Base), with what it refers to (Renderer), and between the stages from the cache and
// the state (WriteCache, ReadCache, State).
package acquire

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/dialect"
	"github.com/kindling-boot/kindling/internal/resource"
)

// InvalidError is a config that was refused, with the reasons.
type InvalidError struct {
	Name        string
	Diagnostics diag.List
}

// Error names the config. The reasons are in the diagnostics.
func (e *InvalidError) Error() string { return fmt.Sprintf("config %s is not valid", e.Name) }

// Parse reads one config of any dialect, on its own. The error is an *InvalidError; what
// does not stop the config is in the list.
func Parse(f *source.File) (config.Config, diag.List, error) {
	return Surroundings{}.Parse(context.Background(), f)
}

// Surroundings are what a document may refer to besides its own text.
type Surroundings struct {
	// Fetcher opens what lists of addresses (#include) name; nil refuses such lists.
	Fetcher *resource.Fetcher
	// Facts asks the platform about the machine; nil means that nothing is known. It is
	// called when a document uses what it gives.
	Facts func(ctx context.Context) (map[string]string, error)
	// Image and Beside are those of dialect.Options.
	Image  *dialect.Image
	Beside *dialect.Beside
}

// maxIncludes limits the addresses that one document leads to.
const maxIncludes = 100

// Parse reads one config of any dialect. The error is an *InvalidError, or why an address
// or a fact could not be got; what does not stop the config is in the list.
func (s Surroundings) Parse(ctx context.Context, f *source.File) (config.Config, diag.List, error) {
	doc, ds, err := s.Read(ctx, f)
	switch {
	case err != nil:
		return config.Config{}, ds, err
	case ds.HasErrors():
		return config.Config{}, ds, &InvalidError{Name: f.Name, Diagnostics: ds}
	}
	return doc.Config, ds, nil
}

// Read reads one document of any dialect, which may be invalid. The error says why an
// address or a fact could not be got.
func (s Surroundings) Read(ctx context.Context, f *source.File) (dialect.Document, diag.List, error) {
	var failure error
	o := dialect.Options{Limit: max(len(f.Data), resource.Affordable(source.MaxJSON)), Image: s.Image, Beside: s.Beside}
	if s.Fetcher != nil {
		count := 0
		o.Include = func(address string, at source.Range) (*source.File, error) {
			if count++; count > maxIncludes {
				return nil, fmt.Errorf("the document leads to more than %d others", maxIncludes)
			}
			data, err := s.Fetcher.ReadAll(ctx, types.Resource{Source: &address}, int64(resource.Affordable(maxBytes)))
			if err != nil && failure == nil {
				failure = fmt.Errorf("%s: %w", at, err)
			}
			return source.NewFile(resource.Show(address), data), err
		}
	}
	if s.Facts != nil {
		o.Facts = func() map[string]string {
			facts, err := s.Facts(ctx)
			if err != nil && failure == nil {
				failure = fmt.Errorf("%s uses what the platform knows about the machine: %w", f.Name, err)
			}
			return facts
		}
	}
	doc, ds := dialect.Read(f, o)
	return doc, ds, failure
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
	if err := writeFile(name+placesSuffix, placesOf(cfg), cacheMode); err != nil { // first: a cache may be read as soon as it is there
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
	var known places
	var wg sync.WaitGroup
	wg.Go(func() { // while the config is parsed
		if text, err := os.ReadFile(name + placesSuffix); err == nil {
			known = parsePlaces(string(text))
		}
	})
	cfg, _, err := Parse(f)
	wg.Wait()
	if err == nil && len(known) > 0 {
		cfg = config.New(cfg.Config, known)
	}
	return cfg, err
}
