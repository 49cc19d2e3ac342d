package blackbox

import "github.com/kindling-boot/kindling/config/spec"

const (
	ownFile     = `"storage":{"files":[{"path":"/foo/bar2","contents":{"source":"data:,own"}}]}`
	fromConfig  = `foo/bar "example file\n"`
	inlineChild = `data:,%7B%22ignition%22%3A%7B%22version%22%3A%223.0.0%22%7D%2C%22extra%22%3A1%2C%22storage%22%3A%7B%22files%22%3A%5B%7B%22path%22%3A%22%2Ffoo%2Fbar%22%2C%22contents%22%3A%7B%22source%22%3A%22data%3A%2Cexample%2520file%250A%22%7D%7D%5D%7D%7D`
	trustA      = `"security":{"tls":{"certificateAuthorities":[{"source":"$data_certificates"}]}}`
	fromA       = `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$tlsA"}}]}`
	fromBoth    = `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$tlsA"}},{"path":"/foo/bar2","contents":{"source":"$tlsB"}}]}`
	badHash     = `"verification":{"hash":"$sha512_contents"}`
)

// base writes a fragment that makes a file.
func base(path, text string) string {
	return `{"ignition":{"version":"3.0.0"},"storage":{"files":[{"path":"` + path + `","overwrite":true,"contents":{"source":"data:,` + text + `"}}]}}`
}

