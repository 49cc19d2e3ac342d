package sight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/blockdev"
	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
	"github.com/kindling-boot/kindling/internal/run"
)

// InventoryVersion is that of the form of inventories. Members that are added do not
// change it.
const InventoryVersion = 1

// Inventory is a machine as it was when somebody looked: what plans need to know of it,
// without secrets. docs/inventory.md explains every member.
type Inventory struct {
	// Version is InventoryVersion.
	Version int `json:"version"`
	// By is the version of this program, Kernel and Arch those of the machine.
	By     string `json:"by"`
	Kernel string `json:"kernel"`
	Arch   string `json:"arch"`
	// MemoryBytes is what the kernel has.
	MemoryBytes int64 `json:"memoryBytes"`
	TPM         bool  `json:"tpm2"`
	// Queues are the domains of CryptoExpress cards in CCA mode.
	Queues []string `json:"cryptoQueues,omitempty"`
	// Tools are the programs of the engine that are there.
	Tools []string `json:"tools"`
	// Devices are all block devices that have a size, by name.
	Devices []Device `json:"devices"`
	// UserAccounts and GroupAccounts are those of the root that was captured, without
	// passwords.
	UserAccounts  []User  `json:"users"`
	GroupAccounts []Group `json:"groups"`
}

// Device is a block device.
type Device struct {
	Disk
	// IsPartition tells that it is none for people to choose from.
	IsPartition bool `json:"partition,omitempty"`
	SectorSize  int  `json:"sectorSize"`
	// Aliases are links below /dev that lead to it.
	Aliases []string `json:"aliases,omitempty"`
	Table   *Table   `json:"table,omitempty"`
	// On is what is on it.
	On   Signature `json:"on"`
	LUKS *LUKS     `json:"luks,omitempty"`
	// Incomplete are the formats of which its file system is one that was never finished.
	Incomplete []string `json:"incomplete,omitempty"`
	// Users are what holds it, DiskUsers also what holds its partitions.
	Users     []HeldBy `json:"users,omitempty"`
	DiskUsers []HeldBy `json:"diskUsers,omitempty"`
	Busy      bool     `json:"busy,omitempty"`
	ReadOnly  bool     `json:"readOnly,omitempty"`
	Holders   []Holder `json:"holders,omitempty"`
	MadeOf    []string `json:"madeOf,omitempty"`
	// Member and Array are what mdadm --examine and --detail export.
	Member map[string]string `json:"raidMember,omitempty"`
	Array  map[string]string `json:"raidArray,omitempty"`
	// Problem is why it could not be read.
	Problem string `json:"problem,omitempty"`
}

// Table is a partition table: the partitions for people, and the sectors, from which the
// table is read again exactly as it is.
type Table struct {
	Partitions []Partition `json:"partitions"`
	Sectors    []Bytes     `json:"sectors"`
}

// Partition is an entry of a table.
type Partition struct {
	Number int    `json:"number"`
	Node   string `json:"node,omitempty"`
	Label  string `json:"label,omitempty"`
	GUID   string `json:"guid"`
	Type   string `json:"type"`
	// Start and Size are in bytes.
	Start uint64 `json:"startBytes"`
	Size  uint64 `json:"sizeBytes"`
}

// Bytes are some that are not zero, in base64.
type Bytes struct {
	At   int64  `json:"at"`
	Data []byte `json:"data"`
}

// HeldBy is what holds a device: mounted at /boot.
type HeldBy struct {
	Node   string `json:"node"`
	Number int    `json:"number,omitempty"`
	By     string `json:"by"`
}

// User is an account.
type User struct {
	Name  string `json:"name"`
	UID   int    `json:"uid"`
	GID   int    `json:"gid"`
	Home  string `json:"home"`
	Shell string `json:"shell"`
}

// Group is a group of accounts.
type Group struct {
	Name    string   `json:"name"`
	GID     int      `json:"gid"`
	Members []string `json:"members,omitempty"`
}

// maxInventory bounds what is read, in bytes.
const maxInventory = 64 << 20

// ReadInventory reads a file that Capture and an encoder wrote. Errors name the file.
func ReadInventory(name string) (*Inventory, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read inventory: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(io.LimitReader(f, maxInventory+1))
	if err != nil {
		return nil, fmt.Errorf("read inventory: %w", err)
	}
	if len(data) > maxInventory {
		return nil, fmt.Errorf("read inventory %s: it has more than %d bytes", name, maxInventory)
	}
	inv, err := ParseInventory(data)
	if err != nil {
		return nil, fmt.Errorf("read inventory %s: %w", name, err)
	}
	return inv, nil
}

// ParseInventory reads the form that Capture's result has in JSON.
func ParseInventory(data []byte) (*Inventory, error) {
	var inv Inventory
	if err := json.Unmarshal(data, &inv); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("it is no JSON: %w, at byte %d", err, syntax.Offset)
		}
		return nil, err
	}
	switch {
	case inv.Version == 0:
		return nil, errors.New("it is no inventory: it has no version; ignition inventory writes one")
	case inv.Version != InventoryVersion:
		return nil, fmt.Errorf("its version is %d, this program knows %d", inv.Version, InventoryVersion)
	}
	return &inv, nil
}

func (inv *Inventory) device(node string) *Device {
	for i := range inv.Devices {
		if inv.Devices[i].Node == node {
			return &inv.Devices[i]
		}
	}
	return nil
}

// at is a device that can be read.
func (inv *Inventory) at(node string) (*Device, error) {
	d := inv.device(node)
	switch {
	case d == nil:
		return nil, ErrNoDevice
	case d.Problem != "":
		return nil, errors.New(d.Problem)
	}
	return d, nil
}

