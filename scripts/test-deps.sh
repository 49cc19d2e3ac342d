#!/usr/bin/env bash
# Installs the Debian packages that the tests need and that are not there.
# Does nothing, and needs no network, if all of them are.
set -euo pipefail

# program → package
declare -A needs=(
  [useradd]=passwd         # users and groups are made by the real tools
  [usermod]=passwd
  [groupadd]=passwd
  [mount]=mount            # full and read-only file systems in the tests of the engine
  [unshare]=util-linux     # to mount them where nobody else sees them
  [nsenter]=util-linux     # trees that boot are looked into
  [pivot_root]=util-linux  # and are all that they see
  [patch]=patch            # must understand the diffs of plans
  [setfiles]=policycoreutils # labels of SELinux
  [strace]=strace          # kills a run before each of its writes in turn
  [systemctl]=systemd      # judges which units are enabled
  [linux.uml]=user-mode-linux  # a kernel for tests of disks: partitions, RAID, device-mapper
  [modprobe]=kmod
  [udevadm]=udev           # makes the links below /dev/disk there
  [ip]=iproute2            # the loopback interface there, and networks of their own for tests of fetching
  [losetup]=mount          # disks are files
  [mkfs.fat]=dosfstools
  [mdadm]=mdadm
  [dmsetup]=dmsetup
  [kpartx]=kpartx          # partitions of multipath devices
  [lsblk]=util-linux
  [clevis-luks-bind]=clevis-luks  # volumes that a server unlocks
  [clevis-encrypt-tpm2]=clevis-tpm2 # or a TPM
  [swtpm]=swtpm            # which this emulates
  [tpm2_getrandom]=tpm2-tools
  [jose]=jose
  [sgdisk]=gdisk           # partition tables are compared with what these make of them
  [sfdisk]=fdisk
  [cgpt]=cgpt              # reads which slot of a disk is booted
  [parted]=parted
  [blkid]=util-linux       # judges what is on a device, and of every format below
  [wipefs]=util-linux
  [mkswap]=util-linux
  [mkfs.ext4]=e2fsprogs
  [mkfs.xfs]=xfsprogs
  [mkfs.btrfs]=btrfs-progs
  [mkfs.vfat]=dosfstools
  [cryptsetup]=cryptsetup-bin
  [mksquashfs]=squashfs-tools
  [mkfs.erofs]=erofs-utils
  [mkfs.f2fs]=f2fs-tools
  [mkfs.exfat]=exfatprogs
  [mkntfs]=ntfs-3g
  [xorriso]=xorriso
  [mkudffs]=udftools
  [mkfs.nilfs2]=nilfs-tools
  [mkfs.jfs]=jfsutils
  [mkreiserfs]=reiserfsprogs
  [make-bcache]=bcache-tools
  [mcopy]=mtools
  [sshd]=openssh-server    # these read what the variant linux writes
  [ssh-keygen]=openssh-client
  [visudo]=sudo
  [nmcli]=network-manager
  [sysctl]=procps
  [pgrep]=procps
  [chattr]=e2fsprogs
  [mandoc]=mandoc          # judges the manual pages, as do the next two
  [groff]=groff
  [man]=man-db
  [curl]=curl              # machines ask for a reboot lock by it
  [zsh]=zsh                # the shells that have completions
  [fish]=fish
  [in.tftpd]=tftpd-hpa     # two TFTP servers
  [dnsmasq]=dnsmasq-base
  [tinyproxy]=tinyproxy-bin # a proxy with passwords
  [zstd]=zstd              # packs documents
  [mmdebstrap]=mmdebstrap  # a Debian to boot
  [lintian]=lintian        # judges the package for Debian
  [qemu-system-x86_64]=qemu-system-x86
  [qemu-img]=qemu-utils
  [gcc]=gcc                # the race detector links with it
)
missing=()
for program in "${!needs[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || missing+=("${needs[$program]}")
done
[ -x /usr/libexec/tangd ] || missing+=(tang) # the server, which no PATH has
# what network cards of virtual machines boot from
[ -e /usr/lib/ipxe/qemu/pxe-virtio.rom ] || missing+=(ipxe-qemu)
# The race detector needs the C library to link against as well.
[ -e /usr/include/stdlib.h ] || missing+=(libc6-dev)
[ "${#missing[@]}" -eq 0 ] && exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

if ! command -v apt-get >/dev/null; then
  echo "test-deps: not found here: ${missing[*]} (names of Debian packages); install them by hand" >&2
  exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "test-deps: the tests need ${missing[*]}; as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  sudo=(sudo -n)
fi
export DEBIAN_FRONTEND=noninteractive
# No service is to start because of the tests: packages ask this program.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${sudo[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod +x "$policy"
fi
echo "test-deps: installing ${missing[*]}"
"${sudo[@]}" apt-get update -q </dev/null
"${sudo[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null
