package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// An asynchronous invocation's answer is written to S3 by Bedrock itself, under
// Writ's own role, after the call has ended. So three things are fixed here
// that other calls do not need (security S3): the client's token is made its
// identity's own before the body is decided upon; who started an invocation is
// in the log and in the store before the caller learns its name; and an
// invocation can be read by whom it is remembered for, and by nobody else.

// asyncFacts are what the steps know of an asynchronous invocation.
type asyncFacts struct {
	prepared bool              // all of this is read
	token    string            // client token as it leaves
	query    bedrock.ListQuery // ListAsyncInvokes
	from     cursor
}

// queried reports whether the request names an operation whose query string
// has a meaning.
func (x *exchange) queried() bool {
	t, err := bedrock.ParseTarget(x.r.Method, x.r.URL.EscapedPath())
	return err == nil && t.Operation.Queried()
}

// readNothing is readBody for an operation that has no body.
func (x *exchange) readNothing() *refusal {
	n := x.r.ContentLength
	if n < 0 { // HTTP/2 without a length: the end must follow
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(x.g.cfg.Limits.BodyTime))
		var one [1]byte
		got, err := io.ReadFull(x.r.Body, one[:])
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{})
		n = int64(got)
		if err == nil || !errors.Is(err, io.EOF) {
			n = 1
		}
	}
	if n > 0 {
		return refuse("malformed", invalid("the operation has no body"))
	}
	x.body = bedrock.NewBody(nil)
	return nil
}

// prepareAsync reads what an asynchronous operation names, once: reconsidering
// a call does not ask the store again, nor rewrite a body twice.
func (x *exchange) prepareAsync() *refusal {
	op := x.target.Operation
	if !op.Async() && !op.Bodiless() || x.async.prepared {
		return nil
	}
	x.async.prepared = true
	switch {
	case x.g.cfg.Store == nil:
		return refuse("unknown_operation", bedrock.Error{Type: bedrock.UnknownOperationException, Message: "asynchronous invocations are not remembered here, and so not served"})
	case op == bedrock.StartAsyncInvoke:
		return x.ownToken()
	case op == bedrock.ListAsyncInvokes:
		return x.prepareList()
	}
	return x.findInvocation()
}

// ownToken replaces the client's token by one that only its identity can name:
// Bedrock answers a token that it knows with the invocation that was started
// first, whoever asks. The new body is the one that is read, decided upon,
// recorded and sent; the digest of the one received is recorded beside it.
func (x *exchange) ownToken() *refusal {
	start, err := bedrock.ReadAsyncStart(x.body.Bytes())
	if err != nil {
		return refuse("malformed", invalid(err.Error()))
	}
	if start.Token == "" {
		return nil
	}
	x.async.token = tokenOf(x.identity.ID, start.Token)
	rewritten, err := start.WithToken(x.body.Bytes(), x.async.token)
	if err != nil {
		return refuse("malformed", invalid(err.Error()))
	}
	x.replace(rewritten)
	return nil
}

// tokenOf is an identity's own form of a client token.
func tokenOf(identity, token string) string {
	var b []byte
	for _, s := range [...]string{"writ async client token v1", identity, token} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// findInvocation finds the invocation that GetAsyncInvoke names among those
// remembered for the identity. One that is another's is refused in the words
// for one that does not exist.
func (x *exchange) findInvocation() *refusal {
	ref, err := bedrock.ParseInvocation(x.target.Invocation)
	if err != nil {
		return refuse("malformed", invalid(err.Error()))
	}
	row, err := x.g.cfg.Store.Invocation(x.r.Context(), x.identity.ID, ref.String())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return unready(err)
	}
	if err == nil {
		if err = x.g.vouched(row); err != nil {
			x.g.cfg.Log.Error("an invocation in the store is not as the log has it", "id", x.id, "err", err)
		}
	}
	if x.proven.kind == credentialBearer && slices.Contains(x.g.cfg.Regions, ref.Region) {
		x.region = ref.Region // a bearer token signs none
	}
	if err != nil || ref.Region != x.region || ref.Account != row.Account || ref.Partition != x.g.cfg.Partition {
		return &refusal{kind: "unknown_invocation", err: accessDenied(fmt.Sprintf(
			"User: %s is not authorized to perform: bedrock:GetAsyncInvoke on resource: %s because no invocation of that name is recorded for it in the region called", x.callerARN(), ref))}
	}
	x.target.ModelID, x.account = row.Model, row.Account
	return nil
}

// vouched reports an error unless the log says what the row says: that this
// invocation was started, by this identity (security S17).
func (g *Gateway) vouched(row store.Invocation) error {
	if row.Record.Shard != g.instance.Shard {
		return fmt.Errorf("record %v is in another log", row.Record)
	}
	outcome, err := g.recordAt(row.Record.Index)
	if err != nil {
		return err
	}
	if outcome.Kind != auditlog.KindOutcome || outcome.Outcome.Async == nil || outcome.Outcome.Async.Invocation != row.ARN {
		return fmt.Errorf("record %v does not name %s", row.Record, row.ARN)
	}
	intent, err := g.recordAt(outcome.Outcome.Intent)
	if err != nil {
		return err
	}
	if intent.Kind != auditlog.KindIntent || intent.Who.Identity != row.Identity || intent.Call.ModelRequested != row.Model {
		return fmt.Errorf("record %d is not of %s, or of another model", outcome.Outcome.Intent, row.Identity)
	}
	return nil
}

