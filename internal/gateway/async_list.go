package gateway

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/store"
)

// ListAsyncInvokes is answered from what is remembered for the identity, and
// never sent to Bedrock, whose list is everybody's. So that a client that polls
// the list sees its invocations end, those in progress are asked about first:
// at most refreshMost of a list, the longest unasked, each at most once in
// refreshEvery, as GetAsyncInvoke calls in the caller's name that are decided,
// permitted and recorded like any other. What could not be asked about is
// listed as last seen.
const (
	refreshMost  = 8
	refreshAtOne = 4 // at the same time
	refreshEvery = time.Second
	refreshTime  = 5 * time.Second // for all of them together
)

// cursor is where a page ends: after an invocation.
type cursor struct {
	started time.Time // zero: before the first
	arn     string
}

func (x *exchange) prepareList() *refusal {
	q, err := bedrock.ParseListQuery(x.r.URL.RawQuery)
	if err != nil {
		return refuse("malformed", invalid(err.Error()))
	}
	x.async.query = q
	if q.Next == "" {
		return nil
	}
	if x.async.from, err = x.openCursor(q.Next); err != nil {
		return refuse("malformed", invalid("nextToken: "+err.Error()))
	}
	return nil
}

// list makes the answer, in the place of one from Bedrock.
func (x *exchange) list() *refusal {
	x.refreshAll()
	q := x.async.query
	rows, err := x.g.cfg.Store.Invocations(x.ctx, store.InvocationQuery{
		Identity: x.identity.ID, Region: x.region,
		After: q.After, Before: q.Before, Status: q.Status, Ascending: q.Ascending, Limit: q.Max + 1,
		From: x.async.from.started, FromARN: x.async.from.arn,
	})
	var body []byte
	if err == nil {
		body, err = x.page(rows)
	}
	if err != nil {
		x.result.ended = endedRefused
		return unready(err)
	}
	x.resp = &http.Response{
		StatusCode: http.StatusOK, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/json"}, "X-Amzn-Requestid": {x.id}},
	}
	return nil
}

// page is the list's body; rows hold one more than fits when there is a next page.
func (x *exchange) page(rows []store.Invocation) ([]byte, error) {
	next := ""
	if most := x.async.query.Max; len(rows) > most {
		rows = rows[:most]
		last := rows[most-1]
		var err error
		if next, err = x.sealCursor(cursor{last.Started, last.ARN}); err != nil {
			return nil, err
		}
	}
	out := make([]bedrock.Invocation, len(rows))
	for i := range rows {
		out[i] = rows[i].Invocation
	}
	return bedrock.ListBody(out, next)
}

// refreshAll asks Bedrock about invocations in progress.
func (x *exchange) refreshAll() {
	rows, err := x.g.cfg.Store.UncheckedInvocations(x.ctx, x.identity.ID, x.region, time.Now().Add(-refreshEvery), refreshMost)
	if err != nil {
		x.g.cfg.Log.Warn("invocations in progress could not be found", "id", x.id, "err", err)
		return
	}
	ctx, cancel := context.WithTimeout(x.ctx, refreshTime)
	defer cancel()
	slots := make(chan struct{}, refreshAtOne)
	var all sync.WaitGroup
	for _, row := range rows {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			x.refresh(ctx, row)
		})
	}
	all.Wait()
}

// refresh makes one GetAsyncInvoke call in the caller's name.
func (x *exchange) refresh(ctx context.Context, row store.Invocation) {
	// Noted as asked before it is: one that may not be asked about any more
	// must not stand before the others for ever.
	if err := x.g.cfg.Store.UpdateInvocation(ctx, row.Identity, row.Invocation); err != nil {
		x.g.cfg.Log.Warn("an invocation's status was not noted", "id", x.id, "err", err)
		return
	}
	ask := newExchange(x.g, sink{http.Header{}}, x.r.WithContext(ctx))
	ask.state, ask.start = x.state, time.Now().UTC()
	ask.origin, ask.proven, ask.identity, ask.region = x.origin, x.proven, x.identity, x.region
	ask.body = bedrock.NewBody(nil)
	ask.target = bedrock.Target{Operation: bedrock.GetAsyncInvoke, Invocation: row.ARN, Path: "/async-invoke/" + escapeARN(row.ARN)}
	defer ask.done()
	for _, step := range []func() *refusal{ask.resolve, ask.classify, ask.decide, ask.admit, ask.forward} {
		if refused := step(); refused != nil {
			ask.refuse(refused)
			return
		}
	}
	ask.inspect()
	_ = ask.settle() // logged there
}

// sink takes the answer of a call that Writ makes for itself.
type sink struct{ header http.Header }

func (s sink) Header() http.Header       { return s.header }
func (sink) Write(b []byte) (int, error) { return len(b), nil }
func (sink) WriteHeader(int)             {}

// A page's end is given out as
//
//	base64url( day uint32 | submission int64 | ARN | first 16 bytes of a MAC )
//
// under a key of the identity's own, made of its salt of that day: it is good
// for this identity, this region and these filters, today and tomorrow.
const cursorMAC = 16

func (x *exchange) sealCursor(c cursor) (string, error) {
	b := binary.BigEndian.AppendUint32(nil, dayOf(x.start))
	b = binary.BigEndian.AppendUint64(b, uint64(c.started.UnixMicro()))
	b = append(b, c.arn...)
	mac, err := x.cursorMAC(b)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(b, mac...)), nil
}

func (x *exchange) openCursor(token string) (cursor, error) {
	errForeign := fmt.Errorf("it does not continue this list")
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) < 12+cursorMAC {
		return cursor{}, errForeign
	}
	b, mac := b[:len(b)-cursorMAC], b[len(b)-cursorMAC:]
	if day, today := binary.BigEndian.Uint32(b), dayOf(x.start); day != today && day+1 != today {
		return cursor{}, errForeign
	}
	want, err := x.cursorMAC(b)
	if err != nil {
		return cursor{}, err
	}
	if !hmac.Equal(mac, want) {
		return cursor{}, errForeign
	}
	return cursor{time.UnixMicro(int64(binary.BigEndian.Uint64(b[4:]))).UTC(), string(b[12:])}, nil
}

// cursorMAC binds a page's end to who lists what.
func (x *exchange) cursorMAC(end []byte) ([]byte, error) {
	day := time.Unix(int64(binary.BigEndian.Uint32(end))*86400, 0).UTC()
	salt, err := x.g.cfg.Salt(x.r.Context(), x.identity.ID, day)
	if err != nil {
		return nil, err
	}
	q := x.async.query
	h := hmac.New(sha256.New, salt)
	for _, s := range [...]string{
		"writ list token v1", x.identity.ID, x.region,
		q.After.String(), q.Before.String(), string(q.Status), strconv.FormatBool(q.Ascending), string(end),
	} {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		io.WriteString(h, s)
	}
	return h.Sum(nil)[:cursorMAC], nil
}

func dayOf(t time.Time) uint32 { return uint32(t.Unix() / 86400) }
