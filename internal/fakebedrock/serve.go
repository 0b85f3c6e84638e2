package fakebedrock

import (
	"net/http"
	"strconv"
	"time"
)

// answer composes the reply to an authenticated request and sends it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, req Request, f Fault) {
	streams := req.Operation == opConverseStream || req.Operation == opInvokeStream || req.Operation == opChatStream
	if !streams && (f.Kind == Exception || f.Kind == StreamError) {
		writeError(w, r, f.refusal())
		return
	}
	if asynchronous(req.Operation) {
		s.answerAsync(w, r, req, f)
		return
	}
	out, refused := s.reply(req)
	if refused != nil {
		writeError(w, r, refused)
		return
	}
	if !s.wait(r.Context(), s.cfg.Latency) {
		return
	}
	for name, value := range out.headers {
		w.Header().Set(name, value)
	}
	switch {
	case req.Operation == opChatStream:
		s.streamChat(w, r, out.answer, out.events, f)
		return
	case streams:
		s.stream(w, r, out.answer, out.events, f)
		return
	}
	if s.wait(r.Context(), s.perToken(out.answer.usage.output)) {
		whole(w, r, encode(out.body), f)
	}
}

// whole sends a body that is not a stream; a fault strikes in its middle.
func whole(w http.ResponseWriter, r *http.Request, body []byte, f Fault) {
	w.Header().Set("Content-Type", "application/json")
	if f.Kind == "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body)
		return
	}
	switch f.Kind {
	case Garbage, Corrupt:
		w.Write([]byte(garbage))
		return
	case Cut, HalfClose, Stall:
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.Write(body[:len(body)/2])
	breakOff(w, r, f.Kind)
}

// reply is an answer put into an operation's shape.
type reply struct {
	answer  answer
	headers map[string]string
	body    any     // not streaming
	events  []event // streaming
}

func (s *Server) reply(req Request) (reply, *apiError) {
	if req.Operation == opApply {
		return s.replyApply(req)
	}
	fam, refused := s.familyOf(req.Model)
	if refused != nil {
		return reply{}, refused
	}
	switch req.Operation {
	case opConverse, opConverseStream:
		return s.replyConverse(req, fam)
	case opCount:
		return s.replyCount(req, fam)
	case opChat, opChatStream:
		return s.replyChat(req, fam)
	}
	return s.replyInvoke(req, fam)
}

func (s *Server) replyInvoke(req Request, fam *family) (reply, *apiError) {
	if fam.read == nil {
		return reply{}, validation("The stand-in knows no InvokeModel body of this provider; use Converse.")
	}
	streams := req.Operation == opInvokeStream
	if streams && fam.events == nil {
		return reply{}, validation("The model is unsupported for streaming.")
	}
	t := newTally(req.Model)
	if refused := fam.read(t, req.Body); refused != nil {
		return reply{}, refused
	}
	out := reply{answer: compose(t.finish(), s.cfg.Answer), headers: map[string]string{}}
	if fam.embeds {
		out.answer.usage.output = 0
	}
	for _, name := range []string{"X-Amzn-Bedrock-Performanceconfig-Latency", "X-Amzn-Bedrock-Service-Tier"} {
		if v := req.Header.Get(name); v != "" {
			out.headers[name] = v
		}
	}
	if streams {
		out.headers["X-Amzn-Bedrock-Content-Type"] = "application/json"
		told := &out.answer.told
		out.events = inChunks(fam.events(out.answer), told.metrics(s.metrics(out.answer)))
		for _, m := range told.again(metricName) {
			out.events = append(out.events, inChunks([]event{{payload: object{}}}, m)...)
		}
		return out, nil
	}
	u := out.answer.usage
	for name, n := range map[string]int{
		"Input-Token-Count":             u.input,
		"Output-Token-Count":            u.output,
		"Cache-Read-Input-Token-Count":  u.cacheRead,
		"Cache-Write-Input-Token-Count": u.cacheWrite,
		"Invocation-Latency":            s.milliseconds(u.output),
	} {
		out.headers["X-Amzn-Bedrock-"+name] = strconv.Itoa(n)
	}
	out.answer.told.headers(out.headers)
	out.body = fam.whole(out.answer)
	return out, nil
}

// metrics is what the last chunk of a stream tells beside the model's own words.
func (s *Server) metrics(a answer) object {
	m := object{
		"inputTokenCount":   a.usage.input,
		"outputTokenCount":  a.usage.output,
		"invocationLatency": s.milliseconds(a.usage.output),
		"firstByteLatency":  s.milliseconds(0),
	}
	if a.usage.cacheRead+a.usage.cacheWrite > 0 {
		m["cacheReadInputTokenCount"] = a.usage.cacheRead
		m["cacheWriteInputTokenCount"] = a.usage.cacheWrite
	}
	return m
}

// milliseconds is how long so many output tokens take by the configuration:
// reported, not measured, so that answers repeat.
func (s *Server) milliseconds(tokens int) int {
	return int((s.cfg.Latency + s.perToken(tokens)) / time.Millisecond)
}

// inChunks wraps a model's own events as InvokeModelWithResponseStream does.
func inChunks(events []event, metrics object) []event {
	if metrics != nil {
		events[len(events)-1].payload["amazon-bedrock-invocationMetrics"] = metrics
	}
	for i, e := range events {
		events[i].name = "chunk"
		events[i].payload = object{"bytes": encode(e.payload)} // base64 by encoding/json
	}
	return events
}
