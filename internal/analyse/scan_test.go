package analyse

import (
	"context"
	"testing"

	"github.com/writ-project/writ/internal/report"
)

// standing is what a report says of where the account stands.
type standing struct {
	heard
	run report.Run
}

func (s *standing) Config(r report.Run) error { s.run = r; return nil }

func TestS28_AReportIsAdvisoryUntilAChokepointIsProved(t *testing.T) {
	x := doors()
	scan := func(gateways ...string) string {
		t.Helper()
		var s standing
		if err := x.load(t).Scan(context.Background(), ScanOptions{Gateway: gateways}, &s); err != nil {
			t.Fatal(err)
		}
		return s.run.Advisory
	}
	if got := scan(roleARN("gateway")); got != "advisory: direct path open (4 principals)" {
		t.Errorf("with a gateway and no chokepoint: %q", got)
	}
	if got := scan(); got == "" {
		t.Error("without a gateway nothing is advisory")
	}
	c := chokepointOf(t, x.load(t), ChokepointOptions{})
	full := string(policyOf([]statement{{Effect: "Allow", Action: []string{"*"}, Resource: []string{"*"}}}))
	x.scp = []string{`[` + full + `,` + string(c.Policy) + `]`}
	if got := scan(roleARN("gateway")); got != "" {
		t.Errorf("with a chokepoint: %q", got)
	}
	if got := scan(); got == "" {
		t.Error("a chokepoint of a gateway that nobody named counts as proved")
	}
}
