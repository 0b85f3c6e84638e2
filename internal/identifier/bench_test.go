package identifier

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/dataclass"
)

const prose = "The committee met again in the spring to look at what the harvest had left behind. Nobody had expected the river to rise twice, and yet the mill stood, its wheel turning slowly in the brown water. " +
	"In 1987 the bridge was closed for 14 months; since then about 2,300 people cross it every day, most of them on foot. Please summarise this in three sentences. "

const supportTicket = "Customer: Hello, my name is Ilse Brandt. I was charged twice for order 4512-8871 on 03/11/2024. My card is 4929 1234 5678 9012 and you can reach me on +49 30 901820 or ilse.brandt@example.org. My date of birth is 12 May 1971. " +
	"Agent: thank you, I see invoice INV-2024-00871 of 129.90 EUR. "

const jsonLog = `{"time":"2024-11-03T09:15:22.123Z","level":"info","ip":"203.0.113.9","user_id":"u_81231","latency_ms":143,"trace":"4bf92f3577b34da6a3ce929d0e0e4736","msg":"GET /v1/items/8812 200"}` + "\n"

const program = "func (s *Store) Get(ctx context.Context, id string) (*Row, error) {\n\tif id == \"\" {\n\t\treturn nil, errors.New(\"no id\")\n\t}\n\trow := s.db.QueryRow(ctx, `SELECT a, b FROM t WHERE id = $1`, id)\n\tfor i := 0; i < 10; i++ {\n\t\ts.count[i] += x.y.z\n\t}\n\treturn row, nil\n}\n"

func soup(alphabet string, n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return b
}

func BenchmarkScan(b *testing.B) {
	const size = 64 << 10
	inputs := []struct {
		name string
		text []byte
	}{
		{"prose", bytes.Repeat([]byte(prose), size/len(prose))},
		{"ticket", bytes.Repeat([]byte(supportTicket), size/len(supportTicket))},
		{"log", bytes.Repeat([]byte(jsonLog), size/len(jsonLog))},
		{"code", bytes.Repeat([]byte(program), size/len(program))},
		{"digits and separators", soup("0123456789012345678901234567890123456789 -./()+", size)},
		{"digits", bytes.Repeat([]byte("7"), size)},
		{"single digits", bytes.Repeat([]byte("4 1 "), size/4)},
		{"mail soup", soup("a.@-", size)},
		{"hex and colons", soup("0123456789abcdef::--", size)},
		{"capitals and digits", soup("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ", size)},
		{"dates", []byte(strings.Repeat("born 1/1/1990 ", size/14))},
		{"cues", []byte(strings.Repeat("account number card ssn 1234 ", size/29))},
		{"pluses", []byte(strings.Repeat("+1 202 555 0143 ", size/16))},
		{"accounts", []byte(strings.Repeat("account 12345678 ", size/17))},
		{"groups of four", bytes.Repeat([]byte("1234 "), size/5)},
		{"brackets", bytes.Repeat([]byte("(1)"), size/3)},
		{"rows of nine digits", bytes.Repeat([]byte("219099999\n"), size/10)},
		{"column of digits", bytes.Repeat([]byte("4\n1\n"), size/4)},
		{"cards in rows", bytes.Repeat([]byte("1 12 123 1 12 123 1 12 123 6011 0009 9013 9424 "), size/48)},
		{"rows of cards", bytes.Repeat([]byte("4111 1111 1111 1112 "), size/20)},
	}
	for _, in := range inputs {
		b.Run(in.name, func(b *testing.B) {
			text := &dataclass.Text{Bytes: in.text}
			var found []dataclass.Finding
			b.SetBytes(int64(len(in.text)))
			b.ReportAllocs()
			for b.Loop() {
				found = Scan(found[:0], text, &dataclass.Budget{Findings: 10000})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000/(float64(len(in.text))/1024), "µs/KiB")
		})
	}
}
