package systems

import (
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

var (
	ruleUpdate = &diag.Rule{
		ID: "update", Why: "a machine that looks for updates in the wrong place stays as it is without a word",
	}
	ruleLocksmith = &diag.Rule{
		ID: "locksmith", Why: "a machine that never reboots runs the old system, and one that reboots at the wrong time stops what it runs",
	}
)

// Update says where updates come from.
type Update struct {
	// Group is the channel: alpha, beta, stable, or a group of the server.
	Group *string `json:"group"`
	// Server is the URL of the server, or disabled.
	Server           *string `json:"server"`
	PCRPolicyServer  *string `json:"pcrPolicyServer"`
	DownloadUser     *string `json:"downloadUser"`
	DownloadPassword *string `json:"downloadPassword" secret:"true"`
	// MachineAlias is what the server shows.
	MachineAlias *string `json:"machineAlias"`
}

// Locksmith reboots after updates.
type Locksmith struct {
	// RebootStrategy is reboot, etcd-lock or off.
	RebootStrategy *string `json:"rebootStrategy"`
	// WindowStart and WindowLength are the time when it may: [DAY ]HH:MM and a duration.
	WindowStart  *string `json:"windowStart"`
	WindowLength *string `json:"windowLength"`
	// Group of machines that share a lock in etcd.
	Group         *string `json:"group"`
	EtcdEndpoints *string `json:"etcdEndpoints"`
	EtcdCAFile    *string `json:"etcdCafile"`
	EtcdCertFile  *string `json:"etcdCertfile"`
	EtcdKeyFile   *string `json:"etcdKeyfile"`
}

// setting is one line of the file.
type setting struct {
	key, name string
	value     *string
}

// updates writes the file that both sections are for.
func (r *renderer) updates(u *Update, l *Locksmith) {
	if u == nil && l == nil {
		return
	}
	var b strings.Builder
	place := at("update")
	write := func(rule *diag.Rule, section string, list []setting) {
		for _, s := range list {
			if s.value == nil || !r.line(rule, at(section, s.name), *s.value) {
				continue
			}
			b.WriteString(s.key + "=" + shellQuoted(*s.value) + "\n")
		}
	}
	if u != nil {
		r.checkUpdate(u)
		if u.Group != nil {
			lower := strings.ToLower(*u.Group)
			u.Group = &lower
		}
		write(ruleUpdate, "update", []setting{
			{"GROUP", "group", u.Group},
			{"SERVER", "server", u.Server},
			{"PCR_POLICY_SERVER", "pcr_policy_server", u.PCRPolicyServer},
			{"DOWNLOAD_USER", "download_user", u.DownloadUser},
			{"DOWNLOAD_PASSWORD", "download_password", u.DownloadPassword},
			{"MACHINE_ALIAS", "machine_alias", u.MachineAlias},
		})
	} else {
		place = at("locksmith")
	}
	if l != nil {
		r.checkLocksmith(at("locksmith"), l.RebootStrategy, l.WindowStart, l.WindowLength)
		write(ruleLocksmith, "locksmith", []setting{
			{"REBOOT_STRATEGY", "reboot_strategy", l.RebootStrategy},
			{"LOCKSMITHD_REBOOT_WINDOW_START", "window_start", l.WindowStart},
			{"LOCKSMITHD_REBOOT_WINDOW_LENGTH", "window_length", l.WindowLength},
			{"LOCKSMITHD_GROUP", "group", l.Group},
			{"LOCKSMITHD_ENDPOINT", "etcd_endpoints", l.EtcdEndpoints},
			{"LOCKSMITHD_ETCD_CAFILE", "etcd_cafile", l.EtcdCAFile},
			{"LOCKSMITHD_ETCD_CERTFILE", "etcd_certfile", l.EtcdCertFile},
			{"LOCKSMITHD_ETCD_KEYFILE", "etcd_keyfile", l.EtcdKeyFile},
		})
	}
	if r.machine.UpdateConf == "" {
		r.errorf(ruleUpdate, place, "remove the section", "this machine has no agent for updates")
		return
	}
	mode := 0o644
	if u != nil && u.DownloadPassword != nil {
		mode = 0o600 // both programs run as root
	}
	r.file(r.machine.UpdateConf, b.String(), mode, place)
}

// shellQuoted writes a value as shells and systemd read it in a file of variables.
func shellQuoted(value string) string {
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9._:/,@+-]*$`, value); ok {
		return value
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(value) + `"`
}

// channels are the groups of the public server.
var channels = []string{"alpha", "beta", "stable", "lts", "edge"}

func (r *renderer) checkUpdate(u *Update) {
	if u.Group != nil && u.Server == nil {
		known := false
		for _, c := range channels {
			known = known || strings.EqualFold(c, *u.Group)
		}
		if !known {
			r.warnf(ruleUpdate, at("update", "group"), "write one of "+strings.Join(channels, ", ")+", or the server that has the group",
				"the public server has no group %q", *u.Group)
		}
	}
	for name, value := range map[string]*string{"server": u.Server, "pcr_policy_server": u.PCRPolicyServer} {
		if value == nil || name == "server" && *value == "disabled" {
			continue
		}
		if parsed, err := url.Parse(*value); err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" {
			r.errorf(ruleUpdate, at("update", name), "write https://HOST/v1/update/, or disabled", "this is no address of a server")
		}
	}
}

// windowStart is what locksmith reads: a day of the week if there is one, and a time.
var windowStart = `^((?i:sun|mon|tue|wed|thu|fri|sat) )?([01]?[0-9]|2[0-3]):[0-5][0-9]$`

// checkLocksmith checks how and when a machine reboots.
func (r *renderer) checkLocksmith(place source.Path, strategy, start, length *string) {
	if strategy != nil {
		r.oneOf(ruleLocksmith, place.At("reboot_strategy"), "way to reboot", *strategy, "reboot", "etcd-lock", "off")
	}
	switch {
	case start == nil && length == nil:
		return
	case start == nil || length == nil:
		r.errorf(ruleLocksmith, place, "give both window_start and window_length", "the time to reboot has only one of its ends")
		return
	}
	if ok, _ := regexp.MatchString(windowStart, *start); !ok {
		r.errorf(ruleLocksmith, place.At("window_start"), "write for example 04:00 or Sun 04:00", "%q is no time of a day", *start)
		return
	}
	most := 24 * time.Hour
	if strings.Contains(*start, " ") {
		most *= 7
	}
	if d, err := time.ParseDuration(*length); err != nil || d <= 0 || d >= most {
		r.errorf(ruleLocksmith, place.At("window_length"), "write for example 1h30m; it has to be shorter than a day, or than a week if a day is given", "%q is no length of time to reboot in", *length)
	}
}

// locks warns of a lock that etcd does not have.
func (r *renderer) locks(s *Sections) {
	l := s.Locksmith
	if l == nil || l.RebootStrategy == nil || *l.RebootStrategy != "etcd-lock" || s.Etcd == nil {
		return
	}
	release := newestEtcd
	if v := s.Etcd["version"]; v != "" {
		release = strings.Join(strings.SplitN(v, ".", 3)[:min(2, strings.Count(v, ".")+1)], ".")
	}
	if !older(release, "3.4") && s.Etcd["enable_v2"] != "true" {
		r.warnf(ruleLocksmith, lockPlace(), "add enable_v2: true to the section etcd", "the lock needs the old API of etcd, which etcd %s has switched off", release)
	}
}

func lockPlace() source.Path { return at("locksmith", "reboot_strategy") }
