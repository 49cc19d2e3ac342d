#!/bin/bash
# The first process of a virtual machine: configures its network cards with the files
# of a provisioned root and systemd-networkd, and uses its swap files. The root is that of
# the host, read-only. Arguments of the kernel that it does not know arrive as variables:
#   vm_dir    directory of the host, with provisioned roots in it; results go there too
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
mount -t proc proc /proc
mount -t sysfs -o ro sys /sys # read-only: nobody waits for udev then
mount -t tmpfs -o mode=755 run /run
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /run/out /run/mod/lib /run/systemd/netif
mount -t hostfs none /run/out -o "$vm_dir"
exec >/run/out/console 2>&1
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ln -s /usr/lib/uml/modules /run/mod/lib/modules
printf '#!/bin/sh\nexec modprobe -q -d /run/mod "$@"\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
for m in bonding 8021q bridge veth loop ext4 xfs btrfs; do
  /run/modprobe "$m" || echo "guest: no module $m"
done

ip link set lo up
for card in a0 a1 b0; do # with what is at the other end of the cable
  ip link add "$card" type veth peer name "far-$card"
  ip link set "far-$card" up
done
mount -t tmpfs network /etc/systemd/network
cp /run/out/network/etc/systemd/network/* /etc/systemd/network/
chown systemd-network /run/systemd/netif
SYSTEMD_LOG_LEVEL=debug /lib/systemd/systemd-networkd >/run/out/networkd.log 2>&1 &
networkd=$!
for ((i = 0; i < 300; i++)); do # until the last of each kind is there
  [[ $(ip -o addr) == *198.51.100.10/24* && $(ip -o link show b0) == *"master br0"* &&
    $(ip -o addr) == *203.0.113.7/24* && $(ip -o addr) == *203.0.113.65/26* && $(ip route) == *default* ]] && break
  sleep 0.1
done
{ ip -o -d link; ip -o addr; ip -o route; ip -o -6 route; } >/run/out/network.state
kill "$networkd"
wait "$networkd"

umask 0077 # UMask= of the service
for fs in ext4 xfs btrfs; do
  mkdir -p "/run/swap/$fs"
  truncate -s 400M "/run/$fs.img"
  "mkfs.$fs" -q "/run/$fs.img" || continue
  mount -o loop "/run/$fs.img" "/run/swap/$fs" || continue
  unit=$(grep -l "ConditionPathExists=!/run/swap/$fs/" /run/out/swap/etc/systemd/system/butane-swapfile-*)
  while read -r command; do
    case $command in
    -*) sh -c "${command#-}" 2>/dev/null ;;
    *) sh -ec "$command" || echo "guest: $fs: $command: failed" ;;
    esac
  done < <(sed -n 's/^ExecStart=//p' "$unit")
  ls -l "/run/swap/$fs"
  swapon "/run/swap/$fs/swapfile" || echo "guest: no swap on $fs"
done
cat /proc/swaps >/run/out/swap.state
echo done >/run/out/status
sync
echo o >/proc/sysrq-trigger
sleep 60
