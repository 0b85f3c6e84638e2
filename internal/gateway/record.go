package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"net/netip"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/store"
)

// How a call ended, as auditlog.Outcome says it.
const (
	endedComplete      = "complete"
	endedClientGone    = "client_gone"
	endedCut           = "cut"
	endedUpstreamError = "upstream_error"
	endedRefused       = "refused"
)

// How a caller authenticated, as auditlog.Credential says it.
const (
	credentialSession = "session"
	credentialBearer  = "bearer"
)

// maxName bounds names that a caller chose (tools, fields, models) in a record.
const maxName = 96

func (x *exchange) intentRecord() ([]byte, error) {
	r := x.callRecord(auditlog.KindIntent)
	content, err := x.committed("request", x.body.Sum())
	if err != nil {
		return nil, err
	}
	r.Content = &auditlog.Content{Request: content, Scheme: auditlog.CommitmentScheme}
	if x.rewritten {
		if r.Content.Received, err = x.committed("received", x.received); err != nil {
			return nil, err
		}
	}
	r.Budget = x.reservedGroup()
	r.Right = &auditlog.Right{Grants: x.decision.Grants, Until: auditlog.At(x.decision.Until)}
	if x.decision.Until.IsZero() {
		r.Right.Until = auditlog.Time{}
	}
	r.Where.UserAgent, err = x.committed("user_agent", sha256.Sum256([]byte(x.r.UserAgent())))
	if err != nil {
		return nil, err
	}
	return r.Marshal()
}

func (x *exchange) refusalRecord(refused *refusal) ([]byte, error) {
	if len(x.decision.Legs) > 0 && x.decision.Permit == nil {
		// What each grant lacked is for operators: the caller is not told (S20).
		x.decision.Reasons = x.state.Bundle.Explain(x.question()).Reasons
	}
	r := x.callRecord(auditlog.KindRefusal)
	r.Decision.Decision, r.Decision.Code = "deny", refused.kind
	if refused.quarantine != "" {
		r.Decision.Policies = append(r.Decision.Policies, "quarantine:"+refused.quarantine)
	}
	return r.Marshal()
}

// mintLog names the log of a mint record where it is not this one; to sessions
// the installation's first log has no name.
func (g *Gateway) mintLog(shard string) string {
	if g.cfg.LogOf == nil || shard == g.instance.Shard || shard == "" && g.instance.Shard == store.FirstShard {
		return ""
	}
	return g.cfg.LogOf(shard)
}

// callRecord gathers what is known of the call so far.
func (x *exchange) callRecord(kind auditlog.Kind) *auditlog.Record {
	s := &x.proven.session
	r := &auditlog.Record{
		Kind: kind, ID: x.id, Time: auditlog.At(x.start), Instance: x.g.instance,
		Where: x.where(),
		Credential: &auditlog.Credential{
			Kind: x.proven.kind, ID: s.ID, Issued: auditlog.At(s.Issued), Expires: auditlog.At(s.Expires), MintRecord: &s.Record, MintLog: x.g.mintLog(s.Shard),
		},
		Proof: &auditlog.Proof{
			Kind: string(s.Proof), Issuer: s.Issuer, Subject: clip(s.Subject, 256), Binding: s.Binding, TokenSHA256: s.ProofID,
		},
		Decision: x.decisionGroup(),
	}
	if x.target.Operation != "" {
		r.Call = x.callGroup()
		r.Request = x.requestGroup()
	}
	if x.identity != nil {
		r.Who = &auditlog.Who{
			Identity: x.identity.ID, Kind: string(x.identity.Kind), Environment: x.identity.Environment,
			Team: x.identity.Team, Session: s.ID, Impersonated: s.Impersonated(),
		}
	}
	r.Data = x.promptGroup()
	return r
}

func (x *exchange) callGroup() *auditlog.Call {
	c := &auditlog.Call{
		Operation: string(x.target.Operation), ModelRequested: clip(x.target.ModelID, 256), Model: x.model.ID, Profile: x.profile,
		RegionCalled: x.region, Account: x.account, Stream: x.target.Operation.Streams(), Endpoint: "runtime",
	}
	c.Legs = make([]auditlog.Leg, 0, len(x.legs))
	for _, leg := range x.legs {
		c.Legs = append(c.Legs, auditlog.Leg{Kind: string(leg.Kind), Resource: clip(leg.Resource, 256), Region: leg.Region})
	}
	return c
}

func (x *exchange) requestGroup() *auditlog.Request {
	r := &auditlog.Request{
		MaxTokens: x.caps.MaxTokens, Tier: clip(x.caps.ServiceTier, maxName),
		Extras: x.words(&x.prompt, x.caps.Extras, maxName), Bytes: int64(len(x.body.Bytes())),
	}
	if g := x.caps.Guardrail; g != nil {
		r.Guardrail = clip(g.ID, 256) + ":" + clip(g.Version, maxName)
	}
	for _, tool := range x.caps.Tools {
		r.Tools = append(r.Tools, tool.Name)
	}
	r.Tools = x.words(&x.prompt, r.Tools, maxName)
	return r
}

