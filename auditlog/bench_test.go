package auditlog_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/writ-project/writ/auditlog"
)

// BenchmarkVerify measures a whole check of a log of realistic records.
func BenchmarkVerify(b *testing.B) {
	const n = 20_000
	fsys := layout{entries: records(b, n), start: n / 256 * 256, published: n}.build(b)
	for name, opaque := range map[string]bool{"records": false, "opaque": true} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verify(fsys, auditlog.VerifyOptions{Opaque: opaque}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkMarshal measures one intent, with the groups that a gateway fills in.
func BenchmarkMarshal(b *testing.B) {
	r, commitment := intent(), strings.Repeat("c", 43)
	r.Instance = &auditlog.Instance{ID: "i-1", Version: "1.0.0", Shard: "0"}
	r.Where = &auditlog.Where{SourceIP: "10.1.2.3", PeerIP: "10.1.2.3", Networks: []string{"office"}, UserAgent: commitment}
	r.Right = &auditlog.Right{Grants: []string{"g-1"}, Entitlements: []string{"analytics-models"}, Until: auditlog.At(epoch)}
	r.Data = &auditlog.Data{Level: "internal", Classes: []string{"email"}, Detectors: "1"}
	r.Request = &auditlog.Request{MaxTokens: 512, Tools: []string{"search", "lookup"}, Bytes: 4096}
	r.Content = &auditlog.Content{Request: commitment, Scheme: auditlog.CommitmentScheme}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Marshal(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommit measures one commitment, of which a call makes several.
func BenchmarkCommit(b *testing.B) {
	salt, sum := make([]byte, 32), sha256.Sum256([]byte("prompt"))
	b.ReportAllocs()
	for b.Loop() {
		auditlog.Commit(salt, "request", "01JAR4F5ZK7Q2W9X3V6B8N0M1T", sum)
	}
}
