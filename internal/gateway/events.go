package gateway

import (
	"crypto/sha256"
	"net/http"

	"github.com/writ-project/writ/internal/bedrock"
)

const serverSentEvents = "text/event-stream"

// relayEvents is relayStream for the surface whose streams are server-sent
// events: the same order of passing on, flushing and, in strict mode, holding
// the end until the outcome is durable (security S27).
func (x *exchange) relayEvents() {
	x.writeHead(-1)
	out := http.NewResponseController(x.w)
	_ = out.Flush()
	defer x.hurryWhenCut(out)()
	events := bedrock.NewEventReader(x.resp.Body)
	watch := bedrock.NewEventCollector()
	digest := sha256.New()
	for {
		event, err := events.Next()
		if err != nil {
			x.streamEnded(err, watch.Answer())
			break
		}
		if err := watch.Add(event); err != nil {
			x.g.cfg.Log.Warn("an event could not be read", "id", x.id, "err", err)
		}
		x.result.frames++
		x.result.bytes += int64(len(event.Raw))
		digest.Write(event.Raw)
		if x.g.cfg.Strict && event.Done() && !x.settled {
			digest.Sum(x.result.sum[:0])
			x.gather(watch.Answer())
			x.result.ended = endedComplete
			if err := x.settle(); err != nil {
				x.writeException(bedrock.Error{Type: bedrock.InternalServerException, Message: "the outcome could not be recorded"})
				break
			}
		}
		if !x.writeFrame(out, event.Raw, !events.Ready()) {
			x.result.ended = x.writeFailed()
			break
		}
	}
	digest.Sum(x.result.sum[:0])
	x.gather(watch.Answer())
}
