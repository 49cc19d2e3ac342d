# What the first process of a virtual machine of TestDisks does when the machine is up.
#   vm_test   the test program
load loop dm-mod cbc aes_generic hmac sha256_generic xts dm-crypt md-mod raid0 raid1 raid456 linear dm-flakey dm-multipath dm-round-robin bcache ext4 xfs btrfs vfat
start_udev block # LVM and device files of terminals take time, and nobody here uses them
"$vm_test" -test.run "$(cat /run/out/run)" -test.v -test.timeout 0 >/run/out/log 2>&1
echo $? >/run/out/status
