package proof

import (
	"testing"

	"github.com/writ-project/writ/internal/identity"
)

func TestReach(t *testing.T) {
	o := open(t, nil)
	if n, err := Reach(t.Context(), o.idp.issuer()); err != nil || n != 1 {
		t.Errorf("%d keys, %v", n, err)
	}
	if _, err := Reach(t.Context(), identity.Issuer{URL: "https://127.0.0.1:1"}); err == nil {
		t.Error("the doctor reaches where an exchange may not")
	}
}
