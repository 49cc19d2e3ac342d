# shellcheck shell=sh disable=SC2034
# What an initramfs needs for a first boot, beside the engine: one list for dracut and
# initramfs-tools, sourced when an initramfs is built. Words are separated by space.

# Without these an initramfs is not built.
ignition_required='mount umount modprobe udevadm'

# Called by the engine when a config asks for it. What is missing where the initramfs is
# built cannot be asked for on the machine, so the build says so.
ignition_tools='useradd usermod userdel groupadd groupmod groupdel
    mkfs.btrfs mkfs.ext4 mkfs.fat mkfs.xfs mkswap
    mdadm cryptsetup wipefs setfiles'

# Programs of devices that not every system has. Nobody is warned where they are missing.
ignition_optional='kpartx'

# Where clevis is installed: bind LUKS volumes to Tang servers and TPMs, and open them at
# once; unlocking them on later boots is up to the integration of clevis.
ignition_clevis='clevis clevis-encrypt-sss clevis-encrypt-tang clevis-encrypt-tpm2
    clevis-decrypt clevis-decrypt-sss clevis-decrypt-tang clevis-decrypt-tpm2
    clevis-luks-bind clevis-luks-common-functions clevis-luks-unlock
    pwmake jose curl
    tpm2_create tpm2_createpolicy tpm2_createprimary tpm2_flushcontext tpm2_load tpm2_pcrread tpm2_unseal'
# What these programs of bash call.
ignition_clevis_calls='bash awk basename cat cut grep mkdir mktemp rm sed sort tail tr'
# Loaded by those for TPMs, from the folder of libraries.
ignition_clevis_libraries='libtss2-tcti-device.so*'
# Drivers of TPMs.
ignition_clevis_modules='tpm_tis tpm_crb tpm_tis_spi tpm_tis_i2c tpm_ftpm_tee tpm_ibmvtpm'

# Read by the tools.
ignition_files='/etc/login.defs /etc/default/useradd /etc/mke2fs.conf /etc/nsswitch.conf'

# What the engine trusts, in the places of the distributions.
ignition_certificates='/etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt
    /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/ssl/ca-bundle.pem'

# Where hypervisors keep configs; config drives; what a config may ask for, and the
# ciphers of volumes, which nothing names as needed.
ignition_modules='hv_utils qemu_fw_cfg vboxguest virtio_blk
    vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport
    isofs sr_mod udf vfat nls_cp437 nls_iso8859-1 nls_ascii nls_utf8
    xfs btrfs ext4 virtiofs dm_mod dm_crypt raid0 raid1 raid10 raid456
    xts ecb cbc essiv aes_generic aesni_intel aes_ce_blk sha256_generic sha512_generic
    algif_skcipher algif_hash'

# Config drives are found by their labels.
ignition_rules='60-cdrom_id.rules'

# What some machines have in addition.
case $(uname -m) in
    s390x)
        ignition_required="$ignition_required chccwdev cio_ignore vmur zkey zkey-cryptsetup"
        ignition_modules="$ignition_modules vmur zcrypt_cex4 pkey_cca pkey paes_s390"
        ;;
    aarch64) ignition_modules="$ignition_modules mlxbf_bootctl" ;;
esac

# ignition_passphrase DIR: the passphrase of root volumes with secure keys, for machines
# that can have such. It is no secret: the key itself never leaves the crypto card.
ignition_passphrase() {
    [ "$(uname -m)" = s390x ] || return 0
    mkdir -p "$1/etc/luks"
    (umask 077 && printf 'ignition' >"$1/etc/luks/cex.key")
}
