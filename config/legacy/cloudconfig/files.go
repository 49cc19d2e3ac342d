package cloudconfig

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/source"
)

func fileRows() []row {
	return []row{
		{name: "path", how: "`storage.files[].path`; below /run and /tmp a file of systemd-tmpfiles"},
		{name: "content", how: "`contents.inline`, or `contents.source` if it is no text"},
		{name: "encoding", how: "undone"},
		{name: "owner", how: "`user` and `group`"},
		{name: "permissions", how: "`mode`"},
		{name: "append", how: "`append`"},
		{name: "defer", how: "files are written when users and mounts are there in any case"},
		{name: "source", how: "`contents.source`", rows: sourceRows},
	}
}

func sourceRows() []row {
	return []row{
		{name: "uri", class: Approximated, how: "`contents.source`; if it cannot be fetched the boot fails"},
		{name: "headers", how: "`contents.http_headers`"},
	}
}

// file adds a file with a text, owned by root.
func (t *translator) file(path string, mode int64, text string, n node) *value {
	f := t.fileAt(path, n)
	f.flag("overwrite", true, n)
	f.number("mode", mode, n)
	f.object("contents", n).text("inline", text, n)
	return f
}

// fileAt returns the entry of a file, which is made if it is not there.
func (t *translator) fileAt(path string, n node) *value {
	if f := t.written[path]; f != nil {
		return f
	}
	f := t.out.object("storage", n).add("files", n)
	f.text("path", path, n)
	if t.written == nil {
		t.written = map[string]*value{}
	}
	t.written[path] = f
	return f
}

// writtenFile is an item of write_files.
type writtenFile struct {
	at          node
	path        string
	content     node
	data        []byte
	encoding    string
	user, group string
	ownerAt     node
	mode        int64
	modeAt      node
	appends     bool
	uri         string
	uriAt       node
	headers     []node
}

func (t *translator) writeFiles(n node) {
	for _, item := range t.items(n) {
		if item.Kind != source.Object {
			t.wrongKind(item, "a mapping")
			continue
		}
		f := writtenFile{at: item, mode: 0o644}
		errors := len(t.found)
		rows := fileRows()
		for i, do := range []func(*translator, node){f.setPath, f.setContent, f.setEncoding, f.setOwner, f.setMode, f.setAppend, f.setDefer, f.setSource} {
			rows[i].do = do
		}
		t.members(item, rows)
		if f.path == "" && len(t.found) == errors {
			t.fail(item, "give it a path", "the file has no path")
		}
		if len(t.found) == errors || !t.found[errors:].HasErrors() {
			t.writeFile(&f)
		}
	}
}

// kernelPaths are those of file systems that the kernel fills.
var kernelPaths = [...]string{"/dev", "/proc", "/sys"}

