#!/bin/sh
# Changes the kernel arguments of the machine where GRUB starts it, as Debian does that:
# by a file below /etc/default/grub.d and update-grub. Called with
#   --should-exist ARG …  --should-not-exist ARG …
# It succeeds if this boot and all later ones have them as wanted; otherwise it changes
# what GRUB does and starts the machine again. Arguments are whole words.
set -euf

root=/run/ignition/kargs-root

say() {
    echo "ignition-kargs-helper: $*" >&2
}

refuse() {
    say "$1"
    exit 1
}

# booted WORD: whether this boot has the argument.
booted() {
    # shellcheck disable=SC2013 # words are wanted
    for word in $(cat /proc/cmdline); do
        [ "$word" != "$1" ] || return 0
    done
    return 1
}

# value NAME: prints what the kernel command line says last.
value() {
    found=
    # shellcheck disable=SC2013
    for word in $(cat /proc/cmdline); do
        case $word in "$1="*) found=${word#*=} ;; esac
    done
    printf '%s' "$found"
}

wanted='' unwanted='' list='' satisfied=yes
while [ $# -gt 0 ]; do
    case $1 in
        --should-exist | --should-not-exist) list=$1 ;;
        *[!A-Za-z0-9_=.,:/@%+~^-]*)
            refuse "GRUB cannot hand on \"$1\": of punctuation, only _ = . , : / @ % + ~ ^ - may be in a kernel argument here"
            ;;
        *)
            if [ "$list" = --should-exist ]; then
                wanted="$wanted $1"
                booted "$1" || satisfied=
            else
                unwanted="$unwanted $1"
                ! booted "$1" || satisfied=
            fi
            ;;
    esac
    shift
done

device=$(value root)
[ -n "$device" ] || refuse 'the kernel command line has no root=, so the configuration of GRUB is not found'
flags=$(value rootflags)
mkdir -p "$root"
mount -o "${flags:-defaults},rw" "$device" "$root" || refuse "the root file system $device cannot be mounted here, so the configuration of GRUB cannot be changed"
leave() {
    for mounted in sys proc dev ''; do
        umount "$root/$mounted" 2>/dev/null || :
    done
}
trap leave EXIT
if [ ! -e "$root/usr/sbin/update-grub" ] && [ ! -e "$root/usr/sbin/grub-mkconfig" ]; then
    refuse 'GRUB is not installed, and other boot loaders are not known here: pass the arguments in the configuration of the boot loader'
fi
for mounted in dev proc sys; do
    mount --bind "/$mounted" "$root/$mounted"
done

# The rest runs in the system, which has the programs. Its status is 0 if GRUB had all as
# wanted before, and 10 if not.
status=0
# shellcheck disable=SC2016 # expanded there
chroot "$root" /bin/sh -euc '
    wanted=$1 unwanted=$2
    PATH=/usr/sbin:/usr/bin:/sbin:/bin
    export PATH
    # /boot may be a file system of its own
    boot=
    if findmnt --fstab --mountpoint /boot >/dev/null && mount /boot; then
        boot=mounted
    fi
    trap "[ -z \"$boot\" ] || umount /boot" EXIT
    menu=/boot/grub/grub.cfg
    settings=/etc/default/grub.d/zz-ignition.cfg
    [ -e "$menu" ] || { echo "ignition-kargs-helper: there is no $menu" >&2; exit 1; }
    mkdir -p /etc/default/grub.d
    cat >"$settings.new" <<END
# kernelArguments of the config that provisioned this machine
for ignition_word in$wanted; do
    case " \$GRUB_CMDLINE_LINUX " in
        *" \$ignition_word "*) ;;
        *) GRUB_CMDLINE_LINUX="\$GRUB_CMDLINE_LINUX \$ignition_word" ;;
    esac
done
for ignition_name in GRUB_CMDLINE_LINUX GRUB_CMDLINE_LINUX_DEFAULT; do
    eval "ignition_before=\\\$\$ignition_name"
    ignition_after=
    for ignition_word in \$ignition_before; do
        case "$unwanted " in
            *" \$ignition_word "*) ;;
            *) ignition_after="\$ignition_after\${ignition_after:+ }\$ignition_word" ;;
        esac
    done
    eval "\$ignition_name=\\\$ignition_after"
done
END
    if cmp -s "$settings.new" "$settings" && [ "$menu" -nt "$settings" ]; then
        rm "$settings.new"
        exit 0
    fi
    mv "$settings.new" "$settings"
    before=$(cat "$menu")
    update-grub 2>&1
    [ "$before" = "$(cat "$menu")" ] || exit 10
' sh "$wanted" "$unwanted" || status=$?
leave
trap - EXIT

case $status in
    0)
        [ -n "$satisfied" ] || refuse 'GRUB passes the kernel arguments as wanted, but something else has started this boot: pass them there'
        ;;
    10)
        [ -z "$satisfied" ] || exit 0
        say 'the kernel arguments are changed: the machine starts again'
        sync
        # the same on every system, without an init; nothing is mounted
        echo b >/proc/sysrq-trigger
        while :; do sleep 1; done
        ;;
    *) refuse 'update-grub has failed' ;;
esac
