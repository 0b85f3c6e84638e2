package gateway_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/writtest"
)

const reel = "amazon.nova-reel-v1:1"

// studios is a manifest in which two identities of the sample organisation may
// start videos, each into its own place.
func studios() string {
	var b strings.Builder
	for _, who := range []string{"analytics", "invoice-triage"} {
		fmt.Fprintf(&b, `---
apiVersion: writ/v1
kind: Entitlement
name: video-%[1]s
spec:
  models: [%[2]q]
  actions: [StartAsyncInvoke]
  conditions:
    data: {unscanned: true}
    outputs: ["s3://%[1]s-results/*"]
---
apiVersion: writ/v1
kind: Grant
name: video-%[1]s
spec: {identity: %[1]s, entitlement: video-%[1]s, notBefore: "2020-01-01T00:00:00Z", notAfter: "2099-01-01T00:00:00Z"}
`, who, reel)
	}
	return b.String()
}

// openStudios starts an installation with them.
func openStudios(t *testing.T) *site {
	t.Helper()
	s := openSite(t, siteOptions{})
	s.apply(t, studios())
	return s
}

// videoBody starts a video; members go beside the others.
func videoBody(text, output, members string) string {
	return fmt.Sprintf(`{"modelId":%q,"modelInput":{"taskType":"TEXT_VIDEO","textToVideoParams":{"text":%q}},"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":%q}}%s}`, reel, text, output, members)
}

func withToken(token string) string { return fmt.Sprintf(`,"clientRequestToken":%q`, token) }

func (s *site) start(t testing.TB, k writtest.Keys, body string) writtest.Answer {
	t.Helper()
	return writtest.Do(t, writtest.Sign(t, k, writtest.Request{URL: s.Gateway + "/async-invoke", Body: body}))
}

func (s *site) get(t testing.TB, k writtest.Keys, target string) writtest.Answer {
	t.Helper()
	return writtest.Do(t, writtest.Sign(t, k, writtest.Request{Method: http.MethodGet, URL: s.Gateway + target}))
}

func (s *site) status(t testing.TB, k writtest.Keys, arn string) writtest.Answer {
	t.Helper()
	return s.get(t, k, "/async-invoke/"+writtest.Escape(arn))
}

// started is the ARN that a successful start answers with.
func started(t testing.TB, a writtest.Answer) string {
	t.Helper()
	var out struct {
		ARN string `json:"invocationArn"`
	}
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != 200 {
		t.Fatalf("starting: answered %d %s", a.Status, a.Body)
	}
	if _, err := bedrock.ParseInvocation(out.ARN); err != nil {
		t.Fatalf("%s: %v", out.ARN, err)
	}
	return out.ARN
}

type listed struct {
	Next      string `json:"nextToken"`
	Summaries []struct {
		ARN    string `json:"invocationArn"`
		Model  string `json:"modelArn"`
		Token  string `json:"clientRequestToken"`
		Status string `json:"status"`
		Output struct {
			S3 map[string]string `json:"s3OutputDataConfig"`
		} `json:"outputDataConfig"`
		Started time.Time `json:"submitTime"`
	} `json:"asyncInvokeSummaries"`
}

func (l listed) arns() []string {
	var out []string
	for _, s := range l.Summaries {
		out = append(out, s.ARN)
	}
	return out
}

func (s *site) list(t testing.TB, k writtest.Keys, query string) listed {
	t.Helper()
	a := s.get(t, k, "/async-invoke"+query)
	var out listed
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != 200 {
		t.Fatalf("listing: answered %d %s", a.Status, a.Body)
	}
	return out
}

