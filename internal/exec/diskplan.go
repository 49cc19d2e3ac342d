package exec

// DiskPlan is the partition table of a disk, as it is and as it will be, to be drawn.
type DiskPlan struct {
	// Device as the config names it, and Node as the kernel does.
	Device, Node string
	SizeBytes    uint64
	SectorSize   int
	// Before and After are the partitions in the order of their places. HadTable tells that
	// there is a table now, Holds what else is on the disk as a whole.
	Before, After []Slot
	HadTable      bool
	Holds         string
}

// Slot is a partition on a disk.
type Slot struct {
	Number int
	Label  string
	// Start and Size are in bytes.
	Start, Size uint64
	// Verb is what happens to it: keep, resize, create, or WIPE if its data is lost.
	Verb string
	// Holds is what is in it now: ext4 labelled "root".
	Holds string
}

// The verbs of slots.
const (
	VerbKeep   = "keep"
	VerbResize = "resize"
	VerbCreate = "create"
	VerbWipe   = "WIPE"
)