// Node implements Sight.
func (inv *Inventory) Node(device string) (string, error) {
	clean := path.Clean(device)
	for i := range inv.Devices {
		if d := &inv.Devices[i]; d.Node == clean || slices.Contains(d.Aliases, clean) {
			return d.Node, nil
		}
	}
	return "", ErrNoDevice
}

// Disks implements Sight.
func (inv *Inventory) Disks() ([]Disk, error) {
	var out []Disk
	for i := range inv.Devices {
		if !inv.Devices[i].IsPartition {
			out = append(out, inv.Devices[i].Disk)
		}
	}
	return out, nil
}

// Size implements Sight.
func (inv *Inventory) Size(node string) (bytes int64, sector int, err error) {
	d, err := inv.at(node)
	if err != nil {
		return 0, 0, err
	}
	return d.SizeBytes, d.SectorSize, nil
}

// Table implements Sight.
func (inv *Inventory) Table(node string) (gpt.Table, error) {
	d, err := inv.at(node)
	if err != nil {
		return gpt.Table{}, err
	}
	return d.readTable()
}

func (d *Device) readTable() (gpt.Table, error) {
	var all []Bytes
	if d.Table != nil {
		all = d.Table.Sectors
	}
	return gpt.Read(replay(all), d.SizeBytes, d.SectorSize)
}

// Partition implements Sight.
func (inv *Inventory) Partition(node string, number int) string {
	if d := inv.device(node); d != nil && d.Table != nil {
		for _, p := range d.Table.Partitions {
			if p.Number == number {
				return p.Node
			}
		}
	}
	return ""
}

// Signature implements Sight.
func (inv *Inventory) Signature(node string) (Signature, error) {
	d, err := inv.at(node)
	if err != nil {
		return Signature{}, err
	}
	return d.On, nil
}

// Within implements Sight. Only partitions that were there are known.
func (inv *Inventory) Within(node string, at, size int64) (Signature, error) {
	d := inv.device(node)
	if d == nil || d.Table == nil {
		return Signature{}, nil
	}
	for _, p := range d.Table.Partitions {
		if p.Node != "" && p.Start == uint64(at) && p.Size == uint64(size) {
			return inv.Signature(p.Node)
		}
	}
	return Signature{}, nil
}

// LUKS implements Sight.
func (inv *Inventory) LUKS(node string) (LUKS, error) {
	d, err := inv.at(node)
	switch {
	case err != nil:
		return LUKS{}, err
	case d.LUKS == nil:
		return LUKS{}, ErrNoLUKS
	}
	return *d.LUKS, nil
}

// IsIncomplete implements Sight.
func (inv *Inventory) IsIncomplete(node, format string) (bool, error) {
	d, err := inv.at(node)
	return err == nil && slices.Contains(d.Incomplete, format), err
}

// Users implements Sight.
func (inv *Inventory) Users(node string) ([]blockdev.User, error) {
	d, err := inv.at(node)
	if err != nil {
		return nil, err
	}
	return users(d.Users), nil
}

// DiskUsers implements Sight.
func (inv *Inventory) DiskUsers(node string) ([]blockdev.User, error) {
	d, err := inv.at(node)
	if err != nil {
		return nil, err
	}
	return users(d.DiskUsers), nil
}

func users(all []HeldBy) []blockdev.User {
	var out []blockdev.User
	for _, h := range all {
		out = append(out, blockdev.User{Node: blockdev.Node{Path: h.Node}, Number: h.Number, By: h.By})
	}
	return out
}

// IsBusy implements Sight.
func (inv *Inventory) IsBusy(node string) (bool, error) {
	d, err := inv.at(node)
	return err == nil && d.Busy, err
}

// IsReadOnly implements Sight.
func (inv *Inventory) IsReadOnly(node string) bool {
	d := inv.device(node)
	return d != nil && d.ReadOnly
}

// Holders implements Sight.
func (inv *Inventory) Holders(node string) []Holder {
	if d := inv.device(node); d != nil {
		return d.Holders
	}
	return nil
}

// MadeOf implements Sight.
func (inv *Inventory) MadeOf(node string) []string {
	if d := inv.device(node); d != nil {
		return d.MadeOf
	}
	return nil
}

// Member implements Sight.
func (inv *Inventory) Member(_ context.Context, _ Ask, node string) (map[string]string, error) {
	d, err := inv.at(node)
	if err != nil {
		return nil, err
	}
	return d.Member, nil
}

// Array implements Sight.
func (inv *Inventory) Array(_ context.Context, _ Ask, device string) map[string]string {
	node, err := inv.Node(device)
	if err != nil {
		return nil
	}
	return inv.device(node).Array
}

// HasTPM implements Sight.
func (inv *Inventory) HasTPM() bool { return inv.TPM }

// CryptoQueues implements Sight.
func (inv *Inventory) CryptoQueues() []string { return inv.Queues }

// Find implements Sight.
func (inv *Inventory) Find(program string) error {
	if slices.Contains(inv.Tools, program) {
		return nil
	}
	return fmt.Errorf("find %s: %w", program, run.ErrMissing)
}

// IsHere implements Sight.
func (inv *Inventory) IsHere() bool { return false }

// replay reads captured bytes; everything else is zero.
type replay []Bytes

// ReadAt implements io.ReaderAt.
func (r replay) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	for _, b := range r {
		from, to := max(at, b.At), min(at+int64(len(p)), b.At+int64(len(b.Data)))
		if from < to {
			copy(p[from-at:to-at], b.Data[from-b.At:])
		}
	}
	return len(p), nil
}
