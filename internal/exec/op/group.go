package op

import (
	"context"
	"fmt"
	"strconv"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// Group is a group account.
type Group struct {
	About exec.Description
	Want  types.PasswdGroup
}

// Describe implements exec.Operation.
func (o *Group) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Group) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	finding, err := o.inspect(env)
	if err != nil || finding.Action == exec.Keep {
		return finding, err
	}
	if err := env.CheckWritable(sysroot.GroupFile); err != nil {
		return finding, err
	}
	tool := map[exec.Action]string{exec.Create: groupaddCmd, exec.Change: groupmodCmd, exec.Delete: groupdelCmd}[finding.Action]
	return finding, needTool(env, tool)
}

func (o *Group) inspect(env *exec.Env) (f exec.Finding, err error) {
	accounts, err := env.Accounts()
	if err != nil {
		return f, err
	}
	g, exists := accounts.Group(o.Want.Name)
	if exists, f.Details, err = finished(env, groupaddCmd, groupmodCmd, o.Want.Name, exists); err != nil {
		return f, err
	}
	if o.Want.ShouldExist != nil && !*o.Want.ShouldExist {
		if exists {
			f.Action = exec.Delete
		}
		return f, nil
	}
	if o.Want.Gid != nil && (!exists || g.GID != *o.Want.Gid) {
		f.Details = append(f.Details, "gid "+strconv.Itoa(*o.Want.Gid))
	}
	if hash := deref(o.Want.PasswordHash); hash != "" && (!exists || g.Hash != hash) {
		f.Details = append(f.Details, "password")
	}
	f.Action = accountAction(exists, f.Details)
	return f, nil
}

// Apply implements exec.Operation.
func (o *Group) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	f, err := o.inspect(env)
	if err != nil {
		return out, err
	}
	name := o.Want.Name
	var args []string
	if o.Want.Gid != nil {
		args = append(args, "--gid", strconv.Itoa(*o.Want.Gid))
	}
	switch f.Action {
	case exec.Delete:
		return out, account(ctx, env, pending{command: groupdelCmd, name: name}, name)
	case exec.Create:
		if isTrue(o.Want.System) {
			args = append(args, "--system")
		}
		err = account(ctx, env, pending{command: groupaddCmd, name: name}, append(args, name)...)
	case exec.Change:
		err = account(ctx, env, pending{command: groupmodCmd, name: name}, append(args, name)...)
	default:
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if hash := deref(o.Want.PasswordHash); hash != "" {
		return out, setPassword(env, sysroot.GshadowFile, sysroot.GroupFile, name, hash)
	}
	return out, nil
}

// unknownGroup is the conflict with a group that nobody will create.
func unknownGroup(name string) error {
	return exec.WithHelp(fmt.Errorf("group %q does not exist in the target", name), "create it in passwd.groups, or leave it out")
}
