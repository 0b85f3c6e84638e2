package secret

import (
	"regexp"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/dataclass"
)

var samples = map[string]string{
	"prose": strings.Repeat("The committee met on Tuesday to review the access plan for the new building. Several members asked whether the key risks had been assessed, "+
		"and the author of the report replied that a separate paper would follow. Nobody was sure who passed the task to the session chair. ", 8)[:2048],
	"code": strings.Repeat("func (s *Session) Token(ctx context.Context, key string) (string, error) {\n\tif s.password == \"\" {\n\t\treturn \"\", errors.New(\"no password\")\n\t}\n"+
		"\treturn s.auth.Exchange(ctx, key, s.credentials.Secret)\n}\n\n", 12)[:2048],
	"json": strings.Repeat(`{"id": 18273, "user": "mkowalski", "status": "active", "tags": ["a", "b"], "total": 81.25, "created": "2026-03-01T10:00:00Z", "note": "left at the desk"},`+"\n", 20)[:2048],
	"log":  strings.Repeat("2026-03-01T10:00:00.123Z INFO  gateway request served method=POST path=/v1/orders status=201 bytes=1822 took=12ms session closed\n", 20)[:2048],
}

func benchScan(b *testing.B, text string) {
	t := &dataclass.Text{Bytes: []byte(text)}
	if _, err := Scan(nil, t, &dataclass.Budget{Findings: 1000, Patterns: 1 << 20}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	b.ResetTimer()
	var dst []dataclass.Finding
	for b.Loop() {
		dst, _ = Scan(dst[:0], t, &dataclass.Budget{Findings: 1000, Patterns: 1 << 20})
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(float64(len(text))/1024), "us/KiB")
}

func BenchmarkScan(b *testing.B) {
	for name, text := range samples {
		b.Run(name, func(b *testing.B) { benchScan(b, text) })
	}
}

// BenchmarkHostile: texts made to cost as much as they can.
func BenchmarkHostile(b *testing.B) {
	for name, text := range hostile() {
		b.Run(name, func(b *testing.B) { benchScan(b, text) })
	}
}

// BenchmarkStandardLibrary puts the same expressions to regexp, one by one, as
// scanners without a gate do.
func BenchmarkStandardLibrary(b *testing.B) {
	rules, err := loaded()
	if err != nil {
		b.Fatal(err)
	}
	var all []*regexp.Regexp
	for _, r := range rules.rules {
		for _, f := range r.forms {
			all = append(all, regexp.MustCompile(f.pattern.source))
		}
	}
	for name, text := range samples {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, re := range all {
					re.FindStringIndex(text)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(float64(len(text))/1024), "us/KiB")
		})
	}
}
