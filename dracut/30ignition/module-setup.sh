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

# Called by the engine when a config asks for it. What is missing here cannot be asked
# for on the machine, so the build of the initramfs says so.
_ignition_tools=(
    useradd usermod userdel groupadd groupmod groupdel gpasswd chroot
    mkfs.btrfs mkfs.ext4 mkfs.fat mkfs.xfs mkswap
    mdadm cryptsetup dmsetup blkid blockdev partx sgdisk udevadm wipefs
    setfiles
)

# Bind LUKS volumes to Tang servers and TPMs; unlocking them is up to the module of clevis.
_ignition_clevis=(
    clevis clevis-encrypt-sss clevis-encrypt-tang clevis-encrypt-tpm2
    clevis-luks-bind clevis-luks-common-functions clevis-luks-unlock
    pwmake tpm2_create tpm2_createpolicy
)

install() {
    local unit tool missing=()

    inst_multiple basename lsblk mount umount modprobe journalctl
    for tool in "${_ignition_tools[@]}"; do
        inst_multiple -o "$tool"
        [[ -e $initdir$(command -v "$tool" 2>/dev/null || echo /nowhere) ]] || missing+=("$tool")
    done
    ((${#missing[@]} == 0)) ||
        dwarn "ignition: not installed here, so configs cannot ask for it: ${missing[*]}"
    inst_multiple -o "${_ignition_clevis[@]}"
    # what the engine trusts, in the places of the distributions
    inst_multiple -o /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt \
        /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/ssl/ca-bundle.pem
    # read by the tools above
    inst_multiple -o /etc/login.defs /etc/default/useradd /etc/mke2fs.conf /etc/nsswitch.conf

    inst_simple "$moddir/ignition" /usr/bin/ignition
    inst_simple "$moddir/ignition-kargs-helper.sh" /usr/sbin/ignition-kargs-helper
    inst_simple "$moddir/99-xx-ignition-systemd-cryptsetup.rules" /usr/lib/udev/rules.d/99-xx-ignition-systemd-cryptsetup.rules
    inst_rules 60-cdrom_id.rules # config drives are found by their labels
    inst_simple "$moddir/ignition-pwquality.conf" /etc/security/pwquality.conf.d/20-ignition.conf
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

    if [[ $(uname -m) == s390x ]]; then
        inst_multiple chccwdev cio_ignore vmur zkey zkey-cryptsetup
        # A passphrase that is not secret: the key itself never leaves the crypto card.
        mkdir -p "$initdir/etc/luks"
        (umask 077 && printf 'ignition' >"$initdir/etc/luks/cex.key")
    fi
}

installkernel() {
    # where hypervisors keep configs
    hostonly='' instmods -c hv_utils qemu_fw_cfg vboxguest virtio_blk \
        vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport
    # config drives, and what a config may ask for
    hostonly='' instmods -c isofs sr_mod udf vfat nls_cp437 nls_iso8859-1 nls_ascii nls_utf8 \
        xfs btrfs ext4 dm_mod dm_crypt raid0 raid1 raid10 raid456
    case $(uname -m) in
        s390x) hostonly='' instmods -c vmur zcrypt_cex4 pkey_cca ;;
        aarch64) hostonly='' instmods -c mlxbf_bootctl ;;
    esac
}
