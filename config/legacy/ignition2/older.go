package ignition2

import (
	"fmt"
	"reflect"

	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/types"
)

func typeOf(pointer any) reflect.Type { return reflect.TypeOf(pointer).Elem() }

// fromVersion1 brings a document of version 1 to the struct of spec 2: there, files
// stand in their file system, and their contents are text.
func (t *translation) fromVersion1(d *document1) {
	t.doc.accounts = d.accounts
	s := &t.doc.Storage
	s.Disks, s.Raid = d.Storage.Disks, d.Storage.Raid
	for i, f := range d.Storage.Filesystems {
		at := doc("storage", "filesystems", i)
		name := fmt.Sprintf("_translate-filesystem-%d", i)
		s.Filesystems = append(s.Filesystems, filesystem{
			Name: name, Mount: &mount{Device: f.Device, Format: f.Format, Create: f.Create},
		})
		t.source.Add(at.At("mount"), at)
		for j, g := range f.Files {
			to := doc("storage", "files", len(s.Files))
			t.source.Add(to, at.At("files", j))
			t.source.Add(to.At("contents", "source"), at.At("files", j, "contents"))
			t.source.Add(to.At("user", "id"), at.At("files", j, "uid"))
			t.source.Add(to.At("group", "id"), at.At("files", j, "gid"))
			text := dataurl.Escaped([]byte(g.Contents))
			n := node{Filesystem: name, Node: types.Node{Path: g.Path}}
			n.User.ID, n.Group.ID = &g.UID, &g.GID
			s.Files = append(s.Files, file{node: n, Mode: &g.Mode, Contents: types.Resource{Source: &text}})
		}
	}
}

// fillAbsent writes out what older versions of spec 2 take absent members for.
func (t *translation) fillAbsent() {
	s := &t.doc.Storage
	if t.version <= v21 {
		for i := range s.Files {
			fill(&s.Files[i].Mode)
		}
		for i := range s.Directories {
			fill(&s.Directories[i].Mode)
		}
	}
	if t.version <= v20 {
		for i := range s.Files {
			fill(&s.Files[i].User.ID)
			fill(&s.Files[i].Group.ID)
		}
	}
	if t.version <= v22 {
		for i := range s.Disks {
			for j := range s.Disks[i].Partitions {
				fill(&s.Disks[i].Partitions[j].Start)
				fill(&s.Disks[i].Partitions[j].Size)
			}
		}
	}
}

func fill[T any](p **T) {
	if *p == nil {
		*p = new(T)
	}
}
