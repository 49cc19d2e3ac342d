package probe

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// images are devices made by the real tools. IMG stands for the file, SRC for a
// directory with something in it.
var images = []struct {
	name, size, command string
}{
	{"ext2", "8M", "mkfs.ext2 -q -L old -U 6e1b3f5c-1d2a-4b6e-9a44-0f0f7c7f8a11 IMG"},
	{"ext3", "16M", "mkfs.ext3 -q IMG"},
	{"ext4", "16M", "mkfs.ext4 -q -L données IMG"},
	{"ext4 without journal", "8M", "mkfs.ext4 -q -O ^has_journal IMG"},
	{"ext4 in an old revision", "8M", "mkfs.ext2 -q -r 0 IMG"},
	{"external journal", "8M", "mkfs.ext4 -q -O journal_dev IMG"},
	{"xfs", "300M", "mkfs.xfs -q -L data IMG"},
	{"xfs version 4", "300M", "mkfs.xfs -q -m crc=0 IMG"},
	{"btrfs", "128M", "mkfs.btrfs -q -L tree IMG"},
	{"FAT12", "2M", "mkfs.vfat -F 12 -n FLOPPY IMG"},
	{"FAT16", "32M", "mkfs.vfat -F 16 IMG"},
	{"FAT32", "64M", "mkfs.vfat -F 32 -n EFI-SYSTEM -i deadbeef IMG"},
	{"FAT32 in sectors of 4096 bytes", "300M", "mkfs.vfat -F 32 -S 4096 -n EFI IMG"},
	{"swap", "4M", "mkswap -L swapped IMG"},
	{"swap in pages of 64 KiB", "4M", "mkswap -p 65536 IMG"},
	{"LUKS1", "8M", "echo pw | cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 IMG -"},
	{"LUKS2", "32M", "echo pw | cryptsetup luksFormat -q --type luks2 --label secret --pbkdf pbkdf2 --pbkdf-force-iterations 1000 IMG -"},
	{"squashfs", "0", "mksquashfs SRC IMG -noappend -quiet"},
	{"erofs", "0", "mkfs.erofs IMG SRC"},
	{"f2fs", "64M", "mkfs.f2fs -q -l flash IMG"},
	{"exfat", "16M", "mkfs.exfat -n card IMG"},
	{"ntfs", "16M", "mkntfs -F -Q -L windows IMG"},
	{"iso9660", "0", "xorriso -as mkisofs -V cidata -J -R -o IMG SRC"},
	{"iso9660 with a long label", "0", "xorriso -as mkisofs -V A_LABEL_OF_MORE_THAN_16_LETTERS -J -o IMG SRC"},
	{"udf", "16M", "mkudffs -l disc IMG"},
	{"udf in blocks of 2048", "16M", "mkudffs -b 2048 -l disc IMG"},
	{"nilfs2", "160M", "mkfs.nilfs2 -q -L log IMG"},
	{"jfs", "32M", "mkfs.jfs -q -L journal IMG"},
	{"reiserfs", "64M", "mkreiserfs -q -f -f -l tree IMG"},
	{"bcache", "16M", "make-bcache -B IMG"},
	{"gpt", "16M", "sgdisk -n 1:0:0 IMG"},
	{"mbr", "16M", "echo 2048,4096,83 | sfdisk -q IMG"},
	{"nothing", "16M", "true"},
	{"zfs", "64M", "cp SRC/zfs IMG"},
	{"md 0.90", "16M", "cp SRC/md090 IMG"},
	{"md 0.90 of another byte order", "16M", "cp SRC/md090be IMG"},
	{"md 1.0", "16M", "cp SRC/md10 IMG"},
	{"md 1.1", "16M", "cp SRC/md11 IMG"},
	{"md 1.2", "16M", "cp SRC/md12 IMG"},
	{"LVM", "16M", "cp SRC/lvm IMG"},
	{"ddf", "16M", "cp SRC/ddf IMG"},
	{"imsm", "16M", "cp SRC/imsm IMG"},
	{"suspended", "4M", "mkswap -L ram IMG && printf S1SUSPEND | dd of=IMG bs=1 seek=4086 conv=notrunc"},
	{"LUKS2 over old ext4", "32M", "mkfs.ext4 -q IMG && echo pw | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 IMG -"},
	{"ext4 in an xfs", "300M", "mkfs.xfs -q IMG && mkfs.ext4 -q -F SRC/../other 8M && dd if=SRC/../other of=IMG bs=1024 skip=1 seek=1 count=1 conv=notrunc"},
	{"swap in an ext4", "16M", "mkfs.ext4 -q IMG && printf SWAPSPACE2 | dd of=IMG bs=1 seek=4086 conv=notrunc"},
	{"FAT over old ext4", "32M", "mkfs.ext4 -q IMG && mkfs.vfat -F 32 IMG"},
	{"an MBR beside ext4", "16M", "mkfs.ext4 -q IMG && echo 2048,4096,83 | sfdisk -q --wipe never IMG"},
	{"a GPT beside md 1.0", "16M", "cp SRC/md10 IMG && sgdisk -n 1:0:0 IMG"},
	{"a GPT beside btrfs", "128M", "mkfs.btrfs -q IMG && echo 2048,4096 | sfdisk -q --wipe never --label gpt IMG"},
	{"ext4 inside of md 1.0", "16M", "cp SRC/md10 IMG && mkfs.ext4 -q IMG 8M"},
	{"LUKS1 in md 1.1", "16M", "cp SRC/md11 IMG && echo pw | cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 IMG - && cp SRC/md11 SRC/../m && dd if=SRC/../m of=IMG bs=1M seek=8 conv=notrunc"},
	{"an iso with an MBR", "0", "xorriso -as mkisofs -V both -o IMG SRC && echo 64,100,83 | sfdisk -q --wipe never IMG"},
	{"a disc of two kinds", "0", "xorriso -as mkisofs -V two -o IMG SRC && truncate -s 16M IMG && mkudffs -b 2048 -l disc SRC/../u 16384 && dd if=SRC/../u of=IMG bs=2048 skip=17 seek=19 count=4 conv=notrunc"},
	{"swap over old btrfs", "128M", "mkfs.btrfs -q IMG && mkswap IMG && printf _BHRfS_M | dd of=IMG bs=1 seek=65600 conv=notrunc"},
}

