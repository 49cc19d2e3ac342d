package blackbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	wanted   = `[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n`
	onDisk   = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\nAlias=other.service\n"
	presets  = "etc/systemd/system-preset/20-ignition.preset"
	units    = "etc/systemd/system/"
	vendor   = "usr/lib/systemd/system/"
	template = "[Service]\nExecStart=/bin/echo %i\n[Install]\nWantedBy=multi-user.target\n"
)

func TestUnits(t *testing.T) {
	for _, c := range []struct {
		name   string
		before []string
		units  string
		want   []string
	}{
		{
			"a unit is written and enabled", nil, `{"name":"a.service","enabled":true,"contents":"` + wanted + `"}`,
			[]string{presets + ` "enable a.service\n"`, units + "a.service -rw-r--r--", units + "multi-user.target.wants/a.service -> /etc/systemd/system/a.service"},
		},
		{
			"lines of presets are in order", nil, `{"name":"b.service","enabled":true},{"name":"a.service","enabled":true}`,
			[]string{presets + ` "enable a.service\nenable b.service\n"`},
		},
		{
			"instances share a line",
			[]string{"file " + vendor + "t@.service " + template},
			`{"name":"t@b.service","enabled":true},{"name":"t@a.service","enabled":true}`,
			[]string{presets + ` "enable t@.service b a\n"`, units + "multi-user.target.wants/t@a.service -> /usr/lib/systemd/system/t@.service"},
		},
		{
			"a bare template has a line without blank",
			[]string{"file " + vendor + "t@.service " + template},
			`{"name":"t@.service","enabled":true}`,
			[]string{presets + ` "enable t@.service\n"`, units + "multi-user.target.wants absent"},
		},
		{
			"lines that are there stay",
			[]string{"file " + presets + " enable z.service"},
			`{"name":"a.service","enabled":true}`,
			[]string{presets + ` "enable z.service\nenable a.service\n"`},
		},
		{
			"disabling removes the links of what is enabled",
			[]string{"file " + vendor + "a.service " + onDisk, "link " + units + "multi-user.target.wants/a.service /usr/lib/systemd/system/a.service", "link " + units + "other.service /usr/lib/systemd/system/a.service"},
			`{"name":"a.service","enabled":false},{"name":"missing.service","enabled":false}`,
			[]string{presets + ` "disable a.service\n"`, units + "multi-user.target.wants/a.service absent", units + "other.service absent"},
		},
		{
			"disabling an instance works",
			[]string{"file " + vendor + "t@.service " + template, "link " + units + "multi-user.target.wants/t@a.service /usr/lib/systemd/system/t@.service", "link " + units + "multi-user.target.wants/t@b.service /usr/lib/systemd/system/t@.service"},
			`{"name":"t@a.service","enabled":false}`,
			[]string{presets + ` "disable t@a.service\n"`, units + "multi-user.target.wants/t@a.service absent", units + "multi-user.target.wants/t@b.service -> /usr/lib/systemd/system/t@.service"},
		},
		{
			"disabling by an alias disables the unit",
			[]string{"file " + vendor + "a.service " + onDisk, "link " + vendor + "alias.service a.service", "link " + units + "multi-user.target.wants/a.service /usr/lib/systemd/system/a.service", "link " + units + "other.service /usr/lib/systemd/system/a.service"},
			`{"name":"other.service","enabled":false},{"name":"alias.service","enabled":false}`,
			[]string{presets + ` "disable alias.service\ndisable other.service\n"`, units + "multi-user.target.wants/a.service absent", units + "other.service absent"},
		},
		{
			"enabling by an alias enables the unit",
			[]string{"file " + vendor + "a.service " + onDisk, "link " + vendor + "alias.service a.service", "file " + vendor + "t@.service " + template, "link " + vendor + "autot@.service t@.service"},
			`{"name":"alias.service","enabled":true},{"name":"autot@x.service","enabled":true}`,
			[]string{units + "multi-user.target.wants/a.service -> /usr/lib/systemd/system/a.service", units + "other.service -> /usr/lib/systemd/system/a.service", units + "multi-user.target.wants/t@x.service -> /usr/lib/systemd/system/t@.service"},
		},
		{
			"disabling a unit disables what it names in Also, but for what is enabled by the config",
			[]string{
				"file " + vendor + "a.service " + template + "Also=a.socket v.service\n", "file " + vendor + "a.socket [Install]\nWantedBy=sockets.target\n", "file " + vendor + "v.service " + template,
				"file " + vendor + "off.service " + template + "Also=w.service\n", "file " + vendor + "w.service " + template,
				"link " + units + "multi-user.target.wants/a.service /usr/lib/systemd/system/a.service", "link " + units + "sockets.target.wants/a.socket /usr/lib/systemd/system/a.socket",
				"link " + units + "multi-user.target.wants/v.service /usr/lib/systemd/system/v.service", "link " + units + "multi-user.target.wants/w.service /usr/lib/systemd/system/w.service",
			},
			`{"name":"a.service","enabled":false},{"name":"off.service","enabled":false},{"name":"v.service","enabled":true}`,
			[]string{
				presets + ` "disable a.service\nenable v.service\n"`, units + "multi-user.target.wants/a.service absent", units + "sockets.target.wants/a.socket absent",
				units + "multi-user.target.wants/v.service -> /usr/lib/systemd/system/v.service", units + "multi-user.target.wants/w.service -> /usr/lib/systemd/system/w.service",
			},
		},
		{
			"an alias of another kind has no link",
			[]string{"file " + vendor + "t@.service " + template + "Alias=plain.service u@%i.service u@z.service t@%i.socket\n", "file " + vendor + "v.service [Install]\nAlias=p.service t@.service t@x.service p.socket\n"},
			`{"name":"t@a.service","enabled":true},{"name":"v.service","enabled":true}`,
			[]string{
				units + "u@a.service -> /usr/lib/systemd/system/t@.service", units + "p.service -> /usr/lib/systemd/system/v.service", units + "plain.service absent",
				units + "u@z.service absent", units + "t@a.socket absent", units + "t@.service absent", units + "t@x.service absent", units + "p.socket absent",
			},
		},
		{
			"disabling what is not enabled leaves no line",
			[]string{"file " + vendor + "a.service " + onDisk},
			`{"name":"a.service","enabled":false}`,
			[]string{presets + " absent"},
		},
		{
			"masking replaces what is there",
			[]string{"file " + units + "a.service/x y"},
			`{"name":"a.service","mask":true},{"name":"b.service","mask":true,"contents":"` + wanted + `"}`,
			[]string{units + "a.service -> /dev/null", units + "b.service -> /dev/null"},
		},
		{
			"unmasking removes the mask only",
			[]string{"link " + units + "a.service /dev/null", "file " + units + "b.service x", "file " + vendor + "c.service " + onDisk},
			`{"name":"a.service","mask":false},{"name":"b.service","mask":false},{"name":"c.service","mask":false,"enabled":true}`,
			[]string{units + "a.service absent", units + "b.service -rw-r--r--", units + "c.service absent", presets + ` "enable c.service\n"`},
		},
		{
			"unit files and drop-ins replace what is there",
			[]string{"file " + units + "a.service old", "link " + units + "a.service.d/x.conf /y"},
			`{"name":"a.service","contents":"` + wanted + `","dropins":[{"name":"x.conf","contents":""},{"name":"y.conf"}]}`,
			[]string{units + `a.service.d/x.conf -rw-r--r-- 0:0 ""`, units + "a.service.d/y.conf absent", `y absent`},
		},
		{
			"other units are enabled along",
			[]string{"file " + vendor + "a.service " + template + "Also=a.socket\n", "file " + vendor + "a.socket [Socket]\nListenStream=1\n[Install]\nWantedBy=sockets.target\n"},
			`{"name":"a.service","enabled":true}`,
			[]string{units + "sockets.target.wants/a.socket -> /usr/lib/systemd/system/a.socket"},
		},
		{
			"units of all types, and a long drop-in", nil,
			`{"name":"a.timer","enabled":true,"contents":"[Timer]\nOnBootSec=1\n[Install]\nWantedBy=timers.target\n"},{"name":"a.path","contents":"[Path]\nPathExists=/x\n"},` +
				`{"name":"srv.mount","contents":"[Mount]\nWhat=/dev/x\nWhere=/srv\n"},{"name":"a.slice","contents":"[Slice]\n"},{"name":"dev-x.swap","contents":"[Swap]\nWhat=/dev/x\n"},` +
				`{"name":"a.service","dropins":[{"name":"long.conf","contents":"[Unit]\n` + strings.Repeat(`# a long drop-in\n`, 20000) + `"}]}`,
			[]string{units + "timers.target.wants/a.timer -> /etc/systemd/system/a.timer", units + "a.path -rw-r--r--", units + "srv.mount -rw-r--r--", units + "a.slice -rw-r--r--", units + "dev-x.swap -rw-r--r--", units + "a.service.d/long.conf -rw-r--r--"},
		},
		{
			"links of units stay in the root", []string{"link etc/systemd OUTSIDE"}, `{"name":"a.service","enabled":true,"contents":"` + wanted + `"}`, nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			needRoot(t)
			x := newTarget(t, c.before...)
			config := x.config(`,"systemd":{"units":[` + c.units + `]}`)
			if r := x.apply(config); r.exit != 0 {
				t.Fatal(r.all())
			}
			x.expect(c.want...)
			x.checkOutside()
			before := snapshot(t, x.root)
			if r := x.apply(config); r.exit != 0 || !strings.HasPrefix(r.stdout, "nothing to do") {
				t.Errorf("applying again does something:\n%s", r.all())
			}
			if d := diff(before, snapshot(t, x.root)); d != nil {
				t.Errorf("applying again changes:\n%s", strings.Join(d, "\n"))
			}
		})
	}
}

