package stage

import (
	"fmt"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/op"
)

// planAccounts plans groups, then users, one after another in the order of the
// config: the numbers they get depend on it, and the programs lock the files anyway.
func planAccounts(in *Input) []exec.Operation {
	var ops []exec.Operation
	step := 0
	turn := func(n int) exec.Key { return exec.MilestoneKey(fmt.Sprintf("account %d", n)) }
	inTurn := func(d *exec.Description) exec.Description {
		d.Needs = append(d.Needs, turn(step))
		step++
		d.Provides = append(d.Provides, turn(step), exec.MilestoneKey(accountsDone))
		return *d
	}
	for i := range in.Config.Passwd.Groups {
		g := &in.Config.Passwd.Groups[i]
		d := exec.Description{
			Kind: "group", Target: g.Name, Step: "ensureGroups",
			Doing:   fmt.Sprintf("creating or modifying group %q", g.Name),
			AskedBy: in.origin("passwd", "groups", i),
		}
		if isAbsent(g.ShouldExist) {
			d.Doing = fmt.Sprintf("deleting group %q", g.Name)
		} else {
			d.Provides = []exec.Key{exec.GroupKey(g.Name)}
		}
		ops = append(ops, &op.Group{About: inTurn(&d), Want: *g})
	}
	for i := range in.Config.Passwd.Users {
		u := &in.Config.Passwd.Users[i]
		d := exec.Description{
			Kind: "user", Target: u.Name, Step: "ensureUsers",
			Doing:   fmt.Sprintf("creating or modifying user %q", u.Name),
			AskedBy: in.origin("passwd", "users", i),
		}
		if isAbsent(u.ShouldExist) {
			d.Doing = fmt.Sprintf("deleting user %q", u.Name)
			ops = append(ops, &op.User{About: inTurn(&d), Want: *u})
			continue
		}
		d.Provides = []exec.Key{exec.UserKey(u.Name)}
		if u.NoUserGroup == nil || !*u.NoUserGroup {
			d.Provides = append(d.Provides, exec.GroupKey(u.Name)) // useradd makes it
		}
		ops = append(ops, &op.User{About: inTurn(&d), Want: *u})
		ops = append(ops, planHomes(in, i, u)...)
		if len(u.SSHAuthorizedKeys) == 0 {
			continue
		}
		ops = append(ops, &op.SSHKeys{
			About: exec.Description{
				Kind: "ssh keys", Target: u.Name, Step: "ensureUsers",
				Doing:    fmt.Sprintf("adding ssh keys to user %q", u.Name),
				AskedBy:  in.origin("passwd", "users", i, "sshAuthorizedKeys"),
				Needs:    []exec.Key{exec.UserKey(u.Name), homesKey(u.Name)},
				Provides: []exec.Key{exec.MilestoneKey(accountsDone)},
			},
			User: u.Name, Home: op.UserHome(u), Keys: u.SSHAuthorizedKeys, Fragment: in.KeysFragment,
		})
	}
	return ops
}

func homesKey(user string) exec.Key { return exec.MilestoneKey("home of " + user) }

// planHomes hands what the mount stage has made in a home to its user.
func planHomes(in *Input, i int, u *types.PasswdUser) []exec.Operation {
	notated := in.State.Notated()
	if len(notated) == 0 || u.NoCreateHome != nil && *u.NoCreateHome {
		return nil
	}
	return []exec.Operation{&op.Homes{
		About: exec.Description{
			Kind: "home", Target: u.Name, Step: "ensureUsers",
			Doing:    fmt.Sprintf("handing mount points in the home of %q to the user", u.Name),
			AskedBy:  in.origin("passwd", "users", i),
			Needs:    []exec.Key{exec.UserKey(u.Name)},
			Provides: []exec.Key{homesKey(u.Name), exec.MilestoneKey(accountsDone)},
		},
		User: u.Name, Home: op.UserHome(u), Notated: notated,
	}}
}

func isAbsent(shouldExist *bool) bool { return shouldExist != nil && !*shouldExist }