// unlike are images about which we differ from blkid on purpose, with the reason.
var unlike = map[string]string{
	"exfat": "blkid takes the boot sector for an empty MBR as well",
	"ntfs":  "wipefs does",
	"zfs":   "blkid reads the pairs of one label, wipefs stops when fewer than four uberblocks are left",
}

// sources is a directory with files, and with images that no tool makes here: a RAID
// needs the kernel, a pool its module, a physical volume a device.
func sources(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range crafted() {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "tree"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tree/file"), []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// make runs a command that makes an image.
func makeImage(t *testing.T, src, size, command string) string {
	t.Helper()
	img := filepath.Join(t.TempDir(), "img")
	if strings.Contains(command, "SRC/") {
		command = strings.ReplaceAll(command, "SRC/", src+"/")
	}
	command = strings.ReplaceAll(strings.ReplaceAll(command, "IMG", img), "SRC", filepath.Join(src, "tree"))
	if size != "0" {
		command = "truncate -s " + size + " " + img + " && { " + command + "; }"
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, said)
	}
	return img
}

// escaped is a character that blkid hides from shells.
var escaped = regexp.MustCompile(`\\(.)`)

// blkid is what the real one says, as Signature of the content and of the table.
func blkid(t *testing.T, img string) (content, table string) {
	t.Helper()
	out, err := exec.Command("blkid", "-p", "-o", "export", img).Output()
	if err != nil {
		if strings.Contains(err.Error(), "exit status 8") {
			return "ambivalent", ""
		}
		if !strings.Contains(err.Error(), "exit status 2") {
			t.Fatal(err)
		}
	}
	v := map[string]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		v[key] = escaped.ReplaceAllString(value, "$1")
	}
	return describe(Signature{
		Type: v["TYPE"], Usage: Usage(v["USAGE"]), Label: v["LABEL"], UUID: v["UUID"], UUIDSub: v["UUID_SUB"], Version: v["VERSION"],
	}), v["PTTYPE"] + " " + v["PTUUID"]
}

func describe(s Signature) string {
	return fmt.Sprintf("type %s usage %s label %s uuid %s sub %s version %s", s.Type, s.Usage, s.Label, s.UUID, s.UUIDSub, s.Version)
}

// ours is the same by this package, from the image as it is now.
func ours(t *testing.T, img string) (content, table string, r Report) {
	t.Helper()
	f, err := os.Open(img)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err = Probe(f, info(t, img).Size())
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Content()
	if err != nil {
		return "ambivalent", "", r
	}
	return describe(s), r.Table().Type + " " + r.Table().UUID, r
}

