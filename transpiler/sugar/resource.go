package sugar

import (
	"fmt"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
)

var (
	ruleOneSource = &diag.Rule{
		ID: "one-source", Why: "the content can come from one place only", Help: "keep one of inline, local and source",
	}
	ruleInlineConfig = &diag.Rule{
		ID: "inline-config", Why: "the machine refuses the whole config when one of the configs in it is not valid",
	}
	ruleInlineVersion = &diag.Rule{
		ID: "inline-config-version", Why: "a config inside another one is checked only when both are of the same spec",
		Help: "write the inner config for the spec of the outer one",
	}
)

// Resources is the sugar of everything that has a source: inline text and local
// files.
type Resources struct {
	Ignition struct {
		Config struct {
			Merge   []contents `json:"merge" since:"3.1"`
			Replace contents   `json:"replace" since:"3.1"`
		} `json:"config"`
		Security struct {
			TLS struct {
				CertificateAuthorities []contents `json:"certificateAuthorities" since:"3.1"`
			} `json:"tls"`
		} `json:"security"`
	} `json:"ignition"`
	Storage struct {
		Files []struct {
			Append   []contents `json:"append"`
			Contents contents   `json:"contents"`
		} `json:"files"`
		Luks []struct {
			KeyFile contents `json:"keyFile"`
		} `json:"luks" since:"3.2"`
	} `json:"storage"`
}

// contents are the keys next to source.
type contents struct {
	// Inline is the content as text.
	Inline *string `json:"inline"`
	// Local is a file of the files directory.
	Local *string `json:"local" since:"3.1"`
}

// each visits every resource that has sugar, with its place.
func (s *Resources) each(c *Ctx, visit func(r *types.Resource, sugar contents, at source.Path)) {
	s.all(c, func(r *types.Resource, sugar contents, at ...any) {
		if sugar != (contents{}) {
			visit(r, sugar, doc(at...))
		}
	})
}

// all visits every resource of the document.
func (s *Resources) all(c *Ctx, visit func(r *types.Resource, sugar contents, at ...any)) {
	cfg := &c.Config
	for i, item := range s.Ignition.Config.Merge {
		visit(&cfg.Ignition.Config.Merge[i], item, "ignition", "config", "merge", i)
	}
	visit(&cfg.Ignition.Config.Replace, s.Ignition.Config.Replace, "ignition", "config", "replace")
	for i, item := range s.Ignition.Security.TLS.CertificateAuthorities {
		visit(&cfg.Ignition.Security.TLS.CertificateAuthorities[i], item,
			"ignition", "security", "tls", "certificate_authorities", i)
	}
	for i, f := range s.Storage.Files {
		visit(&cfg.Storage.Files[i].Contents, f.Contents, "storage", "files", i, "contents")
		for j, item := range f.Append {
			visit(&cfg.Storage.Files[i].Append[j], item, "storage", "files", i, "append", j)
		}
	}
	for i, l := range s.Storage.Luks {
		visit(&cfg.Storage.Luks[i].KeyFile, l.KeyFile, "storage", "luks", i, "key_file")
	}
}

// Check reports contents that come from more than one place, and inline configs
// that are not valid.
func (s *Resources) Check(c *Ctx) {
	s.each(c, func(r *types.Resource, sugar contents, at source.Path) {
		given, last := 0, ""
		if sugar.Local != nil {
			given, last = given+1, "local"
		}
		if sugar.Inline != nil {
			given, last = given+1, "inline"
		}
		if r.Source != nil {
			given, last = given+1, "source"
		}
		if given > 1 {
			c.Errorf(ruleOneSource, at.At(last), "only one of inline, local and source can be given")
		}
		if sugar.Inline != nil && isConfig(at) {
			checkInlineConfig(c, *sugar.Inline, at.At("inline"))
		}
	})
}

// isConfig reports whether the resource at a place is a whole config.
func isConfig(at source.Path) bool { return len(at) > 1 && at[1].Key == "config" }

// checkInlineConfig judges a config that is written in the document.
func checkInlineConfig(c *Ctx, text string, at source.Path) {
	if f := c.Tree.Text(at); f != nil {
		checkConfig(c, f, at)
		return
	}
	f := source.NewFile("", []byte(text))
	checkConfig(c, f, at)
	if n, exact := c.Tree.Find(at); exact && f.HasHidden() {
		c.Tree.Hide(n)
	}
}

// checkConfig reports what is wrong with a config that becomes part of the one made, at
// the key of the document that gives it and at the place inside.
func checkConfig(c *Ctx, f *source.File, at source.Path) {
	list := &c.Found
	place, _ := c.Tree.Locate(at)
	version, found := config.Inspect(f)
	key := at[len(at)-1].Key
	if key == "local" {
		list = &c.FoundInFiles
	}
	if version != "" && version != c.Target.String() {
		if key == "inline" { // a local one may be anybody's
			c.Warnf(ruleInlineVersion, at[:len(at)-1].At("version"), "this inline config of spec %q is not checked: the document makes a config of spec %s", version, c.Target)
		}
		return
	}
	var report func(found []diag.Diagnostic)
	report = func(found []diag.Diagnostic) {
		for i := range found {
			d := &found[i]
			*list = append(*list, diag.Diagnostic{
				Severity: d.Severity, Rule: ruleInlineConfig, Path: at, At: place, Inside: d.At,
				Message: fmt.Sprintf("in this %s config: %s", key, d.Message), Help: d.Advice(),
			})
			report(d.Related)
		}
	}
	report(found)
}

// Desugar embeds inline text and local files.
func (s *Resources) Desugar(c *Ctx) {
	s.each(c, func(r *types.Resource, sugar contents, at source.Path) {
		switch {
		case sugar.Local != nil:
			if data, ok := c.Files.read(c, *sugar.Local, at.At("local")); ok {
				if isConfig(at) {
					checkConfig(c, source.NewFile(c.Files.Name(*sugar.Local), data), at.At("local"))
				}
				c.Embed(r, data)
				c.keep(Text{Value: r.Source, Data: string(data), Local: *sugar.Local, In: at, Key: "local"})
			}
		case sugar.Inline != nil:
			c.Embed(r, []byte(*sugar.Inline))
			c.keep(Text{Value: r.Source, Data: *sugar.Inline, In: at, Key: "inline"})
		}
	})
}
