package acquire

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
)

// placesSuffix is added to the name of the cache: the file beside it keeps where the
// parts of the cached config were written, so that a later stage can name the line
// that asked for what has failed. It holds names, numbers and keys, but no contents.
//
// Each line is about one part: its path, the line, the column, and the member that tells
// it from others, with tabs between them. The document is named above its parts, in
// quotes:
//
//	"config.ign"
//	storage.files[0]	7	9	"path":"/etc/motd"
const placesSuffix = ".places"

// places are texts by the paths of the parts of a config: what is known of a part, with the
// line and the column that it has in its document.
type places map[string]*source.File

// naming are the keys of members that tell an item from others.
var naming = []string{"path", "name", "device", "label"}

// maxName is how many characters of such a member are kept.
const maxName = 60

// nameAt returns the first member of an item if it tells that from others; nothing else,
// for it may be secret.
func nameAt(at source.Range) string {
	text := at.Excerpt(maxName).Marked
	key, value, ok := strings.Cut(text, ":")
	if !ok || !slices.Contains(naming, strings.Trim(key, "{\"' \t")) {
		return ""
	}
	if end := strings.IndexByte(value, ','); end >= 0 {
		value = value[:end]
	}
	return key + ":" + strings.TrimRight(value, " \t\r}")
}

// placesOf writes down the places of all items that operations are made of.
func placesOf(cfg config.Config) []byte {
	var text []byte
	document := ""
	note := func(steps ...any) {
		path := source.Path{}.At(steps...)
		at, exact := cfg.Locate(path)
		if at.IsZero() || !exact {
			return
		}
		if at.File.Name != document || text == nil {
			document = at.File.Name
			text = append(strconv.AppendQuote(text, document), '\n')
		}
		pos := at.Position()
		text = append(append(text, path.String()...), '\t')
		text = append(strconv.AppendInt(text, int64(pos.Line), 10), '\t')
		text = append(strconv.AppendInt(text, int64(pos.Column), 10), '\t')
		text = append(append(text, nameAt(at)...), '\n')
	}
	list := func(n int, steps ...any) {
		for i := range n {
			note(append(append([]any(nil), steps...), i)...)
		}
	}
	s := &cfg.Storage
	list(len(cfg.KernelArguments.ShouldExist), "kernelArguments", "shouldExist")
	list(len(cfg.KernelArguments.ShouldNotExist), "kernelArguments", "shouldNotExist")
	list(len(cfg.Passwd.Groups), "passwd", "groups")
	list(len(cfg.Passwd.Users), "passwd", "users")
	list(len(s.Directories), "storage", "directories")
	list(len(s.Disks), "storage", "disks")
	list(len(s.Files), "storage", "files")
	list(len(s.Filesystems), "storage", "filesystems")
	list(len(s.Links), "storage", "links")
	list(len(s.Luks), "storage", "luks")
	list(len(s.Raid), "storage", "raid")
	for i := range cfg.Passwd.Users {
		note("passwd", "users", i, "sshAuthorizedKeys")
	}
	for i, u := range cfg.Systemd.Units {
		note("systemd", "units", i)
		note("systemd", "units", i, "enabled")
		note("systemd", "units", i, "mask")
		list(len(u.Dropins), "systemd", "units", i, "dropins")
	}
	return text
}

// parsePlaces reads what placesOf has written; if it is something else, there are none.
func parsePlaces(text string) places {
	p := make(places, strings.Count(text, "\n"))
	var document string
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if strings.HasPrefix(line, `"`) {
			var err error
			if document, err = strconv.Unquote(line); err != nil {
				return nil
			}
			continue
		}
		path, line, _ := strings.Cut(line, "\t")
		row, line, _ := strings.Cut(line, "\t")
		column, name, ok := strings.Cut(line, "\t")
		n, _ := strconv.Atoi(row)
		character, _ := strconv.Atoi(column)
		if !ok || n < 1 || character < 1 {
			return nil
		}
		p[path] = source.NewPart(document, []byte(name), n, character)
	}
	return p
}

// Locate implements source.Locator.
func (p places) Locate(path source.Path) (source.Range, bool) {
	for n := len(path); n > 0; n-- {
		if f, ok := p[path[:n].String()]; ok {
			return source.Range{File: f, End: len(f.Data)}, n == len(path)
		}
	}
	return source.Range{}, false
}
