package linux

import (
	"fmt"
	"path"
	"strconv"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var ruleSwap = &diag.Rule{
	ID: "swap", Why: "swap space is a file of a size, made on the first boot, or a device that is formatted already",
	Help: "give path and size_mib for a file, or device for a partition",
}

// Swap is the sugar of swap space.
type Swap struct {
	Swap []swapSpace `json:"swap"`
}

// swapSpace is one file or device.
type swapSpace struct {
	// Path of a file, which is made if it is not there.
	Path *string `json:"path"`
	// SizeMiB is the size of the file.
	SizeMiB *int `json:"sizeMiB"`
	// Device with swap space on it.
	Device *string `json:"device"`
	// Priority: the higher, the sooner it is used; unset leaves it to the kernel.
	Priority *int `json:"priority"`
}

// what is the path of the file or device.
func (s *swapSpace) what() string {
	if s.Path != nil {
		return *s.Path
	}
	return *s.Device
}

// 32767: swapon(8), --priority.
const maxSwapPriority = 32767

// Check reports swap space that could not be made or found.
func (s *Swap) Check(c *sugar.Ctx) {
	seen := repeated{}
	for i := range s.Swap {
		s.Swap[i].check(c, at("swap", i), seen)
	}
}

func (s *swapSpace) check(c *sugar.Ctx, place source.Path, seen repeated) {
	key := "device"
	switch {
	case s.Path != nil && s.Device != nil:
		c.Errorf(ruleSwap, place, "both path and device are given")
		return
	case s.Path == nil && s.Device == nil:
		c.Errorf(ruleSwap, place, "neither path nor device is given")
		return
	case s.Path != nil:
		key = "path"
		if s.SizeMiB == nil || *s.SizeMiB < 1 {
			c.Errorf(ruleSwap, place.At("size_mib"), "a swap file needs a size of at least 1 MiB")
		}
	case s.SizeMiB != nil:
		c.ErrorHelp(ruleSwap, place.At("size_mib"), "remove size_mib", "a device has its own size")
	}
	if !isPlainPath(s.what()) || s.what() == "/" {
		c.ErrorHelp(ruleSwap, place.At(key), "use an absolute path of letters, digits and / . _ + - @ : , =, without . and .. in it",
			"%q is no path for swap space", s.what())
		return
	}
	name := sugar.EscapePath(s.what()) + ".swap"
	if seen.is(s.what()) || hasUnit(c, name) {
		c.ErrorHelp(ruleSwap, place.At(key), "remove one of the two", "%q is given as swap space twice", s.what())
	}
	if s.Priority != nil && (*s.Priority < 0 || *s.Priority > maxSwapPriority) {
		c.ErrorHelp(ruleSwap, place.At("priority"), "", "the priority is a number from 0 to %d", maxSwapPriority)
	}
}

// Desugar adds a swap unit for each, and before those of files a service that makes
// the file.
func (s *Swap) Desugar(c *sugar.Ctx) {
	p := newParent(c)
	for i := range s.Swap {
		s, place := &s.Swap[i], at("swap", i)
		escaped := sugar.EscapePath(s.what())
		var unit ini
		if s.Path != nil {
			service := "butane-swapfile-" + escaped + ".service"
			p.unit(service, s.service(escaped), false, place)
			unit.section("Unit")
			unit.set("Requires", specifiers(service))
			unit.set("After", specifiers(service))
		}
		unit.section("Swap")
		unit.set("What", specifiers(s.what()))
		if s.Priority != nil {
			unit.set("Priority", strconv.Itoa(*s.Priority))
		}
		unit.section("Install")
		unit.set("RequiredBy", "swap.target")
		p.unit(escaped+".swap", unit.String(), true, place)
	}
	p.add()
}

// service makes the file under another name first: an interrupted boot must not
// leave half a file. The blocks are written, not reserved, because a swap file must
// not have holes (swapon(8)), and on btrfs the file must not be copied on write
// (btrfs(5), swapfile support), which has to be said while it is empty; other file
// systems do not know that attribute.
func (s *swapSpace) service(escaped string) string {
	file, temporary := specifiers(*s.Path), specifiers(*s.Path+".new")
	var unit ini
	unit.section("Unit")
	unit.set("Description", "Make the swap file "+file)
	unit.set("DefaultDependencies", "no")
	unit.set("RequiresMountsFor", specifiers(path.Dir(*s.Path)))
	unit.set("After", "systemd-remount-fs.service")
	unit.set("Before", specifiers(escaped+".swap"))
	unit.set("Conflicts", "shutdown.target")
	unit.set("Before", "shutdown.target")
	unit.set("ConditionPathExists", "!"+file)
	unit.section("Service")
	unit.set("Type", "oneshot")
	unit.set("RemainAfterExit", "yes")
	unit.set("UMask", "0077")
	unit.each("ExecStart", []string{
		"mkdir -p " + specifiers(path.Dir(*s.Path)),
		"rm -f " + temporary,
		"touch " + temporary,
		"-chattr +C " + temporary,
		fmt.Sprintf("dd if=/dev/zero of=%s bs=1M count=%d conv=notrunc,fsync status=none", temporary, *s.SizeMiB),
		"mkswap " + temporary,
		"mv -T " + temporary + " " + file,
	})
	return unit.String()
}