func TestS3_ClientTokensAreTheirIdentitysOwn(t *testing.T) {
	t.Parallel()
	s := openStudios(t)
	one, two := s.session(t, "analytics"), s.session(t, "invoice-triage")
	mine := " " + videoBody("same token A", "s3://analytics-results/", withToken(`a-"token"-of-mine`)) + "\n"
	a := s.start(t, one, mine)
	first := started(t, a)
	if again := started(t, s.start(t, one, mine)); again != first {
		t.Errorf("tried again: %s, first %s", again, first)
	}
	other := started(t, s.start(t, two, videoBody("same token B", "s3://invoice-triage-results/", withToken(`a-"token"-of-mine`))))
	if other == first {
		t.Error("two identities got one invocation by naming the same token")
	}
	sent := s.reached("same token A")
	if len(sent) != 2 || !bytes.Equal(sent[0].Body, sent[1].Body) {
		t.Fatalf("Bedrock got %+v", sent)
	}
	i, j := strings.Index(mine, `"a-\"`), strings.Index(mine, `mine"`)+len(`mine"`)
	body := string(sent[0].Body)
	if !strings.HasPrefix(body, mine[:i]+`"`) || !strings.HasSuffix(body, `"`+mine[j:]) || len(body) != len(mine)-(j-i)+66 || strings.Contains(body, "of-mine") {
		t.Errorf("Bedrock got\n%s\nof\n%s", body, mine)
	}
	r := s.told(t, a, auditlog.KindIntent)
	if r.Content.Received == "" || r.Content.Received == r.Content.Request {
		t.Errorf("not both digests are on record: %+v", r.Content)
	}
	if out := s.outcome(t, a); out.Outcome.Async == nil || out.Outcome.Async.Invocation != first || !strings.Contains(body, out.Outcome.Async.Token) {
		t.Errorf("recorded as %+v", out.Outcome)
	}
	// Without a token nothing is put in.
	none := videoBody("no token", "s3://analytics-results/", "")
	a = s.start(t, one, none)
	if sent := s.reached("no token"); started(t, a) == first || len(sent) != 1 || string(sent[0].Body) != none {
		t.Errorf("Bedrock got %+v", sent)
	}
	if r := s.told(t, a, auditlog.KindIntent); r.Content.Received != "" {
		t.Errorf("a body that was not rewritten: %+v", r.Content)
	}
}