func (x *exchange) decisionGroup() *auditlog.Decision {
	d := &auditlog.Decision{Decision: "permit", Code: x.decision.Code, EvaluatedUS: x.decided.Microseconds()}
	if x.state != nil {
		d.SnapshotRevision, d.BundleDigest = uint64(x.state.Revision), x.state.Bundle.Digest()
	}
	d.Policies = make([]string, 0, len(x.decision.Reasons))
	for _, r := range x.decision.Reasons {
		d.Policies = append(d.Policies, clip(r.Policy, maxName))
		if r.Effect != "permit" {
			d.Reasons = append(d.Reasons, r.Text)
		}
	}
	d.Reasons = x.words(&x.prompt, d.Reasons, 256)
	x.markObserved(d)
	for _, o := range x.decision.Obligations {
		d.Obligations = append(d.Obligations, o.Name)
	}
	return d
}

func (x *exchange) where() *auditlog.Where {
	w := &auditlog.Where{Networks: x.origin.Networks, ClientFamily: bedrock.ClientFamily(x.r.UserAgent())}
	if x.origin.Addr.IsValid() {
		w.SourceIP = x.origin.Addr.String()
	}
	if x.origin.Peer.IsValid() {
		w.PeerIP = x.origin.Peer.String()
	}
	if x.r.TLS != nil {
		w.TLSVersion = tls.VersionName(x.r.TLS.Version)
	}
	return w
}

func (x *exchange) outcomeRecord() ([]byte, error) {
	r := &auditlog.Record{
		Kind: auditlog.KindOutcome, ID: x.id, Time: auditlog.At(x.start.Add(x.took())), Instance: x.g.instance,
		Outcome: &auditlog.Outcome{
			Intent: x.intent, Status: x.result.status, UpstreamRequestID: clip(x.result.requestID, maxName),
			ErrorType: clip(x.result.errorType, maxName), StopReason: clip(x.result.stop, maxName),
			ToolsCalled: x.words(&x.answered.label, x.result.tools, maxName),
			FirstByteMS: x.result.firstByte.Milliseconds(), DurationMS: x.took().Milliseconds(),
			Bytes: x.result.bytes, Frames: x.result.frames, Ended: x.result.ended,
			Async: x.result.async, Output: x.outputGroup(), Hold: x.waited,
		},
		Usage: x.usageGroup(),
	}
	if x.result.withheld != "" {
		r.Decision = &auditlog.Decision{Decision: "deny", Code: x.result.withheld, Policies: clipAll(x.result.rules)}
	}
	var err error
	if r.Content, err = x.answerContent(); err != nil {
		return nil, err
	}
	return r.Marshal()
}

// answerContent commits to the answer as it went out and, where that is not how
// it came, as it came.
func (x *exchange) answerContent() (c *auditlog.Content, err error) {
	if x.result.bytes == 0 && !x.answered.changed {
		return nil, nil
	}
	c = &auditlog.Content{Scheme: auditlog.CommitmentScheme}
	if x.result.bytes > 0 {
		c.Response, err = x.committed("response", x.result.sum)
	}
	if err == nil && x.answered.changed {
		c.Received, err = x.committed("received_response", x.answered.received)
	}
	return c, err
}

// committed is a salted commitment to content: the log proves what was said
// without holding it (security S26).
func (x *exchange) committed(label string, sum [sha256.Size]byte) (string, error) {
	committer, err := x.g.salts.get(context.WithoutCancel(x.ctx), x.identity.ID, x.start)
	if err != nil {
		return "", err
	}
	return committer.Commit(label, x.id, sum), nil
}

// recordBefore writes one aggregate of refusals before authentication.
func (g *Gateway) recordBefore(ctx context.Context, a aggregate) error {
	r := &auditlog.Record{
		Kind: auditlog.KindPreauth, ID: newID(), Time: auditlog.At(a.Last), Instance: g.instance,
		Preauth: &auditlog.Preauth{
			Reason: a.Reason, Source: sourceText(a.Source), Count: a.Count,
			First: auditlog.At(a.First), Last: auditlog.At(a.Last), Samples: a.Samples,
		},
	}
	entry, err := r.Marshal()
	if err != nil {
		return err
	}
	_, err = g.cfg.Journal.AppendSpare(ctx, entry)
	return err
}

// sourceText renders an aggregate's source; the zero prefix is many sources.
func sourceText(p netip.Prefix) string {
	if !p.IsValid() {
		return "many"
	}
	return p.String()
}

// clip bounds a name that came from outside, on a character's boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}

func clipAll(names []string) []string {
	out := make([]string, len(names))
	for i, s := range names {
		out[i] = clip(s, maxName)
	}
	return out
}
