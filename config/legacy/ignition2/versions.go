package ignition2

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
)

// version is a spec before 3.0.0. Versions are ordered.
type version uint8

const (
	v1 version = iota
	v20
	v21
	v22
	v23
	v24
)

var versionNames = [...]string{v1: "1", v20: "2.0.0", v21: "2.1.0", v22: "2.2.0", v23: "2.3.0", v24: "2.4.0"}

// String returns the version as configs write it.
func (v version) String() string { return versionNames[v] }

// since are the keys that did not exist from 2.0.0 on; list items are written as a
// star. https://github.com/coreos/ignition/tree/spec2x/doc, one page for each version
var since = []struct {
	version version
	keys    []string
}{
	{v21, []string{
		"ignition.timeouts", "storage.directories", "storage.links", "storage.disks.*.partitions.*.guid",
		"storage.files.*.user.name", "storage.files.*.group.name",
		"storage.filesystems.*.mount.label", "storage.filesystems.*.mount.options", "storage.filesystems.*.mount.uuid",
		"storage.filesystems.*.mount.wipeFilesystem", "systemd.units.*.enabled",
		"passwd.users.*.gecos", "passwd.users.*.groups", "passwd.users.*.homeDir", "passwd.users.*.noCreateHome",
		"passwd.users.*.noLogInit", "passwd.users.*.noUserGroup", "passwd.users.*.primaryGroup", "passwd.users.*.shell",
		"passwd.users.*.system", "passwd.users.*.uid",
	}},
	{v22, []string{
		"ignition.security", "networkd.units.*.dropins", "storage.raid.*.options", "storage.files.*.append",
		"storage.files.*.overwrite", "storage.directories.*.overwrite", "storage.links.*.overwrite",
	}},
	{v23, []string{
		"storage.disks.*.partitions.*.sizeMiB", "storage.disks.*.partitions.*.startMiB",
		"storage.disks.*.partitions.*.shouldExist", "storage.disks.*.partitions.*.wipePartitionEntry",
	}},
	{v24, []string{
		"ignition.proxy", "ignition.config.append.*.httpHeaders", "ignition.config.replace.httpHeaders",
		"ignition.security.tls.certificateAuthorities.*.httpHeaders", "storage.files.*.contents.httpHeaders",
	}},
}

// never are keys that the structs have for spec 3, but that no older spec has.
var never = []string{
	"ignition.config.append.*.compression", "ignition.config.replace.compression", "ignition.security.tls.certificateAuthorities.*.compression",
}

// later returns the first version with a key, if that is not 2.0.0; ok is false when
// no version has it.
func later(place string) (v version, ok bool) {
	for _, s := range since {
		for _, key := range s.keys {
			if key == place {
				return s.version, true
			}
		}
	}
	return 0, !slices.Contains(never, place)
}

// deepest is more than the number of steps to any key of since.
const deepest = 8

// prune returns the document without the keys that its version does not have, and a
// warning for each.
func prune(t *source.Tree, v version) (*source.Tree, diag.List) {
	var found diag.List
	var visit func(n source.Node, path source.Path, place string) source.Node
	visit = func(n source.Node, path source.Path, place string) source.Node {
		if len(path) > deepest {
			return n
		}
		kept := make([]source.Node, 0, len(n.Children))
		for i, c := range n.Children {
			if n.Kind == source.List {
				kept = append(kept, visit(c, path.At(i), place+".*"))
				continue
			}
			at := strings.TrimPrefix(place+"."+c.Key, ".")
			first, ok := later(at)
			if ok && first <= v {
				kept = append(kept, visit(c, path.At(c.Key), at))
				continue
			}
			d := diag.Diagnostic{
				Severity: diag.Warning, Rule: schema.UnknownKey, Path: path.At(c.Key), At: t.KeyRange(&c),
				Message: fmt.Sprintf("unused key %s: it is not part of spec %s", c.Key, v),
			}
			if ok {
				d.Rule = schema.TooNewKey
				d.Message = fmt.Sprintf("unused key %s: it exists from spec %s", c.Key, first)
				d.Help = fmt.Sprintf("remove it, or raise the version (this document names %s)", v)
			}
			t.Hide(&c) // it may be a secret
			found = append(found, d)
		}
		n.Children = kept
		return n
	}
	if v == v1 {
		return t, nil // its struct has no later keys
	}
	return &source.Tree{File: t.File, Root: visit(t.Root, nil, "")}, found
}

// versionStub is what tells the version of a document.
type versionStub struct {
	IgnitionVersion int `json:"ignitionVersion"`
	Ignition        struct {
		Version string `json:"version"`
	} `json:"ignition"`
}

// versionOf reads the version of a document.
func versionOf(t *source.Tree) (version, diag.List) {
	var stub versionStub
	if ds := schema.Decode(t, &stub, spec.Newest); ds.HasErrors() {
		return 0, ds
	}
	text := stub.Ignition.Version
	path := source.Path{}.At("ignition", "version")
	if text == "" && stub.IgnitionVersion != 0 {
		text, path = strconv.Itoa(stub.IgnitionVersion), source.Path{}.At("ignitionVersion")
	}
	for v, name := range versionNames {
		if same(text, name) {
			return version(v), nil
		}
	}
	at, _ := t.Locate(path)
	return 0, diag.List{{
		Rule: ruleOld, Path: path, At: at,
		Message: fmt.Sprintf("unsupported config version: %q is none of the versions before 3.0.0", text),
		Help:    "the versions are 1, 2.0.0, 2.1.0, 2.2.0, 2.3.0 and 2.4.0; experimental ones cannot be told apart",
	}}
}

// same reports whether a version text means a version: leading zeros do not matter.
func same(text, name string) bool {
	if text == name {
		return true
	}
	got, ok := spec.ParseSemver(text)
	want, isSemver := spec.ParseSemver(name)
	return ok && isSemver && got == want
}
