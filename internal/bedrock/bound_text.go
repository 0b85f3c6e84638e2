package bedrock

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"strings"
)

// How many tokens a text can be at most
//
// No tokenizer of a listed family makes more tokens than the text has bytes in
// UTF-8, once it is in the form that the tokenizer reads: byte-level BPE begins
// with the bytes and only ever joins them; SentencePiece with byte fallback has
// a token for each byte of what it does not know. What some do first is to
// normalise, and that can make a text longer: NFC up to 3 times and NFKC up to
// 11 times in UTF-8 (https://unicode.org/faq/normalization.html). ASCII stays as
// it is in both, so that only other characters count for more.
//
// The JSON around a text is counted too. It is longer than what a chat template
// puts in its place: the shortest message has 24 bytes beside its text, and the
// longest known head and tail of a message are 12 tokens.
const (
	asIs = 1
	nfc  = 3
	nfkc = 11 // also for every family that is not listed
)

// expansion says how a family's tokenizer normalises, where its makers published
// the tokenizer. Anthropic's last published one uses NFKC; those of Amazon,
// AI21, NVIDIA, Writer, xAI and others are not known.
var expansion = map[string]int64{
	"cohere.command":    nfc,
	"deepseek.r1":       asIs,
	"deepseek.v3":       asIs,
	"google.gemma":      asIs, // SentencePiece by identity
	"meta.llama":        asIs, // Llama 2 too: SentencePiece by identity
	"mistral.devstral":  asIs,
	"mistral.magistral": asIs,
	"mistral.ministral": asIs,
	"mistral.mistral":   asIs, // SentencePiece by identity, or byte-level
	"mistral.mixtral":   asIs,
	"mistral.pixtral":   asIs,
	"moonshotai.kimi":   asIs,
	"openai.gpt":        asIs,
	"openai.gpt-oss":    asIs,
	"qwen.qwen":         nfc,
}

// What a model is told beside the request's own text, in tokens: what its
// template says of itself; instructions for the use of tools, the longest
// published ones of which are below 1,000; and the frame around each tool.
const (
	templateTokens = 512
	toolUseTokens  = 2048
	eachToolTokens = 64
	definedTokens  = 2048 // of a tool that the provider defined
)

// escaped is how a document's character outside ASCII may be written before a
// model reads it: \u and four digits for two bytes or more.
const escaped = 3

// weight is what of a body counts for how many tokens.
type weight struct{ bytes, others, escapes int64 }

// weigh counts a body's bytes, those of them that are not ASCII, and its \u
// escapes, each of which stands for up to three bytes.
func weigh(body []byte) weight {
	w := weight{bytes: int64(len(body)), escapes: int64(bytes.Count(body, []byte(`\u`)))}
	const high = 0x8080808080808080
	for ; len(body) >= 8; body = body[8:] {
		w.others += int64(bits.OnesCount64(binary.LittleEndian.Uint64(body) & high))
	}
	for _, c := range body {
		w.others += int64(c >> 7)
	}
	return w
}

// tokens is the most that a text of this weight can be.
func (w weight) tokens(expand int64) int64 {
	n := w.bytes + w.others*(expand-1)
	if beyond := 3*expand - 6; beyond > 0 { // of the six bytes of an escape
		n += w.escapes * beyond
	}
	return n
}

// boundInput is the most that a model can be made to read. Documents (tools'
// schemas, inputs and results) are written anew before it does, with blanks and
// line ends at most twice as long, or with escapes.
func boundInput(m *Model, caps *Capabilities, w weight) (n int64, how string, err error) {
	most := window(m, caps)
	if caps.Load.Unread || len(caps.UnknownContent) > 0 || len(caps.S3) > 0 {
		if most == 0 {
			return 0, "", &UnboundedError{Why: "it holds more than text, and how much the model can read is not known"}
		}
		if m.Modality == ModalityEmbedding {
			return 0, "", &UnboundedError{Why: "what is not text is not charged by the token"}
		}
		return most, HowModel, nil
	}
	expand, ok := expansion[m.Family]
	if !ok {
		expand = nfkc
	}
	if caps.Load.Documents > 0 {
		expand = max(expand, escaped)
	}
	n = w.tokens(expand) + caps.Load.Documents + templateTokens + toolTokens(caps)
	if most > 0 && n > most {
		return most, HowModel, nil
	}
	return n, HowBytes, nil
}

// toolTokens is what the offered tools add that is not in the body.
func toolTokens(caps *Capabilities) int64 {
	defined := int64(0)
	for _, e := range caps.Extras {
		if strings.HasPrefix(e, serverTool) {
			defined++
		}
	}
	if len(caps.Tools) == 0 && defined == 0 {
		return 0
	}
	return toolUseTokens + eachToolTokens*int64(len(caps.Tools)) + definedTokens*defined
}
