package transpiler

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/lint"
	"github.com/kindling-boot/kindling/transpiler/linux"
	"github.com/kindling-boot/kindling/transpiler/sugar"
	"github.com/kindling-boot/kindling/transpiler/systems"
	"github.com/kindling-boot/kindling/transpiler/variant"
)

var (
	ruleSyntax = &diag.Rule{
		ID: "yaml-syntax", Why: "a document that is not YAML cannot be read at all",
		Help: "look at the line that is marked and the one above it: indentation, colons, quotes",
	}
	ruleVariant = &diag.Rule{
		ID: "variant", Why: "the variant decides which system the config is for, and which keys there are",
		Help: "write for example variant: fcos",
	}
	ruleVersion = &diag.Rule{
		ID: "variant-version", Why: "the version decides which keys the document can have, and which spec it becomes",
		Help: "write for example version: 1.5.0",
	}
	ruleDecimalMode = &diag.Rule{
		ID: "decimal-mode", Why: "a number without a leading zero is decimal: 644 is octal 01204",
		Help: "add a leading zero",
	}
)

// Rules lists the rules of documents, besides those of the config they make.
func Rules() []*diag.Rule {
	own := []*diag.Rule{ruleSyntax, ruleVariant, ruleVersion, ruleDecimalMode}
	return slices.Concat(own, sugar.Rules(), linux.Rules(), systems.Rules(), variant.Rules(), lint.Rules())
}

// syntaxHelp says what to do about text that is no YAML, if the cause is a common one.
func syntaxHelp(e *source.SyntaxError) string {
	switch excerpt := e.At.Excerpt(1); {
	case strings.HasSuffix(excerpt.Before, "\t") || strings.HasPrefix(excerpt.Marked, "\t"):
		return "indent with blanks: YAML takes no tabs"
	case strings.Contains(e.Message, "mapping values are not allowed"):
		return "put a text with a colon and a blank in it into quotes; else look at the indentation"
	case strings.Contains(e.Message, "stands here again"):
		return "join the two, or remove one"
	}
	return otherDialect(e.At.File)
}

// otherDialect says what to do with a document of another dialect.
func otherDialect(f *source.File) string {
	switch is := dialect.Of(f.Data); {
	case is.Kind == dialect.Butane:
		return ""
	case is.Known():
		return fmt.Sprintf("this looks like %s: butane convert reads all dialects", is)
	}
	return dialect.Help(f.Data)
}

// decimalModes warns of modes that only make sense when their decimal digits are
// read as octal ones.
func decimalModes(c *sugar.Ctx) {
	look := func(mode *int, directory bool, list string, i int) {
		if mode == nil {
			return
		}
		octal, ok := digitsAsOctal(*mode)
		if ok && !isUsualMode(*mode, directory) && isUsualMode(octal, directory) {
			c.Warnf(ruleDecimalMode, source.Path{}.At("storage", list, i, "mode"), "mode %d is decimal, octal %04o is surely not meant", *mode, *mode)
		}
	}
	for i, f := range c.Config.Storage.Files {
		look(f.Mode, false, "files", i)
	}
	for i, d := range c.Config.Storage.Directories {
		look(d.Mode, true, "directories", i)
	}
}

// digitsAsOctal reads the decimal digits of a mode as octal ones.
func digitsAsOctal(mode int) (octal int, ok bool) {
	for shift := 0; mode > 0; shift += 3 {
		if mode%10 > 7 {
			return 0, false
		}
		octal |= mode % 10 << shift
		mode /= 10
	}
	return octal, true
}

// isUsualMode reports whether somebody may want a mode: the group has no right
// that the owner lacks, others none that the group lacks, and what may be written
// or executed may be read. Of the special bits, directories have setgid and
// sticky; files have setuid and setgid if not everybody may write them.
func isUsualMode(mode int, directory bool) bool {
	const setuid, sticky, othersWrite = 0o4000, 0o1000, 0o2
	switch {
	case mode < 0 || mode > 0o7777:
		return false
	case directory && mode&setuid != 0:
		return false
	case !directory && (mode&sticky != 0 || mode > 0o777 && (mode&othersWrite != 0 || mode&0o111 == 0)):
		return false
	}
	wider := 0
	for shift := 0; shift <= 6; shift += 3 {
		rights := mode >> shift & 7
		switch {
		case rights&wider != wider: // narrower than those of others
			return false
		case rights != 0 && rights&4 == 0: // cannot be read
			return false
		case directory && rights != 0 && rights&1 == 0: // cannot be entered
			return false
		}
		wider = rights
	}
	return true
}
