package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
)

// inspect passes the answer on, whole or frame by frame, and gathers usage from
// it on the way.
func (x *exchange) inspect() {
	defer x.resp.Body.Close()
	x.status, x.result.status, x.kind = x.resp.StatusCode, x.resp.StatusCode, "permit"
	x.result.requestID = x.resp.Header.Get("X-Amzn-Requestid")
	if x.result.requestID == "" {
		x.result.requestID = x.resp.Header.Get("X-Request-Id")
	}
	x.result.errorType = x.resp.Header.Get("X-Amzn-Errortype")
	if err := unfit(x.resp); err != nil {
		x.broken(err)
		return
	}
	if x.resp.StatusCode < 300 {
		x.waits = x.mayWait()
	}
	switch contentType := x.resp.Header.Get("Content-Type"); {
	case !x.target.Operation.Streams():
		x.relayWhole()
	case x.target.Operation.OpenAI() && strings.HasPrefix(contentType, serverSentEvents):
		x.relay(newEvents(x.target.Operation, x.resp.Body))
	case !x.target.Operation.OpenAI() && strings.HasPrefix(contentType, eventStream):
		x.relay(newFrames(x.target.Operation, x.resp.Body))
	default:
		x.relayWhole()
	}
}

// relayWhole passes on a unary answer, or an error that came in a stream's place.
func (x *exchange) relayWhole() {
	limit := x.g.cfg.Limits.Answer
	body, err := readAll(x.resp, limit)
	switch {
	case err != nil || int64(len(body)) > limit:
		x.broken(err)
		return
	case x.resp.ContentLength >= 0 && int64(len(body)) != x.resp.ContentLength:
		x.broken(io.ErrUnexpectedEOF)
		return
	}
	x.result.sum = sha256.Sum256(body)
	x.result.bytes = int64(len(body))
	x.result.ended = endedComplete
	if x.resp.StatusCode < 300 {
		answer, err := bedrock.ReadAnswer(x.target.Operation, x.resp.Header, body)
		if err != nil {
			x.g.cfg.Log.Warn("an answer could not be read in full", "id", x.id, "err", err)
		}
		x.gather(answer)
		if refused := x.noteAsync(body); refused != nil {
			x.answerError(refused)
			return
		}
	}
	if x.lost() {
		x.broken(context.Canceled)
		return
	}
	if x.resp.StatusCode < 300 {
		var refused *refusal
		if body, refused = x.release(body); refused == nil && x.waits != nil {
			body, refused = x.holdWhole(x.waits, body)
		}
		if refused != nil {
			x.withholdWhole(refused)
			return
		}
		x.result.sum, x.result.bytes = sha256.Sum256(body), int64(len(body))
	}
	if x.g.cfg.Strict {
		if err := x.settle(); err != nil {
			x.answerError(unready(err))
			return
		}
	}
	x.writeHead(int64(len(body)))
	_ = http.NewResponseController(x.w).SetWriteDeadline(time.Now().Add(x.g.cfg.Limits.FrameTime))
	if _, err := x.w.Write(body); err != nil && !x.settled {
		x.result.ended = endedClientGone
	}
}

// withholdWhole answers with a refusal in the place of an answer that came.
func (x *exchange) withholdWhole(refused *refusal) {
	x.answered.changed, x.answered.received = true, x.result.sum
	x.result.bytes, x.result.errorType = 0, string(refused.err.Type)
	if x.result.ended == endedComplete {
		x.result.ended = endedRefused
	}
	x.answerError(refused)
}

// readAll reads an answer, at most one byte more than the limit, into a buffer
// of its announced size.
func readAll(resp *http.Response, limit int64) ([]byte, error) {
	var b bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= limit {
		b.Grow(int(n) + bytes.MinRead)
	}
	_, err := b.ReadFrom(io.LimitReader(resp.Body, limit+1))
	return b.Bytes(), err
}

// broken answers for an upstream that failed before a byte went to the client.
func (x *exchange) broken(err error) {
	x.answerError(x.unreached(err))
}

// answerError answers with an error in the place of Bedrock's answer.
func (x *exchange) answerError(refused *refusal) {
	x.kind, x.status = refused.kind, x.statusOf(refused.err)
	x.mark(x.intent)
	x.writeError(x.worded(refused))
}

