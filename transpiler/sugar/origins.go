package sugar

import (
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
)

// Origins tell which places of a document asked for the values of a config. What
// is not remembered stands at the same path, in snake_case.
type Origins struct {
	tree   *source.Tree
	target spec.Version
	known  map[string]origin       // by path of the config
	texts  map[string]*source.File // likewise: local files
}

// NewOrigins returns origins for a config that is generated from a document.
func (c *Ctx) NewOrigins() *Origins { return &Origins{tree: c.Tree, target: c.Target} }

// origin is the place of the document that asked for a value.
type origin struct {
	place source.Path
	// whole makes the place stand for everything inside the value.
	whole bool
}

// Add remembers the place of a value; what is inside the value is looked for
// inside the place.
func (o *Origins) Add(value, place source.Path) { o.put(value, origin{place: place}) }

// AddWhole remembers the place of a value and of everything inside it.
func (o *Origins) AddWhole(value, place source.Path) { o.put(value, origin{place: place, whole: true}) }

func (o *Origins) put(value source.Path, from origin) {
	if o.known == nil {
		o.known = map[string]origin{}
	}
	o.known[value.String()] = from
}

// standIns returns the keys of the document that can stand for a key of the model.
func (o *Origins) standIns(place source.Path) []string {
	switch key := place[len(place)-1].Key; {
	case key == "contents" && o.target >= spec.V3_4:
		return []string{"contents_local"}
	case key != "source" && key != "compression":
		return nil
	case o.target > spec.V3_0:
		return []string{"inline", "local"}
	case place[0].Key == "storage":
		return []string{"inline"}
	}
	return nil
}

// Locate implements source.Locator for paths of the model.
func (o *Origins) Locate(path source.Path) (source.Range, bool) {
	_, at, exact := o.find(path)
	return at, exact
}

// Place implements source.Placer: paths of the document are in snake_case.
func (o *Origins) Place(path source.Path) source.Path {
	place, _, _ := o.find(path)
	return place
}

// addText remembers the local file that the text at a path of the config is from.
func (o *Origins) addText(value source.Path, f *source.File) {
	if o.texts == nil {
		o.texts = map[string]*source.File{}
	}
	o.texts[value.String()] = f
}

// Text implements source.Texts.
func (o *Origins) Text(path source.Path) *source.File {
	if f := o.texts[path.String()]; f != nil {
		return f
	}
	place, remembered := o.place(path)
	if remembered {
		return nil // the text is made from what stands there
	}
	return o.tree.Text(place)
}

// find returns the place of a value, and where that is in the text.
func (o *Origins) find(path source.Path) (place source.Path, at source.Range, exact bool) {
	place, remembered := o.place(path)
	at, exact = o.tree.Locate(place)
	if exact || len(place) == 0 {
		return place, at, exact
	}
	last := len(place) - 1
	for _, key := range o.standIns(place) {
		other := place[:last].At(key)
		if r, exact := o.tree.Locate(other); exact {
			return other, r, true
		}
	}
	return place, at, remembered
}

// place translates a path. remembered is set when a step recorded it.
func (o *Origins) place(path source.Path) (place source.Path, remembered bool) {
	rest := path
	if len(o.known) > 0 {
		for i := len(path); i > 0; i-- {
			if p, ok := o.known[path[:i].String()]; ok {
				if place, rest, remembered = p.place.At(), path[i:], true; p.whole {
					rest = nil
				}
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
