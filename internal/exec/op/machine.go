package op

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/blockdev"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/sight"
	"github.com/kindling-boot/kindling/internal/run"
)

const (
	wipefsCmd = "wipefs"
	// udevControl is there while udev runs: systemd-udevd.service(8).
	udevControl = "/run/udev/control"
	// pollPause is how long to wait before looking for a device again.
	pollPause = 20 * time.Millisecond
	// tellPause is how often somebody who waits is told so.
	tellPause = 10 * time.Second
)

// errInUse reports a device that something else works with.
var errInUse = errors.New("the device is in use")

// errReadOnly reports a device that cannot be written.
var errReadOnly = errors.New("the device is read-only")

// Machine is what the operations on block devices of one stage share.
type Machine struct {
	// See answers what is asked before anything is changed; nil for this machine.
	See sight.Sight
	// State keeps keys, and what was begun on devices.
	State *acquire.State
	// Wait is how long devices are waited for, all together; 0 does not wait.
	Wait time.Duration

	makers map[string]keeper

	once     sync.Once
	deadline time.Time

	looking      sync.Once
	lookingUntil time.Time

	mu      sync.Mutex
	claims  map[string]string // by kind and node
	touched []string
}

// node waits for a device and returns its kernel node, such as /dev/vda3. Programs get
// that: links such as by-label lead elsewhere, or nowhere, once a program has begun.
// The error's cause is sight.ErrNoDevice.
func (m *Machine) node(ctx context.Context, env *exec.Env, device string) (string, error) {
	m.once.Do(func() { m.deadline = time.Now().Add(m.Wait) })
	told, abandoned := time.Now(), false
	for {
		node, err := m.sight().Node(device)
		if err == nil || !errors.Is(err, sight.ErrNoDevice) {
			return node, err
		}
		if abandoned || !time.Now().Before(m.deadline) {
			return "", exec.WithHelp(err, "connect the device, or correct its path. The disks of this machine: "+m.disksHere())
		}
		if time.Since(told) >= tellPause {
			told = time.Now()
			env.Note(ctx, fmt.Sprintf("waiting for device %s, at most %v more", device, time.Until(m.deadline).Round(time.Second)), nil)
		}
		select {
		case <-ctx.Done():
			err := context.Cause(ctx)
			if abandoned = errors.Is(err, exec.ErrAbandoned); !abandoned {
				return "", err
			}
		case <-time.After(pollPause):
		}
	}
}

// sight is how the machine is seen.
func (m *Machine) sight() sight.Sight {
	if m.See == nil {
		return &sight.Live{}
	}
	return m.See
}

// checkUnused returns an error if a device is mounted, is swap, or part of another device,
// or if it cannot be written.
func (m *Machine) checkUnused(node string) error {
	busy, err := m.sight().IsBusy(node)
	if err != nil {
		return err
	}
	users, err := m.sight().Users(node) // loop devices hold what the kernel would let go
	switch {
	case err != nil:
		return err
	case len(users) > 0:
		return exec.WithHelp(errInUse, "unmount it, or stop what holds it: "+namesOf(users))
	case busy:
		return exec.WithHelp(errInUse, "unmount it, or stop what holds it: some process has it open alone")
	}
	return m.checkWritable(node)
}

// checkWritable returns an error if the kernel takes no writes to a device.
func (m *Machine) checkWritable(node string) error {
	if !m.sight().IsReadOnly(node) {
		return nil
	}
	return exec.WithHelp(errReadOnly, "take away its write protection, or name another device")
}

// sourcesDeadline ends the early look at sources: it counts from the first.
func (m *Machine) sourcesDeadline() time.Time {
	m.looking.Do(func() { m.lookingUntil = time.Now().Add(sourcesLimit) })
	return m.lookingUntil
}

// settle lets udev look at devices again after they were changed, and waits until it has.
func settle(ctx context.Context, nodes ...string) error {
	if _, err := os.Stat(udevControl); err != nil {
		return nil //nolint:nilerr // without udev nobody makes links
	}
	limit, err := run.LimitOf(run.Command{Name: "udevadm"}) // as if it were asked
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it has not looked at %s within %v", strings.Join(nodes, ", "), limit))
	defer cancel()
	return host.Settle(ctx, nodes...)
}

// touch remembers a device that was changed, for Links.
func (m *Machine) touch(node string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.touched, node) {
		m.touched = append(m.touched, node)
	}
}

// Links waits until udev has seen what was made on devices, all at once, and the links that
// mount units name are there.
type Links struct {
	About exec.Description
	On    *Machine
}

// Describe implements exec.Operation.
func (o *Links) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation. There is nothing to wait for before something is made.
func (o *Links) Check(context.Context, *exec.Env) (exec.Finding, error) { return exec.Finding{}, nil }

// Apply implements exec.Operation.
func (o *Links) Apply(ctx context.Context, _ *exec.Env) (exec.Outcome, error) {
	o.On.mu.Lock()
	nodes := slices.DeleteFunc(o.On.touched, o.On.isSeen)
	o.On.touched = nil
	o.On.mu.Unlock()
	if len(nodes) == 0 {
		return exec.Outcome{}, nil
	}
	return exec.Outcome{}, settle(ctx, nodes...)
}

