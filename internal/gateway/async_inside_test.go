package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/upstream"
	"github.com/writ-project/writ/internal/writtest"
)

// studio is a gateway in the test's own process whose support-agent may start
// videos, with the answer that Bedrock gives.
type studio struct {
	*inside
	db     *store.DB
	dsn    string
	answer func(w http.ResponseWriter, r *http.Request) // in Bedrock's place
	sent   int
}

const studioARN = "arn:aws:bedrock:us-east-1:" + demo.Account + ":async-invoke/abcdefghijk1"

func newStudio(t *testing.T, bend func(*gateway.Config)) *studio {
	t.Helper()
	s := &studio{dsn: "sqlite:" + filepath.Join(t.TempDir(), "state.db")}
	s.answer = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"invocationArn":%q}`, studioARN) }
	s.db = s.open(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.sent++
		s.answer(w, r)
	}))
	t.Cleanup(srv.Close)
	up, err := upstream.New(upstream.Config{Account: demo.Account, Endpoint: srv.URL, Credentials: credentials.NewStaticCredentialsProvider(upstreamKeyID, "x", "")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	s.inside = newInside(t, 0, func(c *gateway.Config) {
		c.Store, c.Upstream, c.State = s.db, up, studioRules(t)
		bend(c)
	})
	return s
}

func (s *studio) open(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // some tests close it before
	return db
}

// studioRules is the sample organisation with a right to start videos.
func studioRules(t *testing.T) *snapshot.Source {
	t.Helper()
	all, err := demo.Organisation("http://127.0.0.1:1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	more, err := manifest.Parse("studio.yaml", []byte(`apiVersion: writ/v1
kind: Entitlement
name: video
spec:
  models: [amazon.nova-reel-v1:1]
  actions: [StartAsyncInvoke]
  conditions: {data: {unscanned: true}, outputs: ["s3://results/*"]}
---
apiVersion: writ/v1
kind: Grant
name: video
spec: {identity: support-agent, entitlement: video, notBefore: "2020-01-01T00:00:00Z", notAfter: "2099-01-01T00:00:00Z"}
`))
	if err != nil {
		t.Fatal(err)
	}
	var rows []store.Row
	for _, r := range append(all, more...) {
		spec, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		c := store.Change{Op: manifest.Create, Kind: r.Kind, Name: r.Name, Spec: spec}
		rows = append(rows, store.Row{Change: c, Stored: c.Digest(), Revision: 1})
	}
	source, err := snapshot.Open(t.Context(), snapshot.Config{
		Load:       func(context.Context, int64) ([]store.Row, int64, error) { return rows, 1, nil },
		Watch:      func(context.Context) <-chan struct{} { return nil },
		Authorised: func(store.Ref, store.Change) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func (s *studio) do(t *testing.T, method, target, body string) writtest.Answer {
	t.Helper()
	req, err := http.NewRequest(method, "http://"+s.addr+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	return writtest.Do(t, req)
}

func (s *studio) start(t *testing.T, members string) writtest.Answer {
	t.Helper()
	return s.do(t, http.MethodPost, "/async-invoke", videoBody("studio", "s3://results/", members))
}

func (s *studio) get(t *testing.T) writtest.Answer {
	t.Helper()
	return s.do(t, http.MethodGet, "/async-invoke/"+writtest.Escape(studioARN), "")
}

// What could not be remembered is not started.
func TestS3_NoStoreNoAsynchronousInvocation(t *testing.T) {
	t.Parallel()
	s := newStudio(t, ordinary)
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]writtest.Answer{"start": s.start(t, ""), "get": s.get(t), "list": s.do(t, http.MethodGet, "/async-invoke", "")} {
		if a.Status != 503 || a.ErrorType() != "ServiceUnavailableException" {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	if s.sent != 0 {
		t.Errorf("%d requests reached Bedrock", s.sent)
	}
	if a := s.call(t, "converse", writtest.Say("hello")); a.Status != 200 {
		t.Errorf("a synchronous call: answered %d %s", a.Status, a.Body)
	}
	none := newStudio(t, func(c *gateway.Config) { c.Store = nil })
	if a := none.start(t, ""); a.Status != 404 || none.sent != 0 {
		t.Errorf("without a store: answered %d %s", a.Status, a.Body)
	}
}

// A store that fails while the invocation starts keeps its name from the
// caller; the log has it, and gives it back at the next start.
func TestS3_InvocationThatCannotBeRememberedIsNotNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members, want string
		status        int
	}{
		"with a token: an SDK tries again": {withToken("t"), "ServiceUnavailableException", 503},
		"without: it must not":             {"", "ConflictException", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStudio(t, ordinary)
			good := s.answer
			s.answer = func(w http.ResponseWriter, r *http.Request) {
				_ = s.db.Close()
				good(w, r)
			}
			a := s.start(t, c.members)
			if a.Status != c.status || a.ErrorType() != c.want || strings.Contains(a.Body, studioARN) {
				t.Errorf("answered %d %s", a.Status, a.Body)
			}
			out := s.outcomes(t)
			if len(out) != 1 || out[0].Async == nil || out[0].Async.Invocation != studioARN || out[0].Async.Output != "s3://results/" || out[0].Status != 200 {
				t.Fatalf("recorded as %+v", out)
			}
			db := s.open(t)
			for range 2 { // the second finds nothing new
				if _, err := gateway.RecallInvocations(t.Context(), s.journal, "", db, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
			row, err := db.Invocation(t.Context(), "support-agent", studioARN)
			if err != nil || row.Model != reel || row.Grants[0] != "video" || row.Output.URI != "s3://results/" || row.ModelARN == "" || row.Started.IsZero() {
				t.Errorf("recalled as %+v, %v", row, err)
			}
			if n, err := gateway.RecallInvocations(t.Context(), s.journal, "", db, time.Now()); n != 0 || err != nil {
				t.Errorf("what was read is read again: %d, %v", n, err)
			}
		})
	}
}

// Invocations that the log gave back can be read; after the retention they are
// not given back.
func TestRecalledInvocationsAreReadAgain(t *testing.T) {
	t.Parallel()
	s := newStudio(t, ordinary)
	if a := s.start(t, ""); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	if err := s.db.ForgetInvocations(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"invocationArn":%q,"status":"Completed","endTime":"2026-11-18T12:00:00Z"}`, studioARN)
	}
	if a := s.get(t); a.Status != 403 {
		t.Errorf("forgotten: answered %d %s", a.Status, a.Body)
	}
	if n, err := gateway.RecallInvocations(t.Context(), s.journal, "", s.db, time.Now().Add(2*store.InvocationRetention)); n != 0 || err != nil {
		t.Errorf("beyond the retention: %d, %v", n, err)
	}
	if err := s.db.MarkInvocationsRead(t.Context(), "", 0); err != nil {
		t.Fatal(err)
	}
	if n, err := gateway.RecallInvocations(t.Context(), s.journal, "", s.db, time.Now()); n != 1 || err != nil {
		t.Fatalf("recalled %d, %v", n, err)
	}
	if a := s.get(t); a.Status != 200 {
		t.Errorf("recalled: answered %d %s", a.Status, a.Body)
	}
	row, err := s.db.Invocation(t.Context(), "support-agent", studioARN)
	if err != nil || row.Status != bedrock.Completed || row.Ended.IsZero() {
		t.Errorf("noted as %+v, %v", row, err)
	}
}

