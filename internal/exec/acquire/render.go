package acquire

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/dialect"
	"github.com/kindling-boot/kindling/internal/resource"
)

// Limits of references between configs.
const (
	maxDepth      = 32
	maxReferences = 1000
	maxBytes      = 64 << 20 // of each: they are held in memory
	maxAllBytes   = 256 << 20
)

// Errors of references.
var (
	errCircle         = errors.New("it refers to itself, directly or by way of others")
	errTooDeep        = fmt.Errorf("references are nested more than %d deep", maxDepth)
	errTooMany        = fmt.Errorf("there are more than %d references", maxReferences)
	errTooLong        = fmt.Errorf("all configs together have more than %d MiB", maxAllBytes>>20)
	errEmptyReference = errors.New("it is empty; a config to be merged must at least have a version")
)

// Renderer follows the references of configs to others.
type Renderer struct {
	// Fetcher opens what configs refer to; nil has local configs only.
	Fetcher *resource.Fetcher
	// Facts are those of Surroundings.
	Facts func(ctx context.Context) (map[string]string, error)
	// Image is that of dialect.Options.
	Image *dialect.Image
	// Warnings of all referenced configs, in the order they are merged.
	Warnings diag.List
	// Used are the referenced configs, in the order they are merged.
	Used []Fetched

	count, bytes atomic.Int64
}

// Render returns the config with everything it refers to merged in, or the one that
// replaces it. Certificate authorities are part of the result, as data URLs. It was
// checked as a whole.
//
// What the configs of one level refer to is fetched in parallel. Each is fetched with
// the proxy, the time limits and the authorities of the configs that lead to it, those
// nearer to it first; what others set does not matter.
func (r *Renderer) Render(ctx context.Context, cfg config.Config) (config.Config, error) {
	out, err := r.render(ctx, cfg, chain{fetcher: r.Fetcher, client: Empty()})
	r.Warnings, r.Used = append(r.Warnings, out.warnings...), append(r.Used, out.used...)
	if err != nil {
		return config.Config{}, err
	}
	ds := config.Check(out.cfg)
	if ds.HasErrors() {
		return config.Config{}, &InvalidError{Name: "after merging", Diagnostics: ds}
	}
	return out.cfg, nil
}

// rendering is a rendered config, and what became known on the way.
type rendering struct {
	cfg      config.Config
	warnings diag.List
	used     []Fetched
}

// chain is the way from the user config to one of those it refers to.
type chain struct {
	sources []string
	// client has the settings of HTTP of all configs on the way.
	client  config.Config
	fetcher *resource.Fetcher
}

// under returns the chain with a further config, whose certificate authorities become
// part of it.
func (c chain) under(ctx context.Context, cfg *config.Config, from *resource.Fetcher) (chain, error) {
	own := cfg.Ignition
	if len(own.Security.TLS.CertificateAuthorities) > 0 {
		way, err := c.with(ctx, types.Ignition{Proxy: own.Proxy, Timeouts: own.Timeouts}, from)
		if err != nil {
			return c, err
		}
		if err := inline(ctx, way.fetcher, cfg); err != nil {
			return c, err
		}
	}
	return c.with(ctx, types.Ignition{Proxy: own.Proxy, Timeouts: own.Timeouts, Security: cfg.Ignition.Security}, from)
}

// with adds settings to those of the chain.
func (c chain) with(ctx context.Context, settings types.Ignition, from *resource.Fetcher) (chain, error) {
	settings.Version = c.client.Ignition.Version
	c.client = config.Merge(c.client, config.New(types.Config{Ignition: settings}, nil))
	var err error
	c.fetcher, err = from.Under(ctx, c.client.Ignition)
	return c, err
}

