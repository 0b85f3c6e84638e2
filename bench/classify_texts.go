package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// textSort is a kind of text that people and programs send to models, made up here.
type textSort struct {
	name string
	// write adds a sentence, a line or a row.
	write func(b *strings.Builder, r *rand.Rand)
	head  string // what such a text begins with
}

// text is size bytes of the sort, always the same for the same number.
func (s textSort) text(n, size int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), uint64(size)))
	var b strings.Builder
	b.WriteString(s.head)
	for b.Len() < size {
		s.write(&b, r)
	}
	return cutText(b.String(), size)
}

// cutText ends a text at a character's end.
func cutText(s string, size int) []byte { return []byte(strings.ToValidUTF8(s[:size], "")) }

func pick(r *rand.Rand, words string) string {
	all := strings.Split(words, "|")
	return all[r.IntN(len(all))]
}

var textSorts = []textSort{
	{"prose", writeProse, ""},
	{"support ticket", writeTicket, "Please summarise this ticket for the next shift.\n\n"},
	{"JSON log", writeLog, ""},
	{"Go code", writeCode, "package orders\n\nimport \"fmt\"\n\n"},
	{"CSV", writeRow, "order_id,customer,email,city,amount,status\n"},
	{"Spanish", writeSpanish, ""},
}

const (
	givenNames = "Marta|Jonas|Aiko|Priya|Owen|Lucie|Tomasz|Ingrid|Samuel|Fatima"
	surnames   = "Keller|Brandt|Okafor|Lindqvist|Moreau|Castillo|Nowak|Tanaka|Whitfield|Sorensen"
	cities     = "Leeds|Utrecht|Gdansk|Porto|Lyon|Osaka|Tampere|Girona"
)

func writeProse(b *strings.Builder, r *rand.Rand) {
	fmt.Fprintf(b, "%s %s %s, %s %s. ",
		pick(r, "The committee|Our team|Every draft|A careful reader|The second chapter|This approach|Most of the survey"),
		pick(r, "compares|explains|leaves out|returns to|depends on|describes in detail"),
		pick(r, "the cost of storage|how the harbour grew|what the model was asked|three competing plans|the history of tea"),
		pick(r, "which is why|and still|although in practice|so that in the end|because"),
		pick(r, "nobody agreed on a date|it takes about 40 minutes|the figures were rounded to 3 digits|the old version stays in place|readers skip it"))
	if r.IntN(5) == 0 {
		b.WriteString("\n\n")
	}
}

func writeTicket(b *strings.Builder, r *rand.Rand) {
	given, family := pick(r, givenNames), pick(r, surnames)
	fmt.Fprintf(b, "[2026-%02d-%02d %02d:%02d] %s %s <%s.%s@example.net>: ", 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), given, family, strings.ToLower(given), strings.ToLower(family))
	switch r.IntN(5) {
	case 0:
		fmt.Fprintf(b, "my order %08d has not come, please call me on +44 20 7946 %04d.\n", r.IntN(1e8), r.IntN(1e4))
	case 1:
		fmt.Fprintf(b, "I was charged twice on card %s, last week.\n", luhn(r))
	case 2:
		fmt.Fprintf(b, "the invoice INV-%d-%05d should go to %d Mill Lane, %s.\n", 2020+r.IntN(6), r.IntN(1e5), 1+r.IntN(200), pick(r, cities))
	case 3:
		fmt.Fprintf(b, "it fails from 203.0.113.%d since version 4.%d.%d.\n", r.IntN(256), r.IntN(20), r.IntN(100))
	default:
		b.WriteString("thank you, that solved it for me.\n")
	}
}

// luhn is a number that looks like a card's and has its check digit.
func luhn(r *rand.Rand) string {
	digits := []byte("4")
	for len(digits) < 15 {
		digits = append(digits, byte('0'+r.IntN(10)))
	}
	sum := 0
	for i, d := range digits {
		v := int(d - '0')
		if i%2 == 0 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	s := string(append(digits, byte('0'+(10-sum%10)%10)))
	return s[:4] + " " + s[4:8] + " " + s[8:12] + " " + s[12:]
}

func writeLog(b *strings.Builder, r *rand.Rand) {
	fmt.Fprintf(b, `{"ts":"2026-11-%02dT%02d:%02d:%02d.%03dZ","level":%q,"host":"10.0.%d.%d","trace":"%016x%016x","path":"/v2/orders/%d","status":%d,"ms":%d,"user":"u%06d"}`+"\n",
		1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000), pick(r, "info|warn|debug|error"), r.IntN(256), r.IntN(256), r.Uint64(), r.Uint64(), r.IntN(1e7), 200+r.IntN(300), r.IntN(3000), r.IntN(1e6))
}