func TestAgreesWithBlkid(t *testing.T) {
	programs.Need(t, "blkid", "wipefs", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "mkfs.vfat", "mkswap", "cryptsetup", "mksquashfs", "mkfs.erofs",
		"mkfs.f2fs", "mkfs.exfat", "mkntfs", "xorriso", "mkudffs", "mkfs.nilfs2", "mkfs.jfs", "mkreiserfs", "make-bcache", "sgdisk", "sfdisk")
	src := sources(t)
	for _, c := range images {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			img := makeImage(t, src, c.size, c.command)
			content, table := blkid(t, img)
			gotContent, gotTable, report := ours(t, img)
			if caret(gotContent) != content {
				t.Errorf("got  %s\nwant %s", gotContent, content)
			}
			if unlike[c.name] == "" && gotTable != table {
				t.Errorf("got table %q, want %q", gotTable, table)
			}
			if got, want := places(report), wipefs(t, img); unlike[c.name] == "" && !slices.Equal(got, want) {
				t.Errorf("got places  %q\nwant %q", got, want)
			}
			if c.name != "zfs" {
				damage(t, img, report)
			}
		})
	}
}

// emptyMBR is where wipefs sees a table in the zeros of a boot sector: record 0151.
const emptyMBR = "0x1fe dos"

func info(t *testing.T, name string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// places are all marks as "offset type", in order.
func places(r Report) []string {
	var all []string
	for _, s := range r.Signatures {
		for _, p := range s.Places {
			all = append(all, fmt.Sprintf("%#x %s", p.Offset, s.Type))
		}
	}
	slices.Sort(all)
	return all
}

func wipefs(t *testing.T, img string) []string {
	t.Helper()
	out, err := exec.Command("wipefs", "--parsable", "--output", "OFFSET,TYPE", img).Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		if offset, kind, found := strings.Cut(strings.TrimSpace(line), ","); found && offset[0] == '0' {
			all = append(all, offset+" "+kind)
		}
	}
	slices.Sort(all)
	return all
}

