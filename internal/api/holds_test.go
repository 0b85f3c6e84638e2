package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/writtest"
)

// desk is a demo with people at it, where payments of invoice-triage wait.
type desk struct {
	*writtest.Server
	bearer string
	tokens map[string]string
}

func newDesk(t *testing.T) *desk {
	d := &desk{Server: writtest.Start(t, writtest.Options{}), tokens: map[string]string{}}
	d.MustRun(t, "apply", "-f", "../../docs/examples/people", "--yes")
	d.bearer = d.Bearer(t, "invoice-triage")
	links := map[string]string{}
	for _, name := range []string{"alex", "sam", "farah", "rosa"} {
		links[name] = strings.TrimSpace(d.MustRun(t, "operator", "link", name))
	}
	for name, link := range links {
		d.tokens[name] = d.signIn(t, link)
	}
	return d
}

// signIn signs somebody in by a link, and returns the token that was kept.
func (d *desk) signIn(t *testing.T, link string) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	d.MustRun(t, "login", "--link", link)
	text, err := os.ReadFile(filepath.Join(home, "writ", "logins.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct{ Token string }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for saved := range maps.Values(all) {
		return saved.Token
	}
	t.Fatal("nothing was kept")
	return ""
}

func (d *desk) as(name string) *api.Client {
	return api.NewClient(d.Admin, api.ReadToken(d.tokens[name]))
}

// canary is in the arguments of what waits, and nowhere else.
const canary = "meadow-quokka"