// sourceScenarios are about where configs, authorities and contents come from.
var sourceScenarios = []upstream{
	{name: "general.versiononly"},
	{name: "general.empty", once: true, document: "none"},
	{name: "config.replace.http", ignition: `"config":{"replace":{"source":"$http/config","verification":{"hash":"$sha512_config"}}}`, body: ownFile, want: []string{fromConfig, "foo/bar2 absent"}},
	{name: "config.replace.http.compressed", min: spec.V3_1, ignition: `"config":{"replace":{"source":"$http/config_compressed","compression":"gzip","verification":{"hash":"$sha512_config"}}}`, want: []string{fromConfig}},
	{name: "config.replace.http.headers", min: spec.V3_1, ignition: `"config":{"replace":{"source":"$http/config_headers","httpHeaders":[$auth],"verification":{"hash":"$sha512_config"}}}`, want: []string{fromConfig}},
	{name: "config.replace.http.headers.redirect", min: spec.V3_1, ignition: `"config":{"replace":{"source":"$http/config_headers_redirect","httpHeaders":[$auth],"verification":{"hash":"$sha512_config"}}}`, want: []string{fromConfig}},
	{name: "config.replace.http.headers.overwrite", min: spec.V3_1, ignition: `"config":{"replace":{"source":"$http/config_headers_overwrite","httpHeaders":[$other],"verification":{"hash":"$sha512_config"}}}`, want: []string{fromConfig}},
	{name: "config.replace.tftp", ignition: `"config":{"replace":{"source":"$tftp/config","verification":{"hash":"$sha512_config"}}}`, want: []string{fromConfig}},
	{name: "config.replace.dataurl", ignition: `"config":{"replace":{"source":"` + inlineChild + `"}}`, want: []string{fromConfig}},
	{name: "config.merge.http", ignition: `"config":{"merge":[{"source":"$http/config","verification":{"hash":"$sha512_config"}}]}`, body: ownFile, want: []string{fromConfig, `foo/bar2 "own"`}},
	{name: "config.merge.http.compressed", min: spec.V3_1, ignition: `"config":{"merge":[{"source":"$http/config_compressed","compression":"gzip","verification":{"hash":"$sha512_config"}}]}`, body: ownFile, want: []string{fromConfig, `foo/bar2 "own"`}},
	{name: "config.merge.http.headers", min: spec.V3_1, ignition: `"config":{"merge":[{"source":"$http/config_headers","httpHeaders":[$auth],"verification":{"hash":"$sha512_config"}}]}`, body: ownFile, want: []string{fromConfig, `foo/bar2 "own"`}},
	{name: "config.merge.http.headers.redirect", min: spec.V3_1, ignition: `"config":{"merge":[{"source":"$http/config_headers_redirect","httpHeaders":[$auth]}]}`, body: ownFile, want: []string{fromConfig, `foo/bar2 "own"`}},
	{name: "config.merge.http.headers.overwrite", min: spec.V3_1, ignition: `"config":{"merge":[{"source":"$http/config_headers_overwrite","httpHeaders":[$other]}]}`, body: ownFile, want: []string{fromConfig, `foo/bar2 "own"`}},
	{name: "config.merge.tftp", ignition: `"config":{"merge":[{"source":"$tftp/config","verification":{"hash":"$sha512_config"}}]}`, body: ownFile, want: []string{fromConfig, `foo/bar2 "own"`}},
	{name: "config.merge.dataurl", ignition: `"config":{"merge":[{"source":"` + inlineChild + `"}]}`, want: []string{fromConfig}},

	{name: "merge.multiple.base.configs", system: map[string]string{
		"usr/base.d/40-a.ign": base("/one", "40"), "usr/base.d/50-b.ign": base("/one", "50"), "usr/base.d/60-c.ign": base("/two", "60"),
		"usr/base.platform.d/file/10-a.ign": base("/two", "10"), "usr/base.platform.d/file/20-b.ign": base("/three", "20"), "usr/base.platform.d/file/30-c.ign": base("/four", "30"),
	}, want: []string{`one "50"`, `two "10"`, `three "20"`, `four "30"`}},
	{name: "multidir.user.ign.from.local", system: map[string]string{"etc/user.ign": base("/from", "local")}, body: `"storage":{"files":[{"path":"/provider"}]}`, want: []string{`from "local"`, "provider absent"}},
	{name: "multidir.user.ign.runtime.overrides", system: map[string]string{"usr/user.ign": base("/from", "vendor"), "etc/user.ign": base("/from", "local"), "run/user.ign": base("/from", "runtime")}, want: []string{`from "runtime"`}},
	{name: "multidir.base.d.merged.across.dirs", system: map[string]string{"usr/base.d/00-a.ign": base("/from", "vendor"), "run/base.d/00-a.ign": base("/from", "runtime"), "etc/base.d/10-b.ign": base("/other", "local")}, want: []string{`from "runtime"`, `other "local"`}},
	{name: "preemption.base.provider.config", once: true, system: map[string]string{"usr/base.d/00-a.ign": base("/base", "base")}, body: `"storage":{"files":[{"path":"/provider"}]}`, want: []string{`base "base"`, `provider ""`}},
	{name: "preemption.base.user.provider.config", once: true, system: map[string]string{"usr/base.d/00-a.ign": base("/base", "base"), "usr/user.ign": base("/user", "user")}, body: `"storage":{"files":[{"path":"/provider"}]}`, want: []string{`base "base"`, `user "user"`, "provider absent"}},
	{name: "preemption.no.config", once: true, document: "none", before: []string{"file marker unset"}, want: []string{`marker "unset"`}},

	{name: "tls.appendconfig", ignition: `"config":{"merge":[{"source":"$tlsA"}]},` + trustA, want: []string{`foo/bar "tls"`}},
	{name: "tls.fetchfile", ignition: trustA, body: fromA, want: []string{"foo/bar -rw-r--r--"}},
	{name: "tls.fetchfile.cabundle", ignition: `"security":{"tls":{"certificateAuthorities":[{"source":"$data_caBundle"}]}}`, body: fromBoth, want: []string{"foo/bar -rw-r--r--", "foo/bar2 -rw-r--r--"}},
	{name: "tls.fetchfile.http", ignition: `"security":{"tls":{"certificateAuthorities":[{"source":"$http/certificates","verification":{"hash":"$sha512_certificates"}}]}}`, body: fromA, want: []string{"foo/bar -rw-r--r--"}},
	{name: "tls.fetchfile.http.cabundle", ignition: `"security":{"tls":{"certificateAuthorities":[{"source":"$http/caBundle","verification":{"hash":"$sha512_caBundle"}}]}}`, body: fromBoth, want: []string{"foo/bar -rw-r--r--", "foo/bar2 -rw-r--r--"}},
	{name: "tls.fetchfile.http.compressed", min: spec.V3_1, ignition: `"security":{"tls":{"certificateAuthorities":[{"source":"$http/certificates_compressed","compression":"gzip","verification":{"hash":"$sha512_certificates"}}]}}`, body: fromA, want: []string{"foo/bar -rw-r--r--"}},
	{name: "tls.fetchfile.http.headers", min: spec.V3_1, ignition: `"security":{"tls":{"certificateAuthorities":[{"source":"$http/certificates_headers","httpHeaders":[$auth]}]}}`, body: fromA, want: []string{"foo/bar -rw-r--r--"}},
	{name: "tls.fetchfile.http.headers.redirect", min: spec.V3_1, ignition: `"security":{"tls":{"certificateAuthorities":[{"source":"$http/certificates_headers_redirect","httpHeaders":[$auth]}]}}`, body: fromA, want: []string{"foo/bar -rw-r--r--"}},
	{name: "tls.fetchfile.http.headers.overwrite", min: spec.V3_1, ignition: `"security":{"tls":{"certificateAuthorities":[{"source":"$http/certificates_headers_overwrite","httpHeaders":[$other]}]}}`, body: fromA, want: []string{"foo/bar -rw-r--r--"}},
	{name: "proxy.getconfig", min: spec.V3_1, ignition: `"proxy":{"httpProxy":"$proxy","httpsProxy":"$proxy"},"config":{"replace":{"source":"http://config.invalid/x"}}`, want: []string{fromConfig}},
	{name: "proxy.getconfig.noproxy", min: spec.V3_1, ignition: `"proxy":{"httpProxy":"http://127.0.0.1:9","noProxy":["127.0.0.1"]},"config":{"replace":{"source":"$http/config"}}`, want: []string{fromConfig}},
	{name: "timeouts.http", once: true, ignition: `"timeouts":{"httpResponseHeaders":12}`, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$delay"}}]}`, want: []string{`foo/bar -rw-r--r-- 0:0 ""`}},
	{name: "timeouts.http.backoff", once: true, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$throttle"}}]}`, want: []string{`foo/bar -rw-r--r-- 0:0 ""`}},

	{name: "config.replace.badhash", ignition: `"config":{"replace":{"source":"$http/config",` + badHash + `}}`, fails: "hash does not match"},
	{name: "config.merge.badhash", ignition: `"config":{"merge":[{"source":"$http/config",` + badHash + `}]}`, body: ownFile, fails: "hash does not match"},
	{name: "config.replace.http.notfound", ignition: `"config":{"replace":{"source":"$http/notfound"}}`, fails: "HTTP status 404"},
	{name: "config.merge.http.notfound", ignition: `"config":{"merge":[{"source":"$http/notfound"}]}`, fails: "HTTP status 404"},
	{name: "config.replace.http.invalidheader", min: spec.V3_1, ignition: `"config":{"replace":{"source":"$http/config_headers","httpHeaders":[$wrong]}}`, fails: "HTTP status 400"},
	{name: "config.merge.http.invalidheader", min: spec.V3_1, ignition: `"config":{"merge":[{"source":"$http/config_headers","httpHeaders":[$wrong]}]}`, fails: "HTTP status 400"},
	{name: "config.replace.tftp.notfound", ignition: `"config":{"replace":{"source":"$tftp/missing"}}`, fails: "not found"},
	{name: "config.merge.tftp.notfound", ignition: `"config":{"merge":[{"source":"$tftp/missing"}]}`, fails: "not found"},
	{name: "config.version.2.5.0-exp", once: true, document: `{"ignition":{"version":"2.5.0-experimental"}}`, fails: "2.5.0-experimental"},
	{name: "config.versions.3.8.0-exp", once: true, document: `{"ignition":{"version":"3.8.0-experimental"}}`, fails: "3.8.0-experimental"},
	{name: "config.merge.failed", ignition: `"config":{"merge":[{"source":"data:,%7B%22ignition%22%3A%7B%22version%22%3A%22$version%22%7D%2C%22storage%22%3A%7B%22filesystems%22%3A%5B%7B%22device%22%3A%22%2Fdev%2Fdisk%2Fby-label%2Fx%22%2C%22format%22%3A%22%22%7D%5D%7D%7D"}]}`, body: `"storage":{"filesystems":[{"device":"/dev/disk/by-label/x","format":"ext4","path":"/x"}]}`, fails: "filesystem"},
	{name: "proxy.unreachable", min: spec.V3_1, once: true, ignition: `"proxy":{"httpProxy":"$dead_proxy"},"timeouts":{"httpTotal":1},"config":{"replace":{"source":"http://config.invalid/x"}}`, fails: "503"},
	{name: "tls.config.merge.needsca", once: true, ignition: `"timeouts":{"httpTotal":5},"config":{"merge":[{"source":"$tlsA"}]}`, fails: "certificate"},
	{name: "tls.file.create.needsca", once: true, ignition: `"timeouts":{"httpTotal":5}`, body: fromA, fails: "certificate"},
	{name: "tls.fetchfile.http.notfound", ignition: `"security":{"tls":{"certificateAuthorities":[{"source":"$http/notfound"}]}}`, body: fromA, fails: "HTTP status 404"},
	{name: "tls.fetchfile.http.cabundle.one", once: true, ignition: `"timeouts":{"httpTotal":5},"security":{"tls":{"certificateAuthorities":[{"source":"$http/certificates"}]}}`, body: fromBoth, fails: "certificate"},
	{name: "tls.fetchfile.http.invalidheader", min: spec.V3_1, ignition: `"security":{"tls":{"certificateAuthorities":[{"source":"$http/certificates_headers","httpHeaders":[$wrong]}]}}`, body: fromA, fails: "HTTP status 400"},
	{name: "timeouts.file.create.http.timesout", once: true, ignition: `"timeouts":{"httpResponseHeaders":1,"httpTotal":4}`, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$slow"}}]}`, fails: "$slow"},
	{name: "timeouts.config.merge.timesout", once: true, ignition: `"timeouts":{"httpTotal":1},"config":{"merge":[{"source":"$slow"}]}`, fails: "$slow"},
	{name: "timeouts.config.mergeslowertimeout", once: true, ignition: `"config":{"merge":[{"source":"data:,%7B%22ignition%22%3A%7B%22version%22%3A%223.0.0%22%2C%22timeouts%22%3A%7B%22httpTotal%22%3A1%7D%2C%22config%22%3A%7B%22merge%22%3A%5B%7B%22source%22%3A%22$slow%22%7D%5D%7D%7D%7D"}]}`, fails: "$slow"},
	{name: "timeouts.config.merge.nonethenlower", once: true, ignition: `"timeouts":{"httpTotal":1},"config":{"merge":[{"source":"data:,%7B%22ignition%22%3A%7B%22version%22%3A%223.0.0%22%2C%22config%22%3A%7B%22merge%22%3A%5B%7B%22source%22%3A%22$slow%22%7D%5D%7D%7D%7D"}]}`, fails: "$slow"},
	{name: "filesystems.nodevice", body: `"storage":{"filesystems":[{"path":"/x","format":"ext4"}]}`, fails: "device"},
}
