package op

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
)

const clevisCmd = "clevis"

// maxAdvertisement is far more than the keys of a server need, in bytes.
const maxAdvertisement = 1 << 20

// HasClevis reports whether a volume is unlocked by clevis.
func HasClevis(c types.Clevis) bool {
	return deref(c.Custom.Pin) != "" || len(c.Tang) > 0 || isTrue(c.Tpm2)
}

// NeedsNetwork reports whether unlocking asks a server.
func NeedsNetwork(c types.Clevis) bool { return len(c.Tang) > 0 || isTrue(c.Custom.NeedsNetwork) }

// checkClevis finds out whether binding can work: the program, the TPM, the servers.
func (m *Machine) checkClevis(ctx context.Context, env *exec.Env, c types.Clevis) error {
	if !HasClevis(c) {
		return nil
	}
	errs := []error{needTool(env, clevisCmd)}
	if isTrue(c.Tpm2) && !m.sight().HasTPM() {
		errs = append(errs, exec.WithHelp(errors.New("the machine has no TPM 2"), "turn it on in the firmware, or remove tpm2"))
	}
	return errors.Join(append(errs, checkServers(ctx, env, c))...)
}

// serverLimit is how long a server is waited for unless the config says it: as long as for
// the config itself. A boot that waits for ever shows no reason.
const serverLimit = 2 * time.Minute

// checkServers asks the servers that will be asked when the volume is bound. That waits
// for the network as fetching does.
func checkServers(ctx context.Context, env *exec.Env, c types.Clevis) error {
	fetcher := env.Fetcher.Bounded(serverLimit)
	var errs []error
	for _, t := range c.Tang {
		if deref(t.Advertisement) != "" {
			continue
		}
		adv := strings.TrimRight(t.URL, "/") + "/adv"
		if _, err := fetcher.ReadAll(ctx, types.Resource{Source: &adv}, maxAdvertisement); err != nil {
			errs = append(errs, fmt.Errorf("ask Tang server %s: %w", t.URL, err))
		}
	}
	return errors.Join(errs...)
}

// Names of members: clevis-encrypt-sss(1), clevis-encrypt-tang(1).
type (
	sssConfig struct {
		Pins      sssPins `json:"pins"`
		Threshold int     `json:"t"`
	}
	sssPins struct {
		Tang []tangConfig `json:"tang,omitempty"`
		TPM2 *struct{}    `json:"tpm2,omitempty"`
	}
	tangConfig struct {
		URL           string          `json:"url"`
		Thumbprint    string          `json:"thp,omitempty"`
		Advertisement json.RawMessage `json:"adv,omitempty"`
	}
)

// pin returns the name of a pin and its config.
func pin(c types.Clevis) (name, config string, err error) {
	if deref(c.Custom.Pin) != "" {
		return *c.Custom.Pin, deref(c.Custom.Config), nil
	}
	s := sssConfig{Threshold: threshold(c)}
	for _, t := range c.Tang {
		s.Pins.Tang = append(s.Pins.Tang, tangConfig{URL: t.URL, Thumbprint: deref(t.Thumbprint), Advertisement: json.RawMessage(deref(t.Advertisement))})
	}
	if isTrue(c.Tpm2) {
		s.Pins.TPM2 = &struct{}{}
	}
	data, err := json.Marshal(s)
	if err != nil {
		return "", "", fmt.Errorf("write config of clevis: %w", err)
	}
	return "sss", string(data), nil
}

func threshold(c types.Clevis) int {
	if c.Threshold == nil || *c.Threshold == 0 {
		return 1
	}
	return *c.Threshold
}

// reachable is how many shares can be had now.
func reachable(c types.Clevis) int {
	n := 0
	for _, t := range c.Tang {
		if deref(t.Advertisement) == "" {
			n++
		}
	}
	if isTrue(c.Tpm2) {
		n++
	}
	return n
}

// bind lets clevis unlock the open volume, tries that, and takes away a key that nobody
// but us knows.
func (o *LUKS) bind(ctx context.Context, env *exec.Env, node, file string) error {
	c := o.Want.Clevis
	if err := checkServers(ctx, env, c); err != nil {
		return err
	}
	name, config, err := pin(c)
	if err != nil {
		return err
	}
	bind := run.Command{Name: clevisCmd, Args: []string{"luks", "bind", "-f", "-k", file, "-d", node, name, config}}
	isCustom := deref(c.Custom.Pin) != ""
	if isCustom {
		bind.Secrets = []string{config}
	}
	if _, err := env.Run(ctx, bind); err != nil {
		return err
	}
	switch {
	case isCustom:
		if err := o.tryUnlock(ctx, env, node); err != nil {
			env.Warn(ctx, "clevis does not unlock the volume now; whether it will at the next boot is not known: "+err.Error())
			if err := o.open(ctx, env, node, file); err != nil {
				return err
			}
		}
	case reachable(c) >= threshold(c):
		if err := o.tryUnlock(ctx, env, node); err != nil {
			return err
		}
	}
	if !o.isGenerated() {
		return nil
	}
	if _, err := env.Run(ctx, run.Command{Name: cryptsetupCmd, Args: []string{"luksRemoveKey", node, file}}); err != nil {
		return err
	}
	return o.On.State.DropKey(o.Want.Name)
}

// tryUnlock closes the volume and opens it the way that later boots will.
func (o *LUKS) tryUnlock(ctx context.Context, env *exec.Env, node string) error {
	if err := o.close(ctx, env); err != nil {
		return err
	}
	return unlock(ctx, env, node, o.Want.Name)
}

func unlock(ctx context.Context, env *exec.Env, node, name string) error {
	_, err := env.Run(ctx, run.Command{Name: clevisCmd, Args: []string{"luks", "unlock", "-d", node, "-n", name}})
	return err
}
