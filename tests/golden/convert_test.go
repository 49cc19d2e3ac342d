package golden

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/rulebook/archive"
	"github.com/kindling-boot/kindling/tests/programs"
)

// Each file of convert/ has a document, what butane convert makes of it, and the report. The
// comment may have a line "flags: ...".
func TestConvert(t *testing.T) {
	eachArchive(t, "convert", func(t *testing.T, _ string, a *archive.Archive) {
		_, flags := header(a.Comment)
		cmd := exec.Command(programs.Path(t, "butane"), append([]string{"convert"}, flags...)...)
		cmd.Stdin = strings.NewReader(input(t, a))
		output, said, status := run(t, cmd)
		a.Set("output", output)
		a.Set("exit", strconv.Itoa(status)+"\n")
		a.Set("report", said)
		if strings.Contains(said, "hidden") {
			t.Error("a secret is shown")
		}
	})
}
