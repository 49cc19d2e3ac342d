package sysroot

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The account files of a target: passwd(5), shadow(5), group(5), gshadow(5).
const (
	PasswdFile  = "/etc/passwd"
	ShadowFile  = "/etc/shadow"
	GroupFile   = "/etc/group"
	GshadowFile = "/etc/gshadow"
)

// maxAccountFile bounds each of them, in bytes.
const maxAccountFile = 64 << 20

// User is a line of passwd(5), with the password of shadow(5).
type User struct {
	Name     string
	UID, GID int
	Gecos    string
	Home     string
	Shell    string
	// Hash is the encrypted password; it is secret.
	Hash string
	// HasShadow reports a line in shadow(5).
	HasShadow bool
}

// Group is a line of group(5), with the password of gshadow(5).
type Group struct {
	Name    string
	GID     int
	Members []string
	// Hash is the encrypted password; it is secret.
	Hash string
}

// Accounts are the users and groups of a target. The zero value has none.
type Accounts struct {
	users  map[string]User
	groups map[string]Group
	// HasShadow reports that the target keeps passwords in shadow(5).
	HasShadow bool
}

// All returns every user and every group, by name.
func (a Accounts) All() (users []User, groups []Group) {
	for _, name := range slices.Sorted(maps.Keys(a.users)) {
		users = append(users, a.users[name])
	}
	for _, name := range slices.Sorted(maps.Keys(a.groups)) {
		groups = append(groups, a.groups[name])
	}
	return users, groups
}

// User returns a user by name.
func (a Accounts) User(name string) (User, bool) {
	u, ok := a.users[name]
	return u, ok
}

// Group returns a group by name.
func (a Accounts) Group(name string) (Group, bool) {
	g, ok := a.groups[name]
	return g, ok
}

// GroupName returns the name of a group by number; the number itself if it has none.
func (a Accounts) GroupName(gid int) string {
	name := ""
	for _, g := range a.groups {
		if g.GID == gid && (name == "" || g.Name < name) {
			name = g.Name
		}
	}
	if name == "" {
		return strconv.Itoa(gid)
	}
	return name
}

// SupplementaryGroups returns the groups that list the user as a member.
func (a Accounts) SupplementaryGroups(user string) map[string]bool {
	in := map[string]bool{}
	for _, g := range a.groups {
		for _, m := range g.Members {
			if m == user {
				in[g.Name] = true
			}
		}
	}
	return in
}

// Accounts reads the users and groups of the target. Systems that split them keep
// those of the vendor in /usr/lib (nss-altfiles); the ones in /etc come first.
// Missing files are empty ones, and lines that cannot be read are left out, as the
// C library does.
func (r *Root) Accounts() (Accounts, error) {
	a := Accounts{users: map[string]User{}, groups: map[string]Group{}}
	passwd := []string{PasswdFile}
	group := []string{GroupFile}
	if switches, err := r.lines("/etc/nsswitch.conf"); err != nil {
		return a, err
	} else if usesAltfiles(switches) {
		passwd = append(passwd, "/usr/lib/passwd")
		group = append(group, "/usr/lib/group")
	}
	if err := r.eachRecord(passwd, 7, a.addUser); err != nil {
		return a, err
	}
	if err := r.eachRecord(group, 4, a.addGroup); err != nil {
		return a, err
	}
	info, err := r.Lstat(ShadowFile)
	if err != nil {
		return a, err
	}
	a.HasShadow = info.Kind != Absent
	if err := r.eachRecord([]string{ShadowFile}, 2, func(f []string) {
		if u, ok := a.users[f[0]]; ok {
			u.Hash, u.HasShadow = f[1], true
			a.users[f[0]] = u
		}
	}); err != nil {
		return a, err
	}
	return a, r.eachRecord([]string{GshadowFile}, 2, func(f []string) {
		if g, ok := a.groups[f[0]]; ok {
			g.Hash = f[1]
			a.groups[f[0]] = g
		}
	})
}

func usesAltfiles(switches []string) bool {
	for _, l := range switches {
		if database, sources, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(database) == "passwd" {
			return strings.Contains(sources, "altfiles")
		}
	}
	return false
}

func (a Accounts) addUser(f []string) {
	uid, err1 := strconv.Atoi(f[2])
	gid, err2 := strconv.Atoi(f[3])
	if _, known := a.users[f[0]]; known || err1 != nil || err2 != nil {
		return
	}
	a.users[f[0]] = User{Name: f[0], UID: uid, GID: gid, Gecos: f[4], Home: f[5], Shell: f[6], Hash: f[1]}
}

func (a Accounts) addGroup(f []string) {
	gid, err := strconv.Atoi(f[2])
	if _, known := a.groups[f[0]]; known || err != nil {
		return
	}
	g := Group{Name: f[0], GID: gid, Hash: f[1]}
	if f[3] != "" {
		g.Members = strings.Split(f[3], ",")
	}
	a.groups[f[0]] = g
}

// eachRecord visits the lines of files that have at least the given number of
// fields, and a name.
func (r *Root) eachRecord(files []string, fields int, visit func([]string)) error {
	for _, name := range files {
		lines, err := r.lines(name)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if f := strings.Split(l, ":"); len(f) >= fields && f[0] != "" {
				visit(f)
			}
		}
	}
	return nil
}

// lines returns the lines of a file; none if it is not there.
func (r *Root) lines(name string) ([]string, error) {
	data, err := r.ReadFile(name, maxAccountFile)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return strings.Split(string(data), "\n"), nil
}

// SetField replaces one field of the record of a name in an account file, which is
// written anew in one step, with the owner, mode and labels it has. It reports false
// when the file has no such record. Programs that change the file at the same time
// are not waited for.
func (r *Root) SetField(file, name string, field int, value string) (bool, error) {
	data, err := r.ReadFile(file, maxAccountFile)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	found := false
	for i, l := range lines {
		text, feed := strings.CutSuffix(string(l), "\n")
		f := strings.Split(text, ":")
		if f[0] != name || len(f) <= field {
			continue
		}
		if f[field] == value {
			return true, nil
		}
		f[field] = value
		text = strings.Join(f, ":")
		if feed {
			text += "\n"
		}
		lines[i], found = []byte(text), true
		break
	}
	if !found {
		return false, nil
	}
	return true, r.rewrite(file, bytes.Join(lines, nil))
}

// rewrite replaces the content of a file in one step and keeps the rest.
func (r *Root) rewrite(file string, data []byte) (err error) {
	resolved, err := r.Follow(file)
	if err != nil {
		return err
	}
	e, err := r.Entry(resolved)
	if err != nil {
		return err
	}
	defer e.Close()
	info, err := e.Lstat()
	if err != nil {
		return err
	}
	return e.PutFile(data, true, func(s *Staged) error {
		if err := s.CopyAttributes(e); err != nil {
			return err
		}
		if err := s.Chown(info.UID, info.GID); err != nil {
			return err
		}
		return s.Chmod(info.Mode)
	})
}
