package awsiam

import (
	"slices"
	"strings"
)

// Context is what is known of a request: values by condition key, the key in
// lower case. A key that is not in it is absent from the request.
type Context map[string]Value

// Value is the value of a condition key. A value without items is absent.
type Value struct {
	Items []string
	Multi bool   // the key is multivalued: only set operators compare it
	Doubt string // why the value is not known; then Items is empty
}

// One is the value of a single-valued key.
func One(s string) Value { return Value{Items: []string{s}} }

// Many is the value of a multivalued key.
func Many(s ...string) Value { return Value{Items: s, Multi: true} }

// Key is how contexts spell a condition key: keys are blind to case, tag keys
// in them too.
func Key(s string) string { return strings.ToLower(s) }

// Set gives a key a value.
func (c Context) Set(key string, v Value) { c[Key(key)] = v }

// Get returns what the request holds for a key.
func (c Context) Get(key string) (v Value, present bool) {
	v, present = c[key]
	return v, present && (len(v.Items) > 0 || v.Doubt != "")
}

// Equal reports whether two values are the same.
func (v Value) Equal(w Value) bool {
	return v.Multi == w.Multi && v.Doubt == w.Doubt && slices.Equal(v.Items, w.Items)
}
