package providers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/resource"
)

// packetHost serves metadata: Equinix Metal's "Metadata".
const packetHost = "https://metadata.packet.net"

// maxPacketMetadata is the number of bytes of the metadata; real ones have some thousand.
const maxPacketMetadata = 1 << 20

// reportToPacket posts how a stage has ended to the events of the machine.
func reportToPacket(ctx context.Context, env *Env, o Outcome) error {
	r, err := env.ask(ctx, question{url: packetHost + "/metadata", header: header("Accept", "*/*"), limit: maxPacketMetadata})
	if err != nil {
		return err
	}
	if r.status != http.StatusOK {
		return fmt.Errorf("ask %s/metadata: status %d", packetHost, r.status)
	}
	var metadata struct {
		PhoneHome string `json:"phone_home_url"`
	}
	if err := json.Unmarshal(r.body, &metadata); err != nil {
		return fmt.Errorf("read %s/metadata: it is no JSON object with texts", packetHost)
	}
	if metadata.PhoneHome == "" {
		return errors.New("the metadata has no phone_home_url")
	}
	event := struct {
		State   string `json:"state"`
		Message string `json:"message"`
	}{State: "running", Message: fmt.Sprintf("[%s] Ignition status: finished successfully", o.Stage)}
	if o.Err != nil {
		event.State, event.Message = "failed", fmt.Sprintf("[%s] Ignition error: %v", o.Stage, o.Err)
	}
	body, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	events := strings.TrimSuffix(metadata.PhoneHome, "/phone-home") + "/events"
	r, err = env.ask(ctx, question{
		method: http.MethodPost, url: events, header: header("Content-Type", "application/json"), body: body, limit: maxPacketMetadata,
	})
	if err != nil {
		return err
	}
	if r.status >= http.StatusMultipleChoices {
		return fmt.Errorf("post to %s: status %d", resource.Show(events), r.status)
	}
	return nil
}
