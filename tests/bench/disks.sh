# Runs in a virtual machine of package uml with systemd: provisions a machine of two disks
# with one engine after the other, in turns, and writes what each stage took, in
# microseconds: ENGINE CONFIG STAGE TIME. The directory of results has the disks as they are
# before (disk0, disk1), the configs whole.ign and large.ign, and ours and theirs, the engines.
load loop dm-mod cbc aes_generic hmac sha256_generic xts dm-crypt md-mod raid1 ext4 xfs vfat
mkdir -p /run/bin /run/scratch /run/sysroot
printf '#!/bin/sh\n' >/run/bin/setfiles # Debian's package labels in any case
chmod +x /run/bin/setfiles
cp /run/out/ours /run/out/theirs /run/bin/
# a rule of the initramfs: volumes without a file system are ready for systemd as well
mkdir -p /run/udev/rules.d
cp /usr/lib/dracut/modules.d/30ignition/*.rules /run/udev/rules.d/
udevadm control --reload
export IGNITION_CONFIG_FILE=/run/scratch/config.ign PATH=/run/bin:$PATH

# stage ENGINE CONFIG STAGE
stage() {
  local root=/ begin=${EPOCHREALTIME/./}
  case $3 in mount | files | umount) root=/run/sysroot ;; esac
  if ! "$1" --platform=file --stage="$3" --root=$root --log-to-stdout --config-cache=/run/scratch/cache \
    --state-file=/run/scratch/state --neednet=/run/scratch/neednet >/run/scratch/log 2>&1; then
    echo "$1 fails in stage $3:"
    grep -v '^[[:space:]{}]' /run/scratch/log # without the config
    return 1
  fi
  took="$took$1 $2 $3 $((${EPOCHREALTIME/./} - begin))"$'\n'
}

# selinux makes Debian's package believe that there is a policy to label by.
selinux() {
  mkdir -p /run/sysroot/etc/selinux/targeted/contexts/files
  printf 'SELINUX=permissive\nSELINUXTYPE=targeted\n' >/run/sysroot/etc/selinux/config
  touch /run/sysroot/etc/selinux/targeted/contexts/files/file_contexts
}

whole() {
  took=
  rm -rf /run/scratch/*
  cp --sparse=always /run/out/disk0 /run/out/disk1 /run/scratch/
  losetup -P /dev/loop0 /run/scratch/disk0
  losetup -P /dev/loop1 /run/scratch/disk1
  cp /run/out/whole.ign /run/scratch/config.ign
  udevadm settle
  stage "$1" whole fetch && stage "$1" whole disks && mount /dev/disk/by-partlabel/ROOT /run/sysroot && selinux &&
    stage "$1" whole mount && stage "$1" whole files && stage "$1" whole umount
  local status=$?
  umount -R /run/sysroot
  cryptsetup close vault
  mdadm --stop /dev/md/mirror
  udevadm settle
  losetup -d /dev/loop0
  losetup -d /dev/loop1
  [ $status -eq 0 ] && printf %s "$took" >>/run/out/times
  return $status
}

large() {
  took=
  rm -rf /run/scratch/*
  truncate -s 400M /run/scratch/root
  mkfs.ext4 -q /run/scratch/root
  losetup /dev/loop0 /run/scratch/root
  mount /dev/loop0 /run/sysroot
  selinux
  cp /run/out/large.ign /run/scratch/config.ign
  stage "$1" large fetch && stage "$1" large files
  local status=$?
  umount /run/sysroot
  losetup -d /dev/loop0
  [ $status -eq 0 ] && printf %s "$took" >>/run/out/times
  return $status
}

for ((i = 0; i < rounds; i++)); do
  for engine in ours theirs; do
    # Debian's package waits for devices in vain now and then: then it tries again
    whole $engine || whole $engine || whole $engine || break 2
    large $engine || break 2
  done
done 2>&1
echo $i >/run/out/status
