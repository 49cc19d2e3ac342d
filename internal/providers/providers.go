// Package providers knows the platforms: where each keeps the user config of a
// machine, and how it is asked for. Find gives a Platform of the table, and
// Platform.Fetch gets its config. CommandLine is the provider that every platform has
// before its own.
//
// A platform is a row of the table. Most rows are made of the two kinds of source that
// are data: a service (a request over HTTP) and a drive (a file on a labelled file
// system). What needs code has a file of its own, named after it.
//
// Nothing here prints: what happened is told through Env.Note and Env.Warn, in words
// that hold no config, token or password.
package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/resource"
)

// Errors that callers tell apart.
var (
	// ErrNoConfig reports that a source was reached and holds no user config: it is
	// absent, or has no bytes. The text around it says which.
	ErrNoConfig = errors.New("no user config")
	// ErrNotHere reports that the machine is not one of the platform. For CommandLine
	// it means that the kernel arguments name no config.
	ErrNotHere = errors.New("this machine is none of the platform")
	// ErrNoDelete reports a platform whose configs cannot be deleted from inside.
	ErrNoDelete = errors.New("the platform does not support config deletion")
)

// Config is what a source has given.
type Config struct {
	// Data is the config with the encodings undone. It is never of no bytes.
	Data []byte
	// Where it was found, for people; without secrets.
	Where string
	// Encodings that were undone, in order: "base64", "gzip". Empty if there was none.
	Encodings []string
	// Size in bytes before anything was undone.
	Size int
	// Files that the platform wants on the target, as resources of data URLs. They are
	// set with ErrNoConfig too.
	Files []types.File
	// Beside are the documents that stand beside the config, by the names of NoCloud:
	// NetworkConfig and VendorData. Their own Beside is nil.
	Beside map[string]Config
}

// Outcome is how a stage has ended, for platforms that want to be told.
type Outcome struct {
	// Stage is its name.
	Stage string
	// Err is why it failed, without secrets; nil if it did not.
	Err error
}

// Platform is one row of the table.
type Platform struct {
	// ID is the value of the kernel argument ignition.platform.id.
	ID string
	// About names it for people.
	About string
	// Signals are marks of the firmware by which the platform shows. Any of them
	// suffices; a platform without any cannot be told from inside.
	Signals []Signal

	place place
	// metadata is what the platform knows about the machine; nil if that is nothing, or
	// nothing that documents ask for.
	metadata metadata
	report   func(context.Context, *Env, Outcome) error
	remove   func(context.Context, *Env) error
}

// place is where a config may be. Read waits for it as long as the place is
// worth. Its errors are ErrNoConfig, ErrNotHere, resource.ErrNeedNet, or a failure.
type place interface {
	// places are what is asked, in order of preference, for people and for the manual.
	places() []string
	needsNet() bool
	read(ctx context.Context, env *Env) (Config, error)
}

// IDs returns the ids of all platforms, sorted.
func IDs() []string {
	rows := Table()
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	return ids
}

// Find returns the platform with an id.
func Find(id string) (Platform, bool) {
	rows := Table()
	i := slices.IndexFunc(rows, func(p Platform) bool { return p.ID == id })
	if i < 0 {
		return Platform{}, false
	}
	return rows[i], true
}

// Near returns known ids that an unknown one may stand for: those that other programs
// use for a platform, and the one that looks most like it.
func Near(id string) []string {
	id = strings.ToLower(strings.TrimSpace(id))
	var near []string
	add := func(known string) {
		if known != "" && !slices.Contains(near, known) {
			near = append(near, known)
		}
	}
	if known, ok := otherNames()[id]; ok {
		return []string{known}
	}
	for _, known := range IDs() {
		if known == id || len(id) > 2 && (strings.HasPrefix(known, id) || strings.HasPrefix(id, known)) {
			add(known)
		}
	}
	add(schema.Nearest(id, IDs()))
	return near
}

// otherNames are names of platforms in cloud-init, systemd-detect-virt, the old spec
// and on the markets, and the ids here.
func otherNames() map[string]string {
	return map[string]string{
		"ec2": "aws", "amazon": "aws", "gce": "gcp", "google": "gcp", "linode": "akamai", "equinix": "packet",
		"equinixmetal": "packet", "alibaba": "aliyun", "alicloud": "aliyun", "pxe": "metal", "baremetal": "metal", "none": "metal",
		"kvm": "qemu", "libvirt": "qemu", "oracle": "oraclecloud", "oci": "oraclecloud", "configdrive": "openstack",
		"esxi": "vmware", "vsphere": "vmware", "microsoft": "hyperv", "proxmox": "proxmoxve", "apple": "applehv",
		"vfkit": "applehv", "cidata": "nocloud", "do": "digitalocean", "hcloud": "hetzner", "bluefield": "nvidiabluefield",
	}
}

// NeedsNet reports whether the platform asks over the network.
func (p Platform) NeedsNet() bool { return p.place.needsNet() }

// Places lists what is asked for a config, in order of preference, for people.
func (p Platform) Places() []string { return p.place.places() }

// Deletes reports whether Delete works on the platform.
func (p Platform) Deletes() bool { return p.remove != nil }

// Reports reports whether the platform wants to know how stages end.
func (p Platform) Reports() bool { return p.report != nil }

// Fetch gets the user config. The errors are ErrNoConfig, ErrNotHere,
// resource.ErrNeedNet (offline, and the platform needs the network) or why it could
// not be got.
func (p Platform) Fetch(ctx context.Context, env *Env) (Config, error) {
	if env.Offline && p.place.needsNet() {
		return Config{}, fmt.Errorf("platform %s: %w", p.ID, resource.ErrNeedNet)
	}
	c, err := p.place.read(ctx, env)
	if err != nil {
		return c, fmt.Errorf("platform %s: %w", p.ID, err)
	}
	return c, nil
}

// reportTimeout limits telling a platform how a stage has ended: it must not keep the
// machine from booting.
const reportTimeout = 20 * time.Second

// Report tells the platform how a stage has ended, if it wants to know.
func (p Platform) Report(ctx context.Context, env *Env, o Outcome) error {
	if p.report == nil || env.Offline {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	if err := p.report(ctx, env, o); err != nil {
		return fmt.Errorf("report status to platform %s: %w", p.ID, err)
	}
	return nil
}

// Delete removes the config from where the platform keeps it, so that programs of the
// machine cannot read it. The error is ErrNoDelete where that is not possible.
func (p Platform) Delete(ctx context.Context, env *Env) error {
	if p.remove == nil {
		return fmt.Errorf("platform %s: %w", p.ID, ErrNoDelete)
	}
	if err := p.remove(ctx, env); err != nil {
		return fmt.Errorf("platform %s: delete config: %w", p.ID, err)
	}
	return nil
}