// pays has the model ask for a payment, and returns the hold that it waits as.
func (d *desk) pays(t *testing.T) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"messages": []any{map[string]any{"role": "user", "content": []any{map[string]any{
			"text": `[[call: post_payment {"amount": 12, "to": "meadow-|quokka"}]]`,
		}}}},
		"toolConfig": map[string]any{"tools": []any{map[string]any{"toolSpec": map[string]any{
			"name": "post_payment", "inputSchema": map[string]any{"json": map[string]any{"type": "object"}},
		}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := d.CallBearer(t, d.bearer, "/model/amazon.nova-pro-v1:0/converse", string(body))
	id := a.Header.Get("X-Writ-Hold")
	if a.Status != http.StatusOK || id == "" || strings.Contains(a.Body, canary) {
		t.Fatalf("nothing waits: %d %s", a.Status, a.Body)
	}
	return id
}

// do makes a request by hand, and returns the answer's status and body.
func (d *desk) do(t *testing.T, who, method, path, body string, header map[string]string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, d.Admin+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.tokens[who])
	req.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestHoldsAreDecidedOn(t *testing.T) {
	d := newDesk(t)
	t.Run("who may not decide does not see what is held", d.whoMayNotDecideSeesNothing)
	t.Run("a decision is about the hold that was seen", d.aDecisionIsAboutWhatWasSeen)
	t.Run("nothing held is kept with an idempotency key", d.nothingHeldIsKept)
	t.Run("decisions are read strictly", d.decisionsAreReadStrictly)
	t.Run("a call is released with other arguments", d.edits)
	t.Run("the list has no content", d.lists)
}

func (d *desk) whoMayNotDecideSeesNothing(t *testing.T) {
	id := d.pays(t)
	for who, want := range map[string]int{"alex": 200, "sam": 200, "farah": 200, "rosa": 404} {
		status, body := d.do(t, who, "GET", "/holds/"+id, "", nil)
		if status != want {
			t.Errorf("%s: status %d, want %d: %s", who, status, want, body)
		}
		if shown := strings.Contains(body, canary); shown != (who == "alex" || who == "sam") {
			t.Errorf("%s sees what is held: %v", who, shown)
		}
	}
	for who, want := range map[string]int{"farah": http.StatusForbidden, "rosa": http.StatusNotFound} {
		for _, verdict := range []string{`{"verdict":"release"}`, `{"verdict":"reject","reason":"no"}`} {
			status, body := d.do(t, who, "POST", "/holds/"+id+"/decisions", verdict, map[string]string{"If-Match": "*"})
			if status != want || strings.Contains(body, canary) {
				t.Errorf("%s says %s: status %d %s", who, verdict, status, body)
			}
		}
	}
	v, err := d.as("farah").Hold(t.Context(), id)
	if err != nil || v.Shown || v.Asked != nil || v.WhyNot == "" || len(v.May) != 0 || v.State != hold.Pending {
		t.Errorf("the sponsor: %+v, %v", v, err)
	}
}

func (d *desk) aDecisionIsAboutWhatWasSeen(t *testing.T) {
	id, release := d.pays(t), api.HoldDecision{Verdict: hold.Release}
	v, err := d.as("alex").Hold(t.Context(), id)
	if err != nil || v.Version == 0 {
		t.Fatal(v.Version, err)
	}
	if status, body := d.do(t, "alex", "POST", "/holds/"+id+"/decisions", `{"verdict":"release"}`, nil); status != http.StatusPreconditionRequired {
		t.Errorf("without If-Match: %d %s", status, body)
	}
	refused(t, http.StatusPreconditionFailed, "stale", d.decide(t, "alex", id, v.Version+1, release))
	if _, err := d.as("alex").DecideHold(t.Context(), id, v.Version, release); err != nil {
		t.Fatal(err)
	}
	refused(t, http.StatusConflict, "over", d.decide(t, "sam", id, 0, release))
	refused(t, http.StatusConflict, "over", d.decide(t, "sam", id, 0, api.HoldDecision{Verdict: hold.Reject, Reason: "late"}))
}

func (d *desk) decide(t *testing.T, who, id string, version int64, in api.HoldDecision) error {
	t.Helper()
	_, err := d.as(who).DecideHold(t.Context(), id, version, in)
	return err
}

func refused(t *testing.T, status int, slug string, err error) {
	t.Helper()
	var p *api.Problem
	if !errors.As(err, &p) || p.Status != status || p.Type != "urn:writ:problem:"+slug {
		t.Errorf("%v (%+v), want %d %s", err, p, status, slug)
	}
}

// nothingHeldIsKept: answers are kept for their Idempotency-Key as they are, so
// that of a decision holds nothing.
func (d *desk) nothingHeldIsKept(t *testing.T) {
	id := d.pays(t)
	body := `{"verdict":"release","calls":[{"index":0,"verdict":"edit","arguments":{"amount":1,"to":"` + canary + `"}}]}`
	header := map[string]string{"If-Match": "*", "Idempotency-Key": "once-" + id}
	status, first := d.do(t, "alex", "POST", "/holds/"+id+"/decisions", body, header)
	again, second := d.do(t, "alex", "POST", "/holds/"+id+"/decisions", body, header)
	if status != 200 || again != 200 || first != second || !strings.Contains(first, `"state":"released"`) {
		t.Errorf("%d %s, then %d %s", status, first, again, second)
	}
	if strings.Contains(first, canary) {
		t.Error("the answer to a decision has what is held")
	}
	err := filepath.WalkDir(d.Data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(canary)) {
			t.Errorf("%s has what is held in the clear", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func (d *desk) decisionsAreReadStrictly(t *testing.T) {
	id := d.pays(t)
	for body, want := range map[string]int{
		`{}`:                    400,
		`{"verdict":"edit"}`:    400,
		`{"verdict":"approve"}`: 400,
		`{"verdict":"reject"}`:  422,
		`{"verdict":"release","calls":[{"index":0,"verdict":"edit"}]}`:                                          400,
		`{"verdict":"release","calls":[{"index":0,"verdict":"release","arguments":{}}]}`:                        400,
		`{"verdict":"release","calls":[{"index":0,"verdict":"edit","arguments":{"a":1,"a":2}}]}`:                400,
		`{"verdict":"release","calls":[{"index":0,"verdict":"edit","arguments":{"a":9007199254740993}}]}`:       422,
		`{"verdict":"release","calls":[{"index":1,"verdict":"release"}]}`:                                       422,
		`{"verdict":"release","calls":[{"index":0,"verdict":"reject"}]}`:                                        422,
		`{"verdict":"release","calls":[{"index":0,"verdict":"release"},{"index":0,"verdict":"release"}]}`:       422,
		`{"verdict":"release","For":"sam"}`:                                                                     400,
		`{"verdict":"release","calls":[{"index":0,"verdict":"edit","arguments":` + strings.Repeat(" ", 300<<10): 413,
	} {
		status, answer := d.do(t, "alex", "POST", "/holds/"+id+"/decisions", body, map[string]string{"If-Match": "*"})
		if status != want || strings.Contains(answer, canary) {
			t.Errorf("%.100s: status %d, want %d: %s", body, status, want, answer)
		}
	}
	v, err := d.as("alex").Hold(t.Context(), id)
	if err != nil || v.State != hold.Pending || len(v.Decisions) != 0 {
		t.Errorf("it is %s after %d decisions, %v", v.State, len(v.Decisions), err)
	}
}

func (d *desk) edits(t *testing.T) {
	id := d.pays(t)
	edit := api.HoldDecision{Verdict: hold.Release, Calls: []api.CallDecision{{Index: 0, Verdict: hold.Edit, Arguments: json.RawMessage(`{"to":"<b>&","amount":11.90}`)}}}
	if err := d.decide(t, "alex", id, 0, edit); err != nil {
		t.Fatal(err)
	}
	v, err := d.as("sam").Hold(t.Context(), id)
	if err != nil || v.State != hold.Released || v.Calls[0].Verdict != hold.Edit || len(v.Asked) != 1 {
		t.Fatalf("%+v, %v", v.Calls, err)
	}
	digest, err := hold.Digest([]byte(`{"amount": 11.9, "to": "<b>&"}`))
	if err != nil || v.Calls[0].Edited != digest {
		t.Errorf("released with %s, want %s, %v", v.Calls[0].Edited, digest, err)
	}
	if got, err := hold.Digest(v.Asked[0].Agreed); err != nil || got != digest || len(v.Asked[0].Diff) == 0 {
		t.Errorf("shown: %s, %v", v.Asked[0].Agreed, err)
	}
}

func (d *desk) lists(t *testing.T) {
	id := d.pays(t)
	for query, want := range map[string]bool{
		"": true, "toDecide=true": true, "identity=invoice-triage": true, "state=pending": true, "identity=support-agent": false, "over=true": false, "state=released": false, "purged=true": false,
	} {
		q, err := url.ParseQuery(query + "&limit=500")
		if err != nil {
			t.Fatal(err)
		}
		list, err := d.as("alex").Holds(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, v := range list.Items {
			found = found || v.ID == id
			if v.Shown || len(v.Asked) > 0 {
				t.Errorf("%s: the list shows what %s holds", query, v.ID)
			}
		}
		if found != want {
			t.Errorf("%s: the hold is in it: %v", query, found)
		}
	}
	if list, err := d.as("rosa").Holds(t.Context(), nil); err != nil || len(list.Items) != 0 {
		t.Errorf("rosa sees %d holds, %v", len(list.Items), err)
	}
}
