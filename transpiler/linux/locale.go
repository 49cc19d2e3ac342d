package linux

import (
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var ruleLocale = &diag.Rule{
	ID: "locale", Why: "the value names a locale or a keyboard table of the system, which becomes part of a file of assignments",
	Help: "write for example en_US.UTF-8 or C.UTF-8 for a locale, de-latin1 for a keymap",
}

// Locale is the sugar of language and keyboard.
type Locale struct {
	Locale locale `json:"locale"`
}

// locale has the variables of locale.conf(5) and vconsole.conf(5).
type locale struct {
	Lang             *string `json:"lang"`
	Language         *string `json:"language"`
	LcCtype          *string `json:"lcCtype"`
	LcNumeric        *string `json:"lcNumeric"`
	LcTime           *string `json:"lcTime"`
	LcCollate        *string `json:"lcCollate"`
	LcMonetary       *string `json:"lcMonetary"`
	LcMessages       *string `json:"lcMessages"`
	LcPaper          *string `json:"lcPaper"`
	LcName           *string `json:"lcName"`
	LcAddress        *string `json:"lcAddress"`
	LcTelephone      *string `json:"lcTelephone"`
	LcMeasurement    *string `json:"lcMeasurement"`
	LcIdentification *string `json:"lcIdentification"`
	// Keymap and Font are those of the console.
	Keymap *string `json:"keymap"`
	Font   *string `json:"font"`
}

// variable is one assignment of a file.
type variable struct {
	key   string // in the document; in capitals in the file
	value *string
}

func (l *locale) language() []variable {
	return []variable{
		{"lang", l.Lang},
		{"language", l.Language},
		{"lc_ctype", l.LcCtype},
		{"lc_numeric", l.LcNumeric},
		{"lc_time", l.LcTime},
		{"lc_collate", l.LcCollate},
		{"lc_monetary", l.LcMonetary},
		{"lc_messages", l.LcMessages},
		{"lc_paper", l.LcPaper},
		{"lc_name", l.LcName},
		{"lc_address", l.LcAddress},
		{"lc_telephone", l.LcTelephone},
		{"lc_measurement", l.LcMeasurement},
		{"lc_identification", l.LcIdentification},
	}
}

func (l *locale) console() []variable {
	return []variable{{"keymap", l.Keymap}, {"font", l.Font}}
}

// Check reports values that are no names.
func (s *Locale) Check(c *sugar.Ctx) {
	for _, v := range append(s.Locale.language(), s.Locale.console()...) {
		allowed := alphanumeric + "_.@-"
		if v.key == "language" { // a list, by preference
			allowed += ":"
		}
		if v.value != nil && !only(*v.value, allowed) {
			c.Errorf(ruleLocale, at("locale", v.key), "%q is no value of %s", *v.value, v.key)
		}
	}
}

// Desugar writes locale.conf and vconsole.conf.
func (s *Locale) Desugar(c *sugar.Ctx) {
	p := newParent(c)
	if text := assignments(s.Locale.language()); text != "" {
		p.file("/etc/locale.conf", 0o644, owner{}, text, at("locale"))
		// systemd of Debian up to 12 and PAM of Debian read this one
		p.link("/etc/default/locale", "../locale.conf", owner{}, at("locale"))
	}
	if text := assignments(s.Locale.console()); text != "" {
		p.file("/etc/vconsole.conf", 0o644, owner{}, text, at("locale"))
	}
	p.add()
}

// assignments writes the variables that have a value.
func assignments(list []variable) string {
	var b strings.Builder
	for _, v := range list {
		if v.value != nil {
			b.WriteString(strings.ToUpper(v.key) + "=" + *v.value + "\n")
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return sugar.Header + b.String()
}
