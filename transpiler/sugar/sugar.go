// Package sugar turns the keys that only Butane has into plain config: one file
// for each step. A step is a small struct that holds its keys, at their places in
// the document, next to those of the model; it checks them and desugars them.
//
// What a step adds is the parent of what the user wrote, so the user always wins;
// every value it adds remembers the place in the document that asked for it.
package sugar

import (
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/merge"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

// Step is one kind of sugar. The keys of the document are decoded into it.
type Step interface {
	// Check reports what is wrong with the keys themselves.
	Check(c *Ctx)
	// Desugar changes the config of the context, or adds a parent to it.
	Desugar(c *Ctx)
}

// Ctx is what the steps of one translation work on.
type Ctx struct {
	// Tree is the document.
	Tree *source.Tree
	// Target is the spec that is written.
	Target spec.Version
	// Files is the directory that local files come from.
	Files *FilesDir
	// Pack makes embedded contents shorter; nil leaves them as they are.
	Pack Packer
	// Config is the config so far. Steps that only fill in what the user left out
	// change it; others add to it by AddParent.
	Config types.Config
	// Found are the diagnostics so far.
	Found diag.List
	// FoundInFiles are those about local configs. They do not keep the config made from
	// being looked at, and are reported together with what is wrong with that.
	FoundInFiles diag.List
	// KeepTexts asks the steps to remember in Texts what they embed.
	KeepTexts bool
	Texts     []Text

	// MountUnits tells which file systems of the document get a mount unit.
	MountUnits map[int]bool
	// Mirrored tells which devices are sides of the boot mirror.
	Mirrored map[string]bool

	origins Origins
	where   source.Locator
}

// NewCtx returns the context for a document whose plain keys are decoded already.
func NewCtx(tree *source.Tree, target spec.Version, config types.Config) *Ctx {
	c := &Ctx{Tree: tree, Target: target, Config: config, origins: Origins{tree: tree, target: target}}
	c.where = &c.origins
	return c
}

// Where finds the places of the values of the config.
func (c *Ctx) Where() source.Locator { return c.where }

// Errorf reports a problem at a place of the document.
func (c *Ctx) Errorf(rule *diag.Rule, at source.Path, format string, args ...any) {
	c.report(diag.Error, rule, at, "", fmt.Sprintf(format, args...))
}

// Warnf reports something that is allowed but surely not meant.
func (c *Ctx) Warnf(rule *diag.Rule, at source.Path, format string, args ...any) {
	c.report(diag.Warning, rule, at, "", fmt.Sprintf(format, args...))
}

// WarnGenerated warns of a value of the config made so far; its path has the keys
// of the model.
func (c *Ctx) WarnGenerated(rule *diag.Rule, value source.Path, format string, args ...any) {
	c.reportGenerated(diag.Warning, rule, value, fmt.Sprintf(format, args...))
}

// ErrorGenerated reports a problem of a value of the config made so far.
func (c *Ctx) ErrorGenerated(rule *diag.Rule, value source.Path, format string, args ...any) {
	c.reportGenerated(diag.Error, rule, value, fmt.Sprintf(format, args...))
}

func (c *Ctx) reportGenerated(s diag.Severity, rule *diag.Rule, value source.Path, message string) {
	at, _ := c.where.Locate(value)
	c.Found = append(c.Found, diag.Diagnostic{Severity: s, Rule: rule, Message: message, Path: source.PlaceIn(c.where, value), At: at})
}

func (c *Ctx) report(s diag.Severity, rule *diag.Rule, path source.Path, help, message string) {
	at, _ := c.Tree.Locate(path)
	c.Found = append(c.Found, diag.Diagnostic{Severity: s, Rule: rule, Message: message, Path: path, At: at, Help: help})
}

// ErrorHelp reports a problem whose way out depends on the case; an empty help is
// that of the rule.
func (c *Ctx) ErrorHelp(rule *diag.Rule, at source.Path, help, format string, args ...any) {
	c.report(diag.Error, rule, at, help, fmt.Sprintf(format, args...))
}

// KeyError reports a problem with the name of a member, such as a key of a map. The
// help may be empty.
func (c *Ctx) KeyError(rule *diag.Rule, at source.Path, help, format string, args ...any) {
	d := diag.Diagnostic{Severity: diag.Error, Rule: rule, Message: fmt.Sprintf(format, args...), Path: at, Help: help}
	if n, exact := c.Tree.Find(at); exact {
		d.At = c.Tree.KeyRange(n)
	} else {
		d.At = c.Tree.Range(n)
	}
	c.Found = append(c.Found, d)
}

// OneOf reports a value that is none of the legal ones, and names the nearest.
// what is the word for such a value.
func (c *Ctx) OneOf(rule *diag.Rule, at source.Path, what, value string, legal []string) bool {
	if contains(legal, value) {
		return true
	}
	c.ErrorHelp(rule, at, DidYouMean(value, legal), "%q is no %s; there are %s", value, what, strings.Join(legal, ", "))
	return false
}

// DidYouMean is a help that names the candidate which is nearest to a misspelled
// word; empty if none is near.
func DidYouMean(word string, candidates []string) string {
	if near := schema.Nearest(word, candidates); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return ""
}

// From remembers that the value of the config at a path, with all that is inside,
// was asked for at a place of the document.
func (c *Ctx) From(value, place source.Path) { c.origins.AddWhole(value, place) }

// AddParent puts a generated config below the config so far. Its origins tell
// where its values were asked for.
func (c *Ctx) AddParent(parent types.Config, origins *Origins) {
	merged, transcript := merge.Merge(parent, c.Config)
	c.where = merge.Locator{Parent: origins, Child: c.where, Transcript: transcript}
	c.Config = merged
}

// doc returns the path of a place in the document.
func doc(steps ...any) source.Path { return source.Path{}.At(steps...) }
