package op

import (
	"fmt"
	"strconv"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// Owner is whose an entry will be. The zero Owner says nothing: new entries get the
// default, others keep theirs.
type Owner struct {
	User, Group types.NodeOwner
}

// Needs are the accounts that must exist first.
func (o Owner) Needs() []exec.Key {
	var keys []exec.Key
	if o.User.ID == nil && deref(o.User.Name) != "" {
		keys = append(keys, exec.UserKey(*o.User.Name))
	}
	if o.Group.ID == nil && deref(o.Group.Name) != "" {
		keys = append(keys, exec.GroupKey(*o.Group.Name))
	}
	return keys
}

// unsettled is an id that only a user or group to be made by the plan will have.
const unsettled = -2

// ids returns the numbers of the owner; sysroot.Keep for a half that is not given.
// Names that the plan will provide are unsettled until they exist.
func (o Owner) ids(env *exec.Env) (uid, gid int, err error) {
	if o == (Owner{}) {
		return sysroot.Keep, sysroot.Keep, nil
	}
	accounts, err := env.Accounts()
	if err != nil {
		return 0, 0, err
	}
	uid, err = number("user", o.User, env.Promises(exec.UserKey(deref(o.User.Name))), func(name string) (int, bool) {
		u, ok := accounts.User(name)
		return u.UID, ok
	})
	if err != nil {
		return 0, 0, err
	}
	gid, err = number("group", o.Group, env.Promises(exec.GroupKey(deref(o.Group.Name))), func(name string) (int, bool) {
		g, ok := accounts.Group(name)
		return g.GID, ok
	})
	return uid, gid, err
}

func number(what string, o types.NodeOwner, promised bool, find func(string) (int, bool)) (int, error) {
	name := deref(o.Name)
	switch {
	case o.ID != nil: // wins over the name
		return *o.ID, nil
	case name == "":
		return sysroot.Keep, nil
	}
	if id, ok := find(name); ok {
		return id, nil
	}
	if promised {
		return unsettled, nil
	}
	return 0, exec.WithHelp(fmt.Errorf("%s %q does not exist in the target", what, name),
		"create it in passwd, or give the number instead of the name")
}

// details words the owner.
func (o Owner) details() []string {
	var out []string
	for _, h := range []struct {
		what string
		o    types.NodeOwner
	}{{"user", o.User}, {"group", o.Group}} {
		switch {
		case h.o.ID != nil:
			out = append(out, h.what+" "+strconv.Itoa(*h.o.ID))
		case deref(h.o.Name) != "":
			out = append(out, h.what+" "+*h.o.Name)
		}
	}
	return out
}

// differ reports whether an id that is wanted, if one is, is not the one that is there.
func differ(wanted, is int) bool { return wanted != sysroot.Keep && wanted != is }
