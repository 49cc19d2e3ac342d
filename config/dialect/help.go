package dialect

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/schema"
)

// Help says what to do about a text that is no Ignition config of spec 3, for who wants
// one; empty if nobody knows.
func Help(data []byte) string {
	for _, e := range encodings() {
		if has(data, e.start) {
			return e.help
		}
	}
	switch f := Of(data); {
	case f.Kind == Butane:
		return "this looks like a Butane document: translate it with butane first"
	case f.Kind == PartHandler:
		return "it is code for cloud-init, which nothing else can run"
	case f.Known() && f.Kind != Ignition:
		return fmt.Sprintf("this is %s; ignition reads it as it is, and butane convert --to ignition makes a config of it", f)
	case f.Kind != Unknown:
		return ""
	}
	text := string(bytes.TrimLeft(bytes.TrimPrefix(data, []byte(byteOrderMark)), blanks))
	return helpWith(text[:min(len(text), 4096)])
}

// helpWith says what a text may have been meant for, by its first lines.
func helpWith(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	line = strings.TrimRight(line, blanks)
	var starts []string
	for _, h := range headers() {
		if strings.HasPrefix(h.start, "#") && h.kind != Script {
			starts = append(starts, h.start)
		}
	}
	for _, l := range looks() {
		if len(line) >= len(l.start) && strings.EqualFold(line[:len(l.start)], l.start) {
			return l.help
		}
	}
	switch {
	case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "---"):
		for below := range strings.Lines(text) {
			if below = strings.TrimSpace(below); slices.Contains(starts, strings.ToLower(below)) {
				return fmt.Sprintf("put %s into the first line, above the line %s", below, line)
			}
			if below != "" && below[0] != '#' && below[0] != '-' {
				break
			}
		}
		// "# cloud-config", "#cloud_config", "#Cloud config", "#cloud-cfg", "#!cloud-config"
		word := strings.ToLower(strings.ReplaceAll(strings.Trim(line, "#! "), "_", "-"))
		if near := schema.Nearest("#"+strings.ReplaceAll(word, " ", "-"), starts); near != "" && len(word) > 1 {
			return fmt.Sprintf("the first line must be exactly %s", near)
		}
		if strings.HasPrefix(line, "#!") {
			return "the first line of a script names the program that runs it by its whole path, for example #!/bin/sh"
		}
	default:
		key, _, colon := strings.Cut(line, ":")
		if near := schema.Nearest(strings.ToLower(strings.Trim(key, `"' `)), []string{"variant"}); colon && near != "" {
			return "a Butane document names its variant, for example variant: fcos"
		}
	}
	for line := range strings.Lines(text) {
		switch key, _, _ := strings.Cut(line, ":"); strings.TrimSpace(key) { // network configs may be below a key
		case "cloud-config", "bootcmd", "chpasswd", "fqdn", "groups", "hostname", "ntp", "packages", "runcmd", "ssh_authorized_keys", "timezone", "users", "write_files":
			if key[0] != ' ' {
				return "if this is a cloud-config, begin with the line #cloud-config"
			}
		case "ethernets":
			return "a network config of cloud-init stands beside user data, not in their place; butane convert --network-config reads one"
		}
	}
	return ""
}

// looks are what is often found where a document should be, by how it starts.
func looks() []struct{ start, help string } {
	const template = "a template begins with the line " + templateHeader
	const windows = "this is a script for Windows"
	const page = "this is a page for browsers: a server may send one to say that there is nothing, or that it asks for a password"
	return []struct{ start, help string }{
		{"#ps1", windows},
		{"<powershell", windows},
		{"<!DOCTYPE", page},
		{"<html", page},
		{"## template", template},
		{"##template", template},
		{"# template", template},
	}
}

// encodings are what makes a document unreadable for who does not undo it, by how it
// starts.
func encodings() []struct{ start, help string } {
	return []struct{ start, help string }{
		{byteOrderMark, "save the file without a byte order mark"},
		{markLittle, "this looks like UTF-16: save the file as UTF-8"},
		{markBig, "this looks like UTF-16: save the file as UTF-8"},
		{magicGzip, "this is gzip data: unpack it first"},
		{magicZstd, "this is zstd data: unpack it first"},
		{"\xfd7zXZ", "this is xz data: unpack it, or pack it with gzip or zstd"},
		{"BZh", "this is bzip2 data: unpack it, or pack it with gzip or zstd"},
		{"PK\x03\x04", "this is a zip archive: give the document in it"},
		{"#\x00", "this looks like UTF-16: save the file as UTF-8"},
	}
}
