package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/writtest"
)

// as asks one operation as somebody, and returns the status, the ETag and the answer.
func (w *walker) as(t *testing.T, who, method, path, body string, header ...string) answered {
	t.Helper()
	r := sent{op: operation{method: method}, path: path, header: http.Header{}, body: []byte(body)}
	if body != "" {
		r.header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.header.Set(header[i], header[i+1])
	}
	a, err := w.send(r, w.tokens[who])
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func kindOf(t *testing.T, a answered) string {
	t.Helper()
	var p api.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return p.Type
}

// TestS21_RowsAreScopedByWhoAsks: a row that somebody may not see is answered like a
// row that there is not, by every operation on it, and no parameter changes that.
func TestS21_RowsAreScopedByWhoAsks(t *testing.T) {
	s := writtest.Start(t, writtest.Options{})
	w := newWalker(t, s.Admin)
	w.tokens["local-admin"] = adminToken(t, s)
	w.hire(t, s)
	const mine = `{"grant":{"identity":"support-agent","entitlement":"sales-drafting","duration":"1h"},"justification":"a pilot'; DROP TABLE resources; --"}`
	made := w.as(t, "auto-sponsor", "POST", "/api/v1/requests", mine, "Idempotency-Key", "once")
	var r struct {
		ID      string
		State   string
		Version int64
	}
	if err := json.Unmarshal(made.body, &r); err != nil || made.status != 201 || r.State != "in_stage" {
		t.Fatalf("submitting: %d %s", made.status, made.body)
	}
	if again := w.as(t, "auto-sponsor", "POST", "/api/v1/requests", mine, "Idempotency-Key", "once"); string(again.body) != string(made.body) {
		t.Errorf("repeated: %d %s", again.status, again.body)
	}
	one := "/api/v1/requests/" + r.ID
	for who, sees := range map[string]bool{"auto-sponsor": true, "auto-auditor": true, "auto-requester": false, "auto-remediator": false} {
		got := w.as(t, who, "GET", one, "")
		if sees != (got.status == 200) || sees && got.header.Get("ETag") == "" {
			t.Errorf("%s reads it: %d %s", who, got.status, got.body)
		}
		for _, query := range []string{"", "?mine=true", "?identity=support-agent", "?state=in_stage", "?over=false", "?toDecide=false"} {
			list := w.as(t, who, "GET", "/api/v1/requests"+query, "")
			shown := strings.Contains(string(list.body), r.ID)
			if list.status != 200 || shown && !sees || query == "" && sees != shown {
				t.Errorf("%s lists %s: %d %s", who, query, list.status, list.body)
			}
		}
	}
	for path, body := range map[string]string{one: "", one + "/decisions": `{"verdict":"approve"}`, one + "/cancel": `{}`} {
		method := map[bool]string{true: "GET", false: "POST"}[body == ""]
		var header []string
		if body != "" {
			header = []string{"If-Match", "*"}
		}
		hidden := w.as(t, "auto-requester", method, path, body, header...)
		missing := w.as(t, "auto-requester", method, strings.Replace(path, r.ID, strings.Repeat("0", len(r.ID)), 1), body, header...)
		if hidden.status != 404 || missing.status != 404 || kindOf(t, hidden) != kindOf(t, missing) {
			t.Errorf("%s: hidden %d %s, missing %d %s", path, hidden.status, hidden.body, missing.status, missing.body)
		}
	}
	w.decides(t, one, made.header.Get("ETag"))
}

// decides: nobody decides on their own, nor on what changed since they looked.
func (w *walker) decides(t *testing.T, one, seen string) {
	t.Helper()
	if a := w.as(t, "auto-sponsor", "POST", one+"/decisions", `{"verdict":"approve"}`, "If-Match", seen); a.status != 403 {
		t.Errorf("approving one's own: %d %s", a.status, a.body)
	}
	if a := w.as(t, "local-admin", "POST", one+"/decisions", `{"verdict":"approve"}`, "If-Match", seen); a.status != 403 {
		t.Errorf("an administrator approves: %d %s", a.status, a.body)
	}
	if a := w.as(t, "auto-sponsor", "POST", one+"/cancel", `{}`, "If-Match", `"1"`); a.status != 412 || kindOf(t, a) != "urn:writ:problem:stale" {
		t.Errorf("withdrawing what has changed: %d %s", a.status, a.body)
	}
	if a := w.as(t, "auto-sponsor", "POST", one+"/cancel", `{"reason":"not needed"}`, "If-Match", seen); a.status != 200 {
		t.Errorf("withdrawing: %d %s", a.status, a.body)
	}
	if a := w.as(t, "auto-approver", "POST", one+"/decisions", `{"verdict":"approve"}`, "If-Match", "*"); a.status < 400 {
		t.Errorf("approving what was withdrawn: %d %s", a.status, a.body)
	}
}

// TestARefusalIsAnsweredByARequest: from the decision id that a caller was told.
func TestARefusalIsAnsweredByARequest(t *testing.T) {
	s := writtest.Start(t, writtest.Options{})
	w := newWalker(t, s.Admin)
	w.tokens["local-admin"] = adminToken(t, s)
	call := s.Converse(t, s.Session(t, "support-agent"), "amazon.nova-pro-v1:0", writtest.Say("hello"))
	id := call.Header.Get("X-Writ-Decision")
	w.hire(t, s)
	if call.Status != 403 || id == "" {
		t.Fatalf("the call: %+v", call)
	}
	var d api.DecisionView
	if a := w.as(t, "auto-sponsor", "GET", "/api/v1/decisions/"+id, ""); json.Unmarshal(a.body, &d) != nil || d.Identity != "support-agent" || d.Model != "amazon.nova-pro-v1:0" {
		t.Errorf("its sponsor reads it: %d %s", a.status, a.body)
	}
	if a := w.as(t, "auto-requester", "GET", "/api/v1/decisions/"+id, ""); a.status != 404 {
		t.Errorf("somebody else reads it: %d %s", a.status, a.body)
	}
	if a := w.as(t, "auto-sponsor", "GET", "/api/v1/decisions/"+url.PathEscape("x' OR '1'='1"), ""); a.status != 404 {
		t.Errorf("one that there is not: %d %s", a.status, a.body)
	}
	var offers api.List[api.Offer]
	if a := w.as(t, "auto-sponsor", "GET", "/api/v1/decisions/"+id+"/entitlements", ""); json.Unmarshal(a.body, &offers) != nil || len(offers.Items) < 2 {
		t.Fatalf("offers: %d %s", a.status, a.body)
	}
	if a := w.as(t, "auto-sponsor", "POST", "/api/v1/requests", `{"answers":"`+id+`"}`); a.status != 422 || kindOf(t, a) != "urn:writ:problem:several-permit" {
		t.Errorf("asking for whichever: %d %s", a.status, a.body)
	}
	body := `{"answers":"` + id + `","grant":{"entitlement":"` + offers.Items[0].Name + `","duration":"1h"},"justification":"a pilot"}`
	if a := w.as(t, "auto-sponsor", "POST", "/api/v1/requests", body); a.status != 201 || !strings.Contains(string(a.body), id) {
		t.Errorf("asking for %s: %d %s", offers.Items[0].Name, a.status, a.body)
	}
}
