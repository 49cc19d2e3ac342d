// Package bootlog tells what a provisioning did, from the events that package record
// keeps: Summarize adds them up, FailureOf describes why a stage failed, Screen shows that
// to people, and Attempts counts boots that failed. Nothing of it has secrets: events have
// none, and of configs no contents are shown.
package bootlog

import (
	"strings"
	"unicode/utf8"
)

// FailureFile has the failure that ended the provisioning, in the directory of a boot:
// /run/ignition.
const FailureFile = "failure.json"

// maxText is the greatest length of a text in a failure, in bytes.
const maxText = 4 << 10

// dirMode is that of a directory of a boot.
const dirMode = 0o700

// round leaves microseconds.
func round(seconds float64) float64 { return float64(int64(seconds*1e6)) / 1e6 }

// cut shortens a text to at most n bytes, and makes it fit for JSON.
func cut(text string, n int) string {
	if len(text) > n {
		for n > 0 && !utf8.RuneStart(text[n]) {
			n--
		}
		text = text[:n] + "…"
	}
	return strings.ToValidUTF8(text, "�")
}
