package ignition2

import (
	"net/url"
	"slices"

	"github.com/kindling-boot/kindling/config/merge"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
)

// translate writes the document as a config of spec 3.1.0. Scalars that spec 2 has no
// unset value for are left out when they are zero.
func (t *translation) translate() {
	t.config.Ignition.Version = target.String()
	t.ignition()
	t.disks()
	t.filesystems()
	t.units()
	t.networkd()
	t.passwd()
}

// unset makes optional scalars absent that are zero.
func unset[T comparable](optional ...**T) {
	for _, p := range optional {
		if *p != nil && **p == *new(T) {
			*p = nil
		}
	}
}

// given returns an optional scalar that is absent when it is zero.
func given[T comparable](v T) *T {
	if v == *new(T) {
		return nil
	}
	return &v
}

func (t *translation) ignition() {
	from, to := &t.doc.Ignition, &t.config.Ignition
	to.Config.Merge = from.Config.Append
	t.origins.Add(doc("ignition", "config", "merge"), doc("ignition", "config", "append"))
	for i := range to.Config.Merge {
		reference(&to.Config.Merge[i])
	}
	if from.Config.Replace != nil {
		to.Config.Replace = *from.Config.Replace
		reference(&to.Config.Replace)
	}
	to.Security = from.Security
	for i := range to.Security.TLS.CertificateAuthorities {
		reference(&to.Security.TLS.CertificateAuthorities[i])
	}
	to.Timeouts = from.Timeouts
	to.Proxy = from.Proxy
	unset(&to.Proxy.HTTPProxy, &to.Proxy.HTTPSProxy)
}

// reference completes a resource that spec 2 requires a source of.
func reference(r *types.Resource) {
	fill(&r.Source)
	unset(&r.Compression)
}

func (t *translation) disks() {
	for i, d := range t.doc.Storage.Disks {
		out := types.Disk{Device: d.Device, WipeTable: given(d.WipeTable)}
		for j, p := range d.Partitions {
			t.sectors(&p, doc("storage", "disks", i, "partitions", j))
			unset(&p.GUID, &p.TypeGUID)
			unset(&p.WipePartitionEntry)
			out.Partitions = append(out.Partitions, p.Partition)
		}
		t.config.Storage.Disks = append(t.config.Storage.Disks, out)
	}
	t.config.Storage.Raid = t.doc.Storage.Raid
	for i := range t.config.Storage.Raid {
		unset(&t.config.Storage.Raid[i].Spares)
	}
}

// sectors brings the place of a partition from sectors to MiB.
func (t *translation) sectors(p *partition, at source.Path) {
	if p.Start == nil && p.Size == nil {
		return
	}
	if !t.ways.exact {
		t.errorf(at, "write startMiB and sizeMiB", "the partition has its place in sectors")
		return
	}
	for _, k := range []struct {
		key      string
		from, to **int
	}{{"start", &p.Start, &p.StartMiB}, {"size", &p.Size, &p.SizeMiB}} {
		switch sectors := *k.from; {
		case sectors == nil || p.ShouldExist != nil && !*p.ShouldExist && *sectors == 0:
		case *sectors%sectorsPerMiB != 0:
			t.errorf(at.At(k.key), "write "+k.key+"MiB: 2048 sectors are one MiB", "%d sectors are not full MiB", *sectors)
		default:
			mib := *sectors / sectorsPerMiB
			*k.to = &mib
			t.origins.Add(at.At(k.key+"MiB"), at.At(k.key))
			if mib != 0 {
				t.approximate(at.At(k.key), "taken for sectors of 512 bytes; on a device with sectors of 4096 bytes Ignition 2 took it for eight times as much")
			}
		}
	}
}

func (t *translation) units() {
	at := map[string]int{} // by name
	for i, u := range t.doc.Systemd.Units {
		place := doc("systemd", "units", i)
		switch {
		case u.Enabled != nil && !*u.Enabled:
		case u.Enable:
			u.Enabled = &u.Enable
			t.origins.Add(doc("systemd", "units", len(t.config.Systemd.Units), "enabled"), place.At("enable"))
		}
		unset(&u.Contents)
		unset(&u.Mask)
		for j := range u.Dropins {
			unset(&u.Dropins[j].Contents)
		}
		if k, again := at[u.Name]; again && t.ways.mergeUnits {
			t.joinUnit(k, u.Unit, place)
			continue
		}
		at[u.Name] = len(t.config.Systemd.Units)
		t.origins.Add(doc("systemd", "units", len(t.config.Systemd.Units)), place)
		t.config.Systemd.Units = append(t.config.Systemd.Units, u.Unit)
	}
}

