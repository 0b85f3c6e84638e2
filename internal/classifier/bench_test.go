package classifier

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
)

const prose = "The committee met on Tuesday to talk about the garden, and nobody could say whether the old wall would stand another winter. " +
	"Some wanted it gone; others, who remember how it was built, would rather mend it. In the end they agreed to ask a mason, " +
	"and to plant beans along the south side in the meantime.\n"

const ticket = "Customer: Ines Falk <" + mail + ">, phone +44 20 7946 0958.\nHer card " + card + " was charged twice on 3 May 2024 (order 88231-7). " +
	"She lives at 12 Harbour Street, Leeds LS1 4AB, and asks for the money to go to IBAN " + iban + ".\n"

// BenchmarkClassify is a prompt of 2 KB with everything looked for.
func BenchmarkClassify(b *testing.B) {
	for name, text := range map[string]string{
		"prose": prose, "ticket": ticket, "code": "func sum(xs []int) (n int) {\n\tfor _, x := range xs {\n\t\tn += x\n\t}\n\treturn n\n}\n",
		"json": `{"id": 17, "name": "widget", "tags": ["a", "b"], "price": 12.5, "updated": "2024-05-03T10:11:12Z"}` + "\n",
	} {
		text = strings.Repeat(text, 2048/len(text)+1)[:2048]
		b.Run(name, func(b *testing.B) {
			c, parts := plain(b), []Part{{Text: []byte(text)}}
			c.Classify(parts, nil)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				c.Classify(parts, nil)
			}
		})
	}
}

// hostile are texts, by what they repeat, that make much work of little: what
// begins something and does not end it, what may be many things, what is
// written as something else.
var hostile = map[string]string{
	"digits": "4111111111111111", "digit groups": "1234 ", "cards": card + ", ", "mails": mail + " ", "dashes": "-", "at signs": "@", "a.@-": "a.@-", "slashes": "/", "pipes": "|",
	"quotes": `"`, "dots": ".", "spaces": " ", "newlines": "\n", "one letter": "a", "letters of both cases": "aA",
	"colons": "a:", "labels": "label: ", "equals": "a=", "pairs": `a="b `, "keywords": "api_key = ", "passwords": "password: ", "tokens": "token=abcdefghijklmnop1234567890 ", "access keys": "AKIA",
	"private keys": "-----BEGIN ", "web tokens": "eyJ", "names": "Anna Kowalska, ", "name": "Anna ", "titles": "Dr. ", "capitals": "Aa ", "initials": "A. B. ", "particles": "van der ",
	"streets": "12 Main Street, ", "street kinds": "C/ ", "boxes": "PO Box ", "doses": "500 mg ", "amounts": "our revenue $4M ", "mentions": "@anna ", "addresses": "https://a.example/b?c=d ",
	"braces": "{[", "members": `{"a":`, "arrays": `["a",`, "rows": "a,b,c\n", "table": "| a | b |\n| --- | --- |\n", "elements": "<a><b>", "attributes": `<a b="c" d='e'>x</a>`, "entries": "a:\n  b:\n",
	"bullets": "- a\n", "fences": "```\n", "fenced code": "```go\nx := 1\n", "docstrings": "\"\"\"\n", "definitions": "def f(x):\n", "statements": ";\n", "comments": "/* ",
	"escapes": `\u0031`, "percent": "%31", "references": "&#49;", "base64": "QUFB", "hex": "deadbeef",
	"encodings within one another": "&#49;-%31://pw ", "names of many keys": "a_key_a_key_a_key=x ", "keys": "key key key =", "columns of passwords": "pw | a:Aa ",
	"zero width": "1\u200b", "hidden letters": "a\u200b", "full width": "１２３４", "look-alikes": "аbсd ", "accents": "a\u0301", "loose accents": "\u0301", "curly quotes": "“a” ",
	"Cyrillic": "Иван Петров ", "Arabic": "محمد ", "Han": "漢字", "emoji": "😀 ", "flags": "🇩🇪", "no UTF-8": "\xff", "NUL": "\x00",
}

// base64ofBase64 is encoded as often as it is read, and once more.
func base64ofBase64(size int) []byte {
	text := []byte(strings.Repeat(prose, size/len(prose)/3+1))
	for range maxDepth + 1 {
		text = base64.StdEncoding.AppendEncode(nil, text)
	}
	return text[:size]
}

// BenchmarkHostile is 64 KiB of each.
func BenchmarkHostile(b *testing.B) {
	const size = 64 << 10
	texts := map[string][]byte{"base64 of base64": base64ofBase64(size)}
	for name, unit := range hostile {
		texts[name] = []byte(strings.Repeat(unit, size/len(unit)+1)[:size])
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		b.Run(name, func(b *testing.B) {
			c, parts := plain(b), []Part{{Text: texts[name]}}
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				c.Classify(parts, nil)
			}
		})
	}
}
