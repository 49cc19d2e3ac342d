package acquire

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/resource"
)

// Limits of references between configs.
const (
	maxDepth      = 32
	maxReferences = 1000
)

// Errors of references.
var (
	errCircle         = errors.New("it refers to itself, directly or by way of others")
	errTooDeep        = fmt.Errorf("references are nested more than %d deep", maxDepth)
	errTooMany        = fmt.Errorf("there are more than %d references", maxReferences)
	errEmptyReference = errors.New("it is empty; a config to be merged must at least have a version")
)

// Renderer follows the references of configs to others.
type Renderer struct {
	// Fetcher opens what configs refer to; nil has local configs only.
	Fetcher *resource.Fetcher
	// Warnings of all referenced configs.
	Warnings diag.List
	// Used are the referenced configs, in the order they were fetched.
	Used []Fetched

	count int
}

// Render returns the config with everything it refers to merged in, or the one that
// replaces it. The result was checked as a whole.
func (r *Renderer) Render(ctx context.Context, cfg config.Config) (config.Config, error) {
	rendered, err := r.render(ctx, cfg, nil)
	if err != nil {
		return config.Config{}, err
	}
	ds := config.Check(rendered)
	if ds.HasErrors() {
		return config.Config{}, &InvalidError{Name: "after merging", Diagnostics: ds}
	}
	return rendered, nil
}

// render follows the references of one config; chain are the sources that led to it.
func (r *Renderer) render(ctx context.Context, cfg config.Config, chain []string) (config.Config, error) {
	refs := cfg.Ignition.Config
	if refs.Replace.Source != nil {
		return r.reference(ctx, cfg, refs.Replace, source.Path{}.At("ignition", "config", "replace"), chain)
	}
	out := cfg
	for i, m := range refs.Merge {
		child, err := r.reference(ctx, cfg, m, source.Path{}.At("ignition", "config", "merge", i), chain)
		if err != nil {
			return config.Config{}, err
		}
		out = config.Merge(out, child)
	}
	return out, nil
}

// reference fetches, parses and renders a referenced config.
func (r *Renderer) reference(ctx context.Context, in config.Config, ref types.Resource, path source.Path, chain []string) (config.Config, error) {
	at, _ := in.Locate(path)
	fail := func(err error) (config.Config, error) {
		if at.IsZero() {
			return config.Config{}, fmt.Errorf("%s: %w", path, err)
		}
		return config.Config{}, fmt.Errorf("%s (%s): %w", path, at, err)
	}
	if ref.Source == nil || *ref.Source == "" {
		return fail(errEmptyReference)
	}
	r.count++
	switch {
	case slices.Contains(chain, *ref.Source):
		return fail(errCircle)
	case len(chain) >= maxDepth:
		return fail(errTooDeep)
	case r.count > maxReferences:
		return fail(errTooMany)
	}
	data, err := r.Fetcher.ReadAll(ctx, ref, source.MaxJSON)
	if errors.Is(err, resource.ErrTooLarge) {
		err = source.ErrTooLarge
	}
	if err != nil {
		return fail(err)
	}
	if len(data) == 0 {
		return fail(errEmptyReference)
	}
	cfg, ds, err := Parse(source.NewFile(nameOf(ref, at, path), data))
	if err != nil {
		return config.Config{}, err
	}
	r.Warnings = append(r.Warnings, ds...)
	r.Used = append(r.Used, Fetched{Kind: "user", Source: pathOf(*ref.Source), Referenced: true})
	return r.render(ctx, cfg, append(slices.Clone(chain), *ref.Source))
}

// nameOf is what people know a referenced config by.
func nameOf(ref types.Resource, at source.Range, path source.Path) string {
	if shown := resource.Show(*ref.Source); shown != "a data URL" {
		return shown
	}
	if at.IsZero() {
		return path.String()
	}
	return at.File.Name + "#" + path.String()
}

// pathOf is how the state names a referenced config: by the path of its URL.
func pathOf(source string) string {
	u, err := url.Parse(source)
	if err != nil || u.Scheme == "data" {
		return ""
	}
	return u.Path
}
