# shellcheck shell=sh
# What both integrations know about a first boot, as functions for the shells of an
# initramfs: bash, dash, and that of klibc, beside which there is almost no program.

# ignition_argument NAME: prints the value of the last NAME=VALUE on the kernel command
# line, or yes for a bare NAME.
ignition_argument() {
    ignition_value=
    # shellcheck disable=SC2013 # words are wanted
    for ignition_word in $(cat "${IGNITION_KERNEL_CMDLINE_PATH:-/proc/cmdline}"); do
        case $ignition_word in
            "$1="*) ignition_value=${ignition_word#*=} ;;
            "$1") ignition_value=yes ;;
        esac
    done
    printf '%s' "$ignition_value"
}

# ignition_when: prints first if the command line calls this boot the first, later if
# it says that it is not, and nothing if it says nothing.
ignition_when() {
    case $(ignition_argument ignition.firstboot) in
        '') ;;
        0 | no | off) printf later ;;
        *) printf first ;;
    esac
}

# ignition_environment: writes what the stages read.
ignition_environment() {
    {
        printf 'PLATFORM_ID=%s\n' "$(ignition_argument ignition.platform.id)"
        [ -z "${IGNITION_KERNEL_CMDLINE_PATH:-}" ] ||
            printf 'IGNITION_KERNEL_CMDLINE_PATH=%s\n' "$IGNITION_KERNEL_CMDLINE_PATH"
    } >/run/ignition.env
}

# The stamp of an image whose next boot is its first, below the root file system. It
# has the kernel arguments that a boot loader would have; lines with # are comments.
ignition_stamp=etc/ignition/firstboot

# ignition_armed DEVICE OPTIONS: whether the root file system has the stamp, whose
# arguments are then those of this boot, before those of the kernel. The file system is
# mounted as it will be, but read-only.
ignition_armed() {
    ignition_at=/run/ignition/armed
    [ -d /run/ignition ] || mkdir -m 0700 /run/ignition
    [ -d "$ignition_at" ] || mkdir "$ignition_at"
    mount -o "${2:-defaults},ro" "$1" "$ignition_at" || return 1
    if [ -f "$ignition_at/$ignition_stamp" ]; then
        {
            printf 'ignition.firstboot=1 '
            while read -r ignition_line || [ -n "$ignition_line" ]; do
                case $ignition_line in
                    '#'*) ;;
                    *) printf '%s ' "$ignition_line" ;;
                esac
            done <"$ignition_at/$ignition_stamp"
            cat /proc/cmdline
        } >/run/ignition/cmdline
        IGNITION_KERNEL_CMDLINE_PATH=/run/ignition/cmdline
    fi
    umount "$ignition_at"
    [ -n "${IGNITION_KERNEL_CMDLINE_PATH:-}" ]
}

# ignition_disarm ROOT: after a success, whatever has made this boot the first.
ignition_disarm() {
    if [ -e "$1/$ignition_stamp" ]; then
        mv "$1/$ignition_stamp" "$1/$ignition_stamp.done" || return 1
        sync
    fi
    [ -e /run/ignition/cmdline ] || return 0
    # Its conditions are about the arguments of the kernel and a machine-id that was not
    # set yet. The unit leaves alone what has nothing to delete.
    case $(IGNITION_KERNEL_CMDLINE_PATH=/run/ignition/cmdline && ignition_argument ignition.platform.id) in
        virtualbox | vmware)
            mkdir -p /run/systemd/system/ignition-delete-config.service.d
            printf '[Unit]\nConditionPathExists=\nConditionPathExists=/run/ignition.env\n' \
                >/run/systemd/system/ignition-delete-config.service.d/10-armed.conf
            ;;
    esac
}

# ignition_show WHY LOG: shows on each console why the machine was not provisioned, and
# how to see the whole log. Whoever looks at a console has no shell, or does not know it.
ignition_show() {
    while read -r ignition_console _; do
        {
            printf '\n==== This machine was not provisioned ====\n\n%s\n\n' "$1"
            printf 'It does not go on as it is. Once the cause is gone, the next boot tries again.\n'
            printf 'The whole log: %s\n\n' "$2"
        } >"/dev/$ignition_console"
    done </proc/consoles
}
