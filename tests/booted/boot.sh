# Boots the systemd of a tree in namespaces of its own. Arguments: the phase, the tree, the
# name of the machine among the cgroups.
root=$2
name=$3
groups=/sys/fs/cgroup
if [ "$1" = prepare ]; then # in a mount namespace, before the others
  mount --make-rprivate /
  mount -t cgroup2 cgroup2 "$groups"
  mkdir "$groups/$name"
  echo $$ >"$groups/$name/cgroup.procs"
  exec unshare --mount --uts --ipc --pid --cgroup --fork --kill-child sh -ec "$(cat "$0")" "$0" boot "$root" "$name"
fi
if [ "$1" = clean ]; then # what the machine has left among the cgroups
  mount --make-rprivate /
  mount -t cgroup2 cgroup2 "$groups"
  [ ! -d "$groups/$name" ] || find "$groups/$name" -depth -type d -exec rmdir {} +
  exit 0
fi
mountpoint -q "$root" || mount --bind "$root" "$root"
mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/run" "$root/tmp" "$root/mnt"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys" # nobody waits for udev then
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty fuse; do
  [ ! -e "/dev/$device" ] || { touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"; }
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s fd/0 "$root/dev/stdin"
ln -s fd/1 "$root/dev/stdout"
ln -s fd/2 "$root/dev/stderr"
cd "$root"
pivot_root . mnt
umount -l /mnt
# systemd takes the variable for the name of what it runs in, and leaves the hardware alone
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=kindling LANG=C.UTF-8 \
  /lib/systemd/systemd --log-target=console --log-level=warning --show-status=no </dev/null