// writeFailed says why a frame did not reach the client: a cut ends blocked
// writes too.
func (x *exchange) writeFailed() string {
	var cut *cutError
	if errors.As(context.Cause(x.ctx), &cut) {
		return endedCut
	}
	return endedClientGone
}

// hurryWhenCut has a cut also end a write that a slow reader blocks. The
// function it returns must run before the handler returns: a deadline set later
// would strike the connection's next answer.
func (x *exchange) hurryWhenCut(out *http.ResponseController) (end func()) {
	set := make(chan struct{})
	stop := context.AfterFunc(x.ctx, func() {
		_ = out.SetWriteDeadline(time.Now().Add(time.Second))
		close(set)
	})
	return func() {
		if !stop() {
			<-set
		}
	}
}

func (x *exchange) gather(a bedrock.Answer) {
	x.result.usage, x.result.stop, x.result.tools = a.Usage, a.StopReason, a.ToolUses
	x.result.guardrail, x.result.invoked, x.result.tier = a.GuardrailUnits, a.InvokedModel, a.ServiceTier
	if a.Exception != "" {
		x.result.errorType = a.Exception
	}
}

// streamEnded says how the stream ended and, when it did not end well, tells
// the client in the SDK's own way: an exception frame.
func (x *exchange) streamEnded(in flow, err error) {
	a := in.answer()
	var cut *cutError
	switch {
	case errors.Is(err, io.EOF) && (a.Final || a.StopReason != "" || a.Exception != ""):
		x.result.ended = endedComplete
		return
	case errors.As(context.Cause(x.ctx), &cut):
		x.result.ended = endedCut
		x.kind = "cut"
		x.writeException(in, accessDenied(cut.Error()))
	case x.r.Context().Err() != nil:
		x.result.ended = endedClientGone
	default:
		x.result.ended, x.failed = endedUpstreamError, UpstreamBroken
		x.kind = "upstream"
		x.g.cfg.Log.Warn("the answer broke off", "id", x.id, "err", err)
		x.writeException(in, bedrock.Error{Type: bedrock.InternalServerException, Message: "the answer from Bedrock broke off"})
	}
}

func (x *exchange) writeFrame(out *http.ResponseController, raw []byte, flush bool) bool {
	_ = out.SetWriteDeadline(time.Now().Add(x.g.cfg.Limits.FrameTime))
	if _, err := x.w.Write(raw); err != nil {
		return false
	}
	return !flush || out.Flush() == nil
}

func (x *exchange) writeException(in flow, e bedrock.Error) {
	x.result.errorType = string(e.Type)
	x.writeFrame(http.NewResponseController(x.w), in.exception(e), true)
}

// answerHeaders are the response headers that pass through; others are AWS's
// connection's business, not the client's.
var answerHeaders = []string{
	"Content-Type",
	"X-Amzn-Bedrock-Cache-Read-Input-Token-Count",
	"X-Amzn-Bedrock-Cache-Write-Input-Token-Count",
	"X-Amzn-Bedrock-Content-Type",
	"X-Amzn-Bedrock-Input-Token-Count",
	"X-Amzn-Bedrock-Invocation-Latency",
	"X-Amzn-Bedrock-Output-Token-Count",
	"X-Amzn-Bedrock-Performanceconfig-Latency",
	"X-Amzn-Bedrock-Service-Tier",
	"X-Amzn-Errortype",
	"X-Amzn-Requestid",
	"X-Amz-Retry-After",
	"X-Request-Id",
}

// writeHead sends status and headers; length −1 leaves it to the transport.
func (x *exchange) writeHead(length int64) {
	h := x.w.Header()
	for _, k := range answerHeaders {
		if v := x.resp.Header[k]; len(v) > 0 {
			h[k] = v
		}
	}
	x.mark(x.intent)
	if length >= 0 {
		h["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	}
	x.w.WriteHeader(x.resp.StatusCode)
}

// mark puts the decision's id and its record's index on the answer (security S25).
func (x *exchange) mark(index uint64) {
	h := x.w.Header()
	h["X-Writ-Decision"] = []string{x.id}
	h["X-Writ-Record"] = []string{strconv.FormatUint(index, 10)}
}