func isBelow(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

func (f *writtenFile) setPath(t *translator, n node) {
	s, ok := t.line(n)
	if !ok {
		return
	}
	if !path.IsAbs(s) {
		t.fail(n, "write it as /"+s, "the path %q is not absolute", s)
		return
	}
	clean := path.Clean(s)
	for _, dir := range kernelPaths {
		if isBelow(clean, dir) {
			t.refuse(n, "write it in runcmd", "what is below %s is made by the kernel at each boot", dir)
			return
		}
	}
	switch {
	case clean == "/":
		t.fail(n, "name a file", "/ is no file")
		return
	case isBelow(clean, "/usr") && t.coreos:
		t.refuse(n, "use a path below /opt or /etc", "the image of Container Linux has /usr read-only")
		return
	case isBelow(clean, "/usr"):
		t.approximate(n, "the image must let /usr be written: those of CoreOS do not")
	}
	f.path = clean
}

func (f *writtenFile) setContent(t *translator, n node) {
	if tag, _ := n.Written(); tag == "!!binary" {
		f.content, f.data = n, []byte(n.Text)
		return
	}
	if s, ok := t.text(n); ok {
		f.content, f.data = n, []byte(s)
	}
}

// encodings are those of write_files and what they do, innermost last.
func encodings(name string) (base64, gzip, ok bool) {
	switch name {
	case "text/plain", "":
		return false, false, true
	case "b64", "base64":
		return true, false, true
	case "gz", "gzip":
		return false, true, true
	case "gz+b64", "gz+base64", "gzip+b64", "gzip+base64":
		return true, true, true
	}
	return false, false, false
}

func (f *writtenFile) setEncoding(t *translator, n node) {
	s, ok := t.text(n)
	if !ok {
		return
	}
	s = strings.ToLower(strings.TrimSpace(s))
	if _, _, known := encodings(s); !known {
		t.fail(n, "use b64, gzip or gz+b64", "%q is no encoding of files", s)
		return
	}
	f.encoding = s
	data, err := decoded(f.data, s)
	if err != nil {
		t.fail(n, "encode it again", "the content is not what the encoding %s says: %v", s, err)
		return
	}
	f.data = data
}

// maxUnpacked is what the content of a file may unpack to.
const maxUnpacked = 64 << 20

var errUnpacked = errors.New("it unpacks to more than 64 MiB") // maxUnpacked

// decoded undoes an encoding.
func decoded(data []byte, encoding string) ([]byte, error) {
	isBase64, isGzip, _ := encodings(encoding)
	if isBase64 {
		text := strings.Join(strings.Fields(string(data)), "")
		out, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, errors.New("it is not base64")
		}
		data = out
	}
	if !isGzip {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, errors.New("it is not compressed by gzip")
	}
	out, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	switch {
	case err != nil:
		return nil, errors.New("what gzip compressed is damaged")
	case len(out) > maxUnpacked:
		return nil, errUnpacked
	}
	return out, nil
}

func (f *writtenFile) setOwner(t *translator, n node) {
	s, ok := t.line(n)
	if !ok {
		return
	}
	user, group, grouped := strings.Cut(s, ":")
	if user == "" && group == "" || strings.Contains(group, ":") || grouped && group == "" {
		t.fail(n, "write USER:GROUP", "%q is no owner", s)
		return
	}
	f.user, f.group, f.ownerAt = user, group, n
}

// maxMode is a mode with all bits.
const maxMode = 0o7777

func (f *writtenFile) setMode(t *translator, n node) {
	m := meaning(n.Node)
	_, plain := n.Written()
	f.modeAt = n
	switch {
	case m.kind == source.Number && m.whole && t.coreos && strings.Trim(n.Text, "01234567") == "":
		f.mode, _ = strconv.ParseInt(n.Text, 8, 64) // its parser hands on the digits
	case m.kind == source.Number && m.whole:
		f.mode = m.number
		if plain && n.Text[0] != '0' {
			t.approximate(n, fmt.Sprintf("it is the mode %04o, as cloud-init understands it; write %q in quotes for that one", m.number, "0"+n.Text))
		}
	case m.kind == source.String:
		mode, err := strconv.ParseInt(strings.TrimPrefix(n.Text, "0o"), 8, 64)
		if err != nil {
			t.fail(n, `write for example "0644"`, "%q is no mode", n.Text)
			return
		}
		f.mode = mode
	default:
		t.fail(n, `write for example "0644"`, "this is no mode")
		return
	}
	if f.mode < 0 || f.mode > maxMode {
		t.fail(n, `write for example "0644"`, "%s is no mode", n.Text)
	}
}

func (f *writtenFile) setAppend(t *translator, n node) { f.appends, _ = t.boolean(n) }

func (f *writtenFile) setDefer(t *translator, n node) { t.boolean(n) }

