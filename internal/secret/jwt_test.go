package secret

import (
	"encoding/base64"
	"testing"

	"github.com/writ-project/writ/internal/dataclass"
)

func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestWebTokens(t *testing.T) {
	d := values(12)
	header, claims, signature := part(`{"alg":"HS256","typ":"JWT"}`), part(`{"sub":"1","name":"A. Nobody"}`), d.text(alnum+"-_", 43)
	for _, text := range []string{"token «%»", "https://h/auth?token=«%»&to=home", "Log: user came with «%» at noon", `const t = '«%»';`, "(«%»)"} {
		marked(t, dataclass.Secret, replaced(text, header+"."+claims+"."+signature))
	}
	encrypted := part(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + "." + d.text(alnum, 60) + "." + d.text(alnum, 16) + "." + d.text(alnum, 60) + "." + d.text(alnum, 22)
	marked(t, dataclass.Secret, replaced("jwe «%» end", encrypted))
	for _, text := range []string{"eyJhbGc.broken.signature", part(`{"sub":"no algorithm"}`) + ".a.b", header, header + ".", "abc.def.ghi"} {
		if got := counted(t, "see "+text+" there"); got != nil {
			t.Errorf("%q: %d findings", text, len(got))
		}
	}
}

func replaced(text, value string) string {
	for i := range text {
		if text[i] == '%' {
			return text[:i] + value + text[i+1:]
		}
	}
	return text
}