// Whoever can write the database, and not the log, makes no invocation its own.
func TestS17_InvocationsOfTheStoreAloneAreNotBelieved(t *testing.T) {
	t.Parallel()
	s := newStudio(t, ordinary)
	if a := s.start(t, ""); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	mine, err := s.db.Invocation(t.Context(), "support-agent", studioARN)
	if err != nil {
		t.Fatal(err)
	}
	other := mine
	other.ARN = strings.Replace(studioARN, "abcdefghijk1", "zzzzzzzzzzz1", 1)
	another := mine
	another.ARN, another.Record.Index = strings.Replace(studioARN, "abcdefghijk1", "zzzzzzzzzzz2", 1), 9999
	elsewhere := mine
	elsewhere.ARN, elsewhere.Record.Shard = strings.Replace(studioARN, "abcdefghijk1", "zzzzzzzzzzz3", 1), "other"
	sent := s.sent
	for _, row := range []store.Invocation{other, another, elsewhere} {
		if err := s.db.RememberInvocation(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		if a := s.do(t, http.MethodGet, "/async-invoke/"+writtest.Escape(row.ARN), ""); a.Status != 403 {
			t.Errorf("%s: answered %d %s", row.ARN, a.Status, a.Body)
		}
	}
	if s.sent != sent {
		t.Errorf("%d requests reached Bedrock", s.sent-sent)
	}
}

// An answer that is not about an invocation of ours is not passed on.
func TestS3_AnswersAboutForeignInvocationsAreNotPassedOn(t *testing.T) {
	t.Parallel()
	s := newStudio(t, ordinary)
	for name, body := range map[string]string{
		"account":   `{"invocationArn":"` + strings.Replace(studioARN, demo.Account, "444455556666", 1) + `"}`,
		"region":    `{"invocationArn":"` + strings.Replace(studioARN, "us-east-1", "us-west-2", 1) + `"}`,
		"partition": `{"invocationArn":"` + strings.Replace(studioARN, "arn:aws:", "arn:aws-cn:", 1) + `"}`,
		"nothing":   `{}`,
		"garbage":   `<html>`,
	} {
		s.answer = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
		if a := s.start(t, withToken(name)); a.Status != 503 || strings.Contains(a.Body, "async-invoke/") {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	found, err := s.db.Invocations(t.Context(), store.InvocationQuery{Identity: "support-agent", Region: "us-east-1", Limit: 9})
	if err != nil || len(found) != 0 {
		t.Errorf("remembered %+v, %v", found, err)
	}
	s.answer = func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"invocationArn":%q}`, studioARN) }
	if a := s.start(t, ""); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	other := strings.Replace(studioARN, "abcdefghijk1", "zzzzzzzzzzz1", 1)
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"invocationArn":%q,"status":"Completed"}`, other)
	}
	if a := s.get(t); a.Status != 500 || strings.Contains(a.Body, "zzzzzzzzzzz1") {
		t.Errorf("another invocation's status: answered %d %s", a.Status, a.Body)
	}
	// Refusals of Bedrock's own pass as they are, and start nothing.
	s.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "ServiceQuotaExceededException")
		w.WriteHeader(400)
		_, _ = w.Write([]byte(`{"message":"too many"}`))
	}
	if a := s.start(t, ""); a.Status != 400 || a.ErrorType() != "ServiceQuotaExceededException" || a.Body != `{"message":"too many"}` {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
}

// Two identities are told by the log whose an invocation is, if Bedrock ever
// answers both with one.
func TestS3_AnInvocationBelongsToOneIdentity(t *testing.T) {
	t.Parallel()
	s := newStudio(t, ordinary)
	theirs := store.Invocation{Invocation: bedrock.Invocation{ARN: studioARN, Status: bedrock.InProgress, Started: time.Now()}, Identity: "analytics"}
	if err := s.db.RememberInvocation(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	if a := s.start(t, withToken("t")); a.Status != 503 || strings.Contains(a.Body, studioARN) {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	if _, err := s.db.Invocation(t.Context(), "support-agent", studioARN); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("taken over: %v", err)
	}
}
