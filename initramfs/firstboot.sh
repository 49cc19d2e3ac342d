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
    printf 'PLATFORM_ID=%s\n' "$(ignition_argument ignition.platform.id)" >"${IGNITION_ENV:-/run/ignition.env}"
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
