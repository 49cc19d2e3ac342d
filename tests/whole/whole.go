// Package whole is a machine with everything at once, for tests that provision it and look
// at the result or at the time: two disks with partitions of others on them, and a config
// with RAID1, LUKS, four file systems, files, users and units.
package whole

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Counts of what the config has.
const (
	vaultUUID = "2d16bd7d-ee30-4a5f-8c1c-2b3b6a8a7f01"
	files     = 300
	users     = 5
	units     = 20
)

// tables are the disks before, as sfdisk(8) writes them.
var tables = [2]string{
	`label: gpt
label-id: 0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D0C1
1: start=1MiB, size=4MiB, name="foreign", uuid=0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D001, attrs="LegacyBIOSBootable GUID:57"
2: start=5MiB, size=48MiB, name="ROOT", uuid=0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D002
3: start=53MiB, size=40MiB, name="old", uuid=0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D003
9: start=93MiB, size=4MiB, name="foreign too", uuid=0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D009
`,
	`label: gpt
label-id: 0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D0C2
1: start=1MiB, size=8MiB, name="goes", uuid=0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D011
5: start=9MiB, size=4MiB, name="stays", uuid=0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D015
`,
}

// sizesMiB are the sizes of the disks.
var sizesMiB = [2]int64{200, 440}

// Place is a partition by where it is: the number of the disk, start and size in MiB.
type Place struct {
	Disk              int
	StartMiB, SizeMiB int64
}

// Foreign are the partitions that must not change. Each is full of its Data.
var Foreign = []Place{{0, 1, 4}, {0, 93, 4}, {1, 9, 4}}

// Disks writes the two disks as they are before, into files in a directory, by sfdisk and
// mke2fs.
func Disks(dir string) (names [2]string, err error) {
	for i, table := range tables {
		names[i] = filepath.Join(dir, fmt.Sprintf("disk%d", i))
		f, err := os.Create(names[i])
		if err != nil {
			return names, err
		}
		defer f.Close() //nolint:errcheck // nothing is written later
		if err := f.Truncate(sizesMiB[i] << 20); err != nil {
			return names, err
		}
		cmd := exec.Command("sfdisk", "-q", names[i])
		cmd.Stdin = strings.NewReader(table)
		if said, err := cmd.CombinedOutput(); err != nil {
			return names, fmt.Errorf("sfdisk: %w: %s", err, said)
		}
		for _, place := range Foreign {
			if place.Disk != i {
				continue
			}
			if _, err := f.WriteAt(place.Data(), place.StartMiB<<20); err != nil {
				return names, err
			}
		}
	}
	root := filepath.Join(dir, "root")
	for name, text := range map[string]string{
		"passwd": "root:x:0:0:root:/root:/bin/bash\n", "group": "root:x:0:\nwheel:x:10:\n", "shadow": "root:*:19000:0:99999:7:::\n",
		"gshadow": "root:*::\nwheel:*::\n", "login.defs": "UID_MIN 1000\nGID_MIN 1000\nUSERGROUPS_ENAB yes\nHOME_MODE 0700\n",
	} {
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			return names, err
		}
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			return names, err
		}
	}
	// inode tables that are written later would make runs differ
	said, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0,offset="+fmt.Sprint(5<<20), "-d", root, names[0], "48M").CombinedOutput()
	if err != nil {
		return names, fmt.Errorf("mke2fs: %w: %s", err, said)
	}
	return names, os.RemoveAll(root)
}

// Data is what a foreign partition is full of.
func (p Place) Data() []byte {
	line := fmt.Sprintf("data of somebody else, %v\n", p)
	n := int(p.SizeMiB << 20)
	return []byte(strings.Repeat(line, n/len(line)+1)[:n])
}

// Config is the config for two disks, as a spec from 3.2 on has it.
func Config(version string, disks [2]string) string {
	var fileList, userList, unitList []string
	for i := range files {
		dir := []string{"/var/lib", "/srv/deep/down", "/data", "/etc/conf.d"}[i%4]
		fileList = append(fileList, fmt.Sprintf(`{"path":"%s/file%d","mode":%d,"contents":{"source":"data:,content%%20%d"}}`, dir, i, 0o600+i%8, i))
	}
	fileList = append(fileList, `{"path":"/boot/loader.conf","mode":493,"contents":{"source":"data:,boot"}}`)
	for i := range users {
		userList = append(userList, fmt.Sprintf(`{"name":"user%d","uid":%d,"passwordHash":"$6$salt$hash%d","groups":["wheel","some"],"sshAuthorizedKeys":["ssh-ed25519 AAAA%d"]}`, i, 1100+i, i, i))
	}
	for i := range units {
		unitList = append(unitList, fmt.Sprintf(`{"name":"unit%d.service","enabled":%v,"contents":"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n","dropins":[{"name":"a.conf","contents":"[Service]\nUser=user%d\n"}]}`, i, i%3 != 0, i%users))
	}
	text := `{"ignition":{"version":"` + version + `"},
"passwd":{"groups":[{"name":"some","gid":1500}],"users":[` + strings.Join(userList, ",") + `]},
"systemd":{"units":[` + strings.Join(unitList, ",") + `,{"name":"masked.service","mask":true}]},
"storage":{
"disks":[
 {"device":"DISK0","partitions":[
  {"number":3,"label":"one","sizeMiB":24,"guid":"0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D0A3","wipePartitionEntry":true},
  {"label":"secret","sizeMiB":40,"guid":"0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D0A4"}]},
 {"device":"DISK1","partitions":[
  {"number":1,"shouldExist":false,"wipePartitionEntry":true},
  {"number":2,"label":"two","sizeMiB":24,"guid":"0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D0B2"},
  {"number":3,"label":"boot","sizeMiB":34,"guid":"0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D0B3","typeGuid":"C12A7328-F81F-11D2-BA4B-00A0C93EC93B"},
  {"number":4,"label":"data","sizeMiB":320,"guid":"0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D0B4"}]}],
"raid":[{"name":"mirror","level":"raid1","devices":["/dev/disk/by-partlabel/one","/dev/disk/by-partlabel/two"]}],
"luks":[{"name":"vault","device":"/dev/disk/by-partlabel/secret","label":"vault","uuid":"` + vaultUUID + `","options":["--pbkdf","pbkdf2","--pbkdf-force-iterations","1000"]}],
"filesystems":[
 {"device":"/dev/md/mirror","format":"ext4","path":"/var","label":"var","uuid":"11111111-2222-4333-8444-555555555501"},
 {"device":"/dev/mapper/vault","format":"ext4","path":"/srv","label":"srv","uuid":"11111111-2222-4333-8444-555555555502","wipeFilesystem":true},
 {"device":"/dev/disk/by-partlabel/data","format":"xfs","path":"/data","label":"data","uuid":"11111111-2222-4333-8444-555555555503"},
 {"device":"/dev/disk/by-partlabel/boot","format":"vfat","path":"/boot","label":"BOOT","uuid":"2E24EC82"}],
"directories":[{"path":"/srv/deep","mode":448,"user":{"name":"user1"},"group":{"name":"some"}}],
"files":[` + strings.Join(fileList, ",") + `],
"links":[{"path":"/etc/link","target":"/var/lib/file0"},{"path":"/var/hard","hard":true,"target":"/var/lib/file4"}]}}`
	return strings.NewReplacer("DISK0", disks[0], "DISK1", disks[1]).Replace(text)
}
