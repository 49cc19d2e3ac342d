// Package downgrade brings configs to older versions of spec 3, for programs that know no
// newer ones: [To]. Which keys a version has stands in the tags of config/types; what
// it cannot say is refused at its place. Package ignition2 goes on from there to spec 2.
package downgrade

import (
	"fmt"
	"reflect"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

// To returns a config in an older version of spec 3. The config is meant as in the
// version from: that is [config.Read]'s, or the newest for one from [config.Parse]. The
// result is usable only if the list, in order of position, has no error; written by
// schema.AppendJSON it is a document of that version.
func To(c config.Config, from, to spec.Version) (types.Config, diag.List) {
	d := downgrade{where: c, to: to}
	if to < from {
		d.bits(&c.Config, from)
	}
	out := reflect.New(reflect.TypeFor[types.Config]()).Elem()
	d.object(reflect.ValueOf(&c.Config).Elem(), out, schema.Of(out.Type()), nil, "", 0)
	cfg := out.Interface().(types.Config)
	cfg.Ignition.Version = to.String()
	if !d.found.HasErrors() {
		for _, f := range check.Walk(&cfg, c, to, spec.Version.Name) {
			if f.Severity == diag.Error {
				d.found = append(d.found, f)
			}
		}
	}
	return cfg, d.found.Sorted()
}

type downgrade struct {
	where source.Locator
	to    spec.Version
	found diag.List
}

// object copies the members of a struct that the version has. What holds the struct
// exists from the version above.
func (d *downgrade) object(from, to reflect.Value, s *schema.Struct, path source.Path, place string, above spec.Version) {
	for _, f := range s.Fields {
		v := f.In(from)
		if v.IsZero() || f.IsList() && v.Len() == 0 {
			continue
		}
		path, place := path.At(f.JSON), place+f.JSON
		since := f.Since
		if at, ok := spec.PlaceSince(place); ok {
			since = at
		}
		since = max(since, above)
		switch sub := f.Struct(); {
		case v.Kind() == reflect.Struct:
			d.object(v, f.In(to), sub, path, place+".", since)
		case since > d.to && saysNothing(v, f):
		case since > d.to:
			d.errorf(path, "%s cannot be said in %s: it exists from %s", f.JSON, d.to.Name(), since.Name())
		case f.IsList() && sub != nil:
			items := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			for i := range v.Len() {
				d.object(v.Index(i), items.Index(i), sub, path.At(i), place+".*.", since)
			}
			f.In(to).Set(items)
		default:
			f.In(to).Set(v)
		}
	}
}

// saysNothing reports whether a value says what its absence says.
func saysNothing(v reflect.Value, f *schema.Field) bool {
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Bool {
		return false
	}
	return v.Elem().Bool() == (f.JSON == "shouldExist")
}

func (d *downgrade) errorf(path source.Path, format string, args ...any) {
	at, _ := d.where.Locate(path)
	d.found = append(d.found, diag.Diagnostic{
		Rule: schema.TooNewKey, Message: fmt.Sprintf(format, args...), Path: source.PlaceIn(d.where, path), At: at,
		Help: "remove it, or choose a newer version",
	})
}

// bits reports special bits of modes that the older version would lose, or whose
// meaning is doubtful: 3.4.0 and 3.5.0 warn of them, earlier ones were silent, and only
// from 3.6.0 on they have an effect.
func (d *downgrade) bits(c *types.Config, from spec.Version) {
	if from < spec.V3_4 || from < spec.V3_6 && d.to >= spec.V3_4 || d.to >= spec.V3_6 {
		return
	}
	look := func(mode *int, list string, i int) {
		if mode != nil && *mode&types.SpecialBits != 0 {
			d.errorf(source.Path{}.At("storage", list, i, "mode"), "mode %04o has special bits, which have no effect in %s", *mode, d.to.Name())
		}
	}
	for i, f := range c.Storage.Files {
		look(f.Mode, "files", i)
	}
	for i, f := range c.Storage.Directories {
		look(f.Mode, "directories", i)
	}
}
