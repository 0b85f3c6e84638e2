package policy

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// unreadFields are the fields of a request that no rule can read, each for a reason.
var unreadFields = map[string]string{
	"Digest":           "the permit is minted anew for each call",
	"Origin.Peer":      "rules see the source",
	"Caps.Metadata":    "Asserted.Metadata is what rules see of it",
	"Session.ID":       "rules know no single session",
	"Caps.Load.Unread": "what a call may cost is for budgets", "Caps.Load.Answers": "", "Caps.Load.Budget": "", "Caps.Load.Blocks": "",
	"Caps.Load.Documents": "", "Caps.Load.CacheWrite": "", "Caps.Load.CacheHour": "",
	"Session.Identity": "it is Identity.ID, or nothing is decided",
	"Session.Subject":  "", "Session.ProofID": "", "Session.Expires": "", "Session.Epoch": "",
	"Session.KeyEpoch": "", "Session.Shard": "", "Session.Record": "", "Session.Networks": "",
	"Identity.Owner": "", "Identity.Deputy": "", "Identity.Epoch": "", "Identity.MaxSession": "",
	"Identity.Tags": "", "Identity.Principals": "", "Identity.Moved.By": "", "Identity.Moved.Reason": "", "Identity.Confirmed": "", "Identity.ConfirmedBy": "",
}

// A field that is added to a request must be added to the memo's key too, or
// be known as one that no rule reads.
func TestS6_MemoKeyCoversEveryField(t *testing.T) {
	all := &reads{age: true, calendar: true, bytes: true, metadata: true}
	full := func() *Request {
		return &Request{
			Identity: &identity.Identity{Purposes: []string{"a"}, Moved: &identity.Remark{}},
			Now:      noon,
			Origin:   identity.Origin{Addr: netip.MustParseAddr("127.0.0.1"), Networks: []string{"a"}},
			Caps: bedrock.Capabilities{
				Tools: []bedrock.Tool{{Name: "a"}}, Guardrail: &bedrock.Guardrail{}, Output: &bedrock.Output{}, Metadata: map[string]string{"a": "b"},
			},
			Legs:     []rights.Leg{{Resource: "a"}},
			Prompt:   dataclass.Label{Counts: map[dataclass.Class]int{"a": 1}},
			Output:   &dataclass.Label{Counts: map[dataclass.Class]int{"a": 1}},
			Asserted: Asserted{Metadata: map[string]string{"a": "b"}},
		}
	}
	before := appendKey(nil, full(), all)
	visited := map[string]bool{}
	var walk func(path string, find func(reflect.Value) reflect.Value, typ reflect.Type)
	walk = func(path string, find func(reflect.Value) reflect.Value, typ reflect.Type) {
		switch {
		case typ.Kind() == reflect.Pointer:
			walk(path, func(v reflect.Value) reflect.Value { return find(v).Elem() }, typ.Elem())
			return
		case typ.Kind() == reflect.Struct && typ != reflect.TypeFor[time.Time]() && typ != reflect.TypeFor[netip.Addr]():
			for i := range typ.NumField() {
				name := strings.TrimPrefix(path+"."+typ.Field(i).Name, ".")
				walk(name, func(v reflect.Value) reflect.Value { return find(v).Field(i) }, typ.Field(i).Type)
			}
			return
		case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct && typ.Elem() != reflect.TypeFor[netip.Prefix]():
			walk(path+"[0]", func(v reflect.Value) reflect.Value { return find(v).Index(0) }, typ.Elem())
		}
		visited[path] = true
		r := full()
		alter(t, path, find(reflect.ValueOf(r).Elem()))
		_, spared := unreadFields[path]
		if same := bytes.Equal(before, appendKey(nil, r, all)); same != spared {
			t.Errorf("%s: changing it leaves the key the same: %v, want %v", path, same, spared)
		}
	}
	walk("", func(v reflect.Value) reflect.Value { return v }, reflect.TypeFor[Request]())
	for path := range unreadFields {
		if !visited[path] {
			t.Errorf("%s is no field of a request any more", path)
		}
	}
}

// alter changes a value, whatever it is.
func alter(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon.Add(-1000 * time.Hour)))
	case v.Type() == reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.1")))
	case v.Kind() == reflect.String:
		v.SetString(v.String() + "x")
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.CanUint():
		v.SetUint(v.Uint() + 1)
	case v.Kind() == reflect.Array:
		alter(t, path, v.Index(0))
	case v.Kind() == reflect.Slice:
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
	case v.Kind() == reflect.Map:
		key := reflect.New(v.Type().Key()).Elem()
		key.SetString("added")
		v.SetMapIndex(key, reflect.Zero(v.Type().Elem()))
	default:
		t.Fatalf("%s is a %s, which this test cannot change", path, v.Type())
	}
}
