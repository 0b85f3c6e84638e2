package idnumber

import "testing"

// FuzzEveryCheck: no bytes make a check panic, none takes an empty input or one
// with foreign bytes, and a check digit that holds implies the shape.
func FuzzEveryCheck(f *testing.F) {
	f.Add([]byte{})
	for _, p := range published {
		f.Add([]byte(p.number))
	}
	weak := []func([]byte) (bool, bool){Ethereum, DEIDCard, DKCPR, CAHealth, GSTIN, INVoter, RRN, FRN, VIN}
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, check := range named {
			if check(b) && (len(b) == 0 || foreign(b)) {
				t.Fatalf("%s takes %q", name, b)
			}
		}
		for i, check := range weak {
			if ok, checked := check(b); checked && !ok {
				t.Fatalf("check %d holds without the shape: %q", i, b)
			}
		}
		if n := IBANLength(b); n != 0 && (n < 15 || n > 34) {
			t.Fatalf("IBANs of %q have %d characters", b, n)
		}
	})
}

func foreign(b []byte) bool {
	for _, c := range b {
		if !alnum(c) && (c < 'a' || c > 'z') && c != '-' && c != '+' && c != '.' {
			return true
		}
	}
	return false
}
