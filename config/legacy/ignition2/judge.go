package ignition2

import (
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/config/unitfile"
)

// judge reports what the specs before 3.0.0 do not allow, as far as spec 3 would not
// report it as well.
func (t *translation) judge() {
	for i := range t.doc.Storage.Disks {
		t.judgePartitions(i)
	}
	for i, f := range t.doc.Storage.Filesystems {
		switch at := doc("storage", "filesystems", i); {
		case f.Mount == nil && f.Path == nil:
			t.errorf(at, "give the device as mount, or the path where it is mounted already", "the file system has neither mount nor path")
		case f.Mount != nil && f.Mount.Format == "":
			t.errorf(at.At("mount"), "give the format: ext4, btrfs, xfs, vfat or swap", "the file system has no format")
		case f.Mount != nil && f.Path != nil:
			t.errorf(at.At("path"), "remove the path", "the file system has both mount and path")
		}
	}
	t.eachNode(func(at source.Path, n *node) {
		if n.Filesystem == "" {
			t.errorf(at, `write "filesystem": "root"`, "no file system is named")
		}
		if n.Path != "" && !path.IsAbs(n.Path) {
			t.errorf(at.At("path"), "start the path with /", "path %q is not absolute", n.Path)
		}
		if n.Path == "" {
			t.errorf(at, "give an absolute path", "no path given")
		}
	})
	for i, f := range t.doc.Storage.Files {
		if f.Append && f.Overwrite != nil && *f.Overwrite {
			t.errorf(doc("storage", "files", i, "overwrite"), "remove one of the two", "a file cannot be overwritten and appended to")
		}
		t.judgeHash(doc("storage", "files", i, "contents"), f.Contents)
	}
	for i, r := range t.doc.Ignition.Config.Append {
		t.judgeHash(doc("ignition", "config", "append", i), r)
	}
	if r := t.doc.Ignition.Config.Replace; r != nil {
		t.judgeHash(doc("ignition", "config", "replace"), *r)
	}
	for i, r := range t.doc.Ignition.Security.TLS.CertificateAuthorities {
		t.judgeHash(doc("ignition", "security", "tls", "certificateAuthorities", i), r)
	}
	for i := range t.doc.Passwd.Users {
		t.judgeUser(i)
	}
	for i := range t.doc.Networkd.Units {
		t.judgeNetworkd(i)
	}
}

// sectorsPerMiB is for devices with logical sectors of 512 bytes, which is what nearly
// all have; partitions have always had to be aligned as if there were no others.
const sectorsPerMiB = 1 << 20 / 512

func (t *translation) judgePartitions(disk int) {
	for i, p := range t.doc.Storage.Disks[disk].Partitions {
		at := doc("storage", "disks", disk, "partitions", i)
		if p.Start != nil && *p.Start%sectorsPerMiB != 0 {
			t.errorf(at.At("start"), "start the partition at a multiple of 2048 sectors", "the partition does not start at a full MiB")
		}
		if (p.Start != nil || p.Size != nil) && (p.StartMiB != nil || p.SizeMiB != nil) && t.version >= v23 {
			t.errorf(at, "write startMiB and sizeMiB", "the partition has places in sectors and in MiB")
		}
	}
}

// judgeHash reports hashes of functions that the specs before 3.0.0 do not know.
func (t *translation) judgeHash(at source.Path, r types.Resource) {
	if h := r.Verification.Hash; h != nil && !strings.HasPrefix(*h, "sha512-") {
		t.errorf(at.At("verification", "hash"), "write sha512- and the digest in hex", "the hash is not a sha512 one")
	}
}

func (t *translation) judgeUser(i int) {
	u, at := t.doc.Passwd.Users[i], doc("passwd", "users", i)
	if u.Create == nil {
		return
	}
	for _, k := range []struct {
		key   string
		given bool
	}{
		{"gecos", u.Gecos != nil && *u.Gecos != ""},
		{"groups", len(u.Groups) > 0},
		{"homeDir", u.HomeDir != nil && *u.HomeDir != ""},
		{"noCreateHome", isTrue(u.NoCreateHome)},
		{"noLogInit", isTrue(u.NoLogInit)},
		{"noUserGroup", isTrue(u.NoUserGroup)},
		{"primaryGroup", u.PrimaryGroup != nil && *u.PrimaryGroup != ""},
		{"shell", u.Shell != nil && *u.Shell != ""},
		{"system", isTrue(u.System)},
		{"uid", u.UID != nil},
	} {
		if k.given {
			t.errorf(at.At(k.key), "move what is in create beside it, and remove create", "the user has %s and a create object", k.key)
		}
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

func (t *translation) judgeNetworkd(i int) {
	u, at := t.doc.Networkd.Units[i], doc("networkd", "units", i)
	switch path.Ext(u.Name) {
	case ".link", ".netdev", ".network":
	default:
		t.errorf(at.At("name"), "end the name in .link, .netdev or .network", "%q is no name of a networkd unit", u.Name)
	}
	if _, err := unitfile.Parse(u.Contents); err != nil {
		t.errorf(at.At("contents"), "a unit has [SECTION] lines and NAME=VALUE lines below them", "the networkd unit cannot be parsed: %v", err)
	}
	for j, d := range u.Dropins {
		at := at.At("dropins", j)
		if path.Ext(d.Name) != ".conf" {
			t.errorf(at.At("name"), "name the drop-in NN-what.conf", "the drop-in name %q does not end in .conf", d.Name)
		}
		if d.Contents == nil {
			continue
		}
		if _, err := unitfile.Parse(*d.Contents); err != nil {
			t.errorf(at.At("contents"), "a drop-in has [SECTION] lines and NAME=VALUE lines below them", "the drop-in cannot be parsed: %v", err)
		}
	}
}

// eachNode visits the files, directories and links of the document.
func (t *translation) eachNode(visit func(at source.Path, n *node)) {
	s := &t.doc.Storage
	for i := range s.Files {
		visit(doc("storage", "files", i), &s.Files[i].node)
	}
	for i := range s.Directories {
		visit(doc("storage", "directories", i), &s.Directories[i].node)
	}
	for i := range s.Links {
		visit(doc("storage", "links", i), &s.Links[i].node)
	}
}
