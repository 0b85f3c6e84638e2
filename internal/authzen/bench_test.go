package authzen

import (
	"fmt"
	"testing"

	"github.com/writ-project/writ/internal/rights"
)

// BenchmarkSubjectSearch asks who can invoke a model that few of many can.
// first is a search on a snapshot that none was made on before.
func BenchmarkSubjectSearch(b *testing.B) {
	const identities, grantsEach, entitlements = 100_000, 3, 500
	w := newWorld(b)
	w.entitlement("few", rights.Conditions{}, haiku)
	for i := range entitlements {
		w.entitlement(fmt.Sprintf("e%03d", i), rights.Conditions{}, novaLite)
	}
	for i := range identities {
		name := fmt.Sprintf("i%06d", i)
		w.identity(name)
		for g := range grantsEach {
			w.grant(name, fmt.Sprintf("e%03d", (i+g*7)%entitlements))
		}
		if i%2000 == 0 {
			w.grant(name, "few")
		}
	}
	s := w.snapshot()
	body := `{"subject":{"type":"identity"},"action":{"name":"Converse"},"resource":{"type":"model","id":"` + haiku + `"}}`
	many := `{"subject":{"type":"identity"},"action":{"name":"Converse"},"resource":{"type":"model","id":"` + novaLite + `"}}`
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			post(b, serve(s), PathSubjectSearch, body)
		}
	})
	h := serve(s)
	for name, text := range map[string]string{"few": body, "many": many} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, got := post(b, h, PathSubjectSearch, text); len(got["results"].([]any)) == 0 {
					b.Fatal("nobody can")
				}
			}
		})
	}
}
