package cedarset

import "github.com/cedar-policy/cedar-go"

// Names for cedar-go's own types, for who asks a Set.
type (
	UID    = cedar.EntityUID
	Entity = cedar.Entity
	Value  = cedar.Value
	Fields = cedar.RecordMap
	Query  = cedar.Request
)

// ID names an entity.
func ID(kind, id string) UID { return cedar.NewEntityUID(cedar.EntityType(kind), cedar.String(id)) }

// Parents is what an entity is in.
func Parents(ids ...UID) cedar.EntityUIDSet { return cedar.NewEntityUIDSet(ids...) }

// Record is a record of fields, as entities and contexts hold it.
func Record(f Fields) cedar.Record { return cedar.NewRecord(f) }

// Text is a string.
func Text[T ~string](s T) Value { return cedar.String(s) }

// Bool is true or false.
func Bool(b bool) Value { return cedar.Boolean(b) }

// Texts is a set of strings.
func Texts[T ~string](items []T) Value {
	values := make([]Value, len(items))
	for i, s := range items {
		values[i] = cedar.String(s)
	}
	return cedar.NewSet(values...)
}

// IDs is a set of entities of one type.
func IDs(kind string, names []string) Value {
	values := make([]Value, len(names))
	for i, n := range names {
		values[i] = ID(kind, n)
	}
	return cedar.NewSet(values...)
}
