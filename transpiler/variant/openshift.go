package variant

import (
	"net/url"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

// What the Machine Config Operator of a cluster does not take: it compares machines
// with their MachineConfig and repairs them, which is possible for some parts only.
// An Ignition config that never sees a cluster may have them.
var (
	ruleMCONode = &diag.Rule{
		ID: "openshift-node", Why: "the Machine Config Operator manages files and units only",
		Help: "put a file into the directory, and give it the contents itself",
	}
	ruleMCOGroup = &diag.Rule{
		ID: "openshift-group", Why: "the Machine Config Operator manages no groups", Help: "remove the groups",
	}
	ruleMCOUserField = &diag.Rule{
		ID: "openshift-user-field", Why: "the Machine Config Operator updates the SSH keys of the user core, and from 4.13 the password, but nothing else",
		Help: "remove the key",
	}
	ruleMCOAppend = &diag.Rule{
		ID: "openshift-append", Why: "the Machine Config Operator writes whole files; it cannot tell what a file had before",
		Help: "give the whole contents, or use a drop-in directory",
	}
	ruleMCOHeaders = &diag.Rule{
		ID: "openshift-headers", Why: "the Machine Config Operator fetches nothing: all contents are in the MachineConfig",
		Help: "embed the contents with inline or local",
	}
	ruleMCOCompression = &diag.Rule{
		ID: "openshift-compression", Why: "the Machine Config Operator unpacks contents from OpenShift 4.10 on",
		Help: "give the contents as they are, or raise the version",
	}
	ruleMCOKernelArguments = &diag.Rule{
		ID: "openshift-kernel-arguments", Why: "the Machine Config Operator keeps the kernel command line by a key of its own",
		Help: "use openshift.kernel_arguments",
	}
)

// mco13 is what no version takes.
var mco13 = forbid{
	{Path: "passwd.groups", Rule: ruleMCOGroup},
	{Path: "passwd.users[].gecos", Rule: ruleMCOUserField},
	{Path: "passwd.users[].groups", Rule: ruleMCOUserField},
	{Path: "passwd.users[].homeDir", Rule: ruleMCOUserField},
	{Path: "passwd.users[].noCreateHome", Rule: ruleMCOUserField},
	{Path: "passwd.users[].noLogInit", Rule: ruleMCOUserField},
	{Path: "passwd.users[].noUserGroup", Rule: ruleMCOUserField},
	{Path: "passwd.users[].primaryGroup", Rule: ruleMCOUserField},
	{Path: "passwd.users[].shell", Rule: ruleMCOUserField},
	{Path: "passwd.users[].shouldExist", Rule: ruleMCOUserField},
	{Path: "passwd.users[].system", Rule: ruleMCOUserField},
	{Path: "passwd.users[].uid", Rule: ruleMCOUserField},
	{Path: "storage.directories", Rule: ruleMCONode},
	{Path: "storage.files[].append", Rule: ruleMCOAppend},
	{Path: "storage.files[].contents.httpHeaders", Rule: ruleMCOHeaders},
	{Path: "storage.links", Rule: ruleMCONode},
}

// with returns a longer list.
func with[T any](list []T, more ...T) []T { return slices.Concat(list, more) }

// What machines of OpenShift do not take, in whatever way they get their config.
var (
	ruleOnlyCore = &diag.Rule{
		ID: "openshift-user", Why: "the machines of a cluster have the user core, and no others are managed",
		Help: "use the name core",
	}
	ruleFileSource = &diag.Rule{
		ID: "openshift-file-source", Why: "the Machine Config Operator fetches nothing: all contents of files are in the config",
		Help: "embed the contents with inline or local",
	}
	ruleFormat = &diag.Rule{
		ID: "openshift-format", Why: "RHEL CoreOS is not made for file systems of this format",
		Help: "use ext4, vfat or xfs, or swap",
	}
	ruleModeBits = &diag.Rule{
		ID: "openshift-mode", Why: "the Machine Config Operator keeps permissions only; setuid, setgid and sticky bits would be lost",
		Help: "keep the mode within 0777",
	}
)

func onlyCore(c *sugar.Ctx) {
	for i, u := range c.Config.Passwd.Users {
		at := source.Path{}.At("passwd", "users", i, "name")
		switch u.Name {
		case "core":
		case "":
			c.ErrorGenerated(ruleOnlyCore, at, "the user has no name")
		default:
			c.ErrorGenerated(ruleOnlyCore, at, "the user %q is not core", u.Name)
		}
	}
}

func embeddedFiles(c *sugar.Ctx) {
	for i := range c.Config.Storage.Files {
		if s := c.Config.Storage.Files[i].Contents.Source; s != nil && isFetched(*s) {
			c.ErrorGenerated(ruleFileSource, source.Path{}.At("storage", "files", i, "contents", "source"), "the contents of the file would have to be fetched")
		}
	}
}

// isFetched reports whether a source is a URL, and not that of data. What is no URL
// is reported by the rules of the spec.
func isFetched(address string) bool {
	if strings.HasPrefix(address, "data:") {
		return false
	}
	u, err := url.Parse(address)
	return err == nil && u.Scheme != "data"
}

// plainModes takes no special bits in the modes of files.
func plainModes(c *sugar.Ctx) {
	for i, f := range c.Config.Storage.Files {
		if f.Mode != nil && *f.Mode&^0o777 != 0 {
			c.ErrorGenerated(ruleModeBits, source.Path{}.At("storage", "files", i, "mode"), "mode %#o has more than the bits of permissions", *f.Mode)
		}
	}
}

// noFormats takes no file systems of some formats.
func noFormats(formats ...string) Check {
	return func(c *sugar.Ctx) {
		for i, f := range c.Config.Storage.Filesystems {
			if f.Format != nil && slices.Contains(formats, *f.Format) {
				c.ErrorGenerated(ruleFormat, source.Path{}.At("storage", "filesystems", i, "format"), "format %s is not possible on OpenShift", *f.Format)
			}
		}
	}
}

func machineConfig() Wrapper { return &MachineConfig{} }

// machineConfigFIPS chooses the cipher of volumes where FIPS is asked for, up to
// 4.19.0.
func machineConfigFIPS() Wrapper { return &MachineConfig{FIPSCipher: true} }
