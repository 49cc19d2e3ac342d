# Tells what a system is that has booted: a line for each fact, then two dashes, then what
# units that have failed said.
failed=$(systemctl list-units --failed --plain --no-legend | cut -d ' ' -f 1)
for unit in $failed; do
  echo "unit $unit failed"
done
echo "the machine is called $(cat /proc/sys/kernel/hostname)"
# a mount that is of the root file system, as one with bind is, has no options of its own;
# inode64 is an option that newer kernels show
awk '$2 == "/" { root = $3 }
  { sub(",inode64", "", $4) }
  $2 ~ "^/(var|mnt)/" { print "mounted at " $2 ": " ($3 == root ? "the root" : $3 " " $4) }' /proc/self/mounts
echo --
for unit in $failed; do
  journalctl --boot --no-pager --output=cat --unit="$unit"
done
