package acquire

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/source"
)

// placesSuffix is added to the name of the cache: the file beside it keeps where the
// parts of the cached config were written, so that a later stage can name the line
// that asked for what has failed. It holds names, numbers and keys, but no contents.
const placesSuffix = ".places"

// places are the places of the parts of a config, by path.
type places struct {
	// Files are the names of the documents.
	Files []string `json:"files"`
	// At holds the number of the file, the line and the column.
	At map[string][3]int `json:"at"`
	// Names are the members that tell an item from others, as they are written, if the
	// item begins with one: {"path":"/etc/motd".
	Names map[string]string `json:"names,omitempty"`
}

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

// placesOf notes the places of all items that operations are made of.
func placesOf(cfg config.Config) places {
	p := places{At: map[string][3]int{}, Names: map[string]string{}}
	numbers := map[string]int{}
	note := func(steps ...any) {
		path := source.Path{}.At(steps...)
		at, exact := cfg.Locate(path)
		if at.IsZero() || !exact {
			return
		}
		n, known := numbers[at.File.Name]
		if !known {
			n = len(p.Files)
			numbers[at.File.Name] = n
			p.Files = append(p.Files, at.File.Name)
		}
		pos := at.Position()
		key := path.String()
		p.At[key] = [3]int{n, pos.Line, pos.Column}
		if name := nameAt(at); name != "" {
			p.Names[key] = name
		}
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
	return p
}

// Locate implements source.Locator: a place is a text of its own, what is known of the
// item, with the line and the column that it has in the document.
func (p places) Locate(path source.Path) (source.Range, bool) {
	for n := len(path); n > 0; n-- {
		key := path[:n].String()
		at, ok := p.At[key]
		if !ok || at[0] < 0 || at[0] >= len(p.Files) {
			continue
		}
		f := source.NewPart(p.Files[at[0]], []byte(p.Names[key]), max(1, at[1]), max(1, at[2]))
		return source.Range{File: f, End: len(f.Data)}, n == len(path)
	}
	return source.Range{}, false
}

// writePlaces writes the places beside the cache.
func writePlaces(cache string, cfg config.Config) error {
	data, err := json.Marshal(placesOf(cfg))
	if err != nil {
		return fmt.Errorf("encode places: %w", err)
	}
	return writeFile(cache+placesSuffix, append(data, '\n'), cacheMode)
}

// readPlaces reads the places beside the cache; ok is false when there are none that
// can be used.
func readPlaces(cache string) (p places, ok bool) {
	data, err := os.ReadFile(cache + placesSuffix)
	if err != nil {
		return p, false
	}
	return p, json.Unmarshal(data, &p) == nil && len(p.At) > 0
}
