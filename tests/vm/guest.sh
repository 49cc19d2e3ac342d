#!/bin/bash
# The first process of the virtual machine: brings up what tests of disks need, runs the
# test program, and switches the machine off. The root is that of the host, read-only.
# Arguments of the kernel that it does not know arrive here as variables:
#   vm_dir    directory of the host for results
#   vm_test   the test program
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run LC_ALL=C TMPDIR=/run/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o mode=755 run /run
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /run/tmp /run/out /run/mod/lib /run/lock
mount -t hostfs none /run/out -o "$vm_dir"
exec >/run/out/console 2>&1
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd

# the kernel's modules lie where no modprobe looks
ln -s /usr/lib/uml/modules /run/mod/lib/modules
printf '#!/bin/sh\nexec modprobe -q -d /run/mod "$@"\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
for m in loop dm-mod cbc aes_generic hmac sha256_generic xts dm-crypt md-mod raid0 raid1 raid456 ext4 xfs btrfs vfat; do
  /run/modprobe "$m" || echo "guest: no module $m"
done
ip link set lo up 2>/dev/null

# LVM and device files of terminals take time, and nobody here uses them
/lib/systemd/systemd-udevd --daemon
udevadm trigger --subsystem-match=block --settle

"$vm_test" -test.run "$(cat /run/out/run)" -test.v -test.timeout 9m >/run/out/log 2>&1
echo $? >/run/out/status
sync
echo o >/proc/sysrq-trigger
sleep 60
