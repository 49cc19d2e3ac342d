package lint

import (
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/types"
)

var (
	ruleSudoers = &diag.Rule{
		ID: "lint-sudoers", Why: "sudo skips files whose name has a dot or ends in ~, and refuses files that others than root may change: sudoers(5)",
		Help: "use mode 0440, owner root, and a name without a dot",
	}
	ruleSSHDConfig = &diag.Rule{
		ID: "lint-sshd-config", Why: "sshd reads files that end in .conf only, and who may write them may let anybody log in",
		Help: "name the file NN-what.conf, and use mode 0600 or 0644",
	}
	ruleCron = &diag.Rule{
		ID: "lint-cron", Why: "cron ignores tables that others than root may change or that are executable, and runs only scripts that are executable: cron(8)",
		Help: "use mode 0644 for a table, 0755 for a script, and owner root",
	}
	ruleConnection = &diag.Rule{
		ID: "lint-network-connection", Why: "NetworkManager ignores connections that others than root can read, for they hold passwords: nm-settings-keyfile(5)",
		Help: "use mode 0600 and owner root",
	}
	ruleSSHFiles = &diag.Rule{
		ID: "lint-ssh-files", Why: "sshd ignores keys that others may change or that the user cannot read: StrictModes of sshd_config(5)",
		Help: "set the owner to the user; use mode 0700 for .ssh and 0600 for files",
	}
)

const (
	othersWrite  = 0o022 // group or others
	anyExecute   = 0o111
	othersRead   = 0o004
	othersEnter  = 0o001
	ofOthers     = 0o077 // all rights of group and others
	fileDefault  = 0o644 // storage.files[].mode, storage.directories[].mode
	dirDefault   = 0o755
	permissions  = 0o777
	sudoersUsual = 0o440
)

// mode is the mode that a node gets.
func mode(given *int, usual int) int {
	if given == nil {
		return usual
	}
	return *given & permissions
}

// isRoot reports whether a node belongs to root.
func isRoot(o types.NodeOwner) bool {
	return (o.ID == nil || *o.ID == 0) && (o.Name == nil || *o.Name == "" || *o.Name == "root")
}

// node is a file or a directory to judge by its path, mode and owner.
type node struct {
	*types.Node
	mode  int
	given bool // the mode is given
	list  string
	index int
}

// at is the place of the mode, or of the path where it is not given.
func (l *linter) modeAt(n *node) place {
	if n.given {
		return l.value("storage", n.list, n.index, "mode")
	}
	return l.value("storage", n.list, n.index, "path")
}

func (l *linter) pathAt(n *node) place { return l.value("storage", n.list, n.index, "path") }

func (l *linter) ownerAt(n *node) place {
	if n.User != (types.NodeOwner{}) {
		return l.value("storage", n.list, n.index, "user")
	}
	return l.pathAt(n)
}

// access looks at files whose reader judges their mode, owner or name.
func (l *linter) access(n *node) {
	dir, name := path.Split(n.Path)
	switch {
	case dir == "/etc/sudoers.d/" || n.Path == "/etc/sudoers":
		if dir != "/etc/" && (strings.Contains(name, ".") || strings.HasSuffix(name, "~")) {
			l.warn(ruleSudoers, l.pathAt(n), "", "sudo skips %q because of its name", n.Path)
		}
		if n.mode != sudoersUsual && n.mode != 0o400 {
			l.warn(ruleSudoers, l.modeAt(n), "", "%q has mode %04o, not 0440", n.Path, n.mode)
		}
		if !isRoot(n.User) {
			l.warn(ruleSudoers, l.ownerAt(n), "", "%q does not belong to root", n.Path)
		}
	case dir == "/etc/ssh/sshd_config.d/" || n.Path == "/etc/ssh/sshd_config":
		if dir == "/etc/ssh/sshd_config.d/" && !strings.HasSuffix(name, ".conf") {
			l.warn(ruleSSHDConfig, l.pathAt(n), "", "sshd does not read %q: its name does not end in .conf", n.Path)
		}
		if n.mode&(othersWrite|anyExecute) != 0 {
			l.warn(ruleSSHDConfig, l.modeAt(n), "", "%q has mode %04o", n.Path, n.mode)
		}
	case dir == "/etc/cron.d/" || n.Path == "/etc/crontab":
		if n.mode&(othersWrite|anyExecute) != 0 || n.mode&0o400 == 0 {
			l.warn(ruleCron, l.modeAt(n), "", "cron ignores the table %q: it has mode %04o", n.Path, n.mode)
		}
		if !isRoot(n.User) {
			l.warn(ruleCron, l.ownerAt(n), "", "cron ignores the table %q: it does not belong to root", n.Path)
		}
	case dir == "/etc/cron.hourly/" || dir == "/etc/cron.daily/" || dir == "/etc/cron.weekly/" || dir == "/etc/cron.monthly/":
		if n.mode&0o100 == 0 {
			l.warn(ruleCron, l.modeAt(n), "", "cron does not run the script %q: it has mode %04o", n.Path, n.mode)
		}
	case dir == "/etc/NetworkManager/system-connections/":
		if n.mode&ofOthers != 0 {
			l.warn(ruleConnection, l.modeAt(n), "", "NetworkManager ignores %q: it has mode %04o", n.Path, n.mode)
		}
		if !isRoot(n.User) {
			l.warn(ruleConnection, l.ownerAt(n), "", "NetworkManager ignores %q: it does not belong to root", n.Path)
		}
	case strings.Contains(n.Path, "/.ssh/") || strings.HasSuffix(n.Path, "/.ssh"):
		l.sshFile(n)
	}
}

// sshFile looks at the directory .ssh of a user and at what is in it.
func (l *linter) sshFile(n *node) {
	home, _, _ := strings.Cut(n.Path, "/.ssh")
	if n.mode&othersWrite != 0 {
		l.warn(ruleSSHFiles, l.modeAt(n), "", "%q has mode %04o: others may write it", n.Path, n.mode)
	}
	ofUser := strings.HasPrefix(home, "/home/") || strings.HasPrefix(home, "/var/home/")
	if ofUser && isRoot(n.User) {
		l.warn(ruleSSHFiles, l.ownerAt(n), "", "%q is in the home directory of a user and belongs to root", n.Path)
	}
}
