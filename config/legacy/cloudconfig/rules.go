package cloudconfig

import (
	"fmt"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

var (
	ruleSyntax = &diag.Rule{
		ID: "cloud-config-syntax", Why: "a cloud-config is YAML 1.1: one mapping below the line #cloud-config",
		Help: "correct the document",
	}
	ruleRepeated = &diag.Rule{
		ID: "cloud-config-repeated", Why: "programs that read cloud-configs take the last of several equal keys, and say nothing",
		Help: "remove all of them but one",
	}
	ruleKey = &diag.Rule{
		ID: "cloud-config-key", Why: "a key that nobody knows has no effect: what it asks for would not happen",
		Help: "remove it, or correct it",
	}
	ruleValue = &diag.Rule{
		ID: "cloud-config-value", Why: "the value decides what the machine becomes, and cannot be understood",
	}
	ruleRefused = &diag.Rule{
		ID: "cloud-config-refused", Why: "what cannot be done as it was meant must not be left out without a word",
		Help: "write it as a Butane document",
	}
	ruleVariable = &diag.Rule{
		ID: "cloud-config-variable", Why: "a variable that nobody replaces would end up in the files of the machine",
		Help: "write the value itself",
	}
	ruleSecret = &diag.Rule{
		ID: "cloud-config-secret", Why: "user data can be read by every process of the machine, and often by others",
		Help: "give a hash of the password: mkpasswd -m sha-512",
	}
)

// fail reports a value that is not understood.
func (t *translator) fail(n node, help, format string, args ...any) {
	t.report(diag.Error, ruleValue, n, t.tree.Range(n.Node), help, fmt.Sprintf(format, args...))
}

// refuse reports a value that cannot be kept.
func (t *translator) refuse(n node, help, format string, args ...any) {
	t.report(diag.Error, ruleRefused, n, t.tree.Range(n.Node), help, fmt.Sprintf(format, args...))
}

// keyError reports a key.
func (t *translator) keyError(rule *diag.Rule, n node, help, format string, args ...any) {
	t.report(diag.Error, rule, n, t.keyOf(n), help, fmt.Sprintf(format, args...))
}

// keyOf is the place of a key, or of an item of a list.
func (t *translator) keyOf(n node) source.Range {
	if n.Key == "" {
		return t.tree.Range(n.Node)
	}
	return t.tree.KeyRange(n.Node)
}

func (t *translator) warn(rule *diag.Rule, n node, at source.Range, format string, args ...any) {
	t.report(diag.Warning, rule, n, at, "", fmt.Sprintf(format, args...))
}

func (t *translator) report(s diag.Severity, rule *diag.Rule, n node, at source.Range, help, message string) {
	t.found = append(t.found, diag.Diagnostic{Severity: s, Rule: rule, Message: message, Path: n.path, At: at, Help: help})
}

func (t *translator) wrongKind(n node, want string) {
	t.fail(n, "give it "+want, "%s must be %s, but this is %s", t.nameOf(n), want, meaning(n.Node).kind)
}

// nameOf is what a message calls a value.
func (t *translator) nameOf(n node) string {
	if len(n.path) == 0 {
		return "the document"
	}
	return n.path.String()
}
