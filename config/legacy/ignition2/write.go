package ignition2

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/legacy/downgrade"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

// Writable are the versions before 3.0.0 that Write knows.
func Writable() []string { return []string{v22.String(), v24.String()} }

// Write returns a config as a document of spec 2.2.0 or 2.4.0, as one line of JSON, for
// programs that know no newer one. The config is meant as in the version from, as in
// [downgrade.To]. What the version cannot say is refused at its place; the document is
// usable only if the list, in order of position, has no error.
func Write(c config.Config, from spec.Version, to string) ([]byte, diag.List) {
	w := writer{where: c}
	switch to {
	case v22.String():
		w.to = v22
	case v24.String():
		w.to = v24
	default:
		return nil, diag.List{{
			Rule: ruleOld, Message: fmt.Sprintf("configs are not written in spec %q", to),
			Help: "choose one of " + strings.Join(Writable(), ", "),
		}}
	}
	cfg, ds := downgrade.To(c, from, min(from, target))
	if ds.HasErrors() {
		return nil, ds
	}
	w.write(&cfg)
	ds = append(ds, w.found...).Sorted()
	if ds.HasErrors() {
		return nil, ds
	}
	return schema.AppendJSON(nil, &w.doc, true), ds
}

type writer struct {
	where config.Config
	to    version
	doc   document
	found diag.List
}

func (w *writer) refuse(at source.Path, what string) { w.report(diag.Error, at, what) }

// lose warns of what the reference leaves out without a word. It is no error: programs
// that convert configs by the reference's rules rely on that.
func (w *writer) lose(at source.Path, what string) { w.report(diag.Warning, at, what) }

func (w *writer) report(s diag.Severity, at source.Path, what string) {
	place, _ := w.where.Locate(at)
	w.found = append(w.found, diag.Diagnostic{
		Severity: s, Rule: ruleOld, Path: w.where.Place(at), At: place, Help: "remove it, or choose a newer version",
		Message: fmt.Sprintf("%s cannot be said in spec %s", what, w.to),
	})
}

func (w *writer) write(c *types.Config) {
	w.doc.Ignition.Version = w.to.String()
	w.ignition(&c.Ignition)
	w.disks(&c.Storage)
	w.filesystems(&c.Storage)
	for _, u := range c.Systemd.Units {
		unset(&u.Contents)
		unset(&u.Mask)
		for j := range u.Dropins {
			unset(&u.Dropins[j].Contents)
		}
		w.doc.Systemd.Units = append(w.doc.Systemd.Units, unit{Unit: u})
	}
	w.doc.Passwd.Groups = c.Passwd.Groups
	for i := range c.Passwd.Groups {
		unset(&c.Passwd.Groups[i].PasswordHash)
		unset(&c.Passwd.Groups[i].System)
	}
	for _, u := range c.Passwd.Users {
		unset(&u.Gecos, &u.HomeDir, &u.PrimaryGroup, &u.Shell)
		unset(&u.NoCreateHome, &u.NoLogInit, &u.NoUserGroup, &u.System)
		w.doc.Passwd.Users = append(w.doc.Passwd.Users, user{PasswdUser: u})
	}
}

func (w *writer) ignition(from *types.Ignition) {
	to := &w.doc.Ignition
	for i := range from.Config.Merge {
		w.reference(doc("ignition", "config", "merge", i), &from.Config.Merge[i])
	}
	to.Config.Append = from.Config.Merge
	if r := from.Config.Replace; r.Source != nil || r.Verification.Hash != nil {
		w.reference(doc("ignition", "config", "replace"), &r)
		to.Config.Replace = &r
	}
	for i := range from.Security.TLS.CertificateAuthorities {
		w.reference(doc("ignition", "security", "tls", "certificateAuthorities", i), &from.Security.TLS.CertificateAuthorities[i])
	}
	to.Security, to.Timeouts, to.Proxy = from.Security, from.Timeouts, from.Proxy
	unset(&to.Proxy.HTTPProxy, &to.Proxy.HTTPSProxy)
	if w.to < v24 && (to.Proxy.HTTPProxy != nil || to.Proxy.HTTPSProxy != nil || len(to.Proxy.NoProxy) > 0) {
		w.refuse(doc("ignition", "proxy"), "a proxy")
	}
}

// reference checks a resource that names a config or an authority.
func (w *writer) reference(at source.Path, r *types.Resource) {
	if r.Compression != nil && *r.Compression != "" {
		w.refuse(at.At("compression"), "compression of what is no file")
	}
	r.Compression = nil
	if r.Source == nil {
		w.refuse(at, "a reference without a source")
	}
	w.resource(at, r)
}