func TestUnknownUnitIsAWarning(t *testing.T) {
	x := newTarget(t)
	r := x.apply(x.config(`,"systemd":{"units":[{"name":"a.service","enabled":true}]}`))
	if r.exit != 0 || !strings.Contains(r.stderr, "there is no such unit") {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
}

// What is enabled here is what systemd's own tool finds enabled.
func TestSystemctlAgrees(t *testing.T) {
	needRoot(t, "systemctl")
	x := newTarget(t, "file "+vendor+"v.service "+onDisk, "file "+vendor+"t@.service "+template,
		"file "+vendor+"off.service "+template, "link "+units+"multi-user.target.wants/off.service /usr/lib/systemd/system/off.service")
	config := x.config(`,"systemd":{"units":[{"name":"a.service","enabled":true,"contents":"` + wanted + `"},{"name":"v.service","enabled":true},{"name":"t@x.service","enabled":true},{"name":"off.service","enabled":false}]}`)
	if r := x.apply(config); r.exit != 0 {
		t.Fatal(r.all())
	}
	for unit, want := range map[string]string{"a.service": "enabled", "v.service": "enabled", "t@x.service": "enabled", "off.service": "disabled"} {
		if got := systemctl(t, x.root, "is-enabled", unit); got != want {
			t.Errorf("systemctl finds %s %s, want %s", unit, got, want)
		}
	}
	_, err := os.Readlink(filepath.Join(x.root, units, "other.service"))
	must(t, err)
}