func TestS3_InvocationsAreReadByTheirIdentityOnly(t *testing.T) {
	t.Parallel()
	s := openStudios(t)
	one, two, none := s.session(t, "analytics"), s.session(t, "invoice-triage"), s.session(t, "support-agent")
	arn := started(t, s.start(t, one, videoBody("whose", "s3://analytics-results/", "")))
	a := s.status(t, one, arn)
	if a.Status != 200 || !strings.Contains(a.Body, arn) {
		t.Fatalf("one's own: %d %s", a.Status, a.Body)
	}
	if r := s.outcome(t, a); r.Outcome.Status != 200 {
		t.Errorf("recorded as %+v", r.Outcome)
	}
	before := len(s.seen.Requests())
	unknown := arn[:len(arn)-12] + "000000000000"
	said := map[string]bool{}
	for _, k := range []writtest.Keys{two} {
		for _, name := range []string{arn, unknown} {
			a := s.status(t, k, name)
			if a.Status != 403 || a.ErrorType() != "AccessDeniedException" {
				t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
			}
			words, _, _ := strings.Cut(strings.ReplaceAll(a.Body, name, "ARN"), "(Writ decision")
			said[words] = true
			s.told(t, a, auditlog.KindRefusal)
		}
	}
	if len(said) != 1 {
		t.Errorf("refusals tell another's invocation from none: %v", said)
	}
	if a := s.status(t, none, arn); a.Status != 403 {
		t.Errorf("without any right: answered %d %s", a.Status, a.Body)
	}
	for name, target := range map[string]string{
		"other region":  strings.Replace(arn, "us-east-1", "us-west-2", 1),
		"other account": strings.Replace(arn, demo.Account, "444455556666", 1),
		"no ARN":        "abcdefghijkl",
		"longer":        arn + "x",
		"slash":         arn + "/x",
		"capitals":      strings.ToUpper(arn),
		"wildcard":      arn[:len(arn)-12] + "*",
	} {
		if a := s.status(t, one, target); a.Status != 403 && a.Status != 400 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	if n := len(s.seen.Requests()); n != before {
		t.Errorf("%d requests reached Bedrock, want %d", n, before)
	}
	if a := s.get(t, one, "/async-invoke/"+arn); a.Status != 200 { // a bare slash, as people type it
		t.Errorf("with a bare slash: answered %d %s", a.Status, a.Body)
	}
}

func TestS3_ListsComeFromOurOwnRecords(t *testing.T) {
	t.Parallel()
	s := openStudios(t)
	one, two := s.session(t, "analytics"), s.session(t, "invoice-triage")
	var mine []string
	for n := range 5 {
		mine = append(mine, started(t, s.start(t, one, videoBody(fmt.Sprint("mine ", n), "s3://analytics-results/", withToken(fmt.Sprint("t", n))))))
	}
	theirs := started(t, s.start(t, two, videoBody("theirs", "s3://invoice-triage-results/", "")))
	if l := s.list(t, two, ""); len(l.Summaries) != 1 || l.Summaries[0].ARN != theirs || l.Next != "" {
		t.Errorf("listed %+v", l)
	}
	newest := slices.Clone(mine)
	slices.Reverse(newest)
	if got := s.list(t, one, "").arns(); !slices.Equal(got, newest) {
		t.Errorf("listed %v, want %v", got, newest)
	}
	var pages []string
	query := "?maxResults=2&sortOrder=Ascending&sortBy=SubmissionTime"
	for next := ""; ; {
		l := s.list(t, one, query+next)
		pages = append(pages, l.arns()...)
		if l.Next == "" {
			break
		}
		next = "&nextToken=" + l.Next
	}
	if !slices.Equal(pages, mine) {
		t.Errorf("by pages: %v, want %v", pages, mine)
	}
	l := s.list(t, one, "?maxResults=2")
	for name, c := range map[string]struct {
		k     writtest.Keys
		query string
	}{
		"another's":       {two, "?maxResults=2&nextToken=" + l.Next},
		"another order":   {one, "?maxResults=2&sortOrder=Ascending&nextToken=" + l.Next},
		"another filter":  {one, "?statusEquals=Failed&nextToken=" + l.Next},
		"changed":         {one, "?maxResults=2&nextToken=Z" + l.Next[1:]},
		"cut":             {one, "?maxResults=2&nextToken=" + l.Next[:20]},
		"bad status":      {one, "?statusEquals=Done"},
		"too many":        {one, "?maxResults=1001"},
		"none":            {one, "?maxResults=0"},
		"number in words": {one, "?maxResults=ten"},
		"time":            {one, "?submitTimeAfter=yesterday"},
		"sorted by name":  {one, "?sortBy=Name"},
	} {
		if a := s.get(t, c.k, "/async-invoke"+c.query); a.Status != 400 || a.ErrorType() != "ValidationException" {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	// The first entry as AWS would word it.
	e := s.list(t, one, "?maxResults=1").Summaries[0]
	if e.Model != "arn:aws:bedrock:us-east-1::foundation-model/"+reel || e.Output.S3["s3Uri"] != "s3://analytics-results/" || len(e.Token) != 64 || e.Started.IsZero() {
		t.Errorf("listed as %+v", e)
	}
	at := url.QueryEscape(e.Started.Format(time.RFC3339Nano))
	if got := s.list(t, one, "?submitTimeBefore="+at).arns(); !slices.Equal(got, newest[1:]) {
		t.Errorf("before the last: %v", got)
	}
	if got := s.list(t, one, "?submitTimeAfter="+at).arns(); len(got) != 0 {
		t.Errorf("after the last: %v", got)
	}
	for _, r := range s.seen.Requests() {
		if strings.HasPrefix(r.Path, "/async-invoke?") || r.Method == http.MethodGet && r.Path == "/async-invoke" {
			t.Errorf("a list was sent to Bedrock: %s", r.Path)
		}
	}
	a := s.get(t, one, "/async-invoke")
	if r := s.told(t, a, auditlog.KindIntent); r.Call.Operation != "ListAsyncInvokes" || r.Decision.Decision != "permit" {
		t.Errorf("recorded as %+v", r.Call)
	}
	if a := s.get(t, s.session(t, "support-agent"), "/async-invoke"); a.Status != 403 {
		t.Errorf("without the right: answered %d %s", a.Status, a.Body)
	}
}

// A client that polls the list sees its invocations end.
func TestListsShowProgress(t *testing.T) {
	t.Parallel()
	s := openStudios(t)
	k := s.session(t, "analytics")
	started(t, s.start(t, k, videoBody("ends", "s3://analytics-results/", "")))
	started(t, s.start(t, k, videoBody("fail", "s3://analytics-results/", "")))
	eventually(t, "both are listed as ended", func() bool {
		return len(s.list(t, k, "?statusEquals=Completed").Summaries) == 1 && len(s.list(t, k, "?statusEquals=Failed").Summaries) == 1
	})
	asked := func() (n int) {
		for _, r := range s.records(t) {
			if r.Kind == auditlog.KindIntent && r.Call.Operation == "GetAsyncInvoke" {
				n++
			}
		}
		return n
	}
	n := asked()
	if n < 2 {
		t.Errorf("%d questions are on record, want one for each at least", n)
	}
	s.list(t, k, "")
	if again := asked(); again != n {
		t.Errorf("what has ended is asked about again: %d records, then %d", n, again)
	}
}

func TestS3_WhatABodyNamesIsALegOfItsOwn(t *testing.T) {
	t.Parallel()
	s := openStudios(t)
	k := s.session(t, "analytics")
	const own = "s3://analytics-results/"
	input := func(members string) string {
		return fmt.Sprintf(`{"modelId":%q,"modelInput":{"taskType":"TEXT_VIDEO","textToVideoParams":{"text":"legs"%s}},"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":%q}}}`, reel, members, own)
	}
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"another's place":  {videoBody("legs", "s3://invoice-triage-results/", ""), 403},
		"a bucket like it": {videoBody("legs", "s3://analytics-results2/", ""), 403},
		"dot segments":     {videoBody("legs", own+"../invoice-triage-results/x", ""), 403},
		"wildcard":         {videoBody("legs", own+"*", ""), 403},
		"escape":           {videoBody("legs", own+"%2e%2e/x", ""), 403},
		"variable":         {videoBody("legs", own+"${aws:username}", ""), 403},
		"double slash":     {videoBody("legs", own+"/x", ""), 403},
		"another scheme":   {videoBody("legs", "https://analytics-results/", ""), 403},
		"no place":         {videoBody("legs", "", ""), 400},
		"tags":             {videoBody("legs", own, `,"tags":[{"key":"team","value":"x"}]`), 403},
		"malformed tag":    {videoBody("legs", own, `,"tags":[{"key":"te\u0000am","value":"x"}]`), 400},
		"unknown field":    {videoBody("legs", own, `,"priority":1`), 403},
		"case variant":     {videoBody("legs", own, `,"ModelId":"x"`), 400},
		"twice":            {videoBody("legs", own, `,"modelId":"x"`), 400},
		"token with blank": {videoBody("legs", own, withToken("a b")), 400},
		"empty token":      {videoBody("legs", own, withToken("")), 400},
		"token as number":  {videoBody("legs", own, `,"clientRequestToken":7`), 400},
		"another's key":    {strings.Replace(videoBody("legs", own, ""), `"s3Uri"`, `"kmsKeyId":"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab","s3Uri"`, 1), 403},
		"alias of a key":   {strings.Replace(videoBody("legs", own, ""), `"s3Uri"`, `"kmsKeyId":"arn:aws:kms:us-east-1:111122223333:alias/x","s3Uri"`, 1), 403},
		"bucket's owner":   {strings.Replace(videoBody("legs", own, ""), `"s3Uri"`, `"bucketOwner":"444455556666","s3Uri"`, 1), 403},
		"object to read":   {input(`,"images":[{"format":"png","source":{"s3Location":{"uri":"s3://payroll/x.png"}}}]`), 403},
		"own place read":   {input(`,"images":[{"format":"png","source":{"s3Location":{"uri":"s3://analytics-results/x.png"}}}]`), 403},
		"key in the input": {input(`,"x":"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"`), 403},
		"unknown input":    {strings.Replace(input(""), `"taskType"`, `"newThing":1,"taskType"`, 1), 403},
		"another model":    {strings.Replace(input(""), reel, "luma.ray-v2:0", 1), 403},
		"no model":         {strings.Replace(input(""), `"modelId":"`+reel+`",`, "", 1), 400},
		"model by ARN":     {strings.Replace(input(""), reel, "arn:aws:bedrock:us-west-2::foundation-model/"+reel, 1), 403},
		"no input":         {`{"modelId":"` + reel + `","outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"` + own + `"}}}`, 400},
		"input as text":    {`{"modelId":"` + reel + `","modelInput":"legs","outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"` + own + `"}}}`, 400},
		"trailing data":    {input("") + "{}", 400},
		"empty":            {"", 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.start(t, k, c.body)
			if a.Status != c.status || a.ErrorType() != map[int]string{400: "ValidationException", 403: "AccessDeniedException"}[c.status] {
				t.Errorf("answered %d %s", a.Status, a.Body)
			}
		})
	}
	s.notReached(t, "legs")
	for name, body := range map[string]string{"bucket": videoBody("legs", "s3://analytics-results", ""), "deeper": videoBody("legs", own+"2026/11/", ""), "owner": strings.Replace(videoBody("legs", own, ""), `"s3Uri"`, `"bucketOwner":"111122223333","s3Uri"`, 1)} {
		if a := s.start(t, k, body); a.Status != 200 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	headers := http.Header{"X-Amzn-Bedrock-Guardrailidentifier": {"abcdefgh"}}
	if a := writtest.Do(t, writtest.Sign(t, k, writtest.Request{URL: s.Gateway + "/async-invoke", Body: input(""), Header: headers})); a.Status != 400 {
		t.Errorf("a header of InvokeModel: answered %d %s", a.Status, a.Body)
	}
}

// The right to start is asked again when an invocation is read.
func TestS3_RevokedBetweenStartAndGet(t *testing.T) {
	t.Parallel()
	s := openStudios(t)
	k, other := s.session(t, "analytics"), s.session(t, "invoice-triage")
	arn := started(t, s.start(t, k, videoBody("revoked", "s3://analytics-results/", "")))
	theirs := started(t, s.start(t, other, videoBody("kept", "s3://invoice-triage-results/", "")))
	s.MustRun(t, "delete", "grant", "video-analytics")
	eventually(t, "the right is gone", func() bool { return s.status(t, k, arn).Status == 403 })
	for name, a := range map[string]writtest.Answer{"get": s.status(t, k, arn), "list": s.get(t, k, "/async-invoke"), "start": s.start(t, k, videoBody("after", "s3://analytics-results/", ""))} {
		if a.Status != 403 || a.ErrorType() != "AccessDeniedException" {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	s.notReached(t, "after")
	if a := s.status(t, other, theirs); a.Status != 200 {
		t.Errorf("the other's: answered %d %s", a.Status, a.Body)
	}
}

func TestS3_AsyncIsOffUnlessGrantedAndRefusedUnderOutputRules(t *testing.T) {
	t.Parallel()
	s := openStudios(t)
	support, k := s.session(t, "support-agent"), s.session(t, "analytics")
	body := strings.Replace(videoBody("off", "s3://analytics-results/", ""), reel, pro, 1)
	for name, k := range map[string]writtest.Keys{"of another model": support, "synchronous only": k} { // analytics may invoke all of Nova
		a := s.start(t, k, body)
		if a.Status != 403 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
		if name == "synchronous only" && !strings.Contains(a.Body, "StartAsyncInvoke on "+pro) {
			t.Errorf("the hint names another right: %s", a.Body)
		}
	}
	s.notReached(t, "off")
	r := s.tryApply(t, "release.cedar", `@id("out") forbid (principal, action == Writ::Action::"Release", resource) when { context.output.regulated };`)
	if r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	if a := s.start(t, k, videoBody("ruled", "s3://analytics-results/", "")); a.Status != 403 {
		t.Errorf("under a rule on output: answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "ruled")
}

func TestS14_QueryStringsOfAsyncInvokes(t *testing.T) {
	t.Parallel()
	s := openStudios(t)
	k := s.session(t, "analytics")
	get := func(target string) *http.Request {
		return writtest.Sign(t, k, writtest.Request{Method: http.MethodGet, URL: s.Gateway + target})
	}
	good := get("/async-invoke?maxResults=5&sortOrder=Ascending")
	if a := writtest.Do(t, good); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	for name, query := range map[string]string{
		"changed":           "maxResults=6&sortOrder=Ascending",
		"dropped":           "maxResults=5",
		"added":             "maxResults=5&sortOrder=Ascending&statusEquals=Failed",
		"twice":             "maxResults=5&maxResults=5&sortOrder=Ascending",
		"unsigned presign":  "maxResults=5&sortOrder=Ascending&X-Amz-Signature=00",
		"escaped presign":   "maxResults=5&sortOrder=Ascending&X%2DAmz%2DDate=1",
		"none":              "",
		"semicolon":         "maxResults=5;sortOrder=Ascending",
		"plus for a blank":  "maxResults=5&sortOrder=Ascending+",
		"other spelling of": "maxresults=5&sortOrder=Ascending",
	} {
		bad := good.Clone(t.Context())
		bad.URL.RawQuery = query
		if a := writtest.Do(t, bad); a.Status != 403 && a.Status != 400 || a.Status == 200 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	swapped := good.Clone(t.Context())
	swapped.URL.RawQuery = "sortOrder=%41scending&maxResults=%35" // another spelling of the same
	if a := writtest.Do(t, swapped); a.Status != 200 {
		t.Errorf("another spelling: answered %d %s", a.Status, a.Body)
	}
	// Signed though they are, parameters that are not the operation's, or
	// stand twice, or mean two things, are refused; and so is any query elsewhere.
	for _, target := range []string{
		"/async-invoke?maxResults=5&maxResults=6", "/async-invoke?max=1", "/async-invoke?maxResults", "/async-invoke?a=%2F..",
		"/async-invoke/x?maxResults=1", "/async-invoke/" + writtest.Escape("arn:aws:bedrock:us-east-1:111122223333:async-invoke/abcdefghijkl") + "?a=b",
	} {
		if a := writtest.Do(t, get(target)); a.Status != 400 {
			t.Errorf("%s: answered %d %s", target, a.Status, a.Body)
		}
	}
	bearer := s.bearer(t, "analytics")
	for target, want := range map[string]int{"/async-invoke?maxResults=5": 200, "/async-invoke?maxResults=5&maxResults=5": 400, "/async-invoke?X-Amz-Signature=0": 400, "/async-invoke?": 400} {
		got := s.say(t, "GET "+target+" HTTP/1.1\r\nHost: "+s.host()+"\r\nAuthorization: Bearer "+bearer+"\r\n\r\n")
		if len(got) != 1 || got[0].Status != want {
			t.Errorf("%s with a bearer token: answered %+v", target, got)
		}
	}
	if a := s.start(t, k, videoBody("q", "s3://analytics-results/", "")); a.Status != 200 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	if a := writtest.Do(t, writtest.Sign(t, k, writtest.Request{URL: s.Gateway + "/async-invoke?maxResults=1", Body: videoBody("q2", "s3://analytics-results/", "")})); a.Status != 400 {
		t.Errorf("a query on a start: answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, `"q2"`)
	// A body where none belongs.
	for _, target := range []string{"/async-invoke", "/async-invoke/" + rand.Text()} {
		if a := writtest.Do(t, writtest.Sign(t, k, writtest.Request{Method: http.MethodGet, URL: s.Gateway + target, Body: "{}"})); a.Status != 400 {
			t.Errorf("%s with a body: answered %d %s", target, a.Status, a.Body)
		}
	}
}
