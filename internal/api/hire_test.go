package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/writtest"
)

// staff are programs, so that an administrator can issue their tokens.
const staff = `apiVersion: writ/v1
kind: Operator
name: auto-requester
spec: {kind: automation, email: requester@example.com, roles: [{role: requester}]}
---
apiVersion: writ/v1
kind: Operator
name: auto-approver
spec: {kind: automation, email: approver@example.com, roles: [{role: approver}]}
---
apiVersion: writ/v1
kind: Operator
name: auto-auditor
spec: {kind: automation, email: auditor@example.com, roles: [{role: auditor}]}
---
apiVersion: writ/v1
kind: Operator
name: auto-remediator
spec: {kind: automation, email: remediator@example.com, roles: [{role: remediator}]}
---
apiVersion: writ/v1
kind: Operator
name: auto-sponsor
spec: {kind: automation, email: dana@example.com, roles: [{role: requester}]}
---
apiVersion: writ/v1
kind: Operator
name: alex
spec: {email: alex@example.com, teams: [security], roles: [{role: approver}]}
---
apiVersion: writ/v1
kind: Operator
name: sam
spec: {email: sam@example.com, teams: [security, finance], roles: [{role: approver}]}
`

// hire makes operators of several roles, with a token each.
func (w *walker) hire(t *testing.T, s *writtest.Server) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "staff.yaml")
	if err := os.WriteFile(file, []byte(staff), 0o600); err != nil {
		t.Fatal(err)
	}
	s.MustRun(t, "apply", "-f", file, "--yes")
	c := api.NewClient(s.Admin, api.ReadToken(adminToken(t, s)))
	for _, name := range []string{"auto-requester", "auto-approver", "auto-auditor", "auto-remediator", "auto-sponsor"} {
		var issued struct{ Secret string }
		if err := c.Do(t.Context(), http.MethodPost, "/tokens", map[string]any{"operator": name, "scopes": []string{"*"}, "note": "a test"}, &issued); err != nil {
			t.Fatal(err)
		}
		w.tokens[name] = issued.Secret
	}
}
