package fakebedrock

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// object is a JSON object; its keys are written in order, so bytes repeat.
type object = map[string]any

// encode writes compact JSON without HTML escapes, as the service does. Its
// argument is always made of plain maps, slices and scalars.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("encoding an answer: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// event is one event of a stream, and how many output tokens it carries.
type event struct {
	name    string
	payload object
	tokens  int
}

// frame encodes an event-stream message whose first header is (kind, name).
func frame(messageType, kind, name string, payload []byte) []byte {
	var m eventstream.Message
	m.Headers.Set(kind, eventstream.StringValue(name))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	m.Headers.Set(":message-type", eventstream.StringValue(messageType))
	m.Payload = payload
	return mustEncode(m)
}

// errorFrame is an error that the service's model does not know.
func errorFrame(code, message string) []byte {
	var m eventstream.Message
	m.Headers.Set(":error-code", eventstream.StringValue(code))
	m.Headers.Set(":error-message", eventstream.StringValue(message))
	m.Headers.Set(":message-type", eventstream.StringValue("error"))
	return mustEncode(m)
}

func mustEncode(m eventstream.Message) []byte {
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		panic("encoding a frame: " + err.Error())
	}
	return b.Bytes()
}

// paddingAlphabet is what the service pads its payloads with, cut to a length
// that hides how long the text is.
const paddingAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// stream writes the events as frames, paced, until the fault strikes.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, a answer, events []event, f Fault) {
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	control := http.NewResponseController(w)
	strike := len(events) + 1
	if f.Kind != "" {
		strike = min(f.After, len(events))
	}
	for i, e := range events {
		if i == strike {
			break
		}
		if !s.wait(r.Context(), s.perToken(e.tokens)+time.Duration(e.tokens)*a.pause) {
			return
		}
		if !s.cfg.Unpadded {
			e.payload["p"] = paddingAlphabet[:1+(int(a.digest[i%len(a.digest)])*7+i)%len(paddingAlphabet)]
		}
		if _, err := w.Write(frame("event", ":event-type", e.name, encode(e.payload))); err != nil {
			return
		}
		if control.Flush() != nil {
			return
		}
	}
	strikeStream(w, r, events, f)
}

func strikeStream(w http.ResponseWriter, r *http.Request, events []event, f Fault) {
	switch f.Kind {
	case Exception:
		w.Write(frame("exception", ":exception-type", memberName(f.Type), encode(object{"message": f.Message})))
	case StreamError:
		w.Write(errorFrame(f.Type, f.Message))
	case Garbage:
		w.Write([]byte(garbage))
	case Corrupt:
		e := events[min(f.After, len(events)-1)]
		bad := frame("event", ":event-type", e.name, encode(e.payload))
		bad[len(bad)-5] ^= 1 // the payload's last byte
		w.Write(bad)
	default:
		breakOff(w, r, f.Kind)
	}
}

// wait pauses, and says whether the caller is still there.
func (s *Server) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// perToken is how long so many tokens take to make.
func (s *Server) perToken(tokens int) time.Duration {
	if s.cfg.TokensPerSecond <= 0 {
		return 0
	}
	return time.Duration(tokens) * time.Second / time.Duration(s.cfg.TokensPerSecond)
}
