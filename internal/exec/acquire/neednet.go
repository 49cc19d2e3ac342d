package acquire

import (
	"reflect"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/resource"
)

// NeedsNet reports whether anything in a config will need the network: a source that
// is neither empty nor local, a Tang server without an advertisement, a custom Clevis
// pin that says so.
func NeedsNet(cfg config.Config) bool { return needsNet(reflect.ValueOf(cfg.Config)) }

func needsNet(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Struct:
		switch x := v.Interface().(type) {
		case types.Resource:
			return resource.NeedsNet(x)
		case types.Tang:
			return x.Advertisement == nil || *x.Advertisement == ""
		case types.ClevisCustom:
			return x.NeedsNetwork != nil && *x.NeedsNetwork
		}
		for i := range v.NumField() {
			if needsNet(v.Field(i)) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if needsNet(v.Index(i)) {
				return true
			}
		}
	case reflect.Pointer:
		return !v.IsNil() && needsNet(v.Elem())
	}
	return false
}
