#!/bin/bash
# dracut module of Kindling: brings the engine, its units and the tools it calls into
# an initramfs. docs/initramfs.md tells what a distribution adds.

# Only when another module, or the configuration of dracut, asks for it.
check() {
    return 255
}

# No url-lib: the engine fetches by itself, without curl.
depends() {
    echo qemu systemd network
}

# What is brought: one list for this and for initramfs-tools.
# shellcheck source=initramfs/contents.sh
. "${BASH_SOURCE[0]%/*}/contents.sh" # moddir is not set yet

# The lists are words.
# shellcheck disable=SC2154,SC2086
install() {
    local unit tool missing=()

    inst_multiple basename lsblk journalctl $ignition_required
    for tool in $ignition_tools; do
        inst_multiple -o "$tool"
        [[ -e $initdir$(command -v "$tool" 2>/dev/null || echo /nowhere) ]] || missing+=("$tool")
    done
    ((${#missing[@]} == 0)) ||
        dwarn "ignition: not installed here, so configs cannot ask for it: ${missing[*]}"
    inst_multiple -o $ignition_optional
    if command -v clevis >/dev/null; then
        inst_multiple -o $ignition_clevis $ignition_clevis_calls
        inst_libdir_file "$ignition_clevis_libraries"
    fi
    inst_multiple -o $ignition_files $ignition_certificates
    inst_rules $ignition_rules

    # a package may have a link here
    inst_simple "$(readlink -f "$moddir/ignition")" /usr/bin/ignition
    inst_simple "$moddir/ignition-kargs-helper.sh" /usr/sbin/ignition-kargs-helper
    inst_simple "$moddir/99-xx-ignition-systemd-cryptsetup.rules" /usr/lib/udev/rules.d/99-xx-ignition-systemd-cryptsetup.rules
    inst_simple "$moddir/ignition-pwquality.conf" /etc/security/pwquality.conf.d/20-ignition.conf
    inst_simple "$moddir/firstboot.sh" /usr/lib/ignition-firstboot.sh
    inst_script "$moddir/ignition-generator" "${systemdutildir:?}/system-generators/ignition-generator"

    # the one before a shell, the other where the command line forbids one
    inst_hook emergency 20 "$moddir/ignition-verdict.sh"
    inst_hook shutdown-emergency 20 "$moddir/ignition-verdict.sh"

    for unit in "$moddir"/*.target "$moddir"/*.service; do
        inst_simple "$unit" "${systemdsystemunitdir:?}/${unit##*/}"
    done
    for unit in fetch-offline fetch kargs disks mount files; do
        $SYSTEMCTL -q --root "$initdir" add-requires ignition-complete.target "ignition-$unit.service"
    done
    $SYSTEMCTL -q --root "$initdir" add-requires ignition-diskful.target ignition-remount-sysroot.service

    ignition_passphrase "$initdir"
}

# shellcheck disable=SC2154,SC2086
installkernel() {
    hostonly='' instmods $ignition_modules # those that the kernel has
    ! command -v clevis >/dev/null || hostonly='' instmods $ignition_clevis_modules
}