func (w *writer) resource(at source.Path, r *types.Resource) {
	unset(&r.Compression)
	if h := r.Verification.Hash; h != nil && !strings.HasPrefix(*h, "sha512-") {
		w.refuse(at.At("verification", "hash"), "a hash other than sha512")
	}
	if len(r.HTTPHeaders) > 0 && w.to < v24 {
		w.refuse(at.At("httpHeaders"), "HTTP headers")
	}
	for i, h := range r.HTTPHeaders {
		if h.Value == nil {
			w.refuse(at.At("httpHeaders", i), "the removal of a header")
		}
	}
}

func (w *writer) disks(s *types.Storage) {
	for i, d := range s.Disks {
		out := disk{Device: d.Device, WipeTable: isTrue(d.WipeTable)}
		for j, p := range d.Partitions {
			at := doc("storage", "disks", i, "partitions", j)
			unset(&p.GUID, &p.TypeGUID)
			unset(&p.WipePartitionEntry)
			if w.to < v23 {
				if p.StartMiB != nil || p.SizeMiB != nil {
					w.refuse(at, "startMiB and sizeMiB")
				}
				if p.ShouldExist != nil && !*p.ShouldExist {
					w.lose(at.At("shouldExist"), "the removal of a partition")
				}
				if p.WipePartitionEntry != nil {
					w.lose(at.At("wipePartitionEntry"), "wipePartitionEntry")
				}
				p.ShouldExist, p.WipePartitionEntry = nil, nil
				unset(&p.Label)
			}
			out.Partitions = append(out.Partitions, partition{Partition: p})
		}
		w.doc.Storage.Disks = append(w.doc.Storage.Disks, out)
	}
	for _, r := range s.Raid {
		unset(&r.Spares)
		w.doc.Storage.Raid = append(w.doc.Storage.Raid, r)
	}
}

// filesystems writes the file systems under a name each, and the nodes in them.
func (w *writer) filesystems(s *types.Storage) {
	var paths []string
	unnamed := 0
	for i, f := range s.Filesystems {
		if len(f.MountOptions) > 0 {
			w.refuse(doc("storage", "filesystems", i, "mountOptions"), "mount options")
		}
		var name string
		if f.Path != nil && *f.Path != "" {
			name = *f.Path
			paths = append(paths, name)
		} else {
			unnamed++
			name = strconv.Itoa(unnamed)
		}
		m := &mount{Device: f.Device, WipeFilesystem: isTrue(f.WipeFilesystem), Label: f.Label, UUID: f.UUID, Options: f.Options}
		if f.Format == nil || *f.Format == "" {
			w.refuse(doc("storage", "filesystems", i), "a file system without a format")
		} else {
			m.Format = *f.Format
		}
		w.doc.Storage.Filesystems = append(w.doc.Storage.Filesystems, filesystem{Name: name, Mount: m})
	}
	for i, f := range s.Files {
		w.file(doc("storage", "files", i), f, paths)
	}
	for _, d := range s.Directories {
		w.doc.Storage.Directories = append(w.doc.Storage.Directories, directory{node: nodeIn(paths, d.Node), Mode: d.Mode})
	}
	for _, l := range s.Links {
		out := link{node: nodeIn(paths, l.Node), Hard: isTrue(l.Hard)}
		if l.Target != nil {
			out.Target = *l.Target
		}
		w.doc.Storage.Links = append(w.doc.Storage.Links, out)
	}
}

// nodeIn returns a node in the file system that is mounted nearest above it; paths
// are compared as text, as in the reference.
func nodeIn(paths []string, n types.Node) node {
	out := node{Filesystem: rootName, Node: n}
	unset(&out.User.Name, &out.Group.Name)
	longest := ""
	for _, p := range paths {
		if strings.HasPrefix(n.Path, p) && len(p) > len(longest) {
			longest = p
		}
	}
	if longest != "" {
		out.Filesystem, out.Path = longest, path.Join("/", strings.TrimPrefix(n.Path, longest))
	}
	return out
}

// file writes a file, and each thing appended to it as another one.
func (w *writer) file(at source.Path, f types.File, paths []string) {
	out := file{node: nodeIn(paths, f.Node), Contents: f.Contents, Mode: f.Mode}
	fill(&out.Overwrite)
	if f.Contents.Source != nil {
		w.content(at.At("contents"), &out.Contents)
		w.doc.Storage.Files = append(w.doc.Storage.Files, out)
	}
	for i := range f.Append {
		w.content(at.At("append", i), &f.Append[i])
		out := out
		out.Append, out.Overwrite, out.Contents = true, new(bool), f.Append[i]
		w.doc.Storage.Files = append(w.doc.Storage.Files, out)
	}
}

// content checks the contents of a file, which are empty without a source.
func (w *writer) content(at source.Path, r *types.Resource) {
	unset(&r.Source)
	w.resource(at, r)
}
