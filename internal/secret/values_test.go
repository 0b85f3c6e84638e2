package secret

import "math/rand"

const (
	alnum   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	lowers  = "abcdefghijklmnopqrstuvwxyz0123456789"
	hexes   = "0123456789abcdef"
	base64s = alnum + "+/"
)

// drawn makes values that look like secrets and are nobody's, so that none has
// to be written down here.
type drawn struct{ *rand.Rand }

func values(seed int64) drawn { return drawn{rand.New(rand.NewSource(seed))} }

func (d drawn) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.Intn(len(alphabet))]
	}
	return string(b)
}