func (f *writtenFile) setSource(t *translator, n node) {
	rows := sourceRows()
	rows[0].do = func(t *translator, n node) {
		s, ok := t.line(n)
		if !ok {
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme == "" || u.Scheme == "file" {
			t.refuse(n, "use a URL of the scheme http, https or data", "the file cannot be fetched from there")
			return
		}
		f.uri, f.uriAt = s, n
	}
	rows[1].do = func(t *translator, n node) {
		if n.Kind != source.Object {
			t.wrongKind(n, "a mapping")
			return
		}
		f.headers = t.each(n)
	}
	t.members(n, rows)
}

// writeFile adds the file to the document.
func (t *translator) writeFile(f *writtenFile) {
	if isBelow(f.path, "/run") || isBelow(f.path, "/tmp") {
		t.temporaryFile(f)
		return
	}
	before := t.written[f.path]
	entry := t.fileAt(f.path, f.at)
	if f.appends {
		t.contents(entry.add("append", f.at), f)
		t.ownerAndMode(entry, f, before == nil)
		return
	}
	if by, again := t.writtenBy[f.path]; again {
		t.drop(by, "a later entry has the same path, and only that counts")
	}
	if before != nil {
		entry.members = entry.members[:1] // the path
	}
	entry.flag("overwrite", true, f.at)
	t.ownerAndMode(entry, f, true)
	t.contents(entry.object("contents", f.at), f)
	if t.writtenBy == nil {
		t.writtenBy = map[string]node{}
	}
	t.writtenBy[f.path] = f.at
}

// orElse returns the node, or another one if there is none.
func (n node) orElse(other node) *source.Node {
	if n.Node == nil {
		return other.Node
	}
	return n.Node
}

// ownerAndMode says whose the file is. What is appended changes only what it says.
func (t *translator) ownerAndMode(entry *value, f *writtenFile, isNew bool) {
	if isNew || f.modeAt.Node != nil {
		entry.number("mode", f.mode, node{Node: f.modeAt.orElse(f.at)})
	}
	set := func(key, name string) {
		if name == "" {
			return
		}
		o := entry.object(key, f.ownerAt)
		if id, err := strconv.ParseInt(name, 10, 32); err == nil {
			o.number("id", id, f.ownerAt)
		} else {
			o.text("name", name, f.ownerAt)
		}
	}
	set("user", f.user)
	set("group", f.group)
}

// contents says what is in the file.
func (t *translator) contents(c *value, f *writtenFile) {
	from := node{Node: f.content.orElse(f.at)}
	switch {
	case f.uri != "":
		c.text("source", f.uri, f.uriAt)
		for _, h := range f.headers {
			if s, ok := t.line(h); ok {
				header := c.add("http_headers", h)
				header.text("name", h.Key, h)
				header.text("value", s, h)
			}
		}
		if f.content.Node != nil {
			t.approximate(f.content, "it is left out: it stands in for what cannot be fetched, which is fatal here")
		}
	case utf8.Valid(f.data) && !bytes.ContainsRune(f.data, 0):
		c.text("inline", string(f.data), from)
	default:
		c.text("source", "data:;base64,"+base64.StdEncoding.EncodeToString(f.data), from)
	}
}

// filesDir has the files and scripts that the generated units use.
const filesDir = "/etc/cloud-config/"

// temporaryFile keeps a file where systemd-tmpfiles copies it from at each boot, because
// nothing below /run and /tmp outlives the initramfs.
func (t *translator) temporaryFile(f *writtenFile) {
	if f.appends || f.uri != "" {
		t.refuse(f.at, "write it in runcmd", "a file below %s can have contents of the document only", path.Dir(f.path))
		return
	}
	if strings.ContainsAny(f.path+f.user+f.group, " \t\"'\\%$") {
		t.refuse(f.at, "use letters, digits and / . _ -", "systemd-tmpfiles would read the path or the owner otherwise")
		return
	}
	stored := filesDir + "files" + f.path
	entry := t.fileAt(stored, f.at)
	entry.members = entry.members[:1]
	entry.flag("overwrite", true, f.at)
	entry.number("mode", 0o600, f.at)
	t.contents(entry.object("contents", f.at), f)
	or := func(s, other string) string {
		if s == "" {
			return other
		}
		return s
	}
	line := fmt.Sprintf("C %s %04o %s %s - %s\n", f.path, f.mode, or(f.user, "root"), or(f.group, "root"), stored)
	const list = "/etc/tmpfiles.d/cloud-config.conf"
	text := ""
	if l := t.written[list]; l != nil {
		text = l.get("contents").get("inline").node.Text
	}
	t.file(list, 0o644, text+line, f.at)
	t.note(f.at, legacy.Approximated, "systemd-tmpfiles copies the file there at each boot, if it is not there")
}
