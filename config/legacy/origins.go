package legacy

import "github.com/kindling-boot/kindling/config/source"

// Origins tell which places of an older document asked for the values of the config
// made from it. What is not remembered stands at the same path in both. It implements
// source.Placer and source.Texts.
type Origins struct {
	in    source.Locator
	known map[string]source.Path // by path of the config
	whole map[string]bool        // likewise
}

// NewOrigins returns origins in a document: its tree, or the origins of a document that
// was translated before.
func NewOrigins(in source.Locator) *Origins {
	return &Origins{in: in, known: map[string]source.Path{}, whole: map[string]bool{}}
}

// Add remembers the place of a value; what is inside the value is looked for inside
// the place.
func (o *Origins) Add(value, place source.Path) { o.known[value.String()] = place }

// AddWhole remembers the place of a value and of everything inside it.
func (o *Origins) AddWhole(value, place source.Path) {
	o.Add(value, place)
	o.whole[value.String()] = true
}

// Place implements source.Placer.
func (o *Origins) Place(path source.Path) source.Path { return source.PlaceIn(o.in, o.place(path)) }

func (o *Origins) place(path source.Path) source.Path {
	for n := len(path); n > 0; n-- {
		key := path[:n].String()
		if place, ok := o.known[key]; ok {
			if o.whole[key] {
				return place
			}
			return append(place[:len(place):len(place)], path[n:]...)
		}
	}
	return path
}

// Locate implements source.Locator.
func (o *Origins) Locate(path source.Path) (source.Range, bool) {
	return o.in.Locate(o.place(path))
}

// Text implements source.Texts.
func (o *Origins) Text(path source.Path) *source.File { return source.TextAt(o.in, o.place(path)) }
