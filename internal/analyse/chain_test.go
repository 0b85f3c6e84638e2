package analyse

import (
	"context"
	"testing"

	"github.com/writ-project/writ/internal/rights"
)

// Of two chains of one length the certain one is told, whichever role comes first.
func TestTheMostCertainChainIsTold(t *testing.T) {
	const mfa = `"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`
	for _, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		c := newCast()
		c.role(names[0], trusting(`{"AWS":"arn:aws:iam::111122223333:root"}`, mfa), allow(invokes, "*"))
		c.role(names[1], trusting(`{"AWS":"arn:aws:iam::111122223333:root"}`), allow(invokes, "*"))
		c.user("ops", allow("sts:AssumeRole", "*"))
		a := c.analysis(t, nil)
		var got []Holder
		err := a.WhoCan(context.Background(), Question{Action: "Converse", Resource: haiku}, a.Principals(), 2, func(h Holder) error {
			if len(h.Path) > 0 {
				got = append(got, h)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].Answer.Decision != rights.Allowed || got[0].Path[0].To != c.arn("role", names[1]) {
			t.Errorf("%v: %+v", names, got)
		}
	}
}