func writeCode(b *strings.Builder, r *rand.Rand) {
	name := pick(r, "total|reserve|release|archive|notify|retry") + pick(r, "Order|Line|Batch|Customer|Shipment")
	fmt.Fprintf(b, "// %s %s.\nfunc %s(in []int, limit int) (int, error) {\n\tsum := 0\n\tfor i, v := range in {\n\t\tif v > limit || i == %d {\n\t\t\treturn 0, fmt.Errorf(\"line %%d: %%w\", i, errLimit)\n\t\t}\n\t\tsum += v * 0x%04x\n\t}\n\treturn sum, nil\n}\n\n",
		name, pick(r, "adds up what is open|gives back what was held|says how much is left"), name, r.IntN(1000), r.IntN(1<<16))
}

func writeRow(b *strings.Builder, r *rand.Rand) {
	given, family := pick(r, givenNames), pick(r, surnames)
	fmt.Fprintf(b, "%08d,%s %s,%s%d@example.org,%s,%d.%02d,%s\n", r.IntN(1e8), given, family, strings.ToLower(family), r.IntN(100), pick(r, cities), r.IntN(900), r.IntN(100), pick(r, "paid|open|returned"))
}

func writeSpanish(b *strings.Builder, r *rand.Rand) {
	fmt.Fprintf(b, "%s %s %s, %s %d %s. ",
		pick(r, "El informe|La reunión de mañana|Según el técnico|Nuestro proveedor|La señora del archivo|El año pasado"),
		pick(r, "explica|resume con atención|no menciona|depende de|señala"),
		pick(r, "la situación del almacén|los plazos de entrega|el presupuesto común|las normas de la biblioteca"),
		pick(r, "aunque quedan|y hay|con cerca de|sin contar"), 2+r.IntN(90),
		pick(r, "páginas por revisar|días de retraso|cajas en el depósito|peticiones sin respuesta"))
}

// hostile are texts that somebody might make to cost much.
var hostile = []textSort{
	{"digits and separators", chars("0123456789 -./"), ""},
	{"upper case, digits, spaces", chars("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 "), ""},
	{"hex, colons, dashes", chars("0123456789abcdef:-"), ""},
	{"a.@- soup", chars("a.@-"), ""},
	{"api_key = …, again and again", func(b *strings.Builder, r *rand.Rand) {
		fmt.Fprintf(b, "api_key = \"%016x%016x%08x\"\n", r.Uint64(), r.Uint64(), r.Uint32())
	}, ""},
	{"cues without values", func(b *strings.Builder, r *rand.Rand) {
		b.WriteString(pick(r, "password |secret: |token=|ssn |passport no |aws |api key |iban |phone: |card number |dob |bearer |private key |name: "))
	}, ""},
	{"Anna Anna Anna", func(b *strings.Builder, r *rand.Rand) { b.WriteString(pick(r, "Anna |Anna |Anna |Maria |James ")) }, ""},
	{"telephone numbers", func(b *strings.Builder, r *rand.Rand) {
		fmt.Fprintf(b, "+%d %d %d %d, ", 1+r.IntN(99), 100+r.IntN(900), 100+r.IntN(900), 1000+r.IntN(9000))
	}, ""},
	{"CSV of nothing", chars(",;\t\"\n"), "name,ssn,iban,phone\n"},
	{"nested JSON", func(b *strings.Builder, _ *rand.Rand) { b.WriteString(`{"a":[`) }, ""},
	{"zero-width text", func(b *strings.Builder, r *rand.Rand) {
		b.WriteString(pick(r, "4|1|a|S") + "\u200b\u2060")
	}, ""},
	{"base64 of base64", func(b *strings.Builder, r *rand.Rand) {
		b.WriteString(pick(r, "Vm0wd2QyUXlVWGxWV0d4V1YwZDRWMVl3WkRSV01WbDNXa1JTVjAxV2JETlhh|WkRSV01WbDNXa1JTVjAxV2JETlhhMUpUVmpBeFYySkVUbGhoTVVwVVZtcEJl"))
	}, ""},
}

func chars(of string) func(*strings.Builder, *rand.Rand) {
	return func(b *strings.Builder, r *rand.Rand) { b.WriteByte(of[r.IntN(len(of))]) }
}
