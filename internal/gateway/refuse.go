package gateway

import (
	"context"
	"errors"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/identity"
)

// refusal ends an exchange.
type refusal struct {
	kind string        // the kind of rule, for records, metrics and operators
	err  bedrock.Error // what the caller gets
	hint string        // what the caller may do about it
	// quarantine names the one that stopped the call, for the record.
	quarantine string
}

func refuse(kind string, err bedrock.Error) *refusal { return &refusal{kind: kind, err: err} }

// refuse answers a refusal in AWS's shape and records it: one record each for
// callers who are known, counted together for those who are not (security S16).
func (x *exchange) refuse(r *refusal) {
	if x.unknown(r) {
		r = x.stranger(r)
	}
	x.kind, x.status = r.kind, x.statusOf(r.err)
	switch {
	case x.ordered:
		// Already recorded as an intent: the refusal is its outcome.
		x.result.status, x.result.errorType = x.status, string(r.err.Type)
		x.mark(x.intent)
		_ = x.settle() // logged there; what follows is a refusal already
	case x.unknown(r):
		x.g.before.count(identity.SourceOf(x.origin.Addr), x.claimed(r.kind), x.id, x.start)
	default:
		x.recordRefusal(r)
	}
	x.writeError(x.worded(r))
}

// writeError answers with an error in the shape of the surface called: the one
// place where that is chosen.
func (x *exchange) writeError(e bedrock.Error) {
	if bedrock.OpenAIPath(x.r.URL.Path) {
		bedrock.WriteOpenAIError(x.w, e, x.id, x.id, x.start)
		return
	}
	bedrock.WriteError(x.w, e, x.id, x.id, x.start)
}

// statusOf is the HTTP status that writeError sends.
func (x *exchange) statusOf(e bedrock.Error) int {
	if bedrock.OpenAIPath(x.r.URL.Path) {
		return e.Type.OpenAIStatus()
	}
	return e.Type.Status()
}

// unknown reports whether a refusal meets nobody in particular.
func (x *exchange) unknown(r *refusal) bool {
	return !x.ordered && (!x.proven.whole || x.identity == nil || r.kind == "unauthenticated")
}

// claimed adds to a reason whose session was presented, so that operators see
// whose revoked or misused credentials are still around.
func (x *exchange) claimed(kind string) string {
	if x.identity == nil {
		return kind
	}
	return kind + ", session of " + x.identity.ID
}

// worded is what the caller reads: the kind of rule, an id that operators can
// look up, and what may be asked for; the reasons themselves only where
// configuration says so (security S20).
func (x *exchange) worded(r *refusal) bedrock.Error {
	e := r.err
	var b strings.Builder
	b.WriteString(e.Message)
	if r.hint != "" {
		b.WriteString("; " + r.hint)
	}
	b.WriteString(" (Writ decision " + x.id + ")")
	if x.g.cfg.Detailed {
		for _, reason := range x.decision.Reasons {
			b.WriteString("; " + reason.Policy + ": " + reason.Text)
		}
	}
	e.Message = b.String()
	return e
}

func (x *exchange) recordRefusal(r *refusal) {
	entry, err := x.refusalRecord(r)
	if err == nil {
		var index uint64
		if index, err = x.g.cfg.Journal.Append(x.r.Context(), entry); err == nil {
			x.mark(index)
			return
		}
	}
	if !errors.Is(err, context.Canceled) {
		x.g.cfg.Log.Error("a refusal could not be recorded", "id", x.id, "err", err)
	}
}

func invalid(message string) bedrock.Error {
	return bedrock.Error{Type: bedrock.ValidationException, Message: message}
}

func accessDenied(message string) bedrock.Error {
	return bedrock.Error{Type: bedrock.AccessDeniedException, Message: message}
}
