package personal_test

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/personal"
)

const prose = `The quarterly review went well, although several people asked for more time to read the draft before the next meeting.
Please send your comments to Hannah Okoye by Friday; she will merge them and share a new version with the group.
We also talked about moving the office to 48 Larkspur Lane, Denver, and about who should answer the questions from the press.
`

func BenchmarkScan(b *testing.B) {
	for name, text := range map[string]string{
		"prose":        strings.Repeat(prose, 8),
		"chat":         strings.Repeat("[10:02] Priscilla: did you call Dr. Lindqvist?\n[10:03] Mark: not yet, will do!\n", 30),
		"code":         strings.Repeat("func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mu.Lock(); defer s.mu.Unlock() }\n", 20),
		"hostile/name": strings.Repeat("Anna ", 13000),
		"hostile/de":   strings.Repeat("Anna de la ", 6000),
		"hostile/num":  strings.Repeat("12 ", 22000),
		"hostile/road": strings.Repeat("C/ A de ", 8000),
		"hostile/my":   strings.Repeat("my name is ", 6000),
	} {
		b.Run(name, func(b *testing.B) {
			in := &dataclass.Text{Bytes: []byte(text)}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var dst []dataclass.Finding
			for b.Loop() {
				dst = personal.Scan(dst[:0], in, nil, &dataclass.Budget{Findings: 1 << 20})
			}
		})
	}
}
