package sight

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/blockdev"
	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
	"github.com/kindling-boot/kindling/internal/sysroot"
	"github.com/kindling-boot/kindling/version"
)

// Capture looks at this machine, and at the accounts of a root. Tools are the programs to
// look for. What cannot be read is part of the inventory; an error means that the machine
// has no sysfs, or that the accounts cannot be read.
func Capture(ctx context.Context, ask Ask, root *sysroot.Root, tools []string) (*Inventory, error) {
	live := &Live{}
	inv := &Inventory{Version: InventoryVersion, By: version.String, Arch: runtime.GOARCH, TPM: live.HasTPM(), Queues: live.CryptoQueues()}
	var uname unix.Utsname
	if unix.Uname(&uname) == nil {
		inv.Kernel = unix.ByteSliceToString(uname.Release[:])
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		inv.MemoryBytes = int64(info.Totalram) * int64(info.Unit)
	}
	for _, t := range tools {
		if live.Find(t) == nil {
			inv.Tools = append(inv.Tools, t)
		}
	}
	names, err := live.blockNames()
	if err != nil {
		return nil, err
	}
	links := aliases(live)
	for _, n := range names {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		inv.Devices = append(inv.Devices, live.capture(ctx, ask, n, links))
	}
	accounts, err := root.Accounts()
	if err != nil {
		return nil, err
	}
	users, groups := accounts.All()
	for _, u := range users {
		inv.UserAccounts = append(inv.UserAccounts, User{Name: u.Name, UID: u.UID, GID: u.GID, Home: u.Home, Shell: u.Shell})
	}
	for _, g := range groups {
		inv.GroupAccounts = append(inv.GroupAccounts, Group{Name: g.Name, GID: g.GID, Members: g.Members})
	}
	return inv, nil
}

// aliases are the links below /dev to block devices, by node. The directories are those
// that rules of udev fill.
func aliases(live *Live) map[string][]string {
	out := map[string][]string{}
	for _, dir := range []string{"/dev/disk", "/dev/mapper", "/dev/md", "/dev"} {
		_ = filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return nil //nolint:nilerr // a directory that is not there has no links
			case e.IsDir() && dir == "/dev" && name != dir:
				return fs.SkipDir
			case e.Type()&fs.ModeSymlink == 0:
				return nil
			}
			if node, err := live.Node(name); err == nil {
				out[node] = append(out[node], name)
			}
			return nil
		})
	}
	// mdadm and dmsetup make nodes instead of links where udev does not run
	for _, dir := range []string{"/dev/mapper", "/dev/md"} {
		nodes, _ := filepath.Glob(dir + "/*")
		for _, n := range nodes {
			resolved, err := live.host.Resolve(n)
			if err == nil && resolved.Path == n && blockdev.PathOf(resolved.Name) != n {
				out[blockdev.PathOf(resolved.Name)] = append(out[blockdev.PathOf(resolved.Name)], n)
			}
		}
	}
	return out
}

// capture looks at one device.
func (l *Live) capture(ctx context.Context, ask Ask, name string, links map[string][]string) Device {
	node := blockdev.PathOf(name)
	d := Device{Disk: l.diskOf(name), IsPartition: l.host.Attribute(name, "partition") != "", Aliases: links[node], MadeOf: l.MadeOf(node), Holders: l.Holders(node)}
	fail := func(err error) Device {
		d.Problem = err.Error()
		return d
	}
	size, sector, err := l.Size(node)
	if err != nil {
		return fail(err)
	}
	d.SizeBytes, d.SectorSize = size, sector
	if d.Table, err = l.captureTable(node); err != nil {
		return fail(err)
	}
	if d.On, err = l.Signature(node); err != nil {
		return fail(err)
	}
	if h, err := l.LUKS(node); err == nil {
		d.LUKS = &h
	} else if !errors.Is(err, ErrNoLUKS) {
		return fail(err)
	}
	for format := range incomplete {
		if d.On.Format != format {
			continue
		}
		is, err := l.IsIncomplete(node, format)
		if err != nil {
			return fail(err)
		}
		if is {
			d.Incomplete = append(d.Incomplete, format)
		}
	}
	d.ReadOnly = l.IsReadOnly(node)
	if d.Busy, err = l.IsBusy(node); err != nil {
		return fail(err)
	}
	users, err := l.Users(node)
	if err != nil {
		return fail(err)
	}
	d.Users = heldBy(users)
	if users, err = l.DiskUsers(node); err != nil {
		return fail(err)
	}
	d.DiskUsers = heldBy(users)
	if l.Find(mdadm) != nil {
		return d
	}
	if d.On.Format == "linux_raid_member" {
		if d.Member, err = l.Member(ctx, ask, node); err != nil {
			return fail(err)
		}
	}
	if strings.HasPrefix(name, "md") {
		d.Array = l.Array(ctx, ask, node)
	}
	return d
}

func heldBy(users []blockdev.User) []HeldBy {
	var out []HeldBy
	for _, u := range users {
		out = append(out, HeldBy{Node: u.Node.Path, Number: u.Number, By: u.By})
	}
	return out
}

// captureTable remembers what the reader of tables reads. Without a table there is
// nothing to remember: the first sectors are somebody's data.
func (l *Live) captureTable(node string) (*Table, error) {
	d, err := l.host.Open(node, blockdev.Reading, 0)
	if err != nil {
		return nil, err
	}
	defer d.File.Close() //nolint:errcheck // read only
	r := recorder{from: d.File}
	t, err := gpt.Read(&r, d.SizeBytes, d.SectorSize)
	var corrupt *gpt.CorruptError
	switch {
	case errors.Is(err, gpt.ErrNone):
		return nil, nil
	case err == nil, errors.Is(err, gpt.ErrMBR), errors.As(err, &corrupt):
	default:
		return nil, err
	}
	table := &Table{Sectors: r.seen, Partitions: []Partition{}}
	for _, p := range t.Partitions() {
		size := uint64(d.SectorSize)
		table.Partitions = append(table.Partitions, Partition{
			Number: p.Number, Node: l.Partition(node, p.Number), Label: p.Label, GUID: p.GUID.String(), Type: p.Type.String(),
			Start: p.First * size, Size: p.Sectors() * size,
		})
	}
	return table, nil
}

// recorder keeps what is read, without the zeros at its end.
type recorder struct {
	from io.ReaderAt
	seen []Bytes
}

// ReadAt implements io.ReaderAt.
func (r *recorder) ReadAt(p []byte, at int64) (int, error) {
	n, err := r.from.ReadAt(p, at)
	if data := bytes.TrimRight(p[:n], "\x00"); len(data) > 0 {
		r.seen = append(r.seen, Bytes{At: at, Data: bytes.Clone(data)})
	}
	return n, err
}
