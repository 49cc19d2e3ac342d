# What initramfs-tools does around our scripts: init and scripts/local of its source, with
# its functions that matter here.
cut=$1

# sourced by the scripts
cat >/scripts/functions <<'END'
panic() {
    echo "PANIC: $*"
    exit 42
}
wait_for_udev() { :; }
configure_networking() { :; }
END

export rootmnt=/sysroot ROOT=/disk ROOTFLAGS='-o bind' BOOT=local readonly=n

moment() {
    /bin/sh -e "/scripts/$1/ignition"
    [ "$cut" != "$1" ] || exit 9 # the power is cut
}

moment init-premount
moment local-premount
mount -o bind /disk /sysroot
moment local-bottom
moment init-bottom
