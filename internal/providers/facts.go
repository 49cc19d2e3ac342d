package providers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/internal/resource"
)

// fact is one thing that a metadata service knows about the machine: the last part of its
// address, and what documents call it.
type fact struct {
	path string
	// names with spaces between.
	names string
}

// metadata is where a platform keeps facts about the machine, besides the user config.
type metadata interface {
	needsNet() bool
	facts(ctx context.Context, env *Env) (map[string]string, error)
}

// factPatience limits each question: what is asked for may well not exist.
const factPatience = 20 * time.Second

// The names of facts in documents: coreos-cloudinit's substitutions, and variables of
// cloud-init's templates (its "Instance metadata", standardised keys).
const (
	privateIPv4 = "private_ipv4 ds.meta_data.local_ipv4 local_ipv4"
	publicIPv4  = "public_ipv4 ds.meta_data.public_ipv4"
	hostName    = "v1.local_hostname local_hostname ds.meta_data.local_hostname ds.meta_data.hostname"
	instanceID  = "v1.instance_id instance_id ds.meta_data.instance_id"
	region      = "v1.region region"
	zone        = "v1.availability_zone availability_zone"
)

// leaves are facts that a service answers one by one, as text.
type leaves struct {
	service *service
	// base of the addresses.
	base string
	all  []fact
}

// amazonLeaves are the names that Amazon chose and others took over.
var amazonLeaves = []fact{
	{"local-ipv4", privateIPv4},
	{"public-ipv4", publicIPv4},
	{"hostname", hostName},
	{"instance-id", instanceID},
}

func (*leaves) needsNet() bool { return true }

// facts asks for all facts at once. What the service does not have is left out.
func (l *leaves) facts(ctx context.Context, env *Env) (map[string]string, error) {
	quiet := *env
	quiet.Warn = env.Note // that something is not there is no news
	known := map[string]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failures []error
	for _, f := range l.all {
		wg.Go(func() {
			s := *l.service
			s.path, s.declared, s.retry, s.patience = l.base+f.path, nil, nil, factPatience
			c, err := s.read(ctx, &quiet)
			mu.Lock()
			defer mu.Unlock()
			switch text := strings.TrimSpace(string(c.Data)); {
			case errors.Is(err, ErrNoConfig):
			case err != nil:
				failures = append(failures, err)
			case text != "" && !strings.ContainsAny(text, "\r\n"):
				for name := range strings.SplitSeq(f.names, " ") {
					known[name] = text
				}
			}
		})
	}
	wg.Wait()
	if len(known) == 0 {
		return nil, together(failures...)
	}
	return known, nil
}

// volumeFacts are those of the file meta-data on a NoCloud volume: YAML, as cloud-init's
// documentation of NoCloud has it.
type volumeFacts struct{ drive *drive }

// volumeMetadata is the volume that is there already when there was user data on it.
var volumeMetadata = &volumeFacts{&drive{labels: cidataLabels, files: []string{"/meta-data"}, wait: time.Second}}

func (*volumeFacts) needsNet() bool { return false }

func (v *volumeFacts) facts(ctx context.Context, env *Env) (map[string]string, error) {
	c, err := v.drive.read(ctx, env)
	if errors.Is(err, ErrNoConfig) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseMetaData(c.Data), nil
}

// parseMetaData reads the scalars of a mapping. Text that is none says nothing.
func parseMetaData(text []byte) map[string]string {
	known := map[string]string{}
	tree, bad := source.ParseYAML(source.NewFile("meta-data", text))
	if len(bad) > 0 || tree.Root.Kind != source.Object {
		return known
	}
	names := map[string]string{"local-hostname": hostName, "instance-id": instanceID}
	for i := range tree.Root.Children {
		n := &tree.Root.Children[i]
		if n.Kind != source.String && n.Kind != source.Number {
			continue
		}
		known["ds.meta_data."+strings.NewReplacer("-", "_", ".", "_").Replace(n.Key)] = n.Text
		for _, name := range strings.Fields(names[n.Key]) {
			known[name] = n.Text
		}
	}
	return known
}

// Facts returns what the platform knows about the machine, by the names that documents
// use: private_ipv4, public_ipv4, v1.local_hostname, ds.meta_data.NAME. What it does not
// know is left out; a platform that keeps no facts has none. The errors are
// resource.ErrNeedNet or why nothing could be got.
func (p Platform) Facts(ctx context.Context, env *Env) (map[string]string, error) {
	if p.metadata == nil {
		return nil, nil
	}
	if env.Offline && p.metadata.needsNet() {
		return nil, fmt.Errorf("metadata of platform %s: %w", p.ID, resource.ErrNeedNet)
	}
	return p.metadata.facts(ctx, env)
}
