# What dracut and systemd do around ours: the generator, the units in their order, the
# hook when one has failed.
cut=$1
: >/tmp/log
: >/tmp/units
: >/tmp/started

# unit NAME: runs what a unit starts, with its environment and the conditions about files.
unit() {
    file=/usr/lib/systemd/system/$1
    for path in $(sed -n 's/^ConditionPathExists=//p' "$file"); do
        case $path in
            /etc/initrd-release) ;;
            !*) [ ! -e "${path#!}" ] || return 0 ;;
            *) [ -e "$path" ] || return 0 ;;
        esac
    done
    status=0
    (
        set -a
        IGNITION_ARGS=--log-to-stdout
        if [ -e /run/ignition.env ]; then . /run/ignition.env; fi
        eval "$(sed -n "s/^${2:-ExecStart}=//p" "$file")"
    ) >/tmp/said 2>&1 || status=$?
    cat /tmp/said
    cat /tmp/said >>/tmp/log
    if [ "$status" -ne 0 ]; then
        cat /tmp/said >>/tmp/units
        how="code=exited, status=$status/FAILURE"
        if [ "$status" -gt 128 ]; then how="code=killed, status=$((status - 128))/KILL"; fi
        echo "$1: Main process exited, $how" >>/tmp/units
        NEWROOT=/sysroot
        . /usr/lib/ignition-verdict.sh
        exit 42
    fi
    if [ "$cut" = "$1" ]; then exit 9; fi # the power is cut
}

/bin/sh /usr/lib/ignition-generator /run/normal /run/early /run/late
for link in /run/early/initrd.target.requires/*; do when=${link##*/}; done
if [ "$when" = ignition-stamp.service ]; then
    unit ignition-stamp.service
    when=$(sed -n 's/.* //p' /tmp/started)
fi
if [ "$when" = ignition-complete.target ]; then
    for name in fetch-offline fetch kargs disks; do unit "ignition-$name.service"; done
fi
mount -o bind /disk /sysroot
if [ "$when" = ignition-complete.target ]; then
    for name in mount files disarm; do unit "ignition-$name.service"; done
    unit ignition-mount.service ExecStop
fi
