package secret

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestNothingOfASecretPassesBeforeItsEnd: wherever a text is cut in a secret,
// the tail begins no later than the secret does.
func TestNothingOfASecretPassesBeforeItsEnd(t *testing.T) {
	d := values(21)
	key := "-----BEGIN PRIVATE KEY-----\n" + d.text(base64s, 64) + "\n" + d.text(base64s, 64) + "\n-----END PRIVATE KEY-----"
	texts := []string{
		"Sure. The key is «ghp_" + d.text(alnum, 36) + "» as you asked", "Here you are:\n«" + key + "»\nThat is all.", "my password is «wombat7!» and", `{"password": "«W0m bat4!»"}`, "password =\n  «Azerty!23»\n",
		"Authorization: Bearer «" + d.text(alnum, 40) + "» x", "Cookie: «sid=" + d.text(alnum, 30) + "; b=" + d.text(alnum, 30) + "»\n", "postgres://a:«tr1cky»@db now", "AWS «AKIA" + strings.ToUpper(d.text(lowers, 16)) + "» x",
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(texts).Draw(t, "text")
		before, rest, _ := strings.Cut(text, "«")
		secret, _, _ := strings.Cut(rest, "»")
		n := rapid.IntRange(1, len(secret)-1).Draw(t, "arrived")
		if at := Tail([]byte(before + secret[:n])); at > len(before) {
			t.Fatalf("%d bytes of %q passed after %d", at-len(before), secret, n)
		}
	})
}

func TestTail(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, c := range []struct {
		text string
		want int
	}{
		{"", 0}, {"The end. ", 9}, {"The end", 4}, {"a\nb\n", 4}, {"password: ", 0}, {"so password: abc", 3}, {"the password is", 4}, {"the password is wombat7! so ", 28}, {"db_password=abc ", 16}, {`x "token": "ab c`, 3},
		{long, 744}, {"ok " + long, 747}, {"-----BEGIN PRIVATE KEY-----\nabcd ", 0}, {"-----BEGIN PRIVATE KEY-----\nabcd\n-----END PRIVATE KEY-----\n", 59}, {"a -----BEGIN PRIVATE KEY-----\n-----END PRIVATE", 2}, {"a -----BEGIN CERTIFICATE-----\nabc ", 34},
	} {
		if got := Tail([]byte(c.text)); got != c.want {
			t.Errorf("%.60q: %d, want %d", c.text, got, c.want)
		}
	}
}

func FuzzTail(f *testing.F) {
	for _, s := range []string{"password: ", "-----BEGIN PRIVATE KEY-----", "Cookie: a=b", "token\xff=", "mot de passe est "} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		at := Tail(b)
		if at < 0 || at > len(b) || len(b)-at > maxTailPEM {
			t.Fatalf("%d of %d", at, len(b))
		}
		if at == len(b) && len(b) > 0 && !isSpace(b[len(b)-1]) {
			t.Fatal("a token at the end passed")
		}
	})
}
