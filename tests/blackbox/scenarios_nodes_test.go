package blackbox

import "github.com/kindling-boot/kindling/config/spec"

// specialBits is nine files: set-uid and set-gid, each alone and both, for nobody in
// particular, for a user and for root.
const specialBits = `"passwd":{"users":[{"name":"auser","shouldExist":false}],"groups":[{"name":"auser","shouldExist":false}]},"storage":{"files":[
{"path":"/n/both","mode":3565},{"path":"/n/uid","mode":2541},{"path":"/n/gid","mode":1517},
{"path":"/u/both","mode":3565,"user":{"id":1001},"group":{"id":1001}},{"path":"/u/uid","mode":2541,"user":{"id":1001},"group":{"id":1001}},{"path":"/u/gid","mode":1517,"user":{"id":1001},"group":{"id":1001}},
{"path":"/r/both","mode":3565,"user":{"id":0},"group":{"id":0}},{"path":"/r/uid","mode":2541,"user":{"id":0},"group":{"id":0}},{"path":"/r/gid","mode":1517,"user":{"id":0},"group":{"id":0}}]}`

// specialAccounts are those from which a user is removed.
var specialAccounts = append([]string{"file home/auser/x y"}, accounts...)

// nodeScenarios are about directories, files, links and units.
var nodeScenarios = []upstream{
	{name: "directories.create", body: `"storage":{"directories":[{"path":"/foo/bar"}]}`, want: []string{"foo/bar drwxr-xr-x 0:0"}},
	{name: "directories.create.force", before: []string{"file foo/bar x"}, body: `"storage":{"directories":[{"path":"/foo/bar","overwrite":true}]}`, want: []string{"foo/bar drwxr-xr-x 0:0"}},
	{name: "directories.match", before: []string{"file foo/bar/baz kept"}, body: `"storage":{"directories":[{"path":"/foo/bar","mode":511}]}`, want: []string{"foo/bar drwxrwxrwx 0:0", `foo/bar/baz "kept"`}},
	{name: "directories.match.overwrite", before: []string{"file foo/bar/baz x"}, body: `"storage":{"directories":[{"path":"/foo/bar","overwrite":true}]}`, want: []string{"foo/bar drwxr-xr-x 0:0", "foo/bar/baz absent"}},
	{name: "directories.ordering", before: []string{"link foo/bar /"}, body: `"storage":{"directories":[{"path":"/foo/bar/baz","mode":511,"overwrite":false},{"path":"/baz/quux","mode":493,"overwrite":false}]}`, want: []string{"baz drwxrwxrwx 0:0", "baz/quux drwxr-xr-x 0:0"}},
	{name: "directories.defaultperms", body: `"storage":{"directories":[{"filesystem":"root","path":"/foo/bar"}]}`, want: []string{"foo/bar drwxr-xr-x 0:0"}},
	{name: "directories.create.overwrite.false", before: []string{"file foo/bar x"}, body: `"storage":{"directories":[{"path":"/foo/bar"}]}`, fails: "a regular file is already there"},

	{name: "files.create", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"data:,example%20file%0A"}}]}`, want: []string{`foo/bar -rw-r--r-- 0:0 "example file\n"`}},
	{name: "files.create.base64", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"data:;base64,ZXhhbXBsZSBmaWxlCg=="}}]}`, want: []string{`foo/bar -rw-r--r-- 0:0 "example file\n"`}},
	{name: "files.create.compressed", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"compression":"gzip","source":"data:;base64,H4sIAAAAAAACA8tLLQcARUTjawMAAAA="}}]}`, want: []string{`foo/bar -rw-r--r-- 0:0 "new"`}},
	{name: "files.owner.byid", body: `"storage":{"files":[{"path":"/foo/bar","user":{"id":500},"group":{"id":500},"contents":{"source":"data:,x"}}]}`, want: []string{`foo/bar -rw-r--r-- 500:500 "x"`}},
	{name: "files.owner.byname", before: accounts, body: `"storage":{"files":[{"path":"/foo/bar","user":{"name":"old"},"group":{"name":"docker"},"contents":{"source":"data:,x"}}]}`, want: []string{`foo/bar -rw-r--r-- 1007:20 "x"`}},
	{name: "files.create.force", before: []string{"file foo/bar old"}, body: `"storage":{"files":[{"path":"/foo/bar","overwrite":true,"contents":{"source":"$http/contents"}}]}`, want: []string{`foo/bar -rw-r--r-- 0:0 "asdf\nfdsa"`}},
	{name: "files.append.withcreate", body: `"storage":{"files":[{"path":"/foo/bar","user":{"id":500},"group":{"id":500},"contents":{"source":"$http/contents"},"append":[{"source":"data:,more"}]}]}`, want: []string{`foo/bar -rw-r--r-- 500:500 "asdf\nfdsamore"`}},
	{name: "files.append.existing", before: []string{"file foo/bar old", "owner foo/bar 500:500"}, body: `"storage":{"files":[{"path":"/foo/bar","append":[{"source":"$http/contents"}]}]}`, want: []string{`foo/bar -rw-r--r-- 500:500 "oldasdf\nfdsa"`}},
	{name: "files.append.nonexistent", body: `"storage":{"files":[{"path":"/foo/bar","group":{"id":500},"append":[{"source":"$http/contents"}]}]}`, want: []string{`foo/bar -rw-r--r-- 0:500 "asdf\nfdsa"`}},
	{name: "files.defaultperms", body: `"storage":{"files":[{"filesystem":"root","path":"/foo/bar","contents":{"source":"data:,x"}}]}`, want: []string{`foo/bar -rw-r--r-- 0:0 "x"`}},
	{name: "files.customperms", min: spec.V3_6, before: specialAccounts, body: specialBits, want: []string{
		"n/both ugrwxr-xr-x 0:0", "n/uid urwxr-xr-x 0:0", "n/gid grwxr-xr-x 0:0", "u/both ugrwxr-xr-x 1001:1001", "u/uid urwxr-xr-x 1001:1001", "u/gid grwxr-xr-x 1001:1001",
		"r/both ugrwxr-xr-x 0:0", "r/uid urwxr-xr-x 0:0", "r/gid grwxr-xr-x 0:0",
	}},
	{name: "files.customperms.pre-#2042-fix", min: spec.V3_2, max: spec.V3_5, before: specialAccounts, body: specialBits, want: []string{"n/both -rwxr-xr-x 0:0", "u/both -rwxr-xr-x 1001:1001", "u/uid -rwxr-xr-x 1001:1001", "r/gid -rwxr-xr-x 0:0"}},
	{name: "files.create.withhash.dataurl", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"data:,asdf%0Afdsa","verification":{"hash":"$sha512_contents"}}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},
	{name: "files.create.withhash.dataurl.sha256", min: spec.V3_1, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"data:,asdf%0Afdsa","verification":{"hash":"$sha256_contents"}}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},
	{name: "files.create.withhash.http", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/contents","verification":{"hash":"$sha512_contents"}}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},
	{name: "files.create.withhash.http.sha256", min: spec.V3_1, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/contents","verification":{"hash":"$sha256_contents"}}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},
	{name: "files.create.withhash.http.headers", min: spec.V3_1, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/contents_headers","httpHeaders":[$auth],"verification":{"hash":"$sha512_contents"}}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},
	{name: "files.create.http", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/contents"}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},
	{name: "files.create.http.compressed", min: spec.V3_1, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/contents_compressed","compression":"gzip","verification":{"hash":"$sha512_contents"}}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},
	{name: "files.create.http.headers", min: spec.V3_1, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/contents_headers","httpHeaders":[$auth]}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},
	{name: "files.create.http.headers.redirect", min: spec.V3_1, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/contents_headers_redirect","httpHeaders":[$auth]}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},
	{name: "files.create.http.headers.overwrite", min: spec.V3_1, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/contents_headers_overwrite","httpHeaders":[$other]}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},
	{name: "files.create.tftp", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$tftp/contents"}}]}`, want: []string{`foo/bar "asdf\nfdsa"`}},

	{name: "files.verification.badhash.dataurl", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"data:,other","verification":{"hash":"$sha512_contents"}}}]}`, fails: "hash does not match"},
	{name: "files.verification.badhash.dataurl.sha256", min: spec.V3_1, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"data:,other","verification":{"hash":"$sha256_contents"}}}]}`, fails: "hash does not match"},
	{name: "files.verification.badhash.http", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/config","verification":{"hash":"$sha512_contents"}}}]}`, fails: "hash does not match"},
	{name: "files.verification.badhash.http.sha256", min: spec.V3_1, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/config","verification":{"hash":"$sha256_contents"}}}]}`, fails: "hash does not match"},
	{name: "files.create.http.notfound", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/notfound"}}]}`, fails: "HTTP status 404"},
	{name: "files.create.http.invalidheader", min: spec.V3_1, body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$http/contents_headers","httpHeaders":[$wrong]}}]}`, fails: "HTTP status 400"},
	{name: "files.create.tftp.notfound", body: `"storage":{"files":[{"path":"/foo/bar","contents":{"source":"$tftp/missing"}}]}`, fails: "not found"},
	{name: "files.create.overwrite.false", before: []string{"file foo/bar old"}, body: `"storage":{"files":[{"path":"/foo/bar","overwrite":false,"contents":{"source":"$http/contents"}}]}`, fails: "a regular file is already there"},
	{name: "files.creates.overwrite.false.overdir", before: []string{"file foo/bar/x old"}, body: `"storage":{"files":[{"path":"/foo/bar","overwrite":false,"contents":{"source":"$http/contents"}}]}`, fails: "a directory is already there"},

	{name: "links.hard.create", body: `"storage":{"files":[{"path":"/foo/target","contents":{"source":"$http/contents"}}],"links":[{"path":"/foo/bar","target":"/foo/target","hard":true}]}`, want: []string{`foo/target "asdf\nfdsa" = foo/bar`}},
	{name: "links.hard.match", before: []string{"file target x", "hard existing target"}, body: `"storage":{"links":[{"path":"/existing","target":"/target","hard":true}]}`, want: []string{`target "x" = existing`}},
	{name: "links.hard.create.force", before: []string{"file foo/bar old"}, body: `"storage":{"files":[{"path":"/foo/target","contents":{"source":"$http/contents"}}],"links":[{"path":"/foo/bar","target":"/foo/target","hard":true,"overwrite":true}]}`, want: []string{`foo/target "asdf\nfdsa" = foo/bar`}},
	{name: "links.hard.deep.create.file", body: `"storage":{"files":[{"path":"/foo/bar/baz","contents":{"source":"data:,x"}}],"links":[{"path":"/foo/quux","target":"/foo/bar/baz","hard":true}]}`, want: []string{`foo/quux "x" = foo/bar/baz`}},
	{name: "links.hard.create.tosym", before: []string{"link bar /nowhere"}, body: `"storage":{"links":[{"path":"/foo","target":"/bar","hard":true}]}`, want: []string{"foo -> /nowhere", "bar -> /nowhere"}},
	{name: "links.hard.badmatch", before: []string{"file target x", "file other x", "hard existing other"}, body: `"storage":{"links":[{"path":"/existing","target":"/target","hard":true}]}`, fails: "a regular file is already there"},
	{name: "links.hard.create.overwrite.false", before: []string{"file foo/bar asdf\nfdsa"}, body: `"storage":{"files":[{"path":"/foo/target","contents":{"source":"$http/contents"}}],"links":[{"path":"/foo/bar","target":"/foo/target","hard":true}]}`, fails: "a regular file is already there"},
	{name: "links.sym.create", body: `"storage":{"files":[{"path":"/foo/target","contents":{"source":"$http/contents"}}],"links":[{"path":"/foo/bar","target":"/foo/target"}]}`, want: []string{"foo/bar -> /foo/target", `foo/target "asdf\nfdsa"`}},
	{name: "links.sym.match", before: []string{"link existing /target"}, body: `"storage":{"links":[{"path":"/existing","target":"/target"}]}`, want: []string{"existing -> /target"}},
	{name: "links.sym.create.force", before: []string{"file foo/bar old"}, body: `"storage":{"files":[{"path":"/foo/target","contents":{"source":"data:,x"}}],"links":[{"path":"/foo/bar","target":"/foo/target","overwrite":true}]}`, want: []string{"foo/bar -> /foo/target"}},
	{name: "links.sym.writeover", before: []string{"file usr/rofile kept", "link etc/file /usr/rofile"}, body: `"storage":{"files":[{"path":"/etc/file","overwrite":true,"mode":420,"contents":{"source":""}}]}`, want: []string{`etc/file -rw-r--r-- 0:0 ""`, `usr/rofile "kept"`}},
	{name: "links.sym.writeover.broken", before: []string{"link etc/file /usr/rofile"}, body: `"storage":{"files":[{"path":"/etc/file","overwrite":true,"mode":420,"contents":{"source":""}}]}`, want: []string{`etc/file -rw-r--r-- 0:0 ""`, "usr/rofile absent"}},
	{name: "links.sym.badmatch", before: []string{"link existing /error"}, body: `"storage":{"links":[{"path":"/existing","target":"/target"}]}`, fails: "a symbolic link to /error is already there"},
	{name: "links.sym.create.overwrite.false", before: []string{"file foo/bar old"}, body: `"storage":{"files":[{"path":"/foo/target","contents":{"source":"$http/contents"}}],"links":[{"path":"/foo/bar","target":"/foo/target"}]}`, fails: "a regular file is already there"},
	{name: "links.sym.create.overwrite.false.overdir", before: []string{"dir foo/bar"}, body: `"storage":{"links":[{"path":"/foo/bar","target":"/foo/target"}]}`, fails: "a directory is already there"},
	{name: "links.sym.overwritelink", before: []string{"link bar /nowhere"}, body: `"storage":{"files":[{"path":"/bar","overwrite":false,"mode":420}]}`, fails: "a symbolic link is already there"},
	{name: "links.sym.resovledconflicts", before: []string{"link foo /"}, body: `"storage":{"files":[{"path":"/foo/bar/baz"},{"path":"/bar/baz"}]}`, fails: "and so does file"},

	{name: "systemd.unit.create", body: `"systemd":{"units":[{"name":"example.service","enabled":true,"contents":"` + wanted + `"}]}`, want: []string{units + `example.service -rw-r--r-- 0:0 "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"`, presets + ` "enable example.service\n"`}},
	{name: "systemd.unit.modify", body: `"systemd":{"units":[{"name":"systemd-journald.service","dropins":[{"name":"debug.conf","contents":"[Service]\nEnvironment=SYSTEMD_LOG_LEVEL=debug\n"}]}]}`, want: []string{units + `systemd-journald.service.d/debug.conf -rw-r--r-- 0:0 "[Service]\nEnvironment=SYSTEMD_LOG_LEVEL=debug\n"`}},
	{name: "systemd.unit.mask", body: `"systemd":{"units":[{"name":"systemd-journald.service","mask":true}]}`, want: []string{units + "systemd-journald.service -> /dev/null"}},
	{name: "unit.mask", before: []string{"file " + vendor + "foo.service " + template}, body: `"systemd":{"units":[{"name":"foo.service","mask":true},{"name":"bar.service","mask":true}]}`, want: []string{units + "foo.service -> /dev/null", units + "bar.service -> /dev/null"}},
	{name: "unit.unmask", before: []string{"file " + vendor + "foo.service " + template, "file " + vendor + "bar.service " + template, "link " + units + "foo.service /dev/null"}, body: `"systemd":{"units":[{"name":"foo.service","mask":false},{"name":"bar.service","enabled":true,"mask":false}]}`, want: []string{units + "foo.service absent", units + "bar.service absent", presets + ` "enable bar.service\n"`}},
	{name: "unit.remove.symlinks", before: []string{"file " + vendor + "foo.service " + template, "link " + units + "multi-user.target.wants/foo.service /usr/lib/systemd/system/foo.service"}, body: `"systemd":{"units":[{"name":"foo.service","enabled":false},{"name":"enoent.service","enabled":false}]}`, want: []string{units + "multi-user.target.wants/foo.service absent"}},
	{name: "unit.presets.sorted", body: `"systemd":{"units":[{"name":"e.service","enabled":true},{"name":"a.service","enabled":true},{"name":"d.service","enabled":true},{"name":"c.service","enabled":true},{"name":"b.service","enabled":true}]}`, want: []string{presets + ` "enable a.service\nenable b.service\nenable c.service\nenable d.service\nenable e.service\n"`}},
	{name: "instantiated.unit.create", body: `"systemd":{"units":[{"name":"echo@.service","contents":"` + wanted + `"},{"name":"echo@bar.service","enabled":true},{"name":"echo@foo.service","enabled":true}]}`, want: []string{units + "echo@.service -rw-r--r-- 0:0", presets + ` "enable echo@.service bar foo\n"`}},
	{name: "unit.create.emptydropin", body: `"systemd":{"units":[{"name":"zincati.service","dropins":[{"name":"empty.conf","contents":""}]}]}`, want: []string{units + `zincati.service.d/empty.conf -rw-r--r-- 0:0 ""`}},
}

const addedUser = `"passwd":{"users":[{"name":"test","passwordHash":"zJW/EKqqIk44o","sshAuthorizedKeys":["ssh-rsa AAAA"]},{"name":"jenkins","uid":1020}]}`

// hasJenkins are accounts with one to delete.
var hasJenkins = []string{
	"file etc/passwd root:x:0:0:root:/root:/bin/bash\njenkins:x:1020:1001::/home/jenkins:/bin/bash\n", "file etc/group root:x:0:root\njenkins:x:1020:\n",
	"file etc/shadow root:*:15887:0:::::\njenkins:*:17331:0:99999:7:::\n", "file etc/gshadow root:*::root\njenkins:!::\n", "file etc/login.defs MAIL_DIR /var/spool/mail\n",
}

// accountScenarios are about users and groups.
var accountScenarios = []upstream{
	{name: "users.add", before: accounts, body: addedUser, want: []string{`home/test/.ssh/authorized_keys.d/ignition -rw------- 1008:1008 "ssh-rsa AAAA\n"`, "home/test drwxr-xr-x 1008:1008"}, accounts: map[string]string{"passwd jenkins": "jenkins:x:1020:1020::/home/jenkins:.*", "shadow test": `test:zJW/EKqqIk44o:\d+:0:99999:7:::`, "shadow jenkins": `jenkins:\*:\d+:0:99999:7:::`, "group jenkins": "jenkins:x:1020:"}},
	{name: "users.authorized_keys", before: accounts, body: addedUser, env: []string{"IGNITION_WRITE_AUTHORIZED_KEYS_FRAGMENT=false"}, want: []string{`home/test/.ssh/authorized_keys -rw------- 1008:1008 "ssh-rsa AAAA\n"`, "home/test/.ssh/authorized_keys.d absent"}},
	{name: "users.delete", min: spec.V3_2, before: hasJenkins, body: `"passwd":{"users":[{"name":"jenkins","shouldExist":false},{"name":"test","shouldExist":false}]}`, accounts: map[string]string{"passwd jenkins": "", "shadow jenkins": ""}},
	{name: "groups.add", before: accounts, body: `"passwd":{"groups":[{"name":"group1","gid":1500},{"name":"group2","system":true}]}`, accounts: map[string]string{"group group1": "group1:x:1500:", "gshadow group1": "group1:[!*]::", "group group2": `group2:x:\d{3}:`}},
	{name: "groups.delete", min: spec.V3_2, before: hasJenkins, body: `"passwd":{"groups":[{"name":"jenkins","shouldExist":false},{"name":"test","shouldExist":false}]}`, accounts: map[string]string{"group jenkins": "", "gshadow jenkins": ""}},
	{name: "groups.ensure.idempotent", before: accounts, body: `"passwd":{"groups":[{"name":"docker","gid":20}]}`, accounts: map[string]string{"group docker": "docker:x:20:old"}},
}