// joinUnit merges a unit into one of the same name that the config has already.
func (t *translation) joinUnit(k int, u types.Unit, place source.Path) {
	to := &t.config.Systemd.Units[k]
	names := map[string]bool{}
	for _, d := range u.Dropins {
		if names[d.Name] {
			t.errorf(place, "join the two, or remove one", "drop-in %q is given more than once", d.Name)
			return
		}
		names[d.Name] = true
	}
	of := func(u types.Unit) (c types.Config) {
		c.Systemd.Units = []types.Unit{u}
		return c
	}
	before := *to
	joined, _ := merge.Merge(of(before), of(u))
	*to = joined.Systemd.Units[0]
	out := doc("systemd", "units", k)
	if u.Contents != nil {
		t.origins.Add(out.At("contents"), place.At("contents"))
	}
	for j, d := range to.Dropins {
		if i := slices.IndexFunc(u.Dropins, func(o types.Dropin) bool { return o.Name == d.Name }); i >= 0 {
			t.origins.Add(out.At("dropins", j), place.At("dropins", i))
		}
	}
}

// networkdDir is where networkd looks for files of the administrator:
// systemd.network(5).
const networkdDir = "/etc/systemd/network/"

func (t *translation) networkd() {
	if len(t.doc.Networkd.Units) > 0 && !t.ways.networkdFiles {
		t.errorf(doc("networkd", "units"), "write the units as files below "+networkdDir, "spec 3 has no networkd units")
		return
	}
	for i, u := range t.doc.Networkd.Units {
		place := doc("networkd", "units", i)
		if u.Contents != "" {
			t.textFile(networkdDir+u.Name, u.Contents, place)
		}
		for j, d := range u.Dropins {
			text := ""
			if d.Contents != nil {
				text = *d.Contents
			}
			t.textFile(networkdDir+u.Name+".d/"+d.Name, text, place.At("dropins", j))
		}
	}
}

// textFile adds a file with the contents that stand at a place.
func (t *translation) textFile(path, text string, place source.Path) {
	files := &t.config.Storage.Files
	at := doc("storage", "files", len(*files))
	t.origins.Add(at, place)
	t.origins.Add(at.At("path"), place.At("name"))
	t.origins.Add(at.At("contents", "source"), place.At("contents"))
	source, mode, overwrite := "data:,"+url.PathEscape(text), 0o644, true
	f := types.File{Mode: &mode, Contents: types.Resource{Source: &source}}
	f.Path, f.Overwrite = path, &overwrite
	*files = append(*files, f)
}

func (t *translation) passwd() {
	t.config.Passwd.Groups = t.doc.Passwd.Groups
	for i := range t.config.Passwd.Groups {
		g := &t.config.Passwd.Groups[i]
		unset(&g.PasswordHash)
		unset(&g.System)
	}
	for i, u := range t.doc.Passwd.Users {
		if u.Create != nil {
			t.userCreate(&u, doc("passwd", "users", i))
		}
		if t.version <= v20 {
			unset(&u.PasswordHash)
		}
		unset(&u.Gecos, &u.HomeDir, &u.PrimaryGroup, &u.Shell)
		unset(&u.NoCreateHome, &u.NoLogInit, &u.NoUserGroup, &u.System)
		t.config.Passwd.Users = append(t.config.Passwd.Users, u.PasswdUser)
	}
}

// userCreate takes the members of a user from its create object.
func (t *translation) userCreate(u *user, at source.Path) {
	if !t.ways.userCreate {
		t.drop(at.At("create"), "the reference ignores it")
		return
	}
	c := u.Create
	u.Gecos, u.HomeDir, u.PrimaryGroup, u.Shell = &c.Gecos, &c.HomeDir, &c.PrimaryGroup, &c.Shell
	u.NoCreateHome, u.NoLogInit, u.NoUserGroup, u.System = &c.NoCreateHome, &c.NoLogInit, &c.NoUserGroup, &c.System
	u.Groups, u.UID = c.Groups, c.UID
	for _, key := range []string{
		"gecos", "groups", "homeDir", "noCreateHome", "noLogInit", "noUserGroup", "primaryGroup", "shell", "system", "uid",
	} {
		t.origins.Add(at.At(key), at.At("create", key))
	}
}