// isSeen reports whether udev has looked at a device since it is what it is: that happens
// when a program closes it after writing. Properties are those of systemd,
// udev-builtin-blkid.c; links have been made when udev knows them.
func (m *Machine) isSeen(node string) bool {
	n, err := host.Resolve(node)
	if err != nil {
		return false
	}
	seen := sight.Variables(host.UdevRecord(n))
	is, err := m.sight().Signature(node)
	return err == nil && len(seen) > 0 && is.Others == nil && seen["E:ID_FS_TYPE"] == is.Format &&
		seen["E:ID_FS_UUID_ENC"] == UdevName(is.UUID) && seen["E:ID_FS_LABEL_ENC"] == UdevName(is.Label)
}

// wipe erases all signatures.
func wipe(ctx context.Context, env *exec.Env, node string) error {
	_, err := env.Run(ctx, run.Command{Name: wipefsCmd, Args: []string{"-a", node}})
	return err
}

// keeper tells whether an operation of the plan will leave a device that is there now, with
// all that is on it, as it is.
type keeper interface {
	keeps(ctx context.Context, env *exec.Env) bool
}

// Makes tells that a device will be what an operation makes it.
func (m *Machine) Makes(device string, by keeper) {
	if m.makers == nil {
		m.makers = map[string]keeper{}
	}
	m.makers[device] = by
}

// claim refuses two entries of the config that lead to one device: each would destroy what
// the other has made.
func (m *Machine) claim(kind, node, device string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.claims == nil {
		m.claims = map[string]string{}
	}
	if by, taken := m.claims[kind+node]; taken && by != device {
		return exec.WithHelp(fmt.Errorf("it leads to %s, and so does %s", node, by), "keep one of the entries")
	}
	m.claims[kind+node] = device
	return nil
}

// lost returns what a reason says about data that will be lost; nil if there is none.
func lost(reason string) []string {
	if what, ok := strings.CutPrefix(reason, wipes); ok {
		return []string{what}
	}
	return nil
}

// wipes begins the reason of an operation that destroys data.
const wipes = "WIPES "

// find returns the node of a device before anything is changed. When made is true what is
// there now means nothing, because an operation that comes first makes the device.
func (m *Machine) find(ctx context.Context, env *exec.Env, about *exec.Description, device string) (node string, made bool, err error) {
	if env.Promises(exec.DeviceKey(device)) {
		if k := m.makers[device]; k != nil && k.keeps(ctx, env) {
			if node, err := m.sight().Node(device); err == nil {
				return node, false, nil
			}
		}
		return "", true, nil
	}
	for _, k := range about.Needs {
		if env.Promises(k) { // some operation may make it, under another name
			if node, err = m.sight().Node(device); errors.Is(err, sight.ErrNoDevice) {
				return "", true, nil
			}
			return node, false, err
		}
	}
	node, err = m.node(ctx, env, device)
	return node, false, err
}

// checkFormer refuses a partition that will be made in a place where something lies that
// nobody allowed to destroy: else that shows when the table was written.
func (m *Machine) checkFormer(ctx context.Context, env *exec.Env, device string, isFine func(sight.Signature) bool, help string) error {
	part, ok := m.makers[device].(KeptPartition)
	if !ok {
		return nil
	}
	if is := part.former(ctx, env); is.Format != "" && !isFine(is) {
		return exec.WithHelp(fmt.Errorf("%w, in the place of the new partition: %s", errOther, is), help)
	}
	return nil
}

// work returns what was begun on a device since the machine was started.
func (m *Machine) work(node string) (w acquire.Work, begun bool) { return m.State.Work(identity(node)) }

// begin remembers that the content of a device is void from now on.
func (m *Machine) begin(node, what string) error {
	return m.State.SetWork(identity(node), acquire.Work{What: what})
}

// finish remembers what was made on a device.
func (m *Machine) finish(node, what, result string) error {
	return m.State.SetWork(identity(node), acquire.Work{What: what, Done: true, Result: result})
}

// identity names the place that a node stands for at the moment: numbers of partitions, of
// arrays and of device-mapper are given to others later.
func identity(node string) string {
	name := blockdev.NameOf(node)
	for _, file := range []string{"dm/uuid", "md/uuid"} {
		if uuid := host.Attribute(name, file); uuid != "" {
			return uuid
		}
	}
	if start := host.Attribute(name, "start"); start != "" {
		return node + "@" + start
	}
	return node
}

// busyTime is how long something may still be in use by a program that is about to end.
const busyTime = 5 * time.Second

// retryBusy repeats a call while it says that something is in use.
func retryBusy(ctx context.Context, call func() error) error {
	for deadline := time.Now().Add(busyTime); ; {
		err := call()
		if !errors.Is(err, unix.EBUSY) || !time.Now().Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pollPause):
		}
	}
}

// UdevName writes a text as udev does in names of links: systemd, encode_devnode_name().
func UdevName(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 0x80, '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', strings.IndexByte("#+-.:=@_", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "\\x%02x", c)
		}
	}
	return b.String()
}
