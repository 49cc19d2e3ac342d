// Package sight is how operations see the block devices of a machine before they change
// anything. Live is the machine itself; an Inventory was captured on it, and answers the
// same questions elsewhere. Capture makes one.
//
// Nothing here changes anything. Answers about a device that is not there are errors
// whose cause is ErrNoDevice.
package sight

import (
	"context"
	"errors"

	"github.com/kindling-boot/kindling/internal/blockdev"
	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
	"github.com/kindling-boot/kindling/internal/run"
)

// ErrNoDevice reports a device that is not there.
var ErrNoDevice = errors.New("the device is not there")

// Sight answers what operations ask about block devices. Nodes are those of the kernel,
// such as /dev/vda3.
type Sight interface {
	// Node follows the links of a path. The error's cause is ErrNoDevice if it leads
	// nowhere.
	Node(device string) (string, error)
	// Disks are what people are told about when a device is missing.
	Disks() ([]Disk, error)
	// Size of a device and of its sectors, in bytes.
	Size(node string) (bytes int64, sector int, err error)
	// Table reads the partition table of a disk; errors are those of gpt.Read.
	Table(node string) (gpt.Table, error)
	// Partition is the node of a partition; "" if the kernel has none.
	Partition(node string, number int) string
	// Signature tells what is on a device.
	Signature(node string) (Signature, error)
	// Within tells what is in a part of a disk, where a partition may be one day; nothing if
	// nobody knows. All in bytes.
	Within(node string, at, size int64) (Signature, error)
	// LUKS reads the header of a volume; ErrNoLUKS if there is none.
	LUKS(node string) (LUKS, error)
	// IsIncomplete reports whether a file system is one whose making was never finished.
	IsIncomplete(node, format string) (bool, error)
	// Users are what holds a device, DiskUsers also what holds its partitions.
	Users(node string) ([]blockdev.User, error)
	DiskUsers(node string) ([]blockdev.User, error)
	// IsBusy reports whether the kernel says that the device is mounted, swap, or part of
	// another device.
	IsBusy(node string) (bool, error)
	// IsReadOnly reports whether the kernel takes no writes to a device.
	IsReadOnly(node string) bool
	// Holders are the devices that are made of a device, MadeOf those it is made of.
	Holders(node string) []Holder
	MadeOf(node string) []string
	// Member is what mdadm says about the superblock of a member of an array, nil if there
	// is none; Array what it says about one that runs, nil if it does not.
	Member(ctx context.Context, ask Ask, node string) (map[string]string, error)
	Array(ctx context.Context, ask Ask, device string) map[string]string
	// HasTPM reports whether the machine has a TPM 2.
	HasTPM() bool
	// CryptoQueues are the domains of CryptoExpress cards in CCA mode, such as 01.0005.
	CryptoQueues() []string
	// Find looks for a program; the error's cause is run.ErrMissing.
	Find(program string) error
	// IsHere reports whether the machine can be asked by running programs.
	IsHere() bool
}

// Ask runs a program that changes nothing, and returns what it wrote.
type Ask func(ctx context.Context, c run.Command) (string, error)

// Disk is a disk for people.
type Disk struct {
	Node      string `json:"node"`
	SizeBytes int64  `json:"sizeBytes"`
	Model     string `json:"model,omitempty"`
	Serial    string `json:"serial,omitempty"`
}

// Holder is a device that is made of another: an array, a volume.
type Holder struct {
	Node string `json:"node"`
	// Name that device-mapper has for it; empty for others.
	Name    string `json:"name,omitempty"`
	IsArray bool   `json:"array,omitempty"`
}

// Signature is what was found on a block device.
type Signature struct {
	// Format is the name of a file system, or of what else is there: crypto_LUKS,
	// linux_raid_member, gpt. Empty if there is nothing.
	Format string `json:"format"`
	Label  string `json:"label,omitempty"`
	UUID   string `json:"uuid,omitempty"`
	// Others are further formats that the device could be, as after a file system was made
	// on a disk that had another.
	Others []Signature `json:"others,omitempty"`
}
