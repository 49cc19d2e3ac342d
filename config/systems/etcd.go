package systems

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/types"
)

var ruleEtcd = &diag.Rule{
	ID: "etcd", Why: "etcd would not start, or not find the other members of its cluster",
}

// etcd sets up a member of a cluster.
func (r *renderer) etcd(options map[string]string) {
	release := r.release(options["version"])
	known := etcdOptionsOf(release)
	var flags []string
	dynamic := false
	for _, name := range slices.Sorted(maps.Keys(options)) {
		place, value := at("etcd", name), options[name]
		if name == "version" || name == "image" && r.machine.Lib == "" {
			continue
		}
		if !slices.Contains(known, name) {
			help := otherRelease(name)
			if near := schema.Nearest(name, known); help == "" && near != "" {
				help = "did you mean " + near + "?"
			}
			r.errorf(ruleEtcd, place, help, "etcd %s has no option %s", release, name)
			continue
		}
		if r.line(ruleEtcd, place, value) {
			dynamic = r.usesDynamic(place, value) || dynamic
			flags = append(flags, r.flag(name, value))
		}
	}
	r.checkCluster(options)
	if r.machine.Lib == "" {
		r.ownEtcd(options, flags)
		return
	}
	unit, service := r.afterMetadata(dynamic)
	text := unit + "[Service]\n" + service
	if v := options["version"]; v != "" {
		text += "Environment=\"ETCD_IMAGE_TAG=v" + v + "\"\n"
	}
	text += "ExecStart=\nExecStart=" + command(r.machine.Lib+"/etcd-wrapper $ETCD_OPTS", flags) + "\n"
	r.dropin("etcd-member.service", "etcd-member", text, at("etcd"))
}

// release returns the first two numbers of a version, and reports versions that cannot
// be set up.
func (r *renderer) release(version string) string {
	place := at("etcd", "version")
	if version == "" {
		return newestEtcd
	}
	if ok, _ := regexp.MatchString(`^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-[a-z0-9.]{1,20})?$`, version); !ok {
		r.errorf(ruleEtcd, place, "write for example 3.5.16", "%q is no version of etcd", version)
		return newestEtcd
	}
	release := strings.Join(strings.SplitN(version, ".", 3)[:2], ".")
	switch {
	case older(release, "2.3"), !older(release, "4.0"):
		r.errorf(ruleEtcd, place, "write a version from 2.3 to "+newestEtcd, "etcd %s cannot be set up", release)
	case older("2.3", release) && older(release, "3.0"), older(newestEtcd, release):
		r.warnf(ruleEtcd, place, "the options are checked as those of etcd "+newestEtcd+" or an older one", "the options of etcd %s are not known", release)
	}
	return release
}

// checkCluster reports members that would not find each other.
func (r *renderer) checkCluster(options map[string]string) {
	cluster, place := options["initial_cluster"], at("etcd", "initial_cluster")
	if state, given := options["initial_cluster_state"]; given {
		r.oneOf(ruleEtcd, at("etcd", "initial_cluster_state"), "state of a cluster", state, "new", "existing")
	}
	if cluster == "" {
		return
	}
	if options["discovery"] != "" {
		r.errorf(ruleEtcd, at("etcd", "discovery"), "keep one of the two", "the members are given, and are to be discovered")
	}
	members, urls, own := 0, map[string]bool{}, map[string]bool{}
	seen := map[string]bool{}
	for _, member := range strings.Split(cluster, ",") {
		name, url, ok := strings.Cut(strings.TrimSpace(member), "=")
		switch {
		case !ok || name == "" || url == "":
			r.errorf(ruleEtcd, place, "write NAME=http://ADDRESS:2380, with commas between members", "%q is no member of a cluster", member)
			return
		case urls[url]:
			r.errorf(ruleEtcd, place, "give each member an address of its own", "two members have the address %s", url)
		}
		if urls[url] = true; !seen[name] {
			members++
		}
		seen[name] = true
		own[name+"="+url] = true
	}
	if name := options["name"]; name != "" && !seen[name] && !strings.ContainsAny(name, "%${") {
		r.errorf(ruleEtcd, at("etcd", "name"), "add it to initial_cluster, as NAME=URL", "the member %q is not in the cluster", name)
	} else if name != "" && seen[name] {
		for _, url := range strings.Split(options["initial_advertise_peer_urls"], ",") {
			if url = strings.TrimSpace(url); url != "" && !strings.Contains(url, "{") && !own[name+"="+url] {
				r.errorf(ruleEtcd, at("etcd", "initial_advertise_peer_urls"), "write the same address in both", "the cluster has another address than %s for %q", url, name)
			}
		}
	}
	if members%2 == 0 {
		r.warnf(ruleEtcd, place, "use an odd number", "%d members survive no more losses than %d", members, members-1)
	}
}

// dataDir is where etcd keeps its data: Debian's package, and the stock unit of
// Container Linux.
const dataDir = "/var/lib/etcd"

// ownEtcd makes a unit of its own, of the program of the distribution or of a container.
func (r *renderer) ownEtcd(options map[string]string, flags []string) {
	if options["data_dir"] == "" {
		flags = append([]string{r.flag("data_dir", dataDir)}, flags...)
	}
	if image, given := options["image"]; given {
		r.etcdContainer(image, flags)
		return
	}
	yes, no, home, shell := true, true, dataDir, "/usr/sbin/nologin"
	r.from = append(r.from, Origin{at("passwd", "users", 0), at("etcd")})
	r.config.Passwd.Users = []types.PasswdUser{{Name: "etcd", System: &yes, NoCreateHome: &no, HomeDir: &home, Shell: &shell}}
	r.unit("etcd.service", `# Generated by Butane
[Unit]
Description=etcd
Documentation=https://etcd.io
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
User=etcd
StateDirectory=etcd
StateDirectoryMode=0700
ExecStart=`+command("/usr/bin/etcd", flags)+`
Restart=always
RestartSec=10
TimeoutStartSec=infinity
LimitNOFILE=40000

[Install]
WantedBy=multi-user.target
`, at("etcd"))
}

// etcdContainer makes a quadlet that runs etcd.
func (r *renderer) etcdContainer(image string, flags []string) {
	if ok, _ := regexp.MatchString(`^[a-z0-9.:-]+(/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+)?@sha256:[0-9a-f]{64}$`, image); !ok {
		r.errorf(ruleEtcd, at("etcd", "image"), "write REGISTRY/NAME@sha256:DIGEST", "%q is no image with its registry and digest", image)
	}
	mode := 0o700
	r.from = append(r.from, Origin{at("storage", "directories", 0), at("etcd")})
	d := types.Directory{Mode: &mode}
	d.Path = dataDir
	r.config.Storage.Directories = append(r.config.Storage.Directories, d)
	r.file("/etc/containers/systemd/etcd.container", `# Generated by Butane
[Unit]
Description=etcd
Wants=network-online.target
After=network-online.target

[Container]
ContainerName=etcd
Image=`+image+`
Exec=`+command("/usr/local/bin/etcd", flags)+`
Volume=`+dataDir+`:`+dataDir+`
Network=host

[Service]
Restart=always
RestartSec=10
TimeoutStartSec=900

[Install]
WantedBy=multi-user.target
`, 0o644, at("etcd"))
}
