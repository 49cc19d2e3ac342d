# The first process of a virtual machine: configures its network cards with the files
# of a provisioned root and systemd-networkd, and uses its swap files. The directory of
# results has the provisioned roots.
mkdir -p /run/systemd/netif
load bonding 8021q bridge veth loop ext4 xfs btrfs

# plug makes network cards, with what is at the other end of the cable.
plug() {
  for card in a0 a1 b0; do
    ip link add "$card" type veth peer name "far-$card"
    ip link set "far-$card" up
  done
}

# unplug forgets all that was configured.
unplug() {
  for link in storage switched bond0 br0 tree a0 a1 b0; do
    ip link del "$link" 2>/dev/null
  done
  ip addr flush dev eth0
  ip link set eth0 down
}

# settle waits until the last of each kind is there, and writes what there is.
settle() {
  for ((i = 0; i < 300; i++)); do
    local addresses
    addresses=$(ip -o addr)
    [[ $addresses == *198.51.100.10/24* && $addresses == *203.0.113.7/24* && $addresses == *203.0.113.65/26* &&
      $addresses == *192.0.2.10/24* && $(ip -o link show b0) == *"master br0"* && $(ip -o link show switched) == *"master br0"* &&
      $(ip -o link show tree) && $(ip -6 route) == *2001:db8:1::/48* && $(ip route) == *198.18.1.0/24* ]] && break
    sleep 0.1
  done 2>/dev/null
  echo "guest: $1 settled after $SECONDS s"
  { ip -o -d link; ip -o addr; ip -o route; ip -o -6 route; } >"/run/out/$1.state"
}

plug
mount -t tmpfs network /etc/systemd/network
cp /run/out/networkd/etc/systemd/network/* /etc/systemd/network/
chown systemd-network /run/systemd/netif
SYSTEMD_LOG_LEVEL=debug /lib/systemd/systemd-networkd >/run/out/networkd.log 2>&1 &
renderer=$!
settle networkd
kill "$renderer"
wait "$renderer"
unplug

# NetworkManager writes to /sys, and then waits for udev
plug
start_udev net
mount -t tmpfs state /var/lib/NetworkManager
mount -t tmpfs network /etc/NetworkManager
mkdir /etc/NetworkManager/system-connections
(umask 0077 && cp /run/out/networkmanager/etc/NetworkManager/system-connections/* /etc/NetworkManager/system-connections/)
cat >/etc/NetworkManager/NetworkManager.conf <<END
[main]
plugins=keyfile
no-auto-default=*
[keyfile]
unmanaged-devices=interface-name:far-*
# a rule of udev says that these are not for it
[device]
match-device=interface-name:a0,interface-name:a1,interface-name:b0
managed=1
END
# as in an initramfs: without D-Bus
NetworkManager --configure-and-quit=initrd --debug --log-level=info >/run/out/networkmanager.log 2>&1 &
renderer=$!
settle networkmanager
kill -KILL "$renderer"
wait "$renderer" 2>/dev/null

echo "guest: network done after $SECONDS s"
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
