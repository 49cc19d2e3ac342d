package ignition2

// Flavour is whose translation to follow. The zero Flavour follows none: it is the most
// lenient one that is still exact.
type Flavour uint8

// The flavours.
const (
	// Lenient accepts what either of the others accepts.
	Lenient Flavour = iota
	// CoreOS is the converter of Fedora CoreOS and OpenShift:
	// https://github.com/coreos/ign-converter
	CoreOS
	// Flatcar is the engine of Flatcar Container Linux.
	Flatcar
)

// ways are what differs between flavours.
type ways struct {
	// ownPaths gives file systems without a path in the map one below /tmp, or the one
	// of the OEM partition; otherwise they are refused.
	ownPaths bool
	// oemBtrfs makes the format of an OEM file system that is not wiped btrfs.
	oemBtrfs bool
	// create is what becomes of the create object of a mount.
	create createWay
	// userCreate uses the create object of a user; otherwise it is ignored.
	userCreate bool
	// networkdFiles writes networkd units as files; otherwise they are refused.
	networkdFiles bool
	// mergeUnits joins units of one name; otherwise they are refused.
	mergeUnits bool
	// linkPrefixes takes the path of a link for a plain text prefix of what may not
	// lie below it.
	linkPrefixes bool
	// oemScheme accepts sources of the scheme oem.
	oemScheme bool
	// undefinedIsRoot takes file systems that the config does not define for the root.
	undefinedIsRoot bool
	// exact says what the others leave out: partitions in sectors, a root file system to
	// make, file systems that are mounted already, several appends to one file.
	exact bool
}

// createWay is what becomes of the create object of a mount.
type createWay uint8

const (
	ignoreCreate createWay = iota
	forcedCreate           // only with force
	anyCreate
)

var flavours = [...]ways{
	Lenient: {
		ownPaths: true, create: anyCreate, userCreate: true, networkdFiles: true, mergeUnits: true, exact: true,
	},
	CoreOS: {linkPrefixes: true, undefinedIsRoot: true},
	Flatcar: {
		ownPaths: true, oemBtrfs: true, create: forcedCreate, userCreate: true, networkdFiles: true, mergeUnits: true,
		oemScheme: true, undefinedIsRoot: true,
	},
}
