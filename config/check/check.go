// Package check walks a config and lets each of its values judge itself: a type
// of the model that implements Checker states its rules, the walker knows where
// the value stands, which spec its author named and how to report.
package check

import (
	"fmt"
	gopath "path"
	"reflect"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
)

// Checker is a part of a config that has rules.
type Checker interface {
	// Check reports each rule that the value breaks. Sections that are not there at
	// all are not checked.
	Check(c *Ctx)
}

// Ctx is what a value knows while it is checked: its place, the spec and where
// to report. It is valid during the call only.
type Ctx struct {
	w    *walker
	base source.Path
	rest []any // further steps; the path is put together only to report
}

func (c *Ctx) path() source.Path { return c.base.At(c.rest...) }

type walker struct {
	root       *schema.Struct
	spec       spec.Version
	where      source.Locator
	duplicates bool
	// versionName is what the author of the document calls a spec.
	versionName func(spec.Version) string
	found       diag.List
	ctx         Ctx // of the value that is checked
}

// Walk checks a config, a pointer to a struct of the model, by the rules of a spec, which
// its author may call by another name. where tells the places of its values.
func Walk(config any, where source.Locator, v spec.Version, versionName func(spec.Version) string) diag.List {
	return walk(config, where, v, true, versionName)
}

// Merged checks the result of merging configs that are valid by themselves: by
// all rules of the newest spec, but repeated items are not looked for.
func Merged(config any, where source.Locator) diag.List {
	return walk(config, where, spec.Newest, false, spec.Version.Name)
}

func walk(config any, where source.Locator, v spec.Version, duplicates bool, versionName func(spec.Version) string) diag.List {
	rv := reflect.ValueOf(config).Elem()
	w := &walker{root: schema.Of(rv.Type()), spec: v, where: where, duplicates: duplicates, versionName: versionName}
	w.object(rv, w.root, make(source.Path, 0, 16))
	return w.found
}

func (w *walker) object(v reflect.Value, s *schema.Struct, path source.Path) {
	if c, ok := v.Addr().Interface().(Checker); ok {
		w.ctx = Ctx{w: w, base: path}
		c.Check(&w.ctx)
	}
	var spaces map[string]map[string]bool
	for _, f := range s.Fields {
		fv := f.In(v)
		switch {
		case f.IsList():
			if fv.Len() == 0 {
				continue
			}
			at := append(path, source.Step{Key: f.JSON})
			if sub := f.Struct(); sub != nil {
				for i := range fv.Len() {
					w.object(fv.Index(i), sub, append(at, source.Step{Index: i, IsIndex: true}))
				}
			}
			if f.Merge == schema.ByKey && w.duplicates {
				if spaces == nil {
					spaces = map[string]map[string]bool{}
				}
				space := f.Space
				if space == "" {
					space = "." + f.JSON
				}
				if spaces[space] == nil {
					spaces[space] = make(map[string]bool, fv.Len())
				}
				w.repeated(fv, f, spaces[space], at)
			}
		case fv.Kind() == reflect.Struct && !fv.IsZero():
			w.object(fv, f.Struct(), append(path, source.Step{Key: f.JSON}))
		}
	}
}

// Duplicate is the rule for list items with the same identity.
var Duplicate = &diag.Rule{
	ID:   "duplicate",
	Why:  "items of this list are told apart by their key; two with the same key leave open which one counts",
	Help: "join the two, or remove one",
}

func (w *walker) repeated(list reflect.Value, f *schema.Field, seen map[string]bool, path source.Path) {
	sub := f.Struct()
	for i := range list.Len() {
		item := list.Index(i)
		var key string
		if sub != nil {
			key = sub.Identity(item)
		} else {
			key = item.String()
		}
		if seen[key] {
			c := Ctx{w: w, base: append(path, source.Step{Index: i, IsIndex: true})}
			c.Errorf(Duplicate, "duplicate entry: %q is given more than once", shorten(strings.TrimPrefix(key, ":")))
		}
		seen[key] = true
	}
}

// shorten cuts an identity down to what a message has room for: some are whole
// documents in a data URL.
func shorten(key string) string {
	const most = 80
	if len(key) <= most {
		return key
	}
	return strings.ToValidUTF8(key[:most], "") + "…"
}

// Spec is the version whose rules apply.
func (c *Ctx) Spec() spec.Version { return c.w.spec }

