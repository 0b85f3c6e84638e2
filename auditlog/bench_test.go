package auditlog_test

import (
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

// BenchmarkMarshal measures one intent.
func BenchmarkMarshal(b *testing.B) {
	r := intent()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Marshal(); err != nil {
			b.Fatal(err)
		}
	}
}
