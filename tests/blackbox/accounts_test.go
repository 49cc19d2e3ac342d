package blackbox

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPk someone"

// record returns the line of a name in an account file.
func (x *target) record(file, name string) string {
	x.t.Helper()
	data, err := os.ReadFile(filepath.Join(x.root, "etc", file))
	must(x.t, err)
	for l := range strings.Lines(string(data)) {
		if strings.HasPrefix(l, name+":") {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

func (x *target) expectRecord(file, name, want string) {
	x.t.Helper()
	if got := x.record(file, name); !regexp.MustCompile("^" + want + "$").MatchString(got) {
		x.t.Errorf("%s has %q, want %q", file, got, want)
	}
}

func TestAccounts(t *testing.T) {
	needRoot(t, "useradd", "usermod", "userdel", "groupadd", "groupmod", "groupdel")
	x := newTarget(t, accounts...)
	config := x.config(`,"passwd":{
"groups":[{"name":"web","gid":1500,"passwordHash":"$6$group-hush"},{"name":"sys","system":true},{"name":"gone","shouldExist":false},{"name":"wheel","gid":10}],
"users":[
{"name":"core","passwordHash":"$6$user-hush","groups":["wheel","web"],"sshAuthorizedKeys":["` + key + `"],"gecos":"The User"},
{"name":"jenkins","uid":1020,"noCreateHome":true,"sshAuthorizedKeys":["` + key + `"]},
{"name":"daemon2","system":true,"noCreateHome":true,"primaryGroup":"web","shell":"/sbin/nologin"},
{"name":"nobody-here","shouldExist":false},
{"name":"old","groups":["wheel"],"passwordHash":""}]},
"storage":{"files":[{"path":"/srv/x","user":{"name":"core"},"group":{"name":"web"}}]}`)
	r := x.apply(config)
	if r.exit != 0 {
		t.Fatal(r.all())
	}
	x.expectRecord("passwd", "core", `core:x:\d+:\d+:The User:/home/core:.*`)
	x.expectRecord("shadow", "core", `core:\$6\$user-hush:\d+:0:99999:7:::`)
	x.expectRecord("shadow", "jenkins", `jenkins:\*:\d+:0:99999:7:::`)
	x.expectRecord("shadow", "old", `old:\*:\d+:0:99999:7:::`)
	x.expectRecord("passwd", "jenkins", `jenkins:x:1020:1020::/home/jenkins:.*`)
	x.expectRecord("passwd", "daemon2", `daemon2:x:\d\d\d:1500::/home/daemon2:/sbin/nologin`)
	x.expectRecord("group", "web", `web:.*:1500:core`)
	x.expectRecord("gshadow", "web", `web:\$6\$group-hush::core`)
	x.expectRecord("group", "wheel", `wheel:x:10:(core,old|old,core)`)
	x.expectRecord("group", "docker", `docker:x:20:`) // groups are replaced
	uid := strings.Split(x.record("passwd", "core"), ":")[2]
	x.expect(
		`home/core/.ssh drwx------ `+uid+`:`,
		`home/core/.ssh/authorized_keys.d/ignition -rw------- `+uid+`:`,
		`home/core/.profile -rw-r--r-- `+uid+`:`,
		`home/jenkins drwx------ 1020:1020`,
		`home/jenkins/.ssh/authorized_keys.d/ignition -rw------- 1020:1020 "`+key+`\n"`,
		`srv/x -rw-r--r-- `+uid+`:1500 ""`,
	)
	before := snapshot(t, x.root)
	if r := x.apply(config); r.exit != 0 || !strings.HasPrefix(r.stdout, "nothing to do") {
		t.Errorf("applying again does something:\n%s", r.all())
	}
	if d := diff(before, snapshot(t, x.root)); d != nil {
		t.Errorf("applying again changes:\n%s", strings.Join(d, "\n"))
	}

	gone := x.config(`,"passwd":{"users":[{"name":"core","shouldExist":false}],"groups":[{"name":"sys","shouldExist":false}]}`)
	if r := x.apply(gone); r.exit != 0 {
		t.Fatal(r.all())
	}
	for _, f := range []string{"passwd", "shadow"} {
		x.expectRecord(f, "core", "")
	}
	x.expectRecord("group", "sys", "")
	x.expect("home/core absent")
}

func TestKeysInOneFileByEnvironment(t *testing.T) {
	needRoot(t, "useradd")
	x := newTarget(t, accounts...)
	config := x.config(`,"passwd":{"users":[{"name":"core","sshAuthorizedKeys":["` + key + `"]}]}`)
	if r := x.files(config, "IGNITION_WRITE_AUTHORIZED_KEYS_FRAGMENT=0"); r.exit != 0 {
		t.Fatal(r.all())
	}
	x.expect(`home/core/.ssh/authorized_keys "`+key+`\n"`, `home/core/.ssh/authorized_keys.d absent`)
	if r := x.files(config, "IGNITION_WRITE_AUTHORIZED_KEYS_FRAGMENT=perhaps"); r.exit != 1 {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
}

// TestKeysEndWithOneNewline: keys from blocks of YAML bring theirs.
func TestKeysEndWithOneNewline(t *testing.T) {
	needRoot(t)
	for keys, want := range map[string]string{`"k"`: `k\n`, `"k\n"`: `k\n`, `"k",""`: `k\n`, `"k\n","l\n"`: `k\n\nl\n`, `"k\n\n"`: `k\n\n`, `""`: `\n`} {
		x := newTarget(t, accounts...)
		if r := x.files(x.config(`,"passwd":{"users":[{"name":"root","sshAuthorizedKeys":[` + keys + `]}]}`)); r.exit != 0 {
			t.Fatal(r.all())
		}
		x.expect(`root/.ssh/authorized_keys.d/ignition -rw------- 0:0 "` + want + `"`)
	}
}

func TestKeysReplaceTheFileThatIsThere(t *testing.T) {
	needRoot(t, "usermod")
	const file = "root/.ssh/authorized_keys.d/ignition"
	for _, before := range []string{"file " + file + " old", "link " + file + " /etc/hostname"} {
		x := newTarget(t, append(accounts, "file etc/hostname here", before)...)
		if r := x.files(x.config(`,"passwd":{"users":[{"name":"root","primaryGroup":"wheel","sshAuthorizedKeys":["` + key + `"]}]}`)); r.exit != 0 {
			t.Fatal(r.all())
		}
		x.expect(file+` -rw------- 0:10 "`+key+`\n"`, `etc/hostname -rw-r--r-- 0:0 "here"`)
	}
}

func TestKeysAreWrittenWithTheRightsOfTheUser(t *testing.T) {
	needRoot(t, "useradd")
	x := newTarget(t, append(accounts, "dir etc/private", "dir home/core", "link home/core/.ssh /etc/private")...)
	config := x.config(`,"passwd":{"users":[{"name":"core","uid":1234,"sshAuthorizedKeys":["` + key + `"]}]}`)
	must(t, os.Chown(filepath.Join(x.root, "home/core"), 1234, 1234))
	r := x.apply(config)
	if r.exit != 1 || !strings.Contains(r.stderr, "permission denied") {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
	x.expect("etc/private/authorized_keys.d absent")
}

func TestRootHomeBehindALink(t *testing.T) {
	needRoot(t)
	x := newTarget(t, append(accounts, "dir var/roothome", "link root /var/roothome")...)
	config := x.config(`,"passwd":{"users":[{"name":"root","sshAuthorizedKeys":["` + key + `"]}]}`)
	if r := x.apply(config); r.exit != 0 {
		t.Fatal(r.all())
	}
	x.expect(`var/roothome/.ssh/authorized_keys.d/ignition "` + key + `\n"`)
}

func TestPasswordHashesStayOutOfArgumentsAndLogs(t *testing.T) {
	needRoot(t, "useradd", "usermod")
	x := newTarget(t, accounts...)
	config := x.config(`,"passwd":{"groups":[{"name":"web","passwordHash":"$6$group-hush"}],"users":[{"name":"core","passwordHash":"$6$user-hush"},{"name":"old","uid":1700,"passwordHash":"$6$user-hush"}]}`)
	// stand-ins that note their arguments and go on to the real ones
	bin := filepath.Join(x.work, "bin")
	must(t, os.Mkdir(bin, 0o755))
	noted := filepath.Join(x.work, "noted")
	for _, tool := range []string{"useradd", "usermod", "groupadd", "groupmod"} {
		script := "#!/bin/sh\necho " + tool + " \"$@\" >> " + noted + "\nPATH=${PATH#*:}\nexec " + tool + " \"$@\"\n"
		must(t, os.WriteFile(filepath.Join(bin, tool), []byte(script), 0o755))
	}
	r := x.files(config, "PATH="+bin+":"+os.Getenv("PATH"))
	data, err := os.ReadFile(noted)
	must(t, err)
	if r.exit != 0 || !strings.Contains(string(data), "useradd --root "+x.root+" --create-home --password * core") {
		t.Errorf("exit %d, programs were called so:\n%s\n%s", r.exit, data, r.all())
	}
	if all := string(data) + r.all(); strings.Contains(all, "hush") {
		t.Errorf("a hash is in arguments or in the log:\n%s", all)
	}
	x.expectRecord("shadow", "old", `old:\$6\$user-hush:.*`)
	x.expectRecord("gshadow", "web", `web:\$6\$group-hush::`)
}

func TestMissingToolAndGroupAreConflicts(t *testing.T) {
	x := newTarget(t, accounts...)
	config := x.config(`,"passwd":{"users":[{"name":"core","groups":["no-such-group"]}]},"storage":{"files":[{"path":"/x"}]}`)
	empty := filepath.Join(x.work, "bin")
	must(t, os.Mkdir(empty, 0o755))
	r := run(t, "", []string{"PATH=" + empty}, "ignition", "apply", "--root", x.root, config)
	if r.exit != 1 || !strings.Contains(r.stderr, "useradd: the program is not installed") {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
	needRoot(t, "useradd")
	r = x.apply(config)
	if r.exit != 1 || !strings.Contains(r.stderr, `group "no-such-group" does not exist`) {
		t.Errorf("exit %d:\n%s", r.exit, r.all())
	}
	x.expect("x absent")
}

// TestExistingUserWithEveryField: what makes no sense for a user that is there is ignored.
func TestExistingUserWithEveryField(t *testing.T) {
	needRoot(t, "usermod", "groupadd")
	x := newTarget(t, append(accounts, "dir srv", "file home/old/mine kept", "owner home/old 1007:1007", "owner home/old/mine 1007:1007")...)
	config := x.config(`,"passwd":{"groups":[{"name":"web","gid":1500}],"users":[{"name":"old","uid":1800,"passwordHash":"$6$new",
"homeDir":"/srv/moved","gecos":"Somebody Else","shell":"/bin/zsh","primaryGroup":"web","groups":["wheel","docker"],
"noUserGroup":true,"system":true,"noLogInit":true,"noCreateHome":true,
"sshAuthorizedKeys":["` + key + `","","restrict,command=\"/bin/echo a b\" ` + key + `","# a remark"]}]}`)
	for range 2 {
		if r := x.files(config); r.exit != 0 {
			t.Fatal(r.all())
		}
		x.expectRecord("passwd", "old", `old:x:1800:1500:Somebody Else:/srv/moved:/bin/zsh`)
		x.expectRecord("shadow", "old", `old:\$6\$new:.*`)
		x.expectRecord("group", "wheel", `wheel:x:10:old`)
		x.expectRecord("group", "docker", `docker:x:20:old`)
		x.expect(`srv/moved/mine -rw-r--r-- 1800:`, "home/old absent",
			`srv/moved/.ssh/authorized_keys.d/ignition -rw------- 1800:1500 "`+key+`\n\nrestrict,command=\"/bin/echo a b\" `+key+`\n# a remark\n"`)
	}
}
