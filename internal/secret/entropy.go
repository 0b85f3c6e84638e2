package secret

import (
	"math"
	"sync"
)

// maxEntropy is how much of a value its entropy is taken of.
const maxEntropy = 1024

// weights are n·log2(n).
var weights = sync.OnceValue(func() *[maxEntropy + 1]float64 {
	var w [maxEntropy + 1]float64
	for n := 2; n <= maxEntropy; n++ {
		w[n] = float64(n) * math.Log2(float64(n))
	}
	return &w
})

// entropy is Shannon's, in bits a byte, as gitleaks computes it.
func entropy(b []byte) float64 {
	if len(b) == 0 {
		return 0
	}
	b = b[:min(len(b), maxEntropy)]
	w := weights()
	var counts [256]uint16
	sum := 0.0
	for _, c := range b {
		n := counts[c]
		counts[c]++
		sum += w[n+1] - w[n]
	}
	return (w[len(b)] - sum) / float64(len(b))
}

// monotone reports whether all of b is one byte.
func monotone(b []byte) bool {
	for _, c := range b {
		if c != b[0] {
			return false
		}
	}
	return true
}
