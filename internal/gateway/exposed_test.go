package gateway_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// exposed reads what the control plane shows of itself, and looks for secrets,
// identities and models in the metrics, and for secrets in the rest.
func (s *site) exposed(t testing.TB) {
	t.Helper()
	for _, path := range []string{"/metrics", "/api/v1/status", "/api/v1/observe", "/api/v1/resources?kind=Issuer", "/readyz", "/api/v1/nowhere"} {
		req, err := http.NewRequest(http.MethodGet, s.Admin+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.operator)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		never := slices.DeleteFunc(slices.Clone(s.secrets), func(s string) bool { return len(s) < 16 })
		s.mu.Unlock()
		if path == "/metrics" {
			if !strings.Contains(string(body), `writ_requests_total{operation="Converse",result="permit",status="2xx"}`) {
				t.Error("the metrics do not count a call that was permitted")
			}
			never = append(never, "support-agent", "no.such-model", sonnet, "127.0.0.1", "/model/")
		}
		for _, word := range never {
			if strings.Contains(string(body), word) {
				t.Errorf("%s shows %.12s…", path, word)
			}
		}
	}
}
