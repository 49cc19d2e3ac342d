package sugar

import (
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
)

// Origins tell which places of a document asked for the values of a config. What
// is not remembered stands at the same path, in snake_case.
type Origins struct {
	tree  *source.Tree
	known map[string]source.Path // path of the config → path of the document
}

// NewOrigins returns origins for a config that is generated from a document.
func (c *Ctx) NewOrigins() *Origins { return &Origins{tree: c.Tree} }

func (o *Origins) add(value, place source.Path) {
	if o.known == nil {
		o.known = map[string]source.Path{}
	}
	o.known[value.String()] = place
}

// standIns are the keys that stand in the document for a key of the model.
var standIns = map[string][]string{
	"source":      {"inline", "local"},
	"compression": {"inline", "local"},
	"contents":    {"contents_local"},
}

// Locate implements source.Locator for paths of the model.
func (o *Origins) Locate(path source.Path) (source.Range, bool) {
	place, remembered := o.place(path)
	at, exact := o.tree.Locate(place)
	if exact || len(path) == 0 {
		return at, exact
	}
	last := len(place) - 1
	for _, key := range standIns[place[last].Key] {
		if r, exact := o.tree.Locate(place[:last].At(key)); exact {
			return r, true
		}
	}
	return at, remembered
}

// place translates a path. remembered is set when a step recorded it.
func (o *Origins) place(path source.Path) (place source.Path, remembered bool) {
	rest := path
	if len(o.known) > 0 {
		for i := len(path); i > 0; i-- {
			if p, ok := o.known[path[:i].String()]; ok {
				place, rest, remembered = p.At(), path[i:], true
				break
			}
		}
	}
	for _, step := range rest {
		step.Key = schema.Snake(step.Key)
		place = append(place, step)
	}
	return place, remembered
}
