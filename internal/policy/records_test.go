package policy

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

func drawText(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "a", "b", "ab", "a\x00b", "c"}).Draw(t, "text")
}

func drawTexts(t *rapid.T) []string {
	return rapid.SliceOfN(rapid.Custom(drawText), 0, 3).Draw(t, "texts")
}

func drawLabel(t *rapid.T) dataclass.Label {
	l := dataclass.Label{
		Level: dataclass.Level(rapid.IntRange(0, 3).Draw(t, "level")), Confidence: rapid.SampledFrom([]int{0, 0, 0, 50}).Draw(t, "confidence"),
		Truncated: rapid.Bool().Draw(t, "truncated"), Redactable: rapid.Bool().Draw(t, "redactable"), Detectors: drawText(t),
	}
	switch rapid.IntRange(0, 8).Draw(t, "found") {
	case 0:
		l.Classes = []dataclass.Class{dataclass.Credential}
	case 1:
		l.Entities = []string{"EMAIL"}
	case 2:
		l.Counts = map[dataclass.Class]int{dataclass.Credential: 2}
	case 3:
		l.Unscanned = []string{"binary"}
	case 4:
		l.Regulated = true
	}
	return l
}

// What is kept from earlier calls is what would be made anew, however the
// calls before it fell.
func TestKeptRecordsAreThoseMadeAnew(t *testing.T) {
	kept := &records{}
	rapid.Check(t, func(t *rapid.T) {
		same := func(what string, got, want value) {
			if !got.Equal(want) {
				t.Errorf("%s: kept %s, made %s", what, got, want)
			}
		}
		l := drawLabel(t)
		same("content", kept.content(l), contentRecord(l))
		o := identity.Origin{Networks: drawTexts(t)}
		if rapid.Bool().Draw(t, "known") {
			o.Addr = netip.AddrFrom4([4]byte{127, 0, 0, rapid.Byte().Draw(t, "host")})
		}
		same("network", kept.network(o), networkRecord(o))
		w := way{kind: rights.LegKind(drawText(t)), region: drawText(t), profile: drawText(t)}
		same("leg", kept.leg(w), legRecord(w))
		items := drawTexts(t)
		same("set", kept.set(items), setValue(items))
		s := identity.Session{Issuer: drawText(t), Binding: drawText(t), Proof: identity.ProofOIDC, Issued: noon}
		if rapid.Bool().Draw(t, "impersonated") {
			s.Proof = identity.ProofLocalAdmin
		}
		now := noon.Add(time.Duration(rapid.Int64Range(-2e9, 5e9).Draw(t, "age")))
		same("session", kept.session(&s, now), newRecord(fields{
			"age": numberValue(max(0, (now.Sub(noon)+time.Second-1)/time.Second)), "proof": textValue(s.Proof), "issuer": textValue(s.Issuer),
			"binding": textValue(s.Binding), "impersonated": boolValue(s.Impersonated()),
		}))
	})
}

// What is kept does not change when the caller's slices do.
func TestKeptKeysAreCopies(t *testing.T) {
	kept := &records{}
	items, names := []string{"a", "b"}, []string{"office"}
	o := identity.Origin{Addr: netip.MustParseAddr("10.0.0.1"), Networks: names}
	kept.set(items)
	kept.network(o)
	items[1], names[0] = "c", "partner"
	if got := kept.network(o); !got.Equal(networkRecord(o)) {
		t.Errorf("network %s, want %s", got, networkRecord(o))
	}
	for i := range kept.sets.slots {
		if k := kept.sets.slots[i].Load(); k != nil && !k.value.Equal(setValue(k.key)) {
			t.Errorf("set %s is kept under %q", k.value, k.key)
		}
	}
}

// A set too large to keep is made each time.
func TestLargeSetIsNotKept(t *testing.T) {
	kept := &records{}
	items := []string{"a", strings.Repeat("b", maxKeptSet)}
	if got := kept.set(items); !got.Equal(setValue(items)) {
		t.Error("the set is another")
	}
	for i := range kept.sets.slots {
		if kept.sets.slots[i].Load() != nil {
			t.Error("the set is kept")
		}
	}
}

// records.content looks at every field of a label, and knows no other.
func TestLabelHasTheFieldsThatContentKnows(t *testing.T) {
	if n := reflect.TypeFor[dataclass.Label]().NumField(); n != 10 {
		t.Errorf("dataclass.Label has %d fields: records.content must look at each", n)
	}
}
