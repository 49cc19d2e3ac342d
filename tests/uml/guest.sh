#!/bin/bash
# The first process of a virtual machine: brings up what every test in one needs, runs the
# test's own script, and switches the machine off. The root is that of the host, read-only.
# Arguments of the kernel that it does not know arrive here as variables:
#   uml_dir       directory of the host, with the test's script "main"; results go there too
#   uml_systemd   the script is a service of systemd, which is the first process then
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run LC_ALL=C TMPDIR=/run/tmp
mount -t proc proc /proc
mount -t sysfs -o ro sys /sys # read-only: nobody waits for udev then
mount -t tmpfs -o mode=755 run /run
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /run/tmp /run/out /run/mod/lib /run/lock
mount -t hostfs none /run/out -o "$uml_dir"
exec >/run/out/console 2>&1
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd

# the kernel's modules lie where no modprobe looks
ln -s /usr/lib/uml/modules /run/mod/lib/modules
printf '#!/bin/sh\nexec modprobe -q -d /run/mod "$@"\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe

# load loads modules of the kernel.
load() {
  for m; do
    /run/modprobe "$m" || echo "guest: no module $m"
  done
}

# start_udev makes udev look at devices of a subsystem.
start_udev() {
  mount -o remount,rw /sys
  /lib/systemd/systemd-udevd --daemon
  udevadm trigger --subsystem-match="$1" --settle
}

ip link set lo up 2>/dev/null
if [ -n "$uml_systemd" ]; then
  mkdir -p /run/systemd/system
  mount -o remount,rw /sys
  cat >/run/systemd/system/main.service <<END
[Unit]
DefaultDependencies=no
Requires=systemd-udevd.service
After=systemd-udevd.service
[Service]
Type=oneshot
Environment=PATH=$PATH HOME=/run LC_ALL=C TMPDIR=/run/tmp
StandardOutput=append:/run/out/console
StandardError=append:/run/out/console
ExecStart=/bin/bash -c '. /run/begin; . /run/out/main'
ExecStopPost=/bin/sh -c 'sync; echo o >/proc/sysrq-trigger'
END
  {
    export -p # variables of the kernel's arguments
    declare -f load
  } >/run/begin
  exec /lib/systemd/systemd --system --unit=main.service --log-target=console --log-level=warning --show-status=no
fi
. /run/out/main
sync
echo o >/proc/sysrq-trigger
sleep 60