func (g *Gateway) recordAt(index uint64) (*auditlog.Record, error) {
	entry, err := g.cfg.Journal.Entry(index)
	if err != nil {
		return nil, err
	}
	return auditlog.ParseRecord(entry)
}

// forwardAsync is forward for what is not simply sent on. done says that the
// exchange needs nothing more from Bedrock.
func (x *exchange) forwardAsync() (refused *refusal, done bool) {
	switch x.target.Operation {
	case bedrock.ListAsyncInvokes:
		return x.list(), true
	case bedrock.StartAsyncInvoke:
		// What could not be remembered is not started. Forgetting the old first
		// is also how that is found out.
		err := x.g.cfg.Store.ForgetInvocations(x.ctx, x.start.Add(-store.InvocationRetention))
		if err != nil {
			x.result.ended = endedRefused
			return unready(err), true
		}
	}
	return nil, false
}

// noteAsync reads a good answer about an asynchronous invocation before the
// caller does.
func (x *exchange) noteAsync(body []byte) *refusal {
	switch x.target.Operation {
	case bedrock.StartAsyncInvoke:
		return x.remember(body)
	case bedrock.GetAsyncInvoke:
		return x.noteStatus(body)
	}
	return nil
}

// remember makes a started invocation its identity's, in the log and then in
// the store. When that fails the caller gets an error although the invocation
// runs: a name that nobody could be held to must not be given out. An SDK then
// tries again with the same token, and Bedrock answers it with the same
// invocation; without a token a second attempt would start a second one, so
// that error is one that no SDK repeats.
func (x *exchange) remember(body []byte) *refusal {
	ref, err := bedrock.ReadStarted(body)
	if err == nil && (ref.Region != x.region || ref.Account != x.account || ref.Partition != x.g.cfg.Partition) {
		err = fmt.Errorf("invocation %s is not in the account and region called", ref)
	}
	if err != nil {
		x.result.ended = endedUpstreamError
		return x.notRemembered(err)
	}
	row := x.invocation(ref)
	x.result.async = &auditlog.Async{
		Invocation: row.ARN, ModelARN: row.ModelARN, Token: row.Token,
		Output: row.Output.URI, OutputKey: row.Output.KMSKey, OutputOwner: row.Output.BucketOwner,
	}
	row.Record.Index, err = x.settleNow()
	if err == nil {
		err = x.g.cfg.Store.RememberInvocation(x.g.background, row)
	}
	if err != nil {
		return x.notRemembered(err)
	}
	return nil
}

func (x *exchange) notRemembered(err error) *refusal {
	x.g.cfg.Log.Error("an asynchronous invocation was started and could not be remembered", "id", x.id, "intent", x.intent, "err", err)
	e := bedrock.Error{Type: bedrock.ServiceUnavailableException, Message: "the invocation was started and could not be remembered: try again with the same clientRequestToken"}
	if x.async.token == "" {
		e.Type, e.Message = bedrock.ConflictException, "the invocation was started and could not be remembered: it runs, and trying again would start another"
	}
	return &refusal{kind: "not_remembered", err: e}
}

// invocation is the row of the invocation that the exchange started.
func (x *exchange) invocation(ref bedrock.InvocationRef) store.Invocation {
	return store.Invocation{
		Invocation: bedrock.Invocation{
			ARN: ref.String(), ModelARN: modelARN(x.legs), Token: x.async.token, Status: bedrock.InProgress, Output: *x.caps.Output, Started: x.start,
		},
		Identity: x.identity.ID, Grants: x.decision.Grants, Model: x.target.ModelID,
		Region: x.region, Account: x.account, Record: store.Ref{Shard: x.g.instance.Shard},
	}
}

// modelARN is the model that runs, as AWS names it in an invocation.
func modelARN(legs []rights.Leg) string {
	for _, l := range legs {
		if l.Kind == rights.SourceLeg || l.Kind == rights.CustomLeg {
			return l.Resource
		}
	}
	return ""
}

// noteStatus notes how an invocation goes on. That the list is behind is no
// reason to keep the answer back; that the answer is about another invocation is.
func (x *exchange) noteStatus(body []byte) *refusal {
	i, err := bedrock.ReadInvocation(body)
	if err == nil && i.ARN != x.target.Invocation {
		x.g.cfg.Log.Error("Bedrock answered for another invocation", "id", x.id)
		x.result.ended = endedUpstreamError
		return &refusal{kind: "upstream", err: bedrock.Error{Type: bedrock.InternalServerException, Message: "the answer from Bedrock is about another invocation"}}
	}
	if err == nil {
		err = x.g.cfg.Store.UpdateInvocation(context.WithoutCancel(x.ctx), x.identity.ID, i)
	}
	if err != nil {
		x.g.cfg.Log.Warn("an invocation's status was not noted", "id", x.id, "err", err)
	}
	return nil
}

// wanted is the action that an entitlement would have to name.
func (x *exchange) wanted() string {
	if x.target.Operation.Async() {
		return string(x.target.Operation)
	}
	return x.target.Operation.Action()
}

// escapeARN is an ARN as one segment of a path, as AWS's SDKs write it.
var escapeARN = strings.NewReplacer(":", "%3A", "/", "%2F").Replace