// inline puts the certificate authorities into a config. Later stages need them before
// they can fetch anything.
func inline(ctx context.Context, fetcher *resource.Fetcher, cfg *config.Config) error {
	list := slices.Clone(cfg.Ignition.Security.TLS.CertificateAuthorities)
	bundles, err := fetcher.Authorities(ctx, list)
	if err != nil {
		if at, _ := cfg.Locate(source.Path{}.At("ignition", "security", "tls", "certificateAuthorities")); !at.IsZero() {
			err = fmt.Errorf("%s: %w", at, err)
		}
		return err
	}
	for i := range list {
		if list[i].Source != nil && *list[i].Source != "" {
			url := dataurl.Base64(bundles[i])
			list[i] = types.Resource{Source: &url, Verification: list[i].Verification}
		}
	}
	changed := cfg.Config
	changed.Ignition.Security.TLS.CertificateAuthorities = list
	*cfg = config.New(changed, *cfg)
	return nil
}

// errElsewhere ends what is no longer needed after a failure.
var errElsewhere = errors.New("another reference has failed")

// render follows the references of one config, those of one level in parallel.
func (r *Renderer) render(ctx context.Context, cfg config.Config, way chain) (rendering, error) {
	way, err := way.under(ctx, &cfg, r.Fetcher)
	if err != nil {
		return rendering{}, err
	}
	refs := cfg.Ignition.Config
	if refs.Replace.Source != nil {
		return r.reference(ctx, cfg, refs.Replace, source.Path{}.At("ignition", "config", "replace"), way)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	children, errs := make([]rendering, len(refs.Merge)), make([]error, len(refs.Merge))
	var wg sync.WaitGroup
	for i, m := range refs.Merge {
		wg.Go(func() {
			if children[i], errs[i] = r.reference(ctx, cfg, m, source.Path{}.At("ignition", "config", "merge", i), way); errs[i] != nil && !r.Fetcher.IsOffline() {
				cancel(errElsewhere) // offline nothing takes time, and the first error of the list decides
			}
		})
	}
	wg.Wait()
	out := rendering{cfg: cfg}
	for i, child := range children {
		out.warnings, out.used = append(out.warnings, child.warnings...), append(out.used, child.used...)
		if errs[i] == nil {
			out.cfg = config.Merge(out.cfg, child.cfg)
		}
	}
	return out, firstCause(errs)
}

// firstCause returns the first error that is not a consequence of another.
func firstCause(errs []error) error {
	var consequence error
	for _, err := range errs {
		if err != nil && !errors.Is(err, errElsewhere) {
			return err
		}
		if consequence == nil {
			consequence = err
		}
	}
	return consequence
}

// reference fetches, parses and renders a referenced config.
func (r *Renderer) reference(ctx context.Context, in config.Config, ref types.Resource, path source.Path, way chain) (rendering, error) {
	at, _ := in.Locate(path)
	fail := func(err error) (rendering, error) {
		if at.IsZero() {
			return rendering{}, fmt.Errorf("%s: %w", path, err)
		}
		return rendering{}, fmt.Errorf("%s (%s): %w", path, at, err)
	}
	if ref.Source == nil || *ref.Source == "" {
		return fail(errEmptyReference)
	}
	switch {
	case slices.Contains(way.sources, *ref.Source):
		return fail(errCircle)
	case len(way.sources) >= maxDepth:
		return fail(errTooDeep)
	case r.count.Add(1) > maxReferences:
		return fail(errTooMany)
	}
	data, err := way.fetcher.ReadAll(ctx, ref, int64(resource.Affordable(maxBytes)))
	switch {
	case err != nil:
		return fail(err)
	case len(data) == 0:
		return fail(errEmptyReference)
	case r.bytes.Add(int64(len(data))) > maxAllBytes:
		return fail(errTooLong)
	}
	cfg, ds, err := Surroundings{Fetcher: way.fetcher, Facts: r.Facts, Image: r.Image}.Parse(ctx, source.NewFile(nameOf(ref, at, path), data))
	if err != nil {
		return rendering{}, err
	}
	way.sources = append(slices.Clone(way.sources), *ref.Source)
	out, err := r.render(ctx, cfg, way)
	out.warnings = append(ds, out.warnings...)
	out.used = append([]Fetched{{Kind: "user", Source: pathOf(*ref.Source), Referenced: true}}, out.used...)
	return out, err
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
