package uml

import (
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// Need skips a test without the kernel or the programs that it wants in the machine; in CI
// that fails.
func Need(tb testing.TB, names ...string) {
	tb.Helper()
	programs.Need(tb, append([]string{"root", Kernel}, names...)...)
}