// damage changes bytes and cuts the end off, and compares the type each time.
func damage(t *testing.T, img string, report Report) {
	t.Helper()
	var marks []Place
	for _, s := range report.Signatures {
		marks = append(marks, s.Places...)
	}
	raw, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	compare := func(what string) {
		t.Helper()
		want, _ := blkid(t, img)
		got, _, report := ours(t, img)
		if content, err := report.Content(); err == nil && content.Damaged {
			got = describe(Signature{}) // blkid sees nothing
		}
		// of several things on a floppy, blkid names the first
		isFloppy := got == "ambivalent" && info(t, img).Size() <= 1440<<10
		if caret(got) != want && !isFloppy {
			t.Errorf("%s:\ngot  %s\nwant %s", what, got, want)
		}
		got = fmt.Sprint(places(report)) // perhaps more than wipefs sees, but nothing less
		for _, place := range wipefs(t, img) {
			if !strings.Contains(got, place) && place != emptyMBR {
				t.Errorf("%s: got places  %s\nwipefs sees %s", what, got, place)
			}
		}
	}
	const seed = 7
	random := rand.New(rand.NewPCG(seed, uint64(len(raw))))
	f, err := os.OpenFile(img, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	changes := 24
	if testing.Short() {
		changes = 2
	}
	for n := range changes {
		// Where something is, or the change would be none to anybody; every second time
		// beside a mark.
		pick := func() int { return random.IntN(min(len(raw), 0x11000)) }
		if len(marks) > 0 && n%2 == 0 {
			mark := int(marks[random.IntN(len(marks))].Offset)
			pick = func() int { return min(max(mark-128+random.IntN(512), 0), len(raw)-1) }
		}
		at := pick()
		for tries := 0; raw[at] == 0 && tries < 10000; tries++ {
			at = pick()
		}
		if _, err := f.WriteAt([]byte{raw[at] ^ byte(1+random.IntN(255))}, int64(at)); err != nil {
			t.Fatal(err)
		}
		compare(fmt.Sprintf("byte %#x changed", at))
		if _, err := f.WriteAt(raw[at:at+1], int64(at)); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range []int{len(raw) / 2, 0x9000, 0x2000, 0x600, 100, 0} {
		if size < len(raw) {
			if err := f.Truncate(int64(size)); err != nil {
				t.Fatal(err)
			}
			compare(fmt.Sprintf("cut to %#x bytes", size))
		}
	}
}

// caret writes bytes that cannot be printed as blkid does.
func caret(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 128 {
			b.WriteString("M-")
			c -= 128
		}
		if c < 32 || c == 127 {
			b.WriteByte('^')
			c ^= 64
		}
		b.WriteByte(c)
	}
	return b.String()
}

// crafted are images without a tool.
func crafted() map[string][]byte {
	id := []byte("0123456789abcdef")
	image := func() []byte { return make([]byte, 16<<20) }
	md := func(at int64, fill func(sb []byte)) []byte {
		img := image()
		sb := img[at:]
		copy(sb, mdMagicLE)
		le.PutUint32(sb[4:], 1)
		copy(sb[16:], id)
		copy(sb[32:], "host:data")
		le.PutUint64(sb[144:], uint64(at/512))
		copy(sb[168:], "fedcba9876543210")
		if fill != nil {
			fill(sb)
		}
		return img
	}
	old := func(order interface {
		PutUint32(b []byte, v uint32)
	},
	) func(sb []byte) {
		return func(sb []byte) {
			clear(sb[:256])
			for i, v := range map[int]uint32{0: 0xa92b4efc, 8: 90, 12: 3, 20: 0x11223344, 32: 16000, 52: 0x55667788, 56: 0x99aabbcc, 60: 0xddeeff00} {
				order.PutUint32(sb[i:], v)
			}
		}
	}
	lvm := image()
	copy(lvm[512:], "LABELONE")
	le.PutUint64(lvm[512+8:], 1)
	le.PutUint32(lvm[512+20:], 32)
	copy(lvm[512+24:], "LVM2 001fNg3Z43Ylwi160mxDNDTWUipx3uzkVVf")
	le.PutUint32(lvm[512+16:], lvmSum(lvm[512+20:1024]))
	imsm := image()
	copy(imsm[len(imsm)-1024:], "Intel Raid ISM Cfg Sig. 1.3.00")
	anchor := image()
	for _, at := range []int{len(anchor) - 512, len(anchor) - 512 - 4096} { // anchor and primary header
		copy(anchor[at:], "\xde\x11\xde\x11\x00\x00\x00\x00Linux-MD\xde\xad\xbe\xef\x00\x00\x00\x00\x12\x34\x56\x78\x9a\xbc\xde\xf001.02.00")
		be.PutUint64(anchor[at+96:], uint64(len(anchor)-512-4096)/512)
	}
	return map[string][]byte{
		"ddf": anchor, "md090": md(md090(16<<20), old(le)), "md090be": md(md090(16<<20), old(be)),
		"md10": md(md10(16<<20), nil), "md11": md(0, nil), "md12": md(4096, nil),
		"lvm": lvm, "imsm": imsm, "zfs": pool(),
	}
}

// lvmSum is the CRC of LVM, bit by bit.
func lvmSum(raw []byte) uint32 {
	crc := uint32(0xf597a6cf)
	for _, b := range raw {
		crc ^= uint32(b)
		for range 8 {
			crc = crc>>1 ^ 0xedb88320*(crc&1)
		}
	}
	return crc
}

// pool is a ZFS vdev: two uberblocks and the pairs in each label.
func pool() []byte {
	img := make([]byte, 64<<20)
	var list bytes.Buffer
	word := func(v ...uint32) {
		for _, v := range v {
			_ = writeBE(&list, v)
		}
	}
	pair := func(name string, kind uint32, value []byte) {
		padded := (len(name) + 3) &^ 3
		word(uint32(20+padded+len(value)), 0, uint32(len(name)))
		list.WriteString(name + strings.Repeat("\x00", padded-len(name)))
		word(kind, 1)
		list.Write(value)
	}
	list.WriteString("\x01\x01\x00\x00")
	word(0, 1)
	pair("version", 8, []byte{0, 0, 0, 0, 0, 0, 0x13, 0x88})
	pair("name", 9, []byte("\x00\x00\x00\x04tank"))
	pair("pool_guid", 8, []byte{0, 0, 0, 0, 1, 2, 3, 4})
	pair("guid", 8, []byte{0x80, 0, 0, 0, 1, 2, 3, 5})
	word(0, 0)
	for _, label := range []int{0, zfsLabel, len(img) - 2*zfsLabel, len(img) - zfsLabel} {
		copy(img[label+zfsPairs:], list.Bytes())
		for i := range 2 {
			u := img[label+zfsRing+(4+i)*zfsUberblock:]
			copy(u, zfsMagicLE)
			le.PutUint64(u[8:], 5000)
		}
	}
	return img
}

func writeBE(b *bytes.Buffer, v uint32) error {
	_, err := b.Write(be.AppendUint32(nil, v))
	return err
}