// At returns the context of a value inside: strings are keys, ints are indexes.
func (c *Ctx) At(steps ...any) *Ctx {
	if len(c.rest) > 0 {
		steps = append(c.rest[:len(c.rest):len(c.rest)], steps...)
	}
	return &Ctx{w: c.w, base: c.base, rest: steps}
}

// Under reports whether the value stands in the given section of the config.
func (c *Ctx) Under(section string) bool {
	path := c.path()
	return len(path) > 0 && path[0].Key == section
}

// Quietly runs a check without reporting, and tells whether it found nothing.
func (c *Ctx) Quietly(run func(c *Ctx)) (clean bool) {
	w := &walker{root: c.w.root, spec: c.w.spec, where: c.w.where, versionName: c.w.versionName}
	run(&Ctx{w: w, base: c.base, rest: c.rest})
	return len(w.found) == 0
}

// Errorf reports that the value breaks a rule.
func (c *Ctx) Errorf(rule *diag.Rule, format string, args ...any) {
	c.report(diag.Error, rule, "", format, args...)
}

// Warnf reports something that is allowed but surely not meant.
func (c *Ctx) Warnf(rule *diag.Rule, format string, args ...any) {
	c.report(diag.Warning, rule, "", format, args...)
}

// hidden stands for text in a message about a secret.
const hidden = "(hidden)"

// ErrorInLine reports that a line of the value, a text, breaks a rule. Lines count
// from 1; 0 stands for the whole text.
func (c *Ctx) ErrorInLine(rule *diag.Rule, line int, format string, args ...any) {
	c.report(diag.Error, rule, "", format, args...)
	if text := source.TextAt(c.w.where, c.path()); text != nil && line > 0 {
		c.w.found[len(c.w.found)-1].Inside = text.LineRange(line)
	}
}

// Key is the name of the value in its document, which may differ from that in the
// config made from it.
func (c *Ctx) Key() string {
	path := source.PlaceIn(c.w.where, c.path())
	if len(path) == 0 {
		return ""
	}
	return path[len(path)-1].Key
}

func (c *Ctx) report(s diag.Severity, rule *diag.Rule, help, format string, args ...any) {
	path := c.path()
	if c.w.root.SecretAt(path) {
		for i, a := range args {
			switch a.(type) {
			case string, error: // may quote the secret
				args[i] = hidden
			}
		}
	}
	at, _ := c.w.where.Locate(path)
	c.w.found = append(c.w.found, diag.Diagnostic{
		Severity: s, Rule: rule, Message: fmt.Sprintf(format, args...), Help: help, Path: source.PlaceIn(c.w.where, path), At: at,
	})
}

// OneOf reports a value that the spec's set of values does not have. It names
// the legal ones, and the spec that adds the given one.
func (c *Ctx) OneOf(rule *diag.Rule, what, value string, values spec.Values) {
	since, known := values.Since(value)
	if known && since <= c.Spec() {
		return
	}
	legal := values.In(c.Spec())
	if known {
		c.report(diag.Error, rule,
			fmt.Sprintf("raise the version (this document names %s), or use one of %s", c.w.versionName(c.Spec()), strings.Join(legal, ", ")),
			what+" %q exists from %s", value, c.w.versionName(since))
		return
	}
	help := "use one of " + strings.Join(legal, ", ")
	if near := schema.Nearest(value, legal); near != "" {
		help = fmt.Sprintf("did you mean %q? Spec %s has %s", near, c.Spec(), strings.Join(legal, ", "))
	}
	c.report(diag.Error, rule, help, "%q is no "+what+" in spec %s", value, c.Spec())
}

// Path rules; only the first that a path breaks is reported.
var (
	PathEmpty = &diag.Rule{
		ID: "path-empty", Why: "without a path there is nothing to work on", Help: "give an absolute path",
	}
	PathRelative = &diag.Rule{
		ID: "path-relative", Why: "there is no working directory on a first boot", Help: "start the path with /",
	}
	PathUnclean = &diag.Rule{
		ID: "path-unclean", Why: "items are matched by their paths as text, so each path has one spelling only",
	}
)

// AbsPath reports a path that is empty, relative, or not in its shortest form.
func (c *Ctx) AbsPath(path string) {
	switch {
	case path == "":
		c.Errorf(PathEmpty, "no path given")
	case path[0] != '/':
		c.Errorf(PathRelative, "path %q is not absolute", path)
	default:
		if clean := gopath.Clean(path); clean != path {
			c.report(diag.Error, PathUnclean, fmt.Sprintf("write it as %q", clean), "path %q is not in its shortest form", path)
		}
	}
}
