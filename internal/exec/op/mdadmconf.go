package op

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/sight"
	"github.com/kindling-boot/kindling/internal/run"
)

// MdadmConfigs are where mdadm reads its config, the usual place last: mdadm.conf(5).
// Debian has the first.
var MdadmConfigs = []string{"/etc/mdadm/mdadm.conf", "/etc/mdadm.conf"}

const mdadmConfigMode = 0o644

// MdadmConfig tells the system the names of arrays: mdadm.conf(5).
func MdadmConfig(about exec.Description, name string, arrays []types.Raid) *SharedFile {
	return &SharedFile{
		About: about, Path: name, NewMode: mdadmConfigMode,
		NameIn: func(fields []string) string {
			if len(fields) < 2 || !strings.EqualFold(fields[0], "ARRAY") {
				return ""
			}
			return path.Clean(fields[1])
		},
		Entries: func(ctx context.Context, env *exec.Env) (out []Entry, warnings []string, err error) {
			for _, r := range arrays {
				device := RAIDDevice(r.Name)
				if _, err := (&sight.Live{}).Node(device); errors.Is(err, sight.ErrNoDevice) {
					warnings = append(warnings, "the array "+r.Name+" does not run; it gets no line")
					continue
				}
				said, err := env.Run(ctx, run.Command{Name: mdadmCmd, Args: []string{"--detail", "--export", device}})
				if err != nil {
					return nil, nil, fmt.Errorf("find array %s: %w", r.Name, err)
				}
				is := sight.Variables(said)
				out = append(out, Entry{
					Name: device, Detail: "array " + r.Name,
					Line: fmt.Sprintf("ARRAY %s metadata=%s UUID=%s\n", device, is["MD_METADATA"], is["MD_UUID"]),
				})
			}
			return out, warnings, nil
		},
	}
}
